//! What a runner says became of each test, read without the gate's own readers.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::runners::{Runner, Target, Workspace, run_into, text};

/// What became of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Ignored,
}

/// Package, kind, binary, name. Of doctests the kind is `doc` and the line is in the name.
pub(crate) type Key = (String, String, String, String);

/// The outcomes of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) tests: BTreeMap<Key, Outcome>,
    /// Targets of which the runner gives no tests, and how they ended.
    pub(crate) opaque: BTreeMap<Target, Outcome>,
    /// Targets whose process ended before its summary.
    pub(crate) cut_short: BTreeSet<Target>,
}

/// Runs once and reads what became of each test.
pub(crate) fn outcomes(workspace: &Workspace, runner: Runner, scratch: &Path) -> io::Result<Outcomes> {
    let mut command = workspace.command(runner);
    match runner {
        Runner::CargoTest => {
            let (_, bytes) = run_into(command, &scratch.join("cargo-test"))?;
            Ok(of_cargo_test(workspace, &String::from_utf8_lossy(&bytes)))
        }
        Runner::Nextest => {
            command.args(["--message-format", "libtest-json-plus"]).env("NEXTEST_EXPERIMENTAL_LIBTEST_JSON", "1");
            Ok(of_nextest(&stdout_of(command)?))
        }
        Runner::Gate => {
            command.args(["--format", "json"]);
            of_gate(&stdout_of(command)?)
        }
    }
}

fn stdout_of(mut command: Command) -> io::Result<Vec<u8>> {
    Ok(command.stderr(Stdio::null()).output()?.stdout)
}

/// Each target's tests as `cargo test -- --list` gives them.
pub(crate) fn lists(workspace: &Workspace, scratch: &Path) -> io::Result<BTreeSet<Key>> {
    let mut command = workspace.command(Runner::CargoTest);
    command.args(["--", "--list", "--format", "terse"]);
    let (_, bytes) = run_into(command, &scratch.join("lists"))?;
    let (mut listed, mut target) = (BTreeSet::new(), None);
    for line in String::from_utf8_lossy(&bytes).lines() {
        if let Some(next) = header(workspace, line) {
            target = Some(next);
        } else if let (Some(name), Some((package, kind, binary))) = (line.strip_suffix(": test"), &target) {
            listed.insert((package.clone(), kind.clone(), binary.clone(), name.to_owned()));
        }
    }
    Ok(listed)
}

fn of_cargo_test(workspace: &Workspace, text: &str) -> Outcomes {
    let mut outcomes = Outcomes::default();
    let mut failed_targets = BTreeSet::new();
    let mut part: Option<(Target, Vec<&str>)> = None;
    for line in text.lines() {
        if let Some(target) = header(workspace, line) {
            take_part(&mut outcomes, part.replace((target, Vec::new())));
        } else if let Some(words) = line.strip_prefix("    `-p ").and_then(|line| line.strip_suffix('`')) {
            failed_targets.insert(words.replace(" --", " "));
        } else if let Some((_, lines)) = &mut part {
            lines.push(line);
        }
    }
    take_part(&mut outcomes, part);
    for (target, outcome) in &mut outcomes.opaque {
        let (package, kind, name) = target;
        let words = if kind == "lib" { format!("{package} lib") } else { format!("{package} {kind} {name}") };
        if failed_targets.contains(&words) {
            *outcome = Outcome::Failed;
        }
    }
    outcomes
}

/// `     Running tests/a.rs (target/debug/deps/a-0123)`, `   Doc-tests app`
fn header(workspace: &Workspace, line: &str) -> Option<Target> {
    if let Some(name) = line.strip_prefix("   Doc-tests ") {
        let package = workspace.packages_of_libs.get(name)?;
        return Some((package.clone(), "doc".into(), "doc".into()));
    }
    let path = line.strip_prefix("     Running ")?.strip_suffix(')')?.rsplit_once(" (")?.1;
    workspace.targets.get(&workspace.dir.join(path)).cloned()
}

fn take_part(outcomes: &mut Outcomes, part: Option<(Target, Vec<&str>)>) {
    let Some((target, lines)) = part else { return };
    let mut summaries = 0;
    let mut any = false;
    for line in &lines {
        summaries += usize::from(line.starts_with("test result: "));
        let Some((name, outcome)) = result(line) else { continue };
        any = true;
        let key = (target.0.clone(), target.1.clone(), target.2.clone(), plain_name(name).to_owned());
        outcomes.tests.insert(key, outcome);
    }
    if !any && summaries == 0 {
        outcomes.opaque.insert(target, Outcome::Passed);
    } else if summaries == 0 {
        outcomes.cut_short.insert(target);
    }
}

/// `test a::b ... ok`, perhaps with a child's words before it.
fn result(line: &str) -> Option<(&str, Outcome)> {
    let line = line.get(line.find("test ")? + "test ".len()..)?;
    let (name, word) = line.rsplit_once(" ... ")?;
    let outcome = match word {
        "ok" => Outcome::Passed,
        "FAILED" => Outcome::Failed,
        _ if word == "ignored" || word.starts_with("ignored, ") => Outcome::Ignored,
        _ => return None,
    };
    Some((name, outcome))
}

/// Without what harnesses add to say how a test is run.
fn plain_name(name: &str) -> &str {
    let name = name.trim_end();
    [" - should panic", " - compile fail", " - compile"].iter().find_map(|mode| name.strip_suffix(mode)).unwrap_or(name)
}

fn of_nextest(bytes: &[u8]) -> Outcomes {
    let mut outcomes = Outcomes::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(event) = serde_json::from_slice::<Value>(line) else { continue };
        let outcome = match (event["type"].as_str(), event["event"].as_str()) {
            (Some("test"), Some("ok")) => Outcome::Passed,
            (Some("test"), Some("failed" | "timeout")) => Outcome::Failed,
            (Some("test"), Some("ignored")) => Outcome::Ignored,
            _ => continue,
        };
        let name = text(&event, "name");
        let Some(((package, binary), test)) =
            name.split_once('$').and_then(|(binary, test)| Some((binary.split_once("::")?, test)))
        else {
            continue;
        };
        // It does not say of which kind the target is.
        outcomes.tests.insert((package.into(), String::new(), binary.into(), test.into()), outcome);
    }
    outcomes
}

fn of_gate(bytes: &[u8]) -> io::Result<Outcomes> {
    let document: Value = serde_json::from_slice(bytes)?;
    let mut outcomes = Outcomes::default();
    for test in document["tests"].as_array().into_iter().flatten() {
        let outcome = match test["outcome"].as_str() {
            Some("passed" | "flaky") => Outcome::Passed,
            Some("skipped") => Outcome::Ignored,
            _ => Outcome::Failed,
        };
        let target: Target = (text(test, "package"), text(test, "kind"), text(test, "binary"));
        let mut name = text(test, "name");
        if name == "(process)" {
            outcomes.opaque.insert(target, outcome);
            continue;
        }
        if let (Some(line), Some((item, _))) = (test["line"].as_u64(), name.rsplit_once(" #")) {
            name = format!("{item} (line {line})");
        }
        outcomes.tests.insert((target.0, target.1, target.2, name), outcome);
    }
    Ok(outcomes)
}
