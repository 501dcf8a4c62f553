//! What becomes of a test after each of its executions: a state machine, (state, attempt) → what next.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Attempt, AttemptOutcome, Outcome, RetryPolicy};

/// What comes after an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the outcome stands.
    Done(Outcome),
    /// It is tried again, alone, after a delay.
    Retry(Duration),
}

/// The executions of one test so far.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    made: Vec<Attempt>,
    retries: u32,
    text_fetched: bool,
}

impl Attempts {
    /// The executions, the first first.
    #[must_use]
    pub fn made(&self) -> &[Attempt] {
        &self.made
    }

    /// The number of the execution that is under way or comes next, from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        u32::try_from(self.made.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// An execution ended. `roll` is a random number from 0 to 1, for the jitter of delays.
    pub fn record(&mut self, attempt: Attempt, policy: &RetryPolicy, roll: f64) -> Next {
        let outcome = attempt.outcome;
        self.made.push(attempt);
        if outcome == AttemptOutcome::Passed {
            return Next::Done(if self.retries > 0 { Outcome::Flaky } else { Outcome::Passed });
        }
        match policy.delay_before(self.retries + 1, roll) {
            Some(delay) => {
                self.retries += 1;
                Next::Retry(delay)
            }
            None => Next::Done(outcome.as_outcome()),
        }
    }

    /// What the last execution printed has come.
    pub fn put_text(&mut self, text: Arc<str>) {
        if let Some(last) = self.made.last_mut() {
            last.text = Some(text);
        }
    }

    /// Has a failure's text been lost with its process, and was it not asked for again?
    #[must_use]
    pub fn wants_text(&self) -> bool {
        let lost = |attempt: &Attempt| attempt.outcome == AttemptOutcome::Failed && attempt.text.is_none();
        !self.text_fetched && self.made.last().is_some_and(lost)
    }

    /// An execution that was made only for what it prints ended: on record, but the outcome stands.
    pub fn record_for_text(&mut self, attempt: Attempt) {
        self.text_fetched = true;
        self.made.push(attempt);
    }

    /// The times of all executions are not known after all.
    pub fn forget_time(&mut self) {
        for attempt in &mut self.made {
            attempt.took = None;
        }
    }

    /// What was recorded last was not the harness's word after all.
    pub fn take_back(&mut self, was_retry: bool) {
        self.made.pop();
        self.retries -= u32::from(was_retry && self.retries > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AttemptOutcome::{Error, Failed, Passed, Timeout};

    fn attempt(outcome: AttemptOutcome) -> Attempt {
        Attempt { outcome, took: None, ending: None, why: None, text: None }
    }

    #[test]
    fn attempts_lead_to_outcomes() {
        let retry = Next::Retry(Duration::from_secs(1));
        let done = Next::Done;
        let table: &[(u32, &[AttemptOutcome], &[Next])] = &[
            (0, &[Passed], &[done(Outcome::Passed)]),
            (0, &[Failed], &[done(Outcome::Failed)]),
            (2, &[Passed], &[done(Outcome::Passed)]),
            (1, &[Failed, Passed], &[retry, done(Outcome::Flaky)]),
            (1, &[Timeout, Error], &[retry, done(Outcome::Error)]),
            (2, &[Failed, Failed, Passed], &[retry, retry, done(Outcome::Flaky)]),
            (2, &[Failed, Failed, Failed], &[retry, retry, done(Outcome::Failed)]),
        ];
        for (retries, steps, wanted) in table {
            let policy = RetryPolicy::fixed(*retries, Duration::from_secs(1));
            let mut attempts = Attempts::default();
            let nexts: Vec<Next> = steps.iter().map(|step| attempts.record(attempt(*step), &policy, 0.0)).collect();
            assert_eq!(nexts, *wanted, "{steps:?} with {retries} retries");
            assert_eq!(attempts.made().len(), steps.len());
        }
    }

    #[test]
    fn a_lost_text_is_asked_for_once() {
        let mut attempts = Attempts::default();
        attempts.record(attempt(Failed), &RetryPolicy::NEVER, 0.0);
        assert!(attempts.wants_text());
        attempts.record_for_text(attempt(Failed));
        assert!(!attempts.wants_text());

        let mut attempts = Attempts::default();
        attempts.record(attempt(Failed), &RetryPolicy::NEVER, 0.0);
        attempts.put_text("boom".into());
        assert!(!attempts.wants_text());
        assert!(!Attempts::default().wants_text());
    }
}
