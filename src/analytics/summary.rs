//! What is remembered of one test: a window of its latest outcomes, and counts of all older ones.
//!
//! A summary is a pure function of the *set* of the test's entries: the window holds the latest [`WINDOW`] of them in
//! order of (start, run id), and what has left it lives on in counts, which may be added to and subtracted from in any
//! order. So a run that finishes late, is merged in from elsewhere or is taken back costs no more than any other, and
//! no order of arrival can change what is known.

mod facts;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::thresholds::Thresholds;
use crate::model::{AttemptOutcome, CaseRecord, Ending, Outcome};

pub use facts::{Extent, RunFacts};

/// How many of a test's latest outcomes are remembered one by one.
pub const WINDOW: usize = 100;

/// Of how many of the latest durations the median is taken for what to expect next.
const RECENT: usize = 7;

/// What became of a test in one run, as a summary remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The run.
    pub run: Arc<RunFacts>,
    /// Whole microseconds, [`UNKNOWN`] where they are not known. (Entries are many: this keeps them at 24 bytes.)
    micros: u64,
    /// What became of it after its retries.
    pub outcome: Outcome,
    /// Did its attempts contain both a pass and a failure?
    pub both: bool,
    /// Did it abort, hang or leak?
    pub rough: bool,
}

/// In place of a duration that is not known.
const UNKNOWN: u64 = u64::MAX;

impl Entry {
    /// An entry from its parts. Durations are kept to the microsecond.
    #[must_use]
    pub fn new(run: Arc<RunFacts>, outcome: Outcome, took: Option<Duration>) -> Self {
        let micros = took.map_or(UNKNOWN, |took| u64::try_from(took.as_micros()).unwrap_or(UNKNOWN));
        Self { run, micros, outcome, both: outcome == Outcome::Flaky, rough: outcome == Outcome::Timeout }
    }

    /// The same with these marks.
    #[must_use]
    pub const fn marked(mut self, both: bool, rough: bool) -> Self {
        self.both = both;
        self.rough = rough;
        self
    }

    /// What a case says.
    #[must_use]
    pub fn of(case: &CaseRecord, run: Arc<RunFacts>) -> Self {
        let passed = case.attempts.iter().any(|attempt| attempt.outcome == AttemptOutcome::Passed);
        let failed = case.attempts.iter().any(|attempt| attempt.outcome != AttemptOutcome::Passed);
        let died = case.attempts.iter().any(|attempt| {
            attempt.outcome == AttemptOutcome::Timeout
                || (attempt.outcome == AttemptOutcome::Error && matches!(attempt.ending, Some(Ending::Signaled(_))))
        });
        let entry = Self::new(run, case.outcome, case.took);
        let (both, rough) = (entry.both || (passed && failed), entry.rough || died || case.leaked);
        entry.marked(both, rough)
    }

    /// How long it took, where that is known.
    #[must_use]
    pub const fn took(&self) -> Option<Duration> {
        match self.micros {
            UNKNOWN => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }

    /// Was the test executed?
    #[must_use]
    pub const fn is_executed(&self) -> bool {
        !matches!(self.outcome, Outcome::Skipped)
    }

    /// The duration that counts: of an execution that was not instrumented.
    pub(super) fn counted_micros(&self) -> Option<u64> {
        (self.micros != UNKNOWN && self.is_executed() && !self.run.instrumented).then_some(self.micros)
    }
}

/// Counts of entries: disjoint by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed at the first try.
    pub passes: u64,
    /// Failed, error and timeout.
    pub failures: u64,
    /// Failed, then passed.
    pub flaky: u64,
    /// Ignored.
    pub skips: u64,
    /// With a duration that counts.
    pub timed: u64,
    /// The sum of those durations.
    pub micros: u64,
}

impl Counts {
    /// Executions.
    #[must_use]
    pub const fn runs(&self) -> u64 {
        self.passes + self.failures + self.flaky
    }

    /// Nothing at all?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.runs() + self.skips == 0
    }

    fn add(&mut self, entry: &Entry) {
        *self.slot(entry.outcome) += 1;
        if let Some(micros) = entry.counted_micros() {
            self.timed += 1;
            self.micros = self.micros.saturating_add(micros);
        }
    }

    /// The opposite of [`Counts::add`]. Counts that were damaged stop at zero.
    fn subtract(&mut self, entry: &Entry) {
        let slot = self.slot(entry.outcome);
        *slot = slot.saturating_sub(1);
        if let Some(micros) = entry.counted_micros() {
            self.timed = self.timed.saturating_sub(1);
            self.micros = self.micros.saturating_sub(micros);
        }
    }

    const fn slot(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Passed => &mut self.passes,
            Outcome::Failed | Outcome::Error | Outcome::Timeout => &mut self.failures,
            Outcome::Flaky => &mut self.flaky,
            Outcome::Skipped => &mut self.skips,
        }
    }
}

/// What is remembered of one test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    older: Counts,
    window: VecDeque<Entry>,
}

/// Folds one more entry into a summary. The order of folding does not matter.
#[must_use]
pub fn fold(mut summary: Summary, entry: Entry) -> Summary {
    summary.insert(entry);
    summary
}

impl Summary {
    /// A summary from its parts, as a store keeps them: the window's entries, quickest in their order.
    #[must_use]
    pub fn from_parts(older: Counts, entries: Vec<Entry>) -> Self {
        if entries.len() <= WINDOW && entries.is_sorted_by(|a, b| a.run.order() < b.run.order()) {
            return Self { older, window: entries.into() };
        }
        entries.into_iter().fold(Self { older, window: VecDeque::new() }, fold)
    }

    /// Counts of what has left the window.
    #[must_use]
    pub const fn older(&self) -> &Counts {
        &self.older
    }

    /// The latest outcomes, oldest first.
    pub fn window(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator + Clone {
        self.window.iter()
    }

    /// Adds an entry. A run that is in the window already changes nothing.
    pub fn insert(&mut self, entry: Entry) {
        let at = match self.window.back() {
            Some(last) if last.run.order() >= entry.run.order() => self.place_of(&entry.run),
            _ => self.window.len(),
        };
        if self.window.get(at).is_some_and(|there| there.run.id == entry.run.id) {
            return;
        }
        if at == 0 && self.window.len() >= WINDOW {
            self.older.add(&entry);
            return;
        }
        self.window.insert(at, entry);
        if self.window.len() > WINDOW
            && let Some(oldest) = self.window.pop_front()
        {
            self.older.add(&oldest);
        }
    }

    /// Takes an entry back, wherever it is. The window may then be short of an entry: see [`Summary::wants_older`].
    pub fn remove(&mut self, entry: &Entry) {
        let at = self.place_of(&entry.run);
        if self.window.get(at).is_some_and(|there| there.run.id == entry.run.id) {
            self.window.remove(at);
        } else {
            self.older.subtract(entry);
        }
    }

    /// Is there room in the window for something that had left it?
    #[must_use]
    pub fn wants_older(&self) -> bool {
        self.window.len() < WINDOW && !self.older.is_empty()
    }

    /// Takes the latest of the older entries back into the window.
    pub fn take_back(&mut self, entry: Entry) {
        self.older.subtract(&entry);
        self.insert(entry);
    }

    fn place_of(&self, run: &RunFacts) -> usize {
        self.window.partition_point(|there| there.run.order() < run.order())
    }

    /// Counts of all that is on record.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = self.older;
        for entry in &self.window {
            counts.add(entry);
        }
        counts
    }

    /// Nothing on record?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.window.is_empty() && self.older.is_empty()
    }

    /// Has it both passed and failed? (`flaky` is one of each.)
    #[must_use]
    pub fn both_seen(&self) -> bool {
        let counts = self.counts();
        counts.flaky > 0 || (counts.passes > 0 && counts.failures > 0)
    }

    /// Any failure on record, retried ones included?
    #[must_use]
    pub fn has_failed(&self) -> bool {
        let counts = self.counts();
        counts.failures + counts.flaky > 0
    }

    /// The latest outcome.
    #[must_use]
    pub fn last(&self) -> Option<&Entry> {
        self.window.back()
    }

    /// Failures from the latest run backwards; anything else ends them. At most [`WINDOW`].
    #[must_use]
    pub fn streak(&self) -> usize {
        self.window.iter().rev().take_while(|entry| entry.outcome.is_failure()).count()
    }

    /// The mean duration of all executions with a duration that counts.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        let counts = self.counts();
        counts.micros.checked_div(counts.timed).map(Duration::from_micros)
    }

    /// The median duration within the window.
    #[must_use]
    pub fn median(&self) -> Option<Duration> {
        median(self.window.iter().filter_map(Entry::counted_micros).collect())
    }

    /// The median of the latest durations: what to expect of the next run.
    #[must_use]
    pub fn recent(&self) -> Option<Duration> {
        median(self.window.iter().rev().filter_map(Entry::counted_micros).take(RECENT).collect())
    }

    /// How likely the next execution fails, between 0 and 1: the share of failures among those in the window, where each
    /// weighs one over the square of its age (the latest 1, then ¼, ⅑ …), after a first one of which only the chance
    /// is known. A retried failure weighs half.
    ///
    /// The square, since then the latest outweighs all before it together: recency beats frequency, and among tests
    /// that fell silent at the same time it is frequency that counts.
    #[must_use]
    pub fn evidence(&self, first: f64) -> f64 {
        let (mut failures, mut all, mut age) = (first, 1.0, 1.0);
        for entry in self.window.iter().rev().filter(|entry| entry.is_executed()) {
            let weight = 1.0 / (age * age);
            failures += match entry.outcome {
                Outcome::Flaky => 0.5 * weight,
                outcome if outcome.is_failure() => weight,
                _ => 0.0,
            };
            all += weight;
            age += 1.0;
        }
        failures / all
    }

    /// The very first entry, where nothing has left the window.
    #[must_use]
    pub fn first(&self) -> Option<&Entry> {
        self.window.front().filter(|_| self.older.is_empty())
    }

    /// Executions of runs that say something about each of their tests, oldest first.
    pub fn telling(&self, thresholds: &Thresholds) -> impl DoubleEndedIterator<Item = &Entry> + Clone {
        let mass = thresholds.mass_failure;
        self.window.iter().filter(move |entry| entry.is_executed() && entry.run.is_judged(&mass))
    }
}

/// The middle one; of an even number the mean of the two in the middle.
fn median(mut micros: Vec<u64>) -> Option<Duration> {
    micros.sort_unstable();
    let half = micros.len() / 2;
    let upper = *micros.get(half)?;
    let lower = if micros.len().is_multiple_of(2) { *micros.get(half.checked_sub(1)?)? } else { upper };
    Some(Duration::from_micros(lower.midpoint(upper)))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::{Attempt, ContentHash, RunId, TestKey};
    use jiff::Timestamp;
    use proptest::prelude::*;

    /// A run that started at this second on branch `main`, of this input.
    pub(crate) fn run(second: i64, input: u8) -> RunFacts {
        RunFacts {
            seq: second.unsigned_abs(),
            id: RunId::from_stored(format!("run-{second:010}")),
            start: Timestamp::from_second(second).unwrap(),
            input_key: Some(ContentHash([input; 16])),
            commit: Some(format!("commit-{input}")),
            branch: Some("main".to_owned()),
            extent: Some(Extent { executed: 1, failures: 0 }),
            instrumented: false,
        }
    }

    fn entry(second: i64, outcome: Outcome, millis: u64) -> Entry {
        Entry::new(Arc::new(run(second, 1)), outcome, Some(Duration::from_millis(millis)))
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop::sample::select(Outcome::ALL.to_vec())
    }

    fn entries(most: usize) -> impl Strategy<Value = Vec<Entry>> {
        let one = (0_i64..60, outcome(), prop::option::of(0_u64..100), any::<bool>());
        prop::collection::vec(one, 0..most).prop_map(|all| {
            (0_u64..)
                .zip(all)
                .map(|(seq, (second, outcome, millis, instrumented))| {
                    // Many runs share their start: then their names decide.
                    let id = RunId::from_stored(format!("{:08x}", seq.wrapping_mul(0x9e37_79b1) as u32));
                    let facts = RunFacts { seq, id, instrumented, ..run(second, 1) };
                    Entry::new(Arc::new(facts), outcome, millis.map(Duration::from_millis))
                })
                .collect()
        })
    }

    fn shuffled(most: usize) -> impl Strategy<Value = (Vec<Entry>, Vec<Entry>)> {
        entries(most).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    }

    proptest! {
        #[test]
        fn any_order_of_arrival_gives_the_same_summary((all, shuffled) in shuffled(250)) {
            let one = all.iter().cloned().fold(Summary::default(), fold);
            let other = shuffled.into_iter().fold(Summary::default(), fold);
            prop_assert_eq!(&one, &other);
            // The window is the latest of all, in order, and the rest is counted.
            let mut sorted = all;
            sorted.sort_by(|a, b| a.run.order().cmp(&b.run.order()));
            let older = sorted.len().saturating_sub(WINDOW);
            let counts = sorted.iter().take(older).fold(Counts::default(), |mut counts, entry| {
                counts.add(entry);
                counts
            });
            prop_assert_eq!(one, Summary::from_parts(counts, sorted.split_off(older)));
        }

        #[test]
        fn an_entry_that_is_taken_back_was_never_there((all, shuffled) in shuffled(180), which in any::<prop::sample::Index>()) {
            prop_assume!(!all.is_empty());
            let undone = all[which.index(all.len())].clone();
            let mut summary = shuffled.into_iter().fold(Summary::default(), fold);
            summary.remove(&undone);
            let mut left: Vec<Entry> = all.into_iter().filter(|entry| entry != &undone).collect();
            left.sort_by(|a, b| a.run.order().cmp(&b.run.order()));
            if summary.wants_older() {
                summary.take_back(left[left.len() - WINDOW].clone());
            }
            prop_assert_eq!(summary, left.into_iter().fold(Summary::default(), fold));
        }

        #[test]
        fn evidence_lies_between_nothing_and_certainty(all in entries(150)) {
            let summary = all.into_iter().fold(Summary::default(), fold);
            prop_assert!((0.0..1.0).contains(&summary.evidence(0.5)));
        }
    }

    #[test]
    fn a_run_that_comes_twice_counts_once() {
        let once = fold(Summary::default(), entry(1, Outcome::Passed, 1));
        assert_eq!(fold(once.clone(), entry(1, Outcome::Passed, 1)), once);
    }

    #[test]
    fn r20_flaky_is_one_of_each_for_both_seen_and_a_pass_for_the_streak() {
        let of = |outcomes: &[Outcome]| {
            (1..).zip(outcomes).map(|(at, outcome)| entry(at, *outcome, 5)).fold(Summary::default(), fold)
        };
        use Outcome::{Error, Failed, Flaky, Passed, Skipped, Timeout};
        assert!(of(&[Flaky]).both_seen() && of(&[Passed, Failed]).both_seen());
        assert!(!of(&[Passed, Skipped]).both_seen() && !of(&[Failed, Error]).both_seen());
        for (outcomes, streak) in [
            (&[Passed, Failed, Error, Timeout][..], 3),
            (&[Failed, Failed, Flaky], 0),
            (&[Failed, Skipped], 0),
            (&[Failed, Skipped, Failed], 1),
            (&[], 0),
        ] {
            assert_eq!(of(outcomes).streak(), streak, "{outcomes:?}");
        }
    }

    #[test]
    fn r20_skips_and_instrumented_runs_count_in_no_duration() {
        let mut summary = Summary::default();
        for (at, millis) in [(1, 10), (2, 20), (3, 60)] {
            summary.insert(entry(at, Outcome::Passed, millis));
        }
        summary.insert(entry(4, Outcome::Skipped, 1000));
        let facts = RunFacts { instrumented: true, ..run(5, 1) };
        summary.insert(Entry::new(Arc::new(facts), Outcome::Passed, Some(Duration::from_secs(9))));
        summary.insert(Entry::new(Arc::new(run(6, 1)), Outcome::Passed, None));
        assert_eq!(summary.mean(), Some(Duration::from_millis(30)));
        assert_eq!(summary.median(), Some(Duration::from_millis(20)));
        assert_eq!(summary.counts().runs(), 5);
    }

    #[test]
    fn later_failures_are_stronger_evidence() {
        let failing_at = |failing: &[i64]| {
            (0..20)
                .map(|at| {
                    let outcome = if failing.contains(&at) { Outcome::Failed } else { Outcome::Passed };
                    entry(at, outcome, 1)
                })
                .fold(Summary::default(), fold)
                .evidence(0.5)
        };
        let in_order = [failing_at(&[]), failing_at(&[0]), failing_at(&[10]), failing_at(&[19]), failing_at(&[18, 19])];
        assert!(in_order.is_sorted_by(|a, b| a < b), "{in_order:?}");
    }

    #[test]
    fn attempts_tell_whether_a_test_was_both_and_whether_it_was_rough() {
        let attempt = |outcome, ending| Attempt { outcome, took: None, ending, why: None, text: None };
        let of = |outcome, attempts: Vec<Attempt>, leaked| {
            let key: TestKey = "app/app::a".parse().unwrap();
            let key = Arc::new(key);
            let case = CaseRecord { key, outcome, took: None, attempts, line: None, leaked, binary_hash: None };
            let entry = Entry::of(&case, Arc::new(run(1, 1)));
            (entry.both, entry.rough)
        };
        use AttemptOutcome::{Error, Failed, Passed, Timeout};
        assert_eq!(of(Outcome::Passed, vec![attempt(Passed, None)], false), (false, false));
        assert_eq!(of(Outcome::Failed, vec![attempt(Passed, None), attempt(Failed, None)], false), (true, false));
        assert_eq!(of(Outcome::Flaky, vec![], false), (true, false));
        assert_eq!(of(Outcome::Passed, vec![attempt(Passed, None)], true), (false, true));
        assert_eq!(of(Outcome::Error, vec![attempt(Error, Some(Ending::Signaled(6)))], false), (false, true));
        assert_eq!(of(Outcome::Error, vec![attempt(Error, Some(Ending::NotStarted))], false), (false, false));
        assert_eq!(of(Outcome::Flaky, vec![attempt(Timeout, None), attempt(Passed, None)], false), (true, true));
    }
}
