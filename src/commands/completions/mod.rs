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
    written(io::stdout().lock().write_all(&script(args.shell)))
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    generate(shell, &mut named(cli::command(&flag_help()), "cargo-gate"), "cargo-gate", &mut script);
    script.extend_from_slice(match shell {
        Shell::Bash => include_bytes!("cargo.bash"),
        Shell::Fish => include_bytes!("cargo.fish"),
        _ => b"",
    });
    script
}

/// The commands by the words that a shell sees, where help says `cargo gate`.
fn named(command: clap::Command, words: &str) -> clap::Command {
    let named = command.mut_subcommands(|inner| {
        let words = format!("{words} {}", inner.get_name());
        self::named(inner, &words)
    });
    named.bin_name(words)
}
