//! The words of a pipeline: what sort of step there is, and what became of one.

use std::time::Duration;

use camino::Utf8PathBuf;

use super::policy::words;
use super::{Ending, RunId, Severity};

words! {
    /// Where a pipeline's steps run.
    pub enum Isolate {
        /// Where the user is.
        #[default]
        None = "none",
        /// In a git worktree of the commit.
        Worktree = "worktree",
    }
}

words! {
    /// What sort of step it is.
    pub enum StepKind {
        /// Prepares.
        #[default]
        Setup = "setup",
        /// Looks at the form of the code.
        Format = "format",
        /// Looks at the code.
        Lint = "lint",
        /// Checks its types.
        Typecheck = "typecheck",
        /// Runs its tests.
        Test = "test",
        /// Anything else.
        Custom = "custom",
        /// Measures coverage.
        Coverage = "coverage",
        /// Tests the whole from outside.
        E2e = "e2e",
        /// Looks whether what runs answers.
        Smoke = "smoke",
    }
}

impl StepKind {
    /// Steps of a later group start only where those of the earlier ones passed.
    #[must_use]
    pub const fn group(self) -> u8 {
        match self {
            Self::Setup => 0,
            Self::Format | Self::Lint | Self::Typecheck | Self::Test | Self::Custom => 1,
            Self::Coverage => 2,
            Self::E2e => 3,
            Self::Smoke => 4,
        }
    }

    /// Does it look at the code without running it? Such steps depend on the files that configure them, and need not
    /// run again where nothing changed.
    #[must_use]
    pub const fn is_lint_like(self) -> bool {
        matches!(self, Self::Format | Self::Lint | Self::Typecheck)
    }

    /// Is a step of this kind the gate's own, where it names no command?
    #[must_use]
    pub const fn has_engine(self) -> bool {
        matches!(self, Self::Test | Self::Coverage)
    }
}

words! {
    /// What runs a suite that is not Rust.
    pub enum Runner {
        /// Any executable: its exit code is the result, unless it writes one.
        #[default]
        Script = "script",
        /// Python's pytest.
        Pytest = "pytest",
        /// Python's own unittest.
        Unittest = "unittest",
        /// `node --test`.
        Node = "node",
    }
}

words! {
    /// What a suite writes.
    pub enum ResultFormat {
        /// JUnit XML.
        #[default]
        Junit = "junit",
        /// The Test Anything Protocol.
        Tap = "tap",
        /// libtest's JSON.
        LibtestJson = "libtest-json",
        /// `Total Tests: N`, `Passed: N`, `Failed: N`.
        Simple = "simple",
    }
}

words! {
    /// What became of a step.
    pub enum StepState {
        /// It ran and succeeded.
        Passed = "passed",
        /// It ran, failed, and fails the pipeline.
        Failed = "failed",
        /// It ran and failed, which is only warned of.
        Warned = "warned",
        /// It ran and failed, which does not matter.
        Ignored = "ignored",
        /// Nothing that it depends on changed since it passed.
        Cached = "cached",
        /// It was left out on purpose: by a flag, or because no change concerns it.
        Skipped = "skipped",
        /// It was to run, and the pipeline ended before it did.
        #[default]
        NotRun = "not-run",
        /// It could not be executed, for no fault of the code.
        ToolError = "tool-error",
    }
}

impl StepState {
    /// Was it executed, or is known from an execution before?
    #[must_use]
    pub const fn is_executed(self) -> bool {
        matches!(self, Self::Passed | Self::Failed | Self::Warned | Self::Ignored | Self::Cached | Self::ToolError)
    }

    /// May what comes after it go on?
    #[must_use]
    pub const fn lets_go_on(self) -> bool {
        matches!(self, Self::Passed | Self::Warned | Self::Ignored | Self::Cached | Self::Skipped)
    }

    /// The state of a step that ran and failed.
    #[must_use]
    pub const fn of_failure(severity: Severity) -> Self {
        match severity {
            Severity::Block => Self::Failed,
            Severity::Warn => Self::Warned,
            Severity::Ignore => Self::Ignored,
        }
    }
}

/// A step with all that is known of it at its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepRecord {
    /// Its name, unique in its pipeline.
    pub name: String,
    /// What sort it is.
    pub kind: StepKind,
    /// What was run, as words; what the gate does itself reads as its own command line.
    pub command: Vec<String>,
    /// What became of it.
    pub state: StepState,
    /// Why, in one sentence.
    pub why: String,
    /// How its process left; of the gate's own steps the code they came to. None where nothing ran.
    pub ending: Option<Ending>,
    /// How long it took.
    pub took: Duration,
    /// Where all it printed lies.
    pub log: Option<Utf8PathBuf>,
    /// The last of what it printed, raw.
    pub tail: String,
    /// The run of tests that it was, as the history knows it.
    pub run_id: Option<RunId>,
    /// What to call next to look into it, or to mend it.
    pub next: Option<String>,
}

impl StepRecord {
    /// Its exit status as a number; a signal is a negative one. None where nothing ran, and where it never started.
    #[must_use]
    pub const fn returncode(&self) -> Option<i32> {
        match self.ending {
            Some(Ending::Exited(code)) => Some(code),
            Some(Ending::Signaled(signal)) => Some(-signal),
            Some(Ending::NotStarted) | None => None,
        }
    }

    /// Did it do what it was to do?
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        matches!(self.state, StepState::Passed | StepState::Cached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Word;

    #[test]
    fn kinds_run_in_groups_of_which_only_the_second_has_several() {
        let groups: Vec<u8> = StepKind::ALL.iter().map(|kind| kind.group()).collect();
        assert_eq!(groups, [0, 1, 1, 1, 1, 1, 2, 3, 4]);
    }

    #[test]
    fn a_signal_is_a_negative_code_and_what_never_ran_has_none() {
        let of = |ending| StepRecord { ending, ..StepRecord::default() }.returncode();
        assert_eq!(of(Some(Ending::Exited(3))), Some(3));
        assert_eq!(of(Some(Ending::Signaled(9))), Some(-9));
        assert_eq!((of(Some(Ending::NotStarted)), of(None)), (None, None));
    }

    #[test]
    fn only_what_blocks_stops_what_comes_after() {
        let stops: Vec<&str> =
            StepState::ALL.iter().filter(|state| !state.lets_go_on()).map(|state| state.word()).collect();
        assert_eq!(stops, ["failed", "not-run", "tool-error"]);
        assert!(StepState::of_failure(Severity::Warn).lets_go_on());
    }
}
