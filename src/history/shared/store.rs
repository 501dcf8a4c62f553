//! Both sides as one store.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry as Slot};
use std::ops::ControlFlow;
use std::sync::Arc;

use camino::Utf8Path;
use jiff::Timestamp;

use super::link::Wait;
use super::sides::{Kept, SharedStore};
use crate::analytics::summary::Summary;
use crate::history::intake::in_chunks;
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
            Kept::There => {
                self.warnings.get_mut().extend(self.link.take_warnings());
                self.link.hang_up();
            }
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
        let asked = id.clone();
        if self.begun.take_if(|begun| begun == id).is_none() {
            return self.link.ask(Wait::Last, move |store| store.abandon(&asked));
        }
        // It may have begun there all the same, and only the answer was lost.
        self.link.call_again();
        let _ = self.link.ask(Wait::Hurried, move |store| store.abandon(&asked));
        self.outbox()?.store.abandon(id)
    }

    fn adopt(&mut self, whole: &FinishedRun, parts: &[RunHead]) -> Result<()> {
        let (asked, of_it) = (FinishedRun { binaries: Vec::new(), ..whole.clone() }, parts.to_vec());
        self.record(Wait::Last, move |store| store.adopt(&asked, &of_it), |outbox| outbox.adopt(whole, parts))?;
        Ok(())
    }

    fn append(&mut self, runs: &mut dyn Iterator<Item = FinishedRun>) -> Result<Appended> {
        in_chunks(runs, |chunk| {
            let asked = chunk.clone();
            let (some, _) = self.record(
                Wait::Last,
                move |store| store.append(&mut asked.into_iter()),
                |outbox| outbox.store.append(&mut chunk.into_iter()),
            )?;
            Ok(some)
        })
    }

    fn summaries(&self, context: &Context) -> Result<Vec<TestSummary>> {
        let context = context.clone();
        self.read(move |store| store.summaries(&context), join_summaries)
    }

    fn contexts(&self) -> Result<Vec<Context>> {
        self.read(|store| store.contexts(), union)
    }

    fn suites(&self) -> Result<Vec<String>> {
        self.read(|store| store.suites(), union)
    }

    fn visit(&self, filter: &RunFilter, visit: &mut dyn FnMut(StoredRun) -> ControlFlow<()>) -> Result<()> {
        let mut is_first = true;
        let visited = self.link.visit(filter, &mut |run| {
            is_first = false;
            visit(run)
        });
        match visited {
            Err(error) if is_first && self.does_without(&error) => {
                let runs = self.read_here(|store| store.runs(filter, Page::ALL), newest_first)?;
                let _ = runs.into_iter().try_for_each(visit);
                Ok(())
            }
            visited => visited,
        }
    }

    fn runs(&self, filter: &RunFilter, page: Page) -> Result<Vec<StoredRun>> {
        let filter = filter.clone();
        let asked = filter.clone();
        match self.link.ask(Wait::Hurried, move |store| store.runs(&asked, page)) {
            Err(error) if self.does_without(&error) => {
                let until = Page::first(page.skip.saturating_add(page.limit));
                let runs = self.read_here(|store| store.runs(&filter, until), newest_first)?.into_iter();
                let [skip, limit] = [page.skip, page.limit].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
                Ok(runs.skip(skip).take(limit).collect())
            }
            answer => answer,
        }
    }

    fn run(&self, id: &str) -> Result<StoredRun> {
        let id = id.to_owned();
        self.read_of_run(move |store| store.run(&id))
    }

    fn finished(&self, id: &RunId) -> Result<Option<FinishedRun>> {
        let id = id.clone();
        self.read(move |store| store.finished(&id), |own, waiting| waiting.or(own))
    }

    fn cases(&self, id: &RunId) -> Result<Vec<CaseRecord>> {
        let id = id.clone();
        self.read_of_run(move |store| store.cases(&id))
    }

    fn case(&self, id: &RunId, key: &TestKey) -> Result<Option<CaseRecord>> {
        let (id, key) = (id.clone(), key.clone());
        self.read_of_run(move |store| store.case(&id, &key))
    }

    fn last_executed(&self, context: &Context) -> Result<Option<LastRun>> {
        let context = context.clone();
        let later = |own: Option<LastRun>, waiting| {
            own.into_iter().chain(waiting).max_by(|a, b| a.run.order().cmp(&b.run.order()))
        };
        self.read(move |store| store.last_executed(&context), later)
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
        self.link.ask(Wait::Hurried, |store| store.counters())
    }

    fn size(&self) -> Result<Size> {
        self.link.ask(Wait::Hurried, |store| store.size())
    }

    fn prune(&mut self, keep: &Retention, prune: Prune) -> Result<Pruned> {
        let keep = keep.clone();
        self.link.ask(Wait::Last, move |store| store.prune(&keep, prune))
    }

    fn undo(&mut self, id: &RunId) -> Result<StoredRun> {
        let asked = id.clone();
        let undone = self.link.ask(Wait::Last, move |store| store.undo(&asked))?;
        // Which binaries were this run's alone is not known here: without stamps all count as changed.
        if let Err(error) = self.local.forget_stamps(&undone.head.context) {
            self.warnings.get_mut().push(error.to_string());
        }
        Ok(undone)
    }

    fn knows_all(&self) -> bool {
        !self.did_without.get()
    }

    fn take_warnings(&mut self) -> Vec<String> {
        let mut warnings = self.warnings.take();
        warnings.extend(self.local.take_warnings());
        warnings.extend(self.outbox.iter_mut().flat_map(|outbox| outbox.store.take_warnings()));
        warnings.extend(self.link.take_warnings());
        warnings
    }
}

/// What either knows, in order.
fn union<T: Ord>(own: Vec<T>, waiting: Vec<T>) -> Vec<T> {
    own.into_iter().chain(waiting).collect::<BTreeSet<T>>().into_iter().collect()
}

fn newest_first(own: Vec<StoredRun>, waiting: Vec<StoredRun>) -> Vec<StoredRun> {
    let mut runs: Vec<StoredRun> = own.into_iter().chain(waiting).collect();
    runs.sort_by(|a, b| b.order().cmp(&a.order()));
    runs
}

/// What both know of a test is one: runs that wait come to those from before there was a server.
fn join_summaries(own: Vec<TestSummary>, waiting: Vec<TestSummary>) -> Vec<TestSummary> {
    let mut all: BTreeMap<Arc<TestKey>, Summary> = own.into_iter().map(|test| (test.key, test.summary)).collect();
    for TestSummary { key, summary } in waiting {
        match all.entry(key) {
            Slot::Vacant(free) => drop(free.insert(summary)),
            Slot::Occupied(mut known) => summary.window().for_each(|entry| known.get_mut().insert(entry.clone())),
        }
    }
    all.into_iter().map(|(key, summary)| TestSummary { key, summary }).collect()
}
