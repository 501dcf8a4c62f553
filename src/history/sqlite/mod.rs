//! The embedded store of one machine: `history.sqlite` in the gate directory.
//!
//! Every write is one transaction that takes the lock at once, with a rollback journal and full syncing. A damaged
//! file is set aside when a write finds it so, never when it is only busy, full or not to be written.

mod append;
mod deferrals;
mod elsewhere;
mod figures;
mod read;
mod remove;
mod rescue;
mod rows;
mod run_row;
mod schema;

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::store::{
    Appended, BinaryStamp, Counters, FinishedRun, LastRun, Prune, Pruned, Result, Retention, RunFilter, Size, Store,
    StoreError, StoredRun, TestSummary,
};
use super::{columns, intake};
use crate::model::{CaseRecord, ContentHash, Context, RunHead, RunId, RunRecord, TestKey};
use rescue::Identity;
use schema::{Format, Open};

/// The file's name inside the gate directory.
pub const FILE_NAME: &str = "history.sqlite";

/// The embedded store.
#[derive(Debug)]
pub struct SqliteStore {
    file: Utf8PathBuf,
    connection: Connection,
    format: Format,
    identity: Option<Identity>,
    warnings: RefCell<Vec<String>>,
    /// Rows that could not be decoded since the last warning.
    skipped: Cell<u64>,
    /// Where the file is, if it is a copy that goes with this value.
    _copy: Option<tempfile::TempDir>,
}

impl SqliteStore {
    /// Opens the store of a gate directory for recording, creating both where they are not there.
    pub fn open(gate_dir: &Utf8Path) -> Result<Self> {
        fs_err::create_dir_all(gate_dir).map_err(|error| StoreError::ReadOnly(error.to_string()))?;
        let file = gate_dir.join(FILE_NAME);
        let identity = Identity::of(&file);
        match Self::open_file(&file, Open::Create) {
            Err(StoreError::Damaged(why)) => {
                let warning = rescue::set_aside_and_copy(&file, identity, &why)?;
                let store = Self::open_file(&file, Open::Create)?;
                store.warnings.borrow_mut().extend(warning);
                Ok(store)
            }
            opened => opened,
        }
    }

    /// Opens the store of a gate directory for reading what is there; `None` where there is none. Nothing is created,
    /// and a damaged file stays where it is.
    pub fn open_existing(gate_dir: &Utf8Path) -> Result<Option<Self>> {
        let file = gate_dir.join(FILE_NAME);
        // What cannot be looked at may well be there.
        if !file.try_exists().map_err(|error| StoreError::Unreadable(error.to_string()))? {
            return Ok(None);
        }
        let store = Self::open_file(&file, Open::Existing)?;
        Ok(Some(store).filter(|store| store.format != Format::Unready))
    }

    /// A store with nothing in it, in memory alone: what there is to read where nothing is on record.
    pub fn empty() -> Result<Self> {
        Self::open_file(":memory:".into(), Open::Create)
    }

    fn open_file(file: &Utf8Path, open: Open) -> Result<Self> {
        // Before it is opened: of a file that is replaced meanwhile this is no longer the one, and that shows later.
        let identity = Identity::of(file);
        let (connection, format) = schema::open(file, open)?;
        Ok(Self {
            file: file.to_owned(),
            connection,
            format,
            identity: identity.or_else(|| Identity::of(file)),
            warnings: RefCell::default(),
            skipped: Cell::default(),
            _copy: None,
        })
    }

    /// Writes in one transaction. Where that finds the file damaged, the file is set aside, what can be read is
    /// copied to a fresh one, and the write is tried once more.
    fn write<T>(&mut self, write: impl Fn(&Transaction<'_>) -> Result<T>) -> Result<T> {
        match self.format {
            Format::Newer(found) => return Err(schema::newer(found)),
            Format::Older | Format::Unready => {
                return Err(StoreError::ReadOnly("the file may only be read".to_owned()));
            }
            Format::Current => {}
        }
        self.follow_the_file()?;
        match transact(&mut self.connection, &write) {
            Err(StoreError::Damaged(why)) => {
                // Some systems rename no file that is open.
                self.connection = Connection::open_in_memory().map_err(error)?;
                let warning = rescue::set_aside_and_copy(&self.file, self.identity, &why)?;
                self.warnings.borrow_mut().extend(warning);
                self.reopen()?;
                transact(&mut self.connection, &write)
            }
            done => done,
        }
    }

    /// The file may have been removed (`cargo clean`) or set aside by another process while it was open here: what is
    /// written then would be lost with it.
    fn follow_the_file(&mut self) -> Result<()> {
        if self.identity.is_some() && Identity::of(&self.file) == self.identity {
            return Ok(());
        }
        self.reopen()
    }

    fn reopen(&mut self) -> Result<()> {
        if let Some(folder) = self.file.parent() {
            fs_err::create_dir_all(folder).map_err(|error| StoreError::ReadOnly(error.to_string()))?;
        }
        let fresh = Self::open_file(&self.file, Open::Create)?;
        self.connection = fresh.connection;
        self.format = fresh.format;
        self.identity = fresh.identity;
        Ok(())
    }

    /// Puts down the binaries of a context as they are now, without a run that they belong to: that is on record
    /// elsewhere.
    pub fn stamp(&mut self, context: &Context, binaries: &[BinaryStamp]) -> Result<()> {
        self.write(|transaction| append::stamp(transaction, context, binaries))
    }

    /// Forgets the binaries of a context.
    pub fn forget_stamps(&mut self, context: &Context) -> Result<()> {
        self.write(|transaction| append::forget_stamps(transaction, context))
    }

    fn reader(&self) -> read::Reader<'_> {
        read::Reader { connection: &self.connection, skipped: &self.skipped }
    }
}

fn transact<T>(connection: &mut Connection, write: impl Fn(&Transaction<'_>) -> Result<T>) -> Result<T> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(error)?;
    let value = write(&transaction)?;
    transaction.commit().map_err(error)?;
    Ok(value)
}

/// What an error of SQLite means for us.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn error(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(error.to_string()),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            StoreError::ReadOnly(error.to_string())
        }
        _ => StoreError::Other(error.to_string()),
    }
}

impl Store for SqliteStore {
    fn begin(&mut self, head: &RunHead) -> Result<()> {
        self.write(|transaction| append::begin(transaction, head))
    }

    fn finish(&mut self, record: &RunRecord, cases: &[Arc<CaseRecord>], binaries: &[BinaryStamp]) -> Result<()> {
        self.write(|transaction| {
            let mut appender = append::Appender::new(transaction, append::Runs::One);
            appender.finish(record, cases, binaries)?;
            appender.flush()
        })
    }

    fn abandon(&mut self, id: &RunId) -> Result<()> {
        self.write(|transaction| append::abandon(transaction, id))
    }

    fn adopt(&mut self, whole: &FinishedRun, parts: &[RunHead]) -> Result<()> {
        self.write(|transaction| remove::adopt(transaction, whole, parts))
    }

    fn append(&mut self, runs: &mut dyn Iterator<Item = FinishedRun>) -> Result<Appended> {
        intake::in_chunks(runs, |chunk| self.write(|transaction| append::append(transaction, &chunk)))
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
        self.reader().visit(filter, |_, run| visit(run))
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
        deferrals::count(&self.connection, input, now)
    }

    fn defer(&mut self, input: ContentHash, now: Timestamp) -> Result<u32> {
        self.write(|transaction| deferrals::defer(transaction, input, now))
    }

    fn clear_deferrals(&mut self, input: ContentHash) -> Result<()> {
        self.write(|transaction| deferrals::clear(transaction, input))
    }

    fn counters(&self) -> Result<Counters> {
        self.reader().counters()
    }

    fn size(&self) -> Result<Size> {
        self.reader().size()
    }

    fn prune(&mut self, keep: &Retention, prune: Prune) -> Result<Pruned> {
        let (mut pruned, chosen) = remove::plan(&self.reader(), keep)?;
        if prune == Prune::Plan || chosen.is_empty() {
            return Ok(pruned);
        }
        for chunk in chosen.chunks(remove::CHUNK) {
            self.write(|transaction| remove::prune(transaction, chunk))?;
        }
        self.write(remove::forget_vanished)?;
        remove::vacuum_when_worthwhile(&self.connection, &self.warnings)?;
        pruned.bytes_after = self.reader().size()?.bytes;
        Ok(pruned)
    }

    fn undo(&mut self, id: &RunId) -> Result<StoredRun> {
        let run = self.reader().whole_run(id)?.ok_or_else(|| StoreError::NoSuchRun(id.to_string()))?;
        self.write(|transaction| remove::undo(transaction, &run))?;
        remove::vacuum_when_worthwhile(&self.connection, &self.warnings)?;
        Ok(run)
    }

    fn take_warnings(&mut self) -> Vec<String> {
        let mut warnings = self.warnings.take();
        warnings.extend(columns::left_out(self.skipped.take()));
        warnings
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::exit_code::ExitCode;
    use crate::model::{Judgement, Outcome, RunState, Totals, Verdict, WORKSPACE_SUITE};
    use std::time::Duration;

    struct Folder {
        _folder: tempfile::TempDir,
        path: Utf8PathBuf,
    }

    impl Folder {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = Utf8PathBuf::try_from(folder.path().to_owned()).unwrap();
            Self { _folder: folder, path }
        }

        fn files(&self) -> usize {
            self.path.read_dir_utf8().unwrap().count()
        }
    }

    pub(in crate::history) fn run(number: u32, tests: u32) -> (RunRecord, Vec<Arc<CaseRecord>>) {
        let start = Timestamp::from_second(i64::from(number)).unwrap();
        let head = RunHead {
            id: RunId::new(start, number),
            start,
            context: Context { target: "t".into(), features: String::new(), profile: "dev".into() },
            suite: WORKSPACE_SUITE.into(),
            version: None,
            trigger: "manual".into(),
            host: "here".into(),
            toolchain: "rustc".into(),
            commit: None,
            branch: None,
            dirty: None,
            ci_link: None,
            input_key: None,
            instrumented: false,
            full: true,
            shard: None,
            pid: std::process::id(),
            boot_id: None,
        };
        let case = |test| {
            let key: TestKey = format!("app/app::test_{test}").parse().unwrap();
            CaseRecord {
                key: Arc::new(key),
                outcome: Outcome::Skipped,
                took: None,
                attempts: Vec::new(),
                line: None,
                leaked: false,
                binary_hash: None,
            }
        };
        let cases: Vec<Arc<CaseRecord>> = (0..tests).map(|test| Arc::new(case(test))).collect();
        let record = RunRecord {
            head,
            state: RunState::Executed,
            totals: Totals::of(cases.iter().map(|case| &**case)),
            not_run: 0,
            duration: Duration::from_secs(1),
            judgement: Judgement { verdict: Verdict::Pass, codes: vec![ExitCode::Pass], reasons: Vec::new() },
            plan_digest: None,
            coverage: None,
        };
        (record, cases)
    }

    #[test]
    fn a_full_disk_loses_the_run_that_did_not_fit_and_nothing_else() {
        let folder = Folder::new();
        let mut store = SqliteStore::open(&folder.path).unwrap();
        let (first, cases) = run(1, 10);
        store.finish(&first, &cases, &[]).unwrap();
        let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        store.connection.pragma_update(None, "max_page_count", pages).unwrap();
        let (second, cases) = run(2, 5000);
        assert!(matches!(store.finish(&second, &cases, &[]), Err(StoreError::Full)));
        assert_eq!(folder.files(), 1, "nothing is set aside");
        assert_eq!((store.size().unwrap().runs, store.counters().unwrap().runs), (1, 1));
        store.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
        store.finish(&second, &cases, &[]).unwrap();
        assert_eq!(store.size().unwrap().cases, 5010);
    }

    #[test]
    fn one_who_writes_for_too_long_is_named_and_nothing_set_aside() {
        let folder = Folder::new();
        let mut store = SqliteStore::open(&folder.path).unwrap();
        let mut other = SqliteStore::open(&folder.path).unwrap();
        store.connection.busy_timeout(Duration::from_millis(30)).unwrap();
        let (first, cases) = run(1, 10);
        let long = other.connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        assert!(matches!(store.finish(&first, &cases, &[]), Err(StoreError::Busy)));
        drop(long);
        store.finish(&first, &cases, &[]).unwrap();
        assert_eq!(folder.files(), 1);
    }
}
