//! The history of many machines: a schema in a PostgreSQL database.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8Path;
use jiff::Timestamp;

use super::store::{
    Appended, BinaryStamp, Counters, FinishedRun, LastRun, Prune, Pruned, Result, Retention, RunFilter, Size, Store,
    StoreError, StoredRun, TestSummary,
};
use crate::model::{CaseRecord, ContentHash, Context, RunHead, RunId, RunRecord, TestKey};

/// How long a database is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until it is reached and has let us in.
    pub connect: Duration,
    /// For the answer to one question, waiting for others who write included.
    pub statement: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), statement: Duration::from_secs(30) }
    }
}

/// The history of many machines.
#[derive(Debug)]
pub struct PostgresStore {}

impl PostgresStore {
    /// Opens the history at an address, creating or migrating its schema where that is needed.
    ///
    /// The error is [`StoreError::Unreachable`] where nobody answers in time, or lets us in. No error and no `Debug`
    /// output has the address' password in it.
    pub fn connect(url: &str, patience: Patience) -> Result<Self> {
        let _ = (url, patience);
        Err(unreached())
    }
}

fn unreached() -> StoreError {
    StoreError::Unreachable("not built yet".to_owned())
}

impl Store for PostgresStore {
    fn begin(&mut self, _head: &RunHead) -> Result<()> {
        Err(unreached())
    }

    fn finish(&mut self, _record: &RunRecord, _cases: &[Arc<CaseRecord>], _binaries: &[BinaryStamp]) -> Result<()> {
        Err(unreached())
    }

    fn abandon(&mut self, _id: &RunId) -> Result<()> {
        Err(unreached())
    }

    fn adopt(&mut self, _whole: &FinishedRun, _parts: &[RunHead]) -> Result<()> {
        Err(unreached())
    }

    fn append(&mut self, _runs: &mut dyn Iterator<Item = FinishedRun>) -> Result<Appended> {
        Err(unreached())
    }

    fn summaries(&self, _context: &Context) -> Result<Vec<TestSummary>> {
        Err(unreached())
    }

    fn contexts(&self) -> Result<Vec<Context>> {
        Err(unreached())
    }

    fn suites(&self) -> Result<Vec<String>> {
        Err(unreached())
    }

    fn visit(&self, _filter: &RunFilter, _visit: &mut dyn FnMut(StoredRun) -> ControlFlow<()>) -> Result<()> {
        Err(unreached())
    }

    fn run(&self, _id: &str) -> Result<StoredRun> {
        Err(unreached())
    }

    fn names(&self, _filter: &RunFilter) -> Result<Vec<RunId>> {
        Err(unreached())
    }

    fn finished(&self, _id: &RunId) -> Result<Option<FinishedRun>> {
        Err(unreached())
    }

    fn cases(&self, _id: &RunId) -> Result<Vec<CaseRecord>> {
        Err(unreached())
    }

    fn case(&self, _id: &RunId, _key: &TestKey) -> Result<Option<CaseRecord>> {
        Err(unreached())
    }

    fn last_executed(&self, _context: &Context) -> Result<Option<LastRun>> {
        Err(unreached())
    }

    fn stamps(&self, _context: &Context) -> Result<Vec<BinaryStamp>> {
        Err(unreached())
    }

    fn known_hash(&self, _path: &Utf8Path, _size: u64, _mtime_ns: i64) -> Result<Option<ContentHash>> {
        Err(unreached())
    }

    fn deferrals(&self, _input: ContentHash, _now: Timestamp) -> Result<u32> {
        Err(unreached())
    }

    fn defer(&mut self, _input: ContentHash, _now: Timestamp) -> Result<u32> {
        Err(unreached())
    }

    fn clear_deferrals(&mut self, _input: ContentHash) -> Result<()> {
        Err(unreached())
    }

    fn counters(&self) -> Result<Counters> {
        Err(unreached())
    }

    fn size(&self) -> Result<Size> {
        Err(unreached())
    }

    fn prune(&mut self, _keep: &Retention, _prune: Prune) -> Result<Pruned> {
        Err(unreached())
    }

    fn undo(&mut self, _id: &RunId) -> Result<StoredRun> {
        Err(unreached())
    }

    fn take_warnings(&mut self) -> Vec<String> {
        Vec::new()
    }
}
