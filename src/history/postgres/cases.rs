//! What became of the tests of a run, read in one round trip.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_postgres::Row;

use super::names;
use super::question::{Question, Text};
use super::read::{BINARIES, Reader};
use super::rows::{self, get, text};
use crate::history::columns::{Columns as _, RUNS};
use crate::history::intake;
use crate::history::store::{FinishedRun, Result, StoreError};
use crate::model::{BinaryId, CaseRecord, ContentHash, RunId, RunState, TestKey};

/// The number of a run that is on record, by its name.
const SEQ: &str = "(SELECT seq FROM runs WHERE id = $1 AND NOT pruned)";

/// All of a run, or one of its tests.
#[derive(Clone, Copy)]
enum Which<'k> {
    All,
    Test(&'k TestKey),
}

impl Reader<'_> {
    pub(super) fn cases(&self, id: &RunId) -> Result<Vec<CaseRecord>> {
        let (_, mut cases) = self.read_cases(id, Which::All)?.ok_or_else(|| StoreError::NoSuchRun(id.to_string()))?;
        cases.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(cases)
    }

    pub(super) fn case(&self, id: &RunId, key: &TestKey) -> Result<Option<CaseRecord>> {
        let found = self.read_cases(id, Which::Test(key))?;
        let (_, mut cases) = found.ok_or_else(|| StoreError::NoSuchRun(id.to_string()))?;
        Ok(cases.pop())
    }

    /// A run that is over, as it was at one moment.
    pub(super) fn finished(&self, id: &RunId) -> Result<Option<FinishedRun>> {
        let Some((run, cases)) = self.read_cases(id, Which::All)? else { return Ok(None) };
        let run = rows::run(&run).map(|(_, run)| run).filter(|run| run.state != RunState::Running);
        let cases = cases.into_iter().map(Arc::new).collect();
        Ok(run.map(|run| FinishedRun { record: run.into_record(), cases, binaries: Vec::new() }))
    }

    /// The row of a run, and its cases; none where it is not on record.
    fn read_cases(&self, id: &RunId, which: Which<'_>) -> Result<Option<(Row, Vec<CaseRecord>)>> {
        let ask = |sql: String| Question::new(sql).with(Text::of(id.as_str()));
        let of_test = |column: &str, mut question: Question| match which {
            Which::All => question,
            Which::Test(key) => {
                let sql = format!("{} AND {column} = (SELECT id FROM tests WHERE digest = $2)", question.sql);
                question = question.saying(sql);
                question.with(names::of_test(key))
            }
        };
        let cases = format!(
            "SELECT cases.test, cases.us, cases.outcome, cases.extra, tests.binary_id, tests.name \
             FROM cases JOIN tests ON tests.id = cases.test WHERE cases.run = {SEQ}"
        );
        let answers = self.session.read(vec![
            ask(format!("{RUNS} WHERE runs.id = $1 AND NOT pruned")),
            Question::new(BINARIES),
            ask(format!("SELECT binary_id, hash FROM contents WHERE run = {SEQ}")),
            of_test("test", ask(format!("SELECT test, attempt, text FROM failures WHERE run = {SEQ}"))),
            of_test("cases.test", ask(cases)),
        ])?;
        let Ok([mut run, binaries, contents, texts, found]) = <[Vec<Row>; 5]>::try_from(answers) else {
            return Ok(None);
        };
        let Some(run) = run.pop() else { return Ok(None) };
        let binaries = self.binaries(&binaries);
        let content = |row: &Row| Some((get(row, "binary_id")?, row.hash("hash").ok()??));
        let contents: HashMap<i64, ContentHash> = contents.iter().filter_map(content).collect();
        let mut texts = self.texts(&texts);
        let mut cases = Vec::with_capacity(found.len());
        for row in &found {
            let Some((test, binary, mut case)) = self.read_case(row, &binaries) else {
                self.skip();
                continue;
            };
            case.binary_hash = contents.get(&binary).copied();
            intake::add_texts(&mut case, texts.remove(&test).unwrap_or_default());
            cases.push(case);
        }
        Ok(Some((run, cases)))
    }

    fn read_case(&self, row: &Row, binaries: &HashMap<i64, BinaryId>) -> Option<(i64, i64, CaseRecord)> {
        let case = rows::case(row, Arc::new(self.key(row, binaries)?))?;
        Some((get(row, "test")?, get(row, "binary_id")?, case))
    }

    /// Failure texts by test, each with the number of its attempt, from 1.
    fn texts(&self, rows: &[Row]) -> HashMap<i64, Vec<(i64, Arc<str>)>> {
        let mut texts: HashMap<i64, Vec<(i64, Arc<str>)>> = HashMap::new();
        for row in rows {
            match (get(row, "test"), get(row, "attempt"), text(row, "text")) {
                (Some(test), Some(number), Some(text)) => texts.entry(test).or_default().push((number, text.into())),
                _ => self.skip(),
            }
        }
        texts
    }
}
