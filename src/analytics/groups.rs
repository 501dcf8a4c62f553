//! Tests that flake together: their failures fall into the same runs, so that they likely have one cause.
//!
//! Two tests belong together where at least two runs failed both, and these are at least half of the runs that
//! failed either of them. Groups are what hangs together by that. Only tests that are flaky or suspect are grouped:
//! what breaks together by an edit and is mended together does not flake.

use std::collections::{BTreeMap, HashMap};

use super::flaky::State;
use super::summary::{Entry, Summary};
use super::thresholds::Thresholds;

/// So many runs must have failed both of two tests. One may be chance.
const SHARED: usize = 2;

/// Tests that flake together, given with their states: the indices of each group's members in order, the largest group
/// first.
#[must_use]
pub fn together(tests: &[(&Summary, State)], thresholds: &Thresholds) -> Vec<Vec<usize>> {
    // Tests that failed in exactly the same runs need no comparing, and may be very many.
    let mut alike: BTreeMap<Vec<u64>, Vec<usize>> = BTreeMap::new();
    for (index, (summary, state)) in tests.iter().enumerate() {
        let failing = failing_runs(summary, thresholds);
        if matches!(state, State::Flaky | State::Suspect) && failing.len() >= SHARED {
            alike.entry(failing).or_default().push(index);
        }
    }
    let (sets, members): (Vec<Vec<u64>>, Vec<Vec<usize>>) = alike.into_iter().unzip();
    let mut joined: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (root, members) in components(&sets).into_iter().zip(members) {
        joined.entry(root).or_default().extend(members);
    }
    let mut groups: Vec<Vec<usize>> = joined.into_values().filter(|group| group.len() > 1).collect();
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    groups
}

/// The runs of the window that failed a test, whatever a retry made of it, in order of their numbers.
fn failing_runs(summary: &Summary, thresholds: &Thresholds) -> Vec<u64> {
    let telling: Vec<&Entry> = summary.telling(thresholds).collect();
    let failing = thresholds.window_of(&telling).iter().filter(|entry| entry.outcome.is_failure() || entry.both);
    let mut failing: Vec<u64> = failing.map(|entry| entry.run.seq).collect();
    failing.sort_unstable();
    failing
}

/// For each set the number of its component.
///
/// Sets that overlap by half share one of the rarer halves of their runs, whatever the order of rarity: only sets that
/// do are compared, by bits first, so that even many noisy tests take no more than one operation a pair.
fn components(sets: &[Vec<u64>]) -> Vec<usize> {
    let mut frequency: HashMap<u64, usize> = HashMap::new();
    sets.iter().flatten().for_each(|run| *frequency.entry(*run).or_default() += 1);
    let mut forest = Forest::of(sets.len());
    let bits: Vec<Bits> = sets.iter().map(|set| Bits::of(set)).collect();
    let mut holders: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut compared: Vec<Option<usize>> = vec![None; sets.len()];
    for (this, set) in sets.iter().enumerate() {
        let mut rarest_first = set.clone();
        rarest_first.sort_unstable_by_key(|run| (frequency.get(run).copied(), *run));
        for run in rarest_first.iter().take(set.len() / 2 + 1) {
            let holders = holders.entry(*run).or_default();
            for &other in holders.iter() {
                let Some(known) = compared.get_mut(other).filter(|known| **known != Some(this)) else { continue };
                *known = Some(this);
                let (Some(a), Some(b), Some(there)) = (bits.get(this), bits.get(other), sets.get(other)) else {
                    continue;
                };
                if belong(a.may_share(b), set, there) && belong(shared(set, there), set, there) {
                    forest.join(this, other);
                }
            }
            holders.push(this);
        }
    }
    (0..sets.len()).map(|set| forest.root(set)).collect()
}

/// Do two tests with so many common failing runs belong together? At least half of the union of both: three times the
/// common ones are at least the sum.
const fn belong(shared: usize, a: &[u64], b: &[u64]) -> bool {
    shared >= SHARED && shared * 3 >= a.len() + b.len()
}

/// How many runs are in both of two sorted sets.
fn shared(a: &[u64], b: &[u64]) -> usize {
    let mut rest = b.iter().peekable();
    let is_there = |run: &&u64| {
        while rest.next_if(|other| other < run).is_some() {}
        rest.next_if(|other| other == run).is_some()
    };
    a.iter().filter(is_there).count()
}

/// A set of runs, each as one of 128 bits.
struct Bits {
    bits: u128,
    /// Runs that found their bit taken.
    hidden: usize,
}

impl Bits {
    fn of(set: &[u64]) -> Self {
        let bits = set.iter().fold(0_u128, |bits, run| bits | 1 << (run % 128));
        Self { bits, hidden: set.len() - bits.count_ones() as usize }
    }

    /// At least as many runs as are in both sets.
    const fn may_share(&self, other: &Self) -> usize {
        (self.bits & other.bits).count_ones() as usize + self.hidden
    }
}

/// Which set hangs together with which.
struct Forest(Vec<usize>);

impl Forest {
    fn of(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&mut self, of: usize) -> usize {
        let mut at = of;
        while let Some(&above) = self.0.get(at).filter(|above| **above != at) {
            // Each step halves the way for the next who comes.
            let further = self.0.get(above).copied().unwrap_or(above);
            if let Some(slot) = self.0.get_mut(at) {
                *slot = further;
            }
            at = further;
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if let Some(slot) = self.0.get_mut(a.max(b)) {
            *slot = a.min(b);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::analytics::summary::{RunFacts, tests::run};
    use crate::model::Outcome;

    /// A test that ran in each of the first 60 runs and failed in these.
    fn failing_in(runs: &[i64]) -> Summary {
        let mut summary = Summary::default();
        for at in 0..60 {
            let outcome = if runs.contains(&at) { Outcome::Failed } else { Outcome::Passed };
            summary.insert(Entry::new(Arc::new(run(at, 1)), outcome, None));
        }
        summary
    }

    fn groups_of(tests: &[Summary]) -> Vec<Vec<usize>> {
        together(&tests.iter().map(|summary| (summary, State::Flaky)).collect::<Vec<_>>(), &Thresholds::default())
    }

    #[test]
    fn tests_that_fail_in_the_same_runs_are_one_group() {
        for (runs, expected) in [
            (&[&[1, 5, 9][..], &[1, 5, 9]][..], &[&[0, 1][..]][..]),
            // Half of the union is enough, less is not.
            (&[&[1, 2], &[1, 2, 3, 4]], &[&[0, 1]]),
            (&[&[1, 2], &[1, 2, 3, 4, 5]], &[]),
            // One common run may be chance.
            (&[&[1], &[1]], &[]),
            (&[&[1, 2], &[1, 3]], &[]),
            // The first and the last have less than half in common, and hang together by the one between.
            (&[&[1, 2, 3], &[7, 8, 9], &[2, 3, 4], &[3, 4, 5]], &[&[0, 2, 3]]),
            // The largest group first.
            (&[&[1, 2], &[1, 2], &[3, 4], &[3, 4], &[3, 4]], &[&[2, 3, 4], &[0, 1]]),
            (&[&[], &[]], &[]),
            (&[], &[]),
        ] {
            let tests: Vec<Summary> = runs.iter().map(|runs| failing_in(runs)).collect();
            assert_eq!(groups_of(&tests), expected, "{runs:?}");
        }
    }

    #[test]
    fn what_broke_together_does_not_flake_together() {
        let broken = failing_in(&[57, 58, 59]);
        let of = |a, b| together(&[(&broken, a), (&broken, b)], &Thresholds::default());
        assert!(of(State::Broken, State::Broken).is_empty());
        assert_eq!(of(State::Suspect, State::Flaky), [[0, 1]]);
    }

    #[test]
    fn a_failure_that_a_retry_mended_counts_and_one_of_a_run_that_says_nothing_does_not() {
        let of = |outcome: Outcome, judged: bool| {
            let mut summary = failing_in(&[]);
            for at in 60..63 {
                let run = run(at, 1);
                let facts = RunFacts { extent: run.extent.filter(|_| judged), ..run };
                summary.insert(Entry::new(Arc::new(facts), outcome, None));
            }
            summary
        };
        assert_eq!(groups_of(&[of(Outcome::Flaky, true), of(Outcome::Failed, true)]), [[0, 1]]);
        assert!(groups_of(&[of(Outcome::Failed, false), of(Outcome::Failed, false)]).is_empty());
    }

    #[test]
    fn ten_thousand_noisy_tests_are_compared() {
        // A third of all runs each, pseudo-random, and every hundredth the same.
        let random = |test: i64, at: i64| (test * 7919 + at * 104_729 + test * at * 31).rem_euclid(97) < 32;
        let tests: Vec<Summary> = (0..10_000)
            .map(|test| {
                let test = if test % 100 == 0 { 0 } else { test };
                failing_in(&(0..60).filter(|at| random(test, *at)).collect::<Vec<_>>())
            })
            .collect();
        let groups = groups_of(&tests);
        assert!(groups[0].len() >= 100 && groups[0].contains(&9_900));
    }

    /// The definition, read as it is written.
    fn literal(sets: &[BTreeSet<i64>]) -> BTreeSet<Vec<usize>> {
        let belong = |a: &BTreeSet<i64>, b: &BTreeSet<i64>| {
            let shared = a.intersection(b).count();
            shared >= 2 && shared as f64 / a.union(b).count() as f64 >= 0.5
        };
        let mut of: Vec<usize> = (0..sets.len()).collect();
        for a in 0..sets.len() {
            for b in 0..a {
                if belong(&sets[a], &sets[b]) {
                    let (from, to) = (of[a], of[b]);
                    of.iter_mut().filter(|group| **group == from).for_each(|group| *group = to);
                }
            }
        }
        let members = |group: usize| (0..sets.len()).filter(|at| of[*at] == group).collect::<Vec<_>>();
        (0..sets.len()).map(members).filter(|group| group.len() > 1).collect()
    }

    proptest! {
        #[test]
        fn the_fast_groups_are_the_literal_ones(
            sets in prop::collection::vec(prop::collection::btree_set(0_i64..12, 0..8), 0..14),
        ) {
            let tests: Vec<Summary> =
                sets.iter().map(|set| failing_in(&set.iter().copied().collect::<Vec<_>>())).collect();
            let groups = groups_of(&tests);
            prop_assert!(groups.is_sorted_by_key(|group| std::cmp::Reverse(group.len())));
            prop_assert_eq!(groups.into_iter().collect::<BTreeSet<_>>(), literal(&sets));
        }

        #[test]
        fn bits_never_hide_what_is_shared(
            a in prop::collection::btree_set(0_u64..1000, 0..100), b in prop::collection::btree_set(0_u64..1000, 0..100),
        ) {
            let [a, b]: [Vec<u64>; 2] = [a, b].map(|set| set.into_iter().collect());
            prop_assert!(Bits::of(&a).may_share(&Bits::of(&b)) >= shared(&a, &b));
        }
    }
}
