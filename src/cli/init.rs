//! The command line of `cargo gate init`.

use clap::Args;

use super::CommonArgs;

/// Write a commented configuration that fits the workspace
#[derive(Clone, Debug, Args)]
#[command(after_help = "What is not installed here is written as a comment, with how to get it; what is red now so \
                        that it does not fail yet, with the way on. An existing configuration is never overwritten \
                        without --force; that ends with 96.")]
pub struct InitArgs {
    /// Print it and write nothing
    #[arg(long, conflicts_with = "format")]
    pub stdout: bool,
    /// Overwrite the configuration that is there
    #[arg(long)]
    pub force: bool,
    /// Write it without trying formatting, clippy and documentation once
    #[arg(long)]
    pub no_try: bool,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}
