//! R16: what did not execute is no fault of the code, is tried again, and never opens the gate.

use serde_json::json;

use super::{marks, place, ran, reasons, report, run, sh, states, tests};

/// A setup that finds no network, unless there is one.
const NO_NETWORK: &str = "echo ran >> \"$GATE_FIXTURE_DIR/tries\"\ntest -e \"$GATE_FIXTURE_DIR/network\" && exit 0\n\
                          echo 'curl: (6) Could not resolve host: example.org' >&2; exit 6";

fn config(infra: &str) -> String {
    format!("[default.infra]\n{infra}\n{}{}", sh("fetch", "setup", NO_NETWORK), marks("test", "test"))
}

const DEFER: &str = "mode = \"defer\"\nretries = 2\ndelay = \"10m\"";

#[test]
fn r16_a_setup_without_a_network_is_put_off_until_the_budget_is_spent() {
    let fixture = place(&config(DEFER));
    fixture.commit_all();
    for attempt in ["attempt 1/3", "attempt 2/3"] {
        let ended = run(&fixture, []);
        ended.assert_code(75);
        assert_eq!(
            (ended.json()["verdict"].as_str(), states(&ended).as_str()),
            (Some("deferred"), "fetch tool-error, test not-run")
        );
        assert!(reasons(&ended).contains(attempt) && reasons(&ended).contains("not a code fault"), "{ended}");
        assert!(report(&fixture).contains("\nresult: FAIL\n"), "it is not open");
    }
    let spent = run(&fixture, []);
    spent.assert_code(22);
    assert_eq!(spent.json()["verdict"], "tool-error");
    let report = report(&fixture);
    for words in [
        "\nresult: FAIL\n",
        "\ntool_error: true\n",
        "\ngate_exit_code: 22\n",
        "not a code fault",
        "Could not resolve host",
    ] {
        assert!(report.contains(words), "no {words:?} in {report}");
    }
    // The next call tries again, and what works begins a new count.
    run(&fixture, []).assert_code(22);
    assert_eq!((ran(&fixture, "tries"), ran(&fixture, "test")), (4, 0));
    let network = fixture.scratch().join("network");
    std::fs::write(&network, "").unwrap();
    run(&fixture, []).assert_code(0);
    std::fs::remove_file(network).unwrap();
    let ended = run(&fixture, []);
    ended.assert_code(75);
    assert!(reasons(&ended).contains("attempt 1/3"), "{ended}");
}

#[test]
fn r16_another_state_of_the_code_has_a_budget_of_its_own() {
    let fixture = place(&config(DEFER));
    fixture.commit_all();
    assert!(reasons(&run(&fixture, [])).contains("attempt 1/3"));
    assert!(reasons(&run(&fixture, [])).contains("attempt 2/3"));
    fixture.write("src/lib.rs", "pub fn other() {}\n");
    assert!(reasons(&run(&fixture, [])).contains("attempt 1/3"));
}

#[test]
fn r16_where_it_is_not_put_off_it_is_tried_at_once_and_then_22() {
    let fixture = place(&config("mode = \"retry\"\nretries = 2\ndelay = \"10ms\""));
    let ended = run(&fixture, []);
    ended.assert_code(22);
    assert_eq!(ran(&fixture, "tries"), 3);
    assert!(reasons(&ended).contains("after 3 tries") && reasons(&ended).contains("not a code fault"), "{ended}");
    assert!(report(&fixture).contains("\ntool_error: true\n"));
    std::fs::write(fixture.scratch().join("network"), "").unwrap();
    run(&fixture, []).assert_code(0);
}

#[test]
fn r16_a_setup_that_fails_for_good_is_a_failure() {
    for infra in [DEFER, "retries = 2\ndelay = \"10ms\""] {
        let config = format!(
            "[default.infra]\n{infra}\n{}",
            sh("fetch", "setup", "echo ran >> \"$GATE_FIXTURE_DIR/tries\"; exit 2")
        );
        let fixture = place(&config);
        let ended = run(&fixture, []);
        ended.assert_code(21);
        assert_eq!((ran(&fixture, "tries"), states(&ended).as_str()), (1, "fetch failed"));
        assert!(report(&fixture).contains("\ntool_error: false\n"));
    }
}

#[test]
fn r16_only_a_setup_is_put_off() {
    let fixture = place(&format!("[default.infra]\n{DEFER}\n{}", sh("a", "custom", NO_NETWORK)));
    run(&fixture, []).assert_code(21);
    assert_eq!(ran(&fixture, "tries"), 1);
}

#[test]
fn r16_what_is_not_recorded_cannot_be_put_off() {
    let fixture = place(&config(DEFER));
    run(&fixture, ["--no-record"]).assert_code(22);
}

#[test]
fn r16_tests_that_did_not_execute_are_put_off_and_counted_once() {
    // No build is done by then, and so ends in good order.
    let step = tests("[]") + "timeout = \"1ms\"\n";
    let fixture = place(&format!("[default.infra]\n{DEFER}\n{step}"));
    fixture.commit_all();
    let counted = |runs: u32, fail: u32, deferred: u32| {
        let counters = fixture.gate(["status", "--format", "json"]).run().json()["counters"].clone();
        let wanted = json!({ "runs": runs, "pass": 0, "fail": fail, "tool_error": runs, "deferred": deferred });
        assert_eq!(counters, wanted);
    };
    for attempt in [1, 2] {
        let ended = run(&fixture, []);
        ended.assert_code(75);
        assert!(reasons(&ended).contains("the build ran into the time limit of its step"), "{ended}");
        counted(attempt, 0, attempt);
    }
    run(&fixture, []).assert_code(22);
    counted(3, 1, 2);
    // A setup is no run of tests: there the pipeline counts.
    fixture.write("gate.toml", &config(DEFER));
    run(&fixture, []).assert_code(75);
    counted(4, 1, 3);
}
