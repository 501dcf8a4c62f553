//! What a summary knows of a run.

use jiff::Timestamp;

use crate::analytics::thresholds::MassFailure;
use crate::model::{ContentHash, RunId, RunRecord, RunState, Totals};

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
    /// How much was executed; none where the suite as a whole was not.
    pub extent: Option<Extent>,
    /// Was it instrumented? Then its durations do not count.
    pub instrumented: bool,
}

/// How many tests a run executed, and how many of them failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Executed tests.
    pub executed: u64,
    /// Failed, error and timeout.
    pub failures: u64,
}

impl Extent {
    /// The extent of a run that came so far.
    #[must_use]
    pub const fn of(state: RunState, totals: &Totals) -> Option<Self> {
        match state {
            RunState::Executed | RunState::Interrupted => {
                Some(Self { executed: totals.executed(), failures: totals.failures() })
            }
            RunState::Running | RunState::BuildFailed | RunState::ToolError | RunState::Deferred => None,
        }
    }
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
            extent: Extent::of(record.state, &record.totals),
            instrumented: head.instrumented,
        }
    }

    /// Does it say something about each of its tests? Not where the suite was not executed, and not where nearly all
    /// of it failed: then something else is broken.
    #[must_use]
    pub fn is_judged(&self, mass: &MassFailure) -> bool {
        self.extent.is_some_and(|extent| !mass.is_one(extent.executed, extent.failures))
    }

    /// Runs are ordered by when they started, and those of one moment by name.
    pub(super) fn order(&self) -> (Timestamp, &RunId) {
        (self.start, &self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_which_nearly_all_failed_and_one_that_did_not_execute_say_nothing_about_their_tests() {
        let judged = |state, failed, passed| {
            let totals = Totals { tests: failed + passed + 3, passed, failed, skipped: 3, ..Totals::default() };
            let extent = Extent::of(state, &totals);
            let facts = RunFacts { extent, ..crate::analytics::summary::tests::run(1, 1) };
            facts.is_judged(&MassFailure::default())
        };
        assert!(judged(RunState::Executed, 15, 4), "of 19");
        assert!(!judged(RunState::Executed, 16, 4), "80 % of 20");
        assert!(judged(RunState::Executed, 15, 5), "75 % of 20");
        assert!(judged(RunState::Interrupted, 0, 5));
        for state in [RunState::ToolError, RunState::Deferred, RunState::BuildFailed, RunState::Running] {
            assert!(!judged(state, 0, 5), "{state}");
        }
    }
}
