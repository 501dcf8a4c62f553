//! A server as the network shows it: a real store behind a line that breaks when it is told to.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_gate::history::shared::{Connect, Hurry, Limits, Link, Outbox, SharedStore};
use cargo_gate::history::sqlite::SqliteStore;
use cargo_gate::history::store::{
    Appended, BinaryStamp, Counters, FinishedRun, LastRun, Prune, Pruned, Result, Retention, RunFilter, Size, Store,
    StoreError, StoredRun, TestSummary,
};
use cargo_gate::model::{CaseRecord, ContentHash, Context, RunHead, RunId, RunRecord, TestKey};
use jiff::Timestamp;

/// Long enough for a store in a file on a busy machine.
pub(super) const LIMITS: Limits = Limits {
    connect: Duration::from_secs(60),
    hurried: Duration::from_secs(60),
    last: Duration::from_secs(60),
    answer: Duration::from_secs(60),
    sending: Duration::from_secs(60),
};

/// When the line breaks, at the next write: before the server hears of it, or before its answer comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    Before,
    After,
}

/// What is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Faults {
    down: AtomicBool,
    next: Mutex<Option<Break>>,
    /// A run that it does not take.
    refused: Mutex<Option<RunId>>,
}

/// A server, and the machines that use it.
pub(super) struct Net {
    folder: tempfile::TempDir,
    faults: Arc<Faults>,
}

impl Net {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), faults: Arc::default() }
    }

    pub(super) fn is_down(&self, down: bool) {
        self.faults.down.store(down, Ordering::SeqCst);
        *self.faults.next.lock().unwrap() = None;
    }

    pub(super) fn breaks(&self, when: Break) {
        *self.faults.next.lock().unwrap() = Some(when);
    }

    pub(super) fn refuses(&self, run: Option<&RunId>) {
        *self.faults.refused.lock().unwrap() = run.cloned();
    }

    /// What the server has.
    pub(super) fn server(&self) -> SqliteStore {
        SqliteStore::open(&self.dir("server")).unwrap()
    }

    /// The gate directory of a machine.
    pub(super) fn dir(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.folder.path()).unwrap().join(name)
    }

    pub(super) fn connect(&self) -> Connect {
        let (dir, faults) = (self.dir("server"), Arc::clone(&self.faults));
        Arc::new(move || {
            faults.is_up()?;
            Ok(Box::new(Faulty { store: SqliteStore::open(&dir)?, faults: Arc::clone(&faults) }))
        })
    }

    pub(super) fn link(&self) -> Link {
        Link::new(self.connect(), LIMITS, Hurry::default())
    }

    /// The history as a machine uses it for a run.
    pub(super) fn machine(&self, name: &str) -> SharedStore {
        SharedStore::open(&self.dir(name), self.link()).unwrap()
    }

    /// A line to a server that lets one wait until it is told not to.
    pub(super) fn slow(&self, limits: Limits, hurry: Hurry) -> (Link, mpsc::Sender<()>) {
        let (release, released) = mpsc::channel();
        let (connect, released) = (self.connect(), Mutex::new(released));
        let slow: Connect = Arc::new(move || {
            let _ = released.lock().unwrap().recv();
            connect()
        });
        (Link::new(slow, limits, hurry), release)
    }

    /// What waits on a machine.
    pub(super) fn waiting(&self, name: &str) -> Vec<RunId> {
        Outbox::existing(&self.dir(name)).unwrap().map_or_else(Vec::new, |outbox| outbox.waiting().unwrap())
    }
}

impl Faults {
    fn is_up(&self) -> Result<()> {
        match self.down.load(Ordering::SeqCst) {
            true => Err(StoreError::Unreachable("nobody is there".into())),
            false => Ok(()),
        }
    }

    fn write<T>(&self, write: impl FnOnce() -> Result<T>) -> Result<T> {
        self.is_up()?;
        let breaks = self.next.lock().unwrap().take();
        self.down.store(breaks.is_some(), Ordering::SeqCst);
        if breaks == Some(Break::Before) {
            self.is_up()?;
        }
        let written = write()?;
        self.is_up().map(|()| written)
    }
}

/// The store of the server, through the line.
struct Faulty {
    store: SqliteStore,
    faults: Arc<Faults>,
}

impl Store for Faulty {
    fn begin(&mut self, head: &RunHead) -> Result<()> {
        self.faults.write(|| self.store.begin(head))
    }

    fn finish(&mut self, record: &RunRecord, cases: &[Arc<CaseRecord>], binaries: &[BinaryStamp]) -> Result<()> {
        if self.faults.refused.lock().unwrap().as_ref() == Some(&record.head.id) {
            return Err(StoreError::Other("it does not like it".into()));
        }
        self.faults.write(|| self.store.finish(record, cases, binaries))
    }

    fn abandon(&mut self, id: &RunId) -> Result<()> {
        self.faults.write(|| self.store.abandon(id))
    }

    fn adopt(&mut self, whole: &FinishedRun, parts: &[RunHead]) -> Result<()> {
        self.faults.write(|| self.store.adopt(whole, parts))
    }

    fn append(&mut self, runs: &mut dyn Iterator<Item = FinishedRun>) -> Result<Appended> {
        self.faults.write(|| self.store.append(runs))
    }

    fn summaries(&self, context: &Context) -> Result<Vec<TestSummary>> {
        self.faults.is_up().and_then(|()| self.store.summaries(context))
    }

    fn contexts(&self) -> Result<Vec<Context>> {
        self.faults.is_up().and_then(|()| self.store.contexts())
    }

    fn suites(&self) -> Result<Vec<String>> {
        self.faults.is_up().and_then(|()| self.store.suites())
    }

    fn visit(&self, filter: &RunFilter, visit: &mut dyn FnMut(StoredRun) -> ControlFlow<()>) -> Result<()> {
        self.faults.is_up().and_then(|()| self.store.visit(filter, visit))
    }

    fn run(&self, id: &str) -> Result<StoredRun> {
        self.faults.is_up().and_then(|()| self.store.run(id))
    }

    fn names(&self, filter: &RunFilter) -> Result<Vec<RunId>> {
        self.faults.is_up().and_then(|()| self.store.names(filter))
    }

    fn finished(&self, id: &RunId) -> Result<Option<FinishedRun>> {
        self.faults.is_up().and_then(|()| self.store.finished(id))
    }

    fn cases(&self, id: &RunId) -> Result<Vec<CaseRecord>> {
        self.faults.is_up().and_then(|()| self.store.cases(id))
    }

    fn case(&self, id: &RunId, key: &TestKey) -> Result<Option<CaseRecord>> {
        self.faults.is_up().and_then(|()| self.store.case(id, key))
    }

    fn last_executed(&self, context: &Context) -> Result<Option<LastRun>> {
        self.faults.is_up().and_then(|()| self.store.last_executed(context))
    }

    fn stamps(&self, context: &Context) -> Result<Vec<BinaryStamp>> {
        self.faults.is_up().and_then(|()| self.store.stamps(context))
    }

    fn known_hash(&self, path: &Utf8Path, size: u64, mtime_ns: i64) -> Result<Option<ContentHash>> {
        self.faults.is_up().and_then(|()| self.store.known_hash(path, size, mtime_ns))
    }

    fn deferrals(&self, input: ContentHash, now: Timestamp) -> Result<u32> {
        self.faults.is_up().and_then(|()| self.store.deferrals(input, now))
    }

    fn defer(&mut self, input: ContentHash, now: Timestamp) -> Result<u32> {
        self.faults.write(|| self.store.defer(input, now))
    }

    fn clear_deferrals(&mut self, input: ContentHash) -> Result<()> {
        self.faults.write(|| self.store.clear_deferrals(input))
    }

    fn counters(&self) -> Result<Counters> {
        self.faults.is_up().and_then(|()| self.store.counters())
    }

    fn size(&self) -> Result<Size> {
        self.faults.is_up().and_then(|()| self.store.size())
    }

    fn prune(&mut self, keep: &Retention, prune: Prune) -> Result<Pruned> {
        self.faults.write(|| self.store.prune(keep, prune))
    }

    fn undo(&mut self, id: &RunId) -> Result<StoredRun> {
        self.faults.write(|| self.store.undo(id))
    }

    fn take_warnings(&mut self) -> Vec<String> {
        self.store.take_warnings()
    }
}
