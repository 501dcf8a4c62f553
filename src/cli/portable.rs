//! The command line of `cargo gate history export`, `merge` and `push`.

use std::path::PathBuf;

use clap::Args;

use super::{CommonArgs, RunsArgs};

/// Write runs to a file that another history can take in
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// Write to this file, replacing it; `-`: standard output
    #[arg(short, long, value_name = "FILE|-", default_value = "gate-history.ndjson.gz")]
    pub output: PathBuf,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Which runs.
    #[command(flatten)]
    pub runs: RunsArgs,
}

/// Send the runs that are kept here to the history that machines share
#[derive(Clone, Debug, Args)]
pub struct PushArgs {
    /// Send this machine's own history too: the runs from before there was a shared one
    #[arg(long)]
    pub all: bool,
    /// Say what would be sent, send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Take in the runs of other histories; nothing is counted twice
#[derive(Clone, Debug, Args)]
pub struct MergeArgs {
    /// Exported files (`-`: standard input), or gate directories of other checkouts, which stay as they are
    #[arg(value_name = "FILE|DIR", required = true)]
    pub sources: Vec<PathBuf>,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}
