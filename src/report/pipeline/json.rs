//! A whole gate as one JSON document.

use camino::Utf8Path;
use serde::Serialize;

use super::{PipelineReport, SmokeReport};
use crate::model::{Reason, StepKind, StepRecord, StepState, Totals, Verdict, millis};
use crate::report::json::SCHEMA_VERSION;

/// The document of `cargo gate run --format json`.
#[derive(Clone, Debug, Serialize)]
pub struct PipelineDocument<'r> {
    schema_version: u32,
    run_id: &'r str,
    verdict: Verdict,
    exit_code: u8,
    codes: Vec<u8>,
    reasons: &'r [Reason],
    pipeline: &'r str,
    scope: &'r str,
    duration_ms: u64,
    totals: Option<Totals>,
    not_run: u64,
    steps: Vec<Step<'r>>,
    smoke: Option<Smoke<'r>>,
    failure_reason: Option<&'r str>,
    artifacts: Artifacts<'r>,
    worktree: Option<&'r Utf8Path>,
}

#[derive(Clone, Debug, Serialize)]
struct Step<'r> {
    name: &'r str,
    kind: StepKind,
    state: StepState,
    why: &'r str,
    command: &'r [String],
    returncode: Option<i32>,
    duration_ms: u64,
    cached: bool,
    log: Option<&'r Utf8Path>,
    run_id: Option<&'r str>,
    next: Option<&'r str>,
}

#[derive(Clone, Debug, Serialize)]
struct Smoke<'r> {
    state: &'static str,
    checks: Vec<Check<'r>>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Check<'r> {
    url: &'r str,
    ok: bool,
    status: Option<u16>,
    ms: u64,
    tries: u32,
    why: &'r str,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Artifacts<'r> {
    manifest: Option<&'r Utf8Path>,
    complete: Option<&'r Utf8Path>,
    logs: Option<&'r Utf8Path>,
    report: Option<&'r Utf8Path>,
}

/// The document of a whole gate.
#[must_use]
pub fn document(report: &PipelineReport) -> PipelineDocument<'_> {
    let artifacts = &report.artifacts;
    PipelineDocument {
        schema_version: SCHEMA_VERSION,
        run_id: report.run_id.as_str(),
        verdict: report.judgement.verdict,
        exit_code: report.exit_code().number(),
        codes: report.judgement.codes.iter().map(|code| code.number()).collect(),
        reasons: &report.judgement.reasons,
        pipeline: &report.pipeline,
        scope: &report.scope,
        duration_ms: millis(report.duration),
        totals: report.totals,
        not_run: report.not_run,
        steps: report.steps.iter().map(|step| Step::of(step)).collect(),
        smoke: report.smoke.as_ref().map(Smoke::of),
        failure_reason: report.failure_reason.as_deref(),
        artifacts: Artifacts {
            manifest: artifacts.manifest.as_deref(),
            complete: artifacts.complete.as_deref(),
            logs: artifacts.logs.as_deref(),
            report: artifacts.report.as_deref(),
        },
        worktree: report.worktree.as_deref(),
    }
}

impl<'r> Step<'r> {
    fn of(step: &'r StepRecord) -> Self {
        Self {
            name: &step.name,
            kind: step.kind,
            state: step.state,
            why: &step.why,
            command: &step.command,
            returncode: step.returncode(),
            duration_ms: millis(step.took),
            cached: step.state == StepState::Cached,
            log: step.log.as_deref(),
            run_id: step.run_id.as_ref().map(crate::model::RunId::as_str),
            next: step.next.as_deref(),
        }
    }
}

impl<'r> Smoke<'r> {
    fn of(smoke: &'r SmokeReport) -> Self {
        let check = |check: &'r super::SmokeCheck| Check {
            url: &check.url,
            ok: check.ok,
            status: check.status,
            ms: millis(check.took),
            tries: check.tries,
            why: &check.why,
        };
        Self { state: smoke.state.as_str(), checks: smoke.checks.iter().map(check).collect() }
    }
}
