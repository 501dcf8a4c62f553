//! The book of a run: what became of each planned test so far.

use std::sync::Arc;
use std::time::Duration;

use super::attempts::{Attempts, Next};
use crate::event::Fact;
use crate::model::{Attempt, AttemptOutcome, CaseRecord, Outcome, RetryPolicy, TestKey};
use crate::plan::{Plan, PlannedTest};
use crate::sys::random::roll;

/// A planned test: its binary's place in the plan, and its own in the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TestRef {
    /// The binary.
    pub binary: usize,
    /// The test.
    pub test: usize,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    attempts: Attempts,
    outcome: Option<Outcome>,
    took: Option<Duration>,
    leaked: bool,
}

/// The book.
pub struct Ledger<'a> {
    plan: &'a Plan,
    entries: Vec<Vec<Entry>>,
    extra: Vec<Arc<CaseRecord>>,
    failures: usize,
    emit: &'a mut dyn FnMut(Fact),
}

impl<'a> Ledger<'a> {
    /// An empty book.
    pub fn new(plan: &'a Plan, emit: &'a mut dyn FnMut(Fact)) -> Self {
        let entries = plan.binaries.iter().map(|binary| vec![Entry::default(); binary.tests.len()]).collect();
        Self { plan, entries, extra: Vec::new(), failures: 0, emit }
    }

    /// Tells the observers.
    pub fn emit(&mut self, fact: Fact) {
        (self.emit)(fact);
    }

    /// How many tests have failed for good so far, those not counted whose failure fails nothing.
    #[must_use]
    pub const fn failures(&self) -> usize {
        self.failures
    }

    /// What was planned for a test.
    #[must_use]
    pub fn planned(&self, test: TestRef) -> Option<&'a PlannedTest> {
        self.plan.binaries.get(test.binary)?.tests.get(test.test)
    }

    /// A test's key.
    #[must_use]
    pub fn key(&self, test: TestRef) -> Option<Arc<TestKey>> {
        self.planned(test).map(|planned| Arc::clone(&planned.key))
    }

    fn entry(&mut self, test: TestRef) -> Option<&mut Entry> {
        self.entries.get_mut(test.binary)?.get_mut(test.test)
    }

    /// What became of a test, if that is settled.
    #[must_use]
    pub fn outcome(&self, test: TestRef) -> Option<Outcome> {
        self.entries.get(test.binary)?.get(test.test)?.outcome
    }

    /// The number of the execution that is under way or comes next, from 1.
    #[must_use]
    pub fn attempt_number(&self, test: TestRef) -> u32 {
        self.entries.get(test.binary).and_then(|tests| tests.get(test.test)).map_or(1, |entry| entry.attempts.number())
    }

    /// A test started.
    pub fn start(&mut self, test: TestRef) {
        let attempt = self.attempt_number(test);
        if let Some(key) = self.key(test) {
            self.emit(Fact::TestStarted { key, attempt });
        }
    }

    /// A test turned out to be ignored.
    pub fn skip(&mut self, test: TestRef) {
        let Some(entry) = self.entry(test) else { return };
        entry.outcome = Some(Outcome::Skipped);
        self.emit_case(test);
    }

    /// An execution of a test ended; gives the delay of a retry, if there is to be one.
    pub fn record(&mut self, test: TestRef, attempt: Attempt, leaked: bool) -> Option<Duration> {
        let policy = self.planned(test).map_or(RetryPolicy::NEVER, |planned| planned.policy.retries);
        let number = self.attempt_number(test);
        let entry = self.entry(test)?;
        let next = entry.attempts.record(attempt.clone(), &policy, roll());
        entry.took = attempt.took;
        entry.leaked |= leaked;
        let retry_in = match next {
            Next::Retry(delay) => Some(delay),
            Next::Done(_) => None,
        };
        let is_notable = attempt.outcome != AttemptOutcome::Passed || number > 1;
        if let (true, Some(key)) = (is_notable, self.key(test)) {
            self.emit(Fact::AttemptFinished { key, attempt: number, result: attempt, retry_in });
        }
        if let Next::Done(outcome) = next {
            self.failures += usize::from(outcome.is_failure() && !self.is_spared(test));
            if let Some(entry) = self.entry(test) {
                entry.outcome = Some(outcome);
            }
            self.emit_case(test);
        }
        retry_in
    }

    /// What the last execution of a test printed has come.
    pub fn put_text(&mut self, test: TestRef, text: Arc<str>) {
        let attempt = self.attempt_number(test).saturating_sub(1).max(1);
        let Some(entry) = self.entry(test) else { return };
        entry.attempts.put_text(Arc::clone(&text));
        if let Some(key) = self.key(test) {
            self.emit(Fact::FailureText { key, attempt, text });
        }
    }

    /// Is a failure's text lost, so that the test is to run alone once more for it?
    #[must_use]
    pub fn wants_text(&self, test: TestRef) -> bool {
        let entry = self.entries.get(test.binary).and_then(|tests| tests.get(test.test));
        entry.is_some_and(|entry| entry.outcome.is_some_and(Outcome::is_failure) && entry.attempts.wants_text())
    }

    /// An execution that was made only for what it prints ended.
    pub fn record_for_text(&mut self, test: TestRef, attempt: Attempt) {
        let number = self.attempt_number(test);
        let Some(entry) = self.entry(test) else { return };
        entry.attempts.record_for_text(attempt.clone());
        let Some(key) = self.key(test) else { return };
        let text = attempt.text.clone();
        self.emit(Fact::AttemptFinished { key: Arc::clone(&key), attempt: number, result: attempt, retry_in: None });
        if let Some(text) = text {
            self.emit(Fact::FailureText { key, attempt: number, text });
        }
    }

    /// What was recorded last of a test was not the harness's word: a line that a child printed, say.
    pub fn take_back(&mut self, test: TestRef) {
        let Some(entry) = self.entry(test) else { return };
        let was_retry = entry.outcome.is_none();
        let was_failure = entry.outcome.take().is_some_and(Outcome::is_failure);
        entry.attempts.take_back(was_retry);
        entry.took = None;
        self.failures -= usize::from(was_failure && !self.is_spared(test));
    }

    /// The times of a test are not known after all.
    pub fn forget_time(&mut self, test: TestRef) {
        if let Some(entry) = self.entry(test) {
            entry.took = None;
            entry.attempts.forget_time();
        }
    }

    /// The last execution left something behind.
    pub fn mark_leaked(&mut self, test: TestRef) {
        if let Some(entry) = self.entry(test) {
            entry.leaked = true;
        }
    }

    /// A test that no plan knew: of a harness that gives no list, or standing for a whole process.
    pub fn add(&mut self, case: CaseRecord) {
        self.failures += usize::from(case.outcome.is_failure() && !self.plan.spares(&case.key));
        let case = Arc::new(case);
        if let (true, Some(attempt)) = (case.outcome.is_failure(), case.attempts.last()) {
            let (key, result) = (Arc::clone(&case.key), attempt.clone());
            self.emit(Fact::AttemptFinished { key, attempt: 1, result, retry_in: None });
        }
        self.extra.push(Arc::clone(&case));
        self.emit(Fact::TestFinished { case: Arc::clone(&case) });
        if let (true, Some(text)) = (case.outcome.is_failure(), case.failure_text()) {
            self.emit(Fact::FailureText { key: Arc::clone(&case.key), attempt: 1, text: text.into() });
        }
    }

    fn settle_what_waits(&mut self, test: TestRef) {
        let Some(entry) = self.entry(test).filter(|entry| entry.outcome.is_none()) else { return };
        let last = entry.attempts.made().last().map(|attempt| attempt.outcome.as_outcome());
        if let Some(outcome) = last {
            entry.outcome = Some(outcome);
            self.emit_case(test);
        }
    }

    fn is_spared(&self, test: TestRef) -> bool {
        self.planned(test).is_some_and(|planned| self.plan.spares(&planned.key))
    }

    fn emit_case(&mut self, test: TestRef) {
        if let Some(case) = self.case(test) {
            self.emit(Fact::TestFinished { case: Arc::new(case) });
        }
    }

    fn case(&self, test: TestRef) -> Option<CaseRecord> {
        let entry = self.entries.get(test.binary)?.get(test.test)?;
        Some(CaseRecord {
            key: self.key(test)?,
            outcome: entry.outcome?,
            took: entry.took.filter(|_| entry.outcome != Some(Outcome::Skipped)),
            attempts: entry.attempts.made().to_vec(),
            line: None,
            leaked: entry.leaked,
            binary_hash: None,
        })
    }

    /// Closes the book: every case in order of the keys, and the keys of tests without an outcome. A test that failed
    /// and was not tried again any more has failed.
    #[must_use]
    pub fn close(mut self) -> (Vec<Arc<CaseRecord>>, Vec<Arc<TestKey>>) {
        for binary in 0..self.entries.len() {
            for test in 0..self.entries.get(binary).map_or(0, Vec::len) {
                self.settle_what_waits(TestRef { binary, test });
            }
        }
        let (mut cases, mut not_run) = (self.extra.clone(), Vec::new());
        for (binary, tests) in self.entries.iter().enumerate() {
            for test in (0..tests.len()).map(|test| TestRef { binary, test }) {
                match self.case(test) {
                    Some(case) => cases.push(Arc::new(case)),
                    None => not_run.extend(self.key(test)),
                }
            }
        }
        cases.sort_by(|a, b| a.key.cmp(&b.key));
        (cases, not_run)
    }
}
