//! Is a test still there? Only runs that took in every test of the workspace can say so.

use jiff::Timestamp;

use super::summary::Summary;
use crate::model::{Kind, RunId, TestKey};

/// The place of a run among all: by when it started, and of one moment by name.
pub type RunOrder = (Timestamp, RunId);

/// The latest two full runs: without filter, package or shard, executed to their end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FullRuns {
    /// The latest.
    pub last: Option<RunOrder>,
    /// The one before it.
    pub before: Option<RunOrder>,
}

/// Where a test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// In the workspace, as far as is known.
    Current,
    /// It was there in the full run before the latest, or since, and is not in the latest.
    Vanished,
    /// It was gone before.
    Gone,
}

impl FullRuns {
    /// Where a test is, by what is remembered of it.
    #[must_use]
    pub fn presence_of(&self, key: &TestKey, summary: &Summary) -> Presence {
        if key.binary.kind == Kind::Suite {
            // Another suite's test: the workspace's runs never take it in.
            return Presence::Current;
        }
        let seen = summary.last().map(|entry| (entry.run.start, &entry.run.id));
        let seen_in_or_since = |run: &RunOrder| seen.is_some_and(|seen| seen >= (run.0, &run.1));
        match (&self.last, &self.before) {
            (Some(last), _) if seen_in_or_since(last) => Presence::Current,
            (Some(_), Some(before)) if seen_in_or_since(before) => Presence::Vanished,
            (Some(_), _) => Presence::Gone,
            (None, _) => Presence::Current,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::summary::{Entry, fold, tests::run};
    use crate::model::Outcome;
    use std::sync::Arc;

    #[test]
    fn only_a_full_run_tells_that_a_test_is_gone() {
        let order = |second| {
            let run = run(second, 0);
            (run.start, run.id)
        };
        let key = |text: &str| text.parse::<TestKey>().unwrap();
        let seen_at = |second| fold(Summary::default(), Entry::new(Arc::new(run(second, 0)), Outcome::Passed, None));
        let two = FullRuns { last: Some(order(20)), before: Some(order(10)) };
        let one = FullRuns { last: Some(order(20)), before: None };
        for (full, seen, expected) in [
            (&two, 25, Presence::Current),
            (&two, 20, Presence::Current),
            (&two, 19, Presence::Vanished),
            (&two, 10, Presence::Vanished),
            (&two, 9, Presence::Gone),
            (&one, 19, Presence::Gone),
            (&FullRuns::default(), 1, Presence::Current),
        ] {
            assert_eq!(full.presence_of(&key("app/lib:app::a"), &seen_at(seen)), expected, "seen at {seen}");
        }
        assert_eq!(two.presence_of(&key("scripts/suite:pytest::a"), &seen_at(1)), Presence::Current);
    }
}
