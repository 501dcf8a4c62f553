//! Coverage as a step of a pipeline.

use serde_json::Value;

use super::measurable;
use crate::support::{Ended, Fixture, wait_until};

const STEP: &str = "[[pipeline.default.step]]\nname = \"coverage\"\nkind = \"coverage\"\n";

fn run(fixture: &Fixture) -> Ended {
    fixture.gate(["run", "--no-progress", "--format", "json"]).run()
}

fn read(fixture: &Fixture, name: &str) -> String {
    std::fs::read_to_string(fixture.gate_dir().join(name)).unwrap_or_default()
}

#[track_caller]
fn state(ended: &Ended) -> Value {
    ended.json()["steps"].as_array().unwrap().last().unwrap()["state"].clone()
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn a_step_measures_judges_and_raises_the_ratchet() {
    let fixture = measurable("covered");
    fixture.write("gate.toml", STEP);
    let ended = run(&fixture);
    ended.assert_code(0);
    assert_eq!((state(&ended), &ended.json()["totals"]["passed"]), ("passed".into(), &1.into()));
    assert!(read(&fixture, "ratchet.toml").contains("workspace"), "{}", read(&fixture, "ratchet.toml"));
    assert!(read(&fixture, "coverage-report.md").contains("\ncoverage_status: PASS\n"));
    assert!(read(&fixture, "test-report.md").contains("\nresult: PASS\n"));
    // Nothing of the measurement stands in the way of plain tests.
    fixture.gate(["test"]).run().assert_code(0);
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn a_step_that_covers_too_little_is_20_and_nothing_comes_after_it() {
    let fixture = measurable("covered");
    let after = "[[pipeline.default.step]]\nname = \"after\"\nkind = \"e2e\"\ncommand = [\"false\"]\n";
    let floor = "[default.coverage]\npolicy = \"absolute\"\nfloor = 99\n";
    fixture.write("gate.toml", &format!("{floor}{STEP}{after}"));
    let ended = run(&fixture);
    ended.assert_code(20);
    assert_eq!((&ended.json()["codes"], state(&ended)), (&serde_json::json!([20]), "not-run".into()));
    let step = &ended.json()["steps"][0];
    assert_eq!((&step["state"], &step["returncode"]), (&"failed".into(), &20.into()));
    assert!(read(&fixture, "test-report.md").contains("\ngate_exit_code: 20\n"));
    let verdict = |name: &str| fixture.gate(["verdict"]).arg(fixture.gate_dir().join(name)).run().code();
    assert_eq!((verdict("coverage-report.md"), verdict("test-report.md")), (Some(20), Some(100)));
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn r24_a_worktree_uses_the_ratchet_of_the_original() {
    let fixture = measurable("covered");
    fixture.write("gate.toml", &format!("[pipeline.default]\nisolate = \"worktree\"\n{STEP}"));
    fixture.write("Cargo.lock", "version = 4\n[[package]]\nname = \"covered\"\nversion = \"0.0.0\"\n").commit_all();
    let first = run(&fixture);
    first.assert_code(0);
    let ratchet = read(&fixture, "ratchet.toml");
    assert!(ratchet.contains("src") || ratchet.contains("workspace"), "{ratchet}");
    // What is not committed is not measured.
    let before = fixture.read("src/lib.rs");
    fixture.write("src/lib.rs", &before.replace("size(12)", "size(2)").replace("\"large\"", "\"small\""));
    run(&fixture).assert_code(0);
    assert_eq!(read(&fixture, "ratchet.toml"), ratchet);
    fixture.command("git").args(["commit", "-aqm", "Less"]).run().assert_code(0);
    run(&fixture).assert_code(20);
    assert_eq!(read(&fixture, "ratchet.toml"), ratchet);
    let listed = fixture.command("git").args(["worktree", "list"]).run();
    assert_eq!(listed.stdout().lines().count(), 1, "{listed}");
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn an_interrupt_while_it_measures_ends_the_pipeline_in_good_order() {
    use rustix::process::Signal;
    for signal in [Signal::INT, Signal::TERM] {
        let fixture = measurable("covered");
        let test = "#[test]\nfn waits() {\n    let dir = std::env::var(\"GATE_FIXTURE_DIR\").unwrap();\n    std::fs::write(dir + \
                    \"/there\", \"\").unwrap();\n    std::thread::sleep(std::time::Duration::from_secs(600));\n}\n";
        fixture.write("gate.toml", STEP).write("tests/waits.rs", test);
        let running = fixture.gate(["run", "--no-progress", "--format", "json"]).in_own_group().spawn();
        wait_until("the test runs", || fixture.scratch().join("there").exists());
        running.signal(signal);
        let ended = running.wait();
        ended.assert_code(130);
        assert_eq!(state(&ended), "not-run");
        assert_eq!(read(&fixture, "ratchet.toml"), "", "nothing was judged");
    }
}

/// What the document says of the step that fails: its name, the first words of why.
#[track_caller]
fn red(fixture: &Fixture, code: i32) -> (String, String) {
    let ended = run(fixture);
    ended.assert_code(code);
    let json = ended.json();
    let failed = json["steps"].as_array().unwrap().iter().find(|step| step["state"] == "failed");
    let failed = failed.unwrap_or_else(|| panic!("no step failed\n{ended}"));
    let log = std::fs::read_to_string(failed["log"].as_str().unwrap()).unwrap();
    assert!(ended.stderr().contains("Next cargo ") && ended.stderr().contains("Logs "), "{ended}");
    (failed["name"].as_str().unwrap().to_owned(), log)
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn what_init_writes_runs_green_and_each_red_names_its_step() {
    let fixture = measurable("covered");
    let source = fixture.read("src/lib.rs").replace("number % 2 == 0", "number.is_multiple_of(2)");
    fixture.write("src/lib.rs", &source);
    fixture.cargo(["fmt"]).run().assert_code(0);
    fixture.cargo(["generate-lockfile"]).run().assert_code(0);
    fixture.gate(["init", "--no-try"]).run().assert_code(0);
    run(&fixture).assert_code(0);
    let again = run(&fixture);
    again.assert_code(0);
    let json = again.json();
    let cached: Vec<&str> = json["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|step| (step["cached"] == true).then_some(step["name"].as_str().unwrap()))
        .collect();
    assert!(cached.contains(&"fmt") && cached.contains(&"clippy"), "{again}");

    let good = fixture.read("src/lib.rs");
    let broken = |what: &str, code: i32, source: String| {
        fixture.write("src/lib.rs", &source);
        let red = red(&fixture, code);
        fixture.write("src/lib.rs", &good);
        assert_eq!(red.0, what, "{}", red.1);
        red.1
    };
    let log = broken("fmt", 21, format!("{good}\npub  fn  odd ( ) {{ }}\n"));
    assert!(log.contains("pub fn odd"), "{log}");
    let log = broken("clippy", 21, format!("{good}\npub fn lint(x: u32) -> u32 {{\n    return x;\n}}\n"));
    assert!(log.contains("needless_return"), "{log}");
    let log = broken("test", 100, good.replace("size(12), \"large\"", "size(12), \"small\""));
    assert!(log.contains("sizes"), "{log}");
    let uncovered = "/// Not covered.\npub fn nothing(of: u32) -> u32 {\n    let twice = of * 2;\n    twice + 1\n}\n\n/// Not covered.";
    let log = broken("coverage", 20, good.replacen("/// Not covered.", uncovered, 1));
    assert!(log.contains("baseline"), "{log}");
    run(&fixture).assert_code(0);
}
