//! The newcomer's first command, run as the README shows it.

use serde_json::Value;

use crate::docs::first_screen_commands;
use crate::support::{Ended, Fixture, fixture_model};

const FLAKY: &str = "demo/test:flaky::passes_every_second_time";

/// Runs the demo's command, but in a copy, with the gate that these tests were built with.
fn run(demo: &Fixture, more: &[&str]) -> Ended {
    let command = first_screen_commands().swap_remove(0).replace("testdata/demo/", "");
    let args = command.strip_prefix("cargo run -q --release -- gate ").expect("the first command runs the gate");
    demo.gate(args.split(' ').chain(more.iter().copied())).run()
}

fn state_of_the_flaky_test(ended: &Ended) -> Value {
    let tests = ended.json()["tests"].clone();
    let test = tests.as_array().unwrap().iter().find(|test| test["name"] == "passes_every_second_time");
    test.expect("the flaky test is in the JSON")["state"].clone()
}

#[test]
fn the_demo_is_red_for_the_reasons_that_the_readme_gives() {
    let demo = Fixture::alone("demo");
    let ended = run(&demo, &["--format", "json"]);
    ended.assert_code(100);
    assert_eq!(ended.outcomes(), fixture_model::expected_of_all("demo"), "{ended}");
    let totals = &ended.json()["totals"];
    for (count, wanted) in [("tests", 11), ("passed", 7), ("failed", 2), ("errored", 1), ("skipped", 1)] {
        assert_eq!(totals[count], wanted, "{count}\n{ended}");
    }
    assert!(demo.root().join("target/gate").is_dir(), "the history is where the README says");
}

#[test]
fn the_demo_s_flaky_test_is_called_flaky_after_the_second_run() {
    let demo = Fixture::alone("demo");
    run(&demo, &[]).assert_code(100);
    let second = run(&demo, &["--format", "json"]);
    second.assert_code(100);
    assert_eq!(second.outcomes()[FLAKY], "passed", "{second}");
    assert_eq!(state_of_the_flaky_test(&second), "flaky", "{second}");
}

#[test]
fn the_demo_tells_people_what_failed_and_why() {
    let demo = Fixture::alone("demo");
    let ended = run(&demo, &[]);
    assert_eq!(ended.stdout(), "", "what is for people goes to stderr");
    for words in ["a_tip_rounds_up_to_whole_units", "1357 cents is no whole sum", "crashes", "SIGABRT"] {
        ended.assert_stderr_has(words);
    }
}
