//! The command line of `cargo gate shards`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::parsers::{key_pattern, shards, word};
use super::{BuildArgs, Format, LibtestArgs, SettingFlags, TestArgs};
use crate::model::{Isolation, KeyPattern};

/// Build, and cut the tests for several machines by how long they take
#[derive(Clone, Debug, Args)]
#[command(
    override_usage = "cargo gate shards [OPTIONS] <N> [FILTER]... [-- LIBTEST-ARGS...]",
    after_help = "Each machine then runs: cargo gate test --shard K/N --shard-plan FILE, with the same flags and filters. \
                  GLOB: over package/kind:binary::path; `*` crosses `::` but not `/`, `**` crosses both."
)]
pub struct ShardsArgs {
    /// For so many machines
    #[arg(value_name = "N", value_parser = shards)]
    pub count: u32,
    /// Cut only tests whose names contain one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Arguments for the test binaries
    #[arg(last = true, value_name = "LIBTEST-ARGS")]
    after: Vec<OsString>,
    /// The same, understood.
    #[arg(skip)]
    libtest: LibtestArgs,

    /// Cut only tests whose key matches the glob; may be repeated
    #[arg(long, value_name = "GLOB", value_parser = key_pattern, help_heading = "Selection")]
    select: Vec<KeyPattern>,

    /// cargo's own flags.
    #[command(flatten)]
    build: BuildArgs,

    #[arg(long, value_name = "WORD", value_parser = word::<Isolation>(), help_heading = "Order and isolation")]
    isolation: Option<String>,
    /// Use this profile of the gate's configuration [env: CARGO_GATE_PROFILE]
    #[arg(long, value_name = "NAME", help_heading = "Order and isolation")]
    gate_profile: Option<String>,

    /// Write the cut to this file, for --shard-plan
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Write what the tests need into this file, for --archive-file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub archive: Option<PathBuf>,
    /// What goes to standard output: a table, or what --out writes
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t, help_heading = "Output")]
    pub format: Format,
}

impl ShardsArgs {
    /// What clap cannot say: the arguments of libtest, and what leaves nothing to cut.
    pub(super) fn complete(&mut self) -> Result<(), String> {
        self.libtest = LibtestArgs::parse(&self.after)?;
        let nothing =
            [(self.build.flags.no_run, "--no-run"), (self.libtest.list, "-- --list"), (self.libtest.help, "-- --help")];
        match nothing.into_iter().find(|(is_given, _)| *is_given) {
            Some((_, flag)) => Err(format!("`{flag}` makes no sense here: nothing runs, and the cut is shown")),
            None => Ok(()),
        }
    }

    /// The run of the tests that are cut.
    #[must_use]
    pub fn as_test(&self) -> TestArgs {
        TestArgs {
            filters: self.filters.clone(),
            libtest: self.libtest.clone(),
            select: self.select.clone(),
            build: self.build.clone(),
            settings: SettingFlags::of_isolation(self.isolation.clone()),
            gate_profile: self.gate_profile.clone(),
            list: true,
            // It is no part of what is packed beside it, as it is none of what is tested where it is obeyed.
            shard_plan: self.out.clone(),
            ..TestArgs::default()
        }
    }
}
