//! Where a judgement of coverage goes: the terminal, the document, the artifact.

use std::io::{self, Write};
use std::path::Path;

use camino::Utf8Path;

use super::ARTIFACT;
use super::judging::Judged;
use crate::cli::{CoverageArgs, Format};
use crate::commands::stage::Stage;
use crate::commands::test::{Asked, Ended, Refused, look};
use crate::commands::{github, notify};
use crate::model::{Reason, RunRecord, Severity};
use crate::report::coverage::{json as documents, markdown, terminal};
use crate::report::github::{CoverageFindings, Findings};
use crate::report::json::{self, Head};
use crate::report::{CoverageHead, CoverageReport, Look};
use crate::sys::fs::replace;
use crate::sys::term::Surroundings;

/// Tells people and machines. Gives what went wrong.
pub(super) fn tell(args: &CoverageArgs, ended: Option<&Ended<'_>>, judged: &Judged) -> Vec<String> {
    let mut wrong = Vec::new();
    let look = look(&args.test, &Surroundings::read(), false);
    // Whoever closed the pipe has read enough.
    let _ = io::stderr().lock().write_all(terminal::page(&judged.report, look).as_bytes());
    if let Some(path) = &args.test.report {
        wrong.extend(write(path, &markdown::coverage_report(&judged.report)));
    }
    if args.test.format == Format::Json {
        wrong.extend(print(&documents::document(&head(ended, judged), &judged.report)));
    }
    wrong
}

/// Tells GitHub, where it is spoken to, of a judgement without a run. Gives what went wrong.
pub(super) fn tell_github(asked: &Asked, judged: &Judged) -> Option<String> {
    let judgement = judged.judgement();
    let findings = Findings {
        title: "Coverage",
        judgement: &judgement,
        duration: None,
        tests: None,
        coverage: Some(CoverageFindings { report: &judged.report, severity: Severity::Block }),
        pipeline: None,
        shards: &[],
    };
    let workspace = asked.ground().ok().map(|ground| &ground.workspace);
    github::is_spoken_to(asked.settings()).then(|| github::tell(&findings, workspace, None)).flatten()
}

/// The same in the log of a step, where it is one.
pub(super) fn log(stage: &Stage, judged: &Judged) {
    if let Some(mut log) = stage.log() {
        // A log that cannot be written stops nothing.
        let _ = log.write_all(terminal::page(&judged.report, Look::default()).as_bytes());
    }
}

/// The document that [`tell`] prints, for whoever is notified.
pub(super) fn document(ended: Option<&Ended<'_>>, judged: &Judged) -> Vec<u8> {
    notify::bytes(&documents::document(&head(ended, judged), &judged.report))
}

/// The document that [`tell_without`] prints.
pub(super) fn document_without(ended: &Ended<'_>) -> Vec<u8> {
    notify::bytes(&documents::document(&Head::of(ended.record), &without_figures()))
}

/// A run that was not measured to its end: the document's head says why, and so does the report, so that nobody takes an
/// earlier one for this one's.
pub(super) fn tell_without(args: &CoverageArgs, ended: &Ended<'_>, gate_dir: Option<&Utf8Path>) -> Vec<String> {
    let report = not_measured(&ended.record.judgement.reasons);
    let mut wrong = Vec::new();
    if let Some(path) = &args.test.report {
        wrong.extend(write(path, &markdown::coverage_report(&report)));
    }
    if let Some(gate_dir) = gate_dir.filter(|_| !args.test.no_record) {
        wrong.extend(keep(gate_dir, Some(ended.record), &report));
    }
    if args.test.format == Format::Json {
        wrong.extend(print(&documents::document(&Head::of(ended.record), &without_figures())));
    }
    wrong
}

/// The command ended before there was anything to measure: the reports say why. Those of tests do so as well, where tests
/// would have run. Gives what went wrong.
pub(super) fn tell_refused(args: &CoverageArgs, refused: &Refused) -> Vec<String> {
    let test = &args.test;
    // What takes its figure from a report writes none.
    if args.ratchet_from.is_some() || !refused.outdates_reports(test) {
        return Vec::new();
    }
    let report = not_measured(&[Reason::new("not-measured", &refused.why)]);
    let gate_dir = refused.gate_dir(test);
    let mut wrong = Vec::new();
    if args.from.is_empty() && !test.build.flags.no_run {
        wrong.extend(refused.replace_test_reports(gate_dir.as_deref(), None));
    }
    wrong.extend(test.report.as_ref().and_then(|path| write(path, &markdown::coverage_report(&report))));
    wrong.extend(gate_dir.and_then(|gate_dir| keep(&gate_dir, None, &report)));
    wrong
}

/// The report of what was not measured to its end.
fn not_measured(reasons: &[Reason]) -> CoverageReport {
    let reason = reasons.first().map(|reason| reason.text.clone()).unwrap_or_default();
    CoverageReport {
        head: CoverageHead { reason, ..CoverageHead::default() },
        word: "FAIL",
        reasons: reasons.to_vec(),
        ..CoverageReport::default()
    }
}

fn write(path: &Path, text: &str) -> Option<String> {
    let written = replace(path, text.as_bytes());
    written.err().map(|error| format!("cannot write the report to `{}`: {error}", path.display()))
}

fn print(document: &impl serde::Serialize) -> Option<String> {
    let mut stdout = io::stdout().lock();
    let written = json::write_line(&mut stdout, document);
    // Whoever closed the pipe has read enough.
    written
        .err()
        .filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
        .map(|error| format!("cannot write the JSON: {error}"))
}

/// Says in the gate directory that nothing was measured, and why, where an earlier report would say something else. Gives
/// what went wrong.
pub(in crate::commands) fn outdate(gate_dir: &Utf8Path, why: &str) -> Option<String> {
    let report = gate_dir.join(ARTIFACT).exists().then(|| not_measured(&[Reason::new("not-measured", why)]))?;
    keep(gate_dir, None, &report)
}

/// Puts the artifact into the gate directory, and into the run's own folder. Gives what went wrong.
pub(super) fn keep(gate_dir: &Utf8Path, record: Option<&RunRecord>, report: &CoverageReport) -> Option<String> {
    let text = markdown::coverage_report(report);
    let of_run = record.map(|record| gate_dir.join("runs").join(record.head.id.as_str()).join(ARTIFACT));
    let paths = of_run.into_iter().chain([gate_dir.join(ARTIFACT)]);
    let written = paths.map(|path| replace(path.as_std_path(), text.as_bytes())).collect::<io::Result<Vec<()>>>();
    written.err().map(|error| format!("cannot write the report: {error}"))
}

/// The head of the document: of the run, where one is known.
fn head(ended: Option<&Ended<'_>>, judged: &Judged) -> Head {
    match ended {
        Some(ended) => Head::of(ended.record),
        None => Head::without_run(judged.verdict, judged.code, judged.report.reasons.clone()),
    }
}

fn without_figures() -> CoverageReport {
    CoverageReport { word: "N/A", ..CoverageReport::default() }
}
