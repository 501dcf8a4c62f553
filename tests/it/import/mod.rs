//! Results of other tools: what is made of files that real tools wrote, of files that nobody should have written, and
//! what the command does with them.

#[cfg(unix)]
mod command;
mod golden;
mod hostile;
mod written;

use std::fmt::Write;

use cargo_gate::import::{Format, Imported, Origin, Results, RustBinaries, detect, imported, parse};
use cargo_gate::model::{AttemptOutcome, BinaryId, ContentHash, Context, Kind};

/// The results of one run.
#[track_caller]
fn one(format: Format, bytes: &[u8]) -> Results {
    let mut runs = parse(format, bytes).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(runs.len(), 1);
    runs.remove(0)
}

/// A file of `testdata/import`, its format seen by itself.
#[track_caller]
fn golden_file(name: &str) -> (Format, Vec<u8>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/import/").to_owned() + name;
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    (detect(&bytes).unwrap_or_else(|| panic!("{name}: no format")), bytes)
}

/// The binaries of the crate that some golden files are of.
fn sample() -> RustBinaries {
    let binary = |kind, binary: &str| BinaryId { package: "sample".to_owned(), kind, binary: binary.to_owned() };
    let all = [binary(Kind::Lib, "sample"), binary(Kind::Bin, "sample"), binary(Kind::Test, "far")];
    RustBinaries::of(all.map(|id| (id, false)))
}

/// Where results come from when nobody says anything of them.
fn origin(rust: &RustBinaries) -> Origin<'_> {
    Origin {
        context: Context { target: "t".to_owned(), features: String::new(), profile: "test".to_owned() },
        suite: None,
        otherwise: "file".to_owned(),
        package: "app".to_owned(),
        at: None,
        otherwise_at: "2026-02-01T00:00:00Z".parse().unwrap(),
        now: "2027-01-01T00:00:00Z".parse().unwrap(),
        commit: None,
        branch: None,
        version: None,
        trigger: "import".to_owned(),
        content: ContentHash([7; 16]),
        rust,
    }
}

/// A run with its tests, a line each: outcome, milliseconds, key, attempts where they say more, and how they failed.
fn shown(run: &Imported) -> String {
    let mut text = format!("suite {}, {}, {:?}\n", run.head.suite, run.head.start, run.took);
    let totals = &run.totals;
    writeln!(
        text,
        "{} tests: {} passed, {} flaky, {} failed, {} errored, {} timed out, {} skipped",
        totals.tests, totals.passed, totals.flaky, totals.failed, totals.errored, totals.timeout, totals.skipped
    )
    .unwrap();
    for case in &run.cases {
        let ms = case.ms().map_or_else(|| "-".to_owned(), |ms| ms.to_string());
        writeln!(text, "{:<8}{ms:>5}  {}", case.outcome.as_str(), case.key).unwrap();
        for attempt in
            case.attempts.iter().filter(|attempt| attempt.outcome != AttemptOutcome::Passed || case.attempts.len() > 1)
        {
            let ms = attempt.took.map_or_else(|| "-".to_owned(), |took| took.as_millis().to_string());
            let said = attempt.text.as_deref().unwrap_or("").lines().take(3).collect::<Vec<_>>().join(" | ");
            writeln!(text, "        {ms:>5}  {:?}: {said}", attempt.outcome).unwrap();
        }
    }
    text
}

/// What a file becomes.
fn run_of(format: Format, bytes: &[u8]) -> String {
    shown(&imported(&one(format, bytes), origin(&sample())))
}
