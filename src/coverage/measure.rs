//! Measuring by cargo-llvm-cov: what its subcommands are called with, and in which surroundings.
//!
//! The build and the tests are the engine's: cargo-llvm-cov only says under which environment they leave profiles
//! (`show-env`), and sums these up at the end (`report --json`).

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::directory::Directory;
use crate::model::Ending;
use crate::sys::process::{self, Finished, Launch};
use crate::sys::signals::Signals;

/// Why there is no measurement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MeasureError {
    /// cargo-llvm-cov, or the LLVM tools it calls, are not installed.
    #[error("{0}")]
    Missing(String),
    /// It ran and failed.
    #[error("`cargo llvm-cov {what}` failed: {why}")]
    Failed {
        /// Which subcommand.
        what: &'static str,
        /// Its last words.
        why: String,
    },
    /// It took longer than it may.
    #[error("measuring took longer than it may")]
    TimedOut,
    /// The tests left no profile.
    #[error("the tests left no profile: nothing that was built with instrumentation ran to its end")]
    NoProfile,
    /// The user asked for an end.
    #[error("interrupted")]
    Interrupted,
    /// A file of the measurement could not be read, written or removed. The measurer has no part in it.
    #[error("files of the measurement cannot be kept in order: {why}")]
    Io {
        /// What kind of error.
        kind: io::ErrorKind,
        /// What the system says, and of which file.
        why: String,
    },
}

impl From<io::Error> for MeasureError {
    fn from(error: io::Error) -> Self {
        Self::Io { kind: error.kind(), why: error.to_string() }
    }
}

/// How cargo-llvm-cov is called.
#[derive(Clone, Debug)]
pub struct Measurer {
    /// cargo.
    pub cargo: OsString,
    /// Where.
    pub cwd: PathBuf,
    /// The environment that everything starts from.
    pub env: Vec<(OsString, OsString)>,
    /// The target directory that is instrumented builds' alone.
    pub dir: Directory,
    /// `--manifest-path`, where the user gave it.
    pub manifest_path: Option<PathBuf>,
    /// Which packages are summed up, in the words of `cargo test`. Without any it is the one of the current directory.
    pub packages: Vec<OsString>,
    /// The triple the user asked for.
    pub target: Option<String>,
    /// cargo's profile, where it is not the default one.
    pub profile: Option<String>,
    /// Are doctests measured? Only nightly toolchains can.
    pub doctests: bool,
}

/// Can all raw profiles be expected to be whole?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profiles {
    /// Each process that left one ended by itself.
    Whole,
    /// Processes were killed, possibly while they wrote: what cannot be read is left out.
    SomeTorn,
}

/// Variables under which cargo-llvm-cov takes itself to be called by itself.
const OWN_VARIABLES: [&str; 3] = ["CARGO_LLVM_COV", "LLVM_PROFILE_FILE", "__CARGO_LLVM_COV"];

/// Where cargo-llvm-cov, called by itself, keeps the compiler's wrapper that there was before.
const WRAPPER_BEFORE: &str = "__CARGO_LLVM_COV_RUSTC_WRAPPER_PRE_EXISTING";

/// Set where the compiler's wrapper is cargo-llvm-cov itself.
const WRAPS: &str = "__CARGO_LLVM_COV_RUSTC_WRAPPER";

/// The environment as if no coverage were measured yet, with all that is built in the directory of instrumented builds.
fn surroundings(env: &[(OsString, OsString)], dir: &Directory) -> Vec<(OsString, OsString)> {
    let value = |wanted: &str| env.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let is_own = |name: &str| OWN_VARIABLES.iter().any(|own| name.starts_with(own));
    let mut clean: Vec<_> = env.iter().filter(|(name, _)| !name.to_str().is_some_and(is_own)).cloned().collect();
    let mut set = |name: &str, value: Option<OsString>| {
        clean.retain(|(known, _)| known != name);
        clean.extend(value.map(|value| (name.into(), value)));
    };
    if value(WRAPS).is_some() {
        set("RUSTC_WRAPPER", value(WRAPPER_BEFORE));
    }
    // What cargo makes on the way belongs there too, wherever the configuration puts it.
    for name in ["CARGO_TARGET_DIR", "CARGO_BUILD_BUILD_DIR"] {
        set(name, Some(dir.path().as_os_str().to_owned()));
    }
    // It would install LLVM's tools unasked.
    set("CARGO_LLVM_COV_SETUP", Some("no".into()));
    clean
}

impl Measurer {
    /// The environment of an instrumented build, asked anew each time: it names the crates there are.
    ///
    /// # Errors
    ///
    /// Where cargo-llvm-cov cannot be asked.
    pub fn environment(&self, deadline: Instant, signals: &Signals) -> Result<Vec<(OsString, OsString)>, MeasureError> {
        let doctests = self.doctests.then_some("--doctests");
        let args = ["show-env", "--sh"].into_iter().chain(doctests).map(OsString::from);
        let finished = self.call("show-env", args.collect(), deadline, signals)?;
        let mut env = self.clean_environment();
        let shown = String::from_utf8_lossy(&finished.stdout).into_owned();
        let added = parse_exports(&shown);
        if !added.iter().any(|(name, _)| name == "LLVM_PROFILE_FILE") {
            return Err(MeasureError::Failed { what: "show-env", why: last_words(&finished) });
        }
        env.retain(|(name, _)| !added.iter().any(|(ours, _)| name == ours.as_str()));
        env.extend(added.into_iter().map(|(name, value)| (name.into(), value.into())));
        Ok(env)
    }

    /// Which cargo-llvm-cov it is: `cargo-llvm-cov 0.9.1`. Where there is none, this is the first to say so.
    ///
    /// # Errors
    ///
    /// Where it cannot be asked.
    pub fn version(&self, deadline: Instant, signals: &Signals) -> Result<String, MeasureError> {
        let asked = Self { manifest_path: None, ..self.clone() };
        let finished = asked.call("--version", vec!["--version".into()], deadline, signals)?;
        Ok(String::from_utf8_lossy(&finished.stdout).trim().to_owned())
    }

    /// Sums the profiles up, as llvm-cov's JSON, in [`Directory::exported`].
    ///
    /// # Errors
    ///
    /// Where there is nothing to sum up, or it cannot be done.
    pub fn export(
        &self,
        env: &[(OsString, OsString)],
        profiles: Profiles,
        deadline: Instant,
        signals: &Signals,
    ) -> Result<(), MeasureError> {
        let file = self.dir.exported();
        let words = ["report", "--json", "--skip-functions", "--output-path", file.as_str()];
        self.report(words.map(Into::into).into(), env, profiles, deadline, signals)
    }

    /// The same as an lcov file, which others can be added to.
    ///
    /// # Errors
    ///
    /// Why there is no such file.
    pub fn trace(
        &self,
        file: &Path,
        env: &[(OsString, OsString)],
        profiles: Profiles,
        deadline: Instant,
        signals: &Signals,
    ) -> Result<(), MeasureError> {
        let words = ["report", "--lcov", "--output-path"].map(OsString::from);
        let args = words.into_iter().chain([file.into()]).collect();
        self.report(args, env, profiles, deadline, signals)
    }

    fn report(
        &self,
        mut args: Vec<OsString>,
        env: &[(OsString, OsString)],
        profiles: Profiles,
        deadline: Instant,
        signals: &Signals,
    ) -> Result<(), MeasureError> {
        if self.dir.profiles()?.is_empty() {
            return Err(MeasureError::NoProfile);
        }
        args.extend(self.packages.iter().cloned());
        if let Some(target) = &self.target {
            args.extend(["--target".into(), target.into()]);
        }
        if let Some(profile) = &self.profile {
            args.extend(["--profile".into(), profile.into()]);
        }
        args.extend(self.doctests.then(|| "--doctests".into()));
        if profiles == Profiles::SomeTorn {
            args.extend(["--failure-mode".into(), "all".into()]);
        }
        let asked = Self { env: env.to_vec(), ..self.clone() };
        asked.call("report", args, deadline, signals)?;
        Ok(())
    }

    /// Removes the profiles, which nobody will read any more.
    pub fn clean_up(&self) {
        // Who measures next removes what cannot be removed now, or says so.
        let _ = self.dir.discard_scratch();
    }

    fn clean_environment(&self) -> Vec<(OsString, OsString)> {
        surroundings(&self.env, &self.dir)
    }

    fn call(
        &self,
        what: &'static str,
        args: Vec<OsString>,
        deadline: Instant,
        signals: &Signals,
    ) -> Result<Finished, MeasureError> {
        let mut all: Vec<OsString> = vec!["llvm-cov".into()];
        all.extend(args);
        if let Some(path) = &self.manifest_path {
            all.extend(["--manifest-path".into(), path.into()]);
        }
        let env = if what == "report" { self.env.clone() } else { self.clean_environment() };
        let launch = Launch { program: self.cargo.clone(), args: all, cwd: self.cwd.clone(), env };
        let finished = process::run(&launch, deadline, signals).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => MeasureError::Interrupted,
            _ => MeasureError::Missing(format!("cannot start `{}`: {error}", self.cargo.display())),
        })?;
        if finished.timed_out {
            return Err(MeasureError::TimedOut);
        }
        if finished.ending == Ending::Exited(0) {
            return Ok(finished);
        }
        let why = last_words(&finished);
        Err(if is_missing(&why) { MeasureError::Missing(why) } else { MeasureError::Failed { what, why } })
    }
}

/// Do these words say that something is not installed?
fn is_missing(words: &str) -> bool {
    ["no such command", "no such subcommand", "failed to find llvm-tools", "llvm-tools-preview", "llvm-tools component"]
        .iter()
        .any(|sign| words.contains(sign))
}

/// The last lines that say something, without the `error: ` before them.
#[must_use]
pub fn last_words(finished: &Finished) -> String {
    let text = String::from_utf8_lossy(&finished.stderr);
    let text = console::strip_ansi_codes(&text);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let from = lines.iter().rposition(|line| line.starts_with("error")).unwrap_or(lines.len().saturating_sub(3));
    let words = lines.get(from..).unwrap_or_default().join(" ");
    match words.strip_prefix("error: ") {
        Some(rest) => rest.to_owned(),
        None if words.is_empty() => format!("it said nothing, and {}", finished.ending),
        None => words,
    }
}

/// `export NAME='value'` lines: in a value, a quote is `'\''`, and a value may span lines.
fn parse_exports(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("export ") {
        rest = &rest[at + "export ".len()..];
        let Some((name, value)) = rest.split_once('=') else { break };
        let (value, left) = unquote(value);
        found.push((name.trim().to_owned(), value));
        rest = left;
    }
    found
}

/// A word of the shell at the beginning of the text, and what comes after it.
fn unquote(text: &str) -> (String, &str) {
    let (mut word, mut quoted, mut escaped) = (String::new(), false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => {
                word.push(c);
                escaped = false;
            }
            '\'' => quoted = !quoted,
            '\\' if !quoted => escaped = true,
            '\n' | '\r' | ' ' if !quoted => return (word, &text[at..]),
            _ => word.push(c),
        }
    }
    (word, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Context;

    #[test]
    fn what_the_shell_would_read_is_read() {
        let text = "info: a note\nexport A='one two'\nexport B=plain\nexport C='it'\\''s\nhere'\nexport D=''";
        let expected = [("A", "one two"), ("B", "plain"), ("C", "it's\nhere"), ("D", "")];
        let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(parse_exports(text), expected);
        assert!(parse_exports("").is_empty());
    }

    #[test]
    fn what_is_measured_inside_of_another_measurement_knows_nothing_of_it() {
        let context = Context { target: "t".into(), features: String::new(), profile: "test".into() };
        let dir = Directory::of("/w/target".into(), &context);
        let own = |text: &str| {
            let env = text.split(' ').filter_map(|word| word.split_once('='));
            let env: Vec<(OsString, OsString)> = env.map(|(name, value)| (name.into(), value.into())).collect();
            let clean = surroundings(&env, &dir);
            let mut words: Vec<String> =
                clean.iter().map(|(name, value)| format!("{}={}", name.display(), value.display())).collect();
            words.retain(|word| !word.contains("gate-coverage"));
            words.join(" ")
        };
        for (env, expected) in [
            ("A=1 CARGO_TARGET_DIR=x RUSTC_WRAPPER=sccache", "A=1 RUSTC_WRAPPER=sccache CARGO_LLVM_COV_SETUP=no"),
            (
                "LLVM_PROFILE_FILE=x CARGO_LLVM_COV_TARGET_DIR=y RUSTC_WRAPPER=cargo-llvm-cov \
                 __CARGO_LLVM_COV_RUSTC_WRAPPER=1",
                "CARGO_LLVM_COV_SETUP=no",
            ),
            (
                "RUSTC_WRAPPER=cargo-llvm-cov __CARGO_LLVM_COV_RUSTC_WRAPPER=1 \
                 __CARGO_LLVM_COV_RUSTC_WRAPPER_PRE_EXISTING=sccache",
                "RUSTC_WRAPPER=sccache CARGO_LLVM_COV_SETUP=no",
            ),
        ] {
            assert_eq!(own(env), expected, "{env}");
        }
    }
}
