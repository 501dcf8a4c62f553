//! Outcomes of everything a libtest binary can do to its runner; who is to blame when a process dies.

use std::collections::BTreeMap;
use std::thread;

use super::{counts, entry, reasons};
use crate::support::fixture_model::{self, BINARIES, Does, FixtureBinary};
use crate::support::{Ended, Fixture};

/// Runs one binary of `harness`; whatever hangs in it has a limit.
fn run(name: &str, more: &[&str]) -> Ended {
    let limit = if ["hangs", "ignores_term"].contains(&name) { "2s" } else { "60s" };
    let args = ["test", "--test", name, "--format", "json", "--timeout", limit, "--grace", "1s"];
    Fixture::shared("harness").gate(args.into_iter().chain(more.iter().copied())).run()
}

fn harness() -> Vec<&'static FixtureBinary> {
    BINARIES.iter().filter(|binary| binary.fixture == "harness").collect()
}

/// Every binary of `harness` does what the model says; the exit code follows.
fn every_binary(more: &[&str]) {
    let binaries = harness();
    // Most of the time is spent asleep.
    thread::scope(|scope| {
        for some in binaries.chunks(6) {
            scope.spawn(move || {
                for binary in some {
                    // Its tests must never run in two processes at once, which is what one asks for here.
                    let one_at_a_time = more.contains(&"process") && binary.binary == "locks";
                    let more = [more, if one_at_a_time { &["--slots", "1"] } else { &[] }].concat();
                    let ended = run(binary.binary, &more);
                    let expected = binary.expected();
                    assert_eq!(ended.outcomes(), expected, "{} {more:?}\n{ended}", binary.binary);
                    let fails = |outcome: &String| ["failed", "error", "timeout"].contains(&outcome.as_str());
                    ended.assert_code(if expected.values().any(fails) { 100 } else { 0 });
                    let [tests, rest @ .., not_run] = counts(&ended);
                    assert_eq!((tests, not_run), (expected.len() as u64, 0), "{ended}");
                    assert_eq!(rest.iter().sum::<u64>(), tests, "{ended}");
                }
            });
        }
    });
}

#[test]
fn every_binary_of_the_harness_fixture_gets_its_outcomes_in_shared_processes() {
    every_binary(&["--isolation", "shared"]);
}

#[test]
fn every_binary_of_the_harness_fixture_gets_its_outcomes_one_process_a_test() {
    every_binary(&["--isolation", "process"]);
}

#[test]
fn every_binary_that_prints_gets_its_outcomes_on_one_thread() {
    for name in ["lookalike", "bytes", "outcomes", "names", "big", "aborts", "two_crashes", "exits_zero"] {
        let ended = run(name, &["--slots", "1"]);
        assert_eq!(ended.outcomes(), fixture_model::expected("harness", name), "{ended}");
    }
}

#[test]
fn a_crash_names_its_culprit_and_its_signal() {
    let mut deaths = 0;
    for binary in harness() {
        for &(name, does) in binary.tests {
            let Does::DiesOf(signal) = does else { continue };
            deaths += 1;
            let ended = run(binary.binary, &[]);
            let entry = entry(&ended, name);
            let names = BTreeMap::from([(6, "SIGABRT"), (9, "SIGKILL"), (11, "SIGSEGV")]);
            let message = entry["message"].as_str().unwrap_or_default();
            let human = run_for_people(binary.binary);
            assert!(
                message.contains(names[&signal]) || human.stderr().contains(names[&signal]),
                "{name}: neither the JSON nor the terminal names {}\n{ended}\n{human}",
                names[&signal]
            );
            human.assert_stderr_has(name);
            assert!(reasons(&ended).contains(name), "{ended}");
        }
    }
    assert!(deaths >= 6);
}

fn run_for_people(name: &str) -> Ended {
    Fixture::shared("harness").gate(["test", "--test", name]).run()
}

#[test]
fn the_text_of_a_failure_lost_in_a_crash_is_fetched_by_a_recorded_attempt() {
    let ended = run("fails_then_aborts", &[]);
    let failed = entry(&ended, "a_fails_with_words");
    assert_eq!(failed["outcome"], "failed");
    assert_eq!(failed["attempts"], 2, "the second only for its words\n{ended}");
    let message = failed["message"].as_str().unwrap();
    assert!(message.contains("words that only a second run can bring back"), "{ended}");
    assert!(message.contains("the failure before the crash"), "{ended}");
    assert_eq!(entry(&ended, "m_aborts")["outcome"], "error");
}

#[test]
fn a_stack_overflow_says_so() {
    let human = run_for_people("overflows");
    human.assert_code(100).assert_stderr_has("has overflowed its stack").assert_stderr_has("m_overflows");
}

#[test]
fn an_exit_with_success_midway_is_no_pass_and_hides_no_failure() {
    let ended = run("exits_zero", &[]);
    ended.assert_code(100);
    assert_eq!(entry(&ended, "m_exits_with_success")["outcome"], "error");
    assert_eq!(entry(&ended, "z_fails_if_it_ever_runs")["outcome"], "failed", "{ended}");
    run_for_people("exits_zero").assert_stderr_has("exited with 0 before the end of its tests");
}

#[test]
fn an_exit_with_a_status_midway_is_told_with_the_status() {
    run_for_people("exits_three").assert_code(100).assert_stderr_has("exited with 3");
}

#[test]
fn neighbours_of_a_crash_are_executed_once() {
    let ended = run("two_crashes", &[]);
    for name in ["a_first", "m_between", "z_last"] {
        assert_eq!(entry(&ended, name)["attempts"], 1, "{name}\n{ended}");
    }
}
