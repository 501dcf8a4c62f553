//! How the parts of a run stand in columns, the same for every store.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::codec;
use super::store::{Counters, Result, StoreError, StoredRun};
use crate::analytics::summary::{Extent, RunFacts};
use crate::exit_code::ExitCode;
use crate::model::{
    CaseRecord, ContentHash, Context, CoverageFigures, Judgement, Reason, RunHead, RunId, RunRecord, RunState, Shard,
    TestKey, Totals, Verdict,
};
use crate::ratio::Ratio;

/// The columns of a run, with those of its context, and of what it reached.
pub(super) const RUNS: &str = "SELECT runs.*, contexts.target, contexts.features, contexts.profile, coverage.* \
     FROM runs JOIN contexts ON contexts.id = runs.context LEFT JOIN coverage ON coverage.run = runs.seq";

/// The columns of what summaries know of a run.
pub(super) const FACTS: &str = "SELECT seq, id, start_ns, input_key, commit_id, branch, state, instrumented, tests, \
     passed, failed, errored, timeout, flaky, skipped FROM runs";

/// The tests of a run that failed: its number is to follow.
pub(super) const FAILING: &str = "SELECT tests.binary_id, tests.name FROM cases JOIN tests ON tests.id = cases.test \
     WHERE cases.outcome NOT IN (0, 4, 5) AND cases.run = ";

/// A row that was read, by the names of its columns.
pub(super) trait Columns {
    /// A column holds something else than what stands in it.
    type Error;

    /// The error of a column that is empty, and must not be.
    fn empty(column: &str) -> Self::Error;

    /// A number, where there is one.
    fn maybe_number(&self, column: &str) -> Read<Option<i64>, Self>;

    /// A text, where there is one.
    fn maybe_text(&self, column: &str) -> Read<Option<String>, Self>;

    /// Yes or no, where it is known.
    fn maybe_flag(&self, column: &str) -> Read<Option<bool>, Self>;

    /// Bytes, where there are some.
    fn maybe_bytes(&self, column: &str) -> Read<Option<Vec<u8>>, Self>;

    fn number(&self, column: &str) -> Read<i64, Self> {
        self.maybe_number(column)?.ok_or_else(|| Self::empty(column))
    }

    fn text(&self, column: &str) -> Read<String, Self> {
        self.maybe_text(column)?.ok_or_else(|| Self::empty(column))
    }

    fn flag(&self, column: &str) -> Read<bool, Self> {
        self.maybe_flag(column)?.ok_or_else(|| Self::empty(column))
    }

    /// A count, never negative (R25).
    fn count(&self, column: &str) -> Read<u64, Self> {
        self.number(column).map(|number| u64::try_from(number).unwrap_or(0))
    }

    /// A hash; anything but 16 bytes is none.
    fn hash(&self, column: &str) -> Read<Option<ContentHash>, Self> {
        let bytes = self.maybe_bytes(column)?;
        Ok(bytes.and_then(|bytes| bytes.try_into().ok()).map(ContentHash))
    }
}

/// What is read of a row.
pub(super) type Read<T, R> = std::result::Result<T, <R as Columns>::Error>;

/// A run's row with its number. `Ok(None)` where a later version wrote what is not known here.
pub(super) fn run<R: Columns>(row: &R, goes_on: impl Fn(&RunHead) -> bool) -> Read<Option<(i64, StoredRun)>, R> {
    let Ok(state) = row.text("state")?.parse::<RunState>() else { return Ok(None) };
    let head = head(row)?;
    let state = match state {
        RunState::Running if !goes_on(&head) => RunState::Interrupted,
        state => state,
    };
    let run = StoredRun {
        head,
        state,
        totals: totals(row)?,
        not_run: row.count("not_run")?,
        duration: row.maybe_number("duration_us")?.and_then(micros),
        judgement: judgement(row)?,
        plan_digest: row.hash("plan_digest")?,
        coverage: coverage(row)?,
    };
    Ok(Some((row.number("seq")?, run)))
}

fn head<R: Columns>(row: &R) -> Read<RunHead, R> {
    Ok(RunHead {
        id: RunId::from_stored(row.text("id")?),
        start: timestamp(row.number("start_ns")?),
        context: context(row)?,
        suite: row.text("suite")?,
        version: row.maybe_text("version")?,
        trigger: row.text("run_trigger")?,
        host: row.text("host")?,
        toolchain: row.text("toolchain")?,
        commit: row.maybe_text("commit_id")?,
        branch: row.maybe_text("branch")?,
        dirty: row.maybe_flag("dirty")?,
        ci_link: row.maybe_text("ci_link")?,
        input_key: row.hash("input_key")?,
        instrumented: row.flag("instrumented")?,
        full: row.flag("whole")?,
        // What is no part of a plan is none.
        shard: row.maybe_text("shard")?.and_then(|text| text.parse::<Shard>().ok()),
        pid: u32::try_from(row.number("pid")?).map_err(|_| R::empty("pid"))?,
        boot_id: row.maybe_text("boot_id")?,
    })
}

/// The context that a row names.
pub(super) fn context<R: Columns>(row: &R) -> Read<Context, R> {
    Ok(Context { target: row.text("target")?, features: row.text("features")?, profile: row.text("profile")? })
}

fn totals<R: Columns>(row: &R) -> Read<Totals, R> {
    Ok(Totals {
        tests: row.count("tests")?,
        passed: row.count("passed")?,
        failed: row.count("failed")?,
        errored: row.count("errored")?,
        timeout: row.count("timeout")?,
        flaky: row.count("flaky")?,
        skipped: row.count("skipped")?,
    })
}

/// What it reached; what cannot have been is nothing.
fn coverage<R: Columns>(row: &R) -> Read<Option<CoverageFigures>, R> {
    // The column of a run that was not measured is empty.
    let Some(counting) = row.maybe_text("counting")? else { return Ok(None) };
    let ratio = |covered, total| -> Read<Ratio, R> {
        Ok(Ratio::new(row.count(covered)?, row.count(total)?).unwrap_or_default())
    };
    Ok(Some(CoverageFigures {
        lines: ratio("lines_covered", "lines_total")?,
        regions: ratio("regions_covered", "regions_total")?,
        functions: ratio("functions_covered", "functions_total")?,
        branches: ratio("branches_covered", "branches_total")?,
        counting,
        is_whole: row.flag("is_whole")?,
        may_be_baseline: row.flag("may_be_baseline")?,
    }))
}

/// A judgement; none where no verdict is known.
fn judgement<R: Columns>(row: &R) -> Read<Option<Judgement>, R> {
    let (verdict, codes, reasons) = (row.maybe_text("verdict")?, row.maybe_text("codes")?, row.maybe_text("reasons")?);
    let verdict = verdict.and_then(|text| Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == text));
    let Some(verdict) = verdict else { return Ok(None) };
    let codes = codes.unwrap_or_default();
    let codes = codes.split(',').filter_map(|number| ExitCode::ALL.into_iter().find(|code| code.to_string() == number));
    let reasons: Vec<Reason> = reasons.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    Ok(Some(Judgement { verdict, codes: codes.collect(), reasons }))
}

/// What summaries know of a run.
pub(super) fn facts<R: Columns>(row: &R) -> Read<RunFacts, R> {
    let state = row.text("state")?.parse().ok();
    let totals = totals(row)?;
    Ok(RunFacts {
        seq: row.number("seq")?.cast_unsigned(),
        id: RunId::from_stored(row.text("id")?),
        start: timestamp(row.number("start_ns")?),
        input_key: row.hash("input_key")?,
        commit: row.maybe_text("commit_id")?,
        branch: row.maybe_text("branch")?,
        extent: state.and_then(|state| Extent::of(state, &totals)),
        instrumented: row.flag("instrumented")?,
    })
}

/// The one run whose name begins so, or that is called so.
pub(super) fn only(id: &str, found: impl IntoIterator<Item = StoredRun>) -> Result<StoredRun> {
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(run), None) if !id.is_empty() => Ok(run),
        (Some(run), _) if run.head.id.as_str() == id => Ok(run),
        (Some(_), Some(_)) if !id.is_empty() => Err(StoreError::Ambiguous(id.to_owned())),
        _ => Err(StoreError::NoSuchRun(id.to_owned())),
    }
}

/// The counters by their names; a later version may count more.
pub(super) fn counters(named: impl IntoIterator<Item = (String, u64)>) -> Counters {
    let mut counters = Counters::default();
    for (name, value) in named {
        match name.as_str() {
            "runs" => counters.runs = value,
            "pass" => counters.pass = value,
            "fail" => counters.fail = value,
            "tool_error" => counters.tool_error = value,
            "deferred" => counters.deferred = value,
            _ => {}
        }
    }
    counters
}

/// What is said of rows that could not be decoded, where there are some.
pub(super) fn left_out(rows: u64) -> Option<String> {
    (rows > 0).then(|| format!("{rows} rows of the history could not be read and were left out"))
}

/// The case of a test, from `us`, `outcome` and `extra`; none where that is not to be understood.
pub(super) fn case<R: Columns>(row: &R, key: Arc<TestKey>) -> Read<Option<CaseRecord>, R> {
    let mut case = CaseRecord {
        key,
        outcome: codec::outcome_of(row.number("outcome")?),
        took: row.maybe_number("us")?.and_then(micros),
        attempts: Vec::new(),
        line: None,
        leaked: false,
        binary_hash: None,
    };
    let extra = row.maybe_bytes("extra")?;
    Ok(codec::read_extra(&mut case, extra.as_deref()).map(|()| case))
}

/// How long a run took, as it is written. Of an execution that was told of by others it may not be known.
pub(super) fn duration(record: &RunRecord) -> Option<i64> {
    codec::micros(Some(record.duration).filter(|took| !took.is_zero()))
}

/// The time of so many microseconds.
pub(super) fn micros(number: i64) -> Option<Duration> {
    u64::try_from(number).ok().map(Duration::from_micros)
}

/// Nanoseconds since 1970, as far as 64 bits reach (to the year 2262).
pub(super) fn nanos(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(if at < Timestamp::UNIX_EPOCH { i64::MIN } else { i64::MAX })
}

/// The moment of so many nanoseconds since 1970.
pub(super) fn timestamp(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(nanos.into()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A count as far as 63 bits reach.
pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The codes of a judgement, as they are written.
pub(super) fn codes(judgement: &Judgement) -> String {
    let codes: Vec<String> = judgement.codes.iter().map(ToString::to_string).collect();
    codes.join(",")
}

/// The reasons of a judgement, as they are written.
pub(super) fn reasons(judgement: &Judgement) -> Result<String> {
    serde_json::to_string(&judgement.reasons).map_err(|error| StoreError::Other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Outcome;

    #[test]
    fn what_did_not_fail_is_asked_for_by_its_numbers() {
        let numbers = Outcome::ALL.into_iter().filter(|outcome| !outcome.is_failure()).map(codec::outcome_code);
        let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
        assert!(FAILING.contains(&format!("NOT IN ({})", numbers.join(", "))), "{numbers:?}");
    }
}
