//! The history on the server and what this machine keeps beside it, as one store.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;

use super::link::{Link, Wait};
use super::outbox::{Outbox, Sent};
use crate::history::chunk;
use crate::history::figures::Figures;
use crate::history::sqlite::SqliteStore;
use crate::history::store::{
    Appended, BinaryStamp, Counters, FinishedRun, LastRun, Page, Prune, Pruned, Result, Retention, RunFilter, Size,
    Store, StoreError, StoredRun, TestSummary,
};
use crate::model::{CaseRecord, ContentHash, Context, RunHead, RunId, RunRecord, TestKey};

/// What a run that cannot be sent is worth saying.
const KEPT: &str = "the run is kept here, and sent by the next one that reaches it or by `cargo gate history push`";

/// The shared history, as one machine uses it.
///
/// Opened for recording it never fails for want of a server: what is recorded then goes to the outbox, and what is
/// read comes from there and from this machine's own history. Opened for reading it says that there is no server.
pub struct SharedStore {
    link: Link,
    gate_dir: Utf8PathBuf,
    /// Stamps and deferrals of this machine, and the runs from before there was a server.
    local: SqliteStore,
    outbox: Option<Outbox>,
    goes_on: bool,
    /// The run that began in the outbox.
    begun: Option<RunId>,
    /// Something was read before there was a connection.
    did_without: Cell<bool>,
    has_told: Cell<bool>,
    warnings: RefCell<Vec<String>>,
}

impl SharedStore {
    /// Opens it for recording, and sends what waits in the outbox, as far as there is time.
    pub fn open(gate_dir: &Utf8Path, link: Link) -> Result<Self> {
        let mut warnings = Vec::new();
        let local = SqliteStore::open(gate_dir).or_else(|error| {
            warnings.push(error.to_string());
            SqliteStore::empty()
        })?;
        let outbox = Outbox::existing(gate_dir).unwrap_or_else(|error| {
            warnings.push(format!("the outbox: {error}"));
            None
        });
        let mut store = Self { goes_on: true, ..Self::of(gate_dir, link, local, outbox) };
        store.warnings.borrow_mut().extend(warnings);
        if store.link.reach().is_ok() {
            store.send();
        }
        Ok(store)
    }

    /// Opens it for reading; none where nothing ever was on record.
    pub fn open_existing(gate_dir: &Utf8Path, link: Link) -> Result<Option<Self>> {
        link.reach()?;
        // What this machine keeps is a matter of speed here.
        let local = SqliteStore::open_existing(gate_dir).ok().flatten().map_or_else(SqliteStore::empty, Ok)?;
        let store = Self::of(gate_dir, link, local, None);
        let is_empty = store.contexts()?.is_empty();
        Ok((!is_empty).then_some(store))
    }

    fn of(gate_dir: &Utf8Path, link: Link, local: SqliteStore, outbox: Option<Outbox>) -> Self {
        Self {
            link,
            gate_dir: gate_dir.to_owned(),
            local,
            outbox,
            goes_on: false,
            begun: None,
            did_without: Cell::default(),
            has_told: Cell::default(),
            warnings: RefCell::default(),
        }
    }

    /// What stands for the server where it cannot be reached.
    fn fallback(&self) -> &SqliteStore {
        self.outbox.as_ref().map_or(&self.local, |outbox| &outbox.store)
    }

    /// Reads from the server, or from what there is without it.
    fn read<T: Send + 'static>(
        &self,
        question: impl Fn(&dyn Store) -> Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        let asked = question.clone();
        match self.link.ask(Wait::Hurried, move |store| asked(store)) {
            Err(error) if self.does_without(&error) => question(self.fallback()),
            answer => answer,
        }
    }

    /// Is this an error that a command which records goes on with?
    fn does_without(&self, error: &StoreError) -> bool {
        if !self.goes_on || !matches!(error, StoreError::Unreachable(_)) {
            return false;
        }
        self.did_without.set(true);
        // A connection that is late may still come.
        if self.link.is_lost() {
            self.tell(error);
        }
        true
    }

    /// Says once why runs are kept here.
    fn tell(&self, error: &StoreError) {
        if !self.has_told.replace(true) {
            self.warnings.borrow_mut().push(format!("{error}; {KEPT}"));
        }
    }

    fn outbox(&mut self) -> Result<&mut Outbox> {
        let outbox = match self.outbox.take() {
            Some(outbox) => outbox,
            None => Outbox::open(&self.gate_dir)?,
        };
        Ok(self.outbox.insert(outbox))
    }

    /// Writes to the server, or to the outbox.
    fn record<T: Send + 'static>(
        &mut self,
        wait: Wait,
        at_the_server: impl FnOnce(&mut dyn Store) -> Result<T> + Send + 'static,
        here: impl FnOnce(&mut Outbox) -> Result<T>,
    ) -> Result<(T, Kept)> {
        let error = match self.link.ask(wait, at_the_server) {
            Ok(done) => return Ok((done, Kept::There)),
            Err(error @ StoreError::Known(_)) => return Err(error),
            Err(error) => error,
        };
        // Whatever is wrong with the server, its history is none of the verdict's business.
        if wait == Wait::Last || self.link.is_lost() || !matches!(error, StoreError::Unreachable(_)) {
            self.tell(&error);
        }
        here(self.outbox()?).map(|done| (done, Kept::Here))
    }

    /// Sends what waits, as far as there is time.
    fn send(&mut self) {
        let Some(outbox) = &mut self.outbox else { return };
        let until = Instant::now() + self.link.limits.sending;
        match outbox.send(&self.link, Some(until)) {
            Ok(Sent { refused: 0, .. }) => {}
            Ok(Sent { refused, why, .. }) => {
                let why = why.unwrap_or_default();
                let warning = format!("{refused} of the runs that are kept here cannot be sent: {why}");
                self.warnings.borrow_mut().push(warning);
            }
            Err(error @ StoreError::Unreachable(_)) => self.tell(&error),
            Err(error) => self.warnings.borrow_mut().push(format!("the outbox: {error}")),
        }
    }

    /// A run is at the server: what was begun here in its place goes.
    fn arrived(&mut self, id: &RunId) {
        if self.begun.take_if(|begun| begun == id).is_some()
            && let Some(outbox) = &mut self.outbox
        {
            // What stays reads interrupted, and is known to the server when it is sent.
            let _ = outbox.store.abandon(id);
        }
        if self.did_without.replace(false) {
            let warning = "the shared history was reached late: this run was ordered without it";
            self.warnings.borrow_mut().push(warning.to_owned());
        }
        self.send();
    }
}

/// Where something was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    There,
    Here,
}

impl Store for SharedStore {
    fn begin(&mut self, head: &RunHead) -> Result<()> {
        let asked = head.clone();
        let begun = self.record(Wait::Hurried, move |store| store.begin(&asked), |outbox| outbox.store.begin(head))?;
        match begun.1 {
            // Tests may take an hour, and connections are few.
            Kept::There => self.link.hang_up(),
            Kept::Here => self.begun = Some(head.id.clone()),
        }
        Ok(())
    }

    fn finish(&mut self, record: &RunRecord, cases: &[Arc<CaseRecord>], binaries: &[BinaryStamp]) -> Result<()> {
        if !binaries.is_empty()
            && let Err(error) = self.local.stamp(&record.head.context, binaries)
        {
            self.warnings.borrow_mut().push(error.to_string());
        }
        let (asked, of_it) = (record.clone(), cases.to_vec());
        let finished = self.record(
            Wait::Last,
            move |store| store.finish(&asked, &of_it, &[]),
            |outbox| outbox.store.finish(record, cases, &[]),
        )?;
        if finished.1 == Kept::There {
            self.arrived(&record.head.id);
        }
        Ok(())
    }

    fn abandon(&mut self, id: &RunId) -> Result<()> {
        if self.begun.take_if(|begun| begun == id).is_some() {
            return self.outbox()?.store.abandon(id);
        }
        let id = id.clone();
        self.link.ask(Wait::Last, move |store| store.abandon(&id))
    }

    fn adopt(&mut self, whole: &FinishedRun, parts: &[RunHead]) -> Result<()> {
        let (asked, of_it) = (FinishedRun { binaries: Vec::new(), ..whole.clone() }, parts.to_vec());
        self.record(Wait::Last, move |store| store.adopt(&asked, &of_it), |outbox| outbox.adopt(whole, parts))?;
        Ok(())
    }

    fn append(&mut self, runs: &mut dyn Iterator<Item = FinishedRun>) -> Result<Appended> {
        let mut appended = Appended::default();
        loop {
            let chunk = chunk(runs);
            if chunk.is_empty() {
                return Ok(appended);
            }
            let asked = chunk.clone();
            let (some, _) = self.record(
                Wait::Last,
                move |store| store.append(&mut asked.into_iter()),
                |outbox| outbox.store.append(&mut chunk.into_iter()),
            )?;
            appended.added += some.added;
            appended.known += some.known;
            appended.cases += some.cases;
        }
    }

    /// Without the server: as this machine knew them before there was one, and since, as far as it waits in the outbox.
    fn summaries(&self, context: &Context) -> Result<Vec<TestSummary>> {
        let asked = context.clone();
        match self.link.ask(Wait::Hurried, move |store| store.summaries(&asked)) {
            Err(error) if self.does_without(&error) => {
                let waiting = match &self.outbox {
                    Some(outbox) => outbox.store.summaries(context)?,
                    None => Vec::new(),
                };
                let all = self.local.summaries(context)?.into_iter().chain(waiting);
                let all: BTreeMap<_, _> = all.map(|test| (Arc::clone(&test.key), test)).collect();
                Ok(all.into_values().collect())
            }
            answer => answer,
        }
    }

    fn contexts(&self) -> Result<Vec<Context>> {
        self.read(|store| store.contexts())
    }

    fn suites(&self) -> Result<Vec<String>> {
        self.read(|store| store.suites())
    }

    fn visit(&self, filter: &RunFilter, visit: &mut dyn FnMut(StoredRun) -> ControlFlow<()>) -> Result<()> {
        let mut is_first = true;
        let visited = self.link.visit(filter, &mut |run| {
            is_first = false;
            visit(run)
        });
        match visited {
            Err(error) if is_first && self.does_without(&error) => self.fallback().visit(filter, visit),
            visited => visited,
        }
    }

    fn runs(&self, filter: &RunFilter, page: Page) -> Result<Vec<StoredRun>> {
        let filter = filter.clone();
        self.read(move |store| store.runs(&filter, page))
    }

    fn coverage(&self, context: &Context, limit: u64) -> Result<Vec<StoredRun>> {
        let context = context.clone();
        self.read(move |store| store.coverage(&context, limit))
    }

    fn latest(&self, filter: &RunFilter) -> Result<Vec<StoredRun>> {
        let filter = filter.clone();
        self.read(move |store| store.latest(&filter))
    }

    fn run(&self, id: &str) -> Result<StoredRun> {
        let id = id.to_owned();
        self.read(move |store| store.run(&id))
    }

    fn names(&self, filter: &RunFilter) -> Result<Vec<RunId>> {
        let filter = filter.clone();
        self.read(move |store| store.names(&filter))
    }

    fn finished(&self, id: &RunId) -> Result<Option<FinishedRun>> {
        let id = id.clone();
        self.read(move |store| store.finished(&id))
    }

    fn cases(&self, id: &RunId) -> Result<Vec<CaseRecord>> {
        let id = id.clone();
        self.read(move |store| store.cases(&id))
    }

    fn case(&self, id: &RunId, key: &TestKey) -> Result<Option<CaseRecord>> {
        let (id, key) = (id.clone(), key.clone());
        self.read(move |store| store.case(&id, &key))
    }

    fn last_executed(&self, context: &Context) -> Result<Option<LastRun>> {
        let context = context.clone();
        self.read(move |store| store.last_executed(&context))
    }

    fn stamps(&self, context: &Context) -> Result<Vec<BinaryStamp>> {
        self.local.stamps(context)
    }

    fn known_hash(&self, path: &Utf8Path, size: u64, mtime_ns: i64) -> Result<Option<ContentHash>> {
        self.local.known_hash(path, size, mtime_ns)
    }

    /// Each deferral is counted at the server and here, and the higher count is believed: so a server that comes and
    /// goes gives no new budget.
    fn deferrals(&self, input: ContentHash, now: Timestamp) -> Result<u32> {
        let here = self.local.deferrals(input, now);
        match self.link.ask(Wait::Last, move |store| store.deferrals(input, now)) {
            Ok(there) => Ok(here.map_or(there, |here| here.max(there))),
            Err(error) if self.does_without(&error) => here,
            Err(error) => Err(error),
        }
    }

    fn defer(&mut self, input: ContentHash, now: Timestamp) -> Result<u32> {
        let here = self.local.defer(input, now);
        match self.link.ask(Wait::Last, move |store| store.defer(input, now)) {
            Ok(there) => Ok(here.map_or(there, |here| here.max(there))),
            Err(error) => {
                self.does_without(&error);
                here
            }
        }
    }

    fn clear_deferrals(&mut self, input: ContentHash) -> Result<()> {
        let here = self.local.clear_deferrals(input);
        self.link.ask(Wait::Last, move |store| store.clear_deferrals(input)).and(here)
    }

    fn counters(&self) -> Result<Counters> {
        self.read(|store| store.counters())
    }

    fn figures(&self, filter: &RunFilter) -> Result<Figures> {
        let filter = filter.clone();
        self.read(move |store| store.figures(&filter))
    }

    fn size(&self) -> Result<Size> {
        self.read(|store| store.size())
    }

    fn prune(&mut self, keep: &Retention, prune: Prune) -> Result<Pruned> {
        let keep = keep.clone();
        self.link.ask(Wait::Last, move |store| store.prune(&keep, prune))
    }

    fn undo(&mut self, id: &RunId) -> Result<StoredRun> {
        let asked = id.clone();
        let undone = self.link.ask(Wait::Last, move |store| store.undo(&asked))?;
        // Which binaries were this run's alone is not known here: without stamps all count as changed.
        self.local.forget_stamps(&undone.head.context)?;
        Ok(undone)
    }

    fn take_warnings(&mut self) -> Vec<String> {
        let mut warnings = self.warnings.take();
        warnings.extend(self.local.take_warnings());
        warnings.extend(self.outbox.iter_mut().flat_map(|outbox| outbox.store.take_warnings()));
        if self.link.is_open() {
            warnings.extend(self.link.ask(Wait::Last, |store| Ok(store.take_warnings())).unwrap_or_default());
        }
        warnings
    }
}
