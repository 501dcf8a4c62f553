//! What is remembered of one test: a window of its latest outcomes, and counts of all older ones.
//!
//! A summary is a pure function of the *set* of the test's entries: the window holds the latest [`WINDOW`] of them in
//! order of (start, run id), and what has left it lives on in counts, which may be added to and subtracted from in any
//! order. So a run that finishes late, is merged in from elsewhere or is taken back costs no more than any other, and
//! no order of arrival can change what is known.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{AttemptOutcome, CaseRecord, ContentHash, Ending, Outcome, RunId, RunRecord, RunState};

/// How many of a test's latest outcomes are remembered one by one.
pub const WINDOW: usize = 100;

/// By how much a failure's evidence fades with each later execution of the test.
const DECAY: f64 = 0.75;

/// Of how many of the latest durations the median is taken for what to expect next.
const RECENT: usize = 7;

/// A run of which so many tests were executed …
const MASS_FAILURE_TESTS: u64 = 20;

/// … and so many in a hundred of them failed says nothing about each of them.
const MASS_FAILURE_PERCENT: u64 = 80;

/// What a summary knows of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFacts {
    /// The store's own number of the run.
    pub seq: u64,
    /// The run's name.
    pub id: RunId,
    /// When it started.
    pub start: Timestamp,
    /// What was tested.
    pub input_key: Option<ContentHash>,
    /// The commit that was checked out.
    pub commit: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// Do its outcomes count for the states of tests?
    pub judged: bool,
    /// Was it instrumented? Then its durations do not count.
    pub instrumented: bool,
}

impl RunFacts {
    /// The facts of a run that is over.
    #[must_use]
    pub fn of(record: &RunRecord, seq: u64) -> Self {
        let head = &record.head;
        Self {
            seq,
            id: head.id.clone(),
            start: head.start,
            input_key: head.input_key,
            commit: head.commit.clone(),
            branch: head.branch.clone(),
            judged: counts_for_states(record),
            instrumented: head.instrumented,
        }
    }

    /// Runs are ordered by when they started, and those of one moment by name.
    fn order(&self) -> (Timestamp, &RunId) {
        (self.start, &self.id)
    }
}

/// Does a run say something about each of its tests? Not where the suite was not executed, and not where nearly all
/// of it failed: then something else is broken.
fn counts_for_states(record: &RunRecord) -> bool {
    let executed = record.totals.executed();
    let mass = executed >= MASS_FAILURE_TESTS && record.totals.failures() * 100 >= executed * MASS_FAILURE_PERCENT;
    matches!(record.state, RunState::Executed | RunState::Interrupted) && !mass
}

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
    fn counted_micros(&self) -> Option<u64> {
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
    /// A summary from its parts, as a store keeps them: the window's entries in any order.
    #[must_use]
    pub fn from_parts(older: Counts, entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut summary = Self { older, window: VecDeque::new() };
        for entry in entries {
            summary.insert(entry);
        }
        summary
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

    /// How much speaks for a failure of the next run, between 0 and 1: the share of failures among its executions,
    /// each weighing [`DECAY`] of the one after it. A retried failure weighs half.
    #[must_use]
    pub fn evidence(&self) -> f64 {
        // A run that passed before the first one, so that one failure on record is less than certainty.
        let (mut failures, mut all, mut weight) = (0.0, 0.0, 1.0);
        for entry in self.window.iter().rev().filter(|entry| entry.is_executed()) {
            failures += weight
                * match entry.outcome {
                    Outcome::Flaky => 0.5,
                    outcome if outcome.is_failure() => 1.0,
                    _ => 0.0,
                };
            all += weight;
            weight *= DECAY;
        }
        failures / (all + weight)
    }

    /// Executed tests of runs that count for the states, oldest first.
    pub fn judged(&self) -> impl DoubleEndedIterator<Item = &Entry> + Clone {
        self.window.iter().filter(|entry| entry.run.judged && entry.is_executed())
    }
}

/// The middle one; of an even number the mean of the two in the middle.
fn median(mut micros: Vec<u64>) -> Option<Duration> {
    micros.sort_unstable();
    let half = micros.len() / 2;
    let upper = *micros.get(half)?;
    let lower = if micros.len() % 2 == 0 { *micros.get(half.checked_sub(1)?)? } else { upper };
    Some(Duration::from_micros(lower.midpoint(upper)))
}
