//! Suites that are not Rust, as parts of a whole gate.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use serde_json::Value;

use crate::support::{Ended, Fixture, is_gone, wait_until};

/// The small suites, with a configuration.
fn place(config: &str) -> Fixture {
    let fixture = Fixture::shared("suites");
    fixture.write("gate.toml", config);
    fixture
}

fn gate(fixture: &Fixture) -> Ended {
    fixture.gate(["run", "--no-progress", "--format", "json"]).run()
}

/// Suite, state and verdict of each suite's run on record, in order of the suites; the whole gate's run is none.
fn recorded(fixture: &Fixture) -> Vec<[String; 3]> {
    let listed = fixture.gate(["history", "list", "--format", "json"]).run().json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let runs = listed["runs"].as_array().unwrap().iter();
    let mut runs: Vec<_> = runs.map(|run| [text(&run["suite"]), text(&run["state"]), text(&run["verdict"])]).collect();
    runs.retain(|[suite, ..]| suite != "pipeline");
    runs.sort();
    runs
}

fn row(suite: &str, state: &str, verdict: &str) -> [String; 3] {
    [suite, state, verdict].map(str::to_owned)
}

#[test]
fn r26_a_failure_blocks_warns_or_is_ignored_and_a_share_may_be_enough() {
    let suite = |name: &str, more: &str| {
        format!("[[pipeline.default.suite]]\nname = \"{name}\"\ncommand = [\"./{name}.sh\"]\n{more}\n")
    };
    for (config, code) in [
        (suite("tap", "format = \"tap\""), 100),
        (suite("tap", "format = \"tap\"\non-failure = \"warn\""), 0),
        (suite("tap", "format = \"tap\"\non-failure = \"ignore\""), 0),
        (suite("totals", "format = \"simple\""), 100),
        (suite("totals", "format = \"simple\"\nmin-pass-rate = 0.9"), 0),
        (suite("totals", "format = \"simple\"\nmin-pass-rate = 0.91"), 100),
        (suite("cut-off", "format = \"tap\"\nmin-pass-rate = 0.1"), 100),
    ] {
        let ended = gate(&place(&config));
        assert_eq!(ended.code(), Some(code), "{config}\n{ended}");
    }
}

#[test]
fn r26_what_a_folder_and_a_manifest_hold_is_in_the_history_and_nothing_is_no_pass() {
    let found = |place: &str| format!("[[pipeline.default.suite]]\nname = \"outside\"\ndiscover = \"{place}\"\n");
    let folder = place(&found("checks"));
    gate(&folder).assert_code(100);
    let in_folder = [row("outside/fails", "executed", "fail"), row("outside/passes", "executed", "pass")];
    assert_eq!(recorded(&folder), in_folder);
    let asked = folder.gate(["status", "--within", "1h", "--suite", "outside/passes"]).run();
    asked.assert_code(0);
    let manifest = place(&found("suites.toml"));
    gate(&manifest).assert_code(0);
    let in_manifest = [row("outside/tap", "executed", "fail"), row("outside/totals", "executed", "pass")];
    assert_eq!(recorded(&manifest), in_manifest);
    for wrong in ["src", "nowhere"] {
        gate(&place(&found(wrong))).assert_code(96);
    }
}

#[test]
fn r26_a_suite_that_hangs_is_no_fault_of_the_code() {
    let config = "[default.infra]\nretries = \"none\"\n[[pipeline.default.suite]]\nname = \"hangs\"\n\
                  command = [\"./hangs.sh\"]\ntimeout = \"1s\"\n";
    let fixture = place(config);
    let ended = gate(&fixture);
    ended.assert_code(22).assert_stderr_has("not a code fault");
    assert_eq!(recorded(&fixture), [row("hangs", "tool-error", "tool-error")]);
}

#[test]
fn an_interrupt_ends_a_suite_with_its_children_and_is_on_record() {
    let fixture = place("[[pipeline.default.suite]]\nname = \"hangs\"\ncommand = [\"./hangs.sh\"]\n");
    let running = fixture.gate(["run", "--no-progress"]).in_own_group().spawn();
    let pid = fixture.root().join("child.pid");
    let number = || std::fs::read_to_string(&pid).ok().and_then(|text| text.trim().parse::<i32>().ok());
    wait_until("the suite's child has written its number", || number().is_some());
    running.signal(rustix::process::Signal::TERM);
    let begin = Instant::now();
    running.wait().assert_code(130);
    assert!(begin.elapsed() < Duration::from_secs(20));
    let child = Pid::from_raw(number().unwrap()).unwrap();
    wait_until("the child is gone", || is_gone(child));
    assert_eq!(recorded(&fixture)[0][1], "interrupted");
}

/// A python that has pytest: that of PATH, or the system's, to which packages of the system belong.
fn python() -> &'static str {
    let has_pytest = |python: &&str| {
        let asked = Command::new(python).args(["-m", "pytest", "--version"]).output();
        asked.is_ok_and(|output| output.status.success())
    };
    ["python3", "/usr/bin/python3"].into_iter().find(has_pytest).expect("pytest is installed")
}

#[test]
#[ignore = "needs pytest and node"]
fn r26_shell_python_and_node_results_are_in_one_report() {
    let fixture = place(&format!(
        "[[pipeline.default.suite]]\nname = \"sh\"\ndiscover = \"checks\"\n\
         [[pipeline.default.suite]]\nname = \"py\"\nrunner = \"pytest\"\ncommand = [\"{}\", \"-m\", \"pytest\"]\ndiscover = \"py\"\n\
         [[pipeline.default.suite]]\nname = \"unit\"\nrunner = \"unittest\"\ndiscover = \"unit\"\n\
         [[pipeline.default.suite]]\nname = \"js\"\nrunner = \"node\"\ncommand = [\"node\", \"--test\", \"js/\"]\n",
        python()
    ));
    let ended = fixture.gate(["run", "--no-progress", "--keep-going", "--format", "json"]).run();
    ended.assert_code(100);
    let totals = &ended.json()["totals"];
    let counts = ["tests", "passed", "failed", "skipped"].map(|name| totals[name].as_u64().unwrap());
    assert_eq!(counts, [12, 5, 4, 3], "{ended}");
    let runs = recorded(&fixture);
    let suites: Vec<&str> = runs.iter().map(|[suite, ..]| suite.as_str()).collect();
    assert_eq!(suites, ["js", "py", "sh/fails", "sh/passes", "unit"]);
    let explained = fixture.gate(["explain", "js::halves::test::divides", "--format", "json"]).run();
    explained.assert_code(0).assert_stdout_has("outside/suite:js::halves::test::divides");
    let report = fixture.gate(["report", "--format", "json"]).run();
    report.assert_code(0).assert_stdout_has("outside/suite:py::pytest::py.test_sample::test_divides");
}
