//! From what is remembered to the judgement of each test.

use std::sync::Arc;

use super::judge::{Facts, judge, nothing};
use crate::analytics::flaky::{self, Judged, State, classify};
use crate::analytics::summary::Summary;
use crate::analytics::{groups, trend};
use crate::cli::FlakyArgs;
use crate::commands::quarantine::{day, is_steady_again, quarantine, unmatched};
use crate::commands::remembered::Remembered;
use crate::exit_code::ExitCode;
use crate::history::store::{StoreError, TestSummary};
use crate::model::{Judgement, TestKey};
use crate::report::judgements::{Evidence, JudgedTest, Judgements, Proof};
use crate::report::retrospect::PastQuarantine;

/// A test as it is judged now.
struct Looked<'m> {
    test: &'m TestSummary,
    judged: Judged,
    quarantine: Option<PastQuarantine>,
}

impl Looked<'_> {
    /// Is it worth a line where not all are asked for?
    fn is_remarkable(&self) -> bool {
        !matches!(self.judged.state, State::New | State::Steady) || self.quarantine.is_some()
    }

    fn is_quarantined(&self) -> bool {
        self.quarantine.as_ref().is_some_and(|quarantine| !quarantine.is_expired)
    }

    fn told(&self) -> JudgedTest {
        let evidence = &self.judged.evidence;
        JudgedTest {
            key: Arc::clone(&self.test.key),
            state: self.judged.state.as_str(),
            reason: evidence.to_string(),
            evidence: told(evidence),
            is_steady_again: is_steady_again(self.quarantine.as_ref(), self.judged.state),
            quarantine: self.quarantine.clone(),
        }
    }
}

/// All that is shown.
pub(super) fn gather(memory: &Remembered, args: &FlakyArgs) -> Result<Judgements, StoreError> {
    let is_selected =
        |test: &&TestSummary| args.select.is_empty() || args.select.iter().any(|pattern| pattern.is_match(&test.key));
    let vanished: Vec<Arc<TestKey>> = memory.vanished().filter(is_selected).map(|test| Arc::clone(&test.key)).collect();
    let mut looked: Vec<Looked<'_>> = memory.current().filter(is_selected).map(|test| look(memory, test)).collect();
    looked.sort_by_cached_key(|one| {
        let evidence = &one.judged.evidence;
        (one.judged.state, std::cmp::Reverse(evidence.failures + evidence.retried), Arc::clone(&one.test.key))
    });
    Ok(Judgements {
        at: memory.now,
        context: Some(memory.context.clone()),
        states: states(&looked),
        tests: looked.iter().filter(|one| args.all || one.is_remarkable()).map(Looked::told).collect(),
        groups: grouped(memory, &looked),
        slower: slower(&looked),
        judgement: judgement(args, &looked, &vanished),
        vanished,
        unmatched: unmatched(memory)?,
    })
}

fn look<'m>(memory: &Remembered, test: &'m TestSummary) -> Looked<'m> {
    let judged = classify(&test.summary, memory.now, &memory.thresholds);
    Looked { test, judged, quarantine: quarantine(memory.place.settings(), &test.key, day(memory.now)) }
}

fn states(looked: &[Looked<'_>]) -> Vec<(&'static str, usize)> {
    let count = |state: State| looked.iter().filter(|one| one.judged.state == state).count();
    State::ALL.into_iter().map(|state| (state.as_str(), count(state))).filter(|(_, count)| *count > 0).collect()
}

fn grouped(memory: &Remembered, looked: &[Looked<'_>]) -> Vec<Vec<Arc<TestKey>>> {
    let judged: Vec<(&Summary, State)> = looked.iter().map(|one| (&one.test.summary, one.judged.state)).collect();
    let key = |index: usize| looked.get(index).map(|one| Arc::clone(&one.test.key));
    let of = |group: Vec<usize>| {
        let mut keys: Vec<Arc<TestKey>> = group.into_iter().filter_map(key).collect();
        keys.sort();
        keys
    };
    groups::together(&judged, &memory.thresholds).into_iter().map(of).collect()
}

fn slower(looked: &[Looked<'_>]) -> Vec<(Arc<TestKey>, std::time::Duration, std::time::Duration)> {
    let found = |one: &Looked<'_>| {
        let slower = trend::slower(&one.test.summary)?;
        Some((Arc::clone(&one.test.key), slower.before, slower.after))
    };
    let mut slower: Vec<_> = looked.iter().filter_map(found).collect();
    slower.sort_by_key(|(_, before, after)| std::cmp::Reverse(after.saturating_sub(*before)));
    slower
}

fn judgement(args: &FlakyArgs, looked: &[Looked<'_>], vanished: &[Arc<TestKey>]) -> Judgement {
    if looked.is_empty() && vanished.is_empty() {
        return match args.select.is_empty() {
            true => nothing(ExitCode::Pass, "no test is on record"),
            false => nothing(ExitCode::NoTests, "no test on record matches the selection"),
        };
    }
    let flaky = looked.iter().filter(|one| one.judged.state == State::Flaky && !one.is_quarantined());
    judge(&Facts {
        flaky: &flaky.map(|one| Arc::clone(&one.test.key)).collect::<Vec<_>>(),
        most_flaky: args.fail_above,
        vanished,
        fails_on_vanished: args.fail_on_vanished,
    })
}

fn told(evidence: &flaky::Evidence) -> Evidence {
    let flaky::Evidence { failures, retried, runs, flips, episodes, proof } = evidence;
    let proof = proof.as_ref().map(|proof| Proof {
        failed_run: proof.failed.id.clone(),
        passed_run: proof.passed.id.clone(),
        failed_commit: proof.failed.commit.clone(),
        passed_commit: proof.passed.commit.clone(),
    });
    Evidence { failures: *failures, retried: *retried, runs: *runs, flips: *flips, episodes: *episodes, proof }
}
