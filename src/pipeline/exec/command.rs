//! How a step is started: argv, place and environment, as a pure function of what is configured.

use std::ffi::OsString;

use camino::{Utf8Path, Utf8PathBuf};

use crate::config::{Invocation, word_without_passwords};
use crate::sys::process::Launch;

/// What every step of a run is told of it.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The run.
    pub run_id: &'a str,
    /// The step.
    pub step: &'a str,
    /// The folder of this run, where the step may leave what it likes.
    pub dir: &'a Utf8Path,
    /// Where locks between processes lie.
    pub lock_dir: &'a Utf8Path,
}

impl Told<'_> {
    /// As variables of its environment.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, &str); 4] {
        [
            ("CARGO_GATE_RUN_ID", self.run_id),
            ("CARGO_GATE_STEP", self.step),
            ("CARGO_GATE_DIR", self.dir.as_str()),
            ("CARGO_GATE_LOCK_DIR", self.lock_dir.as_str()),
        ]
    }
}

/// How an invocation is started in a workspace; none where it names no command.
///
/// `environment` is this process's own; the step's variables beat it, and what the gate tells beats both. `cargo` stays
/// the one of PATH, as whoever wrote the command would get it in a shell: with rustup that is its proxy, which alone
/// understands `cargo +nightly`, and which the environment tells the toolchain the gate itself was called with.
#[must_use]
pub fn command_line(
    invocation: &Invocation,
    root: &Utf8Path,
    environment: Vec<(OsString, OsString)>,
    told: &Told<'_>,
) -> Option<Launch> {
    let cwd = invocation.cwd.as_ref().map_or_else(|| root.to_owned(), |cwd| root.join(cwd));
    let words = words(invocation);
    let (program, args) = words.split_first()?;
    let program = if invocation.shell { program.clone() } else { located(program, &cwd) };
    let mut env = environment;
    let own = invocation.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in own.chain(told.variables()) {
        env.retain(|(known, _)| !is_same_variable(known, name));
        env.push((name.into(), value.into()));
    }
    Some(Launch {
        program: program.into(),
        args: args.iter().map(OsString::from).collect(),
        cwd: cwd.into_std_path_buf(),
        env,
    })
}

/// What is started, as words: of a line for the shell, the shell with the line. None where no command is named.
fn words(invocation: &Invocation) -> Vec<String> {
    if !invocation.shell {
        return invocation.command.clone();
    }
    let line = invocation.command.join(" ");
    let shell = if cfg!(windows) { ["cmd", "/C"] } else { ["sh", "-c"] };
    if line.trim().is_empty() { Vec::new() } else { shell.map(str::to_owned).into_iter().chain([line]).collect() }
}

/// The same as it may be shown.
#[must_use]
pub fn shown(invocation: &Invocation) -> Vec<String> {
    words(invocation).iter().map(|word| word_without_passwords(word)).collect()
}

fn is_same_variable(known: &OsString, name: &str) -> bool {
    if cfg!(windows) { known.eq_ignore_ascii_case(name) } else { known == name }
}

/// A relative path is meant from where the step runs. On Windows it would be taken from where the gate runs.
fn located(program: &str, cwd: &Utf8Path) -> String {
    let path = Utf8PathBuf::from(program);
    let is_path = path.is_relative() && path.components().count() > 1;
    if cfg!(windows) && is_path { cwd.join(path).into_string() } else { program.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(invocation: &Invocation) -> Option<Launch> {
        let told =
            Told { run_id: "r1", step: "lint", dir: Utf8Path::new("/g/runs/r1"), lock_dir: Utf8Path::new("/g/locks") };
        let environment = [("PATH", "/bin"), ("LANG", "C"), ("CARGO_GATE_STEP", "outer")];
        let environment = environment.map(|(name, value)| (name.into(), value.into())).to_vec();
        command_line(invocation, Utf8Path::new("/w"), environment, &told)
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn argv_is_taken_as_it_is_and_runs_below_the_root() {
        let invocation = Invocation {
            command: words(&["cargo", "clippy", "--", "-D warnings"]),
            cwd: Some("crates/app".into()),
            ..Invocation::default()
        };
        let launch = launch(&invocation).unwrap();
        assert_eq!(launch.program, "cargo");
        assert_eq!(launch.args, ["clippy", "--", "-D warnings"]);
        assert_eq!(launch.cwd, Utf8Path::new("/w").join("crates/app"));
    }

    #[cfg(unix)]
    #[test]
    fn a_line_is_the_shells() {
        let invocation = Invocation { command: words(&["a && b"]), shell: true, ..Invocation::default() };
        let launch = launch(&invocation).unwrap();
        assert_eq!(launch.program, "sh");
        assert_eq!(launch.args, ["-c", "a && b"]);
        assert_eq!(launch.cwd, Utf8Path::new("/w"));
    }

    #[test]
    fn a_steps_variables_beat_the_environment_and_what_the_gate_tells_beats_both() {
        let env = [("LANG", "de"), ("CARGO_GATE_RUN_ID", "mine")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let launch = launch(&Invocation { command: words(&["x"]), env, ..Invocation::default() }).unwrap();
        let mut names: Vec<&OsString> = launch.env.iter().map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), launch.env.len(), "each is there once");
        for (name, value) in [
            ("PATH", "/bin"),
            ("LANG", "de"),
            ("CARGO_GATE_RUN_ID", "r1"),
            ("CARGO_GATE_STEP", "lint"),
            ("CARGO_GATE_DIR", "/g/runs/r1"),
            ("CARGO_GATE_LOCK_DIR", "/g/locks"),
        ] {
            assert!(launch.env.contains(&(name.into(), value.into())), "{name}: {:?}", launch.env);
        }
    }

    #[test]
    fn without_a_command_there_is_nothing_to_start() {
        assert_eq!(launch(&Invocation::default()), None);
        assert_eq!(launch(&Invocation { shell: true, ..Invocation::default() }), None);
    }
}
