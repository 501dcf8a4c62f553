//! Ways in which a run could have come out green, or smaller than it was.

use super::{host, script};
use crate::support::{Fixture, fixture_model::expected};

/// A workspace of one package with these integration tests.
fn workspace(tests: &[(&str, &str)]) -> Fixture {
    let fixture = Fixture::bare();
    fixture.write("Cargo.toml", "[package]\nname = \"app\"\nversion = \"0.0.0\"\nedition = \"2021\"\n");
    fixture.write("src/lib.rs", "");
    for (name, text) in tests {
        fixture.write(&format!("tests/{name}.rs"), text);
    }
    fixture
}

const THREE: &str = "
#[test] fn a_known() { panic!(\"known\") }
#[test] fn b_unknown() { std::thread::sleep(std::time::Duration::from_millis(300)); panic!(\"unknown\") }
#[test] fn c_passes() {}
";

#[test]
fn a_quarantined_failure_stops_no_run_and_hides_no_other() {
    let fixture = workspace(&[("three", THREE)]);
    fixture.write("gate.toml", "[[quarantine]]\ntest = \"app/test:three::a_known\"\nreason = \"known\"\n");
    let ended = fixture.gate(["test", "--max-fail", "1", "--slots", "1", "--format", "json"]).run();
    ended.assert_code(100).assert_stderr_has("b_unknown");
    let limited = workspace(&[(
        "three",
        "#[test] fn a_known() { panic!() } #[test] fn b() { std::thread::sleep(std::time::Duration::from_secs(300)) }",
    )]);
    limited.write("gate.toml", "[[quarantine]]\ntest = \"app/test:three::a_known\"\nreason = \"known\"\n");
    let args = ["test", "--run-timeout", "3s", "--slots", "1", "--infra-retries", "none"];
    limited.gate(args).run().assert_code(22).assert_stderr_has("not a code fault");
}

#[test]
fn a_list_that_could_not_be_had_once_passes_nothing_and_is_not_remembered() {
    let text = "
#[test] fn a() {}
#[test] fn b() { std::process::exit(0) }
#[test] fn c() { panic!() }
";
    let fixture = workspace(&[("early", text)]);
    // The user's runner: the first wish for a list fails.
    let once = fixture.scratch().join("once");
    let fails = format!("[ -e '{0}' ] || {{ : >'{0}'; exit 1; }}", once.display());
    let runner = script(&fixture, "runner.sh", &format!("case \"$*\" in *early*--list*) {fails} ;; esac\nexec \"$@\""));
    fixture.write(".cargo/config.toml", &format!("[target.{}]\nrunner = [\"{runner}\"]\n", host()));
    let first = fixture.gate(["test", "--format", "json"]).run();
    first.assert_code(100);
    assert!(once.exists(), "the first list failed\n{first}");
    let second = fixture.gate(["test", "--format", "json"]).run();
    let outcomes = second.assert_code(100).outcomes();
    let of = |name: &str| outcomes[&format!("app/test:early::{name}")].clone();
    assert_eq!([of("a"), of("b"), of("c")], ["passed", "error", "failed"], "{second}");
}

/// A workspace whose one test passes, in a process that this shell command ends.
fn ending_with(command: &str) -> Fixture {
    let fixture = workspace(&[("late", "#[test] fn passes() {}")]);
    let runner =
        script(&fixture, "runner.sh", &format!("\"$@\" || exit\ncase \"$*\" in *--list*) ;; *) {command} ;; esac"));
    fixture.write(".cargo/config.toml", &format!("[target.{}]\nrunner = [\"{runner}\"]\n", host()));
    fixture
}

#[test]
fn a_process_that_is_to_blame_as_a_whole_is_run_again_by_failed_and_by_its_key() {
    let fixture = ending_with("[ -n \"$GATE_CALM\" ] || exit 3");
    let red = fixture.gate(["test", "--test", "late", "--format", "json"]).run();
    assert_eq!(red.assert_code(100).outcomes()["app/test:late::(process)"], "error", "{red}");
    for again in [["--failed", "--test", "late"], ["--select", "app/test:late::(process)", "--tests"]] {
        let again = fixture.gate(["test", "--format", "json"]).args(again).env("GATE_CALM", "1").run();
        assert_eq!(again.assert_code(0).outcomes()["app/test:late::passes"], "passed", "{again}");
        fixture.gate(["test", "--test", "late"]).run().assert_code(100);
    }
}

#[test]
fn a_process_that_hangs_after_its_last_test_is_ended() {
    let fixture = ending_with("sleep 300");
    let ended = fixture.gate(["test", "--test", "late", "--timeout", "2s", "--format", "json"]).run();
    let outcomes = ended.assert_code(100).outcomes();
    assert_eq!(outcomes["app/test:late::passes"], "passed", "{ended}");
    assert_eq!(outcomes["app/test:late::(process)"], "error", "{ended}");
}

#[test]
fn a_failure_whose_retry_never_came_has_failed() {
    let fixture = Fixture::shared("harness");
    fixture.write("gate.toml", "[default.test]\nretries = { count = 1, delay = \"5m\" }\n");
    let ended = fixture
        .gate(["test", "--test", "outcomes", "--run-timeout", "4s", "--infra-retries", "none", "--format", "json"])
        .run();
    ended.assert_code(100);
    let (outcomes, wanted) = (ended.outcomes(), expected("harness", "outcomes"));
    assert_eq!(outcomes, wanted, "{ended}");
}
