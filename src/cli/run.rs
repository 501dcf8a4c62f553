//! The command line of `cargo gate run`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::parsers::{events, trigger, word};
use super::{Events, Format, PlaceArgs};
use crate::model::{Annotations, Compat};

/// Run the whole gate of the configuration
#[derive(Clone, Debug, Default, Args)]
pub struct RunArgs {
    /// Which pipeline
    #[arg(value_name = "PIPELINE", default_value = "default")]
    pub pipeline: String,

    /// Run only these steps (names or kinds; what they need runs too); may be repeated
    #[arg(long, value_name = "KIND|NAME", help_heading = "Steps")]
    pub only: Vec<String>,
    /// Leave these steps out (names or kinds); may be repeated
    #[arg(long, value_name = "KIND|NAME", help_heading = "Steps")]
    pub skip: Vec<String>,
    /// Leave the smoke checks out
    #[arg(long, help_heading = "Steps")]
    pub no_smoke: bool,
    /// Go on after a step has failed
    #[arg(long, help_heading = "Steps")]
    pub keep_going: bool,
    /// Show what would run, and why or why not; run nothing
    #[arg(long, help_heading = "Steps")]
    pub dry_run: bool,

    /// Skip what none of the changes since the merge base with this revision concerns
    #[arg(long, value_name = "REV", conflicts_with = "changed_files", help_heading = "Changes")]
    pub changed_since: Option<String>,
    /// The same for the files that this file lists, one a line; `-`: standard input
    #[arg(long, value_name = "FILE|-", help_heading = "Changes")]
    pub changed_files: Option<PathBuf>,
    /// Run every step, whatever is known of it
    #[arg(long, help_heading = "Changes")]
    pub no_cache: bool,
    /// Keep the worktree of an isolated run [possible values: always, failed]
    #[arg(long, value_enum, value_name = "WHEN", num_args = 0..=1, require_equals = true, hide_possible_values = true,
          default_missing_value = "always", help_heading = "Changes")]
    pub keep: Option<Keep>,

    #[arg(long, value_name = "WORD", value_parser = word::<Compat>(), help_heading = "Steps")]
    compat: Option<String>,

    /// Which workspace, and how it is shown.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Say more: every line that a step prints
    #[arg(long, short, conflicts_with = "quiet", help_heading = "Output")]
    pub verbose: bool,
    /// Say what failed, and the verdict
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
    /// Show no progress
    #[arg(long, help_heading = "Output")]
    pub no_progress: bool,
    /// What goes to standard output; everything for people goes to standard error
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t, help_heading = "Output")]
    pub format: Format,
    /// Write what happens as it happens, one JSON object a line; `-`: standard output
    #[arg(long, value_name = "FILE|-", value_parser = events, help_heading = "Output")]
    pub events: Option<Events>,
    /// Write the report artifact here too
    #[arg(long, value_name = "PATH", help_heading = "Output")]
    pub report: Option<PathBuf>,
    #[arg(long, value_name = "WORD", value_parser = word::<Annotations>(), help_heading = "Output")]
    annotations: Option<String>,

    /// Leave no trace in the history
    #[arg(long, help_heading = "Recording")]
    pub no_record: bool,
    /// What set this run off: manual, ci, pre-push, schedule, any word
    #[arg(long, value_name = "WORD", value_parser = trigger, help_heading = "Recording")]
    pub trigger: Option<String>,
}

impl RunArgs {
    /// The flags that stand for a setting and were given, by name without dashes, with their text.
    #[must_use]
    pub fn given(&self) -> Vec<(&'static str, &str)> {
        let flags = [("compat", &self.compat), ("annotations", &self.annotations)];
        flags.into_iter().filter_map(|(flag, text)| Some((flag, text.as_deref()?))).collect()
    }

    /// `--compat`.
    #[must_use]
    pub fn compat(&self) -> Option<&str> {
        self.compat.as_deref()
    }

    /// What clap cannot say: flags that exclude each other by their values. The error is a sentence for the user.
    pub(super) fn complete(&self) -> Result<(), String> {
        if self.format == Format::Json && self.events == Some(Events::Stdout) {
            return Err("`--events -` and `--format json` both want standard output: give one of them a file".into());
        }
        Ok(())
    }
}

/// When a worktree is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Keep {
    /// Whatever became of the run.
    Always,
    /// Where the run failed.
    Failed,
}
