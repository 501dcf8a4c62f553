//! A suite that did not execute is no fault of the code, is tried again, and is never green.

use super::{host, reasons, runs, script};
use crate::support::{Ended, Fixture};

/// Runs `calm` with a runner for its binaries.
fn with_runner(fixture: &Fixture, runner: &str, more: &[&str]) -> Ended {
    let name = format!("CARGO_TARGET_{}_RUNNER", host().to_uppercase().replace(['-', '.'], "_"));
    let args = ["test", "--test", "calm", "--format", "json"];
    fixture.gate(args.into_iter().chain(more.iter().copied())).env(&name, runner).run()
}

/// A cargo whose builds fail without a compiler error as often as `failures` says, counted in the scratch directory.
fn bad_cargo(fixture: &Fixture, failures: &str) -> String {
    let real = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let body = format!(
        "[ \"$1\" = test ] || exec {real} \"$@\"\nn=$(cat \"$GATE_FIXTURE_DIR/builds\" 2>/dev/null || echo 0)\n\
         echo $((n + 1)) > \"$GATE_FIXTURE_DIR/builds\"\n\
         if [ $n -lt {failures} ]; then echo 'error: the moon is in the way' >&2; exit 1; fi\nexec {real} \"$@\""
    );
    script(fixture, "cargo", &body)
}

fn with_cargo(fixture: &Fixture, cargo: &str, more: &[&str]) -> Ended {
    let args = ["test", "--test", "calm", "--format", "json", "--infra-delay", "10ms"];
    fixture.gate(args.into_iter().chain(more.iter().copied())).env("CARGO", cargo).run()
}

#[test]
fn a_binary_that_cannot_start_is_tried_again_and_then_22() {
    let fixture = Fixture::shared("harness");
    let more = ["--infra-retries", "2", "--infra-delay", "10ms"];
    let ended = with_runner(&fixture, "/nowhere/runner", &more);
    ended.assert_code(22);
    let text = reasons(&ended);
    assert!(text.contains("not a code fault") && text.contains("try 3 of 3"), "{ended}");
    assert!(text.contains("harness/test:calm"), "{ended}");
    assert_eq!(ended.json()["verdict"], "tool-error");
    ended.assert_stderr_has("try 1 of 3").assert_stderr_has("no fault of the code");
    let run = &runs(&fixture)[0];
    assert_eq!((run.state.as_str(), run.totals.tests), ("tool-error", 0));
    let report = super::read(fixture.gate_dir().join("test-report.md"));
    assert!(report.contains("tool_error: true") && report.contains("not a code fault"), "{report}");
}

#[test]
fn what_cannot_start_does_not_hide_what_failed() {
    let fixture = Fixture::shared("harness");
    // Two binaries, of which one cannot start: it is gone when the tests begin.
    let runner = script(&fixture, "runner", "case \"$1\" in */calm-*) exec /nowhere/at-all;; esac\nexec \"$@\"");
    let name = format!("CARGO_TARGET_{}_RUNNER", host().to_uppercase().replace(['-', '.'], "_"));
    let args = ["test", "--test", "calm", "--test", "outcomes", "--format", "json", "--infra-delay", "10ms"];
    let ended = fixture.gate(args).env(&name, runner).run();
    ended.assert_code(100);
    assert!(ended.outcomes().values().any(|outcome| outcome == "failed"), "{ended}");
}

#[test]
fn a_cargo_that_fails_without_a_compiler_error_is_tried_again() {
    let fixture = Fixture::shared("harness");
    let cargo = bad_cargo(&fixture, "2");
    let ended = with_cargo(&fixture, &cargo, &["--infra-retries", "2"]);
    ended.assert_code(0).assert_stderr_has("the moon is in the way").assert_stderr_has("try 2 of 3");
    assert_eq!(runs(&fixture).len(), 1);

    let fixture = Fixture::shared("harness");
    let cargo = bad_cargo(&fixture, "99");
    let ended = with_cargo(&fixture, &cargo, &["--infra-retries", "1"]);
    ended.assert_code(22);
    assert!(reasons(&ended).contains("the moon is in the way") && reasons(&ended).contains("not a code fault"), "{ended}");
    assert_eq!(super::read(fixture.scratch().join("builds")).trim(), "2");
}

#[test]
fn deferring_counts_across_calls_until_the_budget_is_spent() {
    let fixture = Fixture::shared("harness");
    let cargo = bad_cargo(&fixture, "99");
    let more = ["--infra-mode", "defer", "--infra-retries", "2"];
    for attempt in ["try 1 of 3", "try 2 of 3"] {
        let ended = with_cargo(&fixture, &cargo, &more);
        ended.assert_code(75);
        assert_eq!(ended.json()["verdict"], "deferred");
        assert!(reasons(&ended).contains(attempt) && reasons(&ended).contains("not a code fault"), "{ended}");
    }
    let spent = with_cargo(&fixture, &cargo, &more);
    spent.assert_code(22);
    assert!(reasons(&spent).contains("try 3 of 3"), "{spent}");
    let states: Vec<String> = runs(&fixture).iter().map(|run| run.state.to_string()).collect();
    assert_eq!(states, ["tool-error", "deferred", "deferred"]);
    // The next call tries all the same.
    with_cargo(&fixture, &cargo, &more);
    assert_eq!(super::read(fixture.scratch().join("builds")).trim(), "4");
}

#[test]
fn deferring_counts_where_the_tests_cannot_start_too() {
    let fixture = Fixture::shared("harness");
    let more = ["--infra-mode", "defer", "--infra-retries", "1"];
    with_runner(&fixture, "/nowhere/runner", &more).assert_code(75);
    with_runner(&fixture, "/nowhere/runner", &more).assert_code(22);
}

#[test]
fn an_executed_run_clears_the_count() {
    let fixture = Fixture::shared("harness");
    fixture.commit_all();
    let more = ["--infra-mode", "defer", "--infra-retries", "1"];
    let cargo = bad_cargo(&fixture, "99");
    with_cargo(&fixture, &cargo, &more).assert_code(75);
    fixture.gate(["test", "--test", "calm"]).run().assert_code(0);
    with_cargo(&fixture, &cargo, &more).assert_code(75);
    with_cargo(&fixture, &cargo, &more).assert_code(22);
}

#[test]
fn what_is_not_recorded_cannot_be_put_off() {
    let fixture = Fixture::shared("harness");
    let cargo = bad_cargo(&fixture, "99");
    let ended = with_cargo(&fixture, &cargo, &["--infra-mode", "defer", "--no-record"]);
    ended.assert_code(22);
    assert!(!fixture.gate_dir().exists());
}
