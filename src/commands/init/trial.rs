//! The steps that look at code, tried once before they are written: published code is often not clean by the newest
//! lints, and a first gate that is red teaches nobody anything.

use std::ffi::OsString;
use std::io::{self, Write};
use std::time::Duration;

use camino::Utf8Path;
use serde::Serialize;

use super::check::{CHECKS, Check, Manner, Outcome};
use super::survey::Survey;
use crate::cargo::workspace::Workspace;
use crate::cli::PlaceArgs;
use crate::commands::complain;
use crate::commands::place::variables;
use crate::model::Ending;
use crate::sys::process::{self, Launch};
use crate::sys::signals::Signals;

/// What came of trying one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Tried {
    /// The step.
    pub(super) name: &'static str,
    /// What came of it.
    pub(super) result: Outcome,
}

/// The user asked for an end.
#[derive(Debug)]
pub(super) struct Interrupted;

/// What is run for a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    /// The check itself.
    Check(Manner),
    /// What its code takes to be built at all.
    Build,
}

/// Why an attempt says nothing.
#[derive(Debug, PartialEq, Eq)]
enum Silence {
    Interrupted,
    NoAnswer,
}

/// What cargo runs for [`Attempt::Build`]: all that the tests need. Where it fails, the gate's tests fail, too.
const BUILD: [&str; 4] = ["cargo", "check", "--workspace", "--tests"];

/// How long what is tried may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(5);

/// Tries what can be run here. After one of which nothing can be said, nothing more is tried: it would end alike.
pub(super) fn run(workspace: &Workspace, place: &PlaceArgs, survey: &Survey) -> Result<Vec<Tried>, Interrupted> {
    let signals = Signals::listen();
    let mut environment = variables();
    if place.target_dir.is_some() {
        set(&mut environment, "CARGO_TARGET_DIR", workspace.target_dir.as_str());
    }
    let mut tried: Vec<Tried> = Vec::new();
    for check in CHECKS.iter().filter(|check| check.needs.is_none_or(|program| !survey.lacking.contains(&program))) {
        let is_lost = tried.iter().any(|before| before.result == Outcome::Unknown);
        let found = if is_lost {
            Err(Silence::NoAnswer)
        } else {
            judge(check, |attempt| passes(line(check, attempt), &workspace.root, &environment, &signals))
        };
        let result = match found {
            Err(Silence::Interrupted) => return Err(Interrupted),
            Err(Silence::NoAnswer) => Outcome::Unknown,
            Ok(outcome) => outcome,
        };
        say(check, result);
        tried.push(Tried { name: check.name, result });
    }
    if signals.interrupt().is_some() { Err(Interrupted) } else { Ok(tried) }
}

/// What the attempts at a check lead to.
fn judge(check: &Check, mut passes: impl FnMut(Attempt) -> Result<bool, Silence>) -> Result<Outcome, Silence> {
    if passes(Attempt::Check(Manner::Strict))? {
        Ok(Outcome::Green)
    } else if !check.can_be_lenient() {
        Ok(Outcome::Warned)
    } else if passes(Attempt::Check(Manner::Lenient))? {
        Ok(Outcome::Softened)
    } else if passes(Attempt::Build)? {
        Ok(Outcome::Warned)
    } else {
        Err(Silence::NoAnswer)
    }
}

/// What an attempt runs, and the variable that it sets.
fn line(check: &Check, attempt: Attempt) -> (Vec<&'static str>, Option<(&'static str, &'static str)>) {
    match attempt {
        Attempt::Check(manner) => (check.command(manner), check.variable(manner)),
        Attempt::Build => (BUILD.to_vec(), None),
    }
}

/// Runs an attempt as the step would be run, with the cargo of `PATH`, and hears nothing of what it prints.
fn passes(
    (words, variable): (Vec<&'static str>, Option<(&'static str, &'static str)>),
    root: &Utf8Path,
    environment: &[(OsString, OsString)],
    signals: &Signals,
) -> Result<bool, Silence> {
    let set_there = variable.map(|(name, value)| format!("{name}={value:?} ")).unwrap_or_default();
    let shown = format!("{set_there}{}", words.join(" "));
    let _ = writeln!(io::stderr().lock(), "trying `{shown}` once (Ctrl-C leaves; --no-try writes without)");
    let mut env = environment.to_vec();
    if let Some((name, value)) = variable {
        set(&mut env, name, value);
    }
    let mut words = words.into_iter().map(OsString::from);
    let launch = Launch {
        program: words.next().unwrap_or_default(),
        args: words.collect(),
        cwd: root.as_std_path().to_owned(),
        env,
    };
    match process::follow(&launch, None, GRACE, signals, &mut |_, _| {}) {
        Ok(followed) => match followed.ending {
            Ending::Exited(status) => Ok(status == 0),
            Ending::Signaled(_) | Ending::NotStarted => Err(Silence::NoAnswer),
        },
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(Silence::Interrupted),
        Err(_) => Err(Silence::NoAnswer),
    }
}

fn set(environment: &mut Vec<(OsString, OsString)>, name: &str, value: &str) {
    environment.retain(|(known, _)| known != name);
    environment.push((name.into(), value.into()));
}

/// Says what is not as one would expect.
fn say(check: &Check, result: Outcome) {
    let name = check.name;
    match result {
        Outcome::Green => {}
        Outcome::Softened => {
            complain("note", &format!("{name} has warnings now: they are written so that they do not fail"))
        }
        Outcome::Warned => complain("note", &format!("{name} is red now: it is written with `severity = \"warn\"`")),
        Outcome::Unknown => {
            complain(
                "warning",
                &format!("{name} could not be tried, since cargo cannot build here: it is written as if it were green"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::init::check::{CLIPPY, FMT};

    #[test]
    fn each_attempt_that_is_red_leads_to_the_next() {
        use Outcome::{Green, Softened, Warned};
        // What each attempt says, in their order, and what that leads to; there are no more attempts than answers.
        let table: [(&Check, &[bool], Result<Outcome, Silence>); 6] = [
            (&FMT, &[true], Ok(Green)),
            (&FMT, &[false], Ok(Warned)),
            (&CLIPPY, &[true], Ok(Green)),
            (&CLIPPY, &[false, true], Ok(Softened)),
            (&CLIPPY, &[false, false, true], Ok(Warned)),
            (&CLIPPY, &[false, false, false], Err(Silence::NoAnswer)),
        ];
        for (check, answers, expected) in table {
            let mut left = answers.iter();
            assert_eq!(judge(check, |_| Ok(*left.next().unwrap())), expected, "{} {answers:?}", check.name);
            assert_eq!(left.len(), 0, "{} {answers:?}", check.name);
        }
        assert_eq!(judge(&FMT, |_| Err(Silence::Interrupted)), Err(Silence::Interrupted));
    }
}
