//! Did some full run pass lately, and of this commit? If not: what comes nearest, and what it lacks.

use std::ops::ControlFlow;

use jiff::Timestamp;

use super::store::{Result, RunFilter, Store, StoredRun};
use crate::model::{RunState, Verdict};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Of this suite.
    pub suite: String,
    /// Started at this time or later; none: ever.
    pub since: Option<Timestamp>,
    /// Of this commit: a full name or the beginning of one.
    pub commit: Option<String>,
    /// The moment it is asked at. What started after it tells nothing: some clock was wrong.
    pub now: Timestamp,
}

/// What a run lacks. The later, the nearer it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lack {
    /// It did not take in every test.
    Full,
    /// It was of another commit, or nobody knows of which.
    Commit,
    /// It had changes that are in no commit.
    Clean,
    /// It started after now.
    Past,
    /// It started too long ago.
    Recent,
    /// It did not pass.
    Passed,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// This run did, the latest of those.
    Passed(StoredRun),
    /// None did. Of those that come nearest the latest, with what it lacks; none where all that ran is pruned.
    None(Option<(StoredRun, Lack)>),
    /// The suite never ran.
    Never,
}

impl Question {
    /// What a run of the suite lacks to be the answer, first things first.
    #[must_use]
    pub fn lack(&self, run: &StoredRun) -> Option<Lack> {
        let commit = run.head.commit.as_deref();
        let is_of = |wanted: &String| !wanted.is_empty() && commit.is_some_and(|commit| commit.starts_with(wanted));
        let lacks = [
            (Lack::Full, !run.head.full),
            (Lack::Commit, self.commit.as_ref().is_some_and(|wanted| !is_of(wanted))),
            (Lack::Clean, self.commit.is_some() && run.head.dirty == Some(true)),
            (Lack::Past, run.head.start > self.now),
            (Lack::Recent, self.since.is_some_and(|since| run.head.start < since)),
            (Lack::Passed, run.state != RunState::Executed || run.verdict() != Some(Verdict::Pass)),
        ];
        lacks.into_iter().find_map(|(lack, is_lacking)| is_lacking.then_some(lack))
    }

    /// Asks a store.
    pub fn ask(&self, store: &dyn Store) -> Result<Answer> {
        let mut nearest: Option<(StoredRun, Lack)> = None;
        let mut passed = None;
        let filter = RunFilter { suite: Some(self.suite.clone()), ..RunFilter::default() };
        store.visit(&filter, &mut |run| {
            match self.lack(&run) {
                None => {
                    passed = Some(run);
                    return ControlFlow::Break(());
                }
                Some(lack) if nearest.as_ref().is_none_or(|(_, nearer)| *nearer < lack) => nearest = Some((run, lack)),
                Some(_) => {}
            }
            ControlFlow::Continue(())
        })?;
        if let Some(run) = passed {
            return Ok(Answer::Passed(run));
        }
        let ever_ran = nearest.is_some() || store.suites()?.contains(&self.suite);
        Ok(if ever_ran { Answer::None(nearest) } else { Answer::Never })
    }
}
