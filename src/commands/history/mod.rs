//! `cargo gate history`: finds the store and hands it to the verb.

mod add;
mod export;
mod import;
mod list;
mod merge;
mod push;
mod show;
mod stats;
mod steps;
mod verbs;

use std::io::{self, Write};

use jiff::Timestamp;

use super::complain;
use super::keeping::{self, History};
use super::place::{Place, store_code};
use super::remembered::warn_of_unreadable;
use crate::cli::{AddArgs, Format, HistoryAction, RunsArgs};
use crate::exit_code::ExitCode;
use crate::history::store::{Page, Prune, Retention, RunFilter, Store};
use crate::model::RunRecord;
use crate::sys::random::random;
use crate::sys::term::Surroundings;

pub use add::{add, told};
pub use export::export;
pub use list::{ListOptions, list};
pub use show::{ShowOptions, show};
pub use stats::stats;
pub use verbs::{HistoryError, PruneOptions, prune, undo};
pub(super) use verbs::{is_pipeline, megabytes, run_json, style_of, word};

/// Runs the command.
pub(super) fn run(action: &HistoryAction) -> ExitCode {
    match Place::find(&action.common().place, &action.settings()) {
        Ok(place) => finish(in_place(action, &place)),
        Err(code) => code,
    }
}

fn in_place(action: &HistoryAction, place: &Place) -> Result<(), HistoryError> {
    if let HistoryAction::Merge(args) = action {
        return merge::run(args, place);
    }
    if let HistoryAction::Import(args) = action {
        return import::run(args, place);
    }
    if let HistoryAction::Push(args) = action {
        return push::run(args, place);
    }
    let mut store = match action {
        // What is told may be the first on record.
        HistoryAction::Add(_) => place.open()?,
        _ => match open_existing(action, place)? {
            Some(store) => store,
            // Whoever waits for the file finds one, with no run in it.
            None if matches!(action, HistoryAction::Export(_)) => {
                complain("note", "nothing is on record yet: what is written holds no run");
                keeping::empty()?
            }
            None if action.common().format == Format::Json => keeping::empty()?,
            None => {
                complain("note", "nothing is on record yet: `cargo gate test` begins the history");
                return Ok(());
            }
        },
    };
    let done = act(action, place, &mut *store, &mut io::stdout().lock());
    store.take_warnings().iter().for_each(|warning| complain("warning", warning));
    done
}

/// The store, where there is one. To those that list what is on record, one that cannot be read is an empty one.
fn open_existing(action: &HistoryAction, place: &Place) -> Result<Option<History>, HistoryError> {
    match place.open_existing() {
        Err(error) if error.is_unreadable() && matches!(action, HistoryAction::List(_) | HistoryAction::Stats(_)) => {
            warn_of_unreadable(&error);
            Ok(None)
        }
        opened => Ok(opened?),
    }
}

fn act(action: &HistoryAction, place: &Place, store: &mut dyn Store, out: &mut dyn Write) -> Result<(), HistoryError> {
    let format = action.common().format;
    match action {
        HistoryAction::List(args) => {
            let page = Page { skip: args.skip, limit: args.limit };
            let filter = filter(&args.runs, place)?;
            let columns = Surroundings::read().columns_of_answers();
            list(store, &ListOptions { filter, latest: args.latest, page, columns }, out, format)
        }
        HistoryAction::Show(args) => {
            let gate_dir = place.gate_dir.clone();
            show(store, &ShowOptions { run: args.run.clone(), all: args.all, gate_dir }, out, format)
        }
        HistoryAction::Stats(args) => stats(store, &filter(&args.runs, place)?, out, format),
        HistoryAction::Add(args) => add(store, &record(args, place)?, out, format),
        HistoryAction::Prune(args) => {
            let settings = &place.settings().store;
            let since = settings.max_age.and_then(|age| Timestamp::now().checked_sub(age).ok());
            let (count, bytes, suite) = (settings.max_runs, settings.max_size, args.suite.clone());
            let keep = Retention { since, count, bytes, context: None, suite };
            let how = if args.dry_run { Prune::Plan } else { Prune::Delete };
            prune(store, &PruneOptions { keep, prune: how, gate_dir: place.gate_dir.clone() }, out, format)
        }
        HistoryAction::Undo(args) => undo(store, &args.run, out, format),
        HistoryAction::Export(args) => export::to(&args.output, store, &filter(&args.runs, place)?, out, format),
        // They look at what they take in before there is a store: see `in_place`.
        HistoryAction::Import(_) | HistoryAction::Merge(_) | HistoryAction::Push(_) => Ok(()),
    }
}

/// The run that is told of on the command line.
fn record(args: &AddArgs, place: &Place) -> Result<RunRecord, HistoryError> {
    // What git does not know may be the name of a commit elsewhere.
    let commit = args.commit.as_ref().map(|text| place.commit(text).unwrap_or_else(|| text.clone()));
    told(args, commit, Timestamp::now(), random(), &|name| std::env::var(name).ok())
}

/// The runs that are asked for.
fn filter(args: &RunsArgs, place: &Place) -> Result<RunFilter, HistoryError> {
    let within = args.within.map(|within| Timestamp::now().checked_sub(within).unwrap_or(Timestamp::MIN));
    let commit = match &args.commit {
        None => None,
        Some(text) => Some(place.commit(text).ok_or_else(|| HistoryError::Usage(unknown_commit(text)))?),
    };
    Ok(RunFilter {
        suite: args.suite.clone(),
        failed: args.failed,
        trigger: args.trigger.clone(),
        branch: args.branch.clone(),
        commit,
        since: within.max(args.since),
        ..RunFilter::default()
    })
}

/// The sentence about a text that stands for no commit.
pub(super) fn unknown_commit(text: &str) -> String {
    format!("git knows no commit `{text}`")
}

fn finish(done: Result<(), HistoryError>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::Pass,
        // Whoever closed the pipe has read enough.
        Err(HistoryError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::Pass,
        Err(HistoryError::Store(error)) => store_code(error),
        Err(error) => {
            complain("error", &error.to_string());
            match error {
                HistoryError::Usage(_) => ExitCode::Usage,
                HistoryError::Source(_) => ExitCode::Config,
                HistoryError::Write(_) | HistoryError::Store(_) | HistoryError::Refused(_) => ExitCode::Internal,
            }
        }
    }
}
