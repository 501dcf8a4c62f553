//! What a whole gate came to: what every report of it shows, before any format.
//!
//! Whoever runs the gate fills it in; a report only chooses words and places. Texts are as they came: each format makes
//! them inert in its own way. [`PipelineTerminal`] tells of the steps as they go, [`terminal`] of the whole at its end,
//! and [`dry_run`] of what would run.

pub mod dry_run;
pub mod json;
pub mod markdown;
mod observer;
mod progress;
mod steps;
pub mod terminal;

use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use jiff::Timestamp;

pub use dry_run::{DryRun, PatternLine, PlanLine, Will};
pub use observer::PipelineTerminal;

use super::markdown::Smoke;
use super::markup::shell_word;
use crate::exit_code::ExitCode;
use crate::model::{Ending, Judgement, RunId, StepKind, StepRecord, StepState, Totals, Verdict};

/// The pipeline that is meant where none is named.
const DEFAULT: &str = "default";

/// All of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineReport {
    /// The run's name.
    pub run_id: RunId,
    /// The pipeline's name.
    pub pipeline: String,
    /// What it was run for: `full`, `changed:REF`, `packages:…`.
    pub scope: String,
    /// When it began.
    pub start: Timestamp,
    /// From the start to the verdict.
    pub duration: Duration,
    /// The verdict with its reasons.
    pub judgement: Judgement,
    /// Its steps, in the order of the plan.
    pub steps: Vec<Arc<StepRecord>>,
    /// The tests of the engine and of all suites; none where no test was run.
    pub totals: Option<Totals>,
    /// Planned tests without an outcome.
    pub not_run: u64,
    /// The smoke checks; none where the pipeline has none.
    pub smoke: Option<SmokeReport>,
    /// The first failure, as the manifest has it.
    pub failure_reason: Option<String>,
    /// The commit that was looked at.
    pub commit: Option<String>,
    /// Where it left what it wrote.
    pub artifacts: Artifacts,
    /// The worktree that it ran in, where that is kept.
    pub worktree: Option<Utf8PathBuf>,
}

/// What became of the smoke checks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SmokeReport {
    /// Of all of them.
    pub state: Smoke,
    /// Those that were made, in order.
    pub checks: Vec<SmokeCheck>,
}

/// One smoke check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SmokeCheck {
    /// What was asked for, without a password.
    pub url: String,
    /// Was the answer the right one?
    pub ok: bool,
    /// The status of the answer, where one came.
    pub status: Option<u16>,
    /// How long it took, over all its tries.
    pub took: Duration,
    /// How often it was tried.
    pub tries: u32,
    /// Why it is what it is, in one sentence.
    pub why: String,
}

/// Files that a run leaves, as far as it wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Artifacts {
    /// What was meant to run.
    pub manifest: Option<Utf8PathBuf>,
    /// What ran.
    pub complete: Option<Utf8PathBuf>,
    /// The folder that the logs lie in.
    pub logs: Option<Utf8PathBuf>,
    /// The report of the tests and of the whole gate.
    pub report: Option<Utf8PathBuf>,
}

impl PipelineReport {
    /// The process's code.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        self.judgement.exit_code()
    }

    /// What became of the smoke checks, in a word.
    #[must_use]
    pub fn smoke_state(&self) -> Smoke {
        self.smoke.as_ref().map_or(Smoke::Skipped, |smoke| smoke.state)
    }

    /// Could something not be executed, for no fault of the code, and is that why the gate is shut?
    #[must_use]
    pub fn is_tool_error(&self) -> bool {
        let codes = &self.judgement.codes;
        matches!(self.judgement.verdict, Verdict::ToolError | Verdict::Deferred)
            && codes.iter().any(|code| matches!(code, ExitCode::NeverExecuted | ExitCode::Deferred))
    }

    /// The exit status of its tests: of the first step of them that did not leave with 0, else 0; none where none came
    /// to an end.
    #[must_use]
    pub fn suite_code(&self) -> Option<i32> {
        let of = |kind: StepKind| {
            let steps = self.steps.iter().filter(move |step| step.kind == kind);
            let codes = steps.filter(|step| step.state != StepState::ToolError).filter_map(|step| step.returncode());
            codes.reduce(|first, code| if first == 0 { code } else { first })
        };
        of(StepKind::Test).or_else(|| of(StepKind::Coverage))
    }

    fn is_interrupted(&self) -> bool {
        self.judgement.codes.contains(&ExitCode::Interrupted)
    }

    fn steps_in(&self, state: StepState) -> impl Iterator<Item = &StepRecord> {
        self.steps.iter().map(Arc::as_ref).filter(move |step| step.state == state)
    }

    /// What to call next: what looks into the failure, or comes again; none where the gate is open.
    fn next(&self) -> Option<String> {
        if matches!(self.judgement.verdict, Verdict::Pass | Verdict::Nothing) {
            return None;
        }
        let failed: Vec<&StepRecord> = self.steps_in(StepState::Failed).collect();
        match failed.as_slice() {
            _ if self.is_interrupted() => Some(self.call(&[])),
            [] => Some(
                self.steps_in(StepState::ToolError)
                    .find_map(|step| step.next.clone())
                    .unwrap_or_else(|| self.call(&[])),
            ),
            [one] => Some(one.next.clone().unwrap_or_else(|| self.call(&failed))),
            _ => Some(self.call(&failed)),
        }
    }

    /// The command that runs these steps again; none: all of them.
    fn call(&self, steps: &[&StepRecord]) -> String {
        let mut call = "cargo gate run".to_owned();
        if self.pipeline != DEFAULT {
            call.push(' ');
            call.push_str(&shell_word(&self.pipeline));
        }
        for step in steps {
            call.push_str(" --only ");
            call.push_str(&shell_word(&step.name));
        }
        call
    }
}

/// How a step left, where that was not with 0: completes "it …".
pub(super) fn ending_words(step: &StepRecord) -> Option<String> {
    step.ending.filter(|ending| !matches!(ending, Ending::Exited(0))).map(|ending| ending.to_string())
}
