//! Whose fault it is that a step did not run or did not succeed.

use std::io;
use std::path::Path;
use std::time::Duration;

use camino::Utf8PathBuf;

use crate::model::Ending;
use crate::sys::process::{Launch, is_of_the_moment};
use crate::sys::trouble;

/// Why a step could not be executed at all.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// It names no command.
    #[error("it names no command")]
    NoCommand,
    /// Its program could not be started.
    #[error("cannot start `{program}`: {source}: {advice}")]
    Start {
        /// The program.
        program: String,
        /// What to do about it.
        advice: String,
        /// What the system said.
        source: io::Error,
    },
    /// It was to run in a folder that is not there.
    #[error("cannot start it in `{dir}`, which is no folder: set the step's `cwd` to one, or make it before")]
    Cwd {
        /// The folder.
        dir: String,
    },
    /// Its log could not be written.
    #[error("cannot write the log `{log}`: {source}")]
    Log {
        /// The log.
        log: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its mutex could not be asked for.
    #[error("cannot take the lock `{lock}`: {source}")]
    Lock {
        /// The lock file.
        lock: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another step or another gate held its mutex for longer than the step may take.
    #[error("another step has held the lock `{lock}` for {waited:?}")]
    Busy {
        /// The lock file.
        lock: Utf8PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
}

impl ExecError {
    /// A program could not be started: what to do about it.
    pub(super) fn of_start(launch: &Launch, source: io::Error) -> Self {
        if !launch.cwd.is_dir() {
            return Self::Cwd { dir: launch.cwd.display().to_string() };
        }
        let program = launch.program.to_string_lossy().into_owned();
        let path = Path::new(&launch.program);
        let is_path = path.components().count() > 1;
        let place = launch.cwd.join(path);
        let advice = match source.kind() {
            io::ErrorKind::NotFound if is_path && place.exists() => {
                "the interpreter that its first line names is not there".to_owned()
            }
            io::ErrorKind::NotFound if launch.args.is_empty() && program.contains(char::is_whitespace) => {
                "`command` is a list, one word an item; `shell = true` runs a line".to_owned()
            }
            io::ErrorKind::NotFound if is_path => format!("there is no `{}`", place.display()),
            io::ErrorKind::NotFound => "install it, or put it on PATH".to_owned(),
            io::ErrorKind::PermissionDenied if is_path => {
                format!("make it executable (`chmod +x {program}`), or start it by its interpreter")
            }
            _ if is_of_the_moment(&source) => "the machine is too busy, try again".to_owned(),
            _ => "start it by its interpreter, or by `shell = true`, if it is a script".to_owned(),
        };
        Self::Start { program, advice, source }
    }

    /// Is it that a program is not there?
    #[must_use]
    pub fn is_missing_program(&self) -> bool {
        matches!(self, Self::Start { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Would the same have worked at another moment?
    #[must_use]
    pub fn as_setup_failure(&self) -> SetupFailure {
        match self {
            Self::Busy { .. } => SetupFailure::Retriable(trouble::Trouble::Lock.word()),
            Self::Start { source, .. } | Self::Log { source, .. } | Self::Lock { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    SetupFailure::Retriable(trouble::Trouble::Disk.word())
                }
                _ if is_of_the_moment(source) => SetupFailure::Retriable("busy machine"),
                _ => SetupFailure::Final,
            },
            Self::NoCommand | Self::Cwd { .. } => SetupFailure::Final,
        }
    }
}

/// Is a failed setup worth another try?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupFailure {
    /// Yes: this was in its way, and may not be there the next time.
    Retriable(&'static str),
    /// No: it would fail again.
    Final,
}

/// The status by which a program says that it may succeed another time (`EX_TEMPFAIL`), as a gate that defers does.
const TEMPORARY: i32 = 75;

/// Tells from a failed setup's last words and its end whether it is worth another try. What is not known is not.
#[must_use]
pub fn classify(tail: &str, ending: Ending) -> SetupFailure {
    match (trouble::told_by(tail), ending) {
        (Some(trouble), _) => SetupFailure::Retriable(trouble.word()),
        (None, Ending::Exited(TEMPORARY)) => SetupFailure::Retriable("temporary failure"),
        (None, _) => SetupFailure::Final,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_pass_is_worth_another_try() {
        let of = |tail, code| classify(tail, Ending::Exited(code));
        assert_eq!(of("curl: (6) Could not resolve host: example.org", 6), SetupFailure::Retriable("network"));
        assert_eq!(of("deferred: come again", 75), SetupFailure::Retriable("temporary failure"));
        assert_eq!(of("", 1), SetupFailure::Final);
        assert_eq!(of("make: *** [all] Error 1", 2), SetupFailure::Final);
        assert_eq!(classify("", Ending::Signaled(9)), SetupFailure::Final);
    }

    #[test]
    fn a_step_that_could_not_run_is_told_the_same_way() {
        let start = |kind: io::ErrorKind| ExecError::Start {
            program: "x".to_owned(),
            advice: "install it".to_owned(),
            source: kind.into(),
        };
        assert!(start(io::ErrorKind::NotFound).is_missing_program());
        assert_eq!(start(io::ErrorKind::NotFound).as_setup_failure(), SetupFailure::Final);
        assert!(!start(io::ErrorKind::PermissionDenied).is_missing_program());
        assert_eq!(start(io::ErrorKind::WouldBlock).as_setup_failure(), SetupFailure::Retriable("busy machine"));
        let log = ExecError::Log { log: "x.log".into(), source: io::ErrorKind::StorageFull.into() };
        assert_eq!(log.as_setup_failure(), SetupFailure::Retriable("disk"));
        let busy = ExecError::Busy { lock: "db.lock".into(), waited: Duration::from_secs(60) };
        assert_eq!(busy.as_setup_failure(), SetupFailure::Retriable("lock"));
    }
}
