//! Measuring by cargo-llvm-cov: what its subcommands are called with, and what must go before they are.
//!
//! The build and the tests are the engine's: cargo-llvm-cov only says under which environment they leave profiles
//! (`show-env`), and sums these up at the end (`report --json`). It sums up *everything* that lies in its directory.
//! So three things go, each of which would otherwise count for a build it has nothing to do with: the raw profiles of
//! earlier runs, what they were merged into, and executables that the build at hand does not name.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};

use crate::model::{Context, Ending};
use crate::sys::fs::FileId;
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
    /// A file could not be removed or read.
    #[error("cannot prepare the measurement: {0}")]
    Io(String),
}

impl From<io::Error> for MeasureError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
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
    pub dir: Utf8PathBuf,
    /// `--manifest-path`, where the user gave it.
    pub manifest_path: Option<PathBuf>,
    /// The triple the user asked for.
    pub target: Option<String>,
    /// cargo's profile, where it is not the default one.
    pub profile: Option<String>,
    /// Are doctests measured? Only nightly toolchains can.
    pub doctests: bool,
}

/// The directory of instrumented builds: one per target, profile and features, so that switching between them neither
/// rebuilds nor mixes.
#[must_use]
pub fn directory(target_dir: &Utf8Path, context: &Context) -> Utf8PathBuf {
    let text = format!("{}\n{}\n{}", context.target, context.features, context.profile);
    let hash = blake3::hash(text.as_bytes()).to_hex();
    target_dir.join("gate-coverage").join(format!("{}-{}", context.profile, hash.get(..8).unwrap_or_default()))
}

/// The file in that directory that holds what was measured last, summed up.
pub const EXPORTED: &str = "coverage.json";

/// Variables under which cargo-llvm-cov takes itself to be called by itself.
const OWN_VARIABLES: [&str; 3] = ["CARGO_LLVM_COV", "LLVM_PROFILE_FILE", "__CARGO_LLVM_COV"];

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

    /// Where [`Measurer::export`] puts what it sums up.
    #[must_use]
    pub fn exported(&self) -> Utf8PathBuf {
        self.dir.join(EXPORTED)
    }

    /// Sums the profiles up, as llvm-cov's JSON, in a file inside the directory.
    ///
    /// # Errors
    ///
    /// Where there is nothing to sum up, or it cannot be done.
    pub fn export(
        &self,
        env: &[(OsString, OsString)],
        deadline: Instant,
        signals: &Signals,
    ) -> Result<Utf8PathBuf, MeasureError> {
        if self.profiles()?.is_empty() {
            return Err(MeasureError::NoProfile);
        }
        let file = self.exported();
        let words = ["report", "--json", "--skip-functions", "--output-path", file.as_str()];
        let mut args: Vec<OsString> = words.map(Into::into).into();
        if let Some(target) = &self.target {
            args.extend(["--target".into(), target.into()]);
        }
        if let Some(profile) = &self.profile {
            args.extend(["--profile".into(), profile.into()]);
        }
        args.extend(self.doctests.then(|| "--doctests".into()));
        let asked = Self { env: env.to_vec(), ..self.clone() };
        asked.call("report", args, deadline, signals)?;
        Ok(file)
    }

    /// Removes what earlier measurements left: raw profiles, what they were merged into, and what was summed up.
    ///
    /// # Errors
    ///
    /// Where a file cannot be removed: it would be counted.
    pub fn discard_profiles(&self) -> Result<(), MeasureError> {
        self.discard(|path| matches!(path.extension(), Some("profraw" | "profdata" | "json")))
    }

    /// Removes the raw profiles that are none of these.
    ///
    /// # Errors
    ///
    /// Where a file cannot be removed: it would be counted.
    pub fn discard_profiles_but(&self, kept: &HashSet<Utf8PathBuf>) -> Result<(), MeasureError> {
        self.discard(|path| path.extension() == Some("profraw") && !kept.contains(path))
    }

    fn discard(&self, goes: impl Fn(&Utf8Path) -> bool) -> Result<(), MeasureError> {
        for path in files_in(&self.dir)?.iter().filter(|path| goes(path)) {
            fs_err::remove_file(path)?;
        }
        Ok(())
    }

    /// The raw profiles that there are.
    ///
    /// # Errors
    ///
    /// Where the directory cannot be read.
    pub fn profiles(&self) -> Result<Vec<Utf8PathBuf>, MeasureError> {
        let files = files_in(&self.dir)?.into_iter();
        Ok(files.filter(|path| path.extension() == Some("profraw")).collect())
    }

    /// Makes cargo build the named packages anew, whatever it has built.
    ///
    /// # Errors
    ///
    /// Where cargo's notes of what it built cannot be removed.
    pub fn forget_builds(&self, packages: &[&str]) -> Result<(), MeasureError> {
        let mut waiting = vec![self.dir.clone()];
        while let Some(dir) = waiting.pop() {
            for path in folders_in(&dir)? {
                if path.file_name() == Some(".fingerprint") {
                    for unit in folders_in(&path)? {
                        let name = unit.file_name().and_then(|name| name.rsplit_once('-')).map_or("", |(name, _)| name);
                        if packages.contains(&name) {
                            fs_err::remove_dir_all(&unit)?;
                        }
                    }
                } else if !matches!(path.file_name(), Some("deps" | "build" | "incremental" | "examples")) {
                    waiting.push(path);
                }
            }
        }
        Ok(())
    }

    /// Removes executables and dynamic libraries that the build does not name; gives how many went. The same file may
    /// have two names: cargo links an executable from where it was made to where people look for it. Build scripts
    /// are not counted, and stay.
    ///
    /// # Errors
    ///
    /// Where a file cannot be removed: it would be counted.
    pub fn discard_strangers(&self, named: &[PathBuf]) -> Result<u64, MeasureError> {
        let known: HashSet<FileId> = named.iter().filter_map(|path| FileId::of(path).ok()).collect();
        let mut gone = 0;
        let mut waiting = vec![self.dir.clone()];
        while let Some(dir) = waiting.pop() {
            for path in &files_in(&dir)? {
                let kind = path.symlink_metadata()?.file_type();
                if kind.is_dir() {
                    let is_scratch = matches!(path.file_name(), Some("incremental" | ".fingerprint" | "build"));
                    waiting.extend((!is_scratch).then(|| path.clone()));
                } else if kind.is_file()
                    && is_object(path)
                    && !FileId::of(path.as_std_path()).is_ok_and(|id| known.contains(&id))
                {
                    fs_err::remove_file(path)?;
                    gone += 1;
                }
            }
        }
        Ok(gone)
    }

    fn clean_environment(&self) -> Vec<(OsString, OsString)> {
        let is_own = |name: &str| OWN_VARIABLES.iter().any(|own| name.starts_with(own));
        let mut env: Vec<_> = self.env.iter().filter(|(name, _)| !name.to_str().is_some_and(is_own)).cloned().collect();
        env.retain(|(name, _)| name != "CARGO_TARGET_DIR");
        env.push(("CARGO_TARGET_DIR".into(), self.dir.as_os_str().to_owned()));
        env
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
fn last_words(finished: &Finished) -> String {
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

fn files_in(dir: &Utf8Path) -> io::Result<Vec<Utf8PathBuf>> {
    match dir.read_dir_utf8() {
        Ok(entries) => entries.map(|entry| Ok(entry?.path().to_owned())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn folders_in(dir: &Utf8Path) -> io::Result<Vec<Utf8PathBuf>> {
    Ok(files_in(dir)?.into_iter().filter(|path| path.is_dir()).collect())
}

/// Could it be something that llvm-cov reads coverage from? By name alone where the system has no executable bit.
fn is_object(path: &Utf8Path) -> bool {
    if matches!(path.extension(), Some("d" | "rlib" | "rmeta" | "profraw" | "profdata" | "json" | "o" | "timestamp")) {
        return false;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    matches!(path.extension(), Some("exe" | "dll"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_shell_would_read_is_read() {
        let text = "info: a note\nexport A='one two'\nexport B=plain\nexport C='it'\\''s\nhere'\nexport D=''";
        let expected = [("A", "one two"), ("B", "plain"), ("C", "it's\nhere"), ("D", "")];
        let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(parse_exports(text), expected);
        assert!(parse_exports("").is_empty());
    }

    #[test]
    fn each_context_has_a_directory_of_its_own() {
        let context = |target: &str, features: &str, profile: &str| Context {
            target: target.into(),
            features: features.into(),
            profile: profile.into(),
        };
        let of = |context: &Context| directory("/w/target".into(), context);
        let plain = of(&context("t", "", "dev"));
        assert!(plain.as_str().starts_with("/w/target/gate-coverage/dev-"), "{plain}");
        for other in [context("u", "", "dev"), context("t", "-F x", "dev"), context("t", "", "release")] {
            assert_ne!(of(&other), plain);
        }
    }

    #[test]
    fn only_what_the_build_names_stays() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(folder.path()).unwrap().to_owned();
        let deps = dir.join("debug/deps");
        std::fs::create_dir_all(&deps).unwrap();
        let make = |path: &Utf8Path| {
            std::fs::write(path, "x").unwrap();
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
            }
        };
        let suffix = if cfg!(windows) { ".exe" } else { "" };
        let in_deps = |name: &str| deps.join(format!("{name}{suffix}"));
        let (test, stale, other) =
            (in_deps("app-1111111111111111"), in_deps("app-2222222222222222"), in_deps("dep-3333333333333333"));
        for path in [&test, &stale, &other] {
            make(path);
        }
        let linked = in_deps("tool-4444444444444444");
        make(&linked);
        let uplifted = dir.join(format!("debug/tool{suffix}"));
        std::fs::hard_link(&linked, &uplifted).unwrap();
        let measurer = Measurer {
            cargo: "cargo".into(),
            cwd: dir.clone().into(),
            env: Vec::new(),
            dir: dir.clone(),
            manifest_path: None,
            target: None,
            profile: None,
            doctests: false,
        };
        let named = [&test, &other].map(|path| path.clone().into_std_path_buf());
        let named = [named[0].clone(), named[1].clone(), uplifted.clone().into_std_path_buf()];
        let gone = measurer.discard_strangers(&named).unwrap();
        assert_eq!((gone, stale.exists()), (1, false));
        for path in [&test, &other, &linked, &uplifted] {
            assert!(path.exists(), "{path}");
        }
        for name in ["a.profraw", "b.profdata", "coverage.json"] {
            std::fs::write(dir.join(name), "").unwrap();
        }
        measurer.discard_profiles().unwrap();
        let left: Vec<String> =
            files_in(&dir).unwrap().iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(left, ["debug"]);
    }
}
