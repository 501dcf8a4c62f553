//! Summaries that are changed: locked, changed in memory, written back.
//!
//! The lock is one of a whole context, and contexts are locked in order, so that nobody waits in a circle. Locks of rows
//! would keep shards of one run apart; but whoever waits for a row reads what was there when the waiting began, the rows'
//! dead versions stay for all who wait, and each walks through them: thirty writers then starve. This lock is given to
//! those who wait in turn, and what is read is read when it is held.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio_postgres::Row;

use super::failure::Result;
use super::question::Question;
use super::rows::{self, get};
use super::session::Transaction;
use crate::analytics::summary::{RunFacts, Summary};
use crate::history::codec;
use crate::history::columns::FACTS;

/// Context and test.
pub(super) type Key = (i64, i64);

/// What summaries know of runs, by the runs' numbers.
pub(super) type Facts = HashMap<u64, Arc<RunFacts>>;

/// Windows mostly refer to the latest runs: so many are asked for before it is known which are wanted.
const LATEST: i64 = 200;

/// Asks for what is known of the latest runs of contexts, whose numbers this SQL gives as `id`.
pub(super) fn latest_facts(contexts: &str) -> Question {
    Question::new(format!(
        "SELECT latest.* FROM ({contexts}) AS c CROSS JOIN LATERAL \
         ({FACTS} WHERE runs.context = c.id ORDER BY start_ns DESC, runs.id DESC LIMIT {LATEST}) AS latest"
    ))
}

/// Asks for what is known of these runs.
pub(super) fn facts_of(runs: BTreeSet<i64>) -> Question {
    Question::new(format!("{FACTS} WHERE seq = ANY($1)")).with_each(runs.into_iter().collect::<Vec<_>>())
}

/// Takes in what was answered.
pub(super) fn learn(facts: &mut Facts, rows: &[Row]) {
    facts.extend(rows.iter().filter_map(rows::facts).map(|run| (run.seq, Arc::new(run))));
}

/// The runs that written summaries refer to and of which nothing is known yet.
pub(super) fn unknown<'b>(facts: &Facts, written: impl Iterator<Item = &'b [u8]>) -> BTreeSet<i64> {
    let mut unknown = BTreeSet::new();
    for bytes in written {
        let _ = codec::read_summary(bytes, |seq| {
            if !facts.contains_key(&seq) {
                unknown.insert(seq.cast_signed());
            }
            None
        });
    }
    unknown
}

/// Summaries of contexts that are locked until the transaction ends.
#[derive(Debug, Default)]
pub(super) struct Folds {
    summaries: BTreeMap<Key, Summary>,
}

impl Folds {
    /// Locks the contexts of these keys and reads their summaries. `facts` is what is known of runs already.
    pub(super) fn lock(transaction: &Transaction<'_>, keys: &BTreeSet<Key>, mut facts: Facts) -> Result<Self> {
        if keys.is_empty() {
            return Ok(Self::default());
        }
        let (contexts, tests): (Vec<i64>, Vec<i64>) = keys.iter().copied().unzip();
        let of_contexts: BTreeSet<i64> = contexts.iter().copied().collect();
        transaction.lock_contexts(&of_contexts);
        let read = "SELECT s.context, s.test, s.folded \
                    FROM unnest($1::bigint[], $2::bigint[]) AS k (context, test) \
                    JOIN summaries s ON s.context = k.context AND s.test = k.test";
        let read = Question::new(read).with_each(contexts).with_each(tests);
        let latest = latest_facts("SELECT unnest($1::bigint[]) AS id");
        let latest = latest.with_each(of_contexts.into_iter().collect::<Vec<_>>());
        let mut answers = transaction.ask(vec![read, latest])?;
        learn(&mut facts, &answers.pop().unwrap_or_default());
        let rows = answers.pop().unwrap_or_default();
        let written = || rows.iter().map(|row| get::<&[u8]>(row, "folded").unwrap_or_default());
        let unknown = unknown(&facts, written());
        if !unknown.is_empty() {
            learn(&mut facts, &transaction.ask_one(facts_of(unknown))?);
        }
        let mut summaries: BTreeMap<Key, Summary> = keys.iter().map(|key| (*key, Summary::default())).collect();
        for (row, bytes) in rows.iter().zip(written()) {
            let (Some(context), Some(test)) = (get(row, "context"), get(row, "test")) else { continue };
            // One that cannot be read begins anew.
            let summary = codec::read_summary(bytes, |seq| facts.get(&seq).cloned()).unwrap_or_default();
            summaries.insert((context, test), summary);
        }
        Ok(Self { summaries })
    }

    /// The summary of one of the keys.
    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Summary> {
        self.summaries.get_mut(&key)
    }

    /// Writes them back; one that holds nothing any more goes.
    pub(super) fn put(self, transaction: &Transaction<'_>) {
        let (empty, left): (BTreeMap<_, _>, BTreeMap<_, _>) =
            self.summaries.into_iter().partition(|(_, summary)| summary.is_empty());
        if !left.is_empty() {
            let sql = "INSERT INTO summaries (context, test, last_run, folded) \
                       SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[]) \
                       ON CONFLICT (context, test) DO UPDATE \
                       SET last_run = excluded.last_run, folded = excluded.folded";
            let last = |summary: &Summary| summary.last().map(|entry| entry.run.seq.cast_signed());
            let question = Question::new(sql)
                .with_each(left.keys().map(|key| key.0).collect::<Vec<_>>())
                .with_each(left.keys().map(|key| key.1).collect::<Vec<_>>())
                .with_each(left.values().map(last).collect::<Vec<_>>())
                .with_each(left.values().map(codec::write_summary).collect::<Vec<_>>());
            transaction.put(question);
        }
        if !empty.is_empty() {
            let sql = "DELETE FROM summaries s USING unnest($1::bigint[], $2::bigint[]) AS k (context, test) \
                       WHERE s.context = k.context AND s.test = k.test";
            let (contexts, tests): (Vec<i64>, Vec<i64>) = empty.into_keys().unzip();
            transaction.put(Question::new(sql).with_each(contexts).with_each(tests));
        }
    }
}
