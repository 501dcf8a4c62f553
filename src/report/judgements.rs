//! What the history makes of each test: the states with their evidence, and what follows from them, before any format.

pub mod json;
pub mod terminal;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::retrospect::PastQuarantine;
use crate::model::{Context, Judgement, RunId, TestKey};

/// All of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgements {
    /// The moment that all is judged at.
    pub at: Timestamp,
    /// Under what the tests are meant; none where nothing is on record.
    pub context: Option<Context>,
    /// How many tests are in each state, of all that were looked at.
    pub states: Vec<(&'static str, usize)>,
    /// The tests that are worth a line, the most pressing first.
    pub tests: Vec<JudgedTest>,
    /// Tests that flake together, the largest group first.
    pub groups: Vec<Vec<Arc<TestKey>>>,
    /// Tests that became slower by more than the noise: from, to; by how much, the most first.
    pub slower: Vec<(Arc<TestKey>, Duration, Duration)>,
    /// Tests that the latest full run did not have any more.
    pub vanished: Vec<Arc<TestKey>>,
    /// The patterns of quarantines that match no test on record.
    pub unmatched: Vec<String>,
    /// What the flags make of it.
    pub judgement: Judgement,
}

impl Judgements {
    /// Of a history with nothing in it.
    #[must_use]
    pub const fn empty(at: Timestamp, judgement: Judgement) -> Self {
        Self {
            at,
            context: None,
            states: Vec::new(),
            tests: Vec::new(),
            groups: Vec::new(),
            slower: Vec::new(),
            vanished: Vec::new(),
            unmatched: Vec::new(),
            judgement,
        }
    }
}

/// A test.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedTest {
    /// Which.
    pub key: Arc<TestKey>,
    /// Its state, in one word: `flaky broken suspect recovered new steady`.
    pub state: &'static str,
    /// Why it is said to be so.
    pub reason: String,
    /// The same as numbers.
    pub evidence: Evidence,
    /// Its failures fail nothing, or did so once.
    pub quarantine: Option<PastQuarantine>,
    /// It is in quarantine for nothing.
    pub is_steady_again: bool,
}

/// What speaks for a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Failures within the window.
    pub failures: usize,
    /// Executions that passed only when tried again.
    pub retried: usize,
    /// Executions within the window.
    pub runs: usize,
    /// Changes between passing and failing along branches.
    pub flips: usize,
    /// Failing episodes along the branch that has the most of them.
    pub episodes: usize,
    /// A pass and a failure of the same input.
    pub proof: Option<Proof>,
}

/// A pass and a failure of the same input; of attempts within one run, both are that run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The latest run whose failure is contradicted.
    pub failed_run: RunId,
    /// A run that contradicts it.
    pub passed_run: RunId,
    /// What was checked out when it failed.
    pub failed_commit: Option<String>,
    /// What was checked out when it passed.
    pub passed_commit: Option<String>,
}
