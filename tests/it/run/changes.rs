//! R23: what changed decides what runs, and never more than is known to be untouched is left out.

use std::io::Write as _;
use std::process::Stdio;

use super::{marks, place, ran, reasons, report, run, states, step};
use crate::support::{Ended, Fixture};

const SRC: &str = "[pipeline.default]\ncode-patterns = [\"src/**\"]\n";

/// Runs with a list of changed files on standard input.
fn run_on_list(fixture: &Fixture, list: &str, more: &[&str]) -> Ended {
    std::fs::write(fixture.scratch().join("list"), list).unwrap();
    let path = fixture.scratch().join("list");
    run(fixture, ["--changed-files", path.to_str().unwrap()].into_iter().chain(more.iter().copied()))
}

#[test]
fn r23_only_a_list_that_is_not_empty_and_matches_nothing_skips_the_pipeline() {
    for (list, runs) in
        [("README.md\ndocs/a.md\n", false), ("", true), ("\n\n", true), ("README.md\nsrc/lib.rs\n", true)]
    {
        let fixture = place(&(SRC.to_owned() + &marks("a", "custom") + &marks("fmt", "format")));
        let ended = run_on_list(&fixture, list, &[]);
        ended.assert_code(0);
        assert_eq!(ended.json()["verdict"], if runs { "pass" } else { "nothing" }, "{list:?}\n{ended}");
        assert_eq!((ran(&fixture, "a"), ran(&fixture, "fmt")), (usize::from(runs), usize::from(runs)), "{list:?}");
        if !runs {
            assert!(reasons(&ended).contains("src/**"), "{ended}");
            assert_eq!(states(&ended), "a skipped, fmt skipped");
            let (meant, done) = super::manifests(&fixture);
            assert_eq!((&meant["ids"], &done.unwrap()["all_executed"]), (&serde_json::json!([]), &true.into()));
            assert!(report(&fixture).contains("\nresult: PASS\n"));
            fixture.gate(["verdict"]).arg(fixture.gate_dir().join("test-report.md")).run().assert_code(0);
        }
    }
}

#[test]
fn r23_a_list_may_come_by_standard_input() {
    let fixture = place(&(SRC.to_owned() + &marks("a", "custom")));
    let args = ["run", "--changed-files", "-", "--format", "json"];
    let mut command = fixture.gate(args).into_command();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"README.md\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["verdict"], &json["scope"]), (&"nothing".into(), &"changed:files".into()));
}

#[test]
fn r23_what_git_cannot_tell_runs_everything() {
    let fixture = place(&(SRC.to_owned() + &marks("a", "custom")));
    let unknown = |fixture: &Fixture| {
        let ended = run(fixture, ["--changed-since", "nowhere"]);
        ended.assert_code(0).assert_stderr_has("`nowhere` is unknown, so everything runs");
    };
    unknown(&fixture);
    fixture.commit_all();
    unknown(&fixture);
    run(&fixture, ["--changed-since", "HEAD"]).assert_code(0);
    run(&fixture, []).assert_code(0);
    assert_eq!(ran(&fixture, "a"), 4);
    fixture.write("README.md", "untracked");
    let skipped = run(&fixture, ["--changed-since", "HEAD"]);
    skipped.assert_code(0);
    assert_eq!((&skipped.json()["verdict"], &skipped.json()["scope"]), (&"nothing".into(), &"changed:HEAD".into()));
    assert_eq!(ran(&fixture, "a"), 4);
    let missing = run(&fixture, ["--changed-files", "nowhere.txt"]);
    missing.assert_code(2).assert_stderr_has("nowhere.txt");
}

#[test]
fn r23_inputs_gate_each_step_and_say_so() {
    let config =
        marks("docs", "custom") + "inputs = [\"docs/**\"]\n" + &marks("code", "custom") + "inputs = [\"src/**\"]\n";
    let fixture = place(&config);
    let ended = run_on_list(&fixture, "docs/a.md\n", &[]);
    ended.assert_code(0);
    assert_eq!(states(&ended), "docs passed, code skipped");
    assert!(step(&ended, "code")["why"].as_str().unwrap().contains("src/**"), "{ended}");
}

/// A lint that is cached and asked for again since a file that configures it changed.
fn configured() -> Fixture {
    let lint = marks("lint", "lint") + "inputs = [\"src/**\"]\n";
    let other = marks("other", "custom") + "inputs = [\"src/**\"]\ncache = true\n";
    let fixture = place(&format!("[pipeline.default]\nconfig-files = [\"clippy.toml\"]\n{lint}{other}"));
    run(&fixture, []).assert_code(0);
    assert_eq!(states(&run(&fixture, [])), "lint cached, other cached");
    fixture
}

#[test]
fn r23_a_file_that_configures_lints_voids_what_is_cached_of_them() {
    let fixture = configured();
    let ended = run_on_list(&fixture, "clippy.toml\n", &[]);
    ended.assert_code(0);
    assert_eq!(states(&ended), "lint passed, other skipped", "{ended}");
    assert_eq!((ran(&fixture, "lint"), ran(&fixture, "other")), (2, 1));
    // Without a list its content is part of the key.
    assert_eq!(states(&run(&fixture, [])), "lint cached, other cached");
    fixture.write("clippy.toml", "msrv = \"1.89\"\n");
    let ended = run(&fixture, []);
    assert_eq!(states(&ended), "lint passed, other cached");
    assert!(step(&ended, "lint")["why"].as_str().unwrap().contains("clippy.toml"), "{ended}");
}

#[test]
fn r23_that_nothing_can_be_voided_does_not_stop_the_run() {
    let fixture = configured();
    let entry = fixture.gate_dir().join("cache/steps/default/lint.json");
    std::fs::remove_file(&entry).unwrap();
    std::fs::create_dir_all(entry.join("in-the-way")).unwrap();
    let ended = run_on_list(&fixture, "clippy.toml\n", &[]);
    ended.assert_code(0).assert_stderr_has("cannot be removed");
    assert_eq!((states(&ended).as_str(), ran(&fixture, "lint")), ("lint passed, other skipped", 2));
}
