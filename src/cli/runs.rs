//! Which recorded runs a command looks at, and the recording of one that the gate did not run itself.

use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::CommonArgs;
use super::parsers::{duration, moment, one_line, trigger};

/// Which recorded runs.
#[derive(Clone, Debug, Default, Args)]
pub struct RunsArgs {
    /// Only runs of this suite; `workspace` is what `cargo gate test` runs
    #[arg(long, help_heading = "Which runs", value_name = "NAME")]
    pub suite: Option<String>,
    /// Only runs that failed
    #[arg(long, help_heading = "Which runs")]
    pub failed: bool,
    /// Only runs that this set off
    #[arg(long, help_heading = "Which runs", value_name = "WORD")]
    pub trigger: Option<String>,
    /// Only runs on this branch
    #[arg(long, help_heading = "Which runs", value_name = "BRANCH")]
    pub branch: Option<String>,
    /// Only runs of this commit: what git takes for one, or the beginning of its name
    #[arg(long, help_heading = "Which runs", value_name = "COMMIT")]
    pub commit: Option<String>,
    /// Only runs that started no longer ago than this, such as 24h
    #[arg(long, help_heading = "Which runs", value_name = "D", value_parser = duration)]
    pub within: Option<Duration>,
    /// Only runs that started on this day (UTC) or at this time, or later
    #[arg(long, help_heading = "Which runs", value_name = "TIME", value_parser = moment)]
    pub since: Option<Timestamp>,
}

/// Record a run of something that the gate did not run itself
#[derive(Clone, Debug, Args)]
pub struct AddArgs {
    /// What ran; `workspace` is what `cargo gate test` runs, and only that
    #[arg(long, value_name = "NAME", required = true, value_parser = trigger)]
    pub suite: String,
    /// The version of what was tested
    #[arg(long, value_name = "V", value_parser = one_line)]
    pub version: Option<String>,
    /// What became of it [default: what the counts say]
    #[arg(long, value_enum, value_name = "WORD")]
    pub verdict: Option<Told>,
    /// How many tests passed, failed, and so on.
    #[command(flatten)]
    pub counts: CountArgs,
    /// How long it took, such as 90s
    #[arg(long, value_name = "D", value_parser = duration)]
    pub duration: Option<Duration>,
    /// When it started, such as 2026-01-31T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub at: Option<Timestamp>,
    /// What set it off [default: what `cargo gate test` would say]
    #[arg(long, value_name = "WORD", value_parser = trigger)]
    pub trigger: Option<String>,
    /// The commit that it was of: what git takes for one, or a name of another system
    #[arg(long, value_name = "COMMIT", value_parser = one_line)]
    pub commit: Option<String>,
    /// The branch that it was on [default: what CI says]
    #[arg(long, value_name = "BRANCH", value_parser = one_line)]
    pub branch: Option<String>,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Counts of tests by what became of them.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct CountArgs {
    /// Tests that passed
    #[arg(long, help_heading = "Counts", value_name = "N")]
    pub passed: Option<u32>,
    /// Tests that failed
    #[arg(long, help_heading = "Counts", value_name = "N")]
    pub failed: Option<u32>,
    /// Tests that died or never started
    #[arg(long, help_heading = "Counts", value_name = "N")]
    pub errored: Option<u32>,
    /// Tests that were killed at their limit
    #[arg(long, help_heading = "Counts", value_name = "N")]
    pub timeout: Option<u32>,
    /// Tests that failed and then passed
    #[arg(long, help_heading = "Counts", value_name = "N")]
    pub flaky: Option<u32>,
    /// Tests that were skipped
    #[arg(long, help_heading = "Counts", value_name = "N")]
    pub skipped: Option<u32>,
}

/// The verdicts that can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Told {
    /// It passed
    Pass,
    /// It failed
    Fail,
}
