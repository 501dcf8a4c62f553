//! Fills the slots: which job starts when, and on how many threads.
//!
//! A libtest process keeps the number of threads it was started with, so a wrong number costs until its end. Where
//! durations are known, several allotments are played through and the one that ends first is taken; where they are
//! not, a binary gets all the slots it can use, as cargo would have given it, and history makes the next run better.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

/// A process to be: what matters for its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Jobs of a lower phase start first.
    pub phase: Phase,
    /// How long each of its tests should take, in the order in which the harness starts them.
    pub tests: Vec<Option<Duration>>,
    /// Jobs with the same chain run in turn, never two at once.
    pub chain: usize,
    /// The most threads it may have.
    pub most_threads: usize,
}

/// When a job is due, before its duration is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Tests that are likely to fail, by their place among those.
    Head(usize),
    /// Tests that are new or whose binary changed.
    Fresh,
    /// The others.
    Rest,
    /// Put last by hand.
    Last,
}

/// What a job is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allotment {
    /// So many threads.
    pub threads: usize,
    /// It may start on fewer when most are free (its duration is not known, so waiting may cost more).
    pub may_squeeze: bool,
}

/// The order in which jobs start, and what each is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Places of the jobs, the first to start first.
    pub order: Vec<usize>,
    /// What each job is given, by its place.
    pub allotments: Vec<Allotment>,
}

/// What a process costs beyond its tests.
const START: Duration = Duration::from_millis(3);

/// In place of the duration of a test that is new among known ones.
const UNKNOWN_TEST: Duration = Duration::from_millis(5);

/// Plans the jobs on so many slots.
#[must_use]
pub fn schedule(shapes: &[Shape], slots: usize) -> Schedule {
    let known: Vec<Option<Vec<Duration>>> = shapes.iter().map(durations).collect();
    let work: Vec<Option<Duration>> =
        known.iter().map(|tests| tests.as_ref().map(|tests| START + tests.iter().sum::<Duration>())).collect();
    let order = order(shapes, &known);
    let most = |place: usize| {
        shapes.get(place).map_or(1, |shape| shape.most_threads.min(shape.tests.len().max(1)).min(slots).max(1))
    };
    let total: Duration = work.iter().flatten().sum();
    let longest = known.iter().flatten().flatten().max().copied().unwrap_or_default();
    let even = (total / u32::try_from(slots).unwrap_or(1).max(1)).max(longest).as_secs_f64();

    let candidates = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, f64::INFINITY].map(|share| {
        let threads = |place: usize| match work.get(place).copied().flatten() {
            // Aiming at a share of the ideal end, a job gets the threads it needs to be done by then.
            Some(work) if share > 0.0 => ceil(work.as_secs_f64() / (even * share).max(1e-9)).clamp(1, most(place)),
            _ => most(place),
        };
        (0..shapes.len()).map(threads).collect::<Vec<usize>>()
    });
    let best = candidates
        .into_iter()
        .min_by_key(|threads| makespan(shapes, &known, &order, threads, slots))
        .unwrap_or_default();
    let allot = |(place, threads): (usize, usize)| Allotment {
        threads,
        may_squeeze: known.get(place).is_none_or(Option::is_none),
    };
    Schedule { order, allotments: best.into_iter().enumerate().map(allot).collect() }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of threads, clamped by the caller"
)]
fn ceil(threads: f64) -> usize {
    threads.ceil().clamp(1.0, 65_536.0) as usize
}

/// The tests' durations, where enough of them are known.
fn durations(shape: &Shape) -> Option<Vec<Duration>> {
    let known = shape.tests.iter().flatten().count();
    if known == 0 || known * 2 < shape.tests.len() {
        return None;
    }
    Some(shape.tests.iter().map(|test| test.unwrap_or(UNKNOWN_TEST)).collect())
}

/// By phase; within one, longest first where durations are known, else as they came.
fn order(shapes: &[Shape], known: &[Option<Vec<Duration>>]) -> Vec<usize> {
    let length = |place: usize| {
        let shape = shapes.get(place)?;
        let tests = known.get(place)?.as_ref()?;
        Some(run_time(tests, shape.most_threads.max(1)).max(tests.iter().sum::<Duration>() / 2))
    };
    let mut order: Vec<usize> = (0..shapes.len()).collect();
    order.sort_by(|a, b| {
        let phase = |place: usize| shapes.get(place).map(|shape| shape.phase);
        phase(*a).cmp(&phase(*b)).then_with(|| match (length(*a), length(*b)) {
            (Some(a), Some(b)) => b.cmp(&a),
            // What is not known may be long: it goes first.
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        })
    });
    order
}

/// How long tests take on so many threads, started in order.
fn run_time(tests: &[Duration], threads: usize) -> Duration {
    let mut free: BinaryHeap<Reverse<Duration>> =
        (0..threads.min(tests.len()).max(1)).map(|_| Reverse(Duration::ZERO)).collect();
    let mut end = Duration::ZERO;
    for test in tests {
        let Reverse(start) = free.pop().unwrap_or_default();
        end = end.max(start + *test);
        free.push(Reverse(start + *test));
    }
    START + end
}

/// Plays the jobs through, as the engine starts them: in order, whatever fits.
fn makespan(
    shapes: &[Shape],
    known: &[Option<Vec<Duration>>],
    order: &[usize],
    threads: &[usize],
    slots: usize,
) -> Duration {
    let mut waiting: Vec<usize> =
        order.iter().copied().filter(|place| known.get(*place).is_some_and(Option::is_some)).collect();
    let mut running: BinaryHeap<Reverse<(Duration, usize)>> = BinaryHeap::new();
    let mut chains: BTreeMap<usize, ()> = BTreeMap::new();
    let (mut now, mut free) = (Duration::ZERO, slots);
    let threads_of = |place: usize| threads.get(place).copied().unwrap_or(1);
    let chain_of = |place: usize| shapes.get(place).map_or(place, |shape| shape.chain);
    loop {
        waiting.retain(|place| {
            let (wanted, chain) = (threads_of(*place), chain_of(*place));
            if wanted > free || chains.contains_key(&chain) {
                return true;
            }
            let Some(Some(tests)) = known.get(*place) else { return false };
            free -= wanted;
            chains.insert(chain, ());
            running.push(Reverse((now + run_time(tests, wanted), *place)));
            false
        });
        let Some(Reverse((end, place))) = running.pop() else { return now };
        now = end;
        free += threads_of(place);
        chains.remove(&chain_of(place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn job(chain: usize, ms: &[u64]) -> Shape {
        let tests = ms.iter().map(|ms| Some(Duration::from_millis(*ms))).collect();
        Shape { phase: Phase::Rest, tests, chain, most_threads: usize::MAX }
    }

    fn threads(schedule: &Schedule) -> Vec<usize> {
        schedule.allotments.iter().map(|allotment| allotment.threads).collect()
    }

    #[test]
    fn equal_binaries_run_side_by_side_and_a_long_one_gets_all_slots() {
        let equal: Vec<Shape> = (0..8).map(|chain| job(chain, &[100; 20])).collect();
        assert_eq!(threads(&schedule(&equal, 4)), [1; 8]);
        let long = [job(0, &[1000; 40]), job(1, &[1; 10])];
        assert_eq!(threads(&schedule(&long, 4))[0], 4);
    }

    #[test]
    fn an_unknown_binary_gets_what_cargo_would_give_it() {
        let unknown = Shape { phase: Phase::Rest, tests: vec![None; 10], chain: 0, most_threads: usize::MAX };
        let schedule = schedule(&[unknown, job(1, &[5])], 4);
        assert_eq!(schedule.allotments[0], Allotment { threads: 4, may_squeeze: true });
        assert_eq!(schedule.order, [0, 1]);
    }

    #[test]
    fn the_order_is_by_phase_then_longest_first() {
        let mut jobs = vec![job(0, &[5]), job(1, &[50]), job(2, &[1]), job(3, &[500]), job(4, &[1])];
        jobs[2].phase = Phase::Head(1);
        jobs[4].phase = Phase::Head(0);
        jobs[0].phase = Phase::Fresh;
        assert_eq!(schedule(&jobs, 2).order, [4, 2, 0, 3, 1]);
    }

    proptest! {
        /// Never later than cargo's way, one binary after the other on all slots.
        #[test]
        fn it_never_ends_later_than_one_after_the_other(
            jobs in proptest::collection::vec(proptest::collection::vec(1u64..300, 1..12), 1..12), slots in 1usize..9,
        ) {
            let shapes: Vec<Shape> = jobs.iter().enumerate().map(|(chain, ms)| job(chain, ms)).collect();
            let known: Vec<_> = shapes.iter().map(durations).collect();
            let schedule = schedule(&shapes, slots);
            let ours = makespan(&shapes, &known, &schedule.order, &threads(&schedule), slots);
            let cargo: Duration = known.iter().flatten().map(|tests| run_time(tests, slots)).sum();
            prop_assert!(ours <= cargo, "{ours:?} > {cargo:?}");
            prop_assert!(threads(&schedule).iter().all(|threads| (1..=slots).contains(threads)));
        }
    }
}
