//! What removes: pruning, which forgets runs and keeps what was learnt from them, and undoing, which takes runs back as
//! if they had never been.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio_postgres::Row;

use super::append::{Arrival, Counting, record};
use super::failure::Result;
use super::folds::{Facts, Folds, Key, learn};
use super::names::Names;
use super::question::{Question, Text};
use super::read::Reader;
use super::rows::{self, get, text};
use super::run_row::{ARRIVING, Known, bury, end, put_heads};
use super::session::Transaction;
use crate::analytics::summary::{Entry, RunFacts};
use crate::history::columns::{FACTS, RUNS, nanos};
use crate::history::intake;
use crate::history::retention::{Chooser, rows as rows_of};
use crate::history::store::{FinishedRun, Pruned, Result as StoreResult, Retention, StoreError, StoredRun};
use crate::model::{BinaryId, CaseRecord, Kind, RunHead, RunState, TestKey};

/// How many runs are removed in one transaction: others may write between two.
pub(super) const CHUNK: usize = 20;

/// A row of a case with its place in the index takes about so many bytes. What was removed makes room for others and
/// leaves the files as large as they are, so these say nothing of what is in use.
const BYTES_OF_A_ROW: u64 = 90;

/// Windows that became short are filled from so many older runs at first, and from more each time.
const FIRST_OLDER: i64 = 4;

/// Which runs go, oldest first.
pub(super) fn plan(reader: &Reader<'_>, keep: &Retention) -> StoreResult<Pruned> {
    let size = reader.size()?;
    let used = rows_of(&size).saturating_mul(BYTES_OF_A_ROW).min(size.bytes);
    let mut chooser = Chooser::new(keep, &size, used);
    if !keep.keeps_everything() {
        let filter = chooser.filter();
        reader.visit(&filter, |run| {
            chooser.takes(run);
            std::ops::ControlFlow::Continue(())
        })?;
    }
    Ok(chooser.pruned())
}

/// Removes runs. Their rows stay behind with what summaries know of them.
pub(super) fn prune(transaction: &Transaction<'_>, ids: Vec<Text>) {
    put_away_cases(transaction, &ids);
    transaction.put(bury(ids));
}

fn put_away_cases(transaction: &Transaction<'_>, ids: &[Text]) {
    for table in ["cases", "failures", "contents", "coverage"] {
        let sql = format!("DELETE FROM {table} WHERE run = ANY(ARRAY(SELECT seq FROM runs WHERE id = ANY($1)))");
        transaction.put(Question::new(sql).with_each(ids.to_vec()));
    }
}

/// Forgets tests that no run on record knows any more: those of which the latest entry is of a pruned run.
pub(super) fn forget_vanished(transaction: &Transaction<'_>) -> Result<()> {
    let contexts = transaction.ask_one(Question::new("SELECT id FROM contexts"))?;
    transaction.lock_contexts(&contexts.iter().filter_map(|row| get(row, "id")).collect());
    let sql = "DELETE FROM summaries s \
               WHERE NOT EXISTS (SELECT FROM runs WHERE runs.seq = s.last_run AND NOT runs.pruned)";
    transaction.put(Question::new(sql));
    Ok(())
}

/// Records a run in the place of its parts, of which nothing stays behind but their names.
pub(super) fn adopt(transaction: &Transaction<'_>, whole: &FinishedRun, parts: &[RunHead]) -> Result<()> {
    let id = &whole.record.head.id;
    let find = Question::new("SELECT FROM runs WHERE id = $1").with(Text::of(id.as_str()));
    if !transaction.ask_one(find)?.is_empty() {
        return Err(StoreError::Known(id.clone()).into());
    }
    let ids = parts.iter().map(|part| Text::of(part.id.as_str())).collect();
    let mut counting = Counting::default();
    let running = take_back(transaction, ids, &mut counting)?;
    // By name, each once.
    let parts: BTreeMap<&str, &RunHead> = parts.iter().map(|part| (part.id.as_str(), part)).collect();
    let over: Vec<&RunHead> = parts.into_values().filter(|part| !running.contains(part.id.as_str())).collect();
    if !over.is_empty() {
        let mut names = Names::default();
        over.iter().for_each(|part| names.add_context(&part.context));
        names.put_contexts(transaction);
        transaction.put(put_heads(&over, ARRIVING, Known::Stays));
        let ids: Vec<Text> = over.iter().map(|part| Text::of(part.id.as_str())).collect();
        transaction.put(end(ids.clone()));
        transaction.put(bury(ids));
    }
    match record(transaction, &[Arrival::from(whole)], &mut counting)? {
        Some(_) => {
            counting.put(transaction);
            Ok(())
        }
        None => Err(StoreError::Known(id.clone()).into()),
    }
}

/// Takes a run back: its rows, its counts, and what its tests' summaries had of it.
pub(super) fn undo(transaction: &Transaction<'_>, run: &StoredRun) -> Result<()> {
    let id = &run.head.id;
    let mut counting = Counting::default();
    let running = take_back(transaction, vec![Text::of(id.as_str())], &mut counting)?;
    if running.contains(id.as_str()) {
        return Err(StoreError::Other(format!("run {id} still goes on")).into());
    }
    counting.put(transaction);
    Ok(())
}

/// A run that is taken back.
struct Leaving {
    seq: i64,
    context: i64,
    run: StoredRun,
    facts: Arc<RunFacts>,
    /// What became of each test, by its number.
    cases: Vec<(i64, CaseRecord)>,
}

/// Takes back those of these runs that are on record and over; gives the names of those that go on.
fn take_back(transaction: &Transaction<'_>, ids: Vec<Text>, counting: &mut Counting) -> Result<BTreeSet<String>> {
    let (leaving, running) = read_leaving(transaction, &ids)?;
    let ids: Vec<Text> = leaving.iter().map(|leaving| Text::of(leaving.run.head.id.as_str())).collect();
    if ids.is_empty() {
        return Ok(running);
    }
    let keys: BTreeSet<Key> =
        leaving.iter().flat_map(|run| run.cases.iter().map(|(test, _)| (run.context, *test))).collect();
    let facts: Facts = leaving.iter().map(|run| (run.facts.seq, Arc::clone(&run.facts))).collect();
    let mut folds = Folds::lock(transaction, &keys, facts)?;
    put_away_cases(transaction, &ids);
    let seqs = leaving.iter().map(|run| run.seq).collect::<Vec<_>>();
    transaction.put(Question::new("DELETE FROM stamps WHERE run = ANY($1)").with_each(seqs));
    transaction.put(Question::new("DELETE FROM runs WHERE id = ANY($1)").with_each(ids));
    for run in &leaving {
        for (test, case) in &run.cases {
            if let Some(summary) = folds.get_mut((run.context, *test)) {
                summary.remove(&Entry::of(case, Arc::clone(&run.facts)));
            }
        }
        uncount(counting, &run.run);
    }
    let contexts: BTreeSet<i64> = leaving.iter().map(|run| run.context).collect();
    for context in contexts {
        let wants = |(_, test): &&Key| folds.get_mut((context, *test)).is_some_and(|summary| summary.wants_older());
        let short: BTreeSet<i64> =
            keys.iter().filter(|key| key.0 == context).filter(wants).map(|(_, test)| *test).collect();
        refill(transaction, &mut folds, context, short)?;
    }
    folds.put(transaction);
    Ok(running)
}

fn uncount(counting: &mut Counting, run: &StoredRun) {
    if !intake::counts(&run.head.suite, run.state) {
        return;
    }
    counting.add("runs", -1);
    if let Some(judgement) = &run.judgement {
        for counter in intake::counters_of(run.state, judgement.verdict) {
            counting.add(counter, -1);
        }
    }
}

/// The runs that are on record, with all that is to be taken back; of those that go on, the names.
fn read_leaving(transaction: &Transaction<'_>, ids: &[Text]) -> Result<(Vec<Leaving>, BTreeSet<String>)> {
    let of_runs = "run = ANY(ARRAY(SELECT seq FROM runs WHERE id = ANY($1) AND NOT pruned))";
    let ask = |sql: String| Question::new(sql).with_each(ids.to_vec());
    let answers = transaction.ask(vec![
        ask(format!("{RUNS} WHERE runs.id = ANY($1) AND NOT pruned ORDER BY runs.id FOR UPDATE OF runs")),
        ask(format!("{FACTS} WHERE id = ANY($1) AND NOT pruned")),
        ask(format!("SELECT run, test, us, outcome, extra FROM cases WHERE {of_runs}")),
    ])?;
    let [runs, facts, cases] = answers.as_slice() else { return Ok(Default::default()) };
    let mut known = Facts::new();
    learn(&mut known, facts);
    let mut cases_of: BTreeMap<i64, Vec<(i64, CaseRecord)>> = BTreeMap::new();
    for (run, test, case) in cases.iter().filter_map(read_nameless) {
        cases_of.entry(run).or_default().push((test, case));
    }
    let (mut leaving, mut running) = (Vec::new(), BTreeSet::new());
    for row in runs {
        let Some((seq, run)) = rows::run(row) else {
            let id = text(row, "id").unwrap_or_default();
            return Err(StoreError::Damaged(format!("run {id} cannot be read")).into());
        };
        if run.state == RunState::Running {
            running.insert(run.head.id.as_str().to_owned());
            continue;
        }
        let (Some(context), Some(facts)) = (get(row, "context"), known.get(&seq.cast_unsigned()).cloned()) else {
            return Err(StoreError::NoSuchRun(run.head.id.to_string()).into());
        };
        leaving.push(Leaving { seq, context, run, facts, cases: cases_of.remove(&seq).unwrap_or_default() });
    }
    Ok((leaving, running))
}

/// Run, test and case, of which no name is needed: summaries are kept by number.
fn read_nameless(row: &Row) -> Option<(i64, i64, CaseRecord)> {
    let binary = BinaryId { package: String::new(), kind: Kind::Test, binary: String::new() };
    let case = rows::case(row, Arc::new(TestKey { binary, name: String::new() }))?;
    Some((get(row, "run")?, get(row, "test")?, case))
}

/// Windows that became short get the latest entries that had left them, from the runs on record.
fn refill(transaction: &Transaction<'_>, folds: &mut Folds, context: i64, mut short: BTreeSet<i64>) -> Result<()> {
    let mut size = FIRST_OLDER;
    let mut after: (i64, String) = (i64::MAX, String::new());
    while !short.is_empty() {
        let older = Question::new(format!(
            "{FACTS} WHERE context = $1 AND NOT pruned AND (start_ns, id) < ($2, $3) \
             ORDER BY start_ns DESC, id DESC LIMIT {size}"
        ));
        let older = older.with(context).with(after.0).with(Text::of(&after.1));
        let runs: Vec<RunFacts> = transaction.ask_one(older)?.iter().filter_map(rows::facts).collect();
        let Some(last) = runs.last() else { return Ok(()) };
        after = (nanos(last.start), last.id.as_str().to_owned());
        let sql = "SELECT run, test, us, outcome, extra FROM cases WHERE run = ANY($1) AND test = ANY($2)";
        let cases = Question::new(sql)
            .with_each(runs.iter().map(|run| run.seq.cast_signed()).collect::<Vec<_>>())
            .with_each(short.iter().copied().collect::<Vec<_>>());
        let mut cases_of: BTreeMap<i64, Vec<(i64, CaseRecord)>> = BTreeMap::new();
        for (run, test, case) in transaction.ask_one(cases)?.iter().filter_map(read_nameless) {
            cases_of.entry(run).or_default().push((test, case));
        }
        for run in runs.into_iter().map(Arc::new) {
            for (test, case) in cases_of.remove(&run.seq.cast_signed()).unwrap_or_default() {
                take_back_in(folds, (context, test), &case, &run, &mut short);
            }
        }
        size = (size * 4).min(1000);
    }
    Ok(())
}

/// An entry that had left a window comes back to it.
fn take_back_in(folds: &mut Folds, key: Key, case: &CaseRecord, run: &Arc<RunFacts>, short: &mut BTreeSet<i64>) {
    let Some(summary) = folds.get_mut(key).filter(|_| short.contains(&key.1)) else { return };
    let oldest = summary.window().next();
    if oldest.is_some_and(|oldest| (run.start, &run.id) >= (oldest.run.start, &oldest.run.id)) {
        return;
    }
    summary.take_back(Entry::of(case, Arc::clone(run)));
    if !summary.wants_older() {
        short.remove(&key.1);
    }
}
