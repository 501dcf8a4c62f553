//! All that is known of one test: what `cargo gate explain` shows, before any format.
//!
//! Whoever reads the history fills it in. Texts are as they are on record: each format makes them inert in its own way.

pub mod json;
pub mod terminal;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::retrospect::PastQuarantine;
use crate::model::{CaseRecord, Context, Outcome, RunId, TestKey};

/// All of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Which test.
    pub key: Arc<TestKey>,
    /// The moment that all is judged at.
    pub at: Timestamp,
    /// Under what the key is meant.
    pub context: Context,
    /// Is it there, as far as is known?
    pub is_there: bool,
    /// Its state, in one word: `flaky broken suspect recovered new steady`.
    pub state: &'static str,
    /// Why it is said to be so.
    pub evidence: String,
    /// Its failures fail nothing.
    pub quarantine: Option<PastQuarantine>,
    /// Its latest executions and skips, oldest first.
    pub timeline: Vec<Moment>,
    /// What its durations are; none where none is known.
    pub times: Option<Times>,
    /// Counts of all that is on record.
    pub all: Tally,
    /// Counts of the timeline.
    pub window: Tally,
    /// Failures from the latest run backwards.
    pub streak: usize,
    /// The latest failure of the timeline, retried ones included.
    pub last_failure: Option<LastFailure>,
    /// Its latest pass of the timeline.
    pub last_pass: Option<Moment>,
    /// Tests that flake together with it.
    pub mates: Vec<Arc<TestKey>>,
    /// Its place in the order of the next run; none where it would not run.
    pub place: Option<Place>,
    /// Why it runs in a process of its own.
    pub isolation: Option<String>,
}

/// What became of it in one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The run.
    pub run: RunId,
    /// When it started.
    pub start: Timestamp,
    /// What became of the test.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Option<Duration>,
    /// What was checked out.
    pub commit: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// Is what was tested known to be the same as in the moment before?
    pub is_same_code: bool,
}

/// Its durations, of executions that count for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The shortest of the timeline.
    pub least: Duration,
    /// The median of the timeline.
    pub median: Duration,
    /// The longest of the timeline.
    pub most: Duration,
    /// The median of the latest few.
    pub recent: Duration,
    /// The mean of all on record.
    pub mean: Duration,
    /// It became slower by more than the noise: from, to.
    pub slower: Option<(Duration, Duration)>,
}

/// Counts by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Passed at the first try.
    pub passed: u64,
    /// Failed, error and timeout.
    pub failed: u64,
    /// Failed, then passed.
    pub flaky: u64,
    /// Ignored.
    pub skipped: u64,
}

impl Tally {
    /// Executions.
    #[must_use]
    pub const fn executed(&self) -> u64 {
        self.passed + self.failed + self.flaky
    }

    /// Executions and skips.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.executed() + self.skipped
    }
}

/// A failure with what is on record of it.
#[derive(Clone, Debug, PartialEq)]
pub struct LastFailure {
    /// In which run.
    pub moment: Moment,
    /// Its attempts and their texts; none where the run is no longer on record.
    pub case: Option<CaseRecord>,
}

/// A place in the order of the next run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1 on.
    pub rank: usize,
    /// Of how many tests.
    pub of: usize,
    /// Why it stands there.
    pub why: String,
}
