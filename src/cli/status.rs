//! The command line of `cargo gate status`.

use std::time::Duration;

use clap::Args;

use super::CommonArgs;
use super::parsers::duration;

/// Show what is in force and on record, or ask whether a full run passed
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// Ask whether a full run that started no longer ago than this passed: exit code 0 if so, 100 if none did, 4 if
    /// the suite never ran
    #[arg(long, value_name = "D", value_parser = duration)]
    pub within: Option<Duration>,
    /// Ask it of this commit, without uncommitted changes: `HEAD`, or anything that git takes for one
    #[arg(long, value_name = "COMMIT")]
    pub commit: Option<String>,
    /// Look at runs of this suite [default: workspace, which is what `cargo gate test` runs]
    #[arg(long, value_name = "NAME")]
    pub suite: Option<String>,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}
