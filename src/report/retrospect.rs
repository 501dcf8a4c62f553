//! What the history says of a workspace at one moment: what every report of it shows, before any format.
//!
//! Whoever reads the history fills it in; a report only chooses words and places. Texts are as they are on record:
//! each format makes them inert in its own way.

pub(super) mod glance;
pub mod json;
pub mod markdown;
pub mod terminal;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::model::{CaseRecord, Context, Metric, Outcome, Reason, RunId, RunState, TestKey, Totals, Verdict};

/// All of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrospect {
    /// The workspace's name: its root's.
    pub workspace: String,
    /// The moment that all is judged at.
    pub at: Timestamp,
    /// Under what the tests are meant.
    pub context: Context,
    /// The latest runs, oldest first.
    pub runs: Vec<PastRun>,
    /// The failing cases of the latest executed run, in order of their keys.
    pub failing: Vec<CaseRecord>,
    /// Every test that is there, in order of the keys.
    pub tests: Vec<PastTest>,
    /// Tests that flake together: indices of `tests`, the largest group first.
    pub groups: Vec<Vec<usize>>,
    /// Tests that the latest full run did not have any more.
    pub vanished: Vec<Arc<TestKey>>,
    /// The order of the next run: indices of `tests`, each with why it stands there.
    pub order: Vec<(usize, String)>,
    /// What is counted for coverage.
    pub metric: Metric,
    /// What coverage was, oldest first; empty where it is not known.
    pub coverage: Vec<CoveragePoint>,
    /// The files that were measured last; empty where that is not known.
    pub files: Vec<CoveredFile>,
}

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct PastRun {
    /// Its name.
    pub id: RunId,
    /// When it started.
    pub start: Timestamp,
    /// How far it came.
    pub state: RunState,
    /// The verdict, where it came to one.
    pub verdict: Option<Verdict>,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Counts by outcome.
    pub totals: Totals,
    /// How long it took.
    pub duration: Option<Duration>,
    /// What was checked out.
    pub commit: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// Where CI shows it.
    pub link: Option<String>,
}

/// A test.
#[derive(Clone, Debug, PartialEq)]
pub struct PastTest {
    /// Which.
    pub key: Arc<TestKey>,
    /// Its state, in one word: `flaky broken suspect recovered new steady`.
    pub state: &'static str,
    /// Why it is said to be so.
    pub evidence: String,
    /// Its failures fail nothing.
    pub quarantine: Option<PastQuarantine>,
    /// Executions on record.
    pub executions: u64,
    /// How many of them failed, retried failures included.
    pub failures: u64,
    /// From the latest run backwards.
    pub streak: usize,
    /// The latest outcomes, oldest first.
    pub cells: Vec<Cell>,
    /// The mean of all durations that count.
    pub mean: Option<Duration>,
    /// The median of the latest durations.
    pub recent: Option<Duration>,
    /// It became slower by more than the noise: from, to.
    pub slower: Option<(Duration, Duration)>,
}

/// What became of a test in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Index of the run in [`Retrospect::runs`].
    pub run: usize,
    /// What became of it.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Option<Duration>,
}

/// Why a test is in quarantine, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastQuarantine {
    /// Why.
    pub reason: String,
    /// The last day of it (UTC), where it has an end.
    pub until: Option<Date>,
    /// Is it over?
    pub is_expired: bool,
}

/// What coverage was at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoveragePoint {
    /// When.
    pub at: Timestamp,
    /// What is covered.
    pub covered: u64,
    /// Of how much.
    pub total: u64,
    /// What was checked out.
    pub commit: Option<String>,
}

/// What is covered of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoveredFile {
    /// Its path, relative to the workspace root.
    pub path: String,
    /// What is covered.
    pub covered: u64,
    /// Of how much.
    pub total: u64,
    /// Lines that can run and did not, in order.
    pub uncovered: Vec<RangeInclusive<u32>>,
    /// Its lines as they were measured, where they are still known.
    pub source: Option<Vec<String>>,
}
