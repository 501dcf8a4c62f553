//! The command line of `cargo gate flaky`.

use clap::Args;

use super::parsers::key_pattern;
use super::{CommonArgs, ContextArgs};
use crate::model::KeyPattern;

/// Show which tests are flaky, broken, suspect or recovered, and what speaks for it
#[derive(Clone, Debug, Args)]
#[command(after_help = "GLOB: over package/kind:binary::path; `*` crosses `::` but not `/`, `**` crosses both.")]
pub struct FlakyArgs {
    /// Look only at tests whose key matches the glob; may be repeated
    #[arg(long, value_name = "GLOB", value_parser = key_pattern)]
    pub select: Vec<KeyPattern>,
    /// Show every test, the new and the steady ones too
    #[arg(long)]
    pub all: bool,
    /// Fail (100) where more than N tests are flaky; quarantined ones do not count
    #[arg(long, value_name = "N")]
    pub fail_above: Option<u64>,
    /// Fail (100) where the latest full run did not have a test any more
    #[arg(long)]
    pub fail_on_vanished: bool,
    /// Whose memory.
    #[command(flatten)]
    pub context: ContextArgs,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}
