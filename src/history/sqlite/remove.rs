//! What removes: pruning, which forgets runs and keeps what was learnt from them, and undoing, which takes a run back
//! as if it had never been.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::append::{Appender, Runs, count, find};
use super::error;
use super::read::Reader;
use super::rows::Facts;
use super::run_row::put_head;
use crate::analytics::summary::Entry;
use crate::history::codec;
use crate::history::intake::{counters_of, counts};
use crate::history::retention::Chooser;
use crate::history::store::{FinishedRun, Pruned, Result, Retention, RunFilter, StoreError, StoredRun};
use crate::model::{Context, RunHead, RunState};

/// How many runs are removed in one transaction: others may write between two.
pub(super) const CHUNK: usize = 20;

/// The file is rewritten where so much of it is free …
const WORTHWHILE_BYTES: u64 = 1 << 20;

/// … and at least one part in so many.
const WORTHWHILE_PART: u64 = 4;

/// Which runs go, oldest first: what is said of them, and their numbers.
pub(super) fn plan(reader: &Reader<'_>, keep: &Retention) -> Result<(Pruned, Vec<i64>)> {
    let size = reader.size()?;
    let used = size.bytes - free_bytes(reader.connection)?.min(size.bytes);
    let mut chosen = Vec::new();
    if keep.keeps_everything() {
        let pruned = Pruned { bytes_before: size.bytes, bytes_after: size.bytes, ..Pruned::default() };
        return Ok((pruned, chosen));
    }
    let mut chooser = Chooser::new(keep, &size, used);
    let filter = chooser.filter();
    reader.visit(&filter, |seq, run| {
        if chooser.takes(run) {
            chosen.push(seq);
        }
        ControlFlow::Continue(())
    })?;
    chosen.reverse();
    Ok((chooser.pruned(), chosen))
}

/// Removes runs. Their rows stay behind with what summaries know of them.
pub(super) fn prune(transaction: &Transaction<'_>, chosen: &[i64]) -> Result<()> {
    let sql = "UPDATE runs SET pruned = 1, host = '', toolchain = '', ci_link = NULL, boot_id = NULL, codes = NULL, \
               reasons = NULL, plan_digest = NULL WHERE seq = ?1";
    let mut blank = transaction.prepare_cached(sql).map_err(error)?;
    for seq in chosen {
        delete_cases(transaction, *seq)?;
        blank.execute([seq]).map_err(error)?;
    }
    Ok(())
}

fn delete_cases(transaction: &Transaction<'_>, seq: i64) -> Result<()> {
    for table in ["cases", "failures", "contents", "coverage"] {
        let sql = format!("DELETE FROM {table} WHERE run = ?1");
        transaction.prepare_cached(&sql).and_then(|mut delete| delete.execute([seq])).map_err(error)?;
    }
    Ok(())
}

/// Forgets tests that no run on record knows any more: those of which the latest entry is of a pruned run.
pub(super) fn forget_vanished(transaction: &Transaction<'_>) -> Result<()> {
    let facts = Facts::new(transaction);
    let mut kept = transaction.prepare_cached("SELECT pruned = 0 FROM runs WHERE seq = ?1").map_err(error)?;
    let mut read = transaction.prepare_cached("SELECT context, test, folded FROM summaries").map_err(error)?;
    let mut found = read.query([]).map_err(error)?;
    let mut vanished: Vec<(i64, i64)> = Vec::new();
    while let Some(row) = found.next().map_err(error)? {
        let bytes = row.get_ref(2).map_err(error)?.as_blob().unwrap_or_default();
        let last = codec::read_summary(bytes, |seq| facts.get(seq))
            .and_then(|summary| summary.last().map(|entry| entry.run.seq.cast_signed()));
        let is_kept = match last {
            Some(seq) => kept.query_row([seq], |row| row.get(0)).optional().map_err(error)?.unwrap_or(false),
            None => false,
        };
        if !is_kept {
            vanished.push((row.get(0).map_err(error)?, row.get(1).map_err(error)?));
        }
    }
    facts.finish()?;
    let mut delete =
        transaction.prepare_cached("DELETE FROM summaries WHERE context = ?1 AND test = ?2").map_err(error)?;
    for (context, test) in vanished {
        delete.execute([context, test]).map_err(error)?;
    }
    Ok(())
}

/// Records a run in the place of its parts, of which nothing stays behind but their names.
pub(super) fn adopt(transaction: &Transaction<'_>, whole: &FinishedRun, parts: &[RunHead]) -> Result<()> {
    if find(transaction, &whole.record.head.id)?.is_some() {
        return Err(StoreError::Known(whole.record.head.id.clone()));
    }
    let skipped = std::cell::Cell::new(0);
    let reader = Reader { connection: transaction, skipped: &skipped };
    for part in parts {
        match reader.whole_run(&part.id)? {
            Some(run) if run.state == RunState::Running => continue,
            Some(run) => undo(transaction, &run)?,
            None => {}
        }
        let (seq, _) = put_head(transaction, part)?;
        // A run that goes on could still end.
        let sql = "UPDATE runs SET state = ?2 WHERE seq = ?1";
        transaction.execute(sql, params![seq, RunState::Executed.as_str()]).map_err(error)?;
        prune(transaction, &[seq])?;
    }
    let mut appender = Appender::new(transaction, Runs::Many);
    appender.finish(&whole.record, &whole.cases, &whole.binaries)?;
    appender.flush()
}

/// Takes a run back: its rows, its counts, and what its tests' summaries had of it.
pub(super) fn undo(transaction: &Transaction<'_>, run: &StoredRun) -> Result<()> {
    if run.state == RunState::Running {
        return Err(StoreError::Other(format!("run {} still goes on", run.head.id)));
    }
    let skipped = std::cell::Cell::new(0);
    let reader = Reader { connection: transaction, skipped: &skipped };
    let seq = reader.seq(&run.head.id)?;
    let facts = Facts::new(transaction);
    let Some(of_run) = facts.get(seq.cast_unsigned()) else {
        return Err(StoreError::NoSuchRun(run.head.id.to_string()));
    };
    let sql = "SELECT context FROM runs WHERE seq = ?1";
    let context = transaction.query_row(sql, [seq], |row| row.get(0)).map_err(error)?;
    let cases = reader.numbered_cases(seq)?;
    delete_cases(transaction, seq)?;
    transaction.execute("DELETE FROM stamps WHERE run = ?1", [seq]).map_err(error)?;
    transaction.execute("DELETE FROM runs WHERE seq = ?1", [seq]).map_err(error)?;
    let mut appender = Appender::new(transaction, Runs::Many);
    appender.know(&of_run);
    let mut short: BTreeSet<i64> = BTreeSet::new();
    for (test, case) in cases {
        let summary = appender.summary(context, test)?;
        summary.remove(&Entry::of(&case, Arc::clone(&of_run)));
        if summary.wants_older() {
            short.insert(test);
        }
    }
    refill(&reader, &mut appender, (context, &run.head.context), short)?;
    appender.flush()?;
    if !counts(&run.head.suite, run.state) {
        return Ok(());
    }
    count(transaction, "runs", -1)?;
    if let Some(judgement) = &run.judgement {
        for counter in counters_of(run.state, judgement.verdict) {
            count(transaction, counter, -1)?;
        }
    }
    Ok(())
}

/// Windows that became short of an entry get the latest one that had left them, from the runs on record.
fn refill(
    reader: &Reader<'_>,
    appender: &mut Appender<'_>,
    (number, context): (i64, &Context),
    mut short: BTreeSet<i64>,
) -> Result<()> {
    if short.is_empty() {
        return Ok(());
    }
    let facts = Facts::new(reader.connection);
    let filter = RunFilter { context: Some(context.clone()), ..RunFilter::default() };
    let mut failure = None;
    reader.visit(&filter, |seq, run| {
        let refilled = refill_from(reader, appender, &facts, number, seq, &run, &mut short);
        failure = refilled.err();
        if short.is_empty() || failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    facts.finish()?;
    failure.map_or(Ok(()), Err)
}

fn refill_from(
    reader: &Reader<'_>,
    appender: &mut Appender<'_>,
    facts: &Facts<'_>,
    context: i64,
    seq: i64,
    run: &StoredRun,
    short: &mut BTreeSet<i64>,
) -> Result<()> {
    let mut wanted = BTreeSet::new();
    for test in short.iter() {
        let oldest = appender.summary(context, *test)?.window().next();
        if oldest.is_none_or(|oldest| (run.head.start, &run.head.id) < (oldest.run.start, &oldest.run.id)) {
            wanted.insert(*test);
        }
    }
    let Some(of_run) = facts.get(seq.cast_unsigned()).filter(|_| !wanted.is_empty()) else { return Ok(()) };
    for (test, case) in reader.numbered_cases(seq)? {
        if wanted.contains(&test) {
            appender.summary(context, test)?.take_back(Entry::of(&case, Arc::clone(&of_run)));
            short.remove(&test);
        }
    }
    Ok(())
}

fn free_bytes(connection: &Connection) -> Result<u64> {
    let one = |sql| connection.query_row(sql, params![], |row| row.get::<_, i64>(0)).map_err(error);
    Ok(u64::try_from(one("PRAGMA freelist_count")?.saturating_mul(one("PRAGMA page_size")?)).unwrap_or(0))
}

/// Rewrites the file where a good part of it is free. That it cannot be done just now matters to nobody but a user
/// who wonders about the file's size.
pub(super) fn vacuum_when_worthwhile(connection: &Connection, warnings: &RefCell<Vec<String>>) -> Result<()> {
    let free = free_bytes(connection)?;
    let all: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).map_err(error)?;
    let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).map_err(error)?;
    let all = u64::try_from(all.saturating_mul(page)).unwrap_or(0);
    if free < WORTHWHILE_BYTES || free < all / WORTHWHILE_PART {
        return Ok(());
    }
    if let Err(failure) = connection.execute_batch("VACUUM") {
        warnings.borrow_mut().push(format!("the history's file keeps its size for now: {}", error(failure)));
    }
    Ok(())
}
