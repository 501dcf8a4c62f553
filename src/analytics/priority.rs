//! The order of the next run: what is likely to fail first, then what is unknown, then the longest first.
//!
//! A pure function: the same tests, summaries and settings give the same order.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::summary::Summary;
use crate::model::TestKey;

/// A test that is about to run.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Which.
    pub key: &'a TestKey,
    /// What is remembered of it.
    pub summary: Option<&'a Summary>,
    /// Did its binary change since it was last recorded?
    pub changed: bool,
    /// The user's own priority; 0 is none, below 0 is after all others.
    pub priority: i64,
}

/// Why a test stands where it does, most pressing first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// It has failed before, or nothing is known of it: the risky head.
    Risky,
    /// Its binary changed.
    Fresh,
    /// Nothing speaks against it.
    Rest,
}

/// The place of a test in the next run.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// Which candidate.
    pub index: usize,
    /// Among which.
    pub tier: Tier,
    /// How much speaks for a failure, between 0 and 1.
    pub score: f64,
    /// How long it should take.
    pub expected: Option<Duration>,
    /// Why it stands there.
    pub reason: Why,
}

/// Why a test stands where it does, as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The user gave it a priority.
    Priority(i64),
    /// It failed in its latest runs.
    Failing {
        /// In how many.
        streak: usize,
    },
    /// It failed before.
    Failed {
        /// How often, retried failures included.
        failures: u64,
        /// In how many runs.
        runs: u64,
        /// How many executions ago the last time was, where the window still shows it.
        ago: Option<usize>,
    },
    /// Never recorded.
    New,
    /// Its binary changed since it was last recorded.
    Changed,
    /// By its duration.
    Duration(Option<Duration>),
    /// There is no history: cargo's own order.
    NoHistory,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Priority(priority) => write!(f, "priority {priority}"),
            Self::Failing { streak: 1 } => f.write_str("failed in its last run"),
            Self::Failing { streak } => write!(f, "failed in its last {streak} runs"),
            Self::Failed { failures, runs, ago } => {
                write!(f, "failed in {failures} of {runs} runs")?;
                match ago {
                    Some(1) => f.write_str(", in the last it passed when tried again"),
                    Some(ago) => write!(f, ", last {ago} runs ago"),
                    None => f.write_str(", long ago"),
                }
            }
            Self::New => f.write_str("never recorded"),
            Self::Changed => f.write_str("its binary changed"),
            Self::Duration(Some(expected)) => {
                write!(f, "takes {}.{:03}s", expected.as_secs(), expected.subsec_millis())
            }
            Self::Duration(None) => f.write_str("duration unknown"),
            Self::NoHistory => f.write_str("no history: cargo's order"),
        }
    }
}

/// Ranks tests for the next run, the first to run first. Without any history the order stays as it is handed in.
///
/// The user's priority beats all. Then comes the risky head: tests with a failure on record and tests never recorded,
/// the likeliest to fail first. It is at most half of the tests: where most of them are risky, telling them apart gains
/// little, and what starts late makes the run longer. Then those whose binary changed, then the rest. Ties, and all
/// behind the head: longest first (an unknown duration may be the longest), then key.
#[must_use]
pub fn rank(tests: &[Candidate<'_>]) -> Vec<Ranked> {
    let no_history = tests.iter().all(|test| test.summary.is_none_or(Summary::is_empty));
    let mut ranked: Vec<Ranked> = if no_history {
        (0..tests.len())
            .map(|index| Ranked { index, tier: Tier::Rest, score: 0.0, expected: None, reason: Why::NoHistory })
            .collect()
    } else {
        let newcomer = newcomers_chance(tests);
        tests.iter().enumerate().map(|(index, test)| place(index, test, newcomer)).collect()
    };
    // The sort is stable, so that without a history cargo's order stays within equal priorities.
    let compare = |a: &Ranked, b: &Ranked| match (tests.get(a.index), tests.get(b.index)) {
        (Some(left), Some(right)) => {
            let by_priority = right.priority.cmp(&left.priority);
            if no_history { by_priority } else { by_priority.then_with(|| by_risk(a, left, b, right)) }
        }
        _ => Ordering::Equal,
    };
    ranked.sort_by(compare);
    let head = tests.len().div_ceil(2);
    let beyond = ranked.iter_mut().filter(|rank| rank.tier == Tier::Risky).skip(head);
    let demoted = beyond.filter_map(|rank| tests.get(rank.index).map(|test| rank.send_back(test))).count();
    if demoted > 0 {
        ranked.sort_by(compare);
    }
    for rank in &mut ranked {
        match tests.get(rank.index) {
            Some(test) if test.priority != 0 => rank.reason = Why::Priority(test.priority),
            _ => {}
        }
    }
    ranked
}

impl Ranked {
    /// There is no room for it in the head. What speaks against it still does.
    const fn send_back(&mut self, test: &Candidate<'_>) {
        self.score = 0.0;
        self.tier = if test.changed { Tier::Fresh } else { Tier::Rest };
    }
}

/// How likely a test fails that was never executed: the share of those that failed at once among the tests that joined
/// after the first run (Laplace's rule of succession: one half where none did).
#[expect(clippy::cast_precision_loss, reason = "counts of tests are far below 2^52")]
fn newcomers_chance(tests: &[Candidate<'_>]) -> f64 {
    let firsts = || tests.iter().filter_map(|test| test.summary?.first());
    let begin = firsts().map(|entry| entry.run.start).min();
    let (mut failed, mut all) = (1_u64, 2_u64);
    for entry in firsts().filter(|entry| Some(entry.run.start) > begin && entry.is_executed()) {
        failed += u64::from(entry.both || entry.outcome.is_failure());
        all += 1;
    }
    failed as f64 / all as f64
}

fn place(index: usize, test: &Candidate<'_>, newcomer: f64) -> Ranked {
    let Some(summary) = test.summary.filter(|summary| !summary.is_empty()) else {
        return Ranked { index, tier: Tier::Risky, score: newcomer, expected: None, reason: Why::New };
    };
    let expected = summary.recent();
    let (tier, score, reason) = match why_risky(summary) {
        Some(why) => (Tier::Risky, summary.evidence(newcomer), why),
        None if test.changed => (Tier::Fresh, 0.0, Why::Changed),
        None => (Tier::Rest, 0.0, Why::Duration(expected)),
    };
    Ranked { index, tier, score, expected, reason }
}

fn why_risky(summary: &Summary) -> Option<Why> {
    if !summary.has_failed() {
        return None;
    }
    let streak = summary.streak();
    if streak > 0 {
        return Some(Why::Failing { streak });
    }
    let counts = summary.counts();
    let ago = summary
        .window()
        .rev()
        .filter(|entry| entry.is_executed())
        .position(|entry| entry.both || entry.outcome.is_failure())
        .map(|later| later + 1);
    Some(Why::Failed { failures: counts.failures + counts.flaky, runs: counts.runs(), ago })
}

fn by_risk(a: &Ranked, left: &Candidate<'_>, b: &Ranked, right: &Candidate<'_>) -> Ordering {
    let longest_first = |a: Option<Duration>, b: Option<Duration>| match (a, b) {
        (Some(a), Some(b)) => b.cmp(&a),
        (a, b) => a.is_some().cmp(&b.is_some()),
    };
    a.tier
        .cmp(&b.tier)
        .then_with(|| b.score.total_cmp(&a.score))
        .then_with(|| longest_first(a.expected, b.expected))
        .then_with(|| left.key.cmp(right.key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::summary::{Entry, fold, tests::run};
    use crate::model::Outcome;
    use std::sync::Arc;

    fn summary(letters: &str, millis: u64) -> Summary {
        let outcome = |letter| match letter {
            'F' => Outcome::Failed,
            '~' => Outcome::Flaky,
            'S' => Outcome::Skipped,
            _ => Outcome::Passed,
        };
        (1..)
            .zip(letters.chars())
            .map(|(at, letter)| Entry::new(Arc::new(run(at, 0)), outcome(letter), Some(Duration::from_millis(millis))))
            .fold(Summary::default(), fold)
    }

    /// Outcomes by letters, and a duration in milliseconds.
    type History = Option<(&'static str, u64)>;

    /// Ranks tests named by letters; each with its outcomes, duration, whether its binary changed, and priority.
    fn order(tests: &[(&str, History, bool, i64)]) -> Vec<String> {
        let known: Vec<(TestKey, Option<Summary>)> = tests
            .iter()
            .map(|(name, history, ..)| {
                let summary = history.map(|(letters, millis)| summary(letters, millis));
                (format!("app/app::{name}").parse().unwrap(), summary)
            })
            .collect();
        let candidates: Vec<Candidate<'_>> = known
            .iter()
            .zip(tests)
            .map(|((key, summary), (_, _, changed, priority))| Candidate {
                key,
                summary: summary.as_ref(),
                changed: *changed,
                priority: *priority,
            })
            .collect();
        rank(&candidates).into_iter().map(|rank| format!("{}: {}", known[rank.index].0.name, rank.reason)).collect()
    }

    #[test]
    fn what_may_fail_comes_first_then_what_changed_then_the_longest() {
        let order = order(&[
            ("quick", Some(("PPPP", 1)), false, 0),
            ("slow", Some(("PPPP", 900)), false, 0),
            ("unknown", None, false, 0),
            ("changed", Some(("PPPP", 5)), true, 0),
            ("long_ago", Some(("FPPPPPPP", 1)), false, 0),
            ("now", Some(("PPFF", 1)), true, 0),
            ("retried", Some(("PPP~", 1)), false, 0),
        ]);
        let expected = [
            "now: failed in its last 2 runs",
            "unknown: never recorded",
            "retried: failed in 1 of 4 runs, in the last it passed when tried again",
            "long_ago: failed in 1 of 8 runs, last 8 runs ago",
            "changed: its binary changed",
            "slow: takes 0.900s",
            "quick: takes 0.001s",
        ];
        assert_eq!(order, expected);
    }

    #[test]
    fn the_head_is_at_most_half_of_the_tests_and_who_finds_no_room_keeps_its_reason() {
        let order = order(&[
            ("a", Some(("PF", 3)), false, 0),
            ("b", Some(("FP", 9)), false, 0),
            ("c", Some(("FF", 1)), false, 0),
            ("d", Some(("FPP", 2)), true, 0),
            ("e", Some(("PP", 5)), false, 0),
            ("f", Some(("FPPP", 1)), false, 0),
        ]);
        let expected = [
            "c: failed in its last 2 runs",
            "a: failed in its last run",
            "b: failed in 1 of 2 runs, last 2 runs ago",
            "d: failed in 1 of 3 runs, last 3 runs ago",
            "e: takes 0.005s",
            "f: failed in 1 of 4 runs, last 4 runs ago",
        ];
        assert_eq!(order, expected);
    }

    #[test]
    fn new_tests_stand_where_new_tests_have_failed_or_not() {
        // Whatever came after the first run, here the one with `old`, says how new tests fare.
        let place_of_new = |second: Outcome| {
            let entry = |at, outcome| Entry::new(Arc::new(run(at, 0)), outcome, None);
            let history = |entries: &[(i64, Outcome)]| {
                entries.iter().map(|(at, outcome)| entry(*at, *outcome)).fold(Summary::default(), fold)
            };
            let failed_before = history(&[(1, Outcome::Failed), (2, Outcome::Failed), (3, Outcome::Passed)]);
            let joined = history(&[(2, second), (3, Outcome::Passed), (4, Outcome::Passed), (5, Outcome::Passed)]);
            let keys: Vec<TestKey> =
                ["new", "old", "x", "y", "z"].iter().map(|name| format!("app/app::{name}").parse().unwrap()).collect();
            let summaries = [None, Some(&failed_before), Some(&joined), Some(&joined), Some(&joined)];
            let candidates: Vec<Candidate<'_>> = keys
                .iter()
                .zip(summaries)
                .map(|(key, summary)| Candidate { key, summary, changed: false, priority: 0 })
                .collect();
            rank(&candidates).iter().position(|rank| rank.index == 0).unwrap()
        };
        assert_eq!(place_of_new(Outcome::Failed), 0);
        assert_eq!(place_of_new(Outcome::Passed), 1);
    }

    #[test]
    fn ties_go_to_the_longest_and_then_to_the_key() {
        let order = order(&[
            ("b", Some(("P", 3)), false, 0),
            ("a", Some(("P", 3)), false, 0),
            ("c", Some(("P", 4)), false, 0),
            ("d", Some(("PF", 1)), false, 0),
            ("e", Some(("PF", 2)), false, 0),
        ]);
        let names: Vec<&str> = order.iter().map(|line| &line[..1]).collect();
        assert_eq!(names, ["e", "d", "c", "a", "b"]);
    }

    #[test]
    fn the_users_priority_beats_all_and_a_negative_one_comes_last() {
        let order = order(&[
            ("failing", Some(("F", 3)), false, 0),
            ("first", Some(("P", 3)), false, 50),
            ("last", Some(("F", 3)), false, -1),
        ]);
        assert_eq!(order, ["first: priority 50", "failing: failed in its last run", "last: priority -1"]);
    }

    #[test]
    fn without_a_history_cargos_order_stays() {
        let order = order(&[("z", None, false, 0), ("a", None, true, 0), ("m", None, false, 1), ("b", None, false, 0)]);
        let names: Vec<&str> = order.iter().map(|line| &line[..1]).collect();
        assert_eq!(names, ["m", "z", "a", "b"]);
        assert_eq!(order[1], "z: no history: cargo's order");
    }

    #[test]
    fn a_failure_that_has_left_the_window_is_still_on_record() {
        let letters: &str = ("F".to_owned() + &"P".repeat(120)).leak();
        let order = order(&[("steady", Some(("PP", 9)), false, 0), ("once", Some((letters, 1)), false, 0)]);
        assert_eq!(order[0], "once: failed in 1 of 121 runs, long ago");
    }
}
