//! The command line of `cargo gate test`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::archive::refuse_what_makes_no_sense;
use super::parsers::{at_least_one, events, key_pattern, trigger};
use super::{ArchiveArgs, BuildArgs, Format, LibtestArgs, SettingFlags};
use crate::model::{KeyPattern, Shard};

/// Build and run the tests, record every outcome, judge
#[derive(Clone, Debug, Default, Args)]
#[command(
    override_usage = "cargo gate test [OPTIONS] [FILTER]... [-- LIBTEST-ARGS...]",
    after_help = "Durations: 500ms, 90s, 10m, 1h30m. GLOB: over package/kind:binary::path; `*` crosses `::` but not \
                  `/`, `**` crosses both.\nEvery setting, its value and where it comes from: cargo gate config show"
)]
pub struct TestArgs {
    /// Run only tests whose names contain one of these
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,
    /// Arguments for the test binaries
    #[arg(last = true, value_name = "LIBTEST-ARGS")]
    pub(super) after: Vec<OsString>,
    /// The same, understood.
    #[arg(skip)]
    pub libtest: LibtestArgs,

    /// Run only tests whose key matches the glob; may be repeated
    #[arg(long, value_name = "GLOB", value_parser = key_pattern, help_heading = "Selection")]
    pub select: Vec<KeyPattern>,
    /// Run only what failed in the last run
    #[arg(long, help_heading = "Selection")]
    pub failed: bool,
    /// Run only binaries that changed since the last run
    #[arg(long, help_heading = "Selection")]
    pub changed: bool,
    /// List the tests, in the order in which they would run
    #[arg(long, help_heading = "Selection")]
    pub list: bool,

    /// Run only the k-th of n parts; all parts together run each test once
    #[arg(long, value_name = "K/N", help_heading = "Selection")]
    pub shard: Option<Shard>,
    /// Cut into those parts as this file of `cargo gate shards` says [default: by the number of tests]
    #[arg(long, value_name = "FILE", requires = "shard", help_heading = "Selection")]
    pub shard_plan: Option<PathBuf>,
    /// Leave what `cargo gate join` needs here [default: `shard` in the gate directory]
    #[arg(long, value_name = "DIR", requires = "shard", help_heading = "Selection")]
    pub shard_out: Option<PathBuf>,

    /// cargo's own flags.
    #[command(flatten)]
    pub build: BuildArgs,

    /// The flags about archives.
    #[command(flatten)]
    pub archive: ArchiveArgs,

    /// The flags that stand for a setting.
    #[command(flatten)]
    pub settings: SettingFlags,

    /// Stop at the first failure
    #[arg(long, overrides_with = "no_fail_fast", conflicts_with = "max_fail", help_heading = "Limits and retries")]
    pub fail_fast: bool,
    /// Stop after N failures
    #[arg(long, value_name = "N", value_parser = at_least_one, help_heading = "Limits and retries")]
    pub(super) max_fail: Option<usize>,
    /// Run everything N times
    #[arg(long, value_name = "N", value_parser = at_least_one, help_heading = "Limits and retries")]
    pub repeat: Option<usize>,
    /// Run everything again until something fails (at most as often as --repeat says)
    #[arg(long, help_heading = "Limits and retries")]
    pub until_fail: bool,
    /// Fail where tests of the full run before are gone (of a full run only)
    #[arg(long, help_heading = "Limits and retries")]
    pub fail_on_vanished: bool,
    /// Use this profile of the gate's configuration [env: CARGO_GATE_PROFILE]
    #[arg(long, value_name = "NAME", help_heading = "Limits and retries")]
    pub gate_profile: Option<String>,

    /// What goes to standard output; everything for people goes to standard error
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t, help_heading = "Output")]
    pub format: Format,
    /// Write what happens as it happens, one JSON object a line; `-`: standard output
    #[arg(long, value_name = "FILE|-", value_parser = events, help_heading = "Output")]
    pub events: Option<Events>,
    /// Write a JUnit report
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub junit: Option<PathBuf>,
    /// Write the report artifact here too
    #[arg(long, value_name = "PATH", help_heading = "Output")]
    pub report: Option<PathBuf>,
    /// Show no progress bar
    #[arg(long, help_heading = "Output")]
    pub no_progress: bool,

    /// Leave no trace in the history
    #[arg(long, help_heading = "Recording")]
    pub no_record: bool,
    /// What set this run off: manual, ci, pre-push, schedule, any word
    #[arg(long, value_name = "WORD", value_parser = trigger, help_heading = "Recording")]
    pub trigger: Option<String>,
}

/// Where the stream of events goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Events {
    /// To standard output.
    Stdout,
    /// To this file.
    File(PathBuf),
}

impl TestArgs {
    /// Filters and libtest's arguments, as they follow cargo's `--`: before it, cargo takes a single filter, and none
    /// that looks like a flag.
    #[must_use]
    pub fn passed_on(&self) -> Vec<OsString> {
        self.filters.iter().map(OsString::from).chain(self.libtest.in_order.iter().cloned()).collect()
    }

    /// After how many failures the run stops.
    #[must_use]
    pub const fn max_fail(&self) -> Option<usize> {
        if self.fail_fast { Some(1) } else { self.max_fail }
    }

    /// What clap cannot say: the arguments of libtest, and flags that exclude each other by their values. The error
    /// is a sentence for the user.
    pub(super) fn complete(&mut self) -> Result<(), String> {
        if self.format == Format::Json && self.events == Some(Events::Stdout) {
            return Err("`--events -` and `--format json` both want standard output: give one of them a file".into());
        }
        self.libtest = LibtestArgs::parse(&self.after)?;
        if self.shard.is_some() {
            self.refuse_with_shard()?;
        }
        refuse_what_makes_no_sense(self)
    }

    /// All machines must mean the same tests, whatever each of them remembers.
    fn refuse_with_shard(&self) -> Result<(), String> {
        let own = "goes by what this machine remembers, and the other shards remember something else";
        let instead = "lists what cargo lists: use `--list` before `--`";
        let once = "runs several times, and a shard leaves one run for `cargo gate join`";
        let senseless = [
            (self.failed, "--failed", own),
            (self.changed, "--changed", own),
            (self.libtest.list, "-- --list", instead),
            (self.repeat.is_some(), "--repeat", once),
            (self.until_fail, "--until-fail", once),
        ];
        match senseless.into_iter().find(|(is_given, ..)| *is_given) {
            Some((_, flag, why)) => Err(format!("`--shard` and `{flag}` exclude each other: `{flag}` {why}")),
            None => Ok(()),
        }
    }
}

/// The user's cargo flags for cargo's command line, in their order: without the gate's own, without `-q` and
/// `--no-fail-fast`. Configured flags are put before them by [`BuildArgs::with_configured`].
#[must_use]
pub fn cargo_args(args: &TestArgs) -> Vec<OsString> {
    args.build.to_argv()
}
