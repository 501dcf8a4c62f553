//! When did each test start? libtest does not say, but it starts tests in the order of its list, the next when one
//! completes: with N threads, the k-th started when the (k−N)-th completion arrived.
//!
//! A completion that could not have started yet shows that the harness keeps another order: from then on nothing is
//! known, rather than something wrong.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What is known of one process's tests in time.
#[derive(Clone, Debug)]
pub struct Replay {
    waiting: VecDeque<usize>,
    in_flight: Vec<(usize, Instant)>,
    done: Vec<bool>,
    trusted: bool,
}

/// What a completion tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The test was in flight.
    Expected {
        /// For so long.
        took: Duration,
        /// The test that started in its place.
        next: Option<usize>,
    },
    /// It is not known when it started.
    Unexpected,
    /// It had completed before: one of the two is not the harness's word.
    Again,
}

impl Replay {
    /// The tests `0..count`, in the order of the harness's list, on so many threads from now on.
    #[must_use]
    pub fn begin(count: usize, threads: usize, at: Instant) -> Self {
        let first = threads.min(count);
        Self {
            waiting: (first..count).collect(),
            in_flight: (0..first).map(|test| (test, at)).collect(),
            done: vec![false; count],
            trusted: true,
        }
    }

    /// A test completed.
    pub fn complete(&mut self, test: usize, at: Instant) -> Completion {
        match self.done.get_mut(test) {
            Some(done) if !*done => *done = true,
            _ => {
                self.trusted = false;
                return Completion::Again;
            }
        }
        let started = self.in_flight.iter().position(|(flying, _)| *flying == test);
        let (true, Some(place)) = (self.trusted, started) else {
            self.trusted = false;
            return Completion::Unexpected;
        };
        let (_, start) = self.in_flight.swap_remove(place);
        let next = self.waiting.pop_front();
        self.in_flight.extend(next.map(|next| (next, at)));
        Completion::Expected { took: at.saturating_duration_since(start), next }
    }

    /// Did everything so far come in an order that libtest keeps?
    #[must_use]
    pub const fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// The tests in flight with their starts, where that is known.
    #[must_use]
    pub fn in_flight(&self) -> Option<&[(usize, Instant)]> {
        self.trusted.then_some(&self.in_flight)
    }

    /// The tests that may be in flight: those in flight, or all that have not completed where that is not known.
    #[must_use]
    pub fn may_be_in_flight(&self) -> Vec<usize> {
        match self.in_flight() {
            Some(flying) => {
                let mut tests: Vec<usize> = flying.iter().map(|(test, _)| *test).collect();
                tests.sort_unstable();
                tests
            }
            None => self.done.iter().enumerate().filter(|(_, done)| !**done).map(|(test, _)| test).collect(),
        }
    }

    /// How many threads can still have work.
    #[must_use]
    pub fn busy(&self, threads: usize) -> usize {
        match self.in_flight() {
            Some(flying) => flying.len().min(threads),
            None => threads,
        }
    }

    /// Time stood still for so long.
    pub fn shift(&mut self, pause: Duration) {
        for (_, start) in &mut self.in_flight {
            *start += pause;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_next_test_starts_when_one_completes() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let took = |ms, next| Completion::Expected { took: Duration::from_millis(ms), next };
        let mut replay = Replay::begin(4, 2, start);
        assert_eq!(replay.complete(1, at(10)), took(10, Some(2)));
        assert_eq!(replay.complete(0, at(15)), took(15, Some(3)));
        assert_eq!(replay.may_be_in_flight(), [2, 3]);
        assert_eq!(replay.complete(3, at(30)), took(15, None));
        assert_eq!(replay.busy(2), 1);
        assert_eq!(replay.complete(2, at(40)), took(30, None));
        assert!(replay.is_trusted());
    }

    #[test]
    fn a_completion_out_of_order_makes_times_unknown() {
        let start = Instant::now();
        let mut replay = Replay::begin(4, 2, start);
        assert_eq!(replay.complete(3, start), Completion::Unexpected);
        assert_eq!(replay.complete(0, start), Completion::Unexpected);
        assert_eq!(replay.in_flight(), None);
        assert_eq!(replay.may_be_in_flight(), [1, 2]);
    }

    #[test]
    fn a_second_completion_of_one_test_is_noticed() {
        let start = Instant::now();
        let mut replay = Replay::begin(2, 2, start);
        replay.complete(0, start);
        assert_eq!(replay.complete(0, start), Completion::Again);
        assert!(!replay.is_trusted());
    }

    proptest! {
        /// libtest's own loop, played with made-up durations, is followed exactly.
        #[test]
        fn libtests_loop_is_followed(durations in proptest::collection::vec(0u64..50, 1..40), threads in 1usize..6) {
            let start = Instant::now();
            let at = |ms: u64| start + Duration::from_millis(ms);
            let mut replay = Replay::begin(durations.len(), threads, start);
            let (mut flying, mut next) = (Vec::new(), 0);
            while next < durations.len().min(threads) {
                flying.push((durations[next], next));
                next += 1;
            }
            while let Some(place) = (0..flying.len()).min_by_key(|place| flying[*place]) {
                let (end, test) = flying.swap_remove(place);
                match replay.complete(test, at(end)) {
                    Completion::Expected { took, .. } => prop_assert_eq!(took, Duration::from_millis(durations[test])),
                    other => prop_assert!(false, "{other:?}"),
                }
                if next < durations.len() {
                    flying.push((end + durations[next], next));
                    next += 1;
                }
            }
        }
    }
}
