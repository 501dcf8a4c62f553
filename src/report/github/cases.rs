//! What is said of tests: one annotation for each that did not simply pass, at the line where it failed.

use super::annotations::{Annotation, Words};
use super::findings::{TestFindings, Weighed};
use super::sources::Sources;
use crate::model::{CaseRecord, Outcome};
use crate::report::view;
use crate::report::words;

/// Failures, then what else does not simply pass, each in order of the keys; then what is gone.
pub(super) fn annotations<'a>(tests: TestFindings<'a>, sources: &'a Sources<'a>) -> Vec<Annotation<'a>> {
    let (failures, flaky) = (tests.cases.iter().filter(|told| told.case.outcome.is_failure()), tests.cases.iter());
    let told = failures.chain(flaky.filter(|told| told.case.outcome == Outcome::Flaky));
    let mut all: Vec<Annotation<'a>> = told
        .map(|Weighed { case, severity }| {
            let reason = if case.outcome == Outcome::Flaky { "flaky" } else { "tests-failed" };
            Annotation::new(*severity, move || words_of(case, &tests, sources)).tells(reason)
        })
        .collect();
    if !tests.insights.vanished.is_empty() {
        let words = move || Words::new("Vanished", &words::vanished(&tests.insights.vanished));
        all.push(Annotation::new(tests.vanished, words).tells("vanished"));
    }
    all
}

fn words_of(case: &CaseRecord, tests: &TestFindings<'_>, sources: &Sources<'_>) -> Words {
    let place = sources.place_of(case);
    let mut lines = said(case, place.is_some());
    if let Some(line) = tests.insights.quarantined.iter().find(|line| *line.key == *case.key) {
        lines.insert(0, format!("in quarantine: {}", line.words()));
    }
    let name = words::middle(&case.key.to_string(), words::LONGEST_NAME);
    Words::new(&format!("{} {name}", view::word(case)), &lines.join("\n")).at(place)
}

/// Why it failed, in a few lines; where it was need not be said twice.
fn said(case: &CaseRecord, is_placed: bool) -> Vec<String> {
    let cause = view::cause_of(case);
    let mut lines: Vec<String> = Vec::new();
    if case.outcome == Outcome::Flaky {
        lines.push(format!("passed at try {}; before that:", case.attempts.len()));
    }
    lines.extend(cause.why);
    let is_place = |line: &String| is_placed && line.starts_with("panicked at ") && line.ends_with(':');
    lines.extend(cause.lines.into_iter().filter(|line| !is_place(line)));
    if lines.is_empty() {
        lines.push(format!("{}, without a word", case.outcome));
    }
    lines
}

/// How many lines of what a test said a table's cell has.
const SHORT: usize = 4;

/// The same on one line.
pub(super) fn in_short(case: &CaseRecord) -> String {
    let cause = view::cause_of(case);
    let lines: Vec<String> = cause.why.into_iter().chain(cause.lines).collect();
    let said = lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
    let text = said.take(SHORT).collect::<Vec<_>>().join(" ");
    words::middle(&text, words::LONGEST_NAME)
}
