//! What reads: runs, cases, summaries, figures.

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use camino::Utf8Path;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::error;
use super::rows::{self, Facts};
use crate::history::columns::{self, Columns as _, FAILING, RUNS, nanos};
use crate::history::store::{BinaryStamp, LastRun, Result, RunFilter, StoreError, StoredRun, TestSummary};
use crate::history::{codec, intake};
use crate::model::{BinaryId, CaseRecord, ContentHash, Context, PIPELINE_SUITE, RunId, TestKey};

/// The number of a context, where it is known.
pub(super) fn context_id(connection: &Connection, context: &Context) -> Result<Option<i64>> {
    let sql = "SELECT id FROM contexts WHERE target = ?1 AND features = ?2 AND profile = ?3";
    let mut statement = connection.prepare_cached(sql).map_err(error)?;
    let columns = [&context.target, &context.features, &context.profile];
    statement.query_row(columns, |row| row.get(0)).optional().map_err(error)
}

/// Failure texts of a test in one run, each with the number of its attempt, from 1.
type Texts = Vec<(i64, Arc<str>)>;

/// Reads through a connection; what does not decode is left out and counted.
pub(super) struct Reader<'s> {
    pub(super) connection: &'s Connection,
    pub(super) skipped: &'s Cell<u64>,
}

impl<'s> Reader<'s> {
    fn skip(&self) {
        self.skipped.set(self.skipped.get() + 1);
    }

    /// Runs, newest first, as long as the visitor asks for more.
    pub(super) fn visit(
        &self,
        filter: &RunFilter,
        mut visit: impl FnMut(i64, StoredRun) -> ControlFlow<()>,
    ) -> Result<()> {
        let (condition, values) = condition(filter);
        let sql = format!("{RUNS} WHERE {condition} ORDER BY start_ns DESC, runs.id DESC");
        let mut statement = self.connection.prepare_cached(&sql).map_err(error)?;
        let mut found = statement.query(params_from_iter(values)).map_err(error)?;
        while let Some(row) = found.next().map_err(error)? {
            match rows::run(row) {
                // Whether a run goes on or was cut off shows only when its process has been looked for.
                Ok(Some((_, run))) if filter.state.is_some_and(|state| state != run.state) => {}
                Ok(Some((_, run))) if filter.failed && !run.has_failed() => {}
                Ok(Some((seq, run))) => {
                    if visit(seq, run).is_break() {
                        break;
                    }
                }
                Ok(None) => self.skip(),
                Err(failure) if failure.sqlite_error_code().is_some() => return Err(error(failure)),
                Err(_) => self.skip(),
            }
        }
        Ok(())
    }

    /// Every suite that a run was recorded of, pruned ones included.
    pub(super) fn suites(&self) -> Result<Vec<String>> {
        let mut statement =
            self.connection.prepare_cached("SELECT DISTINCT suite FROM runs ORDER BY suite").map_err(error)?;
        let suites = statement.query_map([], |row| row.get(0)).map_err(error)?.collect::<rusqlite::Result<_>>();
        suites.map_err(error)
    }

    /// A run by its name, or by what no other name begins with.
    pub(super) fn run(&self, id: &str) -> Result<StoredRun> {
        let sql = format!("{RUNS} WHERE pruned = 0 AND substr(runs.id, 1, length(?1)) = ?1 ORDER BY runs.id LIMIT 2");
        let mut statement = self.connection.prepare_cached(&sql).map_err(error)?;
        let found: Vec<_> = statement
            .query_map([id], rows::run)
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(error)?;
        columns::only(id, found.into_iter().flatten().map(|(_, run)| run))
    }

    /// A run by its whole name.
    pub(super) fn whole_run(&self, id: &RunId) -> Result<Option<StoredRun>> {
        let sql = format!("{RUNS} WHERE runs.id = ?1 AND pruned = 0");
        let found = self.connection.query_row(&sql, [id.as_str()], rows::run).optional().map_err(error)?;
        Ok(found.flatten().map(|(_, run)| run))
    }

    pub(super) fn seq(&self, id: &RunId) -> Result<i64> {
        let sql = "SELECT seq FROM runs WHERE id = ?1 AND pruned = 0";
        let seq = self.connection.query_row(sql, [id.as_str()], |row| row.get(0)).optional().map_err(error)?;
        seq.ok_or_else(|| StoreError::NoSuchRun(id.to_string()))
    }

    pub(super) fn cases(&self, id: &RunId) -> Result<Vec<CaseRecord>> {
        let mut cases: Vec<CaseRecord> =
            self.numbered_cases(self.seq(id)?)?.into_iter().map(|(_, case)| case).collect();
        cases.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(cases)
    }

    /// The case of one test, by the primary keys alone.
    pub(super) fn case(&self, id: &RunId, key: &TestKey) -> Result<Option<CaseRecord>> {
        let run = self.seq(id)?;
        let sql = "SELECT cases.test, cases.outcome, cases.us, cases.extra, tests.binary_id, tests.name \
                   FROM binaries JOIN tests ON tests.binary_id = binaries.id \
                   JOIN cases ON cases.run = ?1 AND cases.test = tests.id \
                   WHERE package = ?2 AND kind = ?3 AND binaries.name = ?4 AND tests.name = ?5";
        let BinaryId { package, kind, binary } = &key.binary;
        let mut statement = self.connection.prepare_cached(sql).map_err(error)?;
        let mut found = statement.query(params![run, package, kind.as_str(), binary, key.name]).map_err(error)?;
        let Some(row) = found.next().map_err(error)? else { return Ok(None) };
        let number: i64 = row.get("binary_id").map_err(error)?;
        let Some((test, binary, mut case)) = read_case(row, &HashMap::from([(number, key.binary.clone())])) else {
            self.skip();
            return Ok(None);
        };
        case.binary_hash = self.contents(run)?.get(&binary).copied();
        intake::add_texts(&mut case, self.texts(run, Some(test))?.remove(&test).unwrap_or_default());
        Ok(Some(case))
    }

    /// The cases of a run with the numbers of their tests.
    pub(super) fn numbered_cases(&self, seq: i64) -> Result<Vec<(i64, CaseRecord)>> {
        let binaries = self.binaries()?;
        let contents = self.contents(seq)?;
        let mut texts = self.texts(seq, None)?;
        let sql = "SELECT cases.test, cases.outcome, cases.us, cases.extra, tests.binary_id, tests.name \
                   FROM cases JOIN tests ON tests.id = cases.test WHERE cases.run = ?1";
        let mut statement = self.connection.prepare_cached(sql).map_err(error)?;
        let mut found = statement.query([seq]).map_err(error)?;
        let mut cases = Vec::new();
        while let Some(row) = found.next().map_err(error)? {
            let Some((test, binary, mut case)) = read_case(row, &binaries) else {
                self.skip();
                continue;
            };
            case.binary_hash = contents.get(&binary).copied();
            intake::add_texts(&mut case, texts.remove(&test).unwrap_or_default());
            cases.push((test, case));
        }
        Ok(cases)
    }

    fn binaries(&self) -> Result<HashMap<i64, BinaryId>> {
        let mut statement =
            self.connection.prepare_cached("SELECT id, package, kind, name FROM binaries").map_err(error)?;
        let read = |row: &Row<'_>| {
            let kind: String = row.get(2)?;
            let binary = kind.parse().ok().map(|kind| (row.get(1), kind, row.get(3)));
            Ok((
                row.get(0)?,
                binary.map(|(package, kind, name)| -> rusqlite::Result<_> {
                    Ok(BinaryId { package: package?, kind, binary: name? })
                }),
            ))
        };
        let mut binaries = HashMap::new();
        for row in statement.query_map([], read).map_err(error)? {
            if let (id, Some(Ok(binary))) = row.map_err(error)? {
                binaries.insert(id, binary);
            }
        }
        Ok(binaries)
    }

    fn contents(&self, seq: i64) -> Result<HashMap<i64, ContentHash>> {
        let sql = "SELECT binary_id, hash FROM contents WHERE run = ?1";
        let mut statement = self.connection.prepare_cached(sql).map_err(error)?;
        let read = |row: &Row<'_>| Ok(row.hash("hash")?.map(|hash| (row.get(0), hash)));
        let mut contents = HashMap::new();
        for row in statement.query_map([seq], read).map_err(error)? {
            if let Some((Ok(binary), hash)) = row.map_err(error)? {
                contents.insert(binary, hash);
            }
        }
        Ok(contents)
    }

    /// Failure texts of a run, or of one test in it, by test.
    fn texts(&self, seq: i64, test: Option<i64>) -> Result<HashMap<i64, Texts>> {
        let sql = match test {
            None => "SELECT test, attempt, text FROM failures WHERE run = ?1",
            Some(_) => "SELECT test, attempt, text FROM failures WHERE run = ?1 AND test = ?2",
        };
        let mut statement = self.connection.prepare_cached(sql).map_err(error)?;
        let mut texts: HashMap<i64, Texts> = HashMap::new();
        let mut found = statement.query(params_from_iter([Some(seq), test].into_iter().flatten())).map_err(error)?;
        while let Some(row) = found.next().map_err(error)? {
            match (row.get(0), row.get(1), row.get::<_, String>(2)) {
                (Ok(test), Ok(number), Ok(text)) => texts.entry(test).or_default().push((number, text.into())),
                _ => self.skip(),
            }
        }
        Ok(texts)
    }

    pub(super) fn last_executed(&self, context: &Context) -> Result<Option<LastRun>> {
        let mut last = None;
        self.visit(&RunFilter::executed(context), |seq, run| {
            last = Some((seq, run));
            ControlFlow::Break(())
        })?;
        let Some((seq, run)) = last else { return Ok(None) };
        let binaries = self.binaries()?;
        let mut statement = self.connection.prepare_cached(&format!("{FAILING}?1")).map_err(error)?;
        let mut found = statement.query([seq]).map_err(error)?;
        let mut failing = Vec::new();
        while let Some(row) = found.next().map_err(error)? {
            let binary = row.get(0).ok().and_then(|id: i64| binaries.get(&id));
            match (binary, row.get(1)) {
                (Some(binary), Ok(name)) => failing.push(TestKey { binary: binary.clone(), name }),
                _ => self.skip(),
            }
        }
        failing.sort();
        Ok(Some(LastRun { run, failing }))
    }

    pub(super) fn summaries(&self, context: &Context) -> Result<Vec<TestSummary>> {
        let Some(context) = context_id(self.connection, context)? else { return Ok(Vec::new()) };
        let binaries = self.binaries()?;
        let facts = Facts::new(self.connection);
        let sql = "SELECT summaries.folded, tests.binary_id, tests.name \
                   FROM summaries JOIN tests ON tests.id = summaries.test WHERE summaries.context = ?1";
        let mut statement = self.connection.prepare_cached(sql).map_err(error)?;
        let mut found = statement.query([context]).map_err(error)?;
        let mut summaries = Vec::new();
        while let Some(row) = found.next().map_err(error)? {
            let bytes = row.get_ref(0).map_err(error)?.as_blob().unwrap_or_default();
            let binary = row.get(1).ok().and_then(|id: i64| binaries.get(&id));
            match (codec::read_summary(bytes, |seq| facts.get(seq)), binary, row.get(2)) {
                (Some(summary), Some(binary), Ok(name)) => {
                    let key = Arc::new(TestKey { binary: binary.clone(), name });
                    summaries.push(TestSummary { key, summary });
                }
                _ => self.skip(),
            }
        }
        facts.finish()?;
        summaries.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(summaries)
    }

    pub(super) fn contexts(&self) -> Result<Vec<Context>> {
        let sql = "SELECT target, features, profile FROM contexts ORDER BY target, features, profile";
        let mut statement = self.connection.prepare_cached(sql).map_err(error)?;
        let read = |row: &Row<'_>| Ok(Context { target: row.get(0)?, features: row.get(1)?, profile: row.get(2)? });
        let contexts = statement.query_map([], read).map_err(error)?.collect::<rusqlite::Result<_>>();
        contexts.map_err(error)
    }

    pub(super) fn stamps(&self, context: &Context) -> Result<Vec<BinaryStamp>> {
        let Some(context) = context_id(self.connection, context)? else { return Ok(Vec::new()) };
        let binaries = self.binaries()?;
        let sql = "SELECT binary_id, path, size, mtime_ns, hash FROM stamps WHERE context = ?1";
        let mut statement = self.connection.prepare_cached(sql).map_err(error)?;
        let read = |row: &Row<'_>| {
            let Some(binary) = binaries.get(&row.get("binary_id")?).cloned() else { return Ok(None) };
            let path: String = row.get("path")?;
            Ok(Some(BinaryStamp {
                binary,
                path: path.into(),
                size: row.count("size")?,
                mtime_ns: row.get("mtime_ns")?,
                hash: row.hash("hash")?,
            }))
        };
        let stamps = statement.query_map([context], read).map_err(error)?.collect::<rusqlite::Result<Vec<_>>>();
        Ok(stamps.map_err(error)?.into_iter().flatten().collect())
    }

    pub(super) fn known_hash(&self, path: &Utf8Path, size: u64, mtime_ns: i64) -> Result<Option<ContentHash>> {
        let sql = "SELECT hash FROM stamps WHERE path = ?1 AND size = ?2 AND mtime_ns = ?3 AND hash IS NOT NULL";
        let mut statement = self.connection.prepare_cached(sql).map_err(error)?;
        let columns = params![path.as_str(), i64::try_from(size).unwrap_or(i64::MAX), mtime_ns];
        Ok(statement.query_row(columns, |row| row.hash("hash")).optional().map_err(error)?.flatten())
    }
}

/// The filter as far as the database can tell.
fn condition(filter: &RunFilter) -> (String, Vec<Value>) {
    let mut condition = "pruned = 0".to_owned();
    let mut values: Vec<Value> = Vec::new();
    let mut also = |sql: &str, value: Value| {
        condition.push_str(" AND ");
        condition.push_str(sql);
        values.push(value);
    };
    if let Some(context) = &filter.context {
        also("target = ?", context.target.clone().into());
        also("features = ?", context.features.clone().into());
        also("profile = ?", context.profile.clone().into());
    }
    if let Some(suite) = &filter.suite {
        also("suite = ?", suite.clone().into());
    }
    if let Some(trigger) = &filter.trigger {
        also("run_trigger = ?", trigger.clone().into());
    }
    if let Some(branch) = &filter.branch {
        also("branch = ?", branch.clone().into());
    }
    if let Some(commit) = filter.commit.as_ref().filter(|commit| !commit.is_empty()) {
        also("instr(commit_id, ?) = 1", commit.clone().into());
    }
    if let Some(since) = filter.since {
        also("start_ns >= ?", nanos(since).into());
    }
    if let Some(verdict) = filter.verdict {
        also("verdict = ?", verdict.as_str().to_owned().into());
    }
    if filter.full {
        also("whole = ?", true.into());
    }
    if filter.of_tests {
        also("suite <> ?", PIPELINE_SUITE.to_owned().into());
    }
    if filter.measured {
        condition.push_str(" AND coverage.run IS NOT NULL");
    }
    (condition, values)
}

fn read_case(row: &Row<'_>, binaries: &HashMap<i64, BinaryId>) -> Option<(i64, i64, CaseRecord)> {
    let test = row.get("test").ok()?;
    let binary: i64 = row.get("binary_id").ok()?;
    let key = TestKey { binary: binaries.get(&binary)?.clone(), name: row.get("name").ok()? };
    let case = columns::case(row, Arc::new(key)).ok()??;
    Some((test, binary, case))
}
