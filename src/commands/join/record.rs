//! The run that shards make goes on record, in the place of theirs.

use std::sync::Arc;

use jiff::SignedDuration;

use super::Joining;
use crate::commands::complain;
use crate::commands::test::Memory;
use crate::history::portion::part::{End, Left};
use crate::history::portion::whole::name_beside;
use crate::history::store::{FinishedRun, Page, RunFilter, Store, StoreError, StoredRun};
use crate::model::{RunHead, RunId, RunRecord, Verdict, WORKSPACE_SUITE};

/// What became of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// The run is on record, now or since it was joined before.
    Recorded,
    /// It leaves no trace.
    No,
}

/// How many runs are looked at for an earlier joining of the same shards.
const LOOKED_AT: u64 = 100;

impl Joining<'_> {
    /// Records the run; from then on the memory knows it, whether it could be recorded or not.
    pub(super) fn keep(&self, memory: &mut Memory, record: &Arc<RunRecord>) -> Kept {
        let is_nothing = record.verdict() == Verdict::Nothing;
        if !self.is_recorded() || is_nothing {
            return Kept::No;
        }
        let Some(store) = memory.store.as_mut().filter(|_| !self.args.no_record) else {
            memory.learn(record, &self.whole.cases);
            return if self.args.no_record { Kept::No } else { Kept::Recorded };
        };
        let run =
            FinishedRun { record: RunRecord::clone(record), cases: self.whole.cases.clone(), binaries: Vec::new() };
        if self.is_known_better(&**store, record) {
            return Kept::No;
        }
        let parts = self.parts(&**store, record);
        let adopted = self.end_parts(&mut **store).and_then(|()| match store.adopt(&run, &parts) {
            // It was joined before.
            Err(StoreError::Known(_)) => Ok(()),
            adopted => adopted,
        });
        let appended = adopted.and_then(|()| self.keep_attempts(&mut **store));
        let known = appended.and_then(|()| store.summaries(&record.head.context));
        store.take_warnings().iter().for_each(|text| complain("warning", text));
        match known {
            Ok(tests) => memory.summaries = tests.into_iter().map(|test| (test.key, test.summary)).collect(),
            Err(error) => {
                complain("warning", &error.to_string());
                memory.learn(record, &self.whole.cases);
            }
        }
        Kept::Recorded
    }

    /// A part that came to its end still goes on by a history that its machine lost sight of: it would come in later, and
    /// count twice.
    fn end_parts(&self, store: &mut dyn Store) -> Result<(), StoreError> {
        let ended = self.counted.iter().filter(|left| matches!(left.part.end, End::Ended(_)));
        for head in ended.map(|left| &left.part.head) {
            if is_part(store, head) {
                match store.abandon(&head.id) {
                    // The run is kept here meanwhile.
                    Err(StoreError::Unreachable(_)) => return Ok(()),
                    abandoned => abandoned?,
                }
            }
        }
        Ok(())
    }

    /// Attempts that gave way to later ones ran all the same: what failed in them and passed then is what flaky means.
    fn keep_attempts(&self, store: &mut dyn Store) -> Result<(), StoreError> {
        let replaced = self.checked.replaced.iter().filter_map(|at| self.found.left.get(*at));
        for run in replaced.filter_map(|left| left.run.as_ref()) {
            let head = &run.record.head;
            store.append(&mut std::iter::once(run.clone()))?;
            let is_there = store.run(head.id.as_str()).is_ok_and(|there| there.head.id == head.id);
            if !is_there {
                // It was joined before it gave way: the run that it was a part of is gone, and its name with that.
                let mut beside = run.clone();
                beside.record.head.id = name_beside(head);
                store.append(&mut std::iter::once(beside))?;
            }
        }
        Ok(())
    }

    /// Were these shards joined with more of their own before? That stays, and says more.
    fn is_known_better(&self, store: &dyn Store, record: &RunRecord) -> bool {
        let (context, suite) = (Some(record.head.context.clone()), Some(WORKSPACE_SUITE.to_owned()));
        let filter = RunFilter { context, suite, ..RunFilter::default() };
        let took_them_in = |run: &StoredRun| {
            let head = &run.head;
            let is_joined = head.shard.is_none() && head.pid == 0 && head.commit == record.head.commit;
            let end = SignedDuration::try_from(run.duration.unwrap_or_default()).ok();
            let end = end.and_then(|took| head.start.checked_add(took).ok());
            let holds = head.start <= record.head.start && end.is_some_and(|end| record.head.start <= end);
            is_joined && holds && run.plan_digest == record.plan_digest && run.totals.tests > record.totals.tests
        };
        self.counted.len() < self.checked.shards.len()
            && store.runs(&filter, Page::first(LOOKED_AT)).unwrap_or_default().iter().any(took_them_in)
    }

    /// The runs whose place it takes: the shards', and what was joined before some of them ran again.
    fn parts(&self, store: &dyn Store, record: &RunRecord) -> Vec<RunHead> {
        let ran = self.counted.iter().filter(|left| !matches!(left.part.end, End::Refused(..)));
        let heads = ran.map(|left| left.part.head.clone()).filter(|head| is_part(store, head));
        let attempts = self.checked.replaced.iter().filter_map(|at| self.found.left.get(*at));
        let all: Vec<&Left> = self.counted.iter().copied().chain(attempts).collect();
        let starts: Vec<_> = all.iter().map(|left| left.part.head.start).collect();
        let filter = RunFilter {
            context: Some(record.head.context.clone()),
            suite: Some(WORKSPACE_SUITE.to_owned()),
            since: starts.iter().min().copied(),
            ..RunFilter::default()
        };
        let of_same = |head: &RunHead| {
            let is_joined = head.shard.is_none() && head.pid == 0 && starts.contains(&head.start);
            is_joined && head.id != record.head.id && head.commit == record.head.commit
        };
        let before = store.runs(&filter, Page::first(LOOKED_AT)).unwrap_or_default();
        let before = before.into_iter().filter(|run| run.plan_digest == record.plan_digest).map(|run| run.head);
        heads.chain(before.filter(of_same)).collect()
    }
}

/// Is what is on record under this name, if anything is, a part? A folder from elsewhere takes no other run's place.
fn is_part(store: &dyn Store, head: &RunHead) -> bool {
    let known = |id: &RunId| store.run(id.as_str()).ok().filter(|run| run.head.id == *id);
    known(&head.id).is_none_or(|run| run.head.shard == head.shard && run.head.start == head.start)
}
