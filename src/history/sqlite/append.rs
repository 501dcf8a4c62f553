//! What writes: runs with their cases, counters, summaries and deferrals.

use std::collections::HashMap;
use std::collections::btree_map::{BTreeMap, Entry as Slot};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::rows::Facts;
use super::run_row::{put_context, put_coverage, put_head, put_result};
use super::{error, read};
use crate::analytics::summary::{Entry, RunFacts, Summary};
use crate::history::store::{Appended, BinaryStamp, FinishedRun, Result, StoreError};
use crate::history::{codec, intake};
use crate::model::{BinaryId, CaseRecord, Context, RunHead, RunId, RunRecord, RunState};

/// The number of no run.
const NO_RUN: i64 = 0;

/// A run begins: it is counted from here on (R18).
pub(super) fn begin(transaction: &Transaction<'_>, head: &RunHead) -> Result<()> {
    if find(transaction, &head.id)?.is_some() {
        return Err(StoreError::Known(head.id.clone()));
    }
    put_head(transaction, head)?;
    count(transaction, "runs", i64::from(intake::counts_at_begin(&head.suite)))
}

/// A run turns out to be none.
pub(super) fn abandon(transaction: &Transaction<'_>, id: &RunId) -> Result<()> {
    let sql = "DELETE FROM runs WHERE id = ?1 AND state = 'running' RETURNING suite";
    let gone: Option<String> = transaction.query_row(sql, [id.as_str()], |row| row.get(0)).optional().map_err(error)?;
    gone.map_or(Ok(()), |suite| count(transaction, "runs", -i64::from(intake::counts_at_begin(&suite))))
}

/// Binaries that no run on record here has.
pub(super) fn stamp(transaction: &Transaction<'_>, context: &Context, stamps: &[BinaryStamp]) -> Result<()> {
    let context = put_context(transaction, context)?;
    let mut appender = Appender::new(transaction, Runs::One);
    appender.put_stamps(NO_RUN, context, stamps)?;
    appender.flush()
}

/// The binaries of a context are as if they had never been seen.
pub(super) fn forget_stamps(transaction: &Transaction<'_>, context: &Context) -> Result<()> {
    if let Some(context) = read::context_id(transaction, context)? {
        transaction.execute("DELETE FROM stamps WHERE context = ?1", [context]).map_err(error)?;
    }
    Ok(())
}

/// Appends runs that are not known yet.
pub(super) fn append(transaction: &Transaction<'_>, runs: &[FinishedRun]) -> Result<Appended> {
    let mut appended = Appended::default();
    let mut appender = Appender::new(transaction, Runs::Many);
    for run in runs {
        if find(transaction, &run.record.head.id)?.is_some() {
            appended.known += 1;
            continue;
        }
        appended.added += 1;
        appended.cases += appender.finish(&run.record, &run.cases, &run.binaries)?;
    }
    appender.flush()?;
    Ok(appended)
}

/// A run's number and state, pruned ones included.
pub(super) fn find(connection: &Connection, id: &RunId) -> Result<Option<(i64, String)>> {
    let mut statement = connection.prepare_cached("SELECT seq, state FROM runs WHERE id = ?1").map_err(error)?;
    statement.query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(error)
}

/// Raises a counter, or lowers it, though never below zero.
pub(super) fn count(connection: &Connection, name: &str, by: i64) -> Result<()> {
    let sql = "INSERT INTO counters (name, value) VALUES (?1, max(?2, 0)) \
               ON CONFLICT (name) DO UPDATE SET value = max(value + ?2, 0)";
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(params![name, by])).map_err(error)?;
    Ok(())
}

/// How many runs an appender is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runs {
    /// One: each summary is written as soon as it is folded.
    One,
    /// More: summaries are kept in memory until all runs are folded.
    Many,
}

/// Appends runs within one transaction. Summaries in memory are written by [`Appender::flush`].
pub(super) struct Appender<'t> {
    transaction: &'t Transaction<'t>,
    facts: Facts<'t>,
    binaries: HashMap<BinaryId, Binary>,
    summaries: BTreeMap<(i64, i64), Summary>,
    runs: Runs,
}

/// A binary's number, and those of its tests.
struct Binary {
    id: i64,
    tests: HashMap<String, i64>,
}

impl<'t> Appender<'t> {
    pub(super) fn new(transaction: &'t Transaction<'t>, runs: Runs) -> Self {
        let facts = Facts::new(transaction);
        Self { transaction, facts, binaries: HashMap::new(), summaries: BTreeMap::new(), runs }
    }

    /// Puts a run on record and gives the number of its cases.
    pub(super) fn finish(
        &mut self,
        record: &RunRecord,
        cases: &[Arc<CaseRecord>],
        binaries: &[BinaryStamp],
    ) -> Result<u64> {
        let counts = intake::counts(&record.head.suite, record.state);
        match find(self.transaction, &record.head.id)? {
            Some((_, state)) if state != RunState::Running.as_str() => {
                return Err(StoreError::Known(record.head.id.clone()));
            }
            Some(_) if intake::counts_at_begin(&record.head.suite) => {}
            _ => count(self.transaction, "runs", i64::from(counts))?,
        }
        let (seq, context) = put_head(self.transaction, &record.head)?;
        let cases = self.number(cases)?;
        let totals = intake::totals(record, cases.iter().map(|(_, case)| *case));
        let counted = RunRecord { totals, ..record.clone() };
        let facts = Arc::new(RunFacts::of(&counted, seq.cast_unsigned()));
        put_result(self.transaction, seq, &counted)?;
        if let Some(figures) = &record.coverage {
            put_coverage(self.transaction, seq, figures)?;
        }
        for counter in intake::counters_of(record.state, record.verdict()).iter().filter(|_| counts) {
            count(self.transaction, counter, 1)?;
        }
        self.put_cases(seq, &cases)?;
        self.put_texts(seq, &cases)?;
        self.put_contents(seq, &cases)?;
        self.put_stamps(seq, context, binaries)?;
        for (test, case) in &cases {
            self.summary(context, *test)?.insert(Entry::of(case, Arc::clone(&facts)));
            if self.runs == Runs::One {
                self.write_summaries()?;
            }
        }
        Ok(cases.len() as u64)
    }

    /// Cases with the numbers of their tests, in order of those: rows are then appended, never put in between.
    fn number<'a>(&mut self, cases: &'a [Arc<CaseRecord>]) -> Result<Vec<(i64, &'a CaseRecord)>> {
        let mut numbered = Vec::with_capacity(cases.len());
        for case in cases {
            let binary = self.binary(&case.key.binary)?;
            let test = match binary.tests.get(&case.key.name) {
                Some(id) => *id,
                None => self.put_test(&case.key.binary, &case.key.name)?,
            };
            numbered.push((test, &**case));
        }
        Ok(intake::in_order(numbered))
    }

    fn binary(&mut self, id: &BinaryId) -> Result<&Binary> {
        if !self.binaries.contains_key(id) {
            let binary = load_binary(self.transaction, id)?;
            self.binaries.insert(id.clone(), binary);
        }
        self.binaries.get(id).ok_or_else(|| StoreError::Other(format!("binary {id} was lost")))
    }

    fn put_test(&mut self, binary: &BinaryId, name: &str) -> Result<i64> {
        let Some(binary) = self.binaries.get_mut(binary) else {
            return Err(StoreError::Other(format!("binary {binary} was lost")));
        };
        let sql = "INSERT INTO tests (binary_id, name) VALUES (?1, ?2)";
        let mut statement = self.transaction.prepare_cached(sql).map_err(error)?;
        let id = statement.insert(params![binary.id, name]).map_err(error)?;
        binary.tests.insert(name.to_owned(), id);
        Ok(id)
    }

    fn put_cases(&self, seq: i64, cases: &[(i64, &CaseRecord)]) -> Result<()> {
        let sql = "INSERT INTO cases (run, test, outcome, us, extra) VALUES (?1, ?2, ?3, ?4, ?5)";
        let mut statement = self.transaction.prepare_cached(sql).map_err(error)?;
        for (test, case) in cases {
            let outcome = codec::outcome_code(case.outcome);
            let columns = params![seq, test, outcome, codec::micros(case.took), codec::write_extra(case)];
            statement.execute(columns).map_err(error)?;
        }
        Ok(())
    }

    fn put_texts(&self, seq: i64, cases: &[(i64, &CaseRecord)]) -> Result<()> {
        let sql = "INSERT INTO failures (run, test, attempt, text) VALUES (?1, ?2, ?3, ?4)";
        let mut statement = self.transaction.prepare_cached(sql).map_err(error)?;
        for (test, number, text) in intake::texts(cases) {
            statement.execute(params![seq, test, number, text]).map_err(error)?;
        }
        Ok(())
    }

    fn put_contents(&self, seq: i64, cases: &[(i64, &CaseRecord)]) -> Result<()> {
        let sql = "INSERT INTO contents (run, binary_id, hash) VALUES (?1, ?2, ?3)";
        let mut statement = self.transaction.prepare_cached(sql).map_err(error)?;
        for (binary, hash) in intake::contents(cases) {
            if let Some(binary) = self.binaries.get(binary) {
                statement.execute(params![seq, binary.id, hash.0]).map_err(error)?;
            }
        }
        Ok(())
    }

    fn put_stamps(&mut self, seq: i64, context: i64, stamps: &[BinaryStamp]) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO stamps (context, binary_id, path, size, mtime_ns, hash, run) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        for stamp in stamps {
            let binary = self.binary(&stamp.binary)?.id;
            let size = i64::try_from(stamp.size).unwrap_or(i64::MAX);
            let hash = stamp.hash.map(|hash| hash.0);
            let columns = params![context, binary, stamp.path.as_str(), size, stamp.mtime_ns, hash, seq];
            let mut statement = self.transaction.prepare_cached(sql).map_err(error)?;
            statement.execute(columns).map_err(error)?;
        }
        Ok(())
    }

    /// Tells it of a run whose row is gone already.
    pub(super) fn know(&mut self, run: &Arc<RunFacts>) {
        self.facts.know(run);
    }

    /// The summary of a test, as it stands in this transaction.
    pub(super) fn summary(&mut self, context: i64, test: i64) -> Result<&mut Summary> {
        match self.summaries.entry((context, test)) {
            Slot::Occupied(known) => Ok(known.into_mut()),
            Slot::Vacant(free) => {
                let sql = "SELECT folded FROM summaries WHERE context = ?1 AND test = ?2";
                let mut statement = self.transaction.prepare_cached(sql).map_err(error)?;
                let mut rows = statement.query([context, test]).map_err(error)?;
                let summary = match rows.next().map_err(error)? {
                    Some(row) => {
                        let bytes = row.get_ref(0).map_err(error)?.as_blob().unwrap_or_default();
                        codec::read_summary(bytes, |seq| self.facts.get(seq))
                    }
                    None => None,
                };
                // One that cannot be read begins anew.
                Ok(free.insert(summary.unwrap_or_default()))
            }
        }
    }

    /// Writes what is left to write.
    pub(super) fn flush(mut self) -> Result<()> {
        self.write_summaries()?;
        self.facts.finish()
    }

    /// Writes the summaries, in order of their keys; one that holds nothing any more goes.
    fn write_summaries(&mut self) -> Result<()> {
        let put = "INSERT OR REPLACE INTO summaries (context, test, folded) VALUES (?1, ?2, ?3)";
        let mut put = self.transaction.prepare_cached(put).map_err(error)?;
        let drop = "DELETE FROM summaries WHERE context = ?1 AND test = ?2";
        for ((context, test), summary) in std::mem::take(&mut self.summaries) {
            if summary.is_empty() {
                self.transaction.execute(drop, [context, test]).map_err(error)?;
            } else {
                put.execute(params![context, test, codec::write_summary(&summary)]).map_err(error)?;
            }
        }
        Ok(())
    }
}

fn load_binary(connection: &Connection, id: &BinaryId) -> Result<Binary> {
    let sql = "SELECT id FROM binaries WHERE package = ?1 AND kind = ?2 AND name = ?3";
    let columns = [id.package.as_str(), id.kind.as_str(), id.binary.as_str()];
    let mut statement = connection.prepare_cached(sql).map_err(error)?;
    if let Some(number) = statement.query_row(columns, |row| row.get(0)).optional().map_err(error)? {
        let mut statement =
            connection.prepare_cached("SELECT name, id FROM tests WHERE binary_id = ?1").map_err(error)?;
        let tests = statement.query_map([number], |row| Ok((row.get(0)?, row.get(1)?))).map_err(error)?;
        return Ok(Binary { id: number, tests: tests.collect::<rusqlite::Result<_>>().map_err(error)? });
    }
    let sql = "INSERT INTO binaries (package, kind, name) VALUES (?1, ?2, ?3)";
    let number = connection.prepare_cached(sql).and_then(|mut statement| statement.insert(columns)).map_err(error)?;
    Ok(Binary { id: number, tests: HashMap::new() })
}
