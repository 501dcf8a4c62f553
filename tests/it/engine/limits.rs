//! Time: tests that hang, children that will not go, whole runs that take too long.

use std::time::Duration;

use rustix::process::{Pid, test_kill_process};

use super::{counts, entry, reasons, runs};
use crate::support::fixture_model::expected;
use crate::support::{Fixture, wait_until};

#[test]
fn a_hang_is_a_timeout_that_names_the_culprit_and_the_others_complete() {
    let ended = Fixture::shared("harness")
        .gate(["test", "--test", "hangs", "--timeout", "1s", "--grace", "1s", "--format", "json"])
        .run();
    ended.assert_code(100);
    assert_eq!(ended.outcomes(), expected("harness", "hangs"), "{ended}");
    let hanging = entry(&ended, "m_hangs");
    assert!((1000..3000).contains(&hanging["ms"].as_u64().unwrap()), "{ended}");
    assert!(ended.took < Duration::from_secs(60), "{ended}");
    ended.assert_stderr_has("m_hangs").assert_stderr_has("1s");
}

#[test]
fn a_limit_of_one_test_leaves_the_others_theirs() {
    let fixture = Fixture::shared("harness");
    fixture.write("gate.toml", "[[override]]\nfilter = \"harness/test:hangs::m_*\"\ntimeout = \"1s\"\n");
    let ended = fixture.gate(["test", "--test", "hangs", "--test", "slow", "--format", "json"]).run();
    let mut wanted = expected("harness", "hangs");
    wanted.extend(expected("harness", "slow"));
    assert_eq!(ended.outcomes(), wanted, "{ended}");
}

#[test]
fn a_child_that_ignores_term_is_killed_after_the_grace() {
    let fixture = Fixture::shared("harness");
    let ended =
        fixture.gate(["test", "--test", "ignores_term", "--timeout", "1s", "--grace", "1s", "--format", "json"]).run();
    assert_eq!(ended.assert_code(100).outcomes(), expected("harness", "ignores_term"), "{ended}");
    let pid = super::read(fixture.scratch().join("stubborn.pid")).trim().parse().unwrap();
    let stubborn = Pid::from_raw(pid).unwrap();
    wait_until("the stubborn child is gone", || test_kill_process(stubborn).is_err());
}

#[test]
fn what_a_test_leaves_behind_is_reported_as_a_leak_and_not_waited_for() {
    let ended = Fixture::shared("harness").gate(["test", "--test", "daemon", "--format", "json"]).run();
    assert_eq!(ended.assert_code(0).outcomes(), expected("harness", "daemon"), "{ended}");
    assert_eq!(entry(&ended, "leaves_a_child_behind")["leaked"], true, "{ended}");
    // The child sleeps for five seconds.
    assert!(ended.json()["duration_ms"].as_u64().unwrap() < 4500, "{ended}");
    ended.assert_stderr_has("harness/test:daemon left a process behind");
}

#[test]
fn a_test_that_reads_its_input_finds_the_end() {
    let ended = Fixture::shared("harness").gate(["test", "--test", "stdin", "--timeout", "20s"]).run();
    ended.assert_code(0);
}

#[test]
fn a_slow_test_is_named_while_it_runs() {
    let ended = Fixture::shared("harness").gate(["test", "--test", "slow", "--slow", "300ms"]).run();
    ended.assert_code(0).assert_stderr_has("h_0800");
}

#[test]
fn a_run_that_takes_too_long_without_a_failure_is_a_tool_error_that_names_what_was_in_flight() {
    let fixture = Fixture::shared("harness");
    let ended = fixture
        .gate(["test", "--test", "hangs", "--run-timeout", "1s", "--infra-retries", "0", "--format", "json"])
        .run();
    ended.assert_code(22);
    let json = ended.json();
    assert_eq!(json["verdict"], "tool-error", "{ended}");
    assert!(reasons(&ended).contains("harness/test:hangs::m_hangs"), "{ended}");
    assert!(reasons(&ended).contains("not a code fault"), "{ended}");
    assert_eq!(entry(&ended, "a_first")["outcome"], "passed");
    assert_eq!(runs(&fixture)[0].state.as_str(), "tool-error");
}

#[test]
fn only_what_has_no_outcome_is_tried_again_after_a_run_that_took_too_long() {
    let ended = Fixture::shared("harness")
        .gate(["test", "--test", "hangs", "--run-timeout", "1s", "--infra-retries", "1", "--infra-delay", "1ms"])
        .args(["--format", "json", "--events"])
        .arg("events.ndjson")
        .run();
    ended.assert_code(22);
    assert_eq!(entry(&ended, "a_first")["attempts"], 1, "{ended}");
    assert!(reasons(&ended).contains("try 2 of 2"), "{ended}");
}

#[test]
fn a_run_that_takes_too_long_with_a_failure_seen_is_red_for_the_failure() {
    let fixture = Fixture::shared("harness");
    let ended = fixture
        .gate([
            "test",
            "--test",
            "hangs",
            "--test",
            "outcomes",
            "--run-timeout",
            "3s",
            "--slots",
            "4",
            "--format",
            "json",
        ])
        .run();
    ended.assert_code(100);
    let json = ended.json();
    assert_eq!((&json["verdict"], &json["codes"]), (&"fail".into(), &serde_json::json!([100])), "{ended}");
    let [tests, .., not_run] = counts(&ended);
    assert!(not_run >= 1 && tests >= 12, "{ended}");
    assert!(reasons(&ended).contains("own limit"), "{ended}");
    assert_eq!(runs(&fixture)[0].state.as_str(), "executed");
}

#[test]
fn a_hanging_crate_of_doctests_runs_into_the_limit_of_the_whole() {
    let fixture = Fixture::bare();
    fixture.write("Cargo.toml", "[workspace]\n[package]\nname = \"slowdoc\"\nedition = \"2024\"\n").write(
        "src/lib.rs",
        "/// ```\n/// std::thread::sleep(std::time::Duration::from_secs(300));\n/// ```\npub fn f() {}\n",
    );
    let ended = fixture.gate(["test", "--doc", "--timeout", "4s", "--grace", "1s", "--format", "json"]).run();
    ended.assert_code(100);
    assert!(ended.outcomes().values().any(|outcome| outcome == "timeout"), "{ended}");
    assert!(ended.took < Duration::from_secs(60), "{ended}");
}
