//! The command line of `cargo gate baseline`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CommonArgs;
use super::parsers::{one_line, share};
use crate::ratio::Share;

/// Look at the baselines of coverage, or move one by hand
#[derive(Debug, Args)]
pub struct BaselineArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub action: BaselineAction,
}

/// What to do with the baselines.
#[derive(Debug, Subcommand)]
pub enum BaselineAction {
    /// Show every baseline, where it comes from, and why it was lowered
    Show {
        /// Flags of every command.
        #[command(flatten)]
        common: CommonArgs,
    },
    /// Set one; lowering needs a reason, which is kept
    Set(Box<BaselineSetArgs>),
    /// Take one away, so that the next measurement begins anew; the reason is kept
    Reset(Box<BaselineResetArgs>),
}

impl BaselineAction {
    /// The flags that every action has.
    #[must_use]
    pub const fn common(&self) -> &CommonArgs {
        match self {
            Self::Show { common } => common,
            Self::Set(args) => &args.common,
            Self::Reset(args) => &args.common,
        }
    }
}

/// Set one; lowering needs a reason, which is kept
#[derive(Clone, Debug, Args)]
pub struct BaselineSetArgs {
    /// The figure: percent such as 77.5, or counts such as 850/1000 [default: the one in the latest report]
    #[arg(value_name = "VALUE", value_parser = share, conflicts_with = "from")]
    pub value: Option<Share>,
    /// Take the figure of this report of coverage
    #[arg(long, value_name = "REPORT")]
    pub from: Option<PathBuf>,
    /// Why; needed where it lowers the baseline
    #[arg(long, value_name = "TEXT", value_parser = one_line)]
    pub reason: Option<String>,
    /// The commit that it is the figure of [default: the report's, or what is checked out]
    #[arg(long, value_name = "COMMIT", value_parser = one_line)]
    pub commit: Option<String>,
    /// Which one.
    #[command(flatten)]
    pub key: BaselineKeyArgs,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Take one away, so that the next measurement begins anew; the reason is kept
#[derive(Clone, Debug, Args)]
pub struct BaselineResetArgs {
    /// Why
    #[arg(long, value_name = "TEXT", required = true, value_parser = one_line)]
    pub reason: String,
    /// Which one.
    #[command(flatten)]
    pub key: BaselineKeyArgs,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Which baseline: figures of other targets and features are other figures
#[derive(Clone, Debug, Default, Args)]
pub struct BaselineKeyArgs {
    /// Whose figure: workspace, package:NAME, or file:PATH [default: workspace]
    #[arg(long, help_heading = "Which baseline", value_name = "WHOSE")]
    pub subject: Option<String>,
    /// What is counted [default: the report's, or `coverage.metric`]
    #[arg(long, help_heading = "Which baseline", value_name = "WORD", value_parser = ["lines", "regions", "functions", "branches"])]
    pub metric: Option<String>,
    /// The target triple [default: the report's, or the one that is built for]
    #[arg(long, help_heading = "Which baseline", value_name = "TRIPLE")]
    pub target: Vec<String>,
    /// Space or comma separated list of features [default: the report's, or those in `test.args`]
    #[arg(short = 'F', long, help_heading = "Which baseline", value_name = "FEATURES")]
    pub features: Vec<String>,
    /// All available features
    #[arg(long, help_heading = "Which baseline")]
    pub all_features: bool,
    /// Without the `default` feature
    #[arg(long, help_heading = "Which baseline")]
    pub no_default_features: bool,
}

impl BaselineKeyArgs {
    /// The flags about the build, in cargo's words.
    #[must_use]
    pub fn build_words(&self) -> Vec<String> {
        let targets = self.target.iter().map(|target| format!("--target={target}"));
        let features = self.features.iter().map(|features| format!("--features={features}"));
        let switches = [(self.all_features, "--all-features"), (self.no_default_features, "--no-default-features")];
        let switches = switches.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_owned());
        targets.chain(features).chain(switches).collect()
    }
}
