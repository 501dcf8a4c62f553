//! What sixty runs make of tests whose past is known, and tests that go.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{Ended, Fixture};

/// A state of the code in each so many runs.
const RUNS_OF_ONE_COMMIT: usize = 5;
const COMMITS: usize = 12;

/// Sixty runs over twelve commits, two of which have a regression that the next one mends.
fn sixty_runs() -> Fixture {
    let fixture = Fixture::shared("flaking");
    for commit in 0..COMMITS {
        let behaviour = if (4..6).contains(&commit) { "regressed" } else { "sound" };
        fixture.write("behaviour.txt", behaviour).write("notes.txt", &commit.to_string()).commit_all();
        let repeat = RUNS_OF_ONE_COMMIT.to_string();
        fixture.gate(["test", "-q", "--repeat", &repeat]).run().assert_code(100);
    }
    fixture
}

fn states(shown: &Ended) -> BTreeMap<String, String> {
    let json = shown.json();
    let text = |test: &Value, field: &str| test[field].as_str().unwrap().to_owned();
    json["tests"].as_array().unwrap().iter().map(|test| (text(test, "name"), text(test, "state"))).collect()
}

fn named<'j>(json: &'j Value, name: &str) -> &'j Value {
    json["tests"].as_array().unwrap().iter().find(|test| test["name"] == name).unwrap()
}

#[test]
fn of_sixty_runs_the_proven_flaky_tests_are_found_and_none_other() {
    let fixture = sixty_runs();
    let shown = fixture.gate(["flaky", "--all", "--format", "json"]).run();
    let expected = [
        ("breaks_with_the_code", "steady"),
        ("broken", "broken"),
        ("flakes", "flaky"),
        ("flakes_once", "flaky"),
        ("flakes_with_another", "flaky"),
        ("flakes_with_the_other", "flaky"),
        ("steady", "steady"),
    ];
    assert_eq!(states(shown.assert_code(0)), expected.map(|(name, state)| (name.into(), state.into())).into());
    let json = shown.json();
    let key = |name: &str| format!("flaking/test:past::{name}");
    assert_eq!(json["groups"], serde_json::json!([[key("flakes_with_another"), key("flakes_with_the_other")]]));
    let in_order: Vec<&str> =
        json["tests"].as_array().unwrap().iter().map(|test| test["name"].as_str().unwrap()).collect();
    assert_eq!(in_order[..2], ["flakes", "flakes_with_the_other"], "R20: sorted by failures");

    // The evidence can be followed: both runs are on record, of one commit.
    let evidence = &named(&json, "flakes_once")["evidence"];
    assert_eq!((&evidence["failures"], &evidence["runs"], &evidence["flips"]), (&1.into(), &60.into(), &2.into()));
    let proof = &evidence["proof"];
    assert_eq!(proof["failed_commit"], proof["passed_commit"]);
    for run in ["failed_run", "passed_run"] {
        let run = fixture.gate(["history", "show", proof[run].as_str().unwrap(), "--format", "json"]).run().json();
        assert_eq!(run["run"]["commit"], proof["failed_commit"]);
    }
    let regressed = &named(&json, "breaks_with_the_code")["evidence"];
    assert_eq!((&regressed["failures"], &regressed["episodes"]), (&10.into(), &1.into()));

    // By default only what is remarkable is shown.
    let shown = fixture.gate(["flaky"]).run();
    shown.assert_code(0).assert_stdout_has("Flake together").assert_stdout_has("7 tests: 4 flaky, 1 broken, 2 steady");
    assert!(!shown.stdout().contains("past::steady"), "{shown}");
    assert_eq!(states(&fixture.gate(["flaky", "--select", "flaking/*::flakes", "--format", "json"]).run()).len(), 1);
    fixture
        .gate(["flaky", "--select", "flaking/*::nothing"])
        .run()
        .assert_code(4)
        .assert_stdout_has("no test on record matches the selection");

    // So many may be flaky; those in quarantine do not count.
    fixture.gate(["flaky", "--fail-above", "4"]).run().assert_code(0);
    let above = fixture.gate(["flaky", "--fail-above", "3", "--format", "json"]).run();
    assert_eq!(
        (&above.assert_code(100).json()["exit_code"], &above.json()["reasons"][0]["id"]),
        (&100.into(), &"flaky-above".into())
    );
    let quarantine = |test: &str, until: &str| {
        format!("[[quarantine]]\ntest = \"flaking/test:past::{test}\"\nreason = \"a bug upstream\"\nuntil = {until}\n")
    };
    let text =
        quarantine("flakes", "2999-01-31") + &quarantine("steady", "2999-01-31") + &quarantine("broken", "2001-01-31");
    fixture.write("gate.toml", &text);
    let shown = fixture.gate(["flaky", "--fail-above", "3"]).run();
    shown.assert_code(0).assert_stdout_has("in quarantine until 2999-01-31: a bug upstream");
    shown.assert_stdout_has("steady again: it may leave quarantine");
    shown.assert_stdout_has("its quarantine ended on 2001-01-31").assert_stderr_has("ended on 2001-01-31");

    // The report of a run says the same, and a strict gate does not start with a quarantine that is over.
    let run = fixture.gate(["test", "--format", "json"]).run();
    run.assert_code(100).assert_stderr_has("In quarantine").assert_stderr_has("steady again");
    assert_eq!(named(&run.json(), "flakes")["quarantine"], "a bug upstream");
    fixture.gate(["test", "--strict-env"]).run().assert_code(96).assert_stderr_has("ended on 2001-01-31");
}

#[test]
fn a_doctest_that_broke_and_was_mended_is_not_flaky_without_git_either() {
    let fixture = Fixture::bare();
    fixture.write("Cargo.toml", "[package]\nname = \"app\"\nedition = \"2024\"\n");
    for (is, code) in [(1, 0), (2, 100), (1, 0)] {
        let source = format!("//! ```\n//! assert_eq!(app::one(), {is});\n//! ```\npub fn one() -> u8 {{ 1 }}\n");
        fixture.write("src/lib.rs", &source);
        fixture.gate(["test"]).run().assert_code(code);
    }
    let json = fixture.gate(["flaky", "--all", "--format", "json"]).run().json();
    assert_eq!(json["tests"][0]["state"], "recovered", "{json}");
}

#[test]
fn without_a_history_there_is_nothing_to_judge() {
    let fixture = Fixture::shared("flaking");
    let shown = fixture.gate(["flaky", "--fail-above", "0", "--fail-on-vanished", "--format", "json"]).run();
    let json = shown.assert_code(0).assert_stderr_has("nothing is on record yet").json();
    assert_eq!((&json["verdict"], json["tests"].as_array().map(Vec::len)), (&"nothing".into(), Some(0)));
    assert!(fixture.gate(["flaky"]).run().assert_code(0).stdout_bytes.is_empty());
    assert!(!fixture.gate_dir().exists(), "nothing is created by looking");
}

#[test]
fn a_test_that_vanished_is_named_once_by_full_runs_only() {
    let fixture = Fixture::bare();
    let test = |name: &str| format!("#[test]\nfn {name}() {{}}\n");
    fixture.write("Cargo.toml", "[package]\nname = \"app\"\nedition = \"2024\"\n\n[lib]\ndoctest = false\n");
    fixture.write("src/lib.rs", &(test("stays") + &test("goes")));
    let vanished = |ended: &Ended| ended.json()["vanished"].clone();
    let gate = |words: &str| fixture.gate(words.split_whitespace()).run();
    assert_eq!(vanished(gate("test --format json --fail-on-vanished").assert_code(0)), serde_json::json!([]));
    fixture.write("src/lib.rs", &test("stays"));
    let part = gate("test stays --format json --fail-on-vanished");
    assert_eq!(vanished(part.assert_code(0)), serde_json::json!([]), "a part of the tests cannot say so");
    assert_eq!(gate("flaky --fail-on-vanished --format json").assert_code(0).json()["vanished"], serde_json::json!([]));
    let full = gate("test --format json --fail-on-vanished --no-record");
    assert_eq!(vanished(full.assert_code(100)), serde_json::json!(["app/app::goes"]));
    assert_eq!(full.json()["reasons"][0]["id"], "vanished");
    gate("test").assert_code(0).assert_stderr_has("Vanished").assert_stderr_has("app/app::goes");
    let flaky = gate("flaky --fail-on-vanished --format json");
    assert_eq!(vanished(flaky.assert_code(100)), serde_json::json!(["app/app::goes"]));
    assert_eq!(vanished(gate("test --format json --fail-on-vanished").assert_code(0)), serde_json::json!([]));
    gate("flaky --fail-on-vanished").assert_code(0).assert_stdout_has("no test vanished");
}
