//! Runs the one `cargo test` that builds everything and records what it would have launched.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use cargo_metadata::diagnostic::DiagnosticLevel;
use cargo_metadata::{Message, PackageId, Target, TargetKind};

use super::fault;
use super::launch::{self, LaunchRecord, Role};
use super::outputs::Outputs;
use super::recall::{Messages, Situation, Unsaved};
use crate::event::Stream;
use crate::model::{Ending, Kind};
use crate::sys::process::{Ask, Child, Launch, News};
use crate::sys::signals::{Interrupt, Signals, Urgency};

/// A test executable that cargo built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The package it belongs to.
    pub package: PackageId,
    /// What sort of target it is.
    pub kind: Kind,
    /// The target's name.
    pub name: String,
    /// The file that its source begins in.
    pub source: PathBuf,
    /// Where it is.
    pub executable: PathBuf,
}

/// A build that succeeded.
#[derive(Clone, Debug)]
pub struct Built {
    /// Every test executable.
    pub artifacts: Vec<Artifact>,
    /// Every executable and dynamic library that cargo named, test or not.
    pub executables: Vec<PathBuf>,
    /// What else it left on the disk.
    pub outputs: Outputs,
    /// Everything cargo would have launched, in its order.
    pub launches: Vec<LaunchRecord>,
    /// The environment that cargo was given: what launches have beyond it, cargo has set.
    pub environment: Vec<(OsString, OsString)>,
    /// How long the build took; recording the launches is not in it.
    pub took: Duration,
    /// Launches that were recorded now and may be recalled by the next build.
    pub to_keep: Option<Unsaved>,
}

/// A build that did not.
#[derive(Debug)]
pub enum Failure {
    /// The code does not compile, or its manifests do not hold together: cargo has said why.
    Code,
    /// cargo does not understand its command line; it has said why.
    Usage,
    /// cargo failed without a fault of the code: the sentence says how.
    Tool(String),
    /// There is no cargo to be started.
    Missing(String),
    /// An archive that was to stand in for a build cannot.
    Unusable(String),
    /// The user asked for an end.
    Interrupted(Interrupt),
    /// What cargo did is not what is known of it.
    Internal(String),
}

/// What to start.
pub struct Request<'a> {
    /// cargo, its arguments, where, and its environment.
    pub launch: Launch,
    /// Where launches are recorded.
    pub dir: &'a Path,
    /// How long cargo may take to end when it is asked to.
    pub grace: Duration,
    /// What the user asks of this process meanwhile.
    pub signals: &'a Signals,
    /// When it must have ended, where it must.
    pub deadline: Option<Instant>,
    /// What rustc says of itself.
    pub toolchain: &'a str,
    /// Where launches are kept, asked once cargo has built; none: nowhere.
    pub kept: &'a dyn Fn() -> Option<PathBuf>,
}

/// Builds. What cargo has to say to people goes to `tell` as it comes, without the "Running …" lines of its pretended
/// test run; `built` is called when the build itself is done.
pub fn build(
    request: &Request<'_>,
    tell: &mut dyn FnMut(&[u8]),
    built: &mut dyn FnMut(bool, Duration),
) -> Result<Built, Failure> {
    let start = Instant::now();
    let mut talk = Talk {
        start,
        tell,
        built,
        messages: Vec::new(),
        words: Vec::new(),
        last_words: Vec::new(),
        artifacts: Vec::new(),
        executables: Vec::new(),
        outputs: Outputs::default(),
        compiler_errors: 0,
        took: None,
        situation: Situation::of(&request.launch, request.dir, request.toolchain),
        said: Messages::default(),
        pretends: false,
        has_recalled: false,
        recalled: None,
    };
    let ending = talk.follow(request)?;
    let env = &request.launch.env;
    let (launches, to_keep) = match talk.recalled.take() {
        Some(launches) => (launches, None),
        None if !ending.is_success() => return Err(talk.classify(ending)),
        None => {
            let launches = launch::read(request.dir).map_err(|error| Failure::Internal(error.to_string()))?;
            let situation = talk.situation.take();
            let to_keep = situation.and_then(|situation| situation.keep(&talk.said, &launches, env));
            (launches, to_keep)
        }
    };
    let Talk { artifacts, executables, outputs, took, .. } = talk;
    reconcile(&artifacts, &launches).map_err(Failure::Internal)?;
    let (took, environment) = (took.unwrap_or_else(|| start.elapsed()), env.clone());
    Ok(Built { artifacts, executables, outputs, launches, environment, took, to_keep })
}

/// Each test executable is launched, and nothing else is; if not, a sentence.
pub(super) fn reconcile(artifacts: &[Artifact], launches: &[LaunchRecord]) -> Result<(), String> {
    let launched: HashSet<&Path> = launches.iter().filter_map(|launch| launch.argv.first()).map(Path::new).collect();
    if let Some(artifact) = artifacts.iter().find(|artifact| !launched.contains(artifact.executable.as_path())) {
        let name = artifact.executable.display();
        return Err(format!("cargo built the test executable {name} and did not launch it"));
    }
    let known: HashSet<&Path> = artifacts.iter().map(|artifact| artifact.executable.as_path()).collect();
    let is_known = |launch: &LaunchRecord| {
        launch.role != Role::Binary || launch.argv.first().is_some_and(|program| known.contains(Path::new(program)))
    };
    match launches.iter().find(|launch| !is_known(launch)) {
        Some(launch) => {
            let name = launch.argv.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            Err(format!("cargo launched {name} and did not say what it is"))
        }
        None => Ok(()),
    }
}

/// What cargo has said so far.
struct Talk<'a> {
    start: Instant,
    tell: &'a mut dyn FnMut(&[u8]),
    built: &'a mut dyn FnMut(bool, Duration),
    messages: Vec<u8>,
    words: Vec<u8>,
    last_words: Vec<u8>,
    artifacts: Vec<Artifact>,
    executables: Vec<PathBuf>,
    outputs: Outputs,
    compiler_errors: u64,
    took: Option<Duration>,
    situation: Option<Situation>,
    said: Messages,
    /// Has cargo begun its pretended test run?
    pretends: bool,
    has_recalled: bool,
    recalled: Option<Vec<LaunchRecord>>,
}

/// After cargo's end, its pipes are given up when nothing comes for so long.
const QUIET: Duration = Duration::from_millis(500);

/// How much of cargo's words is kept to tell what went wrong.
const KEPT_WORDS: usize = 32 * 1024;

impl Talk<'_> {
    fn follow(&mut self, request: &Request<'_>) -> Result<Ending, Failure> {
        let (sender, news) = sync_channel(64);
        let send = move |item| drop(sender.send(item));
        let mut child = Child::spawn(&request.launch, send).map_err(|error| cannot_start(&request.launch, &error))?;
        let (mut open, mut ending, mut asked) = (2, None, None::<(Instant, Option<Interrupt>)>);
        let mut heard = Instant::now();
        while open > 0 || ending.is_none() {
            let received = news.recv_timeout(Duration::from_millis(50));
            if received.is_ok() {
                heard = Instant::now();
            }
            match received {
                Ok(News::Output(Stream::Stdout, bytes, _)) => self.take_messages(&bytes),
                Ok(News::Output(Stream::Stderr, bytes, _)) => self.take_words(&bytes),
                Ok(News::Closed(_)) => open -= 1,
                Ok(News::Exited(_)) => ending = Some(child.reap()),
                Err(RecvTimeoutError::Timeout) => {
                    // Something that cargo started may hold its pipes for ever; but none of cargo's words is lost.
                    let is_quiet = heard.elapsed() > QUIET && !child.has_unread();
                    if ending.is_some() && is_quiet {
                        break;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.recall(request) {
                // All that is left to it is to launch what is known.
                child.ask(Ask::Kill);
            }
            if request.signals.take_pause() {
                child.ask(Ask::Stop);
                Signals::pause();
                child.ask(Ask::Continue);
            }
            let interrupt = request.signals.interrupt();
            let is_late = ending.is_none() && request.deadline.is_some_and(|deadline| Instant::now() >= deadline);
            match asked {
                None if interrupt.is_some() || is_late => {
                    child.ask(Ask::Terminate);
                    asked = Some((Instant::now(), interrupt));
                }
                Some((at, _)) => {
                    let is_pressing = interrupt.is_some_and(|interrupt| interrupt.urgency == Urgency::AtOnce);
                    if is_pressing || at.elapsed() > request.grace {
                        child.ask(Ask::Kill);
                    }
                }
                None => {}
            }
        }
        self.flush_words();
        match asked {
            Some((_, Some(interrupt))) => Err(Failure::Interrupted(interrupt)),
            Some((_, None)) => Err(Failure::Tool("the build ran into the time limit of its step".to_owned())),
            None => Ok(ending.unwrap_or(Ending::NotStarted)),
        }
    }

    /// Does cargo begin to launch now, and is it known what? Its two streams may come in any order.
    fn recall(&mut self, request: &Request<'_>) -> bool {
        if !self.pretends || self.took.is_none() || std::mem::replace(&mut self.has_recalled, true) {
            return false;
        }
        let Some(situation) = self.situation.clone() else { return false };
        let recall = |file: PathBuf| situation.recall(&self.said, &file, &request.launch.env);
        self.recalled = (request.kept)().and_then(recall);
        self.recalled.is_some()
    }

    fn take_messages(&mut self, bytes: &[u8]) {
        self.messages.extend_from_slice(bytes);
        while let Some(end) = self.messages.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.messages.drain(..=end).collect();
            let message = serde_json::from_slice::<Message>(&line);
            if let Ok(Message::CompilerArtifact(_) | Message::BuildScriptExecuted(_)) = &message {
                self.said.take(&line);
            }
            match message {
                Ok(Message::CompilerArtifact(artifact)) => {
                    self.said.depend_on_manifest(artifact.manifest_path.as_std_path());
                    self.outputs.take_artifact(&artifact);
                    let named = artifact.filenames.iter().chain(&artifact.executable);
                    let is_linked = |path: &&Utf8PathBuf| !matches!(path.extension(), Some("rlib" | "rmeta" | "a"));
                    self.executables.extend(named.filter(is_linked).map(|path| path.clone().into_std_path_buf()));
                    if !artifact.profile.test {
                        continue;
                    }
                    if let (Some(executable), Some(kind)) = (artifact.executable, kind_of(&artifact.target)) {
                        self.said.depend_on(executable.as_std_path());
                        self.artifacts.push(Artifact {
                            package: artifact.package_id,
                            kind,
                            name: artifact.target.name,
                            source: artifact.target.src_path.into_std_path_buf(),
                            executable: executable.into_std_path_buf(),
                        });
                    }
                }
                Ok(Message::BuildScriptExecuted(script)) => {
                    self.said.set_variables(script.env.iter().map(|(name, _)| name.as_str()));
                    self.outputs.take_script(script);
                }
                Ok(Message::CompilerMessage(message)) => {
                    let level = message.message.level;
                    self.compiler_errors += u64::from(level == DiagnosticLevel::Error || level == DiagnosticLevel::Ice);
                }
                Ok(Message::BuildFinished(finished)) => {
                    let took = self.start.elapsed();
                    self.took = Some(took);
                    (self.built)(finished.success, took);
                }
                _ => {}
            }
        }
    }

    fn take_words(&mut self, bytes: &[u8]) {
        self.words.extend_from_slice(bytes);
        while let Some(end) = self.words.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let line: Vec<u8> = self.words.drain(..=end).collect();
            self.take_line(&line);
        }
    }

    fn flush_words(&mut self) {
        let line = std::mem::take(&mut self.words);
        if !line.is_empty() {
            self.take_line(&line);
        }
    }

    fn take_line(&mut self, line: &[u8]) {
        if is_of_the_pretended_run(line) {
            self.pretends = true;
            return;
        }
        (self.tell)(line);
        self.last_words.extend_from_slice(line);
        let excess = self.last_words.len().saturating_sub(KEPT_WORDS);
        self.last_words.drain(..excess);
    }

    fn classify(&self, ending: Ending) -> Failure {
        let text = String::from_utf8_lossy(&self.last_words);
        let text = console::strip_ansi_codes(&text).into_owned();
        fault::classify(self.compiler_errors > 0, ending, &text)
    }
}

/// "     Running unittests src/lib.rs (…)" and "   Doc-tests app", in whatever colours.
fn is_of_the_pretended_run(line: &[u8]) -> bool {
    if line.len() > 4096 {
        return false;
    }
    let text = String::from_utf8_lossy(line);
    let text = console::strip_ansi_codes(&text);
    match text.strip_prefix("     Running ") {
        // With -v cargo also shows the compiler's command lines.
        Some(line) if line.starts_with('`') => {
            line.contains(launch::ROLE) || (line.contains(DIR_PREFIX) && line.contains(launch::RUSTDOC_NAME))
        }
        Some(_) => true,
        None => text.starts_with("   Doc-tests "),
    }
}

fn cannot_start(launch: &Launch, error: &io::Error) -> Failure {
    let why = format!("cannot start `{}`: {error}", launch.program.display());
    if error.kind() == io::ErrorKind::NotFound { Failure::Missing(why) } else { Failure::Tool(why) }
}

/// What sort of test binary a target is; none of a build script.
pub(super) fn kind_of(target: &Target) -> Option<Kind> {
    target.kind.iter().find_map(|kind| match kind {
        TargetKind::Bin => Some(Kind::Bin),
        TargetKind::Test => Some(Kind::Test),
        TargetKind::Example => Some(Kind::Example),
        TargetKind::Bench => Some(Kind::Bench),
        TargetKind::CustomBuild => None,
        // lib, rlib, dylib, cdylib, staticlib, proc-macro
        _ => Some(Kind::Lib),
    })
}

/// How the names of the directories begin that launches are recorded in.
const DIR_PREFIX: &str = "cargo-gate-";

/// Makes the directory that launches are recorded in, with the rustdoc shim beside the records.
pub fn prepare(own_exe: &Path, real_rustdoc: &OsString) -> io::Result<tempfile::TempDir> {
    let dir = tempfile::Builder::new().prefix(DIR_PREFIX).tempdir()?;
    fs_err::File::create(dir.path().join(launch::RECORDS))?;
    fs_err::write(dir.path().join(launch::REAL_RUSTDOC), real_rustdoc.to_string_lossy().as_bytes())?;
    shim(own_exe, &dir.path().join(launch::RUSTDOC_NAME))?;
    Ok(dir)
}

#[cfg(unix)]
fn shim(own_exe: &Path, at: &Path) -> io::Result<()> {
    fs_err::os::unix::fs::symlink(own_exe, at)
}

#[cfg(not(unix))]
fn shim(own_exe: &Path, at: &Path) -> io::Result<()> {
    fs_err::hard_link(own_exe, at).or_else(|_| fs_err::copy(own_exe, at).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pretended_runs_lines_are_left_out() {
        for (line, left_out) in [
            ("     Running unittests src/lib.rs (target/debug/deps/a-1)\n", true),
            ("\u{1b}[1m\u{1b}[32m     Running\u{1b}[0m tests/a.rs (target/debug/deps/a-1)\n", true),
            ("   Doc-tests app\n", true),
            ("     Running `/bin/cargo-gate __launch /tmp/x a`\n", true),
            ("     Running `/tmp/cargo-gate-x/rustdoc --test src/lib.rs`\n", true),
            ("     Running `rustc --crate-name app`\n", false),
            ("   Compiling app v0.1.0\n", false),
            ("warning: Running is a word\n", false),
            ("    Finished `test` profile\n", false),
        ] {
            assert_eq!(is_of_the_pretended_run(line.as_bytes()), left_out, "{line}");
        }
    }
}
