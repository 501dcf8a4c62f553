//! A process that has ended, and what it said.

use std::collections::BTreeMap;
use std::fmt;
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use serde_json::Value;

use super::shapes;

/// What is left of a process.
pub(crate) struct Ended {
    command: String,
    args: Vec<String>,
    status: ExitStatus,
    /// Standard output, as it came.
    pub(crate) stdout_bytes: Vec<u8>,
    /// Standard error, as it came.
    pub(crate) stderr_bytes: Vec<u8>,
    /// From start to end.
    pub(crate) took: Duration,
}

impl Ended {
    pub(super) fn new(command: &Command, output: Output, took: Duration) -> Self {
        let words = [command.get_program()].into_iter().chain(command.get_args());
        Self {
            command: words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "),
            args: command.get_args().map(|word| word.to_string_lossy().into_owned()).collect(),
            status: output.status,
            stdout_bytes: output.stdout,
            stderr_bytes: output.stderr,
            took,
        }
    }

    /// The exit code; none if a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
    #[cfg(unix)]
    pub(crate) fn signal(&self) -> Option<i32> {
        std::os::unix::process::ExitStatusExt::signal(&self.status)
    }

    /// Standard output as text.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout_bytes).into_owned()
    }

    /// Standard error as text.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr_bytes).into_owned()
    }

    /// Panics, showing everything the process said, unless it left with this code.
    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) -> &Self {
        assert!(self.code() == Some(code), "wanted exit code {code}\n{self}");
        self
    }

    /// Panics unless standard error holds this text.
    #[track_caller]
    pub(crate) fn assert_stderr_has(&self, text: &str) -> &Self {
        assert!(self.stderr().contains(text), "wanted `{text}` on stderr\n{self}");
        self
    }

    /// Panics unless standard output holds this text.
    #[track_caller]
    pub(crate) fn assert_stdout_has(&self, text: &str) -> &Self {
        assert!(self.stdout().contains(text), "wanted `{text}` on stdout\n{self}");
        self
    }

    /// Standard output, all of which must be one JSON document, of the shape that `cargo gate schema` says.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let json = serde_json::from_slice(&self.stdout_bytes)
            .unwrap_or_else(|error| panic!("stdout is no JSON: {error}\n{self}"));
        if let Some(name) = shapes::document_of(&self.args) {
            shapes::assert_fits(name, &json);
        }
        json
    }

    /// Standard output as one JSON document a line; events are of the shape that `cargo gate schema` says.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let parse =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON: {line}: {error}\n{self}"));
        let lines: Vec<Value> = self.stdout().lines().map(parse).collect();
        if self.args.iter().any(|word| word == "--events") {
            lines.iter().for_each(|line| shapes::assert_fits("events", line));
        }
        lines
    }

    /// The outcome of each test by its written key (`package/kind:binary::name`), from the JSON of `cargo gate test`.
    #[track_caller]
    pub(crate) fn outcomes(&self) -> BTreeMap<String, String> {
        let json = self.json();
        let tests = json["tests"].as_array().unwrap_or_else(|| panic!("no tests in the JSON\n{self}"));
        tests
            .iter()
            .map(|test| {
                let text = |field: &str| {
                    test[field].as_str().unwrap_or_else(|| panic!("no {field} in {test}\n{self}")).to_owned()
                };
                let kind = match text("kind").as_str() {
                    "lib" => String::new(),
                    kind => format!("{kind}:"),
                };
                (format!("{}/{kind}{}::{}", text("package"), text("binary"), text("name")), text("outcome"))
            })
            .collect()
    }

    /// The outcome of each test by its name, from the lines libtest prints: for plain `cargo test`. Doctests are
    /// numbered within their item, as the gate names them, in the order of their lines.
    pub(crate) fn libtest_outcomes(&self) -> BTreeMap<String, String> {
        let stdout = self.stdout();
        let mut found: Vec<(&str, u32, &str)> = Vec::new();
        for line in stdout.lines() {
            let Some((name, word)) = line.strip_prefix("test ").and_then(|line| line.rsplit_once(" ... ")) else {
                continue;
            };
            let outcome = match word.split([',', ' ']).next() {
                Some("ok") => "passed",
                Some("FAILED") => "failed",
                Some("ignored") => "skipped",
                _ => continue,
            };
            match name
                .rsplit_once(" (line ")
                .and_then(|(item, rest)| Some((item, rest.split_once(')')?.0.parse().ok()?)))
            {
                Some((item, line)) => found.push((item, line, outcome)),
                None => found.push((name.strip_suffix(" - should panic").unwrap_or(name), 0, outcome)),
            }
        }
        found.sort_unstable();
        let mut outcomes = BTreeMap::new();
        let mut doctests_of: BTreeMap<&str, u32> = BTreeMap::new();
        for (name, line, outcome) in found {
            let name = if line == 0 {
                name.to_owned()
            } else {
                let number = doctests_of.entry(name).and_modify(|number| *number += 1).or_insert(1);
                format!("{name} #{number}")
            };
            outcomes.insert(name, outcome.to_owned());
        }
        outcomes
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, status, took, .. } = self;
        writeln!(f, "$ {command}\n{status} after {took:.1?}")?;
        writeln!(f, "--- stdout\n{}\n--- stderr\n{}", self.stdout(), self.stderr())
    }
}
