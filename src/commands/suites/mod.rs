//! Suites that are not Rust, as steps of a pipeline: run, read, judged, and put into the history beside the workspace's
//! own tests.

mod execute;
mod results;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;

use self::execute::{Execution, execute};
use super::quarantine::day;
use crate::commands::keeping::{self, History, Pace};
use crate::config::Settings;
use crate::exit_code::ExitCode;
use crate::history::record::{self, Start, add_checkout};
use crate::history::shared::Hurry;
use crate::import::suite_binary;
use crate::model::{
    CaseRecord, ContentHash, Context, Ending, InfraMode, Judgement, Reason, RunHead, RunRecord, RunState, StepState,
    Totals, Verdict,
};
use crate::pipeline::exec;
use crate::pipeline::suite::{self, Ended, Found, Judged, Told, Unstarted, file_stem};
use crate::sys::git::Checkout;
use crate::sys::random::random;
use crate::sys::signals::Signals;

/// Where suites run, and what is known of it.
#[derive(Clone, Copy)]
pub(super) struct SuiteRun<'a> {
    pub(super) settings: &'a Settings,
    /// The workspace, or what stands for it where steps are isolated.
    pub(super) root: &'a Utf8Path,
    /// Under which package its tests stand.
    pub(super) package: &'a str,
    /// The gate directory with the history; none: nothing is recorded.
    pub(super) gate_dir: Option<&'a Utf8Path>,
    /// Where logs and results go, absolute.
    pub(super) log_dir: &'a Utf8Path,
    pub(super) context: &'a Context,
    pub(super) checkout: Option<&'a Checkout>,
    pub(super) input_key: Option<ContentHash>,
    /// `rustc -V`'s one line.
    pub(super) toolchain: &'a str,
    pub(super) trigger: Option<&'a str>,
    /// The environment, without what it is told of the run.
    pub(super) env: &'a [(OsString, OsString)],
    /// What it is told of the run, as every step is.
    pub(super) told: exec::Told<'a>,
    /// The file that is locked while it runs.
    pub(super) mutex: Option<&'a Utf8Path>,
    pub(super) signals: &'a Signals,
}

/// What a suite came to.
pub(super) struct SuiteCame {
    pub(super) record: RunRecord,
    pub(super) cases: Vec<Arc<CaseRecord>>,
    pub(super) state: StepState,
    /// Why, in one sentence.
    pub(super) why: String,
    pub(super) ending: Option<Ending>,
    pub(super) took: Duration,
    /// The last of what it printed, raw.
    pub(super) tail: String,
    pub(super) log: Utf8PathBuf,
    /// Why it was not executed, for no fault of the code; `[infra]`'s tries are used up by then, unless it defers.
    pub(super) tool_error: Option<String>,
    /// How often it was tried.
    pub(super) tries: u32,
    /// What the user should know that decides nothing.
    pub(super) warnings: Vec<String>,
}

/// Runs a suite to its end, tries again what could not be executed, judges it and records it. `on_line` hears every
/// line it prints.
pub(super) fn run(found: &Found, site: &SuiteRun<'_>, on_line: &mut dyn FnMut(&str)) -> SuiteCame {
    let since = Instant::now();
    let head = head(found, site);
    let mut warnings = Vec::new();
    let mut store = open(site, &head, &mut warnings);
    let folder = site.log_dir;
    let log = folder.join(format!("{}.log", file_stem(&found.suite.name)));
    let planned = suite::plan(found, site.root, folder, execute::node_version(found, site));
    let infra = &site.settings.infra;
    let of = if infra.mode == InfraMode::Defer { 1 } else { infra.retries + 1 };
    let mut tries = 1;
    let (execution, judged) = loop {
        let execution = execute(&planned, found.suite.timeout, &log, site, on_line);
        if execution.interrupted {
            let judged = interrupted(site);
            break (execution, judged);
        }
        let judged = judged(found, site, &head, &planned.writes, &execution);
        if judged.tool_error.is_none() || tries >= of {
            break (execution, judged);
        }
        if !site.signals.wait(infra.delay) {
            break (execution, interrupted(site));
        }
        tries += 1;
    };
    let took = since.elapsed();
    let record = RunRecord {
        head,
        state: judged.run,
        totals: judged.totals,
        not_run: 0,
        duration: took,
        judgement: judged.judgement.clone(),
        plan_digest: None,
        coverage: None,
    };
    if let Some(store) = &mut store {
        warnings.extend(store.finish(&record, &judged.cases, &[]).err().map(|error| error.to_string()));
        warnings.extend(store.take_warnings());
    }
    warnings.extend(execution.warning);
    SuiteCame {
        record,
        why: judged.why().to_owned(),
        cases: judged.cases,
        state: judged.state,
        ending: Some(execution.ending),
        took,
        tail: execution.tail,
        log,
        tool_error: judged.tool_error,
        tries,
        warnings,
    }
}

/// The head of the suite's run, as that of any other.
fn head(found: &Found, site: &SuiteRun<'_>) -> RunHead {
    let start = Start {
        at: Timestamp::now(),
        random: random(),
        context: site.context.clone(),
        trigger: site.trigger.map(str::to_owned),
        toolchain: site.toolchain.to_owned(),
        instrumented: false,
        // Nothing is ever left out of a suite.
        full: true,
        shard: None,
    };
    let mut head = record::head(start, &|name| std::env::var(name).ok());
    head.suite.clone_from(&found.suite.name);
    head.input_key = site.input_key;
    if let Some(checkout) = site.checkout {
        add_checkout(&mut head, checkout);
    }
    head
}

/// The history with this run on record as running. What cannot be recorded is a warning.
fn open(site: &SuiteRun<'_>, head: &RunHead, warnings: &mut Vec<String>) -> Option<History> {
    let of = keeping::Of { gate_dir: site.gate_dir?, workspace: site.package, settings: &site.settings.store };
    let mut store = of.open(Pace::of_a_run(Hurry::already())).map_err(|error| warnings.push(error.to_string())).ok()?;
    warnings.extend(store.begin(head).err().map(|error| error.to_string()));
    warnings.extend(store.take_warnings());
    Some(store)
}

fn judged(found: &Found, site: &SuiteRun<'_>, head: &RunHead, writes: &suite::Writes, execution: &Execution) -> Judged {
    let told = match execution.ending {
        Ending::NotStarted => Told::Nothing,
        _ => results::told(writes, execution, head, site.package),
    };
    let today = day(Timestamp::now());
    let binary = suite_binary(site.package, &found.suite.name);
    suite::judge(Ended {
        binary: &binary,
        ending: execution.ending,
        unstarted: execution.unstarted.as_ref().map(|one| Unstarted { why: &one.why, code: one.code }),
        timed_out: execution.timed_out,
        told,
        tail: &execution.tail,
        took: execution.took,
        min_pass_rate: found.suite.min_pass_rate,
        on_failure: found.suite.on_failure,
        is_quarantined: &|key| site.settings.quarantine_of(key, today).is_some(),
    })
}

/// Somebody asked for an end: that judges nothing.
fn interrupted(site: &SuiteRun<'_>) -> Judged {
    let signal = site.signals.interrupt().map_or("SIGINT", |interrupt| interrupt.signal);
    let reason = Reason::new("interrupted", format!("{signal} came before the end"));
    let judgement = Judgement { verdict: Verdict::Fail, codes: vec![ExitCode::Interrupted], reasons: vec![reason] };
    Judged {
        cases: Vec::new(),
        totals: Totals::default(),
        run: RunState::Interrupted,
        judgement,
        state: StepState::NotRun,
        tool_error: None,
    }
}
