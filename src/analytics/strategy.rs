//! The orders that a backtest compares: ours, and those it must be measured against.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::priority::{Candidate, rank};
use super::summary::{Entry, Summary, fold};
use crate::model::TestKey;

/// A way to order the tests of the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// What `test` does: see [`rank`].
    Ours,
    /// The plain rule: failing now before flaky (both before one of them) before never seen before the rest, each by
    /// mean duration, the longest first.
    Rule,
    /// By how many executions ago a test failed; never seen first.
    LastFailed,
    /// By the share of executions that failed; never seen first.
    FailureRate,
    /// By the duration to be expected.
    LongestFirst,
    /// By name.
    Alphabetical,
    /// By chance.
    Random,
    /// By what nobody knows beforehand: the failures first, the shortest of them at once.
    Optimal,
}

impl Strategy {
    /// Every strategy.
    pub const ALL: [Self; 8] = [
        Self::Ours,
        Self::Rule,
        Self::LastFailed,
        Self::FailureRate,
        Self::LongestFirst,
        Self::Alphabetical,
        Self::Random,
        Self::Optimal,
    ];

    /// Its name as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Rule => "rule",
            Self::LastFailed => "last-failed",
            Self::FailureRate => "failure-rate",
            Self::LongestFirst => "longest-first",
            Self::Alphabetical => "alphabetical",
            Self::Random => "random",
            Self::Optimal => "optimal",
        }
    }

    /// Orders the executions of a run, which are handed in by name; ties stay in that order. (Chance is thrown by
    /// whoever has dice: here it changes nothing.)
    pub(super) fn order<'r>(self, rows: &'r [Row<'r>]) -> Vec<&'r Row<'r>> {
        let mut order: Vec<&Row<'_>> = rows.iter().collect();
        match self {
            Self::Ours => return ours(rows),
            Self::Rule => order.sort_by_cached_key(|row| rule(row.known.seen())),
            Self::LastFailed => order.sort_by_key(|row| row.known.since_failure()),
            Self::FailureRate => order.sort_by(|a, b| b.known.failure_rate().total_cmp(&a.known.failure_rate())),
            Self::LongestFirst => order.sort_by_cached_key(|row| longest_first(row.known.summary.recent())),
            Self::Alphabetical | Self::Random => {}
            Self::Optimal => order.sort_by_key(|row| (!row.failed, row.took)),
        }
        order
    }
}

/// An execution that is to be foreseen, with all that is known of its test by then.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) known: &'a Known,
    pub(super) failed: bool,
    pub(super) took: Duration,
    pub(super) changed: bool,
}

/// What the earlier runs tell of a test.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) key: Arc<TestKey>,
    pub(super) summary: Summary,
    executions: u64,
    failures: u64,
    /// The number of its latest failing execution.
    last_failure: u64,
    /// The latest run it was in, and how often so far.
    latest: (i64, usize),
}

impl Known {
    pub(super) fn new(key: Arc<TestKey>) -> Self {
        let summary = Summary::default();
        Self { key, summary, executions: 0, failures: 0, last_failure: 0, latest: (-1, 0) }
    }

    /// It is in this run: for the how manieth time?
    pub(super) const fn begin(&mut self, run: i64) -> usize {
        self.latest = if self.latest.0 == run { (run, self.latest.1 + 1) } else { (run, 0) };
        self.latest.1
    }

    pub(super) fn learn(&mut self, entry: Entry) {
        if entry.is_executed() {
            self.executions += 1;
            if entry.outcome.is_failure() {
                self.failures += 1;
                self.last_failure = self.executions;
            }
        }
        self.summary = fold(std::mem::take(&mut self.summary), entry);
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// What is remembered of it, if it was ever there.
    fn seen(&self) -> Option<&Summary> {
        Some(&self.summary).filter(|summary| !summary.is_empty())
    }

    /// 0 was never executed, 1 failed in its latest execution.
    const fn since_failure(&self) -> u64 {
        match (self.executions, self.failures) {
            (0, _) => 0,
            (_, 0) => u64::MAX,
            _ => self.executions - self.last_failure + 1,
        }
    }

    /// More than certain where nothing is known.
    #[expect(clippy::cast_precision_loss, reason = "counts of executions are far below 2^52")]
    fn failure_rate(&self) -> f64 {
        if self.executions == 0 { f64::INFINITY } else { self.failures as f64 / self.executions as f64 }
    }
}

/// The order of `test`. Executions of one test stay together, as they are handed in.
fn ours<'r>(rows: &'r [Row<'r>]) -> Vec<&'r Row<'r>> {
    let of_one_test: Vec<&[Row<'_>]> = rows.chunk_by(|a, b| a.known.key == b.known.key).collect();
    let candidates: Vec<Candidate<'_>> = of_one_test
        .iter()
        .filter_map(|rows| rows.first())
        .map(|row| Candidate { key: &row.known.key, summary: row.known.seen(), changed: row.changed, priority: 0 })
        .collect();
    rank(&candidates).iter().filter_map(|ranked| of_one_test.get(ranked.index)).copied().flatten().collect()
}

/// The plain rule's key: what it puts first is least.
fn rule(summary: Option<&Summary>) -> (u8, Reverse<Option<Duration>>) {
    let Some(summary) = summary else { return (3, Reverse(None)) };
    let tier = match (summary.streak() > 0, summary.both_seen()) {
        (true, true) => 0,
        (true, false) => 1,
        (false, true) => 2,
        (false, false) => 4,
    };
    (tier, Reverse(summary.mean()))
}

/// An unknown duration may be the longest.
const fn longest_first(expected: Option<Duration>) -> (bool, Reverse<Option<Duration>>) {
    (expected.is_some(), Reverse(expected))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::summary::tests::run;
    use crate::model::Outcome;

    /// Orders tests that are named with their outcomes by letters, and a duration.
    fn order(strategy: Strategy, tests: &[(&str, &str, u64)]) -> String {
        let mut known: Vec<Known> = Vec::new();
        for (name, letters, seconds) in tests {
            let mut test = Known::new(Arc::new(format!("app/app::{name}").parse().unwrap()));
            for (at, letter) in (1..).zip(letters.chars()) {
                let outcome = match letter {
                    'F' => Outcome::Failed,
                    'E' => Outcome::Error,
                    'S' => Outcome::Skipped,
                    _ => Outcome::Passed,
                };
                test.begin(at);
                test.learn(Entry::new(Arc::new(run(at, 0)), outcome, Some(Duration::from_secs(*seconds))));
            }
            known.push(test);
        }
        let row = |known| Row { known, failed: false, took: Duration::ZERO, changed: false };
        let rows: Vec<Row<'_>> = known.iter().map(row).collect();
        strategy.order(&rows).iter().map(|row| row.known.key.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn r21_the_plain_rule_is_what_it_is() {
        let tests = [
            ("calm", "PPP", 9),
            ("calm_and_long", "PP", 99),
            ("fails", "FF", 1),
            ("fails_and_long", "E", 5),
            ("flaked", "PFP", 1),
            ("flaked_and_long", "FPPPP", 2),
            ("flakes", "PF", 1),
            ("flakes_and_long", "PFPF", 3),
            ("new", "", 0),
            ("skipped_since", "FS", 4),
        ];
        let expected = "flakes_and_long flakes fails_and_long fails flaked_and_long flaked new calm_and_long calm \
                        skipped_since";
        assert_eq!(order(Strategy::Rule, &tests), expected);
    }

    #[test]
    fn the_others_are_what_they_are_called() {
        let tests = [("a", "FPPPP", 1), ("b", "PPF", 3), ("c", "", 0), ("d", "FFFPP", 2), ("e", "PP", 9)];
        for (strategy, expected) in [
            (Strategy::LastFailed, "c b d a e"),
            (Strategy::FailureRate, "c d b a e"),
            (Strategy::LongestFirst, "c e b d a"),
            (Strategy::Alphabetical, "a b c d e"),
            (Strategy::Ours, "b c d e a"),
        ] {
            assert_eq!(order(strategy, &tests), expected, "{strategy:?}");
        }
    }

    #[test]
    fn names_are_written_alike_everywhere() {
        for strategy in Strategy::ALL {
            assert_eq!(serde_json::to_value(strategy).unwrap(), strategy.as_str());
        }
    }
}
