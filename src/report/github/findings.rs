//! All that a command came to, and the workflow commands that say it.

use std::io::{self, Write};
use std::time::Duration;

use super::annotations::{Annotation, Level, Words, write};
use super::sources::Sources;
use super::{cases, coverage, steps};
use crate::exit_code::ExitCode;
use crate::model::{CaseRecord, Judgement, Reason, Severity, Totals};
use crate::report::shards::ShardLine;
use crate::report::{CoverageReport, Insights, PipelineReport};

/// What a step of a workflow has to say of itself.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// What it was, in a word: `Tests`, `Coverage`, `Gate`.
    pub title: &'a str,
    /// The verdict with its reasons.
    pub judgement: &'a Judgement,
    /// From the start to the verdict; none where nothing ran.
    pub duration: Option<Duration>,
    /// The tests, where some ran.
    pub tests: Option<TestFindings<'a>>,
    /// The coverage, where it was judged.
    pub coverage: Option<CoverageFindings<'a>>,
    /// The steps, where it was a whole gate.
    pub pipeline: Option<&'a PipelineReport>,
    /// The shards, where they were joined.
    pub shards: &'a [ShardLine],
}

impl<'a> Findings<'a> {
    /// Nothing but a judgement.
    #[must_use]
    pub const fn of_judgement(title: &'a str, judgement: &'a Judgement) -> Self {
        Self { title, judgement, duration: None, tests: None, coverage: None, pipeline: None, shards: &[] }
    }
}

/// What became of tests.
#[derive(Clone, Copy, Debug)]
pub struct TestFindings<'a> {
    /// Counts by outcome.
    pub totals: Totals,
    /// Planned tests without an outcome.
    pub not_run: u64,
    /// Each test, in order of the keys.
    pub cases: &'a [Weighed<'a>],
    /// What the history says of them.
    pub insights: &'a Insights,
    /// How much it weighs that tests vanished.
    pub vanished: Severity,
}

/// A test, and how much it weighs where it does not simply pass: as it was judged.
#[derive(Clone, Copy, Debug)]
pub struct Weighed<'a> {
    /// What became of it.
    pub case: &'a CaseRecord,
    /// What that means for the gate.
    pub severity: Severity,
}

/// What became of coverage.
#[derive(Clone, Copy, Debug)]
pub struct CoverageFindings<'a> {
    /// The judge's report.
    pub report: &'a CoverageReport,
    /// How much it weighs that it fails.
    pub severity: Severity,
}

/// Writes what is said beside the change: the steps that failed, the tests, the coverage, and whatever else shuts the
/// gate. A step of a workflow shows ten of each level, so a process calls this once.
///
/// # Errors
///
/// What the writer says.
pub fn annotate<'a>(findings: &Findings<'a>, sources: &'a Sources<'a>, out: &mut dyn Write) -> io::Result<()> {
    let mut all = findings.pipeline.map(steps::annotations).unwrap_or_default();
    all.extend(findings.tests.into_iter().flat_map(|tests| cases::annotations(tests, sources)));
    all.extend(findings.coverage.into_iter().flat_map(|coverage| coverage::annotations(coverage, sources)));
    // What shuts the gate is an error, whatever it is.
    if findings.judgement.exit_code() != ExitCode::Pass {
        let untold: Vec<&Reason> =
            findings.judgement.reasons.iter().filter(|reason| !is_told(reason, findings, &all)).collect();
        let error =
            |reason: &'a Reason| Annotation::new(Level::Error, move || Words::new(findings.title, &reason.text));
        all.splice(0..0, untold.into_iter().map(error));
    }
    write(&all, findings.title, out)
}

/// Does one of the errors say it, or does it decide nothing?
fn is_told(reason: &Reason, findings: &Findings<'_>, all: &[Annotation<'_>]) -> bool {
    let of_coverage = findings.coverage.iter().flat_map(|of| of.report.reasons.iter().chain(&of.report.warnings));
    reason.is_remark()
        || all.iter().any(|one| one.level == Level::Error && one.reason == Some(reason.id.as_str()))
        || findings.pipeline.is_some_and(|report| steps::tell(report, reason))
        || of_coverage.into_iter().any(|one| one == reason)
}
