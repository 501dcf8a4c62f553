//! `cargo gate history add`: a run of something that the gate did not run itself.

use std::io::Write;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::verbs::{HistoryError, Result, run_json, write_json};
use crate::cli::{AddArgs, CountArgs, Format, Told};
use crate::exit_code::ExitCode;
use crate::history::record::{self, Lookup, Start};
use crate::history::store::Store;
use crate::model::{
    Context, Judgement, PIPELINE_SUITE, Reason, RunHead, RunRecord, RunState, Totals, Verdict, WORKSPACE_SUITE,
};
use crate::report::json::SCHEMA_VERSION;
use crate::report::words;

/// Nobody else's executions are on record under the names of the gate's own.
pub(super) fn refuse_own_suite(name: &str) -> Result<()> {
    let command = match name {
        WORKSPACE_SUITE => "cargo gate test",
        PIPELINE_SUITE => "cargo gate run",
        _ => return Ok(()),
    };
    Err(HistoryError::Usage(format!("the suite `{name}` is what `{command}` runs: give this one another name")))
}

/// The run that is told of, or why it can be none. `commit` is the full name of the one that is told, `random` makes
/// the run's name unique.
pub fn told(args: &AddArgs, commit: Option<String>, now: Timestamp, random: u32, env: Lookup<'_>) -> Result<RunRecord> {
    let refuse = |why: &str| Err(HistoryError::Usage(why.to_owned()));
    refuse_own_suite(&args.suite)?;
    let at = args.at.unwrap_or(now);
    if at > now {
        return refuse("--at lies in the future");
    }
    let totals = totals(args.counts);
    let verdict = match (args.verdict, totals.failures(), totals.executed()) {
        (Some(Told::Pass), ..) => Verdict::Pass,
        (Some(Told::Fail), ..) => Verdict::Fail,
        (None, 0, 0) => return refuse("nothing says what became of it: give --verdict, or counts of executed tests"),
        (None, 0, _) => Verdict::Pass,
        (None, ..) => Verdict::Fail,
    };
    let start = Start {
        at,
        random,
        context: Context { target: String::new(), features: String::new(), profile: String::new() },
        trigger: args.trigger.clone(),
        toolchain: String::new(),
        instrumented: false,
        full: true,
        shard: None,
    };
    let head = record::head(start, env);
    let branch = args.branch.clone().or_else(|| head.branch.clone());
    Ok(RunRecord {
        head: RunHead { suite: args.suite.clone(), version: args.version.clone(), commit, branch, ..head },
        state: RunState::Executed,
        totals,
        not_run: 0,
        duration: args.duration.unwrap_or(Duration::ZERO),
        judgement: judgement(verdict, &totals),
        plan_digest: None,
        coverage: None,
    })
}

fn totals(counts: CountArgs) -> Totals {
    let count = |count: Option<u32>| u64::from(count.unwrap_or_default());
    let mut totals = Totals {
        tests: 0,
        passed: count(counts.passed),
        failed: count(counts.failed),
        errored: count(counts.errored),
        timeout: count(counts.timeout),
        flaky: count(counts.flaky),
        skipped: count(counts.skipped),
    };
    totals.tests = totals.passed + totals.flaky + totals.skipped + totals.failures();
    totals
}

fn judgement(verdict: Verdict, totals: &Totals) -> Judgement {
    let executed = words::count(totals.executed(), "test", "tests");
    let (code, reason) = match (verdict, totals.executed(), totals.failures()) {
        (Verdict::Pass, 0, _) => (ExitCode::Pass, Reason::new("pass", "it was said to have passed")),
        (Verdict::Pass, _, 0) => (ExitCode::Pass, Reason::new("pass", format!("{executed} passed"))),
        (Verdict::Pass, _, failures) => {
            let text = format!("it was said to have passed, with {} of {executed} failing", words::thousands(failures));
            (ExitCode::Pass, Reason::new("pass", text))
        }
        (_, _, 0) => (ExitCode::TestsFailed, Reason::new("tests-failed", "it was said to have failed")),
        (_, _, failures) => {
            let text = format!("{} of {executed} failed", words::thousands(failures));
            (ExitCode::TestsFailed, Reason::new("tests-failed", text))
        }
    };
    Judgement { verdict, codes: vec![code], reasons: vec![reason] }
}

/// Puts the run on record and says its name.
pub fn add(store: &mut dyn Store, record: &RunRecord, out: &mut dyn Write, format: Format) -> Result<()> {
    store.finish(record, &[], &[])?;
    let id = &record.head.id;
    if format == Format::Json {
        let run = store.run(id.as_str())?;
        return write_json(out, &json!({ "schema_version": SCHEMA_VERSION, "run": run_json(&run) }));
    }
    writeln!(out, "{id}")?;
    Ok(())
}
