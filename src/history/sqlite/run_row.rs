//! The rows of a run that are of itself, not of its tests.

use rusqlite::{Connection, named_params, params};

use super::{error, read};
use crate::history::columns::{self, nanos, number};
use crate::history::store::Result;
use crate::model::{Context, CoverageFigures, RunHead, RunRecord, RunState};

/// Puts down what is known of a run from its start; gives its number, and its context's. Where it was pruned as one that
/// was cut off nothing was learnt from it, and it comes back.
pub(super) fn put_head(connection: &Connection, head: &RunHead) -> Result<(i64, i64)> {
    let context = put_context(connection, &head.context)?;
    let sql = "INSERT INTO runs (id, start_ns, context, state, suite, version, run_trigger, host, toolchain, \
               commit_id, branch, dirty, ci_link, input_key, instrumented, whole, shard, pid, boot_id) \
               VALUES (:id, :start_ns, :context, 'running', :suite, :version, :trigger, :host, :toolchain, \
               :commit, :branch, :dirty, :ci_link, :input_key, :instrumented, :whole, :shard, :pid, :boot_id) \
               ON CONFLICT (id) DO UPDATE SET suite = :suite, version = :version, run_trigger = :trigger, \
               host = :host, toolchain = :toolchain, commit_id = :commit, branch = :branch, dirty = :dirty, \
               ci_link = :ci_link, input_key = :input_key, instrumented = :instrumented, whole = :whole, \
               shard = :shard, start_ns = :start_ns, context = :context, pid = :pid, boot_id = :boot_id, pruned = 0 \
               RETURNING seq";
    let mut statement = connection.prepare_cached(sql).map_err(error)?;
    let columns = named_params! {
        ":id": head.id.as_str(), ":start_ns": nanos(head.start), ":context": context,
        ":suite": head.suite, ":version": head.version, ":trigger": head.trigger,
        ":host": head.host, ":toolchain": head.toolchain, ":commit": head.commit, ":branch": head.branch,
        ":dirty": head.dirty, ":ci_link": head.ci_link, ":input_key": head.input_key.map(|key| key.0),
        ":instrumented": head.instrumented, ":whole": head.full,
        ":shard": head.shard.map(|shard| shard.to_string()), ":pid": head.pid, ":boot_id": head.boot_id,
    };
    let seq = statement.query_row(columns, |row| row.get(0)).map_err(error)?;
    Ok((seq, context))
}

/// The number of a context.
pub(super) fn put_context(connection: &Connection, context: &Context) -> Result<i64> {
    if let Some(id) = read::context_id(connection, context)? {
        return Ok(id);
    }
    let sql = "INSERT INTO contexts (target, features, profile) VALUES (?1, ?2, ?3)";
    connection.execute(sql, [&context.target, &context.features, &context.profile]).map_err(error)?;
    Ok(connection.last_insert_rowid())
}

/// Puts down what came of a run.
pub(super) fn put_result(connection: &Connection, seq: i64, record: &RunRecord) -> Result<()> {
    let sql = "UPDATE runs SET state = ?2, tests = ?3, passed = ?4, failed = ?5, errored = ?6, timeout = ?7, \
               flaky = ?8, skipped = ?9, not_run = ?10, duration_us = ?11, verdict = ?12, codes = ?13, reasons = ?14, \
               plan_digest = ?15, judged = ?16 WHERE seq = ?1";
    let totals = &record.totals;
    let columns = params![
        seq,
        record.state.as_str(),
        number(totals.tests),
        number(totals.passed),
        number(totals.failed),
        number(totals.errored),
        number(totals.timeout),
        number(totals.flaky),
        number(totals.skipped),
        number(record.not_run),
        columns::duration(record),
        record.verdict().as_str(),
        columns::codes(&record.judgement),
        columns::reasons(&record.judgement)?,
        record.plan_digest.map(|digest| digest.0),
        // What follows from state and totals is decided where they are read.
        matches!(record.state, RunState::Executed | RunState::Interrupted),
    ];
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(columns)).map_err(error)?;
    Ok(())
}

/// Puts down what a run reached.
pub(super) fn put_coverage(connection: &Connection, seq: i64, figures: &CoverageFigures) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO coverage (run, lines_covered, lines_total, regions_covered, regions_total, \
               functions_covered, functions_total, branches_covered, branches_total, counting, is_whole, \
               may_be_baseline) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let counts = figures.all().map(|(_, ratio)| (ratio.covered().cast_signed(), ratio.total().cast_signed()));
    let [lines, regions, functions, branches] = counts;
    let columns = params![
        seq,
        lines.0,
        lines.1,
        regions.0,
        regions.1,
        functions.0,
        functions.1,
        branches.0,
        branches.1,
        figures.counting,
        figures.is_whole,
        figures.may_be_baseline,
    ];
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(columns)).map_err(error)?;
    Ok(())
}
