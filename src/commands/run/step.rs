//! One step, from what is known of it to what became of it: a command as a process, behind its cache.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::ask::Asked;
use super::judge::Settled;
use super::site::Site;
use crate::commands::deferral::{self, Deferral};
use crate::config::{Pipeline, Step};
use crate::exit_code::ExitCode;
use crate::history::store::Store;
use crate::model::{
    CaseRecord, ContentHash, Ending, InfraMode, RunRecord, Severity, StepKind, StepRecord, StepState, write_duration,
};
use crate::pipeline::cache::{Kept, Lookup, Parts, Pass, parts_of};
use crate::pipeline::exec::{self, ExecError, Executed, Order, SetupFailure};
use crate::pipeline::plan::{Planned, Work};
use crate::report::pipeline::SmokeReport;
use crate::report::{CoverageReport, Insights};
use crate::sys::digest::Fields;
use crate::sys::git;

/// A step that is over, with what others need of it.
#[derive(Default)]
pub(super) struct Done {
    pub(super) settled: Settled,
    /// The runs of tests that it was.
    pub(super) tests: Vec<Tests>,
    /// What the smoke checks came to, where it was these.
    pub(super) smoke: Option<SmokeReport>,
    /// What it measured, where it was that.
    pub(super) coverage: Option<Covered>,
    /// What the user should know that decides nothing.
    pub(super) warnings: Vec<String>,
}

/// Why a step did not come to its end, where somebody asked for that.
pub(super) const ENDED: &str = "it was ended, as was asked for";

/// A run of tests.
pub(super) struct Tests {
    pub(super) record: Arc<RunRecord>,
    pub(super) cases: Vec<Arc<CaseRecord>>,
    pub(super) insights: Insights,
    /// How much the step weighs that it was.
    pub(super) severity: Severity,
    /// Did a test turn flaky in it that was not before?
    pub(super) turned_flaky: bool,
}

/// A measurement of coverage.
pub(super) struct Covered {
    pub(super) report: CoverageReport,
    /// How much the step weighs that it was.
    pub(super) severity: Severity,
}

/// What a step runs, as words.
pub(super) fn command_of(planned: &Planned<'_>) -> Vec<String> {
    let own = |verb: &str, args: &[String]| {
        ["cargo", "gate", verb].map(str::to_owned).into_iter().chain(args.iter().cloned()).collect()
    };
    match planned.work {
        Work::Command(step) => exec::shown(&step.invocation),
        Work::Engine(step) => own(if step.kind == StepKind::Coverage { "coverage" } else { "test" }, &step.args),
        Work::Suite(suite) if !suite.invocation.command.is_empty() => exec::shown(&suite.invocation),
        Work::Suite(suite) => {
            let what = suite.discover.as_ref().map_or(suite.name.as_str(), |place| place.as_str());
            vec![suite.runner.to_string(), what.to_owned()]
        }
        Work::Smoke(checks) => ["GET".to_owned()]
            .into_iter()
            .chain(checks.iter().map(|check| crate::config::without_password(&check.url)))
            .collect(),
    }
}

/// A step's record before anything is known of it.
pub(super) fn blank(planned: &Planned<'_>) -> StepRecord {
    StepRecord {
        name: planned.name.clone(),
        kind: planned.kind,
        command: command_of(planned),
        why: planned.why.clone(),
        ..StepRecord::default()
    }
}

/// The record of a step that is left out on purpose.
pub(super) fn skipped(planned: &Planned<'_>) -> StepRecord {
    StepRecord { state: StepState::Skipped, ..blank(planned) }
}

/// What is known of the steps before any runs, for who only looks.
#[derive(Default)]
pub(super) struct Known(BTreeMap<String, Result<String, String>>);

impl Known {
    /// Looks at the cache of each step that has one.
    pub(super) fn look(asked: &Asked<'_>, pipeline: &Pipeline, planned: &[Planned<'_>]) -> Self {
        let Ok(site) = Site::new(asked, pipeline, None) else { return Self::default() };
        let cached = planned.iter().filter(|step| step.runs);
        let looked = cached.filter_map(|step| {
            let (lookup, _) = look(&site, step)?;
            let why = lookup.why();
            Some((step.name.clone(), if let Lookup::Hit { .. } = lookup { Ok(why) } else { Err(why) }))
        });
        Self(looked.collect())
    }

    /// `Ok`: it passed on the same before. `Err`: why it would run all the same. None: it always runs.
    pub(super) fn of(&self, step: &str) -> Option<&Result<String, String>> {
        self.0.get(step)
    }
}

/// What the cache says of a step; none where it has none.
fn look(site: &Site<'_>, planned: &Planned<'_>) -> Option<(Lookup, Parts)> {
    let Work::Command(step) = planned.work else { return None };
    if !step.is_cached() {
        return None;
    }
    let now = parts_of(step, &site.setting(), &site.survey);
    let lookup = match site.asked.args.no_cache {
        true => Lookup::Miss { why: "`--no-cache` is given".to_owned() },
        false => site.cache.look(&step.name, &now),
    };
    Some((lookup, now))
}

/// Runs a command, unless nothing that it depends on changed since it passed.
pub(super) fn command(site: &Site<'_>, planned: &Planned<'_>, step: &Step, say: &mut dyn FnMut(&str)) -> Done {
    let record = blank(planned);
    let looked = look(site, planned);
    if let Some((Lookup::Hit { took, .. }, _)) = &looked {
        let why = looked.as_ref().map(|(lookup, _)| lookup.why()).unwrap_or_default();
        let record = StepRecord { state: StepState::Cached, why, took: *took, ..record };
        return Settled::not_begun(record).into();
    }
    let (miss, parts) = looked.map(|(lookup, parts)| (lookup.why(), parts)).unzip();
    let mut done = execute(site, planned, step, StepRecord { why: miss.unwrap_or(record.why.clone()), ..record }, say);
    if let Some(before) = parts {
        done.warnings.extend(keep(site, step, before, &done.settled.record));
    }
    done
}

/// Keeps what a step passed on, or forgets what it once passed on. Gives what the user should know.
fn keep(site: &Site<'_>, step: &Step, before: Parts, record: &StepRecord) -> Option<String> {
    let name = &step.name;
    if record.state != StepState::Passed {
        let forgotten = site.cache.fail(name);
        return forgotten.err().map(|error| format!("{name}: what is cached of it cannot be removed: {error}"));
    }
    let after = parts_of(step, &site.setting(), &site.survey);
    let pass = Pass { at: Timestamp::now(), run_id: site.asked.run_id.clone(), took: record.took };
    match site.cache.keep(name, before, &after, pass) {
        Ok(Kept::No { why }) => Some(format!("{name} is not cached: {why}")),
        Ok(Kept::Yes) => None,
        Err(error) => Some(format!("{name} cannot be cached: {error}")),
    }
}

/// Runs it, and again where it is a setup that something was in the way of.
fn execute(site: &Site<'_>, planned: &Planned<'_>, step: &Step, record: StepRecord, say: &mut dyn FnMut(&str)) -> Done {
    // It may change any file, also one that another step's key is made of.
    let _busy = site.survey.busy();
    let infra = &site.settings().infra;
    let of = if infra.mode == InfraMode::Defer { 1 } else { infra.retries + 1 };
    let mut tries = 1;
    loop {
        let came = once(site, step, say);
        let log = Some(site.log(&step.name)).filter(|log| log.exists());
        let in_the_way = (step.kind == StepKind::Setup).then(|| in_the_way(&came)).flatten();
        let Some(what) = in_the_way else {
            if step.kind == StepKind::Setup && !came.as_ref().is_ok_and(|executed| executed.interrupted) {
                clear_budget(site.asked, Some(site), &step.name);
            }
            return settled(planned, step, StepRecord { log, ..record }, came, tries);
        };
        if tries >= of {
            return not_executed(site, planned.severity, StepRecord { log, ..record }, came, what, tries);
        }
        if !site.signals().wait(infra.delay) {
            // Not counted: nobody waited to see whether it works the next time.
            return Settled::not_begun(StepRecord { log, why: ENDED.to_owned(), ..record }).into();
        }
        say(&format!("a trouble of the moment ({what}) was in its way: it is tried again"));
        tries += 1;
    }
}

type Came = Result<Executed, ExecError>;

fn once(site: &Site<'_>, step: &Step, say: &mut dyn FnMut(&str)) -> Came {
    let told = site.told(&step.name);
    let launch = exec::command_line(&step.invocation, &site.root, site.environment.clone(), &told);
    let launch = launch.ok_or(ExecError::NoCommand)?;
    let mutex = step.mutex.as_deref().map(|mutex| site.lock(mutex));
    let log = site.log(&step.name);
    let order = Order {
        launch,
        log: &log,
        timeout: step.timeout,
        grace: site.settings().test.grace,
        mutex: mutex.as_deref(),
        keeps_stdout: false,
    };
    exec::run(&order, site.signals(), say)
}

/// What was in the way of a setup that may succeed another time.
fn in_the_way(came: &Came) -> Option<&'static str> {
    let failure = match came {
        Ok(executed) if executed.is_success() || executed.interrupted || executed.timed_out => return None,
        Ok(executed) => exec::classify(&executed.last_words, executed.ending),
        Err(error) => error.as_setup_failure(),
    };
    match failure {
        SetupFailure::Retriable(what) => Some(what),
        SetupFailure::Final => None,
    }
}

/// What a process came to, as what became of the step.
fn settled(planned: &Planned<'_>, step: &Step, record: StepRecord, came: Came, tries: u32) -> Done {
    let executed = match came {
        Ok(executed) => executed,
        Err(error) => return unstarted(planned.severity, record, &error),
    };
    let again = if tries > 1 { format!(", at try {tries}") } else { String::new() };
    let limit = step.timeout.map(write_duration).unwrap_or_default();
    let (state, why) = match executed.ending {
        _ if executed.interrupted => (StepState::NotRun, ENDED.to_owned()),
        _ if executed.timed_out => {
            (StepState::of_failure(planned.severity), format!("it did not end within {limit}, and was killed"))
        }
        Ending::Exited(0) if executed.leaked => {
            (StepState::Passed, "it passed, and left something running behind".to_owned())
        }
        Ending::Exited(0) => (StepState::Passed, format!("{}{again}", record.why)),
        ending => (StepState::of_failure(planned.severity), format!("it {ending}{again}")),
    };
    let has_failed = !matches!(state, StepState::Passed | StepState::NotRun);
    let mut warnings = Vec::new();
    if let Some(error) = &executed.log_trouble {
        warnings.push(format!("the log of {} is not whole: {error}", planned.name));
    }
    let ending = (executed.ending != Ending::NotStarted).then_some(executed.ending);
    let next = has_failed.then(|| mending(step)).flatten();
    let record = StepRecord { state, why, ending, took: executed.took, tail: executed.tail, next, ..record };
    let codes = if has_failed { vec![ExitCode::StepFailed] } else { Vec::new() };
    Done { settled: Settled { record, codes, reasons: Vec::new() }, warnings, ..Done::default() }
}

/// It could not be started: that is a matter of the configuration, or of a tool that is missing.
pub(super) fn unstarted(severity: Severity, record: StepRecord, error: &ExecError) -> Done {
    let codes = match error {
        ExecError::Log { .. } | ExecError::Lock { .. } => vec![ExitCode::Internal],
        ExecError::Busy { .. } => vec![ExitCode::StepFailed],
        _ => vec![ExitCode::Config],
    };
    let state = StepState::of_failure(severity);
    let record = StepRecord { state, why: error.to_string(), ending: Some(Ending::NotStarted), next: None, ..record };
    Done { settled: Settled { record, codes, reasons: Vec::new() }, ..Done::default() }
}

/// A setup that something was in the way of: put off, or given up, and no fault of the code in either case.
fn not_executed(site: &Site<'_>, severity: Severity, record: StepRecord, came: Came, what: &str, tries: u32) -> Done {
    let (why, codes) = budget(site, severity, &record.name, what, tries);
    let (ending, took, tail) = match came {
        Ok(executed) => (executed.ending, executed.took, executed.tail),
        Err(error) => (Ending::NotStarted, record.took, error.to_string()),
    };
    let state = state_of_unexecuted(severity);
    let record = StepRecord { state, why, ending: Some(ending), took, tail, ..record };
    Done { settled: Settled { record, codes, reasons: Vec::new() }, ..Done::default() }
}

/// The state of a step that could not be executed. A softer one shuts no gate by that either.
pub(super) const fn state_of_unexecuted(severity: Severity) -> StepState {
    match severity {
        Severity::Block => StepState::ToolError,
        softer => StepState::of_failure(softer),
    }
}

/// What becomes of something that could not be executed: it is put off while the budget lasts, else the gate is shut.
/// Nobody needs to come again for a softer one.
pub(super) fn budget(
    site: &Site<'_>,
    severity: Severity,
    step: &str,
    what: &str,
    tries: u32,
) -> (String, Vec<ExitCode>) {
    if severity != Severity::Block {
        return (format!("it could not be executed ({what}): not a code fault"), Vec::new());
    }
    let (why, code) = put_off(site.asked, Some(site), step, what, tries);
    (why, vec![code])
}

/// The same where there is no place yet: then nothing is known of what was to be looked at, but its commit.
pub(super) fn put_off(
    asked: &Asked<'_>,
    site: Option<&Site<'_>>,
    step: &str,
    what: &str,
    tries: u32,
) -> (String, ExitCode) {
    let infra = &asked.place.settings().infra;
    if infra.mode == InfraMode::Retry {
        let tried = if tries > 1 { format!(" after {tries} tries") } else { String::new() };
        return (format!("it could not be executed{tried} ({what}): not a code fault"), ExitCode::NeverExecuted);
    }
    let records = !asked.args.no_record;
    let mut store = records.then(|| asked.place.open().ok()).flatten();
    let key = budget_key(asked, site, step);
    let store = store.as_mut().map(|store| &mut **store as &mut dyn Store);
    match deferral::put_off(store, key, infra, Timestamp::now()) {
        Deferral::Deferred { attempt, of } => (
            format!("it could not be executed ({what}), attempt {attempt}/{of}: come again; not a code fault"),
            ExitCode::Deferred,
        ),
        Deferral::Exhausted { of } => {
            (format!("it could not be executed in {of} attempts ({what}): not a code fault"), ExitCode::NeverExecuted)
        }
    }
}

/// What is counted: this step, on what is looked at.
fn budget_key(asked: &Asked<'_>, site: Option<&Site<'_>>, step: &str) -> Option<ContentHash> {
    let input = match site {
        Some(site) => site.tested().input_key,
        None => {
            git::resolve(&asked.place.workspace.root, "HEAD").map(|commit| [commit].iter().collect::<Fields>().finish())
        }
    };
    input.map(|input| deferral::key(input, step))
}

/// It was executed: what is put off after this begins a new count.
pub(super) fn clear_budget(asked: &Asked<'_>, site: Option<&Site<'_>>, step: &str) {
    let defers = asked.place.settings().infra.mode == InfraMode::Defer && !asked.args.no_record;
    if defers
        && let Some(key) = budget_key(asked, site, step)
        && let Ok(mut store) = asked.place.open()
    {
        deferral::settle(&mut *store, key, Timestamp::now());
    }
}

/// The command that mends what a step found wrong, where there is a well-known one.
fn mending(step: &Step) -> Option<String> {
    let words: Vec<&str> = step.invocation.command.iter().map(String::as_str).collect();
    let is_format_check = words.starts_with(&["cargo", "fmt"]) && words.contains(&"--check");
    is_format_check.then(|| {
        let rest: Vec<&str> = words.into_iter().filter(|word| *word != "--check").collect();
        rest.join(" ").trim_end_matches(" --").to_owned()
    })
}

impl From<Settled> for Done {
    fn from(settled: Settled) -> Self {
        Self { settled, ..Self::default() }
    }
}
