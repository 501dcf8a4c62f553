//! R16: what did not execute is no fault of the code, is tried again, and never opens the gate.

use serde_json::json;

use super::{marks, path_with, place, ran, reasons, report, run, sh, states, tests};

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
    // R18
    let counters = fixture.gate(["status", "--format", "json"]).run().json()["counters"].clone();
    assert_eq!(counters, json!({ "runs": 3, "pass": 0, "fail": 1, "tool_error": 3, "deferred": 2 }));
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
fn r16_tests_that_cannot_be_built_for_no_fault_of_the_code_put_the_pipeline_off() {
    let fixture =
        place(&format!("[default.infra]\nmode = \"defer\"\nretries = 1\n{}{}", tests("[]"), marks("after", "e2e")));
    let real = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let lines = format!("[ \"$1\" = test ] || exec '{real}' \"$@\"\necho 'error: the moon is in the way' >&2; exit 1");
    path_with(&fixture, "moon", &lines);
    let gate = || {
        let cargo = fixture.scratch().join("bin/moon");
        fixture.gate(["run", "--no-progress", "--format", "json"]).env("CARGO", cargo).run()
    };
    let counters = || fixture.gate(["status", "--format", "json"]).run().json()["counters"].clone();
    let put_off = gate();
    put_off.assert_code(75);
    assert!(reasons(&put_off).contains("try 1 of 2") && reasons(&put_off).contains("not a code fault"), "{put_off}");
    // R18
    assert_eq!(counters(), json!({ "runs": 1, "pass": 0, "fail": 0, "tool_error": 1, "deferred": 1 }));
    let spent = gate();
    spent.assert_code(22);
    assert_eq!(states(&spent), "test tool-error, after not-run");
    assert_eq!(counters(), json!({ "runs": 2, "pass": 0, "fail": 1, "tool_error": 2, "deferred": 1 }));
    let report = report(&fixture);
    assert!(report.contains("\ntool_error: true\n") && report.contains("not a code fault"), "{report}");
}

#[test]
fn what_a_softer_step_could_not_do_puts_nothing_off() {
    for (severity, state) in [("warn", "warned"), ("ignore", "ignored")] {
        let fetch = sh("fetch", "setup", NO_NETWORK) + &format!("severity = \"{severity}\"\n");
        let fixture = place(&format!("[default.infra]\n{DEFER}\n{fetch}{}", marks("after", "e2e")));
        let ended = run(&fixture, []);
        ended.assert_code(0);
        assert_eq!(states(&ended), format!("fetch {state}, after passed"));
        assert!(
            super::step(&ended, "fetch")["why"].as_str().unwrap().contains("(network): not a code fault"),
            "{ended}"
        );
    }
}
