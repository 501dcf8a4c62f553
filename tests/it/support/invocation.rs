//! One start of a process, in surroundings that are named rather than inherited.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::{Ended, Fixture, Running};

/// The variables a process of ours inherits: what it takes to find programs, home and toolchain. Whatever else is set
/// where the tests run (`CARGO_*`, `RUST*`, `CI` and the variables of every CI service, `CARGO_GATE_*`, colours) is not
/// passed on, so that tests mean the same everywhere.
const INHERITED: [&str; 21] = [
    "PATH",
    "HOME",
    "USER",
    "TMPDIR",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    // Where the tests measure their own coverage, the processes they start are to be seen.
    "LLVM_PROFILE_FILE",
    // Windows does not get far without these.
    "SystemRoot",
    "SystemDrive",
    "ComSpec",
    "PATHEXT",
    "TEMP",
    "TMP",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "ProgramFiles",
    "ProgramFiles(x86)",
    "ProgramData",
    "INCLUDE",
];

/// A process to be started.
pub(crate) struct Invocation {
    command: Command,
}

impl Invocation {
    pub(super) fn new(fixture: &Fixture, program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(fixture.root()).stdin(Stdio::null()).env_clear();
        command.envs(INHERITED.iter().filter_map(|name| Some((name, env::var_os(name)?))));
        command
            // What cargo tells its subcommands.
            .env("CARGO", Self::cargo_path())
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_TERM_COLOR", "never")
            .env("NO_COLOR", "1")
            .env("TERM", "xterm")
            .env("LANG", "C.UTF-8")
            .env("GATE_FIXTURE_DIR", fixture.scratch())
            .env("GIT_CONFIG_GLOBAL", if cfg!(windows) { "NUL" } else { "/dev/null" })
            .env("GIT_CONFIG_NOSYSTEM", "1");
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "A Tester")
                .env(format!("GIT_{role}_EMAIL"), "tester@example.invalid")
                .env(format!("GIT_{role}_DATE"), "2026-01-31T12:00:00+00:00");
        }
        if !fixture.has_own_target() {
            command.env("CARGO_TARGET_DIR", fixture.target_dir()).env("CARGO_GATE_STORE_DIR", fixture.gate_dir());
        }
        Self { command }
    }

    /// The cargo that runs these tests.
    pub(super) fn cargo_path() -> OsString {
        env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
    }

    /// One more argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// More arguments.
    pub(crate) fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Takes a variable away.
    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Starts it elsewhere than in the workspace's root.
    pub(crate) fn in_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(mut self) -> Ended {
        let begin = Instant::now();
        let output = self.command.output().unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        Ended::new(&self.command, output, begin.elapsed())
    }

    /// Makes it the leader of a process group of its own, as a shell does.
    #[cfg(unix)]
    pub(crate) fn in_own_group(mut self) -> Self {
        std::os::unix::process::CommandExt::process_group(&mut self.command, 0);
        self
    }

    /// Starts it and goes on beside it.
    pub(crate) fn spawn(self) -> Running {
        Running::start(self.command)
    }

    /// The command itself, for what has no method here.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }
}
