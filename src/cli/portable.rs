//! The command line of `cargo gate history export` and `merge`.

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
