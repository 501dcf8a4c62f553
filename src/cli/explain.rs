//! The command line of `cargo gate explain`.

use clap::Args;

use super::{CommonArgs, ContextArgs};

/// All that is known of one test, on one screen
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// Its key, its name, a part of its key, or a glob over keys
    #[arg(value_name = "TEST")]
    pub test: String,
    /// Show all of its last failure's text, not only the lines that say why
    #[arg(long)]
    pub full: bool,
    /// Whose memory.
    #[command(flatten)]
    pub context: ContextArgs,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}
