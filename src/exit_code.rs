//! The process's exit codes: one enum, one exhaustive mapping, one table in the README that a test compares with it.

use std::fmt;

use serde::{Serialize, Serializer};

/// How `cargo gate` leaves, most pressing first: where several hold at once, the first of them is the process's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExitCode {
    /// Interrupted by INT or TERM.
    Interrupted,
    /// An internal error: a defect of this tool.
    Internal,
    /// A mistake in the configuration, or a tool that is missing.
    Config,
    /// The build failed.
    BuildFailed,
    /// Tests failed.
    TestsFailed,
    /// Coverage fell below what the policy asks.
    CoverageFailed,
    /// A pipeline step or a smoke check failed.
    StepFailed,
    /// The suite never executed and the retry budget is spent: closed, never green.
    NeverExecuted,
    /// The suite did not execute; the budget allows another try: come again.
    Deferred,
    /// The selection matches no test.
    NoTests,
    /// The command line cannot be understood.
    Usage,
    /// The gate is open.
    Pass,
}

impl ExitCode {
    /// Every code, in order of precedence.
    pub const ALL: [Self; 12] = [
        Self::Interrupted,
        Self::Internal,
        Self::Config,
        Self::BuildFailed,
        Self::TestsFailed,
        Self::CoverageFailed,
        Self::StepFailed,
        Self::NeverExecuted,
        Self::Deferred,
        Self::NoTests,
        Self::Usage,
        Self::Pass,
    ];

    /// The number the process leaves with.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Usage => 2,
            Self::NoTests => 4,
            Self::CoverageFailed => 20,
            Self::StepFailed => 21,
            Self::NeverExecuted => 22,
            Self::Internal => 70,
            Self::Deferred => 75,
            Self::Config => 96,
            Self::TestsFailed => 100,
            Self::BuildFailed => 101,
            Self::Interrupted => 130,
        }
    }

    /// What the code means, as the README's table says it.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Usage => "usage error",
            Self::NoTests => "the selection matches no test",
            Self::CoverageFailed => "coverage failed",
            Self::StepFailed => "a pipeline step or smoke check failed",
            Self::NeverExecuted => "the suite never executed, retry budget spent",
            Self::Internal => "internal error",
            Self::Deferred => "deferred: did not execute, budget remains, come again",
            Self::Config => "configuration error, or a missing tool",
            Self::TestsFailed => "tests failed",
            Self::BuildFailed => "build failed",
            Self::Interrupted => "interrupted (INT, TERM)",
        }
    }

    /// The most pressing of several; none at all is [`ExitCode::Pass`].
    #[must_use]
    pub fn most_pressing(codes: impl IntoIterator<Item = Self>) -> Self {
        codes.into_iter().min().unwrap_or(Self::Pass)
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

impl fmt::Display for ExitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}

impl Serialize for ExitCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_is_the_documented_one() {
        let numbers: Vec<u8> = ExitCode::ALL.iter().map(|code| code.number()).collect();
        assert_eq!(numbers, [130, 70, 96, 101, 100, 20, 21, 22, 75, 4, 2, 0]);
        assert!(ExitCode::ALL.is_sorted());
    }

    #[test]
    fn the_most_pressing_code_wins_and_none_is_a_pass() {
        use ExitCode::*;
        assert_eq!(ExitCode::most_pressing([]), Pass);
        assert_eq!(ExitCode::most_pressing([Pass, Deferred, TestsFailed]), TestsFailed);
        assert_eq!(ExitCode::most_pressing([TestsFailed, BuildFailed, Interrupted]), Interrupted);
        assert_eq!(ExitCode::most_pressing([NoTests, NeverExecuted, StepFailed]), StepFailed);
    }
}
