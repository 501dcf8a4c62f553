//! Tests that became slower: the recent durations against the older ones, by more than the noise.
//!
//! Noise is whatever the older durations do by themselves. Three things must hold of the two medians, so that neither
//! a wide spread, nor two ways in which a test may go, nor what nobody would notice is called a change:
//! the difference is more than the older ones' spread (their median distance from their median), the recent ones rank
//! above the older ones as a whole (Mann and Whitney's test), and it is enough to matter.

use std::time::Duration;

use super::summary::Summary;
use crate::model::Outcome;

/// So many of the latest durations are the recent ones.
const RECENT: usize = 7;

/// Under so many older ones there is nothing to compare with.
const OLDER: usize = 14;

/// The difference must be more than so many times the spread of the older ones.
const SPREADS: u64 = 3;

/// How many standard deviations the ranks must lie apart: by chance one in 4,000 does.
const DEVIATIONS: f64 = 3.5;

/// Nobody waits for less …
const LEAST_MICROS: u64 = 10_000;

/// … nor minds what is less than one part in so many.
const LEAST_PART: u64 = 5;

/// A test that became slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slower {
    /// The median of the older durations.
    pub before: Duration,
    /// The median of the recent ones.
    pub after: Duration,
}

/// Did a test become slower? Only passes are looked at: a failure may end early or wait for its limit.
#[must_use]
pub fn slower(summary: &Summary) -> Option<Slower> {
    let passes = summary.window().filter(|entry| entry.outcome == Outcome::Passed);
    let timed: Vec<u64> = passes.filter_map(|entry| entry.counted_micros()).collect();
    let (older, recent) = timed.split_at_checked(timed.len().checked_sub(RECENT)?)?;
    if older.len() < OLDER {
        return None;
    }
    let (older, recent) = (sorted(older.to_vec()), sorted(recent.to_vec()));
    let (before, after) = (middle(&older)?, middle(&recent)?);
    let spread = middle(&sorted(older.iter().map(|one| one.abs_diff(before)).collect()))?;
    let least = LEAST_MICROS.max(before / LEAST_PART).max(spread.saturating_mul(SPREADS));
    let is_slower = after.saturating_sub(before) > least && deviations(&older, &recent) >= DEVIATIONS;
    is_slower.then(|| Slower { before: Duration::from_micros(before), after: Duration::from_micros(after) })
}

fn sorted(mut all: Vec<u64>) -> Vec<u64> {
    all.sort_unstable();
    all
}

/// The middle one; of an even number the lower of the two in the middle.
fn middle(sorted: &[u64]) -> Option<u64> {
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

/// By how many standard deviations the recent ones rank above what chance would give them, ties taken into account.
#[expect(clippy::cast_precision_loss, reason = "a window holds a hundred")]
fn deviations(older: &[u64], recent: &[u64]) -> f64 {
    let at_most = |all: &[u64], one: u64| all.partition_point(|other| *other <= one);
    let below = |all: &[u64], one: u64| all.partition_point(|other| *other < one);
    // Twice the count of pairs that the recent one wins; a tie is half a win.
    let wins: usize = recent.iter().map(|one| below(older, *one) + at_most(older, *one)).sum();
    // The sum over all of the squared number of equals is that of the cubed sizes of the ties.
    let equals = |one: u64| [older, recent].map(|all| at_most(all, one) - below(all, one)).iter().sum::<usize>();
    let ties: usize = older.iter().chain(recent).map(|one| equals(*one).pow(2) - 1).sum();
    let (n, m) = (older.len() as f64, recent.len() as f64);
    let all = n + m;
    let variance = n * m / 12.0 * (all + 1.0 - ties as f64 / (all * (all - 1.0)));
    if variance <= 0.0 { 0.0 } else { (wins as f64 / 2.0 - n * m / 2.0) / variance.sqrt() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::analytics::summary::{Entry, RunFacts, tests::run};

    fn of(outcomes: impl IntoIterator<Item = (Outcome, u64)>) -> Summary {
        let mut summary = Summary::default();
        for (at, (outcome, millis)) in (0_i64..).zip(outcomes) {
            summary.insert(Entry::new(Arc::new(run(at, 1)), outcome, Some(Duration::from_millis(millis))));
        }
        summary
    }

    fn passing(millis: impl IntoIterator<Item = u64>) -> Summary {
        of(millis.into_iter().map(|millis| (Outcome::Passed, millis)))
    }

    /// So many of a duration that is never twice quite the same.
    fn around(millis: u64, times: u64) -> impl Iterator<Item = u64> {
        (0..times).map(move |at| millis + at * 7 % 5)
    }

    fn found(before: u64, after: u64) -> impl Fn(Option<Slower>) -> bool {
        let near = |wanted: u64, got: Duration| u64::try_from(got.as_millis()).unwrap().abs_diff(wanted) <= 5;
        move |slower| slower.is_some_and(|slower| near(before, slower.before) && near(after, slower.after))
    }

    #[test]
    fn a_step_is_found_and_stays_found_for_a_while() {
        for since in [7, 8, 12, 15] {
            let slower = slower(&passing(around(100, 50).chain(around(200, since))));
            assert!(found(100, 200)(slower), "{since} runs ago: {slower:?}");
        }
        assert_eq!(slower(&passing(around(100, 50).chain(around(200, 3)))), None, "three may be chance");
        assert_eq!(slower(&passing(around(100, 50).chain(around(200, 50)))), None, "it has become what is usual");
        assert_eq!(slower(&passing(around(200, 50).chain(around(100, 10)))), None, "it became faster");
    }

    #[test]
    fn a_step_must_be_more_than_the_floors() {
        for (before, after, is_found) in
            [(1, 6, false), (1, 30, true), (1000, 1100, false), (1000, 1300, true), (0, 0, false)]
        {
            let found = slower(&passing(around(before, 50).chain(around(after, 10)))).is_some();
            assert_eq!(found, is_found, "{before} to {after} ms");
        }
    }

    #[test]
    fn an_outlier_is_no_change() {
        let outliers = around(100, 50).chain([9000, 9000]).chain(around(100, 3)).chain([9000]);
        assert_eq!(slower(&passing(outliers)), None);
    }

    #[test]
    fn few_durations_say_nothing() {
        assert_eq!(slower(&Summary::default()), None);
        assert_eq!(slower(&passing(around(100, 13).chain(around(900, 7)))), None);
        assert!(slower(&passing(around(100, 14).chain(around(900, 7)))).is_some());
    }

    #[test]
    fn only_passes_that_were_not_instrumented_are_looked_at() {
        let failing = around(100, 50).map(|millis| (Outcome::Passed, millis));
        let failing = failing.chain(around(9000, 10).map(|millis| (Outcome::Timeout, millis)));
        assert_eq!(slower(&of(failing)), None);
        let mut instrumented = passing(around(100, 50));
        for at in 50..60 {
            let facts = RunFacts { instrumented: true, ..run(at, 1) };
            instrumented.insert(Entry::new(Arc::new(facts), Outcome::Passed, Some(Duration::from_secs(9))));
        }
        assert_eq!(slower(&instrumented), None);
    }

    /// Numbers from 0 to 1 that look like chance and are always the same: splitmix64.
    struct Noise(u64);

    impl Noise {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        }

        /// Bell-shaped, around 0, one wide.
        fn bell(&mut self) -> f64 {
            (0..12).map(|_| self.next()).sum::<f64>() - 6.0
        }
    }

    /// Of so many tests with nothing but noise, how many are called slower?
    fn flagged(tests: u64, duration: impl Fn(&mut Noise) -> f64) -> usize {
        let of_seed = |seed: u64| {
            let mut noise = Noise(seed);
            slower(&passing((0..100).map(|_| duration(&mut noise).max(0.0) as u64))).is_some()
        };
        (0..tests).filter(|seed| of_seed(*seed)).count()
    }

    #[test]
    fn pure_noise_is_hardly_ever_called_slower() {
        type Duration = fn(&mut Noise) -> f64;
        let shapes: [(&str, Duration); 6] = [
            ("even", |noise| 1000.0 * noise.next()),
            ("bell", |noise| 500.0 + 100.0 * noise.bell()),
            ("skewed", |noise| 100.0 * (noise.bell()).exp()),
            ("long tail", |noise| 50.0 / (noise.next() + 0.001)),
            (
                "two ways, the slow one rare",
                |noise| if noise.next() < 0.2 { 900.0 } else { 100.0 + 9.0 * noise.next() },
            ),
            ("two ways, as often", |noise| if noise.next() < 0.5 { 900.0 } else { 100.0 + 9.0 * noise.next() }),
        ];
        for (name, shape) in shapes {
            let flagged = flagged(2_000, shape);
            assert!(flagged <= 2, "{name}: {flagged} of 2,000");
        }
    }

    #[test]
    fn a_step_is_found_in_noise() {
        let step = |seed: u64| {
            let mut noise = Noise(seed);
            let durations: Vec<u64> = (0..100)
                .map(|at| {
                    let level = if at < 85 { 500.0 } else { 900.0 };
                    (level + 60.0 * noise.bell()).max(0.0) as u64
                })
                .collect();
            slower(&passing(durations)).is_some()
        };
        assert!((0..200).all(step));
    }
}
