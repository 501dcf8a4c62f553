//! What a run leaves behind, where it cannot, and two at once.

use std::thread;

use super::{entry, reasons, runs};
use crate::support::fixture_model::expected;
use crate::support::Fixture;

#[test]
fn a_run_is_on_record_with_what_it_was() {
    let fixture = Fixture::shared("harness");
    fixture.commit_all();
    fixture.gate(["test", "--test", "outcomes", "--trigger", "pre-push"]).run().assert_code(100);
    let run = &runs(&fixture)[0];
    assert_eq!((run.state.as_str(), run.head.trigger.as_str()), ("executed", "pre-push"));
    assert_eq!((run.totals.tests, run.totals.failed, run.totals.skipped), (12, 5, 3));
    assert_eq!(run.head.branch.as_deref(), Some("main"));
    assert!(run.head.commit.as_ref().is_some_and(|commit| commit.len() == 40) && run.head.input_key.is_some());
    assert!(!run.head.full && run.head.toolchain.starts_with("rustc ") && run.head.context.target == super::host());
    let code: u8 = run.judgement.as_ref().unwrap().exit_code().number();
    assert_eq!(code, 100);
}

#[test]
fn a_run_that_is_not_to_be_recorded_leaves_no_trace() {
    let fixture = Fixture::alone("demo");
    let before: Vec<_> = walk(&fixture.root());
    let ended = fixture.gate(["test", "--no-record", "--lib", "--format", "json"]).run();
    ended.assert_code(100);
    assert!(!fixture.gate_dir().exists());
    let after: Vec<_> = walk(&fixture.root()).into_iter().filter(|path| !path.starts_with("target/")).collect();
    assert_eq!(before, after);
}

/// Every file below a directory, by its path from there.
fn walk(root: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_history_that_cannot_be_written_is_a_warning_and_the_verdict_stands() {
    let fixture = Fixture::shared("harness");
    // A file where the directory should be: not even root can write there.
    std::fs::write(fixture.gate_dir(), "").unwrap();
    for (test, code) in [("outcomes", 100), ("calm", 0)] {
        let ended = fixture.gate(["test", "--test", test, "--format", "json"]).run();
        assert_eq!(ended.assert_code(code).outcomes(), expected("harness", test), "{ended}");
        ended.assert_stderr_has("history cannot be written");
    }
    let elsewhere = fixture.gate(["test", "--test", "calm"]).env("CARGO_GATE_STORE_DIR", "/proc/nowhere/gate").run();
    elsewhere.assert_code(0).assert_stderr_has("history cannot be written");
}

#[test]
fn a_damaged_history_is_set_aside_and_the_verdict_stands() {
    let fixture = Fixture::shared("harness");
    std::fs::create_dir_all(fixture.gate_dir()).unwrap();
    std::fs::write(fixture.gate_dir().join("history.sqlite"), "this is no database at all\n".repeat(500)).unwrap();
    std::fs::write(fixture.gate_dir().join("lists.json"), "neither is this JSON").unwrap();
    let ended = fixture.gate(["test", "--test", "calm"]).run();
    ended.assert_code(0).assert_stderr_has("warning");
    assert_eq!(runs(&fixture).len(), 1);
}

#[test]
fn two_gates_on_one_workspace_both_finish_and_are_both_on_record() {
    let fixture = Fixture::shared("harness");
    thread::scope(|scope| {
        for test in ["calm", "outcomes", "slow", "calm"] {
            let fixture = &fixture;
            scope.spawn(move || {
                let ended = fixture.gate(["test", "--test", test, "--format", "json"]).run();
                assert_eq!(ended.outcomes(), expected("harness", test), "{ended}");
                assert!(!ended.stderr().contains("warning"), "{ended}");
            });
        }
    });
    let runs = runs(&fixture);
    assert!(runs.len() == 4 && runs.iter().all(|run| run.state.as_str() == "executed"), "{runs:?}");
}

#[test]
fn a_test_that_crashed_runs_alone_the_next_time() {
    let fixture = Fixture::shared("harness");
    let args = ["test", "--test", "two_crashes", "--format", "json", "--events", "events"];
    fixture.gate(args).run().assert_code(100);
    let second = fixture.gate(args).run();
    assert_eq!(second.assert_code(100).outcomes(), expected("harness", "two_crashes"), "{second}");
    // Its neighbours are not taken down any more: each death is of a process with one test.
    for event in fixture.read("events").lines().filter(|line| line.contains("process-died")) {
        let event: serde_json::Value = serde_json::from_str(event).unwrap();
        assert!(event["in_flight"].as_array().unwrap().len() <= 1, "{event}");
    }
}

#[test]
fn a_quarantined_test_fails_nothing_until_its_day() {
    let fixture = Fixture::shared("harness");
    let quarantine = |until: &str| {
        let all = ["fails_once", "fails_twice", "aborts_once"];
        all.map(|test| format!("[[quarantine]]\ntest = \"harness/test:flaky::{test}\"\nreason = \"known\"\nuntil = {until}\n")).join("\n")
    };
    fixture.write("gate.toml", &quarantine("2999-01-31"));
    let spared = fixture.gate(["test", "--test", "flaky", "--format", "json"]).run();
    spared.assert_code(0);
    assert_eq!(entry(&spared, "fails_twice")["outcome"], "failed", "{spared}");
    assert!(reasons(&spared).contains("quarantine"), "{spared}");
    std::fs::remove_dir_all(fixture.scratch()).unwrap();
    std::fs::create_dir(fixture.scratch()).unwrap();
    fixture.write("gate.toml", &quarantine("2001-01-31"));
    fixture.gate(["test", "--test", "flaky"]).run().assert_code(100);
}
