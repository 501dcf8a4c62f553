//! The command line of `cargo gate history`.

use clap::{Args, Subcommand};

use super::parsers::{count_or_none, duration_or_none, size_or_none};
use super::{AddArgs, CommonArgs, ExportArgs, ImportArgs, MergeArgs, PushArgs, RunsArgs};

/// Look at the recorded runs, add or remove some
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub action: HistoryAction,
}

/// What to do with recorded runs.
#[derive(Debug, Subcommand)]
pub enum HistoryAction {
    /// List the runs, newest first
    List(ListArgs),
    /// Show one run: its totals, its verdict, its failing tests or its steps
    Show(ShowArgs),
    /// Show the counters, what the store holds, and figures of each suite
    Stats(StatsArgs),
    /// Record a run of something that the gate did not run itself
    Add(Box<AddArgs>),
    /// Remove old runs; summaries and counters stay
    Prune(PruneArgs),
    /// Remove one run, as if it had never been recorded
    Undo(UndoArgs),
    /// Record the results that other tools wrote
    Import(Box<ImportArgs>),
    /// Write runs to a file that another history can take in
    Export(ExportArgs),
    /// Take in the runs of other histories; nothing is counted twice
    Merge(MergeArgs),
    /// Send the runs that are kept here to the history that machines share
    Push(PushArgs),
}

impl HistoryAction {
    /// The flags that every action has.
    #[must_use]
    pub const fn common(&self) -> &CommonArgs {
        match self {
            Self::List(args) => &args.common,
            Self::Show(args) => &args.common,
            Self::Stats(args) => &args.common,
            Self::Add(args) => &args.common,
            Self::Prune(args) => &args.common,
            Self::Undo(args) => &args.common,
            Self::Import(args) => &args.common,
            Self::Export(args) => &args.common,
            Self::Merge(args) => &args.common,
            Self::Push(args) => &args.common,
        }
    }

    /// The flags that stand for a setting, as far as they were given, by name without dashes.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Prune(args) => args.keep.given(),
            _ => Vec::new(),
        }
    }
}

/// List the runs, newest first
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// Show at most N runs
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub limit: u64,
    /// Leave out the newest N first
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub skip: u64,
    /// Show the latest run of each suite only
    #[arg(long)]
    pub latest: bool,
    /// Which runs.
    #[command(flatten)]
    pub runs: RunsArgs,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Show one run: its totals, its verdict, its failing tests or its steps
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// The run's name, the beginning of it, or `last`
    #[arg(value_name = "RUN", default_value = "last")]
    pub run: String,
    /// Show all of its tests, not only those that did not simply pass
    #[arg(long)]
    pub all: bool,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Show the counters, what the store holds, and figures of each suite
#[derive(Clone, Debug, Args)]
pub struct StatsArgs {
    /// Which runs.
    #[command(flatten)]
    pub runs: RunsArgs,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Remove old runs; summaries and counters stay
#[derive(Clone, Debug, Args)]
pub struct PruneArgs {
    /// What to keep.
    #[command(flatten)]
    pub keep: PruneFlags,
    /// Look at runs of this suite only
    #[arg(long, value_name = "NAME")]
    pub suite: Option<String>,
    /// Say what would be removed, remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Remove one run, as if it had never been recorded
#[derive(Clone, Debug, Args)]
pub struct UndoArgs {
    /// The run's name, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// What `history prune` keeps: flags that stand for a setting.
#[derive(Clone, Debug, Default, Args)]
pub struct PruneFlags {
    #[arg(long, value_name = "D|none", value_parser = duration_or_none)]
    max_age: Option<String>,
    #[arg(long, value_name = "N|none", value_parser = count_or_none)]
    max_runs: Option<String>,
    #[arg(long, value_name = "SIZE|none", value_parser = size_or_none)]
    max_size: Option<String>,
}

impl PruneFlags {
    /// The flags that were given, by name without dashes, with their text.
    #[must_use]
    pub fn given(&self) -> Vec<(&'static str, &str)> {
        let all = [("max-age", &self.max_age), ("max-runs", &self.max_runs), ("max-size", &self.max_size)];
        all.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?))).collect()
    }
}
