//! Harnesses of their own: those that list, those that look at nothing, those that refuse a flag.

use std::collections::BTreeMap;

use crate::support::fixture_model::{OPAQUE, expected_of_all};
use crate::support::{Ended, Fixture};

/// What is known of the whole fixture: the tests by name, and each opaque binary as one case.
fn wanted() -> BTreeMap<String, String> {
    let mut wanted = expected_of_all("custom");
    wanted
        .extend(OPAQUE.iter().map(|(name, does)| (format!("custom/test:{name}::{name}"), does.outcome(0).to_string())));
    wanted
}

fn run(fixture: &Fixture, more: &[&str]) -> Ended {
    fixture.gate(["test", "--format", "json"].into_iter().chain(more.iter().copied())).run()
}

/// The arguments of each start of a binary so far.
fn starts(fixture: &Fixture, name: &str) -> Vec<String> {
    let path = fixture.scratch().join(format!("{name}.starts"));
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn every_harness_gets_its_outcomes_and_one_that_cannot_answer_is_asked_once() {
    let fixture = Fixture::shared("custom");
    let first = run(&fixture, &[]);
    assert_eq!(first.assert_code(100).outcomes(), wanted(), "{first}");
    let questions = |name: &str| starts(&fixture, name).iter().filter(|args| args.contains("--list")).count();
    let names = ["lists_like_libtest", "blind_with_lines", "opaque_and_passes", "refuses_format", "hangs_on_list"];
    assert_eq!(names.map(questions), [1; 5], "each was asked once");
    assert!(first.took.as_secs() >= 10, "the one that hangs was given its time");

    let second = run(&fixture, &[]);
    assert_eq!(second.assert_code(100).outcomes(), wanted(), "{second}");
    // What a harness of its own lists may be files, so it is asked again; one that cannot answer is not.
    assert_eq!(names.map(questions), [2, 1, 1, 1, 1]);
    // A blind one runs once a run, with nothing that cargo would not give it.
    assert_eq!(starts(&fixture, "blind_with_a_failing_line").iter().filter(|args| args.is_empty()).count(), 2);
    assert_eq!(starts(&fixture, "opaque_and_fails").iter().filter(|args| args.is_empty()).count(), 2);
}

#[test]
fn what_an_opaque_program_said_is_shown_when_it_fails() {
    let ended = run(&Fixture::shared("custom"), &["--test", "opaque_and_fails"]);
    ended.assert_code(100).assert_stderr_has("checked everything, found something");
}

#[test]
fn a_harness_that_lists_runs_filters_and_ignored_tests_as_under_cargo() {
    let fixture = Fixture::shared("custom");
    let filtered = run(&fixture, &["--test", "lists_like_libtest", "data::"]);
    assert_eq!(filtered.assert_code(100).outcomes().len(), 3, "{filtered}");
    let alone = run(&fixture, &["--test", "lists_like_libtest", "--isolation", "process"]);
    let key = |name: &str| format!("custom/test:lists_like_libtest::{name}");
    assert_eq!(alone.assert_code(100).outcomes()[&key("data::third")], "skipped", "{alone}");
    assert_eq!(alone.outcomes()[&key("data::second")], "failed");
    let some = run(&fixture, &["--select", "custom/test:lists_like_libtest::fourth"]);
    assert_eq!(some.assert_code(0).outcomes().into_keys().collect::<Vec<_>>(), [key("fourth")], "{some}");
}

#[test]
fn one_that_refuses_a_flag_stops_nobody() {
    let fixture = Fixture::shared("custom");
    let ended = run(&fixture, &["--test", "refuses_format", "--test", "plain", "--", "--show-output"]);
    assert_eq!(ended.outcomes().get("custom/test:plain::passes").map(String::as_str), Some("passed"), "{ended}");
    let process = run(&fixture, &["--test", "refuses_format", "--test", "plain", "--isolation", "process"]);
    process.assert_code(0);
}

#[test]
fn blind_harnesses_are_given_the_users_filters_and_flags_as_cargo_gives_them() {
    let fixture = Fixture::shared("custom");
    run(&fixture, &["--test", "opaque_and_passes", "some_filter", "--", "--flag-of-its-own", "value"]);
    let args: Vec<String> = starts(&fixture, "opaque_and_passes");
    assert_eq!(args.last().unwrap(), "some_filter --flag-of-its-own value", "{args:?}");
    fixture.cargo(["test", "--test", "opaque_and_passes", "some_filter", "--", "--flag-of-its-own", "value"]).run();
    let again = starts(&fixture, "opaque_and_passes");
    assert_eq!(again.last(), args.last(), "as under cargo test");
}
