//! What is said of tests: one annotation for each that did not simply pass, at the line where it failed.

use super::annotations::{Annotation, Level};
use super::findings::TestFindings;
use super::sources::Sources;
use crate::model::{CaseRecord, Judgement, Outcome};
use crate::report::view;
use crate::report::words;

/// Failures, then what else does not simply pass, each in order of the keys; then what is gone.
pub(super) fn annotations(tests: &TestFindings<'_>, judgement: &Judgement, sources: &Sources<'_>) -> Vec<Annotation> {
    let shuts = |id: &str| judgement.reasons.iter().any(|reason| reason.id == id);
    let of_soft = |id: &str| if shuts(id) { Level::Error } else { Level::Warning };
    let told = tests.cases.iter().filter(|case| case.outcome.is_failure() || case.outcome == Outcome::Flaky);
    let mut all: Vec<Annotation> = told
        .map(|case| {
            let quarantine = tests.insights.quarantined.iter().find(|line| line.key == case.key);
            let level = match (quarantine, case.outcome) {
                (Some(_), _) => Level::Notice,
                (None, Outcome::Flaky) => of_soft("flaky"),
                (None, _) => Level::Error,
            };
            let place = sources.place_of(case);
            let mut lines = said(case, place.is_some());
            if let Some(line) = quarantine {
                lines.insert(0, format!("in quarantine: {}", line.words()));
            }
            let name = words::middle(&case.key.to_string(), words::LONGEST_NAME);
            Annotation::new(level, &format!("{} {name}", view::word(case)), &lines.join("\n")).at(place)
        })
        .collect();
    all.sort_by_key(|one| one.title.starts_with("FLAKY "));
    if !tests.insights.vanished.is_empty() {
        all.push(Annotation::new(of_soft("vanished"), "Vanished", &words::vanished(&tests.insights.vanished)));
    }
    all
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

/// The same on one line.
pub(super) fn in_short(case: &CaseRecord) -> String {
    let cause = view::cause_of(case);
    let lines: Vec<String> = cause.why.into_iter().chain(cause.lines).collect();
    let text = lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    words::middle(&text, words::LONGEST_NAME)
}
