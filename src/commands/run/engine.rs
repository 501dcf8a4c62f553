//! The steps that are the gate's own: its tests, its coverage, suites that are not Rust, smoke checks.

use std::cell::RefCell;
use std::io::Write as _;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::judge::Settled;
use super::site::Site;
use super::step::{Covered, Done, ENDED, Tests, blank, budget, clear_budget, state_of_unexecuted, unstarted};
use crate::cli::{coverage_step, test_step};
use crate::commands::stage::{AsStep, Log, Manner, Stage};
use crate::commands::suites::{self, SuiteCame, SuiteRun};
use crate::commands::test::{Recorded, Stepped};
use crate::commands::{complain, coverage, test};
use crate::config::{Notice, SmokeCheck, Step, Suite};
use crate::event::{Event, Fact, Observer};
use crate::exit_code::ExitCode;
use crate::model::{Ending, Judgement, Reason, Severity, StepKind, StepRecord, StepState, Verdict};
use crate::pipeline::exec::{self, Turn};
use crate::pipeline::plan::Planned;
use crate::pipeline::{smoke, suite};
use crate::report::markdown::Smoke;
use crate::report::pipeline::{SmokeCheck as Checked, SmokeReport};
use crate::report::words;

/// The stream of events, to which the pipeline and its engine write in turn.
pub(super) type Stream = Rc<RefCell<Box<dyn Observer>>>;

/// What the engine tells within a pipeline: the run that begins and ends is the pipeline's.
struct Within(Stream);

impl Observer for Within {
    fn observe(&mut self, event: &Event) {
        if !matches!(event.fact, Fact::RunStarted { .. } | Fact::RunFinished { .. }) {
            self.0.borrow_mut().observe(event);
        }
    }
}

/// Runs the tests, or measures what they cover.
pub(super) fn engine(site: &Site<'_>, planned: &Planned<'_>, step: &Step, stream: Option<&Stream>) -> Done {
    let _busy = site.survey.busy();
    let since = Instant::now();
    let mut warnings = Vec::new();
    let mutex = step.mutex.as_deref().map(|mutex| site.lock(mutex));
    let mut say = |line: &str| complain("note", line);
    let _lock = match exec::take_turn(mutex.as_deref(), step.timeout, site.signals(), &mut say) {
        Ok(Turn::Ours(lock)) => lock,
        Ok(Turn::Never) => return Settled::not_begun(StepRecord { why: ENDED.to_owned(), ..blank(planned) }).into(),
        Err(error) => return unstarted(planned.severity, blank(planned), &error),
    };
    let stage = stage(site, step, &mut warnings);
    let told = stream.map(|stream| Box::new(Within(Rc::clone(stream))) as Box<dyn Observer>);
    let told = told.into_iter().collect();
    let stepped = match step.kind {
        StepKind::Coverage => coverage_step(&step.args).map(|args| coverage::run_step(&args, &stage, told)),
        _ => test_step(&step.args).map(|args| test::run_step(&args, &stage, told)),
    };
    let stepped = stepped.unwrap_or_else(|why| {
        let why = format!("`args` of the step `{}`: {why}", step.name);
        Stepped::without_run(Verdict::Fail, ExitCode::Config, vec![Reason::new("config", why)])
    });
    let ending = stepped.ending();
    let Stepped { judgement, run, coverage } = stepped;
    let (state, codes) = state_of(&judgement, planned.severity);
    let next = matches!(state, StepState::Failed | StepState::Warned).then(|| next(step, &judgement)).flatten();
    let record = StepRecord {
        state,
        why: judgement.sentence().to_owned(),
        ending: Some(ending),
        took: since.elapsed(),
        log: Some(site.log(&step.name)),
        run_id: run.as_ref().map(|run| run.record.head.id.clone()),
        next,
        ..blank(planned)
    };
    let tests = run.map(|Recorded { record, cases, insights, happened }| Tests {
        record,
        cases: cases.to_vec(),
        insights,
        severity: planned.severity,
        turned_flaky: happened.contains(&Notice::FlakyNew),
    });
    let coverage = coverage.map(|report| Covered { report, severity: planned.severity });
    let settled = Settled { record, codes, reasons: judgement.reasons };
    Done { settled, tests: tests.into_iter().collect(), coverage, warnings, ..Done::default() }
}

fn stage(site: &Site<'_>, step: &Step, warnings: &mut Vec<String>) -> Stage {
    let args = site.asked.args;
    let log = fs_err::create_dir_all(&site.logs).and_then(|()| fs_err::File::create(site.log(&step.name)));
    let log = log.map_err(|error| warnings.push(format!("the log of {} cannot be written: {error}", step.name)));
    let as_step = AsStep {
        signals: site.signals().clone(),
        config: site.config.clone(),
        gate_dir: site.gate_dir().to_owned(),
        profile: args.place.gate_profile.clone(),
        compat: args.compat().map(str::to_owned),
        deadline: step.timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
        origin: site.origin.clone(),
        log: log.ok().map(Log::new),
        manner: Manner {
            quiet: args.quiet,
            verbose: args.verbose,
            color: args.place.color.clone(),
            no_progress: args.no_progress,
            github: site.asked.look.github,
        },
        trigger: args.trigger.clone(),
        no_record: args.no_record,
    };
    Stage { step: Some(as_step), ..site.stage(&step.invocation.env, &step.name) }
}

/// What the engine's judgement makes of its step.
fn state_of(judgement: &Judgement, severity: Severity) -> (StepState, Vec<ExitCode>) {
    let codes: Vec<ExitCode> = judgement.codes.iter().copied().filter(|code| *code != ExitCode::Pass).collect();
    let state = match judgement.verdict {
        _ if codes.contains(&ExitCode::Interrupted) => return (StepState::NotRun, Vec::new()),
        Verdict::Pass => StepState::Passed,
        Verdict::Nothing if codes.is_empty() => StepState::Skipped,
        Verdict::Deferred => state_of_unexecuted(severity),
        Verdict::ToolError if codes.contains(&ExitCode::NeverExecuted) => state_of_unexecuted(severity),
        Verdict::Fail | Verdict::ToolError | Verdict::Nothing => StepState::of_failure(severity),
    };
    (state, codes)
}

/// What looks into a failure of the engine's.
fn next(step: &Step, judgement: &Judgement) -> Option<String> {
    match judgement.exit_code() {
        ExitCode::TestsFailed if step.args.is_empty() => Some("cargo gate test --failed".to_owned()),
        _ => None,
    }
}

/// Runs a suite that is not Rust, or those that it stands for, one after the other.
pub(super) fn suite(site: &Site<'_>, planned: &Planned<'_>, suite: &Suite, say: &mut dyn FnMut(&str)) -> Done {
    let found = match suite::discover(suite, &site.root) {
        Ok(found) => found,
        Err(error) => {
            let (state, why) = (StepState::of_failure(planned.severity), error.to_string());
            let record = StepRecord { state, why, ..blank(planned) };
            let settled = Settled { record, codes: vec![error.exit_code()], reasons: Vec::new() };
            return settled.into();
        }
    };
    let _busy = site.survey.busy();
    let tested = site.tested();
    let toolchain = site.toolchain();
    let mutex = suite.mutex.as_deref().map(|mutex| site.lock(mutex));
    let run = SuiteRun {
        settings: site.settings(),
        root: &site.root,
        package: site.asked.place.workspace.name(),
        gate_dir: (!site.asked.args.no_record).then(|| site.gate_dir()),
        log_dir: &site.logs,
        context: &toolchain.context,
        checkout: tested.checkout.as_ref(),
        input_key: tested.input_key,
        toolchain: toolchain.rustc.lines().next().unwrap_or_default(),
        trigger: site.asked.args.trigger.as_deref(),
        env: &site.environment,
        told: site.told(&suite.name),
        mutex: mutex.as_deref(),
        signals: site.signals(),
    };
    let mut came = Vec::new();
    for one in &found {
        if site.signals().interrupt().is_some() {
            break;
        }
        if found.len() > 1 {
            say(&one.suite.name);
        }
        came.push(suites::run(one, &run, say));
    }
    whole(site, planned, came, found.len())
}

/// What several suites make of their step: of those that are not as they should be the first says why.
fn whole(site: &Site<'_>, planned: &Planned<'_>, came: Vec<SuiteCame>, wanted: usize) -> Done {
    let mut done = Done { settled: Settled::not_begun(blank(planned)), ..Done::default() };
    let record = &mut done.settled.record;
    let rank = |state: StepState| match state {
        StepState::NotRun => 5,
        StepState::ToolError => 4,
        StepState::Failed => 3,
        StepState::Warned => 2,
        StepState::Ignored => 1,
        _ => 0,
    };
    record.state = if came.len() < wanted { StepState::NotRun } else { StepState::Passed };
    // One step that could not be executed is one try, however many suites it is.
    let mut put_off = None;
    for one in came {
        let is_first = record.ending.is_none();
        let is_worse = rank(one.state) > rank(record.state);
        record.took += one.took;
        match &one.tool_error {
            Some(what) => {
                let (why, codes) =
                    put_off.get_or_insert_with(|| budget(site, planned.severity, &record.name, what, one.tries));
                done.settled.codes.extend(codes.iter().copied());
                if is_worse {
                    record.why.clone_from(why);
                }
            }
            None if is_worse || (is_first && rank(record.state) == 0) => record.why.clone_from(&one.why),
            None => {}
        }
        if one.tool_error.is_none() && one.state == StepState::Failed {
            let codes = one.record.judgement.codes.iter().copied();
            done.settled.codes.extend(codes.filter(|code| *code != ExitCode::Pass));
        }
        if is_first || is_worse {
            record.ending = one.ending.or(Some(Ending::NotStarted));
            record.tail = one.tail;
            record.log = Some(one.log);
            record.run_id = Some(one.record.head.id.clone());
        }
        if is_worse {
            record.state = one.state;
        }
        done.warnings.extend(one.warnings);
        let insights = crate::report::Insights::default();
        let record = Arc::new(one.record);
        done.tests.push(Tests { record, cases: one.cases, insights, severity: planned.severity, turned_flaky: false });
    }
    if wanted > 1 && record.state == StepState::Passed {
        record.why = format!("all {} pass", words::count(wanted as u64, "suite", "suites"));
    }
    if rank(record.state) < 4 && put_off.is_none() {
        clear_budget(site.asked, Some(site), &record.name);
    }
    done.settled.codes.sort_unstable();
    done.settled.codes.dedup();
    done
}

/// Asks whether what runs answers.
pub(super) fn smoke(site: &Site<'_>, planned: &Planned<'_>, checks: &[SmokeCheck], say: &mut dyn FnMut(&str)) -> Done {
    let since = Instant::now();
    let mut log = fs_err::create_dir_all(&site.logs).and_then(|()| fs_err::File::create(site.log(&planned.name))).ok();
    let interrupted = || site.signals().interrupt().is_some();
    let answered = smoke::run(checks, &interrupted, &mut |answered| {
        let line = format!("{} {}", answered.url, answered.why);
        if let Some(log) = &mut log {
            // What it says is in the report, too.
            let _ = writeln!(log, "{line}");
        }
        say(&line);
    });
    let failed = answered.iter().find(|one| !one.ok);
    let (state, why, codes) = match failed {
        _ if interrupted() => (StepState::NotRun, ENDED.to_owned(), Vec::new()),
        Some(one) => {
            (StepState::of_failure(planned.severity), format!("{} {}", one.url, one.why), vec![ExitCode::StepFailed])
        }
        None => (
            StepState::Passed,
            format!("{} as wanted", words::count(answered.len() as u64, "answer", "answers")),
            Vec::new(),
        ),
    };
    let smoke = SmokeReport {
        state: if failed.is_some() { Smoke::Failed } else { Smoke::Ok },
        checks: answered
            .into_iter()
            .map(|one| Checked {
                url: one.url,
                ok: one.ok,
                status: one.status,
                took: one.took,
                tries: one.tries,
                why: one.why,
            })
            .collect(),
    };
    let ending = Some(Ending::Exited(i32::from(state != StepState::Passed)));
    let log = log.map(|_| site.log(&planned.name));
    let record = StepRecord { state, why, ending, took: since.elapsed(), log, ..blank(planned) };
    let reasons = match codes.is_empty() {
        true => Vec::new(),
        false => vec![Reason::new("smoke-failed", &record.why)],
    };
    Done { settled: Settled { record, codes, reasons }, smoke: Some(smoke), ..Done::default() }
}
