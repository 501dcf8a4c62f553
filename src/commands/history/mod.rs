//! `cargo gate history`: finds the store and hands it to the verb.

mod export;
mod merge;
mod verbs;

use std::io::{self, Write};

use jiff::Timestamp;

use super::complain;
use super::place::{Place, store_code};
use crate::cli::HistoryAction;
use crate::config::Settings;
use crate::exit_code::ExitCode;
use crate::history::sqlite::SqliteStore;
use crate::history::store::{Page, Prune, Retention, RunFilter, Store};

pub use export::export;
pub use verbs::{HistoryError, ListOptions, PruneOptions, ShowOptions, list, prune, show, stats, undo};

/// Runs the command.
pub(super) fn run(action: &HistoryAction) -> ExitCode {
    match action {
        HistoryAction::Export(args) => export::run(args),
        HistoryAction::Merge(args) => merge::run(args),
        _ => look(action),
    }
}

/// What looks at a history that is there.
fn look(action: &HistoryAction) -> ExitCode {
    let opened = Place::find(&action.common().place, &action.settings())
        .and_then(|place| place.open_existing().map(|store| (place, store)));
    match opened {
        Ok((_, None)) => {
            complain("note", "nothing is on record yet: `cargo gate test` begins the history");
            ExitCode::Pass
        }
        Ok((place, Some(mut store))) => {
            let mut out = io::stdout().lock();
            let done = act(action, place.settings(), &mut store, &mut out);
            for warning in store.take_warnings() {
                complain("warning", &warning);
            }
            finish(done)
        }
        Err(code) => code,
    }
}

fn act(
    action: &HistoryAction,
    settings: &Settings,
    store: &mut SqliteStore,
    out: &mut dyn Write,
) -> Result<(), HistoryError> {
    let format = action.common().format;
    match action {
        HistoryAction::List(args) => {
            list(store, &ListOptions { filter: RunFilter::default(), page: Page::first(args.limit) }, out, format)
        }
        HistoryAction::Show(args) => show(store, &ShowOptions { run: args.run.clone(), all: false }, out, format),
        HistoryAction::Stats(_) => stats(store, &RunFilter::default(), out, format),
        HistoryAction::Prune(args) => {
            let settings = &settings.store;
            let since = settings.max_age.and_then(|age| Timestamp::now().checked_sub(age).ok());
            let keep = Retention { since, count: settings.max_runs, bytes: settings.max_size, context: None };
            let how = if args.dry_run { Prune::Plan } else { Prune::Delete };
            prune(store, &PruneOptions { keep, prune: how }, out, format)
        }
        HistoryAction::Undo(args) => undo(store, &args.run, out, format),
        // They need no history that is there: see `run`.
        HistoryAction::Export(_) | HistoryAction::Merge(_) => Ok(()),
    }
}

fn finish(done: Result<(), HistoryError>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::Pass,
        // Whoever closed the pipe has read enough.
        Err(HistoryError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::Pass,
        Err(HistoryError::Store(error)) => store_code(error),
        Err(error) => {
            complain("error", &error.to_string());
            ExitCode::Internal
        }
    }
}
