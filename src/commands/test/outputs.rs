//! Where a run is told: the terminal, a stream of events, and the reports at its end.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use camino::Utf8Path;
use serde::Serialize;

use super::session::{CameTo, Recorded};
use super::{Asked, Refused};
use crate::cli::{Events, Format, TestArgs};
use crate::commands::github;
use crate::commands::place::color_choice;
use crate::config::Notice;
use crate::event::{Event, Fact, Observer};
use crate::exit_code::ExitCode;
use crate::model::{CaseRecord, RunRecord, Severity};
use crate::report::github::{CoverageFindings, Findings, TestFindings};
use crate::report::markdown::{Smoke, test_report};
use crate::report::shards::{self, ShardLine};
use crate::report::{EventStream, Insights, Look, Verbosity, json, junit};
use crate::sys::fs::replace;
use crate::sys::term::{Output, Surroundings};

/// The artifact's name in the gate directory.
pub(in crate::commands) const ARTIFACT: &str = "test-report.md";

/// How the terminal looks, from flags and surroundings, and whether GitHub is spoken to.
pub(in crate::commands) fn look(args: &TestArgs, surroundings: &Surroundings, github: bool) -> Look {
    let flags = &args.build.flags;
    let choice = color_choice(flags.color.as_deref());
    let verbosity = match (flags.quiet, flags.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, _) => Verbosity::Verbose,
    };
    Look {
        color: surroundings.color(choice, Output::Stderr),
        verbosity,
        progress: !args.no_progress && surroundings.progress(flags.quiet),
        columns: surroundings.columns(),
        github,
    }
}

/// Is GitHub spoken to? Within a pipeline that is the pipeline's own matter.
pub(in crate::commands) fn speaks_to_github(asked: &Asked) -> bool {
    asked.stage.step.as_ref().map_or_else(|| github::is_spoken_to(asked.settings()), |step| step.manner.github)
}

/// Tells GitHub what a run came to, where it is spoken to. Gives what went wrong.
pub(super) fn tell_github(asked: &Asked, came_to: &CameTo) -> Option<String> {
    let CameTo { judgement, run, coverage } = came_to;
    let Recorded { record, cases, insights, .. } = run.as_ref().filter(|_| speaks_to_github(asked))?;
    let cases = github::weighed(cases, judgement, insights, Severity::Block);
    let vanished = github::weight_of("vanished", judgement);
    let findings = Findings {
        title: if record.head.instrumented { "Coverage" } else { "Tests" },
        judgement,
        duration: Some(record.duration),
        tests: Some(TestFindings { totals: record.totals, not_run: record.not_run, cases: &cases, insights, vanished }),
        coverage: coverage.as_ref().map(|report| CoverageFindings { report, severity: Severity::Block }),
        pipeline: None,
        shards: &[],
    };
    let workspace = asked.ground().ok().map(|ground| &ground.workspace);
    github::tell(&findings, workspace, None)
}

/// The stream of events, if one is asked for.
pub(in crate::commands) fn events(asked_for: Option<&Events>) -> Result<Option<Box<dyn Observer>>, Refused> {
    Ok(match asked_for {
        None => None,
        Some(Events::Stdout) => Some(Box::new(EventStream::new(io::stdout()))),
        Some(Events::File(path)) => {
            let file = File::create(path).map_err(|error| {
                Refused::new(ExitCode::Usage, format!("cannot write the events to `{}`: {error}", path.display()))
            })?;
            Some(Box::new(EventStream::new(io::BufWriter::with_capacity(0, file))))
        }
    })
}

/// Everyone who is told.
pub(super) struct Observers<'a> {
    all: Vec<Box<dyn Observer + 'a>>,
}

impl<'a> Observers<'a> {
    pub(super) fn new(all: impl IntoIterator<Item = Box<dyn Observer + 'a>>) -> Self {
        Self { all: all.into_iter().collect() }
    }

    pub(super) fn tell(&mut self, fact: Fact) {
        let event = Event { at: jiff::Timestamp::now(), fact };
        self.all.iter_mut().for_each(|observer| observer.observe(&event));
    }
}

/// A run with all that is known of it at its end.
pub(in crate::commands) struct Ended<'a> {
    pub(in crate::commands) record: &'a RunRecord,
    pub(in crate::commands) cases: &'a [Arc<CaseRecord>],
    pub(in crate::commands) insights: &'a Insights,
    /// What of it is worth telling.
    pub(in crate::commands) happened: &'a [Notice],
    /// The shards that it was put together from; none where it ran as one.
    pub(in crate::commands) shards: &'a [ShardLine],
}

/// What is asked for beside the reports that are always written.
pub(in crate::commands) struct Wanted<'a> {
    pub(in crate::commands) junit: Option<&'a Path>,
    pub(in crate::commands) report: Option<&'a Path>,
    pub(in crate::commands) format: Format,
}

impl<'a> From<&'a TestArgs> for Wanted<'a> {
    fn from(args: &'a TestArgs) -> Self {
        Self { junit: args.junit.as_deref(), report: args.report.as_deref(), format: args.format }
    }
}

/// Writes what the flags ask for: files first, then the one document on standard output. Gives what went wrong.
pub(in crate::commands) fn write_asked(
    wanted: &Wanted<'_>,
    ended: &Ended<'_>,
    document: Option<&impl Serialize>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut note = |what: &str, path: &Path, result: io::Result<()>| {
        if let Err(error) = result {
            wrong.push(format!("cannot write the {what} to `{}`: {error}", path.display()));
        }
    };
    if let Some(path) = wanted.junit {
        let mut bytes = Vec::new();
        let written = junit::write(&mut bytes, ended.record, ended.cases.iter().map(|case| &**case));
        note("JUnit report", path, written.map_err(io::Error::other).and_then(|()| replace(path, &bytes)));
    }
    if let Some(path) = wanted.report {
        note("report", path, replace(path, markdown(ended, Smoke::Skipped).as_bytes()));
    }
    if let (Format::Json, Some(document)) = (wanted.format, document) {
        let mut stdout = io::stdout().lock();
        let written = json::write_line(&mut stdout, document).and_then(|()| stdout.flush());
        // Whoever closed the pipe has read enough.
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            wrong.push(format!("cannot write the JSON: {error}"));
        }
    }
    wrong
}

/// The report artifact of a run.
pub(in crate::commands) fn markdown(ended: &Ended<'_>, smoke: Smoke) -> String {
    let cases: Vec<&CaseRecord> = ended.cases.iter().map(|case| &**case).collect();
    test_report(ended.record, &cases, smoke, ended.insights) + &shards::markdown(ended.shards)
}

/// Puts the report artifact into the run's own folder, and, where it is nobody's part, into the gate directory: of a
/// pipeline that is killed behind its tests, theirs must not pass for the whole.
pub(in crate::commands) fn write_artifact(
    gate_dir: &Utf8Path,
    record: &RunRecord,
    text: &str,
    is_part: bool,
) -> io::Result<()> {
    let of_run = gate_dir.join("runs").join(record.head.id.as_str()).join(ARTIFACT);
    replace(of_run.as_std_path(), text.as_bytes())?;
    if is_part { Ok(()) } else { replace(gate_dir.join(ARTIFACT).as_std_path(), text.as_bytes()) }
}
