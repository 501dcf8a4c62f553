//! What reads: runs, summaries, figures. Each is one round trip, or two where the first says what to ask next.

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use camino::Utf8Path;
use tokio_postgres::Row;

use super::folds::{self, Facts, facts_of, latest_facts};
use super::names;
use super::question::{Question, Scalar, Text};
use super::rows::{self, get, text};
use super::session::Session;
use crate::history::codec;
use crate::history::columns::{self, Columns as _, FAILING, RUNS, nanos, number};
use crate::history::store::{
    BinaryStamp, Counters, LastRun, Result, RunFilter, Size, StoreError, StoredRun, TestSummary,
};
use crate::model::{BinaryId, ContentHash, Context, PIPELINE_SUITE, RunId, RunState, TestKey};

/// So many runs come with the first answer of a list, and …
const FIRST_PAGE: i64 = 50;

/// … at most so many with a later one.
const LARGEST_PAGE: i64 = 5000;

/// All binaries with their numbers.
pub(super) const BINARIES: &str = "SELECT id, package, kind, name FROM binaries";

/// Reads through a session; what does not decode is left out and counted.
pub(super) struct Reader<'s> {
    pub(super) session: &'s Session,
    pub(super) skipped: &'s Cell<u64>,
}

impl Reader<'_> {
    pub(super) fn skip(&self) {
        self.skipped.set(self.skipped.get() + 1);
    }

    /// The run of a row; one that does not decode is counted.
    pub(super) fn read_run(&self, row: &Row) -> Option<StoredRun> {
        let run = rows::run(row).map(|(_, run)| run);
        if run.is_none() {
            self.skip();
        }
        run
    }

    /// Runs, newest first, as long as the visitor asks for more.
    pub(super) fn visit(&self, filter: &RunFilter, mut visit: impl FnMut(StoredRun) -> ControlFlow<()>) -> Result<()> {
        let (mut size, mut after): (i64, Option<(i64, Text)>) = (FIRST_PAGE, None);
        loop {
            let mut condition = Condition::of(filter);
            if let Some((start, id)) = after.take() {
                condition.also(|n| format!("(start_ns, runs.id) < (${n}, ${})", n + 1), start);
                condition.question = condition.question.with(id);
            }
            let rows = self.session.ask(condition.runs("ORDER BY start_ns DESC, runs.id DESC", size))?;
            for row in &rows {
                let Some(run) = self.read_run(row) else { continue };
                // Whether a run goes on or was cut off shows only when its process has been looked for.
                let is_meant = filter.state.is_none_or(|state| state == run.state);
                if is_meant && (run.has_failed() || !filter.failed) && visit(run).is_break() {
                    return Ok(());
                }
            }
            after = rows.last().and_then(|row| Some((get(row, "start_ns")?, get(row, "id")?)));
            if after.is_none() || (rows.len() as u64) < size.unsigned_abs() {
                return Ok(());
            }
            size = (size * 8).min(LARGEST_PAGE);
        }
    }

    /// Every suite that a run was recorded of, pruned ones included.
    pub(super) fn suites(&self) -> Result<Vec<String>> {
        let rows = self.session.ask(Question::new("SELECT DISTINCT suite FROM runs"))?;
        let mut suites: Vec<String> = rows.iter().filter_map(|row| text(row, "suite")).collect();
        suites.sort();
        Ok(suites)
    }

    /// A run by its name, or by what no other name begins with.
    pub(super) fn run(&self, id: &str) -> Result<StoredRun> {
        let sql = format!("{RUNS} WHERE NOT pruned AND starts_with(runs.id, $1) ORDER BY runs.id LIMIT 2");
        let rows = self.session.ask(Question::new(sql).with(Text::of(id)))?;
        columns::only(id, rows.iter().filter_map(|row| self.read_run(row)))
    }

    /// A run by its whole name.
    pub(super) fn whole_run(&self, id: &RunId) -> Result<StoredRun> {
        let sql = format!("{RUNS} WHERE NOT pruned AND runs.id = $1");
        let rows = self.session.ask(Question::new(sql).with(Text::of(id.as_str())))?;
        let found = rows.first().and_then(|row| self.read_run(row));
        found.ok_or_else(|| StoreError::NoSuchRun(id.to_string()))
    }

    /// Binaries by their numbers.
    pub(super) fn binaries(&self, rows: &[Row]) -> HashMap<i64, BinaryId> {
        rows.iter().filter_map(rows::binary).collect()
    }

    /// The key of a row with `binary_id` and `name`.
    pub(super) fn key(&self, row: &Row, binaries: &HashMap<i64, BinaryId>) -> Option<TestKey> {
        let binary: i64 = get(row, "binary_id")?;
        Some(TestKey { binary: binaries.get(&binary)?.clone(), name: text(row, "name")? })
    }

    pub(super) fn last_executed(&self, context: &Context) -> Result<Option<LastRun>> {
        let latest = Condition::of(&RunFilter::executed(context)).runs("ORDER BY start_ns DESC, runs.id DESC", 1);
        let rows = self.session.ask(latest)?;
        let Some((seq, run)) = rows.first().and_then(rows::run) else { return Ok(None) };
        let failed = Question::new(format!("{FAILING}$1")).with(seq);
        let answers = self.session.read(vec![Question::new(BINARIES), failed])?;
        let [binaries, failed] = answers.as_slice() else { return Ok(None) };
        let binaries = self.binaries(binaries);
        let mut failing: Vec<TestKey> = failed.iter().filter_map(|row| self.key(row, &binaries)).collect();
        (failing.len()..failed.len()).for_each(|_| self.skip());
        failing.sort();
        Ok(Some(LastRun { run, failing }))
    }

    /// Summaries know all they need of cases: those are not looked at.
    pub(super) fn summaries(&self, context: &Context) -> Result<Vec<TestSummary>> {
        let digest = names::of_context(context);
        let summaries = "SELECT summaries.folded, tests.binary_id, tests.name \
                         FROM summaries JOIN tests ON tests.id = summaries.test \
                         WHERE summaries.context = (SELECT id FROM contexts WHERE digest = $1)";
        let mut facts = Facts::new();
        let answers = self.session.read(vec![
            Question::new(BINARIES),
            Question::new(summaries).with(digest.clone()),
            latest_facts("SELECT id FROM contexts WHERE digest = $1").with(digest),
        ])?;
        let [binaries, written, latest] = answers.as_slice() else { return Ok(Vec::new()) };
        let binaries = self.binaries(binaries);
        folds::learn(&mut facts, latest);
        let bytes = |row| get::<&[u8]>(row, "folded").unwrap_or_default();
        let unknown = folds::unknown(&facts, written.iter().map(bytes));
        if !unknown.is_empty() {
            folds::learn(&mut facts, &self.session.ask(facts_of(unknown))?);
        }
        let mut summaries = Vec::with_capacity(written.len());
        for row in written {
            let summary = codec::read_summary(bytes(row), |seq| facts.get(&seq).cloned());
            match summary.zip(self.key(row, &binaries)) {
                Some((summary, key)) => summaries.push(TestSummary { key: Arc::new(key), summary }),
                None => self.skip(),
            }
        }
        summaries.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(summaries)
    }

    pub(super) fn contexts(&self) -> Result<Vec<Context>> {
        let rows = self.session.ask(Question::new("SELECT target, features, profile FROM contexts"))?;
        let mut contexts: Vec<Context> = rows.iter().filter_map(rows::context).collect();
        contexts.sort_by(|a, b| (&a.target, &a.features, &a.profile).cmp(&(&b.target, &b.features, &b.profile)));
        Ok(contexts)
    }

    pub(super) fn stamps(&self, context: &Context) -> Result<Vec<BinaryStamp>> {
        let sql = "SELECT binary_id, path, size, mtime_ns, hash FROM stamps \
                   WHERE context = (SELECT id FROM contexts WHERE digest = $1) ORDER BY binary_id";
        let stamps = Question::new(sql).with(names::of_context(context));
        let answers = self.session.read(vec![Question::new(BINARIES), stamps])?;
        let [binaries, stamps] = answers.as_slice() else { return Ok(Vec::new()) };
        let binaries = self.binaries(binaries);
        let stamp = |row: &Row| {
            Some(BinaryStamp {
                binary: binaries.get(&get(row, "binary_id")?)?.clone(),
                path: text(row, "path")?.into(),
                size: row.count("size").ok()?,
                mtime_ns: get(row, "mtime_ns")?,
                hash: row.hash("hash").ok()?,
            })
        };
        Ok(stamps.iter().filter_map(stamp).collect())
    }

    pub(super) fn known_hash(&self, path: &Utf8Path, size: u64, mtime_ns: i64) -> Result<Option<ContentHash>> {
        let sql = "SELECT hash FROM stamps WHERE path = $1 AND size = $2 AND mtime_ns = $3 AND hash IS NOT NULL";
        let question = Question::new(sql).with(Text::of(path.as_str())).with(number(size)).with(mtime_ns);
        let rows = self.session.ask(question)?;
        Ok(rows.first().and_then(|row| row.hash("hash").ok()?))
    }

    pub(super) fn counters(&self) -> Result<Counters> {
        let rows = self.session.ask(Question::new("SELECT name, value FROM counters"))?;
        let named = rows.iter().filter_map(|row| Some((row.text("name").ok()?, row.count("value").ok()?)));
        Ok(columns::counters(named))
    }

    pub(super) fn size(&self) -> Result<Size> {
        let sql = "SELECT (SELECT count(*) FROM runs WHERE NOT pruned) AS runs, \
                   (SELECT least(coalesce(sum(greatest(tests, 0)), 0), 9223372036854775807)::bigint \
                    FROM runs WHERE NOT pruned) AS cases, \
                   (SELECT count(*) FROM summaries) AS summaries, \
                   (SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class \
                    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r') AS bytes";
        let rows = self.session.ask(Question::new(sql))?;
        let one = |column| rows.first().and_then(|row| row.count(column).ok()).unwrap_or(0);
        Ok(Size { runs: one("runs"), cases: one("cases"), summaries: one("summaries"), bytes: one("bytes") })
    }
}

/// The filter as far as the database can tell.
struct Condition {
    sql: String,
    question: Question,
}

impl Condition {
    fn of(filter: &RunFilter) -> Self {
        let mut condition = Self { sql: "NOT pruned".to_owned(), question: Question::new("") };
        let is = |column: &'static str| move |n: usize| format!("{column} = ${n}");
        if let Some(context) = &filter.context {
            condition.also(
                |n| format!("context = (SELECT id FROM contexts WHERE digest = ${n})"),
                names::of_context(context),
            );
        }
        if let Some(suite) = &filter.suite {
            condition.also(is("suite"), Text::of(suite));
        }
        match filter.state {
            None => {}
            // As which of them it reads is found out later.
            Some(RunState::Running | RunState::Interrupted) => {
                condition.sql.push_str(" AND state IN ('running', 'interrupted')");
            }
            Some(state) => condition.also(is("state"), Text::of(state.as_str())),
        }
        if let Some(trigger) = &filter.trigger {
            condition.also(is("run_trigger"), Text::of(trigger));
        }
        if let Some(branch) = &filter.branch {
            condition.also(is("branch"), Text::of(branch));
        }
        if let Some(commit) = filter.commit.as_ref().filter(|commit| !commit.is_empty()) {
            condition.also(|n| format!("starts_with(commit_id, ${n})"), Text::of(commit));
        }
        if let Some(since) = filter.since {
            condition.also(|n| format!("start_ns >= ${n}"), nanos(since));
        }
        if let Some(verdict) = filter.verdict {
            condition.also(is("verdict"), Text::of(verdict.as_str()));
        }
        if filter.full {
            condition.sql.push_str(" AND whole");
        }
        if filter.of_tests {
            condition.also(|n| format!("suite <> ${n}"), Text::of(PIPELINE_SUITE));
        }
        if filter.measured {
            condition.sql.push_str(" AND coverage.run IS NOT NULL");
        }
        condition
    }

    fn also<T: Scalar>(&mut self, sql: impl FnOnce(usize) -> String, value: T) {
        self.sql.push_str(" AND ");
        self.sql.push_str(&sql(self.question.next()));
        let question = std::mem::replace(&mut self.question, Question::new(""));
        self.question = question.with(value);
    }

    /// Asks for such runs.
    fn runs(self, order: &str, limit: i64) -> Question {
        let sql = format!("{RUNS} WHERE {} {order} LIMIT {limit}", self.sql);
        self.question.saying(sql)
    }
}
