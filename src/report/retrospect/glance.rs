//! What of a retrospect is worth a look first: the same for every format that has room for a screen only.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::{Cell, PastRun, PastTest, Retrospect};
use crate::model::{CaseRecord, RunState, TestKey};
use crate::ratio::Ratio;
use crate::report::words;

/// The choice.
pub(in crate::report) struct Glance<'r> {
    /// The latest run that says something of the tests.
    pub(in crate::report) latest: Option<&'r PastRun>,
    /// What fails: in the latest executed run, or broken since an earlier one. The newest failure first.
    pub(in crate::report) failing: Vec<Failing<'r>>,
    /// Flaky and suspect tests, the flaky first, of those the ones that failed most.
    pub(in crate::report) flaky: Vec<&'r PastTest>,
    /// The slowest first; without those that take no time worth naming.
    pub(in crate::report) slowest: Vec<Slow<'r>>,
    /// Those that became slower, the one that lost most first.
    pub(in crate::report) slower: Vec<Slow<'r>>,
    /// How many tests are in each state, the most pressing state first.
    pub(in crate::report) states: Vec<(&'static str, usize)>,
    /// What coverage was last, and how it changed; none where it is not known.
    pub(in crate::report) coverage: Option<String>,
}

/// A test that fails.
pub(in crate::report) struct Failing<'r> {
    /// Which.
    pub(in crate::report) key: &'r TestKey,
    /// What became of it in the latest executed run; none where it was not part of that.
    pub(in crate::report) case: Option<&'r CaseRecord>,
    /// What is known of it; none where it is not remembered.
    pub(in crate::report) test: Option<&'r PastTest>,
}

/// A test with the time it takes.
#[derive(Clone, Copy)]
pub(in crate::report) struct Slow<'r> {
    /// Which.
    pub(in crate::report) test: &'r PastTest,
    /// How long it takes lately.
    pub(in crate::report) takes: Duration,
}

/// What takes less is not slow.
const SLOW: Duration = Duration::from_millis(10);

impl<'r> Glance<'r> {
    pub(in crate::report) fn of(retrospect: &'r Retrospect) -> Self {
        let ended = |run: &&PastRun| run.state != RunState::Running;
        Self {
            latest: retrospect.runs.iter().rev().find(ended),
            failing: failing(retrospect),
            flaky: flaky(retrospect),
            slowest: slowest(retrospect),
            slower: slower(retrospect),
            states: states(retrospect),
            coverage: coverage(retrospect),
        }
    }
}

/// How long a test takes lately.
pub(in crate::report) fn takes(test: &PastTest) -> Option<Duration> {
    test.recent.or(test.mean)
}

fn failing(retrospect: &Retrospect) -> Vec<Failing<'_>> {
    let tests: HashMap<&TestKey, &PastTest> = retrospect.tests.iter().map(|test| (&*test.key, test)).collect();
    let mut failing: Vec<Failing<'_>> = retrospect
        .failing
        .iter()
        .map(|case| Failing { key: &case.key, case: Some(case), test: tests.get(&*case.key).copied() })
        .collect();
    let named: HashSet<&TestKey> = failing.iter().map(|failing| failing.key).collect();
    let broken = retrospect.tests.iter().filter(|test| test.state == "broken" && !named.contains(&*test.key));
    failing.extend(broken.map(|test| Failing { key: &test.key, case: None, test: Some(test) }));
    failing.sort_by_key(|one| (one.case.is_none(), one.test.map_or(0, |test| test.streak)));
    failing
}

fn flaky(retrospect: &Retrospect) -> Vec<&PastTest> {
    let rank = |test: &&PastTest| ["flaky", "suspect"].iter().position(|state| *state == test.state);
    let mut flaky: Vec<&PastTest> = retrospect.tests.iter().filter(|test| rank(test).is_some()).collect();
    flaky.sort_by_key(|test| (rank(test), Reverse(test.failures)));
    flaky
}

fn slowest(retrospect: &Retrospect) -> Vec<Slow<'_>> {
    let timed = retrospect.tests.iter().filter_map(|test| Some(Slow { test, takes: takes(test)? }));
    let mut slowest: Vec<Slow<'_>> = timed.filter(|slow| slow.takes >= SLOW).collect();
    slowest.sort_by_key(|slow| Reverse(slow.takes));
    slowest
}

fn slower(retrospect: &Retrospect) -> Vec<Slow<'_>> {
    let lost = |slow: &Slow<'_>| slow.test.slower.map(|(from, to)| to.saturating_sub(from));
    let timed = retrospect.tests.iter().filter_map(|test| Some(Slow { test, takes: test.slower?.1 }));
    let mut slower: Vec<Slow<'_>> = timed.collect();
    slower.sort_by_key(|slow| Reverse(lost(slow)));
    slower
}

fn states(retrospect: &Retrospect) -> Vec<(&'static str, usize)> {
    let count = |state: &&'static str| retrospect.tests.iter().filter(|test| test.state == *state).count();
    let all = ["flaky", "broken", "suspect", "recovered", "new", "steady"];
    all.into_iter().map(|state| (state, count(&state))).filter(|(_, count)| *count > 0).collect()
}

/// `83.33 % of lines (5 of 6), +10.00 since the one before`.
fn coverage(retrospect: &Retrospect) -> Option<String> {
    let mut points = retrospect.coverage.iter().rev();
    let mut next = || points.next().and_then(|point| Ratio::new(point.covered, point.total).ok());
    let last = next()?;
    let counts = format!("{} of {}", words::thousands(last.covered()), words::thousands(last.total()));
    let change = next().map(|before| format!(", {} since the one before", last.minus(before)));
    Some(format!("{last} % of {} ({counts}){}", retrospect.metric, change.unwrap_or_default()))
}

/// The durations of the latest so many executions.
pub(in crate::report) fn times(cells: &[Cell], latest: usize) -> Vec<Option<Duration>> {
    cells.get(cells.len().saturating_sub(latest)..).unwrap_or_default().iter().map(|cell| cell.took).collect()
}
