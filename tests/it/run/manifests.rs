//! R22: what is to run is written down first, what ran last, however that came.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{is_gone, manifests, marks, note, pid, place, put_down, recorded, run, run_dirs, sh};
use crate::support::{Fixture, wait_until};

/// A step that tells its number and goes on until it is ended.
const WAITS: &str = "echo $$ > \"$GATE_FIXTURE_DIR/pid\"; exec sleep 600";

fn names(done: &Value, keep: impl Fn(&Value) -> bool) -> Vec<&str> {
    let steps = done["steps"].as_array().unwrap().iter();
    steps.filter(|step| keep(step)).map(|step| step["name"].as_str().unwrap()).collect()
}

/// What both files promise, whatever happened.
#[track_caller]
fn assert_whole(meant: &Value, done: &Value) {
    for both in [meant, done] {
        assert_eq!(both["schema_version"], 1);
        assert_eq!(both["run_id"], meant["run_id"]);
        assert_eq!(both["expected_commands"], meant["expected_commands"]);
    }
    let [expected, actual, missing] =
        ["expected_commands", "actual_commands", "missing_commands"].map(|key| done[key].as_array().unwrap());
    assert_eq!(done["all_executed"], expected == actual);
    assert_eq!(done["commands_expected"], expected.len());
    assert_eq!(done["commands_executed"], actual.len());
    assert_eq!(missing.len(), expected.iter().filter(|command| !actual.contains(command)).count());
    for step in done["steps"].as_array().unwrap() {
        assert!(step["duration_seconds"].is_f64() && step["cached"].is_boolean() && step["ok"].is_boolean(), "{step}");
    }
}

#[test]
fn r22_what_is_to_run_is_on_the_disk_before_the_first_step() {
    let look = "cat \"$CARGO_GATE_DIR/validation_manifest.json\" > \"$GATE_FIXTURE_DIR/first\"\n\
                test ! -e \"$CARGO_GATE_DIR/validation_complete.json\"";
    let fixture = place(&(sh("look", "setup", look) + &marks("it's", "custom")));
    let ended = run(&fixture, []);
    ended.assert_code(0);
    let first: Value = serde_json::from_str(&note(&fixture, "first").unwrap()).unwrap();
    assert_eq!((&first["ids"], &first["scope"]), (&json!(["look", "it's"]), &json!("full")));
    assert_eq!(first["run_id"], ended.json()["run_id"]);
    assert_eq!(first["cwd"], fixture.root().to_str().unwrap());
    let (meant, done) = manifests(&fixture);
    assert_eq!(meant, first);
    let typed = first["expected_commands"][1].as_str().unwrap();
    fixture.command("sh").args(["-c", typed]).run().assert_code(0);
    assert_eq!(super::ran(&fixture, "it's"), 2, "a command can be typed as it stands: {typed}");
    assert_eq!(done.unwrap()["all_executed"], true);
}

#[test]
fn r22_both_are_complete_after_success_a_failing_step_and_a_timeout() {
    let waits = sh("a", "custom", "exec sleep 600") + "timeout = \"1s\"\n";
    for (first, code, executed, returncode, reason) in [
        (sh("a", "custom", "sleep 0.3"), 0, true, Some(0), None),
        (sh("a", "custom", "exit 3"), 21, false, Some(3), Some("a: it exited with 3")),
        (sh("a", "custom", "kill -9 $$"), 21, false, Some(-9), Some("a: it died of signal 9 (SIGKILL)")),
        (waits, 21, false, Some(-15), Some("a: it did not end within 1s, and was killed")),
        (sh("a", "custom", "") + "cwd = \"nowhere\"\n", 96, false, None, Some("a: cannot start it in")),
    ] {
        let fixture = place(&(first.clone() + &marks("b", "e2e") + &marks("c", "e2e")));
        let ended = run(&fixture, []);
        ended.assert_code(code);
        let (meant, done) = manifests(&fixture);
        let done = done.expect("what ran is kept");
        assert_whole(&meant, &done);
        assert_eq!(done["all_executed"], executed, "{first}\n{done:#}");
        assert_eq!(done["steps"][0]["returncode"], json!(returncode), "{first}\n{done:#}");
        match reason {
            None => assert_eq!(done["failure_reason"], Value::Null),
            Some(reason) => {
                assert!(done["failure_reason"].as_str().unwrap().starts_with(reason), "{done:#}");
                assert_eq!(done["failure_reason"], ended.json()["failure_reason"]);
            }
        }
        assert_eq!(names(&done, |_| true), ["a", "b", "c"], "plan order, whoever ends first");
        let ok = names(&done, |step| step["ok"] == true);
        assert_eq!(ok, if executed { vec!["a", "b", "c"] } else { vec![] });
    }
}

#[test]
fn r22_what_is_known_from_before_counts_as_executed() {
    let fixture = place(&marks("fmt", "format"));
    run(&fixture, []).assert_code(0);
    run(&fixture, []).assert_code(0);
    let (_, done) = manifests(&fixture);
    let done = done.unwrap();
    assert_eq!((&done["all_executed"], &done["steps"][0]["cached"]), (&json!(true), &json!(true)), "{done:#}");
    assert_eq!(done["steps"][0]["returncode"], Value::Null);
    assert_eq!(super::ran(&fixture, "fmt"), 1);
}

#[test]
fn r22_what_flags_leave_out_is_neither_expected_nor_missing() {
    let fixture = place(&(marks("a", "custom") + &marks("b", "custom")));
    run(&fixture, ["--skip", "a"]).assert_code(0);
    let (meant, done) = manifests(&fixture);
    assert_eq!((&meant["ids"], &done.unwrap()["all_executed"]), (&json!(["b"]), &json!(true)));
}

/// The gate while its first step runs, which has told its number.
fn waiting() -> (Fixture, crate::support::Running) {
    let fixture = place(&(sh("a", "custom", WAITS) + &marks("b", "e2e")));
    let running = fixture.gate(["run", "--no-progress", "--format", "json"]).in_own_group().spawn();
    wait_until("the step runs", || pid(&fixture, "pid").is_some());
    (fixture, running)
}

#[test]
fn r22_both_are_complete_after_an_interrupt() {
    for (signal, name) in [(Signal::INT, "SIGINT"), (Signal::TERM, "SIGTERM")] {
        let (fixture, running) = waiting();
        running.signal(signal);
        let ended = running.wait();
        ended.assert_code(130);
        let (meant, done) = manifests(&fixture);
        let done = done.expect("what ran is kept");
        assert_whole(&meant, &done);
        assert_eq!(done["commands_executed"], 0, "{done:#}");
        assert!(done["failure_reason"].as_str().unwrap().contains(name), "{done:#}");
        assert_eq!(super::states(&ended), "a not-run, b not-run");
        assert_eq!(recorded(&fixture), [("pipeline".to_owned(), "interrupted".to_owned())]);
    }
}

#[test]
fn r22_after_a_kill_only_the_first_stands_and_the_run_reads_interrupted() {
    let (fixture, mut running) = waiting();
    wait_until("it is on record", || recorded(&fixture).iter().any(|(_, state)| state == "running"));
    running.signal(Signal::KILL);
    wait_until("it has ended", || running.has_ended());
    put_down(pid(&fixture, "pid").unwrap());
    wait_until("what it left is gone", || is_gone(pid(&fixture, "pid").unwrap()));
    let (meant, done) = manifests(&fixture);
    assert_eq!(meant["ids"], json!(["a", "b"]));
    assert_eq!(done, None);
    let id = meant["run_id"].as_str().unwrap();
    let shown = fixture.gate(["history", "show", id]).run();
    shown.assert_code(0).assert_stdout_has("interrupted");
    let shown = fixture.gate(["history", "show", id, "--format", "json"]).run();
    shown.assert_code(0);
    assert!(shown.stdout().contains("\"interrupted\""), "{shown}");
    assert_eq!(run_dirs(&fixture).len(), 1);
}

#[test]
fn r22_what_cannot_be_written_down_is_not_begun() {
    let fixture = place(&marks("a", "custom"));
    std::fs::create_dir_all(fixture.gate_dir()).unwrap();
    std::fs::write(fixture.gate_dir().join("runs"), "in the way").unwrap();
    let ended = run(&fixture, []);
    ended.assert_code(70).assert_stderr_has("nothing runs");
    assert_eq!(super::ran(&fixture, "a"), 0);
}

#[test]
fn r22_suites_that_are_found_count_as_the_step_that_looks_for_them() {
    let fixture = Fixture::shared("suites");
    let found = "[[pipeline.default.suite]]\nname = \"found\"\ndiscover = \"checks/passes.sh\"\n";
    let shell = "[[pipeline.default.suite]]\nname = \"line\"\nshell = true\ncommand = \"exit 0\"\n";
    fixture.write("gate.toml", &(found.to_owned() + shell));
    run(&fixture, []).assert_code(0);
    let (meant, done) = manifests(&fixture);
    let done = done.unwrap();
    assert_whole(&meant, &done);
    assert_eq!(done["all_executed"], true, "{done:#}");
}

#[test]
fn r22_a_kill_in_the_tests_leaves_both_runs_as_interrupted() {
    let test = "#[test]\nfn waits() {\n    let dir = std::env::var(\"GATE_FIXTURE_DIR\").unwrap();\n    std::fs::write(dir + \
                \"/pid\", std::process::id().to_string()).unwrap();\n    std::thread::sleep(std::time::Duration::from_secs(600));\n}\n";
    let fixture = place(&super::tests("[]"));
    fixture.write("src/lib.rs", test);
    let mut running = fixture.gate(["run", "--no-progress"]).in_own_group().spawn();
    wait_until("the test runs", || pid(&fixture, "pid").is_some());
    running.signal(Signal::KILL);
    wait_until("it has ended", || running.has_ended());
    put_down(pid(&fixture, "pid").unwrap());
    let states = recorded(&fixture);
    assert_eq!(states.len(), 2, "{states:?}");
    assert!(states.iter().all(|(_, state)| state == "interrupted"), "{states:?}");
    assert_eq!(manifests(&fixture).1, None);
}
