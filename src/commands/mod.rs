//! The wiring: the only place that joins rim, engine and judgement. Each command returns an exit code computed from
//! values.

mod baseline;
mod completions;
pub mod config;
mod coverage;
mod deferral;
mod doctor;
mod explain;
mod flaky;
mod github;
pub mod history;
mod init;
mod isolation;
mod join;
mod keeping;
mod man;
mod notify;
mod order;
mod ordering;
mod place;
mod quarantine;
mod ratchet;
mod remembered;
mod report;
mod run;
mod schema;
mod shards;
mod stage;
mod status;
mod suites;
pub mod test;
mod thresholds;
mod verdict;

use std::ffi::OsString;
use std::io::{self, Write};

use crate::cargo::launch;
use crate::cli::{self, Command};
use crate::config::settings::flag_help;
use crate::exit_code::ExitCode;

/// The whole program: the process's arguments in, its exit code out.
#[must_use]
pub fn main(argv: Vec<OsString>) -> std::process::ExitCode {
    if let Some(code) = launch::stand_in(&argv) {
        return code.into();
    }
    let command = match cli::parse(argv, &flag_help()) {
        Ok(command) => command,
        Err(error) => {
            // Help and version come this way, too. A closed pipe is no reason to complain.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::Usage.into() } else { ExitCode::Pass.into() };
        }
    };
    let code = match command {
        Command::Test(args) => test::run(&args),
        Command::Coverage(args) => coverage::run(&args),
        Command::Shards(args) => shards::run(&args),
        Command::Join(args) => join::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Flaky(args) => flaky::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Order(args) => order::run(&args),
        Command::History(args) => history::run(&args.action),
        Command::Status(args) => status::run(&args),
        Command::Baseline(args) => baseline::run(&args.action),
        Command::Verdict(args) => verdict::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Config(args) => config::main(&args.action),
        Command::Schema(args) => schema::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    };
    code.into()
}

/// The code of a command whose answer has been written, or could not be. Whoever closed the pipe has read enough, and gets
/// the answer's code all the same.
pub(crate) fn written(result: io::Result<()>, code: ExitCode) -> ExitCode {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain("error", &format!("the output cannot be written: {error}"));
            ExitCode::Internal
        }
        _ => code,
    }
}

/// The code of a command that cannot write to a place that was named to it: a place where nothing can be written is a
/// mistake of whoever named it; a full disk is nobody's.
pub(crate) fn unwritable(error: &io::Error) -> ExitCode {
    use io::ErrorKind::{AlreadyExists, IsADirectory, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
    match error.kind() {
        AlreadyExists | IsADirectory | NotADirectory | NotFound | PermissionDenied | ReadOnlyFilesystem => {
            ExitCode::Usage
        }
        _ => ExitCode::Internal,
    }
}

/// Says something to people: one line on standard error, in cargo's manner.
pub(crate) fn complain(word: &str, text: &str) {
    let style = console::Style::new().for_stderr().bold();
    let style = if word == "error" { style.red() } else { style.yellow() };
    let _ = writeln!(io::stderr().lock(), "{}: {}", style.apply_to(word), crate::report::inert::inert(text));
}
