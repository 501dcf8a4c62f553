//! The run that shards make goes on record, in the place of theirs.

use std::collections::HashSet;

use jiff::SignedDuration;

use super::Joining;
use crate::commands::complain;
use crate::commands::test::{Memory, judge_cases};
use crate::history::portion::part::{End, Left, Part};
use crate::history::portion::whole::{made_of, name_beside, parts_of};
use crate::history::store::{FinishedRun, Page, RunFilter, Store, StoreError, StoredRun};
use crate::model::{Judgement, RunHead, RunId, RunRecord, RunState, Totals, Verdict, WORKSPACE_SUITE};

/// What the run is to the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// A run that counts: it is on record, or would be, could the history be written.
    Counts,
    /// No run: it leaves no trace.
    IsNoRun,
}

/// How many runs are looked at for an earlier joining of the same shards.
const LOOKED_AT: u64 = 100;

impl Joining<'_> {
    /// Records the run; from then on the memory knows it, whether it could be recorded or not.
    pub(super) fn keep(&self, memory: &mut Memory, record: &RunRecord) -> Standing {
        let is_nothing = record.verdict() == Verdict::Nothing;
        if !self.is_recorded() || is_nothing {
            return Standing::IsNoRun;
        }
        let Some(store) = memory.store.as_mut().filter(|_| !self.args.no_record) else {
            memory.learn(record, &self.whole.cases);
            return if self.args.no_record { Standing::IsNoRun } else { Standing::Counts };
        };
        let earlier = self.earlier(&**store, record);
        if self.is_known_better(&earlier, record) {
            return Standing::IsNoRun;
        }
        let put = self.end_parts(&mut **store).and_then(|()| self.put(&mut **store, record, &earlier));
        let known = put.and_then(|()| store.summaries(&record.head.context));
        store.take_warnings().iter().for_each(|text| complain("warning", text));
        match known {
            Ok(tests) => memory.summaries = tests.into_iter().map(|test| (test.key, test.summary)).collect(),
            Err(error) => {
                complain("warning", &error.to_string());
                memory.learn(record, &self.whole.cases);
            }
        }
        Standing::Counts
    }

    /// Puts the run in the place of its parts, and of what was joined of them before. Attempts that gave way to later ones
    /// ran all the same: what failed in them and passed then is what flaky means.
    fn put(&self, store: &mut dyn Store, record: &RunRecord, earlier: &[StoredRun]) -> Result<(), StoreError> {
        let mut run = FinishedRun { record: record.clone(), cases: self.whole.cases.clone(), binaries: Vec::new() };
        run.record.judgement.reasons.push(made_of(&self.counted));
        let mut attempts = Vec::new();
        for before in earlier {
            if let Some(joined) = store.finished(&before.head.id)? {
                attempts.extend(self.gone_since(&joined));
            }
        }
        match store.adopt(&run, &self.parts(store, earlier)) {
            Ok(()) => store.append(&mut attempts.into_iter()).map(drop)?,
            // It was joined before.
            Err(StoreError::Known(_)) => {}
            Err(error) => return Err(error),
        }
        self.keep_attempts(store)
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

    /// The attempts whose folders are still there.
    fn keep_attempts(&self, store: &mut dyn Store) -> Result<(), StoreError> {
        for run in self.replaced().filter_map(|left| left.run.as_ref()) {
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

    /// The attempts of which nothing is left but what an earlier joining has of them: later ones took their folders.
    fn gone_since(&self, joined: &FinishedRun) -> Vec<FinishedRun> {
        let taken_in: HashSet<&str> = parts_of(&joined.record.judgement).collect();
        let is_in = |left: &Left| taken_in.contains(left.part.head.id.as_str());
        let is_there = |part: &Part| self.replaced().any(|left| left.part.shard == part.shard && is_in(left));
        let ran_again = self.counted.iter().filter(|left| !is_in(left)).map(|left| &left.part);
        ran_again.filter(|part| !is_there(part)).filter_map(|part| attempt_of(joined, part)).collect()
    }

    /// Were these shards joined with more of their own before? That stays, and says more.
    fn is_known_better(&self, earlier: &[StoredRun], record: &RunRecord) -> bool {
        let ran = self.counted.iter().filter(|left| left.run.is_some() && left.part.portion.is_some()).count();
        ran < self.checked.shards.len() && earlier.iter().any(|run| run.totals.tests > record.totals.tests)
    }

    /// What was joined of some of these shards before others of them ran again, or came to their end.
    fn earlier(&self, store: &dyn Store, record: &RunRecord) -> Vec<StoredRun> {
        let here = self.counted.iter().copied().chain(self.replaced());
        let here: HashSet<&str> = here.map(|left| left.part.head.id.as_str()).collect();
        let RunHead { id, context, commit, .. } = &record.head;
        let filter = RunFilter {
            context: Some(context.clone()),
            suite: Some(WORKSPACE_SUITE.to_owned()),
            commit: commit.clone(),
            ..RunFilter::default()
        };
        let of_these = |judgement: &Judgement| parts_of(judgement).any(|part| here.contains(part));
        let is_earlier = |run: &StoredRun| {
            let is_of_same = run.head.commit == *commit && run.plan_digest == record.plan_digest;
            is_of_same && run.head.id != *id && run.judgement.as_ref().is_some_and(of_these)
        };
        let runs = store.runs(&filter, Page::first(LOOKED_AT)).unwrap_or_default();
        runs.into_iter().filter(is_earlier).collect()
    }

    /// The runs whose place it takes: the shards', and what was joined before some of them ran again.
    fn parts(&self, store: &dyn Store, earlier: &[StoredRun]) -> Vec<RunHead> {
        let ran = self.counted.iter().filter(|left| !matches!(left.part.end, End::Refused(..)));
        let heads = ran.map(|left| left.part.head.clone()).filter(|head| is_part(store, head));
        heads.chain(earlier.iter().map(|run| run.head.clone())).collect()
    }

    fn replaced(&self) -> impl Iterator<Item = &Left> {
        self.checked.replaced.iter().filter_map(|at| self.found.left.get(*at))
    }
}

/// What a run that was joined has of one of its parts; none where it has no case of it.
fn attempt_of(joined: &FinishedRun, part: &Part) -> Option<FinishedRun> {
    let portion = part.portion.as_ref()?;
    let cases = joined.cases.iter().filter(|case| portion.name_of(&case.key).is_some());
    let cases: Vec<_> = cases.cloned().collect();
    if cases.is_empty() {
        return None;
    }
    // Before what takes its place, also where both began with the same shard.
    let start = joined.record.head.start.checked_sub(SignedDuration::from_millis(1)).ok()?;
    let head = RunHead { start, full: false, shard: Some(part.shard), ..joined.record.head.clone() };
    let record = RunRecord {
        state: RunState::Executed,
        totals: Totals::of(cases.iter().map(|case| &**case)),
        not_run: 0,
        judgement: judge_cases(&cases, joined.record.duration),
        coverage: None,
        head: RunHead { id: name_beside(&head), ..head },
        ..joined.record.clone()
    };
    Some(FinishedRun { record, cases, binaries: Vec::new() })
}

/// Is what is on record under this name, if anything is, a part? A folder from elsewhere takes no other run's place.
fn is_part(store: &dyn Store, head: &RunHead) -> bool {
    let known = |id: &RunId| store.run(id.as_str()).ok().filter(|run| run.head.id == *id);
    known(&head.id).is_none_or(|run| run.head.shard == head.shard && run.head.start == head.start)
}
