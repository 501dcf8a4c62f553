//! The command line of `cargo gate history import`.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::parsers::{moment, one_line, trigger};
use super::{CommonArgs, ContextArgs};

/// Record the results that other tools wrote
///
/// Each file is a run; a CSV file holds several. All files are read before the first is recorded, and where one of
/// them cannot be read, none is. Results that are on record already are left as they are.
#[derive(Clone, Debug, Args)]
pub struct ImportArgs {
    /// The files; `-`: standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// What they are written in
    #[arg(long, value_name = "FORMAT", default_value = "auto",
        value_parser = ["auto", "junit", "tap", "libtest-json", "simple", "csv"])]
    pub input_format: String,
    /// All files are parts of one run, as Surefire writes one for each class
    #[arg(long)]
    pub one_run: bool,
    /// What ran [default: what the file says, or its name]
    #[arg(long, value_name = "NAME", value_parser = trigger)]
    pub suite: Option<String>,
    /// The package of tests that are not Rust's [default: the workspace's name]
    #[arg(long, value_name = "NAME", value_parser = one_line)]
    pub package: Option<String>,
    /// The version of what was tested
    #[arg(long, value_name = "V", value_parser = one_line)]
    pub version: Option<String>,
    /// The commit that was tested: what git takes for one, or a name of another system
    #[arg(long, value_name = "COMMIT", value_parser = one_line)]
    pub commit: Option<String>,
    /// The branch
    #[arg(long, value_name = "BRANCH", value_parser = one_line)]
    pub branch: Option<String>,
    /// What set the run off
    #[arg(long, value_name = "WORD", default_value = "import", value_parser = trigger)]
    pub trigger: String,
    /// When it started, such as 2026-01-31T12:00:00Z [default: what the file says, or when it was last changed]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub at: Option<Timestamp>,
    /// Say what would be recorded, record nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Under what the tests are meant.
    #[command(flatten)]
    pub context: ContextArgs,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}
