//! `cargo gate run` from outside: real processes, on workspaces whose steps leave marks of what ran.

mod cache;
mod changes;
mod deferral;
mod hostile;
mod manifests;
mod outputs;
mod signals;
mod surroundings;
mod verdicts;
mod worktree;

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Ended, Fixture, is_gone};

/// A small workspace with a configuration. Its steps find a folder for their marks in `GATE_FIXTURE_DIR`.
fn place(config: &str) -> Fixture {
    let fixture = Fixture::bare();
    fixture
        .write("Cargo.toml", "[workspace]\n[package]\nname = \"small\"\nedition = \"2024\"\n")
        .write("Cargo.lock", "version = 4\n[[package]]\nname = \"small\"\nversion = \"0.0.0\"\n")
        .write("src/lib.rs", "#[test]\nfn holds() {}\n")
        .write("gate.toml", config);
    fixture
}

/// The tests of the engine's fixture, which is compiled once, with a configuration.
fn harness(config: &str) -> Fixture {
    let fixture = Fixture::shared("harness");
    fixture.write("gate.toml", config);
    fixture
}

/// A step of the pipeline `default` that is a line of shell. More of its keys may follow.
fn sh(name: &str, kind: &str, line: &str) -> String {
    format!(
        "[[pipeline.default.step]]\nname = \"{name}\"\nkind = \"{kind}\"\ncommand = [\"sh\", \"-c\", '''{line}''']\n"
    )
}

/// A step that leaves a mark each time it runs.
fn marks(name: &str, kind: &str) -> String {
    sh(name, kind, &mark(name))
}

fn mark(name: &str) -> String {
    format!("echo ran >> \"$GATE_FIXTURE_DIR/{name}\"")
}

/// The engine's own tests as a step.
fn tests(args: &str) -> String {
    format!("[[pipeline.default.step]]\nname = \"test\"\nkind = \"test\"\nargs = {args}\n")
}

/// How often a step ran that leaves marks.
fn ran(fixture: &Fixture, name: &str) -> usize {
    note(fixture, name).map_or(0, |text| text.lines().count())
}

/// What a step wrote down.
fn note(fixture: &Fixture, name: &str) -> Option<String> {
    std::fs::read_to_string(fixture.scratch().join(name)).ok()
}

/// The number of a process that a step wrote down.
fn pid(fixture: &Fixture, name: &str) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(note(fixture, name)?.trim().parse().ok()?)
}

/// Runs the pipeline, with its document on standard output.
fn run<'a>(fixture: &Fixture, more: impl IntoIterator<Item = &'a str>) -> Ended {
    fixture.gate(["run", "--no-progress", "--format", "json"]).args(more).run()
}

/// What the document says of a step.
#[track_caller]
fn step(ended: &Ended, name: &str) -> Value {
    let json = ended.json();
    let found = json["steps"].as_array().into_iter().flatten().find(|step| step["name"] == name);
    found.unwrap_or_else(|| panic!("no step {name}\n{ended}")).clone()
}

/// Name and state of each step, in the order of the plan: `fmt passed, test failed`.
#[track_caller]
fn states(ended: &Ended) -> String {
    let json = ended.json();
    let steps = json["steps"].as_array().unwrap_or_else(|| panic!("no steps\n{ended}"));
    let one = |step: &Value| format!("{} {}", step["name"].as_str().unwrap(), step["state"].as_str().unwrap());
    steps.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The text of all reasons in the document.
#[track_caller]
fn reasons(ended: &Ended) -> String {
    let json = ended.json();
    let texts = json["reasons"].as_array().into_iter().flatten().map(|reason| reason["text"].as_str().unwrap());
    texts.collect::<Vec<_>>().join("\n")
}

/// The folders of the pipelines' runs, the oldest first. Their tests have some of their own.
fn run_dirs(fixture: &Fixture) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(fixture.gate_dir().join("runs")).into_iter().flatten();
    let mut dirs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    dirs.retain(|dir| dir.join("validation_manifest.json").exists());
    dirs.sort();
    dirs
}

/// What the last run meant to run, and what it ran, where it came to its end.
#[track_caller]
fn manifests(fixture: &Fixture) -> (Value, Option<Value>) {
    let dir = run_dirs(fixture).pop().expect("there was a run");
    let read = |name: &str| {
        let text = std::fs::read_to_string(dir.join(name)).ok()?;
        Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}: {text}")))
    };
    (read("validation_manifest.json").unwrap(), read("validation_complete.json"))
}

/// Suite and state of each run on record, the newest first; of a pipeline its own and those of its tests.
fn recorded(fixture: &Fixture) -> Vec<(String, String)> {
    let listed = fixture.gate(["history", "list", "--format", "json"]).run().json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    listed["runs"].as_array().into_iter().flatten().map(|run| (text(&run["suite"]), text(&run["state"]))).collect()
}

/// The report of the last run.
#[track_caller]
fn report(fixture: &Fixture) -> String {
    std::fs::read_to_string(fixture.gate_dir().join("test-report.md")).unwrap()
}

/// Where programs are looked for, with one of this name and these lines before all others.
fn path_with(fixture: &Fixture, program: &str, lines: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = fixture.scratch().join("bin");
    std::fs::create_dir_all(&dir).unwrap();
    let place = dir.join(program);
    std::fs::write(&place, format!("#!/bin/sh\n{lines}\n")).unwrap();
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", dir.display(), std::env::var("PATH").unwrap())
}

/// A git that does this in the place of making a worktree; where programs are then looked for.
fn git_that(fixture: &Fixture, instead: &str) -> String {
    let real = fixture.command("sh").args(["-c", "command -v git"]).run().stdout();
    let lines = format!("case \"$*\" in *'worktree add'*) {instead};; esac\nexec {} \"$@\"", real.trim());
    path_with(fixture, "git", &lines)
}

/// Ends a process that a killed gate left behind, with its group.
fn put_down(pid: rustix::process::Pid) {
    let group = rustix::process::getpgid(Some(pid)).unwrap_or(pid);
    // It may be gone by now, which is as good.
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
}
