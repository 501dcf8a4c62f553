//! Which of the runs on record are meant.

use jiff::Timestamp;

use crate::model::{Context, RunState, Verdict, WORKSPACE_SUITE};

/// Which runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Of this context.
    pub context: Option<Context>,
    /// Of this suite.
    pub suite: Option<String>,
    /// In this state, as they read (see [`StoredRun::state`](super::store::StoredRun::state)).
    pub state: Option<RunState>,
    /// Set off by this.
    pub trigger: Option<String>,
    /// On this branch.
    pub branch: Option<String>,
    /// Of this commit: a full name or the beginning of one.
    pub commit: Option<String>,
    /// Started at this time or later.
    pub since: Option<Timestamp>,
    /// With this verdict.
    pub verdict: Option<Verdict>,
    /// Only runs with a verdict that is a failure.
    pub failed: bool,
    /// Only runs that took in every test of the workspace.
    pub full: bool,
    /// Only runs of which it is known what they reached.
    pub measured: bool,
    /// Only runs of tests: no pipelines as a whole, which have none of their own.
    pub of_tests: bool,
}

impl RunFilter {
    /// The executed runs of the workspace's own tests in a context.
    #[must_use]
    pub fn executed(context: &Context) -> Self {
        Self {
            context: Some(context.clone()),
            suite: Some(WORKSPACE_SUITE.to_owned()),
            state: Some(RunState::Executed),
            ..Self::default()
        }
    }
}

/// A page of a list, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many to leave out.
    pub skip: u64,
    /// How many to give.
    pub limit: u64,
}

impl Page {
    /// The first so many.
    #[must_use]
    pub const fn first(limit: u64) -> Self {
        Self { skip: 0, limit }
    }

    /// All of them.
    pub const ALL: Self = Self::first(u64::MAX);
}
