//! The command lines of what an installation lays beside the program: `cargo gate completions` and `cargo gate man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Print the completions of a shell
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "bash: save it as ~/.local/share/bash-completion/completions/cargo-gate, and source that after \
                        cargo's own completion where `cargo gate` shall complete, too.\nzsh: save it as _cargo-gate in \
                        a folder of $fpath.\nfish: save it as ~/.config/fish/completions/cargo-gate.fish."
)]
pub struct CompletionsArgs {
    /// Of which shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// Print the man page, or write one a command
#[derive(Clone, Debug, Args)]
pub struct ManArgs {
    /// Write cargo-gate.1, and a page for each command, such as cargo-gate-test.1, into this directory; without it
    /// cargo-gate.1 is printed
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
