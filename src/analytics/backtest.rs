//! Replays a history: how early the failures of each run would have been seen, had its tests run in an order that was
//! chosen from the earlier runs alone.
//!
//! A run counts once there is one before it, if it has at least two executions and a failure among them. APFD is
//! 1 − ΣTF/(n·m) + 1/(2n), TF being the places of the m failures among n executions; APFDc is the same with every
//! execution as long as it took. Where a history has a test several times in one run, its executions stay together and
//! those that passed go first: no order of tests can do worse, and none can know better.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::strategy::{Known, Row, Strategy};
use super::summary::{Entry, RunFacts};
use crate::model::{Outcome, RunId, TestKey};

/// What became of one test in a past run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Which test.
    pub key: Arc<TestKey>,
    /// What became of it.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Option<Duration>,
    /// Was its binary another than the time before?
    pub changed: bool,
}

/// What a strategy came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Whose figures they are.
    pub strategy: Strategy,
    /// How early failures came, by the runs that count.
    pub all: Earliness,
    /// The same of failures of tests that had never failed before, by the runs that had some.
    pub first_time: Earliness,
    /// The mean time to a run's first failure, in seconds; 0 where no run counts.
    pub first_failure: f64,
    /// The mean of a run's time over what it took longest first, durations foreseen from the same history.
    pub makespan: f64,
}

/// How early failures came: 1 would be at once, 0 at the very end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Earliness {
    /// So many runs count.
    pub runs: u64,
    /// The mean APFD; 0 where no run counts.
    pub apfd: f64,
    /// The mean APFDc; 0 where no run counts.
    pub apfdc: f64,
}

/// A history that is being replayed, run by run: it remembers of each test what the gate remembers, and no run.
#[derive(Debug)]
pub struct Backtest {
    slots: usize,
    places: HashMap<Arc<TestKey>, usize>,
    known: Vec<Known>,
    runs: i64,
    dice: Dice,
    sums: [Sum; Strategy::ALL.len()],
}

/// So many random orders are tried a run, each of them backwards as well: so the mean APFD is what is expected of
/// chance, and the times come near it.
const SHUFFLES: usize = 4;

impl Backtest {
    /// Nothing replayed yet; tests run on so many slots.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            slots: slots.max(1),
            places: HashMap::new(),
            known: Vec::new(),
            runs: 0,
            dice: Dice(1),
            sums: [Sum::default(); Strategy::ALL.len()],
        }
    }

    /// Takes in the next run: first it is foreseen, then it is learnt from.
    pub fn replay(&mut self, run: &[Execution]) {
        let places: Vec<usize> = run.iter().map(|execution| self.place_of(&execution.key)).collect();
        let executed = || run.iter().filter(|execution| execution.outcome != Outcome::Skipped);
        let counts =
            self.runs > 0 && executed().nth(1).is_some() && executed().any(|execution| execution.outcome.is_failure());
        if counts {
            self.foresee(run, &places);
        }
        self.learn(run, &places);
        self.runs += 1;
    }

    /// The figures of all strategies so far, in the order of [`Strategy::ALL`].
    #[must_use]
    pub fn figures(&self) -> Vec<Figures> {
        Strategy::ALL.into_iter().zip(&self.sums).map(|(strategy, sum)| sum.figures(strategy)).collect()
    }

    /// So many tests were seen.
    #[must_use]
    pub fn tests(&self) -> usize {
        self.known.len()
    }

    /// So many runs were replayed, those that do not count included.
    #[must_use]
    pub const fn runs(&self) -> u64 {
        self.runs.unsigned_abs()
    }

    fn place_of(&mut self, key: &Arc<TestKey>) -> usize {
        if let Some(place) = self.places.get(key) {
            return *place;
        }
        let place = self.known.len();
        self.places.insert(Arc::clone(key), place);
        self.known.push(Known::new(Arc::clone(key)));
        place
    }

    fn foresee(&mut self, run: &[Execution], places: &[usize]) {
        let executed = run.iter().zip(places).filter(|(execution, _)| execution.outcome != Outcome::Skipped);
        let mut rows: Vec<Row<'_>> = executed
            .filter_map(|(execution, place)| {
                let known = self.known.get(*place)?;
                let (failed, took) = (execution.outcome.is_failure(), execution.took.unwrap_or_default());
                Some(Row { known, failed, took, changed: execution.changed })
            })
            .collect();
        rows.sort_by(|a, b| a.known.key.cmp(&b.known.key).then(a.failed.cmp(&b.failed)));
        let longest_first = played(&Strategy::LongestFirst.order(&rows), self.slots).1;
        for (strategy, sum) in Strategy::ALL.into_iter().zip(&mut self.sums) {
            if strategy != Strategy::Random {
                sum.add(&strategy.order(&rows), self.slots, longest_first, 1.0);
                continue;
            }
            let mut order: Vec<&Row<'_>> = rows.iter().collect();
            for _ in 0..SHUFFLES {
                self.dice.shuffle(&mut order);
                for _ in 0..2 {
                    order.reverse();
                    sum.add(&order, self.slots, longest_first, 0.5 / SHUFFLES as f64);
                }
            }
        }
    }

    fn learn(&mut self, run: &[Execution], places: &[usize]) {
        // A test's own runs are told apart by their names, and so its executions within one run are.
        let mut facts: Vec<Arc<RunFacts>> = Vec::new();
        for (execution, place) in run.iter().zip(places) {
            let Some(known) = self.known.get_mut(*place) else { continue };
            let nth = known.begin(self.runs);
            while facts.len() <= nth {
                facts.push(Arc::new(run_facts(self.runs, facts.len())));
            }
            if let Some(facts) = facts.get(nth) {
                known.learn(Entry::new(Arc::clone(facts), execution.outcome, execution.took));
            }
        }
    }
}

fn run_facts(run: i64, nth: usize) -> RunFacts {
    RunFacts {
        seq: run.unsigned_abs(),
        id: RunId::from_stored(format!("{nth:010}")),
        start: Timestamp::from_second(run).unwrap_or(Timestamp::MAX),
        input_key: None,
        commit: None,
        branch: None,
        extent: None,
        instrumented: false,
    }
}

/// Sums over runs; a run of several tries weighs one in all.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    all: Earlinesses,
    first_time: Earlinesses,
    first_failure: f64,
    makespan: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Earlinesses {
    weight: f64,
    apfd: f64,
    apfdc: f64,
}

impl Sum {
    fn add(&mut self, order: &[&Row<'_>], slots: usize, longest_first: f64, weight: f64) {
        self.all.add(order, |row| row.failed, weight);
        self.first_time.add(order, |row| row.failed && !row.known.has_failed(), weight);
        let (first_failure, end) = played(order, slots);
        self.first_failure += weight * first_failure;
        self.makespan += weight * if longest_first > 0.0 { end / longest_first } else { 1.0 };
    }

    fn figures(&self, strategy: Strategy) -> Figures {
        let mean = |sum: f64| if self.all.weight > 0.0 { sum / self.all.weight } else { 0.0 };
        Figures {
            strategy,
            all: self.all.mean(),
            first_time: self.first_time.mean(),
            first_failure: mean(self.first_failure),
            makespan: mean(self.makespan),
        }
    }
}

impl Earlinesses {
    fn add(&mut self, order: &[&Row<'_>], is_fault: impl Fn(&Row<'_>) -> bool, weight: f64) {
        let Some((apfd, apfdc)) = earliness(order, is_fault) else { return };
        self.weight += weight;
        self.apfd += weight * apfd;
        self.apfdc += weight * apfdc;
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "weights sum to a count of runs")]
    fn mean(&self) -> Earliness {
        if self.weight == 0.0 {
            return Earliness::default();
        }
        let (apfd, apfdc) = (self.apfd / self.weight, self.apfdc / self.weight);
        Earliness { runs: self.weight.round() as u64, apfd, apfdc }
    }
}

/// APFD and APFDc of an order; none where it has no fault. Where nothing takes any time, all take the same.
#[expect(clippy::cast_precision_loss, reason = "counts of tests are far below 2^52")]
fn earliness(order: &[&Row<'_>], is_fault: impl Fn(&Row<'_>) -> bool) -> Option<(f64, f64)> {
    let total: f64 = order.iter().map(|row| row.took.as_secs_f64()).sum();
    let (mut faults, mut places, mut left_at_faults, mut left) = (0_u64, 0_u64, 0.0, total);
    for (place, row) in (1_u64..).zip(order) {
        let took = row.took.as_secs_f64();
        if is_fault(row) {
            faults += 1;
            places += place;
            left_at_faults += left - took / 2.0;
        }
        left -= took;
    }
    if faults == 0 {
        return None;
    }
    let (n, m) = (order.len() as f64, faults as f64);
    let apfd = 1.0 - places as f64 / (n * m) + 0.5 / n;
    Some((apfd, if total > 0.0 { left_at_faults / (total * m) } else { apfd }))
}

/// Plays an order on so many slots, the next as soon as a slot is free: when the first failure was there, and the end.
fn played(order: &[&Row<'_>], slots: usize) -> (f64, f64) {
    let mut free: BinaryHeap<Reverse<Duration>> =
        (0..slots.min(order.len()).max(1)).map(|_| Reverse(Duration::ZERO)).collect();
    let (mut first_failure, mut last) = (Duration::MAX, Duration::ZERO);
    for row in order {
        let Reverse(start) = free.pop().unwrap_or_default();
        let end = start.saturating_add(row.took);
        free.push(Reverse(end));
        last = last.max(end);
        if row.failed {
            first_failure = first_failure.min(end);
        }
    }
    (first_failure.min(last).as_secs_f64(), last.as_secs_f64())
}

/// Chance that comes out the same each time.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    /// splitmix64.
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            #[expect(clippy::cast_possible_truncation, reason = "below the length of a slice")]
            items.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prop_assert, proptest, sample::select};

    fn execution(name: &str, letter: char, seconds: u64) -> Execution {
        let outcome = match letter {
            'F' => Outcome::Failed,
            'S' => Outcome::Skipped,
            _ => Outcome::Passed,
        };
        let key = Arc::new(format!("app/app::{name}").parse().unwrap());
        Execution { key, outcome, took: Some(Duration::from_secs(seconds)), changed: false }
    }

    /// Runs as the outcomes of the tests a, b, c …, which take one second, two, three …; `.` is not in the run.
    fn replay(runs: &[&str]) -> Vec<Figures> {
        let mut backtest = Backtest::new(1);
        for run in runs {
            let tests = (1..).zip('a'..='z').zip(run.chars()).filter(|(_, letter)| *letter != '.');
            let run: Vec<Execution> =
                tests.map(|((seconds, name), letter)| execution(&name.to_string(), letter, seconds)).collect();
            backtest.replay(&run);
        }
        backtest.figures()
    }

    fn of(figures: &[Figures], strategy: Strategy) -> Figures {
        *figures.iter().find(|one| one.strategy == strategy).unwrap()
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn figures_are_what_paper_and_pencil_say() {
        // By name b is the second of four; 1 + 2 + 3 + 4 seconds, of which 1 are over when b begins.
        let figures = replay(&["PPPP", "PFPP"]);
        let by_name = of(&figures, Strategy::Alphabetical);
        assert_eq!(by_name.all.runs, 1);
        assert!(near(by_name.all.apfd, 1.0 - 2.0 / 4.0 + 1.0 / 8.0));
        assert!(near(by_name.all.apfdc, (10.0 - 1.0 - 1.0) / 10.0));
        assert!(near(by_name.first_failure, 3.0) && near(by_name.makespan, 1.0));
        let longest = of(&figures, Strategy::LongestFirst);
        assert!(near(longest.all.apfd, 1.0 - 3.0 / 4.0 + 1.0 / 8.0) && near(longest.first_failure, 9.0));
        assert!(near(of(&figures, Strategy::Random).all.apfd, 0.5));
        assert!(near(of(&figures, Strategy::Optimal).all.apfd, 1.0 - 1.0 / 4.0 + 1.0 / 8.0));
        assert_eq!(by_name.first_time, by_name.all, "b had never failed before");
    }

    #[test]
    fn a_run_counts_after_another_with_a_failure_among_two_executions() {
        for (runs, counted) in [
            (&["PF"][..], 0),
            (&["PP", "PP"], 0),
            (&["PP", "PF"], 1),
            (&["PP", "F"], 0),
            (&["PP", "FS"], 0),
            (&["", "PF"], 1),
            (&["PF", "PF", "PP", "FP"], 2),
        ] {
            assert_eq!(of(&replay(runs), Strategy::Ours).all.runs, counted, "{runs:?}");
        }
    }

    #[test]
    fn of_executions_of_one_test_those_that_passed_go_first() {
        let mut backtest = Backtest::new(2);
        backtest.replay(&[execution("a", 'P', 1), execution("b", 'P', 1)]);
        backtest.replay(&[execution("a", 'F', 1), execution("a", 'P', 1), execution("b", 'P', 1)]);
        let by_name = of(&backtest.figures(), Strategy::Alphabetical);
        assert!(near(by_name.all.apfd, 1.0 - 2.0 / 3.0 + 1.0 / 6.0));
        assert_eq!((backtest.runs(), backtest.tests()), (2, 2));
    }

    #[test]
    fn two_slots_are_filled_as_they_come_free() {
        let mut backtest = Backtest::new(2);
        let run = |letter| {
            [execution("a", 'P', 4), execution("b", 'P', 1), execution("c", letter, 4), execution("d", 'P', 5)]
        };
        backtest.replay(&run('P'));
        backtest.replay(&run('F'));
        let by_name = of(&backtest.figures(), Strategy::Alphabetical);
        // a 0–4, b 0–1, c 1–5, d 4–9; longest first d 0–5, a 0–4, c 4–8, b 5–6.
        assert!(near(by_name.first_failure, 5.0) && near(by_name.makespan, 9.0 / 8.0));
    }

    proptest! {
        /// Over all the tests that might have been the one to fail, the mean is that of chance: the order did not know.
        #[test]
        fn no_order_but_the_optimal_one_knows_what_a_run_will_bring(
            history in proptest::collection::vec(proptest::collection::vec(select(vec!['P', 'F', 'S', '.']), 6), 1..8),
        ) {
            let past: Vec<String> = history.iter().map(|run| run.iter().collect()).collect();
            let mut sums = [0.0; Strategy::ALL.len()];
            for failing in 0..6 {
                let last: String = (0..6).map(|test| if test == failing { 'F' } else { 'P' }).collect();
                let count = |runs: &[&str]| replay(runs).iter().map(|one| one.all.apfd * one.all.runs as f64).collect::<Vec<_>>();
                let before: Vec<&str> = past.iter().map(String::as_str).collect();
                let with: Vec<&str> = before.iter().copied().chain([last.as_str()]).collect();
                for (sum, (with, before)) in sums.iter_mut().zip(count(&with).into_iter().zip(count(&before))) {
                    *sum += with - before;
                }
            }
            for (strategy, sum) in Strategy::ALL.into_iter().zip(sums) {
                if strategy != Strategy::Optimal {
                    prop_assert!((sum - 3.0).abs() < 1e-6, "{:?}: {}", strategy, sum);
                }
            }
        }
    }
}
