//! JSON, events, JUnit and the report: well-formed, and of one mind.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{entry, read};
use crate::support::fixture_model::expected;
use crate::support::{Ended, Fixture};

/// A run of several binaries with every format at once.
struct Told {
    json: Value,
    ended: Ended,
    events: Vec<Value>,
    junit: String,
    report: String,
}

fn tell(args: &[&str]) -> Told {
    let fixture = Fixture::shared("harness");
    let more = ["--format", "json", "--events", "events", "--junit", "junit.xml", "--report", "report.md"];
    let ended = fixture.gate(["test"].into_iter().chain(args.iter().copied()).chain(more)).run();
    let events = fixture.read("events").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let report = fixture.read("report.md");
    assert_eq!(read(fixture.gate_dir().join("test-report.md")), report, "the same report twice");
    Told { json: ended.json(), events, junit: fixture.read("junit.xml"), report, ended }
}

const EVERYTHING: [&str; 14] = [
    "--test",
    "outcomes",
    "--test",
    "two_crashes",
    "--test",
    "hangs",
    "--test",
    "flaky",
    "--timeout",
    "2s",
    "--grace",
    "1s",
    "--retries",
    "1",
];

fn key(test: &Value) -> String {
    format!("{}/{}:{}::{}", test["package"], test["kind"], test["binary"], test["name"]).replace('"', "")
}

#[test]
fn every_format_tells_the_same_outcomes() {
    let told = tell(&EVERYTHING);
    told.ended.assert_code(100);
    let tests = told.json["tests"].as_array().unwrap();
    let by_key: BTreeMap<String, &Value> = tests.iter().map(|test| (key(test), &test["outcome"])).collect();
    assert_eq!(by_key.len(), tests.len());

    // The last word of the events on each test is the JSON's.
    let finished = told.events.iter().filter(|event| event["event"] == "test-finished");
    let of_events: BTreeMap<String, &Value> = finished.map(|test| (key(test), &test["outcome"])).collect();
    assert_eq!(of_events, by_key);

    // JUnit, read by the library that reads everybody's.
    let junit = quick_junit::Report::deserialize_from_str(&told.junit).unwrap();
    let of_junit: BTreeSet<String> = junit
        .test_suites
        .iter()
        .flat_map(|suite| {
            suite.test_cases.iter().map(|case| format!("{}::{}", suite.name.as_str(), case.name.as_str()))
        })
        .collect();
    assert_eq!(of_junit, by_key.keys().cloned().collect::<BTreeSet<_>>());
    let totals = &told.json["totals"];
    let count = |name: &str| totals[name].as_u64().unwrap() as usize;
    assert_eq!(junit.tests, count("tests"));
    assert_eq!(junit.failures + junit.errors, count("failed") + count("errored") + count("timeout"));
    let sum: usize = ["passed", "failed", "errored", "timeout", "flaky", "skipped"].map(count).iter().sum();
    assert_eq!(sum, count("tests"));

    // The report.
    for line in [
        "result: FAIL",
        "status: failed",
        "exit_code: 100",
        "gate_exit_code: 100",
        "tool_error: false",
        "smoke: skipped",
    ] {
        assert!(told.report.lines().any(|has| has == line), "{line}\n{}", told.report);
    }
    let run_id = told.json["run_id"].as_str().unwrap();
    assert!(told.report.contains(&format!("run_id: {run_id}")) && told.junit.contains(run_id));
    for (test, outcome) in &by_key {
        let listed = told.report.contains(&format!("| `{test}` | {} |", outcome.as_str().unwrap()));
        let fails = ["failed", "error", "timeout"].contains(&outcome.as_str().unwrap());
        assert_eq!(listed, fails, "{test}\n{}", told.report);
    }
}

#[test]
fn events_begin_with_the_start_end_with_the_end_and_carry_version_and_time() {
    let told = tell(&EVERYTHING);
    let names: Vec<&str> = told.events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!((names[0], names[1], *names.last().unwrap()), ("run-started", "build-finished", "run-finished"));
    for name in ["attempt-finished", "process-died"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let mut last = String::new();
    for event in &told.events {
        assert_eq!(event["schema_version"], 1, "{event}");
        let at = event["at"].as_str().unwrap().to_owned();
        assert!(at.ends_with('Z') && at.parse::<jiff::Timestamp>().is_ok(), "{event}");
        assert!(at[..19] >= *last, "time goes on");
        last = at[..19].to_owned();
    }
    let end = told.events.last().unwrap();
    for field in ["run_id", "verdict", "exit_code", "codes", "reasons", "totals", "not_run", "plan_digest"] {
        assert_eq!(end[field], told.json[field], "{field}");
    }
    // A test that is tried again has an event for each try.
    let tries =
        told.events.iter().filter(|event| event["event"] == "attempt-finished" && event["name"] == "fails_twice");
    assert_eq!(tries.map(|event| event["attempt"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn the_json_has_the_fields_that_are_promised() {
    let fixture = Fixture::shared("harness");
    let ended = fixture.gate(["test", "--test", "slow", "--format", "json"]).run();
    let json = ended.assert_code(0).json();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(
        (&json["verdict"], &json["exit_code"], &json["codes"]),
        (&"pass".into(), &0.into(), &serde_json::json!([0]))
    );
    assert!(json["run_id"].is_string() && json["plan_digest"].as_str().is_some_and(|digest| digest.len() == 32));
    assert!(json["duration_ms"].as_u64().unwrap() >= 800);
    assert!(json["reasons"][0]["id"].is_string() && json["reasons"][0]["text"].is_string());
    let ms = |name: &str| entry(&ended, name)["ms"].as_u64();
    for (name, wanted) in [("a_0100", 100), ("b_0400", 400), ("d_0200", 200), ("f_0300", 300), ("h_0800", 800)] {
        let ms = ms(name).unwrap_or_else(|| panic!("{name} has no time\n{ended}"));
        // A busy machine makes it longer, never shorter by more than the way of a line.
        assert!((wanted - 50..wanted + 5000).contains(&ms), "{name} took {ms}");
    }
    assert_eq!(ms("e_ignored"), None);
    assert_eq!(entry(&ended, "e_ignored")["attempts"], 0);
    assert_eq!(entry(&ended, "a_0100")["state"], "new");
    let keys: Vec<String> = json["tests"].as_array().unwrap().iter().map(key).collect();
    assert!(keys.is_sorted(), "{keys:?}");
}

#[test]
fn machine_output_is_alone_on_stdout() {
    let fixture = Fixture::shared("harness");
    let human = fixture.gate(["test", "--test", "lookalike", "--", "--nocapture"]).run();
    assert_eq!(human.assert_code(100).stdout(), "");
    let json = fixture.gate(["test", "--test", "lookalike", "--format", "json", "--", "--nocapture"]).run();
    assert_eq!(json.outcomes(), expected("harness", "lookalike"));
    assert_eq!(json.stdout().lines().count(), 1, "one document, one line");
    let events = fixture.gate(["test", "--test", "lookalike", "--events", "-", "--", "--nocapture"]).run();
    assert!(events.json_lines().iter().all(|event| event["event"].is_string()), "{events}");
}

#[test]
fn a_green_run_reports_green_everywhere() {
    let told = tell(&["--test", "calm"]);
    told.ended.assert_code(0);
    for line in ["result: PASS", "status: success", "exit_code: 0", "gate_exit_code: 0"] {
        assert!(told.report.lines().any(|has| has == line), "{line}\n{}", told.report);
    }
    let junit = quick_junit::Report::deserialize_from_str(&told.junit).unwrap();
    assert_eq!((junit.tests, junit.failures, junit.errors), (3, 0, 0));
}

#[test]
fn a_build_that_fails_reports_red_everywhere() {
    let fixture = Fixture::shared("broken");
    let more = ["test", "--format", "json", "--events", "events", "--junit", "junit.xml", "--report", "report.md"];
    let ended = fixture.gate(more).run();
    ended.assert_code(101);
    let last: Value = serde_json::from_str(fixture.read("events").lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["exit_code"]), (&"run-finished".into(), &101.into()));
    assert!(
        fixture.read("report.md").contains("result: FAIL") && fixture.read("report.md").contains("gate_exit_code: 101")
    );
    quick_junit::Report::deserialize_from_str(&fixture.read("junit.xml")).unwrap();
}

#[test]
fn names_of_every_script_survive_every_format() {
    let told = tell(&["--test", "names"]);
    assert_eq!(told.ended.outcomes(), expected("harness", "names"));
    for name in ["größe_zählt", "名前は日本語"] {
        assert!(told.junit.contains(name) && told.ended.stdout().contains(name), "{name}");
    }
}
