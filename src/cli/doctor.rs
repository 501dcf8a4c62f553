//! The command line of `cargo gate doctor`.

use clap::Args;

use super::CommonArgs;

/// Find the tools that are missing, and say how to get them
#[derive(Clone, Debug, Args)]
#[command(after_help = "Exit codes: 0 everything that is needed here is there; 96 something is missing.")]
pub struct DoctorArgs {
    /// Install what is missing: LLVM's tools by rustup, cargo-llvm-cov by cargo
    #[arg(long)]
    pub install: bool,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}
