//! `cargo gate history import`: results that other tools wrote come into the history.
//!
//! Every file is read and understood before the first run is recorded; where one cannot be, none is. A run's name is
//! made of its bytes and of what was said of it, so that importing twice changes nothing.

mod files;
mod told;

use std::io;

use jiff::Timestamp;

use self::files::{Given, read};
use super::add;
use super::verbs::{HistoryError, Result};
use crate::cli::ImportArgs;
use crate::commands::complain;
use crate::commands::keeping::History;
use crate::commands::place::Place;
use crate::commands::remembered::{as_asked, context};
use crate::commands::test::{default_context, judge_cases};
use crate::history::store::{Appended, FinishedRun, Store, StoreError};
use crate::import::{Origin, Results, RustBinaries, imported};
use crate::model::{ContentHash, Context, RunRecord, RunState};

/// One run's results, and what makes a run of them.
struct Prepared<'a> {
    results: Results,
    origin: Origin<'a>,
}

impl Prepared<'_> {
    /// The run, as it is recorded.
    fn finished(&self) -> FinishedRun {
        let run = imported(&self.results, self.origin.clone());
        let judgement = judge_cases(&run.cases, run.took);
        let record = RunRecord {
            head: run.head,
            state: RunState::Executed,
            totals: run.totals,
            not_run: 0,
            duration: run.took,
            judgement,
            plan_digest: None,
            coverage: None,
        };
        FinishedRun { record, cases: run.cases, binaries: Vec::new() }
    }
}

/// The runs of a file, or of all files where they are one run.
struct Source<'a> {
    given: Given,
    runs: Vec<Prepared<'a>>,
}

/// Takes the results of files into the history of this place.
pub(super) fn run(args: &ImportArgs, place: &Place) -> Result<()> {
    let now = Timestamp::now();
    args.suite.as_deref().map_or(Ok(()), add::refuse_own_suite)?;
    if args.at.is_some_and(|at| at > now) {
        return Err(HistoryError::Usage("--at lies in the future".to_owned()));
    }
    let files = read(args, now).inspect_err(|_| complain("note", "nothing was imported"))?;
    let there = place.open_existing()?;
    let targets = place.workspace.packages.values().flat_map(|package| &package.targets);
    let rust = RustBinaries::of(targets.map(|target| (target.binary.clone(), target.proc_macro)));
    let context = context_of(args, there.as_deref())?;
    let package = args.package.clone().unwrap_or_else(|| place.workspace.name().to_owned());
    let of = Of { args, context, package, commit: commit(args, place), rust: &rust, now };
    let sources: Vec<Source<'_>> = files.into_iter().map(|file| of.source(file)).collect();
    let summaries: Vec<told::File> =
        sources.iter().map(|source| told::file(source, there.as_deref())).collect::<std::result::Result<_, _>>()?;
    let appended = match args.dry_run {
        true => told::expected(&summaries),
        false => append(&sources, place, there)?,
    };
    told::all(args, &summaries, appended, &mut io::stdout().lock())
}

fn append(sources: &[Source<'_>], place: &Place, there: Option<History>) -> Result<Appended> {
    // What was opened to be read may have to be set up to be written.
    drop(there);
    let mut store = place.open()?;
    let appended = store.append(&mut sources.iter().flat_map(|source| &source.runs).map(Prepared::finished));
    store.take_warnings().iter().for_each(|warning| complain("warning", warning));
    Ok(appended?)
}

/// What is known of all files alike.
struct Of<'a> {
    args: &'a ImportArgs,
    context: Context,
    package: String,
    commit: Option<String>,
    rust: &'a RustBinaries,
    now: Timestamp,
}

impl<'a> Of<'a> {
    fn source(&self, given: Given) -> Source<'a> {
        let mut given = given;
        let all = std::mem::take(&mut given.results);
        let last = all.len().saturating_sub(1);
        let prepared = |(number, results): (usize, Results)| {
            // The runs of a history follow each other; nobody says at what times.
            let before = jiff::SignedDuration::from_secs(i64::try_from(last - number).unwrap_or(i64::MAX));
            let earlier = |at: Timestamp| at.checked_sub(before).unwrap_or(Timestamp::MIN);
            let origin = Origin {
                context: self.context.clone(),
                suite: self.args.suite.clone(),
                otherwise: given.otherwise.clone(),
                package: self.package.clone(),
                at: self.args.at.map(earlier),
                otherwise_at: earlier(given.latest),
                now: self.now,
                commit: self.commit.clone(),
                branch: self.args.branch.clone(),
                version: self.args.version.clone(),
                trigger: self.args.trigger.clone(),
                content: self.content(&given, number),
                rust: self.rust,
            };
            Prepared { results, origin }
        };
        let runs = all.into_iter().enumerate().map(prepared).collect();
        Source { given, runs }
    }

    /// Bytes, and what was said of them on purpose: what is only looked up (the context, the time of a file) may be
    /// another tomorrow.
    fn content(&self, given: &Given, number: usize) -> ContentHash {
        let args = self.args;
        let at = args.at.map(|at| at.to_string());
        let mut hash = blake3::Hasher::new();
        hash.update(&given.hash.0);
        let said = [
            &Some(number.to_string()),
            &args.package,
            &args.version,
            &self.commit,
            &args.branch,
            &Some(args.trigger.clone()),
            &at,
            &args.context.profile,
            &args.context.target,
            &args.context.features,
        ];
        for field in said {
            let text = field.as_deref().map(|text| format!("{}:{text}", text.len())).unwrap_or_default();
            hash.update(text.as_bytes());
            hash.update(b"\0");
        }
        files::short(hash.finalize())
    }
}

/// The context that flags name; what they do not is that of the workspace's latest run.
fn context_of(args: &ImportArgs, store: Option<&dyn Store>) -> std::result::Result<Context, StoreError> {
    let wanted = &args.context;
    let latest = store.map(|store| context(store, &crate::cli::ContextArgs::default())).transpose()?.flatten();
    let base = latest.filter(|context| !context.target.is_empty()).unwrap_or_else(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        default_context(&cargo)
    });
    Ok(as_asked(wanted, base))
}

/// What git does not know may be the name of a commit elsewhere.
fn commit(args: &ImportArgs, place: &Place) -> Option<String> {
    args.commit.as_ref().map(|text| place.commit(text).unwrap_or_else(|| text.clone()))
}
