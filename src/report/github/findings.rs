//! All that a command came to, and the workflow commands that say it.

use std::io::{self, Write};
use std::time::Duration;

use super::annotations::{Annotation, Level, write};
use super::cases;
use super::sources::Sources;
use crate::exit_code::ExitCode;
use crate::model::{CaseRecord, Judgement, Totals};
use crate::report::shards::ShardLine;
use crate::report::{CoverageReport, Insights, PipelineReport, coverage, pipeline};

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
    pub coverage: Option<&'a CoverageReport>,
    /// The steps, where it was a whole gate.
    pub pipeline: Option<&'a PipelineReport>,
    /// The shards, where they were joined.
    pub shards: &'a [ShardLine],
}

/// What became of tests.
#[derive(Clone, Copy, Debug)]
pub struct TestFindings<'a> {
    /// Counts by outcome.
    pub totals: Totals,
    /// Planned tests without an outcome.
    pub not_run: u64,
    /// Each test, in order of the keys.
    pub cases: &'a [&'a CaseRecord],
    /// What the history says of them.
    pub insights: &'a Insights,
}

/// Writes what is said beside the change: the steps that failed, the tests, and the coverage. A step of a workflow shows
/// ten of each level, so a process calls this once.
///
/// # Errors
///
/// What the writer says.
pub fn annotate(findings: &Findings<'_>, sources: &Sources<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut all: Vec<Annotation> = findings.pipeline.map(pipeline::annotations::of).unwrap_or_default();
    if let Some(tests) = &findings.tests {
        all.extend(cases::annotations(tests, findings.judgement, sources));
    }
    if let Some(report) = findings.coverage {
        all.extend(coverage::annotations::of(report, &|path| sources.file(path)));
    }
    // What shuts the gate is an error, whatever it is.
    let shuts = findings.judgement.exit_code() != ExitCode::Pass;
    if shuts && !all.iter().any(|one| one.level == Level::Error) {
        all.insert(0, Annotation::new(Level::Error, findings.title, findings.judgement.sentence()));
    }
    write(&all, findings.title, out)
}
