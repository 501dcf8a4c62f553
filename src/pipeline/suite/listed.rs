//! A list of suites in a file of its own, TOML or JSON: what an entry does not say holds as the configured suite says.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Deserializer};

use super::discover::{DiscoverError, Found};
use crate::config::Suite;
use crate::model::{Percent, ResultFormat, Runner, Severity, parse_duration};

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    suite: Vec<Entry>,
}

/// `[[suite]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    name: String,
    command: Option<Command>,
    #[serde(default)]
    shell: bool,
    cwd: Option<Utf8PathBuf>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    runner: Option<Runner>,
    format: Option<ResultFormat>,
    result_path: Option<Utf8PathBuf>,
    #[serde(default, deserialize_with = "limit")]
    timeout: Option<Option<Duration>>,
    #[serde(default, deserialize_with = "share")]
    min_pass_rate: Option<Percent>,
    on_failure: Option<Severity>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a list of words, or with `shell = true` a text")]
enum Command {
    Line(String),
    Words(Vec<String>),
}

/// `"30s"`, or `"none"`.
fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Duration>>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "none" {
        return Ok(Some(None));
    }
    match parse_duration(&text) {
        Ok(time) if !time.is_zero() => Ok(Some(Some(time))),
        _ => Err(serde::de::Error::custom(format!("{text:?} is no time such as \"30s\", and not \"none\""))),
    }
}

/// A share from 0 to 1, exactly as it is written.
fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Percent>, D::Error> {
    let number = f64::deserialize(deserializer)?;
    // The shortest text that reads as this number is the one that was written.
    let hundredths = Percent::from_str(&number.to_string()).map(Percent::ten_thousandths);
    let share = hundredths.ok().and_then(|share| Percent::from_ten_thousandths(share.checked_mul(100)?));
    let wrong = || serde::de::Error::custom(format!("{number} is no share from 0 to 1 with at most four decimals"));
    share.map(Some).ok_or_else(wrong)
}

/// The suites of a list.
pub(super) fn read(suite: &Suite, place: &Utf8Path, text: &str) -> Result<Vec<Found>, DiscoverError> {
    let wrong = |(line, column), why: String| DiscoverError::Manifest {
        suite: suite.name.clone(),
        path: place.to_owned(),
        line,
        column,
        why: why.replace('\n', ", "),
    };
    let list: List = match place.extension() {
        Some("json") => serde_json::from_str(text).map_err(|error| {
            let (at, all) = ((error.line(), error.column()), error.to_string());
            // Its own words end with the place, which stands before them here.
            wrong(at, all.split(" at line ").next().unwrap_or_default().to_owned())
        })?,
        _ => toml::from_str(text).map_err(|error: toml::de::Error| {
            wrong(place_in(text, error.span().unwrap_or_default().start), error.message().to_owned())
        })?,
    };
    list.suite.into_iter().map(|entry| found(suite, entry).map_err(|why| wrong((1, 1), why))).collect()
}

/// Line and column, from 1.
fn place_in(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
}

fn found(suite: &Suite, entry: Entry) -> Result<Found, String> {
    let mut one = Suite { name: format!("{}/{}", suite.name, entry.name), discover: None, ..suite.clone() };
    let name = &entry.name;
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(format!("{name:?} is no name of a suite"));
    }
    if let Some(command) = entry.command {
        one.invocation.shell = entry.shell;
        one.invocation.command = match command {
            Command::Words(words) if words.is_empty() || entry.shell => {
                return Err(format!("the command of `{name}` is no list of words, and no text with `shell = true`"));
            }
            Command::Words(words) => words,
            Command::Line(line) if entry.shell => vec![line],
            Command::Line(_) => return Err(format!("the command of `{name}` is a text without `shell = true`")),
        };
    }
    one.invocation.cwd = entry.cwd.or(one.invocation.cwd);
    for (key, value) in entry.env {
        one.invocation.env.retain(|(known, _)| *known != key);
        one.invocation.env.push((key, value));
    }
    one.runner = entry.runner.unwrap_or(one.runner);
    one.format = entry.format.or(one.format);
    one.result_path = entry.result_path.or(one.result_path);
    one.timeout = entry.timeout.unwrap_or(one.timeout);
    one.min_pass_rate = entry.min_pass_rate.unwrap_or(one.min_pass_rate);
    one.on_failure = entry.on_failure.unwrap_or(one.on_failure);
    Ok(Found { suite: one, folder: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SUITE_TIMEOUT;

    const TOML: &str = r#"
[[suite]]
name = "shell"
command = ["bash", "check.sh"]
timeout = "5s"
min-pass-rate = 0.9
on-failure = "warn"
env = { LANG = "C" }

[[suite]]
name = "py"
runner = "pytest"
format = "junit"
result-path = "out.xml"
cwd = "py"
"#;

    fn base() -> Suite {
        Suite { name: "outside".into(), ..Suite::default() }
    }

    #[test]
    fn r26_a_manifest_lists_suites_and_what_it_does_not_say_is_inherited() {
        let found = read(&base(), Utf8Path::new("suites.toml"), TOML).unwrap();
        let [shell, py] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(shell.suite.name, "outside/shell");
        assert_eq!(shell.suite.invocation.command, ["bash", "check.sh"]);
        assert_eq!(shell.suite.invocation.env, [("LANG".to_owned(), "C".to_owned())]);
        assert_eq!(shell.suite.timeout, Some(Duration::from_secs(5)));
        assert_eq!(shell.suite.min_pass_rate, "90".parse().unwrap());
        assert_eq!((shell.suite.on_failure, shell.suite.runner), (Severity::Warn, Runner::Script));
        assert_eq!((py.suite.runner, py.suite.format), (Runner::Pytest, Some(ResultFormat::Junit)));
        assert_eq!((py.suite.timeout, py.suite.min_pass_rate), (Some(SUITE_TIMEOUT), Percent::HUNDRED));
        let json = r#"{"suite": [{"name": "shell", "command": ["bash", "check.sh"], "timeout": "5s",
            "min-pass-rate": 0.9, "on-failure": "warn", "env": {"LANG": "C"}},
            {"name": "py", "runner": "pytest", "format": "junit", "result-path": "out.xml", "cwd": "py"}]}"#;
        assert_eq!(read(&base(), Utf8Path::new("suites.json"), json).unwrap(), found);
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        for (file, text, place, why) in [
            ("s.toml", "[[suite]]\nname = \"a\"\ncomand = [\"x\"]\n", ":3:1: ", "comand"),
            ("s.toml", "[[suite]]\nname = \"a\"\ntimeout = \"soon\"\n", ":3:11: ", "soon"),
            ("s.toml", "[[suite]]\nname = \"a\"\nmin-pass-rate = 1.5\n", ":3:17: ", "1.5"),
            ("s.toml", "[[suite]]\nname = \"a\"\nmin-pass-rate = 0.12345\n", ":3:17: ", "four decimals"),
            ("s.toml", "[[suite]]\nname = \"a\"\nrunner = \"mocha\"\n", ":3:10: ", "mocha"),
            ("s.toml", "[[suite]]\nname = \"a\"\ncommand = \"a b\"\n", ":1:1: ", "shell = true"),
            ("s.toml", "[[suite]\n", ":1:", ""),
            ("s.toml", "[[suites]]\n", ":1:3: ", "suites"),
            ("s.json", "{\"suite\": [\n{\"nam\": \"a\"}]}", ":2:6: ", "nam"),
            ("s.json", "{", ":1:1: ", "EOF"),
        ] {
            let error = read(&base(), Utf8Path::new(file), text).unwrap_err().to_string();
            assert!(error.contains(&format!("{file}{place}")) && error.contains(why), "{text}\n{error}");
        }
    }
}
