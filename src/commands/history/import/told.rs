//! What is said of an import: a line for each file, or one JSON document.

use std::io::Write;

use serde::Serialize;
use serde_json::json;

use super::super::verbs::{Result, write_json};
use super::Source;
use crate::cli::{Format, ImportArgs};
use crate::commands::complain;
use crate::history::store::{Appended, Store, StoreError};
use crate::model::{RunHead, Totals, Verdict};
use crate::report::inert::one_line;
use crate::report::json::SCHEMA_VERSION;
use crate::report::words;

/// What became of a file.
#[derive(Serialize)]
pub(super) struct File {
    file: String,
    format: &'static str,
    runs: Vec<Run>,
}

/// What became of a run.
#[derive(Serialize)]
struct Run {
    id: String,
    suite: String,
    start: jiff::Timestamp,
    verdict: Verdict,
    totals: Totals,
    /// How many cases are recorded of it.
    cases: u64,
    /// Was it on record before?
    known: bool,
    /// Cases without a name, which are left out.
    nameless: u64,
    /// What does not add up.
    problems: Vec<String>,
}

/// What is to be said of a file, before anything is recorded.
pub(super) fn file(source: &Source<'_>, store: Option<&dyn Store>) -> std::result::Result<File, StoreError> {
    let runs = source.runs.iter().map(|prepared| {
        let finished = prepared.finished();
        let RunHead { id, suite, start, .. } = finished.record.head.clone();
        let known = match store.map(|store| store.run(id.as_str())) {
            Some(Ok(_)) => true,
            None | Some(Err(StoreError::NoSuchRun(_))) => false,
            Some(Err(error)) => return Err(error),
        };
        Ok(Run {
            id: id.to_string(),
            suite,
            start,
            verdict: finished.record.verdict(),
            totals: finished.record.totals,
            cases: finished.cases.len() as u64,
            known,
            nameless: prepared.results.nameless,
            problems: prepared.results.problems().map(str::to_owned).collect(),
        })
    });
    let runs = runs.collect::<std::result::Result<_, StoreError>>()?;
    Ok(File { file: source.given.name.clone(), format: source.given.format.as_str(), runs })
}

/// What recording them would do.
pub(super) fn expected(files: &[File]) -> Appended {
    let mut appended = Appended::default();
    let mut seen = std::collections::HashSet::new();
    for run in files.iter().flat_map(|file| &file.runs) {
        if run.known || !seen.insert(&run.id) {
            appended.known += 1;
        } else {
            appended.added += 1;
            appended.cases += run.cases;
        }
    }
    appended
}

/// Says what was recorded, or would be.
pub(super) fn all(args: &ImportArgs, files: &[File], appended: Appended, out: &mut dyn Write) -> Result<()> {
    files.iter().for_each(warn);
    let Appended { added, known, cases } = appended;
    if args.common.format == Format::Json {
        let document = json!({
            "schema_version": SCHEMA_VERSION, "dry_run": args.dry_run, "added": added, "known": known, "cases": cases, "files": files,
        });
        return write_json(out, &document);
    }
    for file in files {
        writeln!(out, "{}", line(file, args.dry_run))?;
    }
    if files.len() > 1 {
        let verb = if args.dry_run { "Would record" } else { "Recorded" };
        let (runs, cases) = (words::count(added, "run", "runs"), words::count(cases, "case", "cases"));
        writeln!(out, "{verb} {runs} with {cases}; {} known already.", words::thousands(known))?;
    }
    Ok(())
}

fn warn(file: &File) {
    let nameless: u64 = file.runs.iter().map(|run| run.nameless).sum();
    if nameless > 0 {
        let cases = words::count(nameless, "case", "cases");
        complain("warning", &format!("{}: left out {cases} without a name", file.file));
    }
    for problem in file.runs.iter().flat_map(|run| &run.problems).take(10) {
        complain("warning", &format!("{}: the results do not add up: {problem}", file.file));
    }
}

fn line(file: &File, dry_run: bool) -> String {
    let name = one_line(&file.file);
    let count = |wanted: bool| file.runs.iter().filter(|run| run.known == wanted).count() as u64;
    let done = if dry_run { "would be recorded" } else { "recorded" };
    match file.runs.as_slice() {
        [run] => {
            let suite = one_line(&run.suite);
            let what = if run.known {
                format!("known already as {}", run.id)
            } else if dry_run {
                format!("would be {}", run.id)
            } else {
                format!("recorded as {}", run.id)
            };
            format!("{name}: {}, suite {suite}, {}: {}; {what}", file.format, run.verdict, counts(&run.totals))
        }
        runs => {
            let cases: u64 = runs.iter().map(|run| run.cases).sum();
            let (runs, cases) = (words::count(runs.len() as u64, "run", "runs"), words::count(cases, "case", "cases"));
            let (new, known) = (words::thousands(count(false)), words::thousands(count(true)));
            format!("{name}: {}, {runs} with {cases}; {new} {done}, {known} known already", file.format)
        }
    }
}

/// The counts that are not zero.
fn counts(totals: &Totals) -> String {
    let parts = [
        (totals.passed, "passed"),
        (totals.flaky, "flaky"),
        (totals.failed, "failed"),
        (totals.errored, "errored"),
        (totals.timeout, "timed out"),
        (totals.skipped, "skipped"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, word)| format!("{} {word}", words::thousands(count))).collect();
    let tests = words::count(totals.tests, "test", "tests");
    if parts.is_empty() { tests } else { format!("{tests}, {}", parts.join(", ")) }
}
