//! Exit codes that are not about tests: builds, usage, configuration, surroundings, a gate that is switched off.

use super::{reasons, runs};
use crate::support::Fixture;

#[test]
fn a_build_that_fails_is_101_with_cargos_own_words_and_on_record() {
    let fixture = Fixture::shared("broken");
    let ended = fixture.gate(["test", "--format", "json"]).run();
    ended.assert_code(101);
    let json = ended.json();
    assert_eq!((&json["verdict"], json["tests"].as_array().unwrap().len()), (&"fail".into(), 0), "{ended}");
    assert!(reasons(&ended).contains("build"), "{ended}");
    assert_eq!(runs(&fixture)[0].state.as_str(), "build-failed");
    // The diagnostic is untouched, to the character.
    let cargos = fixture.cargo(["test"]).run().stderr();
    let begin = cargos.find("error[E0308]").unwrap();
    let end = cargos[begin..].find("\n\n").unwrap() + begin;
    ended.assert_stderr_has(&cargos[begin..end]).assert_stderr_has("could not compile `broken`");
}

#[test]
fn manifests_and_flags_that_do_not_hold_together_are_cargos_to_explain() {
    let fixture = Fixture::shared("harness");
    fixture.gate(["test", "--test", "no_such_target"]).run().assert_code(101).assert_stderr_has("no_such_target");
    fixture.gate(["test", "-p", "no_such_package"]).run().assert_code(101).assert_stderr_has("no_such_package");
    fixture.gate(["test", "--features", "no_such_feature"]).run().assert_code(101);
    fixture.gate(["test", "--manifest-path", "nowhere/Cargo.toml"]).run().assert_code(101);
    let bare = Fixture::bare();
    bare.write("Cargo.toml", "[package\n").gate(["test"]).run().assert_code(101).assert_stderr_has("Cargo.toml");
}

#[test]
fn a_selection_that_matches_no_test_is_4_unless_that_is_fine() {
    let fixture = Fixture::shared("empty");
    let ended = fixture.gate(["test", "--format", "json"]).run();
    ended.assert_code(4);
    assert_eq!(ended.json()["verdict"], "nothing", "{ended}");
    assert!(runs(&fixture).is_empty(), "nothing to remember");
    for allowed in ["pass", "warn"] {
        fixture.gate(["test", "--no-tests", allowed]).run().assert_code(0);
    }
    fixture.gate(["test"]).env("CARGO_GATE_TEST_NO_TESTS", "pass").run().assert_code(0);
    let calm = Fixture::shared("harness").gate(["test", "--test", "calm", "no_such_test"]).run();
    calm.assert_code(4).assert_stderr_has("no test");
}

#[test]
fn what_is_no_usage_is_2_and_leaves_no_trace() {
    let fixture = Fixture::shared("harness");
    let cases: [&[&str]; 8] = [
        &["--no-such-flag"],
        &["--message-format", "json"],
        &["--events", "-", "--format", "json"],
        &["--slots", "none"],
        &["--max-fail", "0"],
        &["--fail-fast", "--max-fail", "2"],
        &["--", "--format", "json"],
        &["--select", "[broken"],
    ];
    for args in cases {
        let ended = fixture.gate(["test", "--test", "calm"].into_iter().chain(args.iter().copied())).run();
        ended.assert_code(2);
        assert!(ended.stdout().is_empty() && !ended.stderr().is_empty(), "{ended}");
    }
    assert!(!fixture.gate_dir().exists());
}

#[test]
fn events_that_cannot_be_written_are_found_before_anything_runs() {
    let fixture = Fixture::shared("harness");
    let ended = fixture.gate(["test", "--test", "calm", "--events", "no/such/dir/events"]).run();
    ended.assert_code(2).assert_stderr_has("no/such/dir/events");
    assert!(runs(&fixture).is_empty(), "usage is not on record");
}

#[test]
fn a_mistake_in_the_configuration_is_96_with_file_line_and_key() {
    let fixture = Fixture::shared("harness");
    fixture.write(".config/gate.toml", "enabled = true\n\n[default.test]\nretires = 3\n");
    let ended = fixture.gate(["test", "--test", "calm"]).run();
    ended.assert_code(96);
    for words in ["gate.toml:4", "retires", "retries"] {
        ended.assert_stderr_has(words);
    }
    fixture.write("gate.toml", "");
    fixture.gate(["test"]).run().assert_code(96);
    assert!(!fixture.gate_dir().exists());
}

#[test]
fn a_mistake_in_configured_cargo_flags_is_a_mistake_in_the_configuration() {
    let fixture = Fixture::shared("harness");
    fixture.write("gate.toml", "[default.test]\nargs = [\"--no-such-flag\"]\n");
    fixture.gate(["test", "--test", "calm"]).run().assert_code(96).assert_stderr_has("--no-such-flag");
}

#[test]
fn variables_that_let_a_red_test_turn_green_are_named_or_refused() {
    let fixture = Fixture::shared("harness");
    let args = ["test", "--test", "calm"];
    let warned = fixture.gate(args).env("INSTA_UPDATE", "always").run();
    warned.assert_code(0).assert_stderr_has("INSTA_UPDATE=always");
    let refused = fixture.gate(args).args(["--strict-env"]).env("TRYBUILD", "overwrite").run();
    refused.assert_code(96).assert_stderr_has("TRYBUILD=overwrite");
    assert_eq!(runs(&fixture).len(), 1);
    fixture.gate(args).args(["--gate-profile", "ci"]).env("UPDATE_EXPECT", "1").run().assert_code(96);
    fixture.gate(args).args(["--strict-env"]).env("INSTA_UPDATE", "no").run().assert_code(0);
}

#[test]
fn a_gate_that_is_switched_off_is_plain_cargo_test_with_its_code() {
    let off = |fixture: &Fixture, args: &[&str]| {
        fixture.gate(["test"].into_iter().chain(args.iter().copied())).env("CARGO_GATE_DISABLE", "1").run()
    };
    let fixture = Fixture::shared("harness");
    let green = off(&fixture, &["--test", "calm"]);
    green.assert_code(0).assert_stdout_has("test result: ok. 3 passed").assert_stderr_has("switched off");
    // Tests that fail are 101 for cargo; a process that leaves with 3 is 3.
    off(&fixture, &["--test", "outcomes"]).assert_code(101).assert_stdout_has("test result: FAILED");
    off(&fixture, &["--test", "exits_three"]).assert_code(3);
    off(&fixture, &["--test", "calm", "nested", "--", "--nocapture"]).assert_code(0).assert_stdout_has("1 passed");
    off(&Fixture::shared("broken"), &[]).assert_code(101);
    assert!(!fixture.gate_dir().exists());
    fixture.write("gate.toml", "enabled = false\n");
    fixture.gate(["test", "--test", "calm"]).run().assert_code(0).assert_stdout_has("test result: ok. 3 passed");
    assert!(!fixture.gate_dir().exists());
}

#[test]
fn no_cargo_is_a_missing_tool() {
    let ended = Fixture::shared("harness").gate(["test"]).env("CARGO", "/nowhere/cargo").run();
    ended.assert_code(96).assert_stderr_has("/nowhere/cargo");
}
