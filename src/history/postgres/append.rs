//! What writes: runs with their cases, counters and summaries.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::failure::{Failure, Result};
use super::folds::{Facts, Folds};
use super::names::{Digest, Names, Numbers};
use super::question::{Question, Text};
use super::rows::{get, text};
use super::run_row::{ARRIVING, Known, put_coverage, put_heads, put_results};
use super::session::Transaction;
use crate::analytics::summary::{Entry, RunFacts};
use crate::history::columns::number;
use crate::history::store::{Appended, BinaryStamp, FinishedRun, StoreError};
use crate::history::{codec, intake};
use crate::model::{CaseRecord, RunHead, RunId, RunRecord, RunState};

/// A run that is put down.
pub(super) struct Arrival<'r> {
    pub(super) record: &'r RunRecord,
    pub(super) cases: &'r [Arc<CaseRecord>],
    pub(super) binaries: &'r [BinaryStamp],
}

impl<'r> From<&'r FinishedRun> for Arrival<'r> {
    fn from(run: &'r FinishedRun) -> Self {
        Self { record: &run.record, cases: &run.cases, binaries: &run.binaries }
    }
}

/// How counters change.
#[derive(Debug, Default)]
pub(super) struct Counting(BTreeMap<&'static str, i64>);

impl Counting {
    pub(super) fn add(&mut self, counter: &'static str, by: i64) {
        *self.0.entry(counter).or_default() += by;
    }

    /// Changes them, though never to below zero. All writers meet here: it comes last.
    pub(super) fn put(self, transaction: &Transaction<'_>) {
        let changes: BTreeMap<&str, i64> = self.0.into_iter().filter(|(_, by)| *by != 0).collect();
        if changes.is_empty() {
            return;
        }
        let sql = "INSERT INTO counters AS c (name, value) \
                   SELECT name, by FROM unnest($1::text[], $2::bigint[]) AS k (name, by) ORDER BY name \
                   ON CONFLICT (name) DO UPDATE SET value = greatest(c.value + excluded.value, 0)";
        let question = Question::new(sql)
            .with_each(changes.keys().map(|name| Text::of(name)).collect::<Vec<_>>())
            .with_each(changes.into_values().collect::<Vec<_>>());
        transaction.put(question);
    }
}

/// A run begins: it is counted from here on (R18).
pub(super) fn begin(transaction: &Transaction<'_>, head: &RunHead) -> Result<()> {
    let mut names = Names::default();
    names.add_context(&head.context);
    names.put_contexts(transaction);
    let put = transaction.ask_one(put_heads(&[head], RunState::Running.as_str(), Known::Stays))?;
    if put.is_empty() {
        return Err(StoreError::Known(head.id.clone()).into());
    }
    let mut counting = Counting::default();
    counting.add("runs", i64::from(intake::counts_at_begin(&head.suite)));
    counting.put(transaction);
    Ok(())
}

/// A run turns out to be none.
pub(super) fn abandon(transaction: &Transaction<'_>, id: &RunId) -> Result<()> {
    let sql = "DELETE FROM runs WHERE id = $1 AND state = 'running' RETURNING suite";
    let gone = transaction.ask_one(Question::new(sql).with(Text::of(id.as_str())))?;
    if let Some(suite) = gone.first().and_then(|row| text(row, "suite")) {
        let mut counting = Counting::default();
        counting.add("runs", -i64::from(intake::counts_at_begin(&suite)));
        counting.put(transaction);
    }
    Ok(())
}

/// A run is over, whether it began here or not.
pub(super) fn finish(transaction: &Transaction<'_>, run: Arrival<'_>) -> Result<()> {
    let id = run.record.head.id.clone();
    let mut counting = Counting::default();
    match record(transaction, &[run], &mut counting)? {
        Some(_) => {
            counting.put(transaction);
            Ok(())
        }
        None => Err(StoreError::Known(id).into()),
    }
}

/// Appends runs that are not known yet.
pub(super) fn append(transaction: &Transaction<'_>, runs: &[FinishedRun]) -> Result<Appended> {
    let ids = runs.iter().map(|run| Text::of(run.record.head.id.as_str())).collect::<Vec<_>>();
    let found = transaction.ask_one(Question::new("SELECT id FROM runs WHERE id = ANY($1)").with_each(ids))?;
    let mut known: BTreeSet<String> = found.iter().filter_map(|row| text(row, "id")).collect();
    let mut arrivals: Vec<Arrival<'_>> = Vec::new();
    for run in runs {
        // One that comes twice is known the second time.
        if known.insert(run.record.head.id.as_str().to_owned()) {
            arrivals.push(run.into());
        }
    }
    let (added, all) = (arrivals.len() as u64, runs.len() as u64);
    let mut appended = Appended { added, known: all - added, cases: 0 };
    if !arrivals.is_empty() {
        // Somebody else may append the same ones at this moment.
        let mut counting = Counting::default();
        appended.cases = record(transaction, &arrivals, &mut counting)?.ok_or(Failure::Conflict(StoreError::Busy))?;
        counting.put(transaction);
    }
    Ok(appended)
}

/// A run with its number, its context's, and its cases in order of their tests' numbers.
struct Numbered<'r> {
    run: &'r Arrival<'r>,
    seq: i64,
    context: i64,
    cases: Vec<(i64, &'r CaseRecord)>,
}

/// Puts runs on record whole and gives the number of their cases; none where one of them is on record and over. Counters
/// are left to who calls: all writers meet there.
pub(super) fn record(
    transaction: &Transaction<'_>,
    runs: &[Arrival<'_>],
    counting: &mut Counting,
) -> Result<Option<u64>> {
    let mut names = Names::default();
    let mut digests: Vec<Vec<Digest>> = Vec::with_capacity(runs.len());
    for run in runs {
        names.add_context(&run.record.head.context);
        run.binaries.iter().for_each(|stamp| names.add_binary(&stamp.binary));
        digests.push(run.cases.iter().map(|case| names.add_test(&case.key)).collect());
    }
    let heads: Vec<&RunHead> = runs.iter().map(|run| &run.record.head).collect();
    names.put_contexts(transaction);
    let mut questions = vec![put_heads(&heads, ARRIVING, Known::Running)];
    questions.extend(names.questions());
    let mut answers = transaction.ask(questions)?;
    let known = answers.split_off(1.min(answers.len()));
    let put = answers.pop().unwrap_or_default();
    let placed = |row| Some((text(row, "id")?, (get::<i64>(row, "seq")?, text(row, "state")?)));
    let placed: HashMap<String, (i64, String)> = put.iter().filter_map(placed).collect();
    if placed.len() < runs.len() {
        return Ok(None);
    }
    let numbers = names.numbers(transaction, known)?;
    let mut all = Vec::with_capacity(runs.len());
    for (run, digests) in runs.iter().zip(&digests) {
        let head = &run.record.head;
        let Some((seq, state)) = placed.get(head.id.as_str()) else { return Ok(None) };
        let was_counted = state != ARRIVING && intake::counts_at_begin(&head.suite);
        count(counting, run.record, was_counted);
        let cases = digests.iter().zip(run.cases).map(|(digest, case)| Ok((numbers.test(digest)?, &**case)));
        let cases = intake::in_order(cases.collect::<Result<_>>()?);
        all.push(Numbered { run, seq: *seq, context: numbers.context(&head.context)?, cases });
    }
    put_all(transaction, &all, &numbers)?;
    Ok(Some(all.iter().map(|run| run.cases.len() as u64).sum()))
}

fn count(counting: &mut Counting, record: &RunRecord, was_counted: bool) {
    let counts = intake::counts(&record.head.suite, record.state);
    if !was_counted {
        counting.add("runs", i64::from(counts));
    }
    for counter in intake::counters_of(record.state, record.verdict()).iter().filter(|_| counts) {
        counting.add(counter, 1);
    }
}

fn put_all(transaction: &Transaction<'_>, runs: &[Numbered<'_>], numbers: &Numbers) -> Result<()> {
    let mut results = Vec::with_capacity(runs.len());
    let mut facts = Facts::new();
    let mut keys = BTreeSet::new();
    for run in runs {
        let record = run.run.record;
        let totals = intake::totals(record, run.cases.iter().map(|(_, case)| *case));
        let counted = RunRecord { totals, ..record.clone() };
        let seq = run.seq.cast_unsigned();
        facts.insert(seq, Arc::new(RunFacts::of(&counted, seq)));
        results.push((run.seq, record, totals));
        keys.extend(run.cases.iter().map(|(test, _)| (run.context, *test)));
        if let Some(figures) = &record.coverage {
            transaction.put(put_coverage(run.seq, figures));
        }
    }
    transaction.put(put_results(&results)?);
    put_cases(transaction, runs);
    put_texts(transaction, runs);
    put_contents(transaction, runs, numbers)?;
    put_stamps(transaction, runs, numbers)?;
    let of_runs = facts.clone();
    let mut folds = Folds::lock(transaction, &keys, facts)?;
    for run in runs {
        let Some(facts) = of_runs.get(&run.seq.cast_unsigned()) else { continue };
        for (test, case) in &run.cases {
            if let Some(summary) = folds.get_mut((run.context, *test)) {
                summary.insert(Entry::of(case, Arc::clone(facts)));
            }
        }
    }
    folds.put(transaction);
    Ok(())
}

fn put_cases(transaction: &Transaction<'_>, runs: &[Numbered<'_>]) {
    let all = || runs.iter().flat_map(|run| run.cases.iter().map(|(test, case)| (run.seq, *test, *case)));
    if all().next().is_none() {
        return;
    }
    let sql = "INSERT INTO cases (run, test, us, outcome, extra) \
               SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[])";
    let question = Question::new(sql)
        .with_each(all().map(|(run, ..)| run).collect::<Vec<_>>())
        .with_each(all().map(|(_, test, _)| test).collect::<Vec<_>>())
        .with_each(all().map(|(.., case)| codec::micros(case.took)).collect::<Vec<_>>())
        .with_each(all().map(|(.., case)| i64::from(codec::outcome_code(case.outcome))).collect::<Vec<_>>())
        .with_each(all().map(|(.., case)| codec::write_extra(case)).collect::<Vec<_>>());
    transaction.put(question);
}

fn put_texts(transaction: &Transaction<'_>, runs: &[Numbered<'_>]) {
    let texts =
        |run: &Numbered<'_>| intake::texts(&run.cases).into_iter().map(|text| (run.seq, text)).collect::<Vec<_>>();
    let all: Vec<_> = runs.iter().flat_map(texts).collect();
    if all.is_empty() {
        return;
    }
    let sql = "INSERT INTO failures (run, test, attempt, text) \
               SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[])";
    let question = Question::new(sql)
        .with_each(all.iter().map(|(run, _)| *run).collect::<Vec<_>>())
        .with_each(all.iter().map(|(_, (test, ..))| *test).collect::<Vec<_>>())
        .with_each(all.iter().map(|(_, (_, attempt, _))| *attempt).collect::<Vec<_>>())
        .with_each(all.iter().map(|(_, (.., text))| Text::of(text)).collect::<Vec<_>>());
    transaction.put(question);
}

fn put_contents(transaction: &Transaction<'_>, runs: &[Numbered<'_>], numbers: &Numbers) -> Result<()> {
    let (mut of_runs, mut binaries, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
    for run in runs {
        for (binary, hash) in intake::contents(&run.cases) {
            of_runs.push(run.seq);
            binaries.push(numbers.binary(binary)?);
            hashes.push(hash.0.to_vec());
        }
    }
    if !of_runs.is_empty() {
        let sql = "INSERT INTO contents (run, binary_id, hash) \
                   SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])";
        transaction.put(Question::new(sql).with_each(of_runs).with_each(binaries).with_each(hashes));
    }
    Ok(())
}

fn put_stamps(transaction: &Transaction<'_>, runs: &[Numbered<'_>], numbers: &Numbers) -> Result<()> {
    // The last one counts, and the rows are written in order of their keys.
    let mut latest: BTreeMap<(i64, i64), (i64, &BinaryStamp)> = BTreeMap::new();
    for run in runs {
        for stamp in run.run.binaries {
            latest.insert((run.context, numbers.binary(&stamp.binary)?), (run.seq, stamp));
        }
    }
    if latest.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO stamps (context, binary_id, path, size, mtime_ns, hash, run) \
               SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bytea[], \
               $7::bigint[]) ON CONFLICT (context, binary_id) DO UPDATE SET path = excluded.path, \
               size = excluded.size, mtime_ns = excluded.mtime_ns, hash = excluded.hash, run = excluded.run";
    let stamps = || latest.values().map(|(_, stamp)| *stamp);
    let question = Question::new(sql)
        .with_each(latest.keys().map(|key| key.0).collect::<Vec<_>>())
        .with_each(latest.keys().map(|key| key.1).collect::<Vec<_>>())
        .with_each(stamps().map(|stamp| Text::of(stamp.path.as_str())).collect::<Vec<_>>())
        .with_each(stamps().map(|stamp| number(stamp.size)).collect::<Vec<_>>())
        .with_each(stamps().map(|stamp| stamp.mtime_ns).collect::<Vec<_>>())
        .with_each(stamps().map(|stamp| stamp.hash.map(|hash| hash.0.to_vec())).collect::<Vec<_>>())
        .with_each(latest.values().map(|(run, _)| *run).collect::<Vec<_>>());
    transaction.put(question);
    Ok(())
}
