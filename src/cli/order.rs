//! The command line of `cargo gate order`.

use std::path::PathBuf;

use clap::Args;

use super::parsers::{at_least_one, key_pattern};
use super::{CommonArgs, ContextArgs};
use crate::model::KeyPattern;

/// Show the order of the next run with its reasons, or measure it on a history
#[derive(Clone, Debug, Args)]
#[command(after_help = "GLOB: over package/kind:binary::path; `*` crosses `::` but not `/`, `**` crosses both.")]
pub struct OrderArgs {
    /// Show only tests whose key matches the glob; may be repeated
    #[arg(long, value_name = "GLOB", value_parser = key_pattern, conflicts_with = "backtest")]
    pub select: Vec<KeyPattern>,
    /// Show at most N tests [default: for people 20, in JSON all]
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "backtest")]
    pub limit: Option<usize>,
    /// Expect N tests to run at once [default: the setting test.slots]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub slots: Option<usize>,
    /// Replay the history, each run foreseen from the earlier ones, and compare the order with others
    #[arg(long)]
    pub backtest: bool,
    /// Replay this history instead, a file with the columns run,test,duration,failed; `-`: standard input
    #[arg(long, value_name = "FILE", requires = "backtest")]
    pub csv: Option<PathBuf>,
    /// Whose history.
    #[command(flatten)]
    pub context: ContextArgs,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}
