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
#[derive(Clone, Debug, PartialEq, Eq)]
enum Silence {
    Interrupted,
    /// What is behind it would be in the way of the others, too.
    Lost(String),
    /// It failed, and did not say that it found what it looks for.
    Unclear,
}

/// What cargo runs for [`Attempt::Build`]: all that the tests need. Where it fails, the gate's tests fail, too.
const BUILD: [&str; 4] = ["cargo", "check", "--workspace", "--tests"];

/// How long what is tried may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(5);

/// Tries what can be run here. Where something is in the way of one, nothing more is tried: it would end alike.
pub(super) fn run(workspace: &Workspace, place: &PlaceArgs, survey: &Survey) -> Result<Vec<Tried>, Interrupted> {
    let signals = Signals::listen();
    let mut environment = variables();
    if place.target_dir.is_some() {
        set(&mut environment, "CARGO_TARGET_DIR", workspace.target_dir.as_str());
    }
    let mut tried: Vec<Tried> = Vec::new();
    let mut lost: Option<Silence> = None;
    for check in CHECKS.iter().filter(|check| check.needs.is_none_or(|program| !survey.lacking.contains(&program))) {
        let found = match &lost {
            Some(silence) => Err(silence.clone()),
            None => judge(check, |attempt| passes(check, attempt, &workspace.root, &environment, &signals)),
        };
        say(check, &found);
        match &found {
            Err(Silence::Interrupted) => return Err(Interrupted),
            Err(silence @ Silence::Lost(_)) => lost = Some(silence.clone()),
            Err(Silence::Unclear) | Ok(_) => {}
        }
        tried.push(Tried { name: check.name, result: found.unwrap_or(Outcome::Unknown) });
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
        Err(Silence::Lost("cargo cannot build here".to_owned()))
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
    check: &Check,
    attempt: Attempt,
    root: &Utf8Path,
    environment: &[(OsString, OsString)],
    signals: &Signals,
) -> Result<bool, Silence> {
    let (words, variable) = line(check, attempt);
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
    let mut said = Vec::new();
    let followed = process::follow(&launch, None, GRACE, signals, &mut |_, words| said.extend_from_slice(words));
    match followed {
        Ok(followed) => answer(check, attempt, followed.ending, &said),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(Silence::Interrupted),
        Err(error) => Err(Silence::Lost(format!("`{shown}` cannot be started: {error}"))),
    }
}

/// What an attempt says by how it ended, and by what it printed.
fn answer(check: &Check, attempt: Attempt, ending: Ending, said: &[u8]) -> Result<bool, Silence> {
    let says = |found: &str| String::from_utf8_lossy(said).contains(found);
    match (ending, attempt) {
        (Ending::Exited(0), _) => Ok(true),
        (Ending::Exited(_), Attempt::Check(_)) if !check.found.is_none_or(says) => Err(Silence::Unclear),
        (Ending::Exited(_), _) => Ok(false),
        (ending, _) => Err(Silence::Lost(format!("it {ending}"))),
    }
}

fn set(environment: &mut Vec<(OsString, OsString)>, name: &str, value: &str) {
    environment.retain(|(known, _)| known != name);
    environment.push((name.into(), value.into()));
}

/// Says what is not as one would expect.
fn say(check: &Check, found: &Result<Outcome, Silence>) {
    let name = check.name;
    let as_green = "it is written as if it were green";
    match found {
        Ok(Outcome::Green | Outcome::Unknown) | Err(Silence::Interrupted) => {}
        Ok(Outcome::Softened) => {
            complain("note", &format!("{name} has warnings now: they are written so that they do not fail"));
        }
        Ok(Outcome::Warned) => {
            complain("note", &format!("{name} is red now: it is written with `severity = \"warn\"`"));
        }
        Err(Silence::Lost(why)) => complain("warning", &format!("{name} could not be tried ({why}): {as_green}")),
        Err(Silence::Unclear) => {
            let command = check.command(Manner::Lenient).join(" ");
            complain("warning", &format!("{name} does not work (`{command}` says why): {as_green}"));
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
            (&CLIPPY, &[false, false, false], Err(Silence::Lost("cargo cannot build here".to_owned()))),
        ];
        for (check, answers, expected) in table {
            let mut left = answers.iter();
            assert_eq!(judge(check, |_| Ok(*left.next().unwrap())), expected, "{} {answers:?}", check.name);
            assert_eq!(left.len(), 0, "{} {answers:?}", check.name);
        }
        assert_eq!(judge(&FMT, |_| Err(Silence::Interrupted)), Err(Silence::Interrupted));
    }

    #[test]
    fn only_what_a_check_looks_for_makes_it_red() {
        let strict = Attempt::Check(Manner::Strict);
        for (check, attempt, ending, said, expected) in [
            (&FMT, strict, Ending::Exited(0), "", Ok(true)),
            (&FMT, strict, Ending::Exited(1), "Diff in src/lib.rs:1:\n", Ok(false)),
            (&FMT, strict, Ending::Exited(1), "Error: Decoding config file failed", Err(Silence::Unclear)),
            (&CLIPPY, strict, Ending::Exited(101), "", Ok(false)),
            (&CLIPPY, Attempt::Build, Ending::Exited(101), "", Ok(false)),
            (&CLIPPY, strict, Ending::Signaled(9), "", Err(Silence::Lost("it died of signal 9 (SIGKILL)".to_owned()))),
        ] {
            assert_eq!(answer(check, attempt, ending, said.as_bytes()), expected, "{} {said}", check.name);
        }
    }
}
