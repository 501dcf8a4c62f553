//! The programs that the gate calls: which of them are there, in which version, and how to get the others.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use semver::Version;

use crate::model::Ending;
use crate::sys::process::{self, Launch};
use crate::sys::signals::Signals;

/// A program that the gate calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tool {
    /// cargo.
    Cargo,
    /// The compiler.
    Rustc,
    /// git.
    Git,
    /// What measures coverage.
    CargoLlvmCov,
    /// What it sums profiles up with: `llvm-profdata` and `llvm-cov`.
    LlvmTools,
}

impl Tool {
    /// Every tool, in the order in which one needs the other.
    pub const ALL: [Self; 5] = [Self::Cargo, Self::Rustc, Self::Git, Self::CargoLlvmCov, Self::LlvmTools];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cargo => "cargo",
            Self::Rustc => "rustc",
            Self::Git => "git",
            Self::CargoLlvmCov => "cargo-llvm-cov",
            Self::LlvmTools => "llvm-tools",
        }
    }

    /// What it is needed for: what completes "it …".
    #[must_use]
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Cargo => "builds the tests",
            Self::Rustc => "compiles them",
            Self::Git => "says which commit is tested, and which lines changed",
            Self::CargoLlvmCov => "measures coverage",
            Self::LlvmTools => "sums up what was measured",
        }
    }

    /// The oldest version that will do.
    #[must_use]
    pub const fn oldest(self) -> Option<Version> {
        match self {
            Self::Cargo | Self::Rustc => Some(Version::new(1, 85, 0)),
            // `show-env --sh` came with it.
            Self::CargoLlvmCov => Some(Version::new(0, 7, 0)),
            Self::Git | Self::LlvmTools => None,
        }
    }
}

/// What was found of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is there.
    Ready(Version),
    /// It is there, and too old.
    TooOld(Version),
    /// It is not there.
    Missing,
    /// It is there and cannot be used; why.
    Unusable(String),
}

/// What was found of each tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// In the order of [`Tool::ALL`].
    pub states: Vec<(Tool, State)>,
    /// The toolchain in use, where it is one of rustup's.
    pub toolchain: Option<String>,
    /// Is rustup there?
    pub has_rustup: bool,
}

impl Found {
    /// What was found of one.
    #[must_use]
    pub fn state(&self, tool: Tool) -> &State {
        self.states.iter().find(|(one, _)| *one == tool).map_or(&State::Missing, |(_, state)| state)
    }

    /// Can it be used?
    #[must_use]
    pub fn has(&self, tool: Tool) -> bool {
        matches!(self.state(tool), State::Ready(_))
    }

    /// The command that gets a tool, where one can be named.
    #[must_use]
    pub fn installer(&self, tool: Tool) -> Option<Vec<String>> {
        let words: &[&str] = match (tool, self.toolchain.as_deref()) {
            (Tool::CargoLlvmCov, _) => &["cargo", "install", "--locked", "cargo-llvm-cov"],
            // Every toolchain knows the component by this name, and not every one by the shorter name.
            (Tool::LlvmTools, Some(toolchain)) => {
                &["rustup", "component", "add", "llvm-tools-preview", "--toolchain", toolchain]
            }
            (Tool::Cargo | Tool::Rustc, Some(toolchain)) => &["rustup", "update", toolchain],
            _ => return None,
        };
        Some(words.iter().map(|word| (*word).to_owned()).collect())
    }
}

/// Where to look.
#[derive(Clone, Debug)]
pub struct Workbench {
    /// cargo.
    pub cargo: OsString,
    /// The directory that tools are started in: it may choose the toolchain.
    pub cwd: PathBuf,
    /// The environment that they see.
    pub env: Vec<(OsString, OsString)>,
}

/// A tool that has not answered by then never will.
const PATIENCE: Duration = Duration::from_secs(30);

impl Workbench {
    /// Looks for every tool.
    #[must_use]
    pub fn look(&self) -> Found {
        let rustc = self.ask(&self.rustc(), &["-vV"]);
        let words = rustc.as_ref().ok().cloned().unwrap_or_default();
        let sysroot = self.ask(&self.rustc(), &["--print", "sysroot"]).unwrap_or_default();
        let rustup = self.ask("rustup".as_ref(), &["toolchain", "list"]);
        let toolchain = rustup.as_deref().ok().and_then(|list| toolchain_of(&sysroot, list));
        let states = vec![
            (Tool::Cargo, state(Tool::Cargo, self.ask(&self.cargo, &["-V"]))),
            (Tool::Rustc, state(Tool::Rustc, rustc)),
            (Tool::Git, state(Tool::Git, self.ask("git".as_ref(), &["--version"]))),
            (Tool::CargoLlvmCov, state(Tool::CargoLlvmCov, self.ask(&self.cargo, &["llvm-cov", "--version"]))),
            (Tool::LlvmTools, self.llvm_tools(&words)),
        ];
        Found { states, toolchain, has_rustup: rustup.is_ok() }
    }

    /// The rustc in use: the one that is named, else the one beside cargo, which spares a proxy's detour.
    #[must_use]
    pub fn rustc(&self) -> OsString {
        let beside = Path::new(&self.cargo).with_file_name(format!("rustc{}", std::env::consts::EXE_SUFFIX));
        let beside = Some(beside).filter(|rustc| rustc.is_absolute() && rustc.is_file()).map(PathBuf::into_os_string);
        self.variable("RUSTC").or(beside).unwrap_or_else(|| "rustc".into())
    }

    /// The host's triple, as the compiler says it.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        let words = self.ask(&self.rustc(), &["-vV"]).ok()?;
        said(&words, "host: ").map(str::to_owned)
    }

    /// Does this command answer with success? `cargo` stands for the one in use.
    #[must_use]
    pub fn answers(&self, command: &[&str]) -> bool {
        match command {
            ["cargo", args @ ..] => self.ask(&self.cargo, args).is_ok(),
            [program, args @ ..] => self.ask(program.as_ref(), args).is_ok(),
            [] => false,
        }
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        let value = self.env.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        value.filter(|value| !value.is_empty())
    }

    /// What a program prints.
    fn ask(&self, program: &OsStr, args: &[&str]) -> Answer {
        let launch = Launch {
            program: program.to_owned(),
            args: args.iter().map(OsString::from).collect(),
            cwd: self.cwd.clone(),
            env: self.env.clone(),
        };
        let finished = process::run(&launch, Instant::now() + PATIENCE, &Signals::none()).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                NoAnswer::NotThere
            } else {
                NoAnswer::Failed(error.to_string())
            }
        })?;
        let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if finished.timed_out {
            return Err(NoAnswer::Failed("it does not answer".to_owned()));
        }
        if finished.ending == Ending::Exited(0) {
            return Ok(words(&finished.stdout));
        }
        let complaint = words(&finished.stderr);
        // cargo's words about a subcommand, and rustup's about a component.
        let not_there = ["no such command", "no such subcommand", "is not installed"];
        if not_there.iter().any(|sign| complaint.contains(sign)) {
            return Err(NoAnswer::NotThere);
        }
        let first = complaint.lines().next().map(|line| line.strip_prefix("error: ").unwrap_or(line).to_owned());
        Err(NoAnswer::Failed(first.unwrap_or_else(|| finished.ending.to_string())))
    }

    /// Both tools, from where cargo-llvm-cov takes them: as variables name them, or from the toolchain.
    fn llvm_tools(&self, rustc: &str) -> State {
        let libdir = self.ask(&self.rustc(), &["--print", "target-libdir"]).unwrap_or_default();
        let folder = Path::new(&libdir).with_file_name("bin");
        let mut versions = Vec::new();
        for (variable, name) in [("LLVM_PROFDATA", "llvm-profdata"), ("LLVM_COV", "llvm-cov")] {
            let named = self.variable(variable);
            let of_toolchain = || folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)).into_os_string();
            let words = self.ask(&named.clone().unwrap_or_else(of_toolchain), &["--version"]).unwrap_or_default();
            match (said(&words, "LLVM version ").and_then(version), named) {
                (Some(version), _) => versions.push(version),
                (None, Some(path)) => {
                    return State::Unusable(format!("{variable} names `{}`, which is no such tool", path.display()));
                }
                (None, None) => return State::Missing,
            }
        }
        let needed = said(rustc, "LLVM version: ").and_then(version);
        match (versions.into_iter().min(), needed) {
            (Some(version), Some(needed)) if version.major < needed.major => {
                State::Unusable(format!("of LLVM {version}, which cannot read what rustc writes with LLVM {needed}"))
            }
            (Some(version), _) => State::Ready(version),
            (None, _) => State::Missing,
        }
    }
}

/// A tool's words, or why it has none.
type Answer = Result<String, NoAnswer>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum NoAnswer {
    NotThere,
    Failed(String),
}

fn state(tool: Tool, answer: Answer) -> State {
    let words = match answer {
        Ok(words) => words,
        Err(NoAnswer::NotThere) => return State::Missing,
        Err(NoAnswer::Failed(why)) => return State::Unusable(why),
    };
    match words.split_whitespace().find_map(version) {
        Some(version) if tool.oldest().is_some_and(|oldest| version < oldest) => State::TooOld(version),
        Some(version) => State::Ready(version),
        None => State::Unusable("it does not say its version".to_owned()),
    }
}

/// The rest of the line in which a text stands.
fn said<'a>(words: &'a str, key: &str) -> Option<&'a str> {
    words.lines().find_map(|line| line.trim_start().strip_prefix(key)).map(str::trim)
}

/// A version at the beginning of a word: three numbers, or two. What comes behind them makes no tool older.
fn version(word: &str) -> Option<Version> {
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let mut numbers = word.get(..end)?.split('.').filter(|part| !part.is_empty()).map(str::parse);
    let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(Version::new(major, minor, numbers.next().and_then(Result::ok).unwrap_or(0)))
}

/// The name of the toolchain that has this root, if rustup lists it.
fn toolchain_of(sysroot: &str, list: &str) -> Option<String> {
    let name = Path::new(sysroot).file_name()?.to_str()?;
    let is_listed = list.lines().any(|line| line.split_whitespace().next() == Some(name));
    is_listed.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_tools_say() {
        for (words, expected) in [
            ("cargo 1.95.0 (f2d3ce0bd 2026-03-21)", "1.95.0"),
            ("rustc 1.97.0-nightly (abc 2026-05-01)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu", "1.97.0"),
            ("git version 2.39.5 (Apple Git-154)", "2.39.5"),
            ("git version 2.47.windows.1", "2.47.0"),
            ("cargo-llvm-cov 0.9.1", "0.9.1"),
        ] {
            let State::Ready(version) = state(Tool::Git, Ok(words.to_owned())) else { panic!("{words}") };
            assert_eq!(version.to_string(), expected, "{words}");
        }
        for words in ["", "git", "v2", "1", ".", "99999999999999999999.1.1"] {
            assert!(matches!(state(Tool::Git, Ok(words.to_owned())), State::Unusable(_)), "{words}");
        }
    }

    #[test]
    fn what_is_too_old_or_not_there_is_no_tool() {
        for (tool, words, expected) in [
            (Tool::Rustc, "rustc 1.84.1 (x)", State::TooOld(Version::new(1, 84, 1))),
            (Tool::Rustc, "rustc 1.85.0 (x)", State::Ready(Version::new(1, 85, 0))),
            (Tool::Rustc, "rustc 1.85.0-nightly (x)", State::Ready(Version::new(1, 85, 0))),
            (Tool::CargoLlvmCov, "cargo-llvm-cov 0.6.24", State::TooOld(Version::new(0, 6, 24))),
            (Tool::CargoLlvmCov, "cargo-llvm-cov 0.7.0", State::Ready(Version::new(0, 7, 0))),
        ] {
            assert_eq!(state(tool, Ok(words.to_owned())), expected);
        }
        assert_eq!(state(Tool::Git, Err(NoAnswer::NotThere)), State::Missing);
    }

    #[test]
    fn the_toolchain_is_one_that_rustup_lists() {
        let list = "stable-x86_64-unknown-linux-gnu (active, default)\n1.85.0-x86_64-unknown-linux-gnu\n";
        let of = |sysroot: &str| toolchain_of(sysroot, list);
        let name = "1.85.0-x86_64-unknown-linux-gnu";
        assert_eq!(of(&format!("/home/me/.rustup/toolchains/{name}")).as_deref(), Some(name));
        assert_eq!(of("/usr"), None);
        assert_eq!(of(""), None);
    }
}
