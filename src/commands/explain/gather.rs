//! From what is remembered to what is known of one test.

use std::sync::Arc;
use std::time::Duration;

use crate::analytics::flaky::{State, isolation};
use crate::analytics::summary::{Counts, Entry, Summary};
use crate::analytics::{groups, trend};
use crate::commands::ordering;
use crate::commands::quarantine::{day, quarantine};
use crate::commands::remembered::Remembered;
use crate::commands::report::gather::judge;
use crate::history::store::{StoreError, TestSummary};
use crate::model::{ContentHash, Outcome, TestKey};
use crate::report::Explanation;
use crate::report::explanation::{LastFailure, Moment, Place, Tally, Times};

/// All that is known of a test.
pub(super) fn gather(memory: &Remembered, test: &TestSummary) -> Result<Explanation, StoreError> {
    let summary = &test.summary;
    let present: Vec<&TestSummary> = memory.current().collect();
    let at = present.iter().position(|one| one.key == test.key);
    let judged = judge(memory, summary);
    let timeline = timeline(summary);
    Ok(Explanation {
        key: Arc::clone(&test.key),
        at: memory.now,
        context: memory.context.clone(),
        is_there: at.is_some(),
        state: judged.state.as_str(),
        evidence: judged.evidence.to_string(),
        quarantine: quarantine(memory.place.settings(), &test.key, day(memory.now)),
        times: times(summary),
        all: tally_of_counts(&summary.counts()),
        window: tally_of(&timeline),
        streak: summary.streak(),
        last_failure: last_failure(memory, test, &timeline)?,
        last_pass: timeline.iter().rev().find(|moment| passed(moment.outcome)).cloned(),
        mates: at.map_or_else(Vec::new, |at| mates(memory, &present, at)),
        place: at.map(|at| place(memory, &present, at)).transpose()?.flatten(),
        isolation: isolation(summary, &memory.thresholds),
        timeline,
    })
}

const fn passed(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Passed | Outcome::Flaky)
}

fn timeline(summary: &Summary) -> Vec<Moment> {
    let mut before: Option<ContentHash> = None;
    let moment = |entry: &Entry| {
        let input = entry.run.input_key;
        let is_same_code = input.is_some() && input == before;
        before = input;
        Moment {
            run: entry.run.id.clone(),
            start: entry.run.start,
            outcome: entry.outcome,
            took: entry.took(),
            commit: entry.run.commit.clone(),
            branch: entry.run.branch.clone(),
            is_same_code,
        }
    };
    summary.window().map(moment).collect()
}

fn times(summary: &Summary) -> Option<Times> {
    let counted = summary.window().filter(|entry| entry.is_executed() && !entry.run.instrumented);
    let known: Vec<Duration> = counted.filter_map(Entry::took).collect();
    let slower = trend::slower(summary);
    Some(Times {
        least: known.iter().min().copied()?,
        median: summary.median()?,
        most: known.iter().max().copied()?,
        recent: summary.recent()?,
        mean: summary.mean()?,
        slower: slower.map(|slower| (slower.before, slower.after)),
    })
}

const fn tally_of_counts(counts: &Counts) -> Tally {
    Tally { passed: counts.passes, failed: counts.failures, flaky: counts.flaky, skipped: counts.skips }
}

fn tally_of(timeline: &[Moment]) -> Tally {
    timeline.iter().fold(Tally::default(), |mut tally, moment| {
        match moment.outcome {
            Outcome::Passed => tally.passed += 1,
            Outcome::Failed | Outcome::Error | Outcome::Timeout => tally.failed += 1,
            Outcome::Flaky => tally.flaky += 1,
            Outcome::Skipped => tally.skipped += 1,
        }
        tally
    })
}

fn last_failure(
    memory: &Remembered,
    test: &TestSummary,
    timeline: &[Moment],
) -> Result<Option<LastFailure>, StoreError> {
    let mut entries = test.summary.window().zip(timeline).rev();
    let failed = entries.find(|(entry, _)| entry.both || entry.outcome.is_failure());
    let Some((_, moment)) = failed else { return Ok(None) };
    let case = match memory.store.case(&moment.run, &test.key) {
        // The summaries remember runs that were pruned.
        Err(StoreError::NoSuchRun(_)) => None,
        case => case?,
    };
    Ok(Some(LastFailure { moment: moment.clone(), case }))
}

/// The tests that flake together with one of them.
fn mates(memory: &Remembered, tests: &[&TestSummary], at: usize) -> Vec<Arc<TestKey>> {
    // Only what has failed can be in a group, and the others are many.
    let judged = |test: &&TestSummary| {
        if test.summary.has_failed() { judge(memory, &test.summary).state } else { State::Steady }
    };
    let states: Vec<(&Summary, State)> = tests.iter().map(|test| (&test.summary, judged(test))).collect();
    let group =
        groups::together(&states, &memory.thresholds).into_iter().find(|group| group.contains(&at)).unwrap_or_default();
    let key = |index: &usize| tests.get(*index).map(|test| Arc::<TestKey>::clone(&test.key));
    group.iter().filter(|index| **index != at).filter_map(key).collect()
}

fn place(memory: &Remembered, tests: &[&TestSummary], at: usize) -> Result<Option<Place>, StoreError> {
    let order = ordering::next(memory, tests)?;
    let found = order.iter().enumerate().find(|(_, (index, _))| *index == at);
    Ok(found.map(|(rank, (_, placed))| Place {
        rank: rank + 1,
        of: order.len(),
        why: placed.ranked.reason.to_string(),
    }))
}
