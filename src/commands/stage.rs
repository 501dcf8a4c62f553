//! Where a run happens, and for whom: where the user is and for the user, or in a pipeline, as a step of it.
//!
//! A process has one directory and one environment, and steps of a pipeline may each have their own, one beside the
//! other. So whoever runs tests asks the stage for both, and never the process.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;

use super::complain;
use crate::config::ConfigFile;
use crate::report::inert::inert;
use crate::sys::process::{is_variable, own_environment};
use crate::sys::signals::Signals;

/// Where a run happens, and for whom.
#[derive(Clone, Debug, Default)]
pub(in crate::commands) struct Stage {
    /// The directory that cargo is started in.
    pub(in crate::commands) cwd: PathBuf,
    /// Variables that are set on top of this process's own: for cargo, for all that it starts, and for the settings.
    pub(in crate::commands) env: Vec<(OsString, OsString)>,
    /// What a pipeline says of a step; none: the run is the user's own.
    pub(in crate::commands) step: Option<AsStep>,
}

/// What a pipeline says of a run that is a step of it.
#[derive(Clone, Debug)]
pub(in crate::commands) struct AsStep {
    /// The pipeline listens to them for all its steps.
    pub(in crate::commands) signals: Signals,
    /// The file of settings as the pipeline loaded it. A worktree's own may say something else.
    pub(in crate::commands) config: Option<ConfigFile>,
    /// The pipeline's gate directory: history, ratchet, reports. A worktree has none of its own.
    pub(in crate::commands) gate_dir: Utf8PathBuf,
    /// `--gate-profile`.
    pub(in crate::commands) profile: Option<String>,
    /// `--compat`.
    pub(in crate::commands) compat: Option<String>,
    /// When it must have ended.
    pub(in crate::commands) deadline: Option<Instant>,
    /// What it was made from, where it runs in a worktree.
    pub(in crate::commands) origin: Option<Origin>,
    /// Where all that it says is written down.
    pub(in crate::commands) log: Option<Log>,
    /// How much is said on the terminal, and how.
    pub(in crate::commands) manner: Manner,
    /// `--trigger`.
    pub(in crate::commands) trigger: Option<String>,
    /// `--no-record`.
    pub(in crate::commands) no_record: bool,
}

/// How a step tells of itself on the terminal: the pipeline's own flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::commands) struct Manner {
    /// `-q`.
    pub(in crate::commands) quiet: bool,
    /// `-v`.
    pub(in crate::commands) verbose: bool,
    /// `--color`.
    pub(in crate::commands) color: Option<String>,
    /// `--no-progress`, and where others tell of themselves beside it.
    pub(in crate::commands) no_progress: bool,
    /// Is GitHub spoken to? Of a step it sees the folded log, and the pipeline says the rest.
    pub(in crate::commands) github: bool,
}

/// The checkout that a worktree was made from: what is to outlive the worktree lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Origin {
    /// The root of the workspace in it.
    pub(in crate::commands) root: Utf8PathBuf,
    /// Its branch: the worktree has none.
    pub(in crate::commands) branch: Option<String>,
}

impl Stage {
    /// Where the user is, and for the user.
    pub(in crate::commands) fn here() -> io::Result<Self> {
        Ok(Self { cwd: std::env::current_dir()?, ..Self::default() })
    }

    /// A variable.
    pub(in crate::commands) fn variable_os(&self, name: &str) -> Option<OsString> {
        let set = self.env.iter().rev().find(|(set, _)| is_variable(set, name)).map(|(_, value)| value.clone());
        set.or_else(|| std::env::var_os(name))
    }

    /// A variable that is text.
    pub(in crate::commands) fn variable(&self, name: &str) -> Option<String> {
        self.variable_os(name)?.into_string().ok()
    }

    /// The whole environment.
    pub(in crate::commands) fn environment(&self) -> Vec<(OsString, OsString)> {
        let mut all = own_environment();
        for (name, value) in &self.env {
            all.retain(|(known, _)| !is_variable(known, &name.to_string_lossy()));
            all.push((name.clone(), value.clone()));
        }
        all
    }

    /// The cargo to call: the one that called us, unless the step chooses a toolchain.
    pub(in crate::commands) fn cargo(&self) -> OsString {
        let is_set = |name: &str| self.env.iter().any(|(set, _)| is_variable(set, name));
        match self.variable_os("CARGO") {
            Some(cargo) if is_set("CARGO") || !is_set("RUSTUP_TOOLCHAIN") => cargo,
            // rustup's proxy obeys the variable, and the cargo that called us is of another toolchain.
            _ => "cargo".into(),
        }
    }

    /// What it was made from, where it is a worktree.
    pub(in crate::commands) fn origin(&self) -> Option<&Origin> {
        self.step.as_ref()?.origin.as_ref()
    }

    /// What the user asks of this process: heard by the pipeline, or from here on.
    pub(in crate::commands) fn listen(&self) -> Signals {
        self.step.as_ref().map_or_else(Signals::listen, |step| step.signals.clone())
    }

    /// When it must have ended.
    pub(in crate::commands) fn deadline(&self) -> Option<Instant> {
        self.step.as_ref()?.deadline
    }

    /// A limit of its own, or what is left until it must have ended, whichever is less.
    pub(in crate::commands) fn shorten(&self, limit: Option<Duration>) -> Option<Duration> {
        let left = self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
        limit.into_iter().chain(left).min()
    }

    /// The log, where there is one.
    pub(in crate::commands) fn log(&self) -> Option<Log> {
        self.step.as_ref()?.log.clone()
    }

    /// Says something to people, in the words of whoever says it: on standard error, and in the log.
    pub(in crate::commands) fn say(&self, words: &[u8]) {
        let mut stderr = io::stderr().lock();
        // Whoever closed the pipe has read enough.
        let _ = stderr.write_all(words).and_then(|()| stderr.flush());
        if let Some(mut log) = self.log() {
            let plain = console::strip_ansi_codes(&String::from_utf8_lossy(words)).into_owned();
            let _ = log.write_all(plain.as_bytes());
        }
    }

    /// Says one line to people, in cargo's manner.
    pub(in crate::commands) fn complain(&self, word: &str, text: &str) {
        complain(word, text);
        self.note(word, text);
    }

    /// The same in the log alone: the pipeline has said it already.
    pub(in crate::commands) fn note(&self, word: &str, text: &str) {
        if let Some(mut log) = self.log() {
            let _ = writeln!(log, "{word}: {}", inert(text));
        }
    }
}

/// The log of a step, to which several write, each whole lines or what it has of one.
#[derive(Clone)]
pub(in crate::commands) struct Log(Arc<Mutex<dyn Write + Send>>);

impl Log {
    pub(in crate::commands) fn new(writer: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(writer)))
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Log")
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(env: &[(&str, &str)]) -> Stage {
        Stage { env: env.iter().map(|(name, value)| (name.into(), value.into())).collect(), ..Stage::default() }
    }

    #[test]
    fn what_a_step_sets_hides_what_the_process_has() {
        let path = std::env::var("PATH").unwrap();
        assert_eq!(stage(&[]).variable("PATH"), Some(path.clone()));
        let stage = stage(&[("PATH", "/elsewhere"), ("NEW", "1")]);
        assert_eq!(stage.variable("PATH").as_deref(), Some("/elsewhere"));
        let all = stage.environment();
        for (name, value) in [("PATH", "/elsewhere"), ("NEW", "1")] {
            let values: Vec<_> = all.iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect();
            assert_eq!(values, [value]);
        }
    }

    #[test]
    fn a_step_that_chooses_a_toolchain_gets_its_cargo() {
        assert_eq!(stage(&[("RUSTUP_TOOLCHAIN", "nightly")]).cargo(), "cargo");
        assert_eq!(stage(&[("RUSTUP_TOOLCHAIN", "nightly"), ("CARGO", "/c")]).cargo(), "/c");
        let ours = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        assert_eq!(stage(&[("OTHER", "1")]).cargo(), ours);
    }

    #[test]
    fn a_limit_is_never_longer_than_what_is_left() {
        let second = Duration::from_secs(1);
        assert_eq!(stage(&[]).shorten(Some(second)), Some(second));
        assert_eq!(stage(&[]).shorten(None), None);
    }
}
