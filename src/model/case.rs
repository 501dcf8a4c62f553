//! What became of one test in one run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::TestKey;

/// What became of a test after its retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It passed.
    Passed,
    /// Its harness said that it failed.
    Failed,
    /// The process died under it, or never started, or left before saying what became of it.
    Error,
    /// It ran longer than its limit and was killed.
    Timeout,
    /// It is ignored.
    Skipped,
    /// It failed, then passed when tried again.
    Flaky,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 6] = [Self::Passed, Self::Failed, Self::Error, Self::Timeout, Self::Skipped, Self::Flaky];

    /// The outcome as it is written in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Skipped => "skipped",
            Self::Flaky => "flaky",
        }
    }

    /// Failed, error and timeout are failures; a flaky test passed in the end.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Error | Self::Timeout)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What became of one execution of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttemptOutcome {
    /// It passed.
    Passed,
    /// Its harness said that it failed.
    Failed,
    /// The process died under it, or never started.
    Error,
    /// It ran longer than its limit and was killed.
    Timeout,
}

impl AttemptOutcome {
    /// The same word as an outcome of the whole test.
    #[must_use]
    pub const fn as_outcome(self) -> Outcome {
        match self {
            Self::Passed => Outcome::Passed,
            Self::Failed => Outcome::Failed,
            Self::Error => Outcome::Error,
            Self::Timeout => Outcome::Timeout,
        }
    }
}

/// How a process left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// With this exit status.
    Exited(i32),
    /// Killed by this signal.
    Signaled(i32),
    /// It never started.
    NotStarted,
}

impl Ending {
    /// Did it leave with status 0?
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Exited(0))
    }

    /// A signal's usual name.
    #[must_use]
    pub const fn signal_name(signal: i32) -> Option<&'static str> {
        Some(match signal {
            1 => "SIGHUP",
            2 => "SIGINT",
            3 => "SIGQUIT",
            4 => "SIGILL",
            5 => "SIGTRAP",
            6 => "SIGABRT",
            7 => "SIGBUS",
            8 => "SIGFPE",
            9 => "SIGKILL",
            11 => "SIGSEGV",
            13 => "SIGPIPE",
            14 => "SIGALRM",
            15 => "SIGTERM",
            _ => return None,
        })
    }
}

impl fmt::Display for Ending {
    /// Completes "the process …".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exited(code) => write!(f, "exited with {code}"),
            Self::Signaled(signal) => match Self::signal_name(signal) {
                Some(name) => write!(f, "died of signal {signal} ({name})"),
                None => write!(f, "died of signal {signal}"),
            },
            Self::NotStarted => f.write_str("never started"),
        }
    }
}

/// One execution of one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What became of it.
    pub outcome: AttemptOutcome,
    /// How long it took; `None` where that is not known for certain.
    pub took: Option<Duration>,
    /// How its process left, where that says something about this test.
    pub ending: Option<Ending>,
    /// Why, in one sentence, where the harness did not say it.
    pub why: Option<String>,
    /// What a failing test printed, capped.
    pub text: Option<Arc<str>>,
}

/// What became of one test in one run: what a store keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseRecord {
    /// Which test.
    pub key: Arc<TestKey>,
    /// What became of it after its retries.
    pub outcome: Outcome,
    /// How long its last attempt took; `None` where that is not known for certain, and for skipped tests.
    pub took: Option<Duration>,
    /// Its executions, the first first. Empty for a skipped test.
    pub attempts: Vec<Attempt>,
    /// The line of its source, where the harness says it (doctests).
    pub line: Option<u32>,
    /// Did its process leave something behind that held its pipes?
    pub leaked: bool,
    /// The content of the binary that ran.
    pub binary_hash: Option<super::ContentHash>,
}

impl CaseRecord {
    /// Whole milliseconds of the last attempt.
    #[must_use]
    pub fn ms(&self) -> Option<u64> {
        self.took.map(super::millis)
    }

    /// The text of the last failing attempt.
    #[must_use]
    pub fn failure_text(&self) -> Option<&str> {
        self.attempts
            .iter()
            .rev()
            .find(|attempt| attempt.outcome != AttemptOutcome::Passed)
            .and_then(|attempt| attempt.text.as_deref())
    }
}

/// Counts by outcome: disjoint, and summing to `tests`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// All tests with an outcome.
    pub tests: u64,
    /// Passed at the first try.
    pub passed: u64,
    /// Failed.
    pub failed: u64,
    /// The process died under them, or never started.
    pub errored: u64,
    /// Killed at their limit.
    pub timeout: u64,
    /// Failed, then passed.
    pub flaky: u64,
    /// Ignored.
    pub skipped: u64,
}

impl Totals {
    /// Counts one more outcome.
    pub const fn add(&mut self, outcome: Outcome) {
        self.tests += 1;
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Error => self.errored += 1,
            Outcome::Timeout => self.timeout += 1,
            Outcome::Flaky => self.flaky += 1,
            Outcome::Skipped => self.skipped += 1,
        }
    }

    /// Counts the outcomes of some cases.
    pub fn of<'a>(cases: impl IntoIterator<Item = &'a CaseRecord>) -> Self {
        let mut totals = Self::default();
        for case in cases {
            totals.add(case.outcome);
        }
        totals
    }

    /// Failed, errored and timed out.
    #[must_use]
    pub const fn failures(&self) -> u64 {
        self.failed.saturating_add(self.errored).saturating_add(self.timeout)
    }

    /// Tests that were executed.
    #[must_use]
    pub const fn executed(&self) -> u64 {
        self.tests.saturating_sub(self.skipped)
    }

    /// (passed + flaky) / executed, or none where nothing was executed. Never above one, even of totals from elsewhere
    /// that do not add up.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of tests are far below 2^52")]
    pub fn pass_rate(&self) -> Option<f64> {
        match self.executed() {
            0 => None,
            executed => Some((self.passed.saturating_add(self.flaky) as f64 / executed as f64).min(1.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_disjoint_and_sum_to_tests() {
        let mut totals = Totals::default();
        for outcome in Outcome::ALL {
            totals.add(outcome);
        }
        assert_eq!(totals.tests, 6);
        assert_eq!(totals.failures(), 3);
        assert_eq!(totals.executed(), 5);
        assert_eq!(totals.pass_rate(), Some(0.4));
        assert_eq!(Totals::default().pass_rate(), None);
    }
}
