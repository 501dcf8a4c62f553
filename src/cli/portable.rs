//! The command line of `cargo gate history export` and `merge`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::CommonArgs;
use super::parsers::since;

/// Write runs to a file that another history can take in
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// Write to this file, replacing it; - is standard output
    #[arg(short, long, value_name = "FILE|-", default_value = "gate-history.ndjson.gz")]
    pub output: PathBuf,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Which runs.
    #[command(flatten)]
    pub which: WhichRuns,
}

/// Take in the runs of other histories; nothing is counted twice
#[derive(Clone, Debug, Args)]
pub struct MergeArgs {
    /// Exported files (- is standard input), or gate directories of other checkouts, which stay as they are
    #[arg(value_name = "FILE|DIR", required = true)]
    pub sources: Vec<PathBuf>,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Which runs; all of them where nothing is said
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which runs")]
pub struct WhichRuns {
    /// Only runs of this suite
    #[arg(long, value_name = "NAME")]
    pub suite: Option<String>,
    /// Only runs on this branch
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Only runs of this commit: its name, or the beginning of it
    #[arg(long, value_name = "COMMIT")]
    pub commit: Option<String>,
    /// Only runs that were set off by this: manual, ci, schedule, …
    #[arg(long, value_name = "WORD")]
    pub trigger: Option<String>,
    /// Only runs since then: 2026-01-31, 2026-01-31T12:00:00Z, or 7d for the last seven days
    #[arg(long, value_name = "WHEN", value_parser = since)]
    pub since: Option<Since>,
}

/// From when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// From this moment.
    At(Timestamp),
    /// From so long ago.
    Ago(Duration),
}
