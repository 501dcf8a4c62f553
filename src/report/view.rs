//! What the end of a run shows, before any format: failures by cause, flaky tests, the slowest, and what the history
//! says (handed in as plain lines).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;

use super::inert::{inert, one_line};
use super::words;
use crate::model::{Attempt, AttemptOutcome, CaseRecord, Ending, Outcome, TestKey, Totals};

/// What the history says after a run: the flaky and priority report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Insights {
    /// Tests that are flaky by evidence, the worst first.
    pub flaky: Vec<FlakyLine>,
    /// Tests that failed several runs in a row, the longest streak first.
    pub streaks: Vec<StreakLine>,
    /// What the next run starts with, in its order.
    pub next: Vec<NextLine>,
    /// Tests of the run whose failures fail nothing: those that do not simply pass first.
    pub quarantined: Vec<QuarantineLine>,
    /// Tests of the full run before that this full run did not have any more.
    pub vanished: Vec<Arc<TestKey>>,
    /// What the history calls the tests that did not simply pass, in a word.
    pub states: Vec<(Arc<TestKey>, String)>,
}

/// One test in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineLine {
    /// Which.
    pub key: Arc<TestKey>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it is there.
    pub reason: String,
    /// The last day of that, where it has an end.
    pub until: Option<Date>,
    /// Is it there for nothing?
    pub is_steady_again: bool,
}

impl QuarantineLine {
    /// `failed; upstream bug, until 2027-01-31`.
    #[must_use]
    pub fn words(&self) -> String {
        let until = self.until.map(|day| format!(", until {day}")).unwrap_or_default();
        let steady = if self.is_steady_again { "; steady again: it may leave quarantine" } else { "" };
        format!("{}; {}{until}{steady}", self.outcome, self.reason)
    }
}

/// One flaky test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlakyLine {
    /// Which.
    pub key: String,
    /// Its state (`flaky`, `suspect`…).
    pub state: String,
    /// Why it is said to be so: "3 of 20 runs failed, 5 flips; same code passed and failed in 2 runs".
    pub evidence: String,
}

/// One test that keeps failing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreakLine {
    /// Which.
    pub key: String,
    /// In how many runs in a row, this one included.
    pub runs: u64,
    /// Since when, or since which commit, in words.
    pub since: Option<String>,
}

impl StreakLine {
    /// `3 runs in a row, since 4f1e2d3`.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = format!("{} in a row", words::count(self.runs, "run", "runs"));
        if let Some(since) = &self.since {
            words.push_str(&format!(", since {since}"));
        }
        words
    }
}

/// One test at the head of the next run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextLine {
    /// Which.
    pub key: String,
    /// Why it is there.
    pub reason: String,
}

/// Failures with one cause.
#[derive(Clone, Debug, PartialEq)]
pub struct FailureGroup<'a> {
    /// The tests, in order of their keys.
    pub cases: Vec<&'a CaseRecord>,
    /// Why they failed.
    pub cause: Cause,
}

/// Why a test failed; empty where nobody said.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// What the engine says, a sentence, inert.
    pub why: Option<String>,
    /// What the test said, a few lines, inert.
    pub lines: Vec<String>,
}

/// The failing tests, those with the same cause together, in order of the first test of each group.
#[must_use]
pub fn failures<'a>(cases: impl IntoIterator<Item = &'a CaseRecord>) -> Vec<FailureGroup<'a>> {
    let mut failing: Vec<&CaseRecord> = cases.into_iter().filter(|case| case.outcome.is_failure()).collect();
    failing.sort_by(|a, b| a.key.cmp(&b.key));
    let mut groups: Vec<FailureGroup<'a>> = Vec::new();
    let mut by_cause: BTreeMap<Cause, usize> = BTreeMap::new();
    for case in failing {
        let cause = cause_of(case);
        // Tests that say nothing need not have anything in common.
        let known = by_cause.get(&cause).filter(|_| !cause.lines.is_empty());
        match known.and_then(|index| groups.get_mut(*index)) {
            Some(group) => group.cases.push(case),
            None => {
                by_cause.insert(cause.clone(), groups.len());
                groups.push(FailureGroup { cases: vec![case], cause });
            }
        }
    }
    groups
}

/// The tests that failed and then passed.
#[must_use]
pub fn flaky<'a>(cases: impl IntoIterator<Item = &'a CaseRecord>) -> Vec<&'a CaseRecord> {
    cases.into_iter().filter(|case| case.outcome == Outcome::Flaky).collect()
}

/// Up to `limit` tests that took at least `floor`, the longest first.
#[must_use]
pub fn slowest<'a>(
    cases: impl IntoIterator<Item = &'a CaseRecord>,
    floor: Duration,
    limit: usize,
) -> Vec<(&'a CaseRecord, Duration)> {
    let mut timed: Vec<(&CaseRecord, Duration)> =
        cases.into_iter().filter_map(|case| Some((case, case.took?))).filter(|(_, took)| *took >= floor).collect();
    timed.sort_by(|(a, a_took), (b, b_took)| b_took.cmp(a_took).then_with(|| a.key.cmp(&b.key)));
    timed.truncate(limit);
    timed
}

/// How many lines of a cause are shown.
const CAUSE_LINES: usize = 8;

pub(super) fn cause_of(case: &CaseRecord) -> Cause {
    let failing = || case.attempts.iter().rev().filter(|attempt| attempt.outcome != AttemptOutcome::Passed);
    let why = failing().find_map(|attempt| attempt.why.as_deref().map(one_line));
    let lines = case.failure_text().map(cause).unwrap_or_default();
    let ended = || {
        let ending = failing().find_map(|attempt| attempt.ending).filter(|ending| !ending.is_success())?;
        (case.outcome == Outcome::Error && lines.is_empty()).then(|| format!("the process {ending}"))
    };
    Cause { why: why.or_else(ended), lines }
}

/// The few lines of a failing test's output that say why: from the first panic on, without the backtrace and without
/// the thread's name, so that equal causes are equal; else its last lines.
#[must_use]
pub fn cause(text: &str) -> Vec<String> {
    let text = inert(text);
    let is_noise = |line: &&str| line.trim_start().starts_with("note: ");
    let panic = text.lines().position(|line| line.starts_with("thread '") && line.contains(" panicked at "));
    let mut lines: Vec<&str> = match panic {
        Some(start) => text
            .lines()
            .skip(start)
            .enumerate()
            .take_while(|(i, line)| {
                line.trim() != "stack backtrace:"
                    && (*i == 0 || !(line.starts_with("thread '") && line.contains(" panicked at ")))
            })
            .map(|(i, line)| if i == 0 { line.find("panicked at ").map_or(line, |at| &line[at..]) } else { line })
            .filter(|line| !is_noise(line))
            .collect(),
        None => text.lines().filter(|line| !is_noise(line)).collect(),
    };
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    if lines.len() <= CAUSE_LINES {
        let blank = lines.iter().take_while(|line| line.trim().is_empty()).count();
        return lines.split_off(blank).into_iter().map(str::to_owned).collect();
    }
    let more = format!("… {}", words::count((lines.len() - CAUSE_LINES + 1) as u64, "more line", "more lines"));
    let shown = CAUSE_LINES - 1;
    if panic.is_some() {
        lines[..shown].iter().map(|line| (*line).to_owned()).chain([more]).collect()
    } else {
        std::iter::once(more).chain(lines[lines.len() - shown..].iter().map(|line| (*line).to_owned())).collect()
    }
}

/// The one word for an attempt, as its status line says it: a signal where one ended it.
#[must_use]
pub fn attempt_word(outcome: AttemptOutcome, ending: Option<Ending>) -> &'static str {
    match (outcome, ending) {
        (AttemptOutcome::Error, Some(Ending::Signaled(signal))) => Ending::signal_name(signal).unwrap_or("SIGNAL"),
        (AttemptOutcome::Passed, _) => "PASS",
        (AttemptOutcome::Failed, _) => "FAIL",
        (AttemptOutcome::Error, _) => "ERROR",
        (AttemptOutcome::Timeout, _) => "TIMEOUT",
    }
}

/// The one word for a test.
#[must_use]
pub fn word(case: &CaseRecord) -> &'static str {
    let last_ending = case.attempts.last().and_then(|attempt: &Attempt| attempt.ending);
    match case.outcome {
        Outcome::Passed if case.leaked => "LEAK",
        Outcome::Passed => attempt_word(AttemptOutcome::Passed, None),
        Outcome::Failed => attempt_word(AttemptOutcome::Failed, None),
        Outcome::Error => attempt_word(AttemptOutcome::Error, last_ending),
        Outcome::Timeout => attempt_word(AttemptOutcome::Timeout, None),
        Outcome::Skipped => "SKIP",
        Outcome::Flaky => "FLAKY",
    }
}

/// The counts of what there is, in the order in which they are said: disjoint, summing to the tests.
#[must_use]
pub fn counts(totals: &Totals) -> Vec<(u64, Outcome, &'static str)> {
    [
        (totals.passed, Outcome::Passed, "passed"),
        (totals.flaky, Outcome::Flaky, "flaky"),
        (totals.failed, Outcome::Failed, "failed"),
        (totals.errored, Outcome::Error, "errored"),
        (totals.timeout, Outcome::Timeout, "timed out"),
        (totals.skipped, Outcome::Skipped, "skipped"),
    ]
    .into_iter()
    .filter(|(number, outcome, _)| *number > 0 || *outcome == Outcome::Passed && totals.tests > 0)
    .collect()
}

/// `1,234 tests: 1,229 passed, 3 failed, 2 skipped; 4 not run`.
#[must_use]
pub fn totals_line(totals: &Totals, not_run: u64) -> String {
    let mut line = words::count(totals.tests, "test", "tests");
    for (i, (number, _, word)) in counts(totals).into_iter().enumerate() {
        line.push_str(&format!("{} {} {word}", if i == 0 { ":" } else { "," }, words::thousands(number)));
    }
    if not_run > 0 {
        line.push_str(&format!("; {} not run", words::thousands(not_run)));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(key: &str, text: &str) -> CaseRecord {
        let attempt =
            Attempt { outcome: AttemptOutcome::Failed, took: None, ending: None, why: None, text: Some(text.into()) };
        CaseRecord {
            key: Arc::new(key.parse().unwrap()),
            outcome: Outcome::Failed,
            took: None,
            attempts: vec![attempt],
            line: None,
            leaked: false,
            binary_hash: None,
        }
    }

    #[test]
    fn a_cause_is_the_panic_without_what_differs() {
        let text = "setup\n\nthread 'db::slow' (123) panicked at tests/db.rs:12:5:\nassertion failed\n  left: 1\n right: 2\n\
                    stack backtrace:\n   0: x\nnote: Some details are omitted\n";
        assert_eq!(cause(text), ["panicked at tests/db.rs:12:5:", "assertion failed", "  left: 1", " right: 2"]);
        let noted = "thread 'a' panicked at a.rs:1:1:\nboo\nnote: run with `RUST_BACKTRACE=1`\n\n";
        assert_eq!(cause(noted), ["panicked at a.rs:1:1:", "boo"]);
        assert_eq!(cause("\nError: \"no such file\"\n"), ["Error: \"no such file\""]);
        assert!(cause("\n").is_empty());
    }

    #[test]
    fn long_causes_keep_the_head_of_a_panic_and_the_tail_of_anything_else() {
        let lines = (1..=20).map(|i| i.to_string()).collect::<Vec<_>>().join("\n");
        let tail = cause(&lines);
        assert_eq!((tail.len(), tail[0].as_str(), tail[7].as_str()), (8, "… 13 more lines", "20"));
        let head = cause(&format!("thread 'x' panicked at a.rs:1:1:\n{lines}"));
        assert_eq!((head.len(), head[1].as_str(), head[7].as_str()), (8, "1", "… 14 more lines"));
    }

    #[test]
    fn failures_with_one_cause_stand_together() {
        let boo = |thread: &str| format!("thread '{thread}' panicked at a.rs:1:1:\nboo\n");
        let cases =
            [failed("a/a::2", &boo("2")), failed("a/a::1", &boo("1")), failed("a/a::3", ""), failed("a/a::4", "")];
        let groups = failures(&cases);
        let names: Vec<Vec<&str>> =
            groups.iter().map(|group| group.cases.iter().map(|case| case.key.name.as_str()).collect()).collect();
        assert_eq!(names, [vec!["1", "2"], vec!["3"], vec!["4"]]);
    }

    #[test]
    fn totals_name_only_what_there_is() {
        let totals = Totals { tests: 1234, passed: 1230, failed: 2, skipped: 2, ..Totals::default() };
        assert_eq!(totals_line(&totals, 4), "1,234 tests: 1,230 passed, 2 failed, 2 skipped; 4 not run");
        assert_eq!(totals_line(&Totals::default(), 0), "0 tests");
    }
}
