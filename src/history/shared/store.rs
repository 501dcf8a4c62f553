//! Both sides as one store.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use camino::Utf8Path;
use jiff::Timestamp;

use super::link::Wait;
use super::sides::{Kept, SharedStore};
use crate::history::figures::Figures;
use crate::history::intake::chunk;
use crate::history::store::{
    Appended, BinaryStamp, Counters, FinishedRun, LastRun, Page, Prune, Pruned, Result, Retention, RunFilter, Size,
    Store, StoredRun, TestSummary,
};
use crate::model::{CaseRecord, ContentHash, Context, RunHead, RunId, RunRecord, TestKey};

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
