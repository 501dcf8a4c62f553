//! The command line of `cargo gate coverage`.

use std::path::PathBuf;

use clap::Args;

use super::TestArgs;
use super::parsers::{count_or_none, duration_or_none, word};
use crate::model::{CoveragePolicy, Metric, OnToolError, RatchetScope};

/// Run the tests once, measure what they cover, judge it
#[derive(Clone, Debug, Default, Args)]
#[command(
    override_usage = "cargo gate coverage [OPTIONS] [FILTER]... [-- LIBTEST-ARGS...]",
    after_help = "Every flag of `cargo gate test` works here too. With --no-run what was measured last is judged \
                  again.\nEvery setting, its value and where it comes from: cargo gate config show"
)]
pub struct CoverageArgs {
    /// The flags that stand for a setting.
    #[command(flatten)]
    pub judging: CoverageFlags,
    /// Judge llvm-cov's JSON or lcov files measured elsewhere, run nothing
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "no_run", help_heading = "Coverage")]
    pub from: Vec<PathBuf>,
    /// Judge the lines changed since the merge base with this revision
    #[arg(long, value_name = "REV", help_heading = "Coverage")]
    pub base: Option<String>,
    /// Pardon a fall that comes from deleted covered lines alone
    #[arg(long, help_heading = "Coverage")]
    pub allow_removal: bool,
    /// Take the figure of a report as the baseline, measure nothing
    #[arg(long, value_name = "REPORT", conflicts_with_all = ["from", "no_run", "base"], help_heading = "Coverage")]
    pub ratchet_from: Option<PathBuf>,
    /// The commit that the figure of --ratchet-from belongs to
    #[arg(long, value_name = "ID", requires = "ratchet_from", help_heading = "Coverage")]
    pub commit: Option<String>,
    /// The flags of `test`: the tests run as they do there.
    #[command(flatten)]
    pub test: TestArgs,
}

/// The flags of `coverage` that stand for a setting, as text.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Coverage")]
pub struct CoverageFlags {
    #[arg(long, value_name = "WORD", value_parser = word::<CoveragePolicy>())]
    policy: Option<String>,
    #[arg(long, value_name = "P")]
    floor: Option<String>,
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    epsilon: Option<String>,
    #[arg(long, value_name = "WORD", value_parser = word::<Metric>())]
    metric: Option<String>,
    #[arg(long, value_name = "WORD", value_parser = word::<OnToolError>())]
    on_tool_error: Option<String>,
    #[arg(long, value_name = "WHEN")]
    ratchet: Option<String>,
    #[arg(long, value_name = "WORD", value_parser = word::<RatchetScope>())]
    ratchet_scope: Option<String>,
    #[arg(long, value_name = "FILE|auto")]
    ratchet_file: Option<String>,
    #[arg(long, value_name = "REV|none")]
    baseline_ref: Option<String>,
    #[arg(long, value_name = "P")]
    patch_floor: Option<String>,
    #[arg(long, value_name = "N|none", value_parser = count_or_none)]
    patch_max_uncovered: Option<String>,
    #[arg(long, value_name = "BOOL", value_parser = ["true", "false"], num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    exclude_test_code: Option<String>,
    #[arg(long, value_name = "D|none", value_parser = duration_or_none)]
    coverage_timeout: Option<String>,
}

impl CoverageFlags {
    /// The flags that were given, by name without dashes, with their text.
    #[must_use]
    pub fn given(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("policy", &self.policy),
            ("floor", &self.floor),
            ("epsilon", &self.epsilon),
            ("metric", &self.metric),
            ("on-tool-error", &self.on_tool_error),
            ("ratchet", &self.ratchet),
            ("ratchet-scope", &self.ratchet_scope),
            ("ratchet-file", &self.ratchet_file),
            ("baseline-ref", &self.baseline_ref),
            ("patch-floor", &self.patch_floor),
            ("patch-max-uncovered", &self.patch_max_uncovered),
            ("exclude-test-code", &self.exclude_test_code),
            ("coverage-timeout", &self.coverage_timeout),
        ];
        all.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?))).collect()
    }
}
