//! JUnit XML: a suite for each binary, flaky and rerun elements as Surefire, nextest and most CI services know them.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::inert::one_line;
use super::markup::xml;
use crate::model::{Attempt, AttemptOutcome, BinaryId, CaseRecord, Outcome, RunRecord};

/// How much of a test's output goes into the document; services refuse documents that are too large.
const OUTPUT_CAP: usize = 64 * 1024;

/// Writes a run as JUnit XML.
///
/// # Errors
///
/// What the writer says.
pub fn write<'a>(
    writer: impl io::Write,
    record: &RunRecord,
    cases: impl IntoIterator<Item = &'a CaseRecord>,
) -> Result<(), SerializeError> {
    report(record, cases).serialize(writer)
}

fn report<'a>(record: &RunRecord, cases: impl IntoIterator<Item = &'a CaseRecord>) -> Report {
    let mut by_binary: BTreeMap<&BinaryId, Vec<&CaseRecord>> = BTreeMap::new();
    for case in cases {
        by_binary.entry(&case.key.binary).or_default().push(case);
    }
    let mut report = Report::new("cargo-gate");
    // chrono's type, which quick-junit wants, read from the one format that both sides know.
    report.timestamp = record.head.start.to_string().parse().ok();
    report.set_time(record.duration);
    for (binary, cases) in by_binary {
        let mut suite = TestSuite::new(one_line(&binary.to_string()));
        suite.timestamp = report.timestamp;
        suite.set_time(
            cases.iter().flat_map(|case| &case.attempts).filter_map(|attempt| attempt.took).sum::<Duration>(),
        );
        suite.add_properties(properties(record));
        suite.add_test_cases(cases.into_iter().map(test_case));
        report.add_test_suite(suite);
    }
    report
}

fn properties(record: &RunRecord) -> Vec<Property> {
    let head = &record.head;
    let mut properties = vec![
        ("run_id", head.id.to_string()),
        ("verdict", record.verdict().to_string()),
        ("exit_code", record.exit_code().to_string()),
        ("target", head.context.target.clone()),
        ("profile", head.context.profile.clone()),
        ("toolchain", head.toolchain.clone()),
    ];
    properties.extend(head.commit.clone().map(|commit| ("commit", commit)));
    properties.into_iter().map(|(name, value)| Property::new(name, one_line(&value))).collect()
}

fn test_case(case: &CaseRecord) -> TestCase {
    let mut junit = TestCase::new(one_line(&case.key.name), status(case));
    junit.set_classname(one_line(&case.key.binary.to_string()));
    if let Some(took) = case.took {
        junit.set_time(took);
    }
    if let Some(line) = case.line {
        junit.extra.insert("line".into(), line.to_string().into());
    }
    if case.leaked {
        junit.add_property(Property::new("leaked", "true"));
    }
    if let Some(text) = case.failure_text().filter(|_| case.outcome.is_failure()) {
        junit.set_system_out(output(text));
    }
    junit
}

fn status(case: &CaseRecord) -> TestCaseStatus {
    let failing = || case.attempts.iter().filter(|attempt| attempt.outcome != AttemptOutcome::Passed);
    match case.outcome {
        Outcome::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("ignored");
            status
        }
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Flaky => {
            let mut status = TestCaseStatus::success();
            status.add_reruns(failing().map(rerun));
            status
        }
        Outcome::Failed | Outcome::Error | Outcome::Timeout => {
            // As Surefire has it: the first failure is the test's own, the later ones are its reruns.
            let mut attempts = failing();
            let first = attempts.next();
            let outcome = first.map_or(case.outcome, |attempt| attempt.outcome.as_outcome());
            let mut status = TestCaseStatus::non_success(kind(outcome));
            status.set_type(one_line(outcome.as_str()));
            status.set_message(first.map_or_else(|| outcome.to_string(), message));
            if let Some(text) = first.and_then(|attempt| attempt.text.as_deref()) {
                status.set_description(output(text));
            }
            status.add_reruns(attempts.map(rerun));
            status
        }
    }
}

fn rerun(attempt: &Attempt) -> TestRerun {
    let outcome = attempt.outcome.as_outcome();
    let mut rerun = TestRerun::new(kind(outcome));
    rerun.set_type(outcome.as_str()).set_message(message(attempt));
    if let Some(took) = attempt.took {
        rerun.set_time(took);
    }
    if let Some(text) = attempt.text.as_deref() {
        rerun.set_description(output(text));
    }
    rerun
}

const fn kind(outcome: Outcome) -> NonSuccessKind {
    match outcome {
        Outcome::Error => NonSuccessKind::Error,
        _ => NonSuccessKind::Failure,
    }
}

/// One line: the harness's reason, the panic's message, or how the process left.
fn message(attempt: &Attempt) -> String {
    let cause = attempt.text.as_deref().map(super::view::cause).unwrap_or_default().join(" ");
    let text = match (&attempt.why, attempt.ending) {
        (Some(why), _) => why.clone(),
        _ if !cause.is_empty() => cause,
        (_, Some(ending)) => format!("the process {ending}"),
        _ => attempt.outcome.as_outcome().to_string(),
    };
    one_line(&xml(&text).replace('\n', " "))
}

/// The end of a text, which says more than its beginning.
fn output(text: &str) -> String {
    let text = xml(text);
    if text.len() <= OUTPUT_CAP {
        return text;
    }
    let start = (text.len() - OUTPUT_CAP..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("… {start} bytes left out …\n{}", &text[start..])
}
