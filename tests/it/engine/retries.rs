//! Trying again, stopping early, and doing it all several times.

use super::{counts, entry, reasons, runs, store};
use crate::support::fixture_model::{self, expected};
use crate::support::{Ended, Fixture};
use cargo_gate::history::store::Store;

fn flaky(more: &[&str]) -> (Fixture, Ended) {
    let fixture = Fixture::shared("harness");
    let args = ["test", "--test", "flaky", "--format", "json"];
    let ended = fixture.gate(args.into_iter().chain(more.iter().copied())).run();
    (fixture, ended)
}

fn with_retries(retries: u32) -> std::collections::BTreeMap<String, String> {
    fixture_model::binary("harness", "flaky").expected_with_retries(retries)
}

#[test]
fn a_test_that_passes_when_tried_again_is_flaky_and_the_gate_is_open() {
    let (_, ended) = flaky(&["--retries", "2"]);
    assert_eq!(ended.assert_code(0).outcomes(), with_retries(2), "{ended}");
    let attempts = ["always_passes", "fails_once", "fails_twice"].map(|name| entry(&ended, name)["attempts"].clone());
    assert_eq!(attempts, [1, 2, 3], "{ended}");
    assert_eq!(counts(&ended), [4, 1, 0, 0, 0, 3, 0, 0]);
    ended.assert_stderr_has("fails_twice");
}

#[test]
fn every_attempt_is_on_record_with_what_it_said() {
    let (fixture, ended) = flaky(&["--retries", "2", "fails"]);
    ended.assert_code(0);
    let cases = store(&fixture).unwrap().cases(&runs(&fixture)[0].head.id).unwrap();
    let twice = cases.iter().find(|case| case.key.name == "fails_twice").unwrap();
    assert_eq!(twice.attempts.len(), 3);
    for (attempt, words) in twice.attempts.iter().zip(["run 1 of fails_twice", "run 2 of fails_twice"]) {
        assert!(attempt.text.as_deref().unwrap_or_default().contains(words), "{:?}", twice.attempts);
    }
}

#[test]
fn the_budget_of_retries_is_each_tests_own() {
    let (_, ended) = flaky(&["--retries", "1"]);
    assert_eq!(ended.assert_code(100).outcomes(), with_retries(1), "{ended}");
    assert_eq!(entry(&ended, "fails_twice")["attempts"], 2, "{ended}");
}

#[test]
fn without_retries_nothing_is_tried_again() {
    let (_, ended) = flaky(&[]);
    assert_eq!(ended.assert_code(100).outcomes(), with_retries(0), "{ended}");
    let (_, ended) = flaky(&["fails"]);
    ended.assert_code(100);
    for name in ["fails_once", "fails_twice"] {
        assert_eq!(entry(&ended, name)["attempts"], 1, "{ended}");
    }
}

#[test]
fn flaky_tests_fail_where_that_is_asked_for() {
    let (_, ended) = flaky(&["--retries", "2", "--flaky-result", "fail"]);
    assert_eq!(ended.assert_code(100).outcomes(), with_retries(2), "{ended}");
    assert!(reasons(&ended).contains("flaky-result"), "{ended}");
    assert_eq!(ended.json()["verdict"], "fail");
}

#[test]
fn an_override_gives_retries_to_some() {
    let fixture = Fixture::shared("harness");
    fixture.write("gate.toml", "[[override]]\nfilter = \"harness/test:flaky::fails_once\"\nretries = 1\n");
    let ended = fixture.gate(["test", "--test", "flaky", "--format", "json", "fails"]).run();
    ended.assert_code(100);
    assert_eq!(entry(&ended, "fails_once")["outcome"], "flaky", "{ended}");
    assert_eq!(entry(&ended, "fails_twice")["outcome"], "failed", "{ended}");
}

#[test]
fn retries_in_processes_of_their_own_count_alike() {
    let (_, ended) = flaky(&["--retries", "2", "--isolation", "process"]);
    assert_eq!(ended.assert_code(0).outcomes(), with_retries(2), "{ended}");
}

#[test]
fn a_hang_is_tried_again_as_often_as_a_failure() {
    let ended = Fixture::shared("harness")
        .gate(["test", "--test", "hangs", "--timeout", "1s", "--grace", "1s", "--retries", "1", "--format", "json"])
        .run();
    assert_eq!(ended.assert_code(100).outcomes(), expected("harness", "hangs"), "{ended}");
    assert_eq!(entry(&ended, "m_hangs")["attempts"], 2, "{ended}");
}

#[test]
fn the_first_failure_stops_the_run_and_what_is_left_is_counted() {
    let fixture = Fixture::shared("harness");
    let ended = fixture
        .gate(["test", "--test", "outcomes", "--test", "slow", "--fail-fast", "--slots", "1", "--format", "json"])
        .run();
    ended.assert_code(100);
    let [tests, _, failed, .., not_run] = counts(&ended);
    assert!(failed >= 1 && not_run >= 1, "{ended}");
    assert_eq!(tests + not_run, 20, "{ended}");
    assert_eq!(ended.json()["tests"].as_array().unwrap().len() as u64, tests, "what did not run has no case\n{ended}");
    assert_eq!(runs(&fixture)[0].not_run, not_run);
}

#[test]
fn so_many_failures_stop_the_run() {
    let ended = Fixture::shared("harness")
        .gate(["test", "--test", "outcomes", "--max-fail", "2", "--slots", "1", "--format", "json"])
        .run();
    let [tests, _, failed, .., not_run] = counts(&ended);
    assert!(failed >= 2, "{ended}");
    assert_eq!(tests + not_run, 12, "{ended}");
    ended.assert_code(100);
    // More than there are: everything runs.
    let all =
        Fixture::shared("harness").gate(["test", "--test", "outcomes", "--max-fail", "50", "--format", "json"]).run();
    assert_eq!(all.outcomes(), expected("harness", "outcomes"));
}

#[test]
fn everything_runs_by_default_whatever_fails() {
    let ended =
        Fixture::shared("harness").gate(["test", "--test", "outcomes", "--no-fail-fast", "--format", "json"]).run();
    assert_eq!(ended.assert_code(100).outcomes(), expected("harness", "outcomes"));
}

#[test]
fn a_retry_that_passes_does_not_count_as_a_failure_that_stops_the_run() {
    let (_, ended) = flaky(&["--retries", "2", "--fail-fast"]);
    assert_eq!(ended.assert_code(0).outcomes(), with_retries(2), "{ended}");
}

#[test]
fn everything_is_run_so_often() {
    let fixture = Fixture::shared("harness");
    fixture.gate(["test", "--test", "calm", "--repeat", "3"]).run().assert_code(0);
    assert_eq!(runs(&fixture).len(), 3, "each round is a run on record");
    // A failure does not end the rounds, and is not forgotten.
    let fixture = Fixture::shared("harness");
    fixture.gate(["test", "--test", "flaky", "fails_once", "--repeat", "3"]).run().assert_code(100);
    let mut verdicts: Vec<String> =
        runs(&fixture).iter().map(|run| run.judgement.clone().unwrap().verdict.to_string()).collect();
    verdicts.reverse();
    assert_eq!(verdicts, ["fail", "pass", "pass"]);
}

#[test]
fn everything_is_run_until_something_fails() {
    let fixture = Fixture::shared("harness");
    // Passes twice, then the file is found to be there no more than twice.
    fixture.write("gate.toml", "");
    let steps = "n=$(cat \"$GATE_FIXTURE_DIR/n\" 2>/dev/null || echo 0); echo $((n + 1)) > \"$GATE_FIXTURE_DIR/n\"";
    let runner = super::script(
        &fixture,
        "runner",
        &format!("case \"$*\" in *--list*) ;; *) {steps}; [ $n -lt 2 ] || exec false;; esac\nexec \"$@\""),
    );
    let host = super::host();
    let ended = fixture
        .gate(["test", "--test", "calm", "--until-fail", "--repeat", "9"])
        .env(&format!("CARGO_TARGET_{}_RUNNER", host.to_uppercase().replace('-', "_")), runner)
        .run();
    ended.assert_code(100);
    assert_eq!(runs(&fixture).len(), 3, "{ended}");
}
