//! The order of the next run, as `test` plans it and `order` shows it.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::remembered::Remembered;
use super::thresholds::thresholds;
use crate::analytics::flaky::isolation;
use crate::analytics::priority::{Candidate, Ranked, Tier, rank};
use crate::analytics::summary::Summary;
use crate::config::Settings;
use crate::history::input;
use crate::history::store::{BinaryStamp, StoreError, TestSummary};
use crate::model::{BinaryId, Kind, Outcome, TestKey, TestPolicy};
use crate::plan::{Plan, PlannedTest, Standing};

/// A test that is about to run, and what is remembered of it.
pub(super) type Remembering<'a> = (Arc<TestKey>, Option<&'a Summary>);

/// A test in its place, and why it stands there.
pub(super) struct Placed {
    pub(super) test: PlannedTest,
    pub(super) ranked: Ranked,
}

/// Puts tests in order, the first to run first. With one slot libtest's own order by name is all there is.
pub(super) fn place(
    tests: &[Remembering<'_>],
    changed: &BTreeSet<&BinaryId>,
    settings: &Settings,
    in_name_order: bool,
) -> Vec<Placed> {
    let policies: Vec<TestPolicy> = tests.iter().map(|(key, _)| settings.policy_for(key)).collect();
    let candidates: Vec<Candidate<'_>> = tests
        .iter()
        .zip(&policies)
        .map(|((key, summary), policy)| Candidate {
            key,
            summary: *summary,
            changed: changed.contains(&key.binary),
            priority: policy.priority,
        })
        .collect();
    let thresholds = thresholds(settings);
    let placed = |(place, ranked): (usize, Ranked)| {
        let ((key, summary), policy) = (tests.get(ranked.index)?, policies.get(ranked.index)?);
        let standing = match (policy.priority.cmp(&0), ranked.tier) {
            _ if in_name_order => Standing::Rest,
            (Ordering::Less, _) => Standing::Last,
            (Ordering::Greater, _) | (_, Tier::Risky) => Standing::Head(place),
            (_, Tier::Fresh) => Standing::Fresh,
            (_, Tier::Rest) => Standing::Rest,
        };
        let test = PlannedTest {
            key: Arc::clone(key),
            policy: policy.clone(),
            standing,
            expected: ranked.expected.filter(|_| !in_name_order),
            alone: summary.is_some_and(|summary| isolation(summary, &thresholds).is_some()),
        };
        Some(Placed { test, ranked })
    };
    rank(&candidates).into_iter().enumerate().filter_map(placed).collect()
}

/// The tests that are there, each with its index, in the order in which the next run would start them as far as that
/// can be told without building. What is ignored does not run, nor do other suites, where there are tests of ours.
pub(super) fn next(memory: &Remembered, tests: &[&TestSummary]) -> Result<Vec<(usize, Placed)>, StoreError> {
    let has_own = tests.iter().any(|test| test.key.binary.kind != Kind::Suite);
    let runs = |test: &TestSummary| {
        test.summary.last().is_some_and(|last| last.outcome != Outcome::Skipped)
            && !test.key.is_whole_process()
            && (test.key.binary.kind != Kind::Suite || !has_own)
    };
    let running: Vec<(usize, &TestSummary)> =
        tests.iter().copied().enumerate().filter(|(_, test)| runs(test)).collect();
    let stamps = memory.store.stamps(&memory.context)?;
    // A file that is gone says nothing of the one that will be built.
    let now: Vec<BinaryStamp> =
        stamps.iter().filter_map(|stamp| input::stamp(&stamp.binary, &stamp.path).ok()).collect();
    let changed: BTreeSet<&BinaryId> = input::changed_binaries(&now, &stamps).into_iter().collect();
    let remembering: Vec<Remembering<'_>> =
        running.iter().map(|(_, test)| (Arc::clone(&test.key), Some(&test.summary))).collect();
    let placed = place(&remembering, &changed, memory.place.settings(), false).into_iter();
    Ok(placed.filter_map(|placed| Some((running.get(placed.ranked.index)?.0, placed))).collect())
}

/// How long a plan should take, where history knows most of its tests.
pub(super) fn expected(plan: &Plan, slots: usize) -> Option<Duration> {
    let units = plan.binaries.iter().filter(|binary| !binary.harness.gives_list()).map(|binary| binary.unit_expected);
    let all: Vec<Option<Duration>> = plan.tests().map(|test| test.expected).chain(units).collect();
    let known = all.iter().flatten().count();
    if known == 0 || known * 4 < all.len() * 3 {
        return None;
    }
    let longest = all.iter().flatten().max().copied().unwrap_or_default();
    let total: Duration = all.iter().flatten().sum();
    Some((total / u32::try_from(slots).unwrap_or(1).max(1)).max(longest))
}
