//! Rows as values: runs, and what summaries know of them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row};

use super::error;
use crate::analytics::summary::{Extent, RunFacts};
use crate::history::columns::{self, timestamp};
use crate::history::store::{Result, StoredRun};
use crate::model::{ContentHash, Context, CoverageFigures, Judgement, RunHead, RunId, RunState, Shard, Totals};
use crate::ratio::Ratio;
use crate::sys::host;

/// A hash from its column; anything but 16 bytes is none.
pub(super) fn hash(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<ContentHash>> {
    Ok(columns::hash(row.get(column)?))
}

/// A count from its column, never negative (R25).
pub(super) fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(columns::count(row.get(column)?))
}

/// The columns of a run, with those of its context, and of what it reached.
pub(super) const RUNS: &str = "SELECT runs.*, contexts.target, contexts.features, contexts.profile, coverage.* \
     FROM runs JOIN contexts ON contexts.id = runs.context LEFT JOIN coverage ON coverage.run = runs.seq";

/// A run's row with its number. `Ok(None)` where a later version wrote what is not known here.
pub(super) fn run(row: &Row<'_>) -> rusqlite::Result<Option<(i64, StoredRun)>> {
    let Ok(state) = row.get::<_, String>("state")?.parse::<RunState>() else { return Ok(None) };
    let (pid, boot_id): (u32, Option<String>) = (row.get("pid")?, row.get("boot_id")?);
    let state = match state {
        RunState::Running if !host::is_alive(pid, boot_id.as_deref()) => RunState::Interrupted,
        state => state,
    };
    let head = RunHead {
        id: RunId::from_stored(row.get::<_, String>("id")?),
        start: timestamp(row.get("start_ns")?),
        context: Context { target: row.get("target")?, features: row.get("features")?, profile: row.get("profile")? },
        suite: row.get("suite")?,
        version: row.get("version")?,
        trigger: row.get("run_trigger")?,
        host: row.get("host")?,
        toolchain: row.get("toolchain")?,
        commit: row.get("commit_id")?,
        branch: row.get("branch")?,
        dirty: row.get("dirty")?,
        ci_link: row.get("ci_link")?,
        input_key: hash(row, "input_key")?,
        instrumented: row.get("instrumented")?,
        full: row.get("whole")?,
        shard: shard(row)?,
        pid,
        boot_id,
    };
    let duration: Option<i64> = row.get("duration_us")?;
    let run = StoredRun {
        head,
        state,
        totals: totals(row)?,
        not_run: count(row, "not_run")?,
        duration: duration.and_then(|us| u64::try_from(us).ok()).map(Duration::from_micros),
        judgement: judgement(row)?,
        plan_digest: hash(row, "plan_digest")?,
        coverage: coverage(row)?,
    };
    Ok(Some((row.get("seq")?, run)))
}

/// Which part of a plan it was of; what is no part is none.
fn shard(row: &Row<'_>) -> rusqlite::Result<Option<Shard>> {
    Ok(columns::shard(row.get("shard")?))
}

fn totals(row: &Row<'_>) -> rusqlite::Result<Totals> {
    Ok(Totals {
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
fn coverage(row: &Row<'_>) -> rusqlite::Result<Option<CoverageFigures>> {
    // The column of a run that was not measured is empty.
    let Some(counting) = row.get("counting")? else { return Ok(None) };
    let ratio = |covered, total| -> rusqlite::Result<Ratio> {
        Ok(Ratio::new(count(row, covered)?, count(row, total)?).unwrap_or_default())
    };
    Ok(Some(CoverageFigures {
        lines: ratio("lines_covered", "lines_total")?,
        regions: ratio("regions_covered", "regions_total")?,
        functions: ratio("functions_covered", "functions_total")?,
        branches: ratio("branches_covered", "branches_total")?,
        counting,
        is_whole: row.get("is_whole")?,
        may_be_baseline: row.get("may_be_baseline")?,
    }))
}

fn judgement(row: &Row<'_>) -> rusqlite::Result<Option<Judgement>> {
    let text = |column| row.get::<_, Option<String>>(column);
    let (verdict, codes, reasons) = (text("verdict")?, text("codes")?, text("reasons")?);
    Ok(columns::judgement(verdict.as_deref(), codes.as_deref(), reasons.as_deref()))
}

/// What summaries know of runs, read as it is asked for.
pub(super) struct Facts<'c> {
    connection: &'c Connection,
    known: RefCell<HashMap<u64, Option<Arc<RunFacts>>>>,
    /// The latest answers again, by number modulo their count: windows ask for the same runs in turn.
    latest: RefCell<Vec<Option<Arc<RunFacts>>>>,
    failure: Cell<Option<rusqlite::Error>>,
}

/// More than a window's runs, and a power of two.
const LATEST: usize = 256;

impl<'c> Facts<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            known: RefCell::default(),
            latest: RefCell::new(vec![None; LATEST]),
            failure: Cell::default(),
        }
    }

    /// The facts of a run, where its number is known.
    pub(super) fn get(&self, seq: u64) -> Option<Arc<RunFacts>> {
        let slot = usize::try_from(seq).unwrap_or(0) % LATEST;
        if let Some(Some(facts)) = self.latest.borrow().get(slot)
            && facts.seq == seq
        {
            return Some(Arc::clone(facts));
        }
        let facts = self.known.borrow_mut().entry(seq).or_insert_with(|| self.read(seq)).clone();
        if let Some(latest) = self.latest.borrow_mut().get_mut(slot) {
            latest.clone_from(&facts);
        }
        facts
    }

    /// Takes in a run that has no row any more.
    pub(super) fn know(&self, run: &Arc<RunFacts>) {
        self.known.borrow_mut().insert(run.seq, Some(Arc::clone(run)));
    }

    /// The error of the first run that could not be looked up, if there was any.
    pub(super) fn finish(&self) -> Result<()> {
        self.failure.take().map_or(Ok(()), |failure| Err(error(failure)))
    }

    fn read(&self, seq: u64) -> Option<Arc<RunFacts>> {
        let read = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT id, start_ns, input_key, commit_id, branch, state, instrumented, tests, passed, failed, \
                 errored, timeout, flaky, skipped FROM runs WHERE seq = ?1",
            )?;
            let facts = statement.query_row([seq.cast_signed()], |row| {
                let state = row.get::<_, String>("state")?.parse().ok();
                let totals = totals(row)?;
                Ok(RunFacts {
                    seq,
                    id: RunId::from_stored(row.get::<_, String>("id")?),
                    start: timestamp(row.get("start_ns")?),
                    input_key: hash(row, "input_key")?,
                    commit: row.get("commit_id")?,
                    branch: row.get("branch")?,
                    extent: state.and_then(|state| Extent::of(state, &totals)),
                    instrumented: row.get("instrumented")?,
                })
            });
            facts.optional()
        };
        match read() {
            Ok(facts) => facts.map(Arc::new),
            Err(failure) => {
                self.failure.set(Some(failure));
                None
            }
        }
    }
}
