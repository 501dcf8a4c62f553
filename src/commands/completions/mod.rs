//! `cargo gate completions`: what a shell asks when Tab is pressed.
//!
//! The scripts complete `cargo-gate`. cargo calls us as `cargo gate`: its own completion in zsh asks for a function
//! `_cargo-gate` and thereby finds ours; in bash and fish a few lines join it; elsewhere there is no way in.

use std::io::{self, Write};

use clap_complete::{Shell, generate};

use super::written;
use crate::cli::{self, CompletionsArgs};
use crate::config::settings::flag_help;
use crate::exit_code::ExitCode;

/// Prints the script.
pub(super) fn run(args: &CompletionsArgs) -> ExitCode {
    // In one piece: the generator does not expect its reader to go away.
    written(io::stdout().lock().write_all(script(args.shell).as_bytes()), ExitCode::Pass)
}

fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    generate(shell, &mut cli::command(&flag_help()), "cargo-gate", &mut script);
    let script = String::from_utf8_lossy(&script);
    match shell {
        // The generator writes the dash in a program's name in two ways, and then finds none of its commands again.
        Shell::Bash => script.replace("cargo__subcmd__gate", "cargo__gate") + include_str!("cargo.bash"),
        Shell::Fish => script.into_owned() + include_str!("cargo.fish"),
        _ => script.into_owned(),
    }
}
