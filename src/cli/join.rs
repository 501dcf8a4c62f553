//! The command line of `cargo gate join`.

use std::path::PathBuf;

use clap::Args;

use super::parsers::word;
use super::step::coverage_step;
use super::{CommonArgs, CoverageArgs, CoverageFlags, Format};
use crate::model::{Annotations, FlakyResult, NoTests};

/// Put the shards of a run together, and judge them as one
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "A shard leaves its folder in target/gate/shard, or where `test --shard-out DIR` says. Where \
                        shards measured what they cover, that is judged as `coverage --from` judges it.")]
pub struct JoinArgs {
    /// Folders of shards, or directories that hold them at most two levels below
    #[arg(value_name = "DIR", required = true)]
    pub dirs: Vec<PathBuf>,
    /// Fail where tests of the full run before are gone (of shards of a full run only)
    #[arg(long)]
    pub fail_on_vanished: bool,
    #[arg(long, value_name = "WORD", value_parser = word::<FlakyResult>())]
    flaky_result: Option<String>,
    #[arg(long, value_name = "WORD", value_parser = word::<NoTests>())]
    no_tests: Option<String>,
    /// Write a JUnit report
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the report artifact here too
    #[arg(long, value_name = "PATH")]
    pub report: Option<PathBuf>,
    #[arg(long, value_name = "WORD", value_parser = word::<Annotations>())]
    annotations: Option<String>,
    /// Leave no trace in the history
    #[arg(long)]
    pub no_record: bool,
    /// Say only what fails, and the verdict
    #[arg(short, long)]
    pub quiet: bool,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
    /// The flags that stand for a setting of coverage.
    #[command(flatten)]
    pub judging: CoverageFlags,
    /// Judge the lines changed since the merge base with this revision
    #[arg(long, value_name = "REV", help_heading = "Coverage")]
    pub base: Option<String>,
    /// Pardon a fall that comes from deleted covered lines alone
    #[arg(long, help_heading = "Coverage")]
    pub allow_removal: bool,
}

impl JoinArgs {
    /// The flags that stand for a setting and were given, by name without dashes, with their text.
    #[must_use]
    pub fn given(&self) -> Vec<(&'static str, &str)> {
        let own =
            [("flaky-result", &self.flaky_result), ("no-tests", &self.no_tests), ("annotations", &self.annotations)];
        let own = own.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        own.chain(self.judging.given()).collect()
    }

    /// What `cargo gate coverage --from` would have been asked for shards that were built with these flags.
    #[must_use]
    pub fn as_coverage(&self, built_with: &[String]) -> CoverageArgs {
        // Flags that are none of this version's are not repeated in what is advised.
        let mut args = coverage_step(built_with).unwrap_or_default();
        args.judging = self.judging.clone();
        args.base.clone_from(&self.base);
        args.allow_removal = self.allow_removal;
        args.test.no_record = self.no_record;
        args.test.format = Format::Human;
        args.test.build.flags.quiet = self.quiet;
        args.test.build.flags.color.clone_from(&self.common.place.color);
        args
    }
}
