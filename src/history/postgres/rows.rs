//! Rows as values: runs, cases, and what summaries know of runs. What does not decode is nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::question::Text;
use crate::analytics::summary::{Extent, RunFacts};
use crate::history::codec;
use crate::history::columns::{self, timestamp};
use crate::history::store::StoredRun;
use crate::model::{BinaryId, CaseRecord, Context, CoverageFigures, RunHead, RunId, RunState, TestKey, Totals};
use crate::ratio::Ratio;
use crate::sys::host;

/// The columns of a run, with those of its context, and of what it reached.
pub(super) const RUNS: &str = "SELECT runs.*, contexts.target, contexts.features, contexts.profile, coverage.* \
     FROM runs JOIN contexts ON contexts.id = runs.context LEFT JOIN coverage ON coverage.run = runs.seq";

/// What summaries know of a run.
pub(super) const FACTS: &str = "SELECT seq, id, start_ns, input_key, commit_id, branch, state, instrumented, tests, \
     passed, failed, errored, timeout, flaky, skipped FROM runs";

/// A run on another machine, of which nobody here can tell whether it goes on, is taken to do so for this long.
const LONGEST_RUN: SignedDuration = SignedDuration::from_hours(24);

/// The value of a column.
pub(super) fn get<'r, T: FromSql<'r>>(row: &'r Row, column: &str) -> Option<T> {
    row.try_get(column).ok()
}

/// A text from its column.
pub(super) fn text(row: &Row, column: &str) -> Option<String> {
    get::<Text>(row, column).map(Text::into_string)
}

/// A text that may be missing.
fn maybe_text(row: &Row, column: &str) -> Option<Option<String>> {
    get::<Option<Text>>(row, column).map(|text| text.map(Text::into_string))
}

fn count(row: &Row, column: &str) -> Option<u64> {
    get(row, column).map(columns::count)
}

/// A run's row with its number.
pub(super) fn run(row: &Row) -> Option<(i64, StoredRun)> {
    let head = RunHead {
        id: RunId::from_stored(text(row, "id")?),
        start: timestamp(get(row, "start_ns")?),
        context: context(row)?,
        suite: text(row, "suite")?,
        version: maybe_text(row, "version")?,
        trigger: text(row, "run_trigger")?,
        host: text(row, "host")?,
        toolchain: text(row, "toolchain")?,
        commit: maybe_text(row, "commit_id")?,
        branch: maybe_text(row, "branch")?,
        dirty: get(row, "dirty")?,
        ci_link: maybe_text(row, "ci_link")?,
        input_key: columns::hash(get(row, "input_key")?),
        instrumented: get(row, "instrumented")?,
        full: get(row, "whole")?,
        shard: columns::shard(get(row, "shard")?),
        pid: u32::try_from(get::<i64>(row, "pid")?).ok()?,
        boot_id: maybe_text(row, "boot_id")?,
    };
    let state = match get::<&str>(row, "state")?.parse().ok()? {
        RunState::Running if !goes_on(&head, Timestamp::now()) => RunState::Interrupted,
        state => state,
    };
    let (verdict, codes, reasons): (Option<&str>, Option<&str>, Option<String>) =
        (get(row, "verdict")?, get(row, "codes")?, maybe_text(row, "reasons")?);
    let duration: Option<i64> = get(row, "duration_us")?;
    let run = StoredRun {
        head,
        state,
        totals: totals(row)?,
        not_run: count(row, "not_run")?,
        duration: micros(duration),
        judgement: columns::judgement(verdict, codes, reasons.as_deref()),
        plan_digest: columns::hash(get(row, "plan_digest")?),
        coverage: coverage(row)?,
    };
    Some((get(row, "seq")?, run))
}

/// Does a run go on? A process can be looked for on its own machine alone.
fn goes_on(head: &RunHead, now: Timestamp) -> bool {
    match head.host == host::name() && head.boot_id.as_deref() == host::boot_id() {
        true => host::is_alive(head.pid, head.boot_id.as_deref()),
        false => now.duration_since(head.start) < LONGEST_RUN,
    }
}

fn micros(number: Option<i64>) -> Option<Duration> {
    number.and_then(|us| u64::try_from(us).ok()).map(Duration::from_micros)
}

pub(super) fn context(row: &Row) -> Option<Context> {
    Some(Context { target: text(row, "target")?, features: text(row, "features")?, profile: text(row, "profile")? })
}

fn totals(row: &Row) -> Option<Totals> {
    Some(Totals {
        tests: count(row, "tests")?,
        passed: count(row, "passed")?,
        failed: count(row, "failed")?,
        errored: count(row, "errored")?,
        timeout: count(row, "timeout")?,
        flaky: count(row, "flaky")?,
        skipped: count(row, "skipped")?,
    })
}

/// What it reached; what cannot have been is nothing.
fn coverage(row: &Row) -> Option<Option<CoverageFigures>> {
    // The column of a run that was not measured is empty.
    let Some(counting) = maybe_text(row, "counting")? else { return Some(None) };
    let ratio = |covered, total| Some(Ratio::new(count(row, covered)?, count(row, total)?).unwrap_or_default());
    Some(Some(CoverageFigures {
        lines: ratio("lines_covered", "lines_total")?,
        regions: ratio("regions_covered", "regions_total")?,
        functions: ratio("functions_covered", "functions_total")?,
        branches: ratio("branches_covered", "branches_total")?,
        counting,
        is_whole: get(row, "is_whole")?,
        may_be_baseline: get(row, "may_be_baseline")?,
    }))
}

/// What summaries know of a run.
pub(super) fn facts(row: &Row) -> Option<RunFacts> {
    let state = get::<&str>(row, "state")?.parse().ok();
    let totals = totals(row)?;
    Some(RunFacts {
        seq: get::<i64>(row, "seq")?.cast_unsigned(),
        id: RunId::from_stored(text(row, "id")?),
        start: timestamp(get(row, "start_ns")?),
        input_key: columns::hash(get(row, "input_key")?),
        commit: maybe_text(row, "commit_id")?,
        branch: maybe_text(row, "branch")?,
        extent: state.and_then(|state| Extent::of(state, &totals)),
        instrumented: get(row, "instrumented")?,
    })
}

/// A binary with its number.
pub(super) fn binary(row: &Row) -> Option<(i64, BinaryId)> {
    let kind = text(row, "kind")?.parse().ok()?;
    Some((get(row, "id")?, BinaryId { package: text(row, "package")?, kind, binary: text(row, "name")? }))
}

/// The case of a test, from `us`, `outcome` and `extra`.
pub(super) fn case(row: &Row, key: Arc<TestKey>) -> Option<CaseRecord> {
    let mut case = CaseRecord {
        key,
        outcome: codec::outcome_of(get::<i16>(row, "outcome")?.into()),
        took: micros(get(row, "us")?),
        attempts: Vec::new(),
        line: None,
        leaked: false,
        binary_hash: None,
    };
    codec::read_extra(&mut case, get(row, "extra")?)?;
    Some(case)
}
