//! The end of a pipeline: judged, kept, told.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use camino::Utf8PathBuf;

use super::ask::Asked;
use super::judge::judge;
use super::site::Site;
use super::step::{self, Covered, Tests};
use super::walk::{Observers, Walked};
use crate::cli::{Format, RunArgs};
use crate::commands::keeping::{self, History, Pace};
use crate::commands::test::ARTIFACT as REPORT;
use crate::commands::{complain, coverage, github, notify};
use crate::event::Fact;
use crate::exit_code::ExitCode;
use crate::history::record::{self, Start, add_checkout};
use crate::history::shared::Hurry;
use crate::model::{
    CaseRecord, Judgement, Outcome, PIPELINE_SUITE, Reason, RunHead, RunRecord, RunState, StepKind, StepRecord,
    StepState, Totals, Verdict,
};
use crate::pipeline::gating::Changes;
use crate::pipeline::manifest::{Completion, DONE, MEANT, Manifest};
use crate::pipeline::plan::Planned;
use crate::report::github::{CoverageFindings, Findings, TestFindings, Weighed};
use crate::report::json::write_line;
use crate::report::pipeline::{Artifacts, PipelineReport, json, markdown, terminal};
use crate::report::{Insights, Look};
use crate::sys::fs::replace;

/// The head of the pipeline's own record, as far as it is known before the first step.
pub(super) fn head(site: &Site<'_>) -> RunHead {
    let toolchain = site.toolchain();
    let start = Start {
        at: site.asked.start,
        random: 0,
        context: toolchain.context.clone(),
        trigger: site.asked.args.trigger.clone(),
        toolchain: toolchain.rustc.lines().next().unwrap_or_default().to_owned(),
        instrumented: false,
        full: is_full(site.asked),
        shard: None,
    };
    let head = record::head(start, &|name| std::env::var(name).ok());
    RunHead { id: site.asked.run_id.clone(), suite: PIPELINE_SUITE.to_owned(), ..head }
}

/// Does it take in every step?
fn is_full(asked: &Asked<'_>) -> bool {
    let args = asked.args;
    args.only.is_empty()
        && args.skip.is_empty()
        && !args.no_smoke
        && matches!(asked.changes, Changes::Everything { .. })
}

/// Puts the pipeline on record as running, so that a run that is killed reads interrupted. Gives what went wrong.
pub(super) fn begin(site: &Site<'_>) -> (Option<History>, Vec<String>) {
    if site.asked.args.no_record {
        return (None, Vec::new());
    }
    let begun = keeping::Of { gate_dir: site.gate_dir(), ..site.asked.place.history() }
        .open(Pace::of_a_run(Hurry::already()))
        .and_then(|mut store| store.begin(&head(site)).map(|()| store));
    match begun {
        Ok(mut store) => {
            let warnings = store.take_warnings();
            (Some(store), warnings)
        }
        Err(error) => (None, vec![error.to_string()]),
    }
}

/// Tells of a gate that is switched off: nothing runs, and nothing is kept.
pub(super) fn switched_off(asked: &Asked<'_>, planned: &[Planned<'_>], why: &str) -> ExitCode {
    let reasons = vec![Reason::new("disabled", format!("{why}: nothing runs"))];
    let judgement = Judgement { verdict: Verdict::Nothing, codes: vec![ExitCode::Pass], reasons };
    let report = PipelineReport {
        run_id: asked.run_id.clone(),
        pipeline: asked.args.pipeline.clone(),
        scope: asked.changes.scope().to_owned(),
        start: asked.start,
        duration: asked.since.elapsed(),
        judgement,
        steps: planned.iter().map(step::skipped).map(Arc::new).collect(),
        totals: None,
        not_run: 0,
        smoke: None,
        failure_reason: None,
        commit: None,
        artifacts: Artifacts::default(),
        worktree: None,
    };
    let text = markdown::pipeline_report(&report, &[], &Insights::default());
    let wrong = asked.args.report.as_deref().and_then(|path| write(path, &text));
    wrong.into_iter().chain(tell(asked.args, asked.look, &report)).for_each(|text| complain("warning", &text));
    report.exit_code()
}

/// What is known at the end of a pipeline.
pub(super) struct Ended<'a> {
    pub(super) site: &'a Site<'a>,
    pub(super) manifest: &'a Manifest,
    pub(super) walked: Walked,
    pub(super) store: Option<History>,
    /// Why no step ran, where none was to.
    pub(super) left_out: Option<&'a str>,
    /// Where the worktree is, where it is kept.
    pub(super) kept: Option<Utf8PathBuf>,
}

impl Ended<'_> {
    /// Judges, keeps and tells; gives the judgement.
    pub(super) fn conclude(self, judgement: Judgement, mut observers: Observers) -> Judgement {
        let Self { site, manifest, walked, mut store, kept, .. } = self;
        let args = site.asked.args;
        let steps: Vec<StepRecord> = walked.settled.iter().map(|step| step.record.clone()).collect();
        let failure = (judgement.verdict.is_failure()).then(|| judgement.sentence().to_owned());
        let completion = Completion::new(manifest, &steps, failure.as_deref());
        let mut wrong = Vec::new();
        let complete = match completion.save(&site.run_dir) {
            Ok(()) => Some(site.run_dir.join(DONE)),
            Err(error) => {
                wrong.push(format!("what was run cannot be written down: {error}"));
                None
            }
        };
        let (cases, insights) = tests_of(&walked.tests);
        let turned_flaky = walked.tests.iter().any(|tests| tests.turned_flaky);
        let record = self_record(site, &judgement, &walked.tests);
        let report = PipelineReport {
            run_id: site.asked.run_id.clone(),
            pipeline: args.pipeline.clone(),
            scope: manifest.scope.clone(),
            start: site.asked.start,
            duration: record.duration,
            judgement: judgement.clone(),
            steps: steps.into_iter().map(Arc::new).collect(),
            totals: (!walked.tests.is_empty()).then(|| Totals::of(cases.iter().map(|case| &**case))),
            not_run: walked.tests.iter().map(|tests| tests.record.not_run).sum(),
            smoke: walked.smoke,
            failure_reason: completion.failure_reason.clone(),
            commit: record.head.commit.clone(),
            artifacts: Artifacts {
                manifest: Some(site.run_dir.join(MEANT)),
                complete,
                logs: site.logs.exists().then(|| site.logs.clone()),
                report: Some(site.gate_dir().join(REPORT)),
            },
            worktree: kept,
        };
        wrong.extend(write_report(site, &report, &cases, &insights));
        wrong.extend(outdate_coverage(site, &report.steps));
        if let Some(store) = &mut store {
            wrong.extend(store.finish(&record, &[], &[]).err().map(|error| error.to_string()));
            wrong.extend(store.take_warnings());
        }
        observers.tell(Fact::RunFinished { record: Arc::new(record), cases: cases.clone().into() });
        drop(observers);
        wrong.extend(tell(args, site.asked.look, &report));
        wrong.extend(tell_github(site, &report, &walked.tests, &insights, &walked.coverage));
        let happened = notify::happened(&judgement, turned_flaky);
        let settings = &site.settings().notify;
        let json = || notify::bytes(&json::document(&report));
        wrong.extend(notify::tell(settings, &happened, &site.asked.place.workspace.root, site.signals(), json));
        wrong.iter().for_each(|text| complain("warning", text));
        judgement
    }

    /// The judgement of the whole.
    pub(super) fn judgement(&self) -> Judgement {
        judge(&self.walked.settled, self.walked.interrupted, self.left_out)
    }
}

/// The pipeline's own record: its tests have theirs.
fn self_record(site: &Site<'_>, judgement: &Judgement, tests: &[Tests]) -> RunRecord {
    let mut head = head(site);
    let tested = site.tested();
    if let Some(checkout) = &tested.checkout {
        add_checkout(&mut head, checkout);
    }
    head.input_key = tested.input_key;
    // What did not execute is counted once (R18): by its own record where it has one, else by this.
    let is_told = tests.iter().any(|tests| matches!(tests.record.state, RunState::ToolError | RunState::Deferred));
    let state = match judgement.verdict {
        _ if judgement.codes.contains(&ExitCode::Interrupted) => RunState::Interrupted,
        Verdict::Deferred if !is_told => RunState::Deferred,
        Verdict::ToolError if !is_told => RunState::ToolError,
        _ => RunState::Executed,
    };
    RunRecord {
        head,
        state,
        totals: Totals::default(),
        not_run: 0,
        duration: site.asked.since.elapsed(),
        judgement: judgement.clone(),
        plan_digest: None,
        coverage: None,
    }
}

/// The tests of all runs in order of their keys, and what the history says of them. Of a test that ran in two steps the
/// worse outcome counts.
fn tests_of(tests: &[Tests]) -> (Vec<Arc<CaseRecord>>, Insights) {
    let cases = worst_of_each(tests.iter().flat_map(|tests| tests.cases.iter().cloned()), |case| case);
    // The last run of the engine knows what those before it left in the history, but not what was in quarantine there.
    let all = || tests.iter().map(|tests| &tests.insights);
    let mut insights = all().rev().find(|insights| **insights != Insights::default()).cloned().unwrap_or_default();
    insights.quarantined = all().flat_map(|insights| &insights.quarantined).cloned().collect();
    insights.quarantined.sort_by(|a, b| a.key.cmp(&b.key).then(b.outcome.is_failure().cmp(&a.outcome.is_failure())));
    insights.quarantined.dedup_by(|later, earlier| later.key == earlier.key);
    insights.quarantined.sort_by_key(|line| matches!(line.outcome, Outcome::Passed | Outcome::Skipped));
    insights.states = all().flat_map(|insights| &insights.states).cloned().collect();
    (cases, insights)
}

/// Each test once, in order of the keys: as it came off worst, of equals the one that stands first.
fn worst_of_each<T>(all: impl Iterator<Item = T>, case: impl Fn(&T) -> &CaseRecord) -> Vec<T> {
    let mut each: Vec<T> = all.collect();
    each.sort_by(|a, b| {
        let (a, b) = (case(a), case(b));
        a.key.cmp(&b.key).then(b.outcome.is_failure().cmp(&a.outcome.is_failure()))
    });
    each.dedup_by(|later, earlier| case(later).key == case(earlier).key);
    each
}

/// A report of coverage from an earlier run says nothing of a gate that did not come to measuring. Gives what went wrong.
fn outdate_coverage(site: &Site<'_>, steps: &[Arc<StepRecord>]) -> Option<String> {
    let measures = |name: &str| {
        let mut own = site.pipeline.steps.iter().filter(|step| step.kind == StepKind::Coverage && step.is_engine());
        own.any(|step| step.name == name)
    };
    let missed = steps.iter().find(|step| step.state == StepState::NotRun && measures(&step.name))?;
    (!site.asked.args.no_record).then(|| coverage::outdate(site.gate_dir(), &missed.why)).flatten()
}

fn write_report(
    site: &Site<'_>,
    report: &PipelineReport,
    cases: &[Arc<CaseRecord>],
    insights: &Insights,
) -> Vec<String> {
    let cases: Vec<&CaseRecord> = cases.iter().map(|case| &**case).collect();
    let text = markdown::pipeline_report(report, &cases, insights);
    let own = [site.run_dir.join(REPORT), site.gate_dir().join(REPORT)].map(Utf8PathBuf::into_std_path_buf);
    let paths = own.into_iter().chain(site.asked.args.report.clone());
    paths.filter_map(|path| write(&path, &text)).collect()
}

/// Gives what went wrong.
fn write(path: &Path, text: &str) -> Option<String> {
    let error = replace(path, text.as_bytes()).err()?;
    Some(format!("cannot write `{}`: {error}", path.display()))
}

/// For people on standard error, for machines on standard output. Gives what went wrong.
fn tell(args: &RunArgs, look: Look, report: &PipelineReport) -> Option<String> {
    // Whoever closed the pipe has read enough.
    let _ = io::stderr().lock().write_all(terminal::page(report, look).as_bytes());
    let mut stdout = io::stdout().lock();
    let written = match args.format {
        Format::Json => write_line(&mut stdout, &json::document(report)),
        Format::Human => Ok(()),
    };
    let written = written.and_then(|()| stdout.flush());
    let failed = written.err().filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
    failed.map(|error| format!("cannot write the output: {error}"))
}

/// For GitHub, where it is spoken to. Gives what went wrong.
fn tell_github(
    site: &Site<'_>,
    report: &PipelineReport,
    runs: &[Tests],
    insights: &Insights,
    coverage: &[Covered],
) -> Option<String> {
    if !site.asked.look.github {
        return None;
    }
    let weighed =
        runs.iter().flat_map(|run| github::weighed(&run.cases, &run.record.judgement, &run.insights, run.severity));
    let mut weighed: Vec<Weighed<'_>> = weighed.collect();
    weighed.sort_by_key(|told| told.severity);
    let cases = worst_of_each(weighed.into_iter(), |told| told.case);
    let vanished = runs.iter().map(|run| github::weight_of("vanished", &run.record.judgement).max(run.severity));
    let vanished = vanished.min().unwrap_or_default();
    let tests = |totals| TestFindings { totals, not_run: report.not_run, cases: &cases, insights, vanished };
    let failed = coverage.iter().filter(|of| of.report.word == "FAIL").min_by_key(|of| of.severity);
    let findings = Findings {
        title: "Gate",
        judgement: &report.judgement,
        duration: Some(report.duration),
        tests: report.totals.map(tests),
        coverage: failed.or(coverage.last()).map(|of| CoverageFindings { report: &of.report, severity: of.severity }),
        pipeline: Some(report),
        shards: &[],
    };
    github::tell(&findings, Some(&site.asked.place.workspace), Some(&site.root))
}
