//! Pipelines on record: `history show` tells of their steps, and nobody takes them for runs of tests.

use serde_json::Value;

use crate::support::{Ended, Fixture, wait_until};

fn gate(fixture: &Fixture, line: &str) -> Ended {
    fixture.gate(line.split_whitespace()).run()
}

fn workspace(pipeline: &str) -> Fixture {
    let fixture = Fixture::bare();
    fixture
        .write("Cargo.toml", "[package]\nname = \"app\"\nedition = \"2024\"\n[lib]\ndoctest = false\n")
        .write("src/lib.rs", "#[test]\nfn adds_up() {}\n")
        .write("gate.toml", pipeline);
    fixture
}

/// The runs of a suite, newest first.
fn of_suite(fixture: &Fixture, suite: &str) -> Vec<Value> {
    let listed = gate(fixture, &format!("history list --suite {suite} --format json")).json();
    listed["runs"].as_array().unwrap().clone()
}

const RED: &str = r#"
[[pipeline.default.step]]
name = "form"
kind = "format"
command = ["sh", "-c", "exit 0"]
[[pipeline.default.step]]
name = "test"
kind = "test"
[[pipeline.default.step]]
name = "ship"
kind = "e2e"
command = ["sh", "-c", "echo no; exit 3"]
[[pipeline.default.step]]
name = "after"
kind = "e2e"
command = ["sh", "-c", "exit 0"]
needs = ["ship"]
"#;

#[test]
fn a_pipeline_is_shown_with_its_steps_and_the_runs_of_tests_within() {
    let fixture = workspace(RED);
    gate(&fixture, "run").assert_code(21);
    let (pipelines, tests) = (of_suite(&fixture, "pipeline"), of_suite(&fixture, "workspace"));
    assert_eq!((pipelines.len(), tests.len()), (1, 1));
    let (id, within) = (pipelines[0]["id"].as_str().unwrap(), tests[0]["id"].as_str().unwrap());
    let text = gate(&fixture, &format!("history show {id}"));
    text.assert_code(0).assert_stdout_has("steps      3 of 4 executed, scope full\n");
    for words in [
        &format!("  test\n    run {within}\n"),
        "  ship: it exited with 3\n    $ sh -c 'echo no; exit 3'\n",
        "not-run             after: it needs ship, which did not pass\n    $ sh -c 'exit 0'\n",
    ] {
        text.assert_stdout_has(words);
    }
    assert!(!text.stdout().contains("tests:"), "{text}");
    let shown = gate(&fixture, &format!("history show {id} --format json")).json();
    let run = &shown["run"];
    assert_eq!(run["manifest"]["ids"], serde_json::json!(["form", "test", "ship", "after"]));
    assert_eq!(
        (&run["complete"]["all_executed"], &run["complete"]["steps"][1]["run_id"]),
        (&false.into(), &within.into())
    );
    // A run of tests has neither.
    let shown = gate(&fixture, &format!("history show {within} --format json")).json();
    assert_eq!((&shown["run"]["manifest"], &shown["run"]["complete"]), (&Value::Null, &Value::Null));
    // What cannot be read is warned of; where nothing is left the run stands all the same.
    let folder = fixture.gate_dir().join("runs").join(id);
    std::fs::write(folder.join("validation_complete.json"), "{").unwrap();
    let torn = gate(&fixture, &format!("history show {id}"));
    torn.assert_code(0).assert_stderr_has("the steps are not known: ").assert_stdout_has("verdict    fail\n");
    std::fs::remove_dir_all(folder).unwrap();
    gate(&fixture, &format!("history show {id}")).assert_code(0).assert_stdout_has("steps      not known: ");
    gate(&fixture, &format!("history undo {id}"))
        .assert_stdout_has("(fail, a pipeline; the runs of tests within it stay).");
}

#[test]
fn a_pipeline_is_no_run_of_tests() {
    let fixture = workspace(&RED.replace("[[pipeline.default.step]]\nname = \"test\"\nkind = \"test\"\n", ""));
    gate(&fixture, "run").assert_code(21);
    let list = gate(&fixture, "history list");
    list.assert_stdout_has("  fail              -     - ").assert_stdout_has("  pipeline\n");
    let narrow = fixture.gate(["history", "list"]).env("COLUMNS", "40").run();
    assert!(!narrow.stdout().contains("test") && narrow.stdout().contains("  fail: "), "{narrow}");
    gate(&fixture, "status --within 1h").assert_code(4).assert_stdout_has("the tests of this workspace never ran");
    for command in ["report", "flaky", "order"] {
        gate(&fixture, command).assert_stderr_has("nothing is on record yet");
    }
    gate(&fixture, "status").assert_stdout_has("last run   none\n");
    let stats =
        |line: &str| gate(&fixture, &format!("history stats {line} --format json")).json()["stats"]["total"].clone();
    assert_eq!((stats(""), stats("--suite pipeline")), (0.into(), 1.into()));
}

#[test]
fn r22_a_pipeline_that_was_killed_reads_interrupted_and_says_what_was_meant() {
    let fixture = workspace(
        "[[pipeline.default.step]]\nname = \"wait\"\nkind = \"custom\"\nshell = true\n\
         command = \"for i in $(seq 300); do test -e stop && exit; sleep 0.1; done\"\n\
         [[pipeline.default.step]]\nname = \"after\"\nkind = \"e2e\"\ncommand = [\"sh\", \"-c\", \"exit 0\"]\n",
    );
    let running = fixture.gate(["run"]).spawn();
    let mut shown = gate(&fixture, "history show");
    wait_until("it is on record", || {
        shown = gate(&fixture, "history show");
        shown.stdout().contains("verdict")
    });
    shown.assert_stdout_has("verdict    running\n").assert_stdout_has("it goes on; these steps are meant:\n");
    // That kills it, as nothing can be caught.
    drop(running);
    fixture.write("stop", "");
    let shown = gate(&fixture, "history show");
    shown.assert_code(0).assert_stdout_has("steps      2 meant, scope full\nverdict    interrupted\n");
    shown.assert_stdout_has(
        "it was killed before it could say what it ran; these steps were meant:\nmeant               wait\n",
    );
    let shown = gate(&fixture, "history show --format json").json();
    assert_eq!((&shown["run"]["state"], &shown["run"]["complete"]), (&"interrupted".into(), &Value::Null));
    assert_eq!(shown["run"]["manifest"]["ids"], serde_json::json!(["wait", "after"]));
}

#[test]
fn what_a_pipeline_left_goes_with_its_run_when_that_is_pruned() {
    let fixture = workspace("[[pipeline.default.step]]\nname = \"a\"\nkind = \"custom\"\ncommand = [\"true\"]\n");
    for _ in 0..2 {
        gate(&fixture, "run --no-progress").assert_code(0);
    }
    let folders = || std::fs::read_dir(fixture.root().join("target/gate/runs")).unwrap().count();
    assert_eq!(folders(), 2);
    fixture.gate(["history", "prune"]).env("CARGO_GATE_STORE_MAX_RUNS", "1").run().assert_code(0);
    assert_eq!(folders(), 1);
    // A whole pipeline answers for its suite.
    gate(&fixture, "status --within 1h --suite pipeline").assert_code(0);
}
