//! The history of many machines: a schema in a PostgreSQL database.
//!
//! Every write is one transaction, sent in as few round trips as its questions allow. What many writers change is locked
//! in one order, counters last; who meets another all the same begins again. Summaries are folded here,
//! as for every store, so that the database does nothing but keep them.

mod address;
mod append;
mod cases;
mod deferrals;
mod failure;
mod folds;
mod names;
mod passfile;
mod question;
mod read;
mod remove;
mod rows;
mod run_row;
mod schema;
mod session;
mod tls;

use std::cell::Cell;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8Path;
use jiff::Timestamp;

use super::store::{
    Appended, BinaryStamp, Counters, FinishedRun, LastRun, Prune, Pruned, Result, Retention, RunFilter, Size, Store,
    StoreError, StoredRun, TestSummary,
};
use super::{columns, intake};
use crate::model::{CaseRecord, ContentHash, Context, RunHead, RunId, RunRecord, TestKey};
use address::{Address, Lookup};
use append::Arrival;
use question::Text;
use read::Reader;
use session::Session;

pub use address::of_workspace;

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
pub struct PostgresStore {
    session: Session,
    warnings: Vec<String>,
    /// Rows that could not be decoded since the last warning.
    skipped: Cell<u64>,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("schema", &self.session.schema()).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Opens the history at an address, creating or migrating its schema where that is needed.
    ///
    /// The error is [`StoreError::Unreachable`] where nobody answers in time, or
    /// lets us in. No error and no `Debug` output has the address or its password in it.
    pub fn connect(url: &str, patience: Patience) -> Result<Self> {
        Self::connect_as(url, &|name| std::env::var(name).ok(), patience)
    }

    fn connect_as(url: &str, env: Lookup<'_>, patience: Patience) -> Result<Self> {
        let mut address = Address::parse(url, env)?;
        let warnings = std::mem::take(&mut address.warnings);
        let session = Session::open(address, patience).map_err(|error| match error {
            // What was not read may be why.
            StoreError::Unreachable(why) => {
                StoreError::Unreachable(std::iter::once(why).chain(warnings.clone()).collect::<Vec<_>>().join("; "))
            }
            error => error,
        })?;
        Ok(Self { session, warnings, skipped: Cell::default() })
    }

    fn reader(&self) -> Reader<'_> {
        Reader { session: &self.session, skipped: &self.skipped }
    }
}

impl Store for PostgresStore {
    fn begin(&mut self, head: &RunHead) -> Result<()> {
        self.session.write(|transaction| append::begin(transaction, head))
    }

    fn finish(&mut self, record: &RunRecord, cases: &[Arc<CaseRecord>], binaries: &[BinaryStamp]) -> Result<()> {
        self.session.write(|transaction| append::finish(transaction, Arrival { record, cases, binaries }))
    }

    fn abandon(&mut self, id: &RunId) -> Result<()> {
        self.session.write(|transaction| append::abandon(transaction, id))
    }

    fn adopt(&mut self, whole: &FinishedRun, parts: &[RunHead]) -> Result<()> {
        self.session.write(|transaction| remove::adopt(transaction, whole, parts))
    }

    fn append(&mut self, runs: &mut dyn Iterator<Item = FinishedRun>) -> Result<Appended> {
        intake::in_chunks(runs, |chunk| self.session.write(|transaction| append::append(transaction, &chunk)))
    }

    fn summaries(&self, context: &Context) -> Result<Vec<TestSummary>> {
        self.reader().summaries(context)
    }

    fn contexts(&self) -> Result<Vec<Context>> {
        self.reader().contexts()
    }

    fn suites(&self) -> Result<Vec<String>> {
        self.reader().suites()
    }

    fn visit(&self, filter: &RunFilter, visit: &mut dyn FnMut(StoredRun) -> ControlFlow<()>) -> Result<()> {
        self.reader().visit(filter, visit)
    }

    fn run(&self, id: &str) -> Result<StoredRun> {
        self.reader().run(id)
    }

    fn finished(&self, id: &RunId) -> Result<Option<FinishedRun>> {
        self.reader().finished(id)
    }

    fn cases(&self, id: &RunId) -> Result<Vec<CaseRecord>> {
        self.reader().cases(id)
    }

    fn case(&self, id: &RunId, key: &TestKey) -> Result<Option<CaseRecord>> {
        self.reader().case(id, key)
    }

    fn last_executed(&self, context: &Context) -> Result<Option<LastRun>> {
        self.reader().last_executed(context)
    }

    fn stamps(&self, context: &Context) -> Result<Vec<BinaryStamp>> {
        self.reader().stamps(context)
    }

    fn known_hash(&self, path: &Utf8Path, size: u64, mtime_ns: i64) -> Result<Option<ContentHash>> {
        self.reader().known_hash(path, size, mtime_ns)
    }

    fn deferrals(&self, input: ContentHash, now: Timestamp) -> Result<u32> {
        deferrals::count(&self.session, input, now)
    }

    fn defer(&mut self, input: ContentHash, now: Timestamp) -> Result<u32> {
        self.session.write(|transaction| deferrals::defer(transaction, input, now))
    }

    fn clear_deferrals(&mut self, input: ContentHash) -> Result<()> {
        self.session.write(|transaction| {
            deferrals::clear(transaction, input);
            Ok(())
        })
    }

    fn counters(&self) -> Result<Counters> {
        self.reader().counters()
    }

    fn size(&self) -> Result<Size> {
        self.reader().size()
    }

    fn prune(&mut self, keep: &Retention, prune: Prune) -> Result<Pruned> {
        let mut pruned = remove::plan(&self.reader(), keep)?;
        if prune == Prune::Plan || pruned.runs.is_empty() {
            return Ok(pruned);
        }
        for chunk in pruned.runs.chunks(remove::CHUNK) {
            self.session.write(|transaction| {
                remove::prune(transaction, chunk.iter().map(|id| Text::of(id.as_str())).collect());
                Ok(())
            })?;
        }
        self.session.write(remove::forget_vanished)?;
        pruned.bytes_after = self.reader().size()?.bytes;
        Ok(pruned)
    }

    fn undo(&mut self, id: &RunId) -> Result<StoredRun> {
        let run = self.reader().whole_run(id)?;
        self.session.write(|transaction| remove::undo(transaction, &run))?;
        Ok(run)
    }

    fn take_warnings(&mut self) -> Vec<String> {
        let mut warnings = std::mem::take(&mut self.warnings);
        warnings.extend(columns::left_out(self.skipped.take()));
        warnings
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn who_is_not_let_in_hears_of_the_passwords_that_were_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passwords");
        fs_err::write(&file, "*:*:*:*:s3cret\n").unwrap();
        fs_err::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let env = |name: &str| (name == "PGPASSFILE").then(|| file.to_str().unwrap().to_owned());
        let refused = PostgresStore::connect_as("postgres://ci@127.0.0.1:1/gate", &env, Patience::default());
        let error = refused.unwrap_err();
        assert!(matches!(&error, StoreError::Unreachable(why) if why.contains("chmod 600")), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}
