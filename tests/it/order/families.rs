//! Histories of different natures, thrown by dice that come out the same each time: what an order must cope with.

use std::sync::Arc;
use std::time::Duration;

use cargo_gate::analytics::backtest::Execution;
use cargo_gate::model::{BinaryId, Kind, Outcome, TestKey};

/// A run of a history.
pub(crate) type Run = Vec<Execution>;

/// A kind of history.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    throw: fn(&mut Dice) -> World,
}

/// Every kind there is.
pub(crate) const FAMILIES: [Family; 15] = [
    Family { name: "rare regressions", throw: |dice| World { breaks: 0.2, ..World::new(dice) } },
    Family { name: "regressions in a few tests", throw: |dice| World { breaks: 0.4, hot: 6, ..World::new(dice) } },
    Family { name: "chronically flaky", throw: |dice| World { flaky: 0.1, ..World::new(dice) } },
    Family { name: "flaky among regressions", throw: |dice| World { flaky: 0.05, breaks: 0.3, ..World::new(dice) } },
    Family { name: "bursts of one module", throw: |dice| World { bursts: 0.05, ..World::new(dice) } },
    Family { name: "tests that fail together", throw: |dice| World { breaks: 0.3, together: 6, ..World::new(dice) } },
    Family { name: "growing, new tests fail", throw: |dice| World { grows: 0.7, new_fails: 0.4, ..World::new(dice) } },
    Family { name: "growing, new tests pass", throw: |dice| World { grows: 0.9, flaky: 0.1, ..World::new(dice) } },
    Family { name: "growing, regressions", throw: |dice| World { grows: 0.7, breaks: 0.3, ..World::new(dice) } },
    Family { name: "mass failures", throw: |dice| World { mass: 0.08, breaks: 0.2, ..World::new(dice) } },
    Family {
        name: "parts of the suite, reordered",
        throw: |dice| World { part: 0.4, flaky: 0.08, breaks: 0.2, ..World::new(dice) },
    },
    Family { name: "first-time failures", throw: |dice| World { firsts: 0.6, ..World::new(dice) } },
    Family {
        name: "first-time failures of long tests",
        throw: |dice| World { firsts: 0.6, long_fail: true, ..World::new(dice) },
    },
    Family { name: "broken for long", throw: |dice| World { breaks: 0.3, mends: 0.03, ..World::new(dice) } },
    Family {
        name: "years of rare failures",
        throw: |dice| World { runs: 600, tests: 60, breaks: 0.03, hot: 12, ..World::new(dice) },
    },
];

impl Family {
    /// One history of this kind.
    pub(crate) fn history(&self, seed: u64) -> Vec<Run> {
        let mut dice = Dice(seed);
        let world = (self.throw)(&mut dice);
        world.history(&mut dice)
    }
}

/// What happens in a history; chances are of a run, unless they say otherwise.
struct World {
    runs: usize,
    tests: usize,
    /// Something breaks …
    breaks: f64,
    /// … that stays broken until someone mends it, by this chance …
    mends: f64,
    /// … among the first so many tests, if not all …
    hot: usize,
    /// … so many at once.
    together: usize,
    /// This share of the tests is flaky, each to a degree of its own.
    flaky: f64,
    /// A module begins to fail at random, for some runs.
    bursts: f64,
    /// A test is added …
    grows: f64,
    /// … that fails from the start, by this chance.
    new_fails: f64,
    /// Nearly everything fails.
    mass: f64,
    /// A run takes in this share of the tests, in any order.
    part: f64,
    /// A test that never failed does, once …
    firsts: f64,
    /// … rather a long one.
    long_fail: bool,
}

impl World {
    fn new(dice: &mut Dice) -> Self {
        Self {
            runs: 40 + dice.below(80),
            tests: 20 + dice.below(80),
            breaks: 0.0,
            mends: 0.4,
            hot: usize::MAX,
            together: 1,
            flaky: 0.0,
            bursts: 0.0,
            grows: 0.0,
            new_fails: 0.0,
            mass: 0.0,
            part: 1.0,
            firsts: 0.0,
            long_fail: false,
        }
    }

    fn history(&self, dice: &mut Dice) -> Vec<Run> {
        let mut tests: Vec<Test> = (0..self.tests).map(|_| Test::new(self, dice)).collect();
        (0..self.runs).map(|_| self.run(&mut tests, dice)).collect()
    }

    fn run(&self, tests: &mut Vec<Test>, dice: &mut Dice) -> Run {
        if dice.comes(self.grows) {
            let mut test = Test::new(self, dice);
            test.broken = dice.comes(self.new_fails);
            tests.push(test);
        }
        for test in tests.iter_mut() {
            test.broken &= !dice.comes(self.mends);
            test.burst = test.burst.saturating_sub(1);
        }
        if dice.comes(self.breaks) {
            let first = dice.below(tests.len().min(self.hot));
            tests.iter_mut().skip(first).take(self.together).for_each(|test| test.broken = true);
        }
        if dice.comes(self.bursts) {
            let (first, runs) = (dice.below(tests.len()), 3 + dice.below(6));
            tests.iter_mut().skip(first).take(8).for_each(|test| test.burst = runs);
        }
        let once = if dice.comes(self.firsts) { self.first_to_fail(tests, dice) } else { None };
        let mass = dice.comes(self.mass);
        let mut run = Run::new();
        for (place, test) in tests.iter_mut().enumerate() {
            let failed = test.broken
                || (test.burst > 0 && dice.comes(0.5))
                || dice.comes(test.flaky)
                || once == Some(place)
                || (mass && dice.comes(0.9));
            test.has_failed |= failed;
            if dice.comes(self.part) {
                run.push(test.execution(failed, dice));
            }
        }
        if self.part < 1.0 {
            dice.shuffle(&mut run);
        }
        run
    }

    fn first_to_fail(&self, tests: &[Test], dice: &mut Dice) -> Option<usize> {
        let never: Vec<usize> = (0..tests.len()).filter(|place| !tests[*place].has_failed).collect();
        let thrown: Vec<usize> = (0..if self.long_fail { 3 } else { 1 })
            .filter_map(|_| never.get(dice.below(never.len().max(1))).copied())
            .collect();
        thrown.into_iter().max_by(|a, b| tests[*a].seconds.total_cmp(&tests[*b].seconds))
    }
}

struct Test {
    key: Arc<TestKey>,
    seconds: f64,
    flaky: f64,
    broken: bool,
    burst: usize,
    has_failed: bool,
}

impl Test {
    fn new(world: &World, dice: &mut Dice) -> Self {
        // Names say nothing, and most tests are short.
        let binary = BinaryId { package: "app".to_owned(), kind: Kind::Lib, binary: "app".to_owned() };
        let key = TestKey { binary, name: format!("t{:016x}", dice.next()) };
        let flaky = if dice.comes(world.flaky) { 0.02 + 0.4 * dice.unit() * dice.unit() } else { 0.0 };
        let seconds = 0.01 * (7.0 * dice.unit()).exp();
        Self { key: Arc::new(key), seconds, flaky, broken: false, burst: 0, has_failed: false }
    }

    fn execution(&self, failed: bool, dice: &mut Dice) -> Execution {
        let outcome = if failed { Outcome::Failed } else { Outcome::Passed };
        let took = Duration::from_secs_f64(self.seconds * (0.9 + 0.2 * dice.unit()));
        Execution { key: Arc::clone(&self.key), outcome, took: Some(took), changed: false }
    }
}

/// Chance that comes out the same each time: splitmix64.
pub(crate) struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Between 0 and 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn comes(&mut self, chance: f64) -> bool {
        self.unit() < chance
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
