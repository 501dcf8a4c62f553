//! Cases, as every parser builds them.

use std::sync::Arc;
use std::time::Duration;

use super::results::Case;
use crate::model::{Attempt, AttemptOutcome, Outcome};

/// An execution with what it said.
pub(super) fn attempt(outcome: AttemptOutcome, took: Option<Duration>, text: String) -> Attempt {
    let text = Some(text).filter(|text| !text.trim().is_empty()).map(Arc::from);
    Attempt { outcome, took, ending: None, why: None, text }
}

/// A case of attempts that are known, in their order. Without any it was skipped.
pub(super) fn of_attempts(path: Vec<String>, attempts: Vec<Attempt>) -> Case {
    let failed_before = attempts.iter().any(|attempt| attempt.outcome != AttemptOutcome::Passed);
    let outcome = match attempts.last().map(|attempt| attempt.outcome) {
        None => Outcome::Skipped,
        Some(AttemptOutcome::Passed) if failed_before => Outcome::Flaky,
        Some(last) => last.as_outcome(),
    };
    let took = attempts.last().and_then(|attempt| attempt.took);
    Case { path, outcome, took, attempts, line: None }
}

/// What a word says of a test; `None` where it is known to say nothing of it, and an error where nobody knows it (R19).
pub(super) fn outcome_of_word(word: &str) -> Option<Outcome> {
    Some(match word.trim().to_ascii_lowercase().as_str() {
        "" | "run" | "completed" => return None,
        "passed" | "pass" | "ok" | "success" | "successful" | "succeeded" | "true" => Outcome::Passed,
        "failed" | "fail" | "failure" | "false" => Outcome::Failed,
        "timeout" | "timedout" | "timed-out" => Outcome::Timeout,
        "skipped" | "skip" | "ignored" | "disabled" | "notrun" | "not_run" | "pending" | "suppressed" => {
            Outcome::Skipped
        }
        _ => Outcome::Error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r19_an_unknown_outcome_is_an_error() {
        for (word, outcome) in [
            ("passed", Some(Outcome::Passed)),
            ("FAILED", Some(Outcome::Failed)),
            ("notrun", Some(Outcome::Skipped)),
            ("run", None),
            ("error", Some(Outcome::Error)),
            ("inconclusive", Some(Outcome::Error)),
            ("no such word", Some(Outcome::Error)),
        ] {
            assert_eq!(outcome_of_word(word), outcome, "{word}");
        }
    }
}
