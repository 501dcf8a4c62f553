//! What is asked for by flags, and what is told: documents, events, the dry run.

use std::io::Read as _;
use std::process::Stdio;

use serde_json::{Value, json};

use super::{harness, manifests, marks, place, ran, recorded, report, run, run_dirs, sh, states, step, tests};

#[test]
fn flags_choose_steps_by_name_and_kind_and_bring_what_these_need() {
    let config = marks("prepare", "setup")
        + &marks("fmt", "format")
        + &marks("clippy", "lint")
        + "needs = [\"prepare\"]\n"
        + &marks("docs", "lint")
        + &marks("unit", "test");
    for (flags, wanted) in [
        (&["--only", "clippy"][..], "prepare passed, fmt skipped, clippy passed, docs skipped, unit skipped"),
        (
            &["--only", "lint", "--skip", "docs"],
            "prepare passed, fmt skipped, clippy passed, docs skipped, unit skipped",
        ),
        (
            &["--only", "fmt", "--only", "unit"],
            "prepare skipped, fmt passed, clippy skipped, docs skipped, unit passed",
        ),
        (&["--skip", "lint"], "prepare passed, fmt passed, clippy skipped, docs skipped, unit passed"),
        (&["--skip", "prepare"], "prepare skipped, fmt passed, clippy passed, docs passed, unit passed"),
    ] {
        let ended = run(&place(&config), flags.iter().copied());
        ended.assert_code(0);
        assert_eq!(states(&ended), wanted, "{flags:?}");
    }
    let fixture = place(&config);
    for (flag, word) in [("--only", "clipy"), ("--skip", "clipy")] {
        let ended = run(&fixture, [flag, word]);
        ended.assert_code(2).assert_stderr_has("did you mean `clippy`?").assert_stderr_has("prepare, fmt");
    }
    let nothing = run(&fixture, ["--skip", "setup", "--skip", "format", "--skip", "lint", "--skip", "test"]);
    nothing.assert_code(0);
    assert_eq!(nothing.json()["verdict"], "nothing");
    assert_eq!(ran(&fixture, "fmt"), 0);
}

#[test]
fn without_a_pipeline_it_is_said_how_to_get_one() {
    let fixture = place("");
    run(&fixture, []).assert_code(96).assert_stderr_has("cargo gate init");
    std::fs::remove_file(fixture.root().join("gate.toml")).unwrap();
    run(&fixture, []).assert_code(96).assert_stderr_has("cargo gate init");
    fixture.write("gate.toml", &marks("a", "custom"));
    run(&fixture, ["defualt"]).assert_code(96).assert_stderr_has("did you mean `default`?");
    assert!(run_dirs(&fixture).is_empty());
}

#[test]
fn a_pipeline_is_chosen_by_its_name() {
    let fixture =
        place(&(marks("a", "custom") + &marks("b", "custom").replace("pipeline.default", "pipeline.nightly")));
    let ended = run(&fixture, ["nightly"]);
    ended.assert_code(0);
    assert_eq!((ran(&fixture, "a"), ran(&fixture, "b")), (0, 1));
    assert_eq!(ended.json()["pipeline"], "nightly");
}

#[test]
fn a_gate_that_is_switched_off_runs_nothing_and_says_so() {
    for (config, variable) in [("enabled = false\n", None), ("", Some(("CARGO_GATE_DISABLE", "1")))] {
        let fixture =
            harness(&format!("{config}{}{}", sh("bad", "lint", "exit 1"), tests("[\"--test\", \"outcomes\"]")));
        let gate = |args: &[&str]| {
            let invocation = fixture.gate(["run", "--no-progress"]).args(args.iter().copied());
            match variable {
                Some((name, value)) => invocation.env(name, value).run(),
                None => invocation.run(),
            }
        };
        let ended = gate(&["--format", "json"]);
        ended.assert_code(0).assert_stderr_has("switched off");
        assert_eq!(ended.json()["verdict"], "nothing");
        assert_eq!(states(&ended), "bad skipped, test skipped");
        assert!(run_dirs(&fixture).is_empty() && recorded(&fixture).is_empty());
        let asked = gate(&["--report", "out.md"]);
        asked.assert_code(0);
        assert!(fixture.read("out.md").contains("switched off"));
        gate(&["--dry-run"]).assert_code(0).assert_stdout_has("switched off");
    }
}

#[test]
fn a_dry_run_runs_and_keeps_nothing_and_says_what_would() {
    let config = format!(
        "[pipeline.default]\ncode-patterns = [\"src/**\"]\n{}{}{}",
        marks("fmt", "format"),
        marks("docs", "lint") + "inputs = [\"docs/**\"]\n",
        tests("[\"--lib\"]")
    );
    let fixture = place(&config);
    let plan = |more: &[&str]| {
        let ended = run(&fixture, ["--dry-run"].into_iter().chain(more.iter().copied()));
        ended.assert_code(0);
        ended.json()
    };
    let will = |plan: &Value| {
        let one = |step: &Value| format!("{} {}", step["name"].as_str().unwrap(), step["will"].as_str().unwrap());
        plan["steps"].as_array().unwrap().iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let first = plan(&[]);
    assert_eq!(
        (&first["schema_version"], &first["pipeline"], &first["scope"]),
        (&json!(1), &json!("default"), &json!("full"))
    );
    assert_eq!(will(&first), "fmt run, docs run, test run");
    assert_eq!(first["steps"][0]["why"], "first run");
    assert_eq!(first["steps"][2]["command"], json!(["cargo", "gate", "test", "--lib"]));
    assert!(!fixture.gate_dir().join("runs").exists() && recorded(&fixture).is_empty());
    assert_eq!(ran(&fixture, "fmt"), 0);
    assert!(!fixture.root().join("target/debug").exists(), "nothing is built");

    run(&fixture, ["--only", "fmt"]).assert_code(0);
    let second = plan(&["--skip", "test"]);
    assert_eq!(will(&second), "fmt cached, docs run, test skip");
    std::fs::write(fixture.scratch().join("list"), "src/lib.rs\n").unwrap();
    let path = fixture.scratch().join("list");
    let gated = plan(&["--changed-files", path.to_str().unwrap()]);
    assert_eq!((&gated["runs"], will(&gated).as_str()), (&json!(true), "fmt cached, docs skip, test run"));
    assert_eq!(gated["patterns"][0], json!({ "pattern": "src/**", "files": 1, "example": "src/lib.rs" }));
    std::fs::write(&path, "README.md\n").unwrap();
    let left_out = plan(&["--changed-files", path.to_str().unwrap()]);
    assert_eq!((&left_out["runs"], will(&left_out).as_str()), (&json!(false), "fmt skip, docs skip, test skip"));
    let page = fixture.gate(["run", "--dry-run"]).run();
    page.assert_code(0).assert_stdout_has("fmt").assert_stdout_has("first run");
    assert_eq!((ran(&fixture, "fmt"), run_dirs(&fixture).len()), (1, 1));
}

#[test]
fn the_document_stands_alone_on_standard_output() {
    let fixture =
        harness(&(sh("a", "custom", "echo to stdout; echo to stderr >&2") + &tests("[\"--test\", \"outcomes\"]")));
    let ended = fixture.gate(["run", "--format", "json"]).run();
    ended.assert_code(100);
    let json = ended.json();
    assert_eq!((&json["schema_version"], &json["exit_code"]), (&json!(1), &json!(100)));
    assert_eq!(ended.json_lines().len(), 1);
    for key in ["manifest", "complete", "logs", "report"] {
        let path = json["artifacts"][key].as_str().unwrap();
        assert!(std::path::Path::new(path).exists(), "{key}: {path}");
    }
    let log = |name: &str| std::fs::read_to_string(step(&ended, name)["log"].as_str().unwrap()).unwrap();
    assert!(log("a").contains("to stdout\n") && log("a").contains("to stderr\n"));
    let human = fixture.gate(["run"]).run();
    human.assert_code(100);
    assert_eq!(human.stdout(), "", "what is for people goes to standard error");
    assert!(human.stderr().contains("FAIL"));
}

#[test]
fn events_tell_of_the_whole_once_and_of_each_step_and_test() {
    let fixture = harness(&(marks("fmt", "format") + &tests("[\"--test\", \"calm\"]")));
    let ended = run(&fixture, ["--events", "events.ndjson"]);
    ended.assert_code(0);
    let text = fixture.read("events.ndjson");
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let words: Vec<&str> =
        events.iter().map(|event| event["event"].as_str().unwrap_or_else(|| panic!("{event}"))).collect();
    assert!(events.iter().all(|event| event["schema_version"] == 1 && event["at"].is_string()), "{text}");
    let count = |word: &str| words.iter().filter(|one| **one == word).count();
    assert_eq!((words.first(), words.last()), (Some(&"run-started"), Some(&"run-finished")), "{words:?}");
    assert_eq!(
        [count("run-started"), count("step-finished"), count("run-finished"), count("build-finished")],
        [1, 2, 1, 1]
    );
    assert_eq!(count("test-finished") as u64, ended.json()["totals"]["tests"].as_u64().unwrap());
    let place = |word: &str| words.iter().rposition(|one| *one == word).unwrap();
    assert!(place("test-finished") < place("step-finished"), "{words:?}");
    assert_eq!(events[0]["run_id"], ended.json()["run_id"]);
}

#[test]
fn events_and_a_document_on_one_stream_are_a_usage_error() {
    let fixture = place(&marks("a", "custom"));
    run(&fixture, ["--events", "-"]).assert_code(2);
    let ended = fixture.gate(["run", "--no-progress", "--events", "-"]).run();
    ended.assert_code(0);
    assert!(ended.json_lines().len() >= 3);
    run(&fixture, ["--events", "nowhere/events"]).assert_code(2).assert_stderr_has("nowhere/events");
}

#[test]
fn a_reader_that_goes_away_changes_nothing() {
    let fixture = place(&(sh("a", "custom", "echo words; sleep 0.3; echo words; exit 1") + &marks("b", "custom")));
    for args in [&["--events", "-"][..], &["--format", "json"], &["--dry-run"]] {
        let mut command = fixture.gate(["run"]).args(args.iter().copied()).into_command();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        if args.contains(&"--events") {
            stdout.read_exact(&mut [0]).unwrap();
        }
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let wanted = if args.contains(&"--dry-run") { 0 } else { 21 };
        assert_eq!(output.status.code(), Some(wanted), "{args:?}\n{stderr}");
        assert!(!stderr.to_lowercase().contains("broken pipe") && !stderr.contains("panicked"), "{args:?}\n{stderr}");
    }
    let mut child = fixture.gate(["run"]).into_command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(21));
    assert_eq!(manifests(&fixture).1.unwrap()["failure_reason"], "a: it exited with 1");
}

#[test]
fn reports_lie_where_they_are_asked_for_too() {
    let fixture = place(&marks("a", "custom"));
    run(&fixture, ["--report", "out/report.md"]).assert_code(0);
    let dir = run_dirs(&fixture).pop().unwrap();
    let own = std::fs::read_to_string(dir.join("test-report.md")).unwrap();
    assert_eq!((fixture.read("out/report.md"), report(&fixture)), (own.clone(), own));
}

#[test]
fn who_wants_to_know_is_told_once_of_the_whole() {
    let tell = "[notify]\ncommand = [\"sh\", \"-c\", 'cat >> \"$GATE_FIXTURE_DIR/told\"']\non = [\"fail\"]\n";
    let fixture = harness(&(tell.to_owned() + &tests("[\"--test\", \"outcomes\"]") + &sh("bad", "lint", "exit 1")));
    let ended = run(&fixture, ["--keep-going"]);
    ended.assert_code(100);
    let told = super::note(&fixture, "told").expect("it is told");
    let documents: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(documents, [ended.json()]);
    run(&fixture, ["--skip", "bad", "--skip", "test"]).assert_code(0);
    assert_eq!(super::note(&fixture, "told"), Some(told), "what does not fail is not told of");
}

#[test]
fn an_earlier_report_of_coverage_is_not_that_of_a_gate_that_measured_nothing() {
    let fixture =
        place(&(sh("lint", "lint", "exit 1") + "[[pipeline.default.step]]\nname = \"cover\"\nkind = \"coverage\"\n"));
    let path = "target/gate/coverage-report.md";
    fixture.write(path, "---\ncoverage_status: PASS\n---\n");
    run(&fixture, []).assert_code(21);
    fixture.gate(["verdict", path]).run().assert_code(20);
}
