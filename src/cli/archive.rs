//! The flags of `test` about archives, and what makes no sense beside them.

use std::path::PathBuf;

use clap::Args;

use super::cargo_flags::{PACKAGE_CHOICE, TARGET_CHOICE};
use super::{Format, TestArgs};

/// Flags of cargo's that say what is built, beside the choices of packages and of targets.
const SAYS_WHAT_ELSE_IS_BUILT: [&str; 9] = [
    "exclude",
    "features",
    "all_features",
    "no_default_features",
    "release",
    "profile",
    "target",
    "ignore_rust_version",
    "no_run",
];

/// Flags of cargo's that say how it is built: where nothing is, they say nothing.
const SAYS_HOW_IT_IS_BUILT: [&str; 3] = ["jobs", "timings", "future_incompat_report"];

/// Flags of cargo's that say what is built: an archive keeps them, and where it runs they are settled.
#[must_use]
pub fn says_what_is_built() -> Vec<&'static str> {
    [&PACKAGE_CHOICE[..], &TARGET_CHOICE, &SAYS_WHAT_ELSE_IS_BUILT].concat()
}

/// Build here, run elsewhere.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Archive")]
pub struct ArchiveArgs {
    /// Build, write what the tests need into FILE, and run nothing
    #[arg(long, value_name = "FILE")]
    pub archive: Option<PathBuf>,
    /// Run the tests of an archive in a checkout of its sources, and build nothing
    #[arg(long, value_name = "FILE")]
    pub archive_file: Option<PathBuf>,
}

impl ArchiveArgs {
    /// The flag that is given, if one is.
    #[must_use]
    pub const fn flag(&self) -> Option<&'static str> {
        match (&self.archive, &self.archive_file) {
            (Some(_), _) => Some("--archive"),
            (None, Some(_)) => Some("--archive-file"),
            (None, None) => None,
        }
    }
}

/// Refuses flags that say nothing beside those about archives. The error is a sentence for the user.
pub(super) fn refuse_what_makes_no_sense(args: &TestArgs) -> Result<(), String> {
    if args.archive.archive.is_some() && args.archive.archive_file.is_some() {
        return Err("`--archive` writes an archive and `--archive-file` runs one: give one of them".to_owned());
    }
    match args.archive {
        ArchiveArgs { archive: Some(_), .. } => refuse_beside_writing(args),
        ArchiveArgs { archive_file: Some(_), .. } => refuse_beside_running(args),
        ArchiveArgs { .. } => Ok(()),
    }
}

fn refuse_beside_running(args: &TestArgs) -> Result<(), String> {
    let settled = args.build.given(&[says_what_is_built(), SAYS_HOW_IT_IS_BUILT.to_vec()].concat());
    let settled =
        settled.first().map(|flag| (flag.to_string_lossy(), "what is in an archive was settled when it was written"));
    let of_cargo = [
        (args.libtest.list, "-- --list", "it is answered by what cargo builds: use `--list` before `--`"),
        (args.libtest.help, "-- --help", "it is answered by what cargo builds, and here nothing is built"),
    ];
    let of_cargo = of_cargo.into_iter().find(|(is_given, ..)| *is_given);
    match settled.or_else(|| of_cargo.map(|(_, flag, why)| (flag.into(), why))) {
        Some((flag, why)) => Err(format!("`{flag}` makes no sense with `--archive-file`: {why}")),
        None => Ok(()),
    }
}

fn refuse_beside_writing(args: &TestArgs) -> Result<(), String> {
    let given = [
        (!args.filters.is_empty(), "FILTER"),
        (!args.libtest.in_order.is_empty(), "-- LIBTEST-ARGS"),
        (!args.select.is_empty(), "--select"),
        (args.failed, "--failed"),
        (args.changed, "--changed"),
        (args.list, "--list"),
        (args.shard.is_some(), "--shard"),
        (args.repeat.is_some(), "--repeat"),
        (args.until_fail, "--until-fail"),
        (args.build.flags.no_run, "--no-run"),
        (args.format == Format::Json, "--format json"),
        (args.events.is_some(), "--events"),
        (args.junit.is_some(), "--junit"),
        (args.report.is_some(), "--report"),
    ];
    match given.iter().find(|(is_given, _)| *is_given) {
        Some((_, flag)) => Err(format!(
            "`{flag}` makes no sense with `--archive`: nothing runs, and what of the archive is to run is said with \
             `--archive-file`"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ffi::OsString;

    use clap::Args;

    use super::super::{BuildArgs, Command, parse, test_step};
    use super::*;

    #[test]
    fn what_makes_no_sense_beside_an_archive_is_refused_in_a_sentence() {
        for (words, flag) in [
            (&["--archive", "a", "--archive-file", "a"][..], "--archive"),
            (&["--archive", "a", "name"], "FILTER"),
            (&["--archive", "a", "--", "--exact"], "-- LIBTEST-ARGS"),
            (&["--archive", "a", "--select", "app/*"], "--select"),
            (&["--archive", "a", "--failed"], "--failed"),
            (&["--archive", "a", "--junit", "x"], "--junit"),
            (&["--archive-file", "a", "-p", "app"], "--package"),
            (&["--archive-file", "a", "--workspace"], "--workspace"),
            (&["--archive-file", "a", "--features", "x"], "--features"),
            (&["--archive-file", "a", "--release"], "--release"),
            (&["--archive-file", "a", "--target", "x"], "--target"),
            (&["--archive-file", "a", "--profile", "x"], "--profile"),
            (&["--archive-file", "a", "--no-run"], "--no-run"),
            (&["--archive-file", "a", "-j", "2"], "--jobs"),
            (&["--archive-file", "a", "--", "--list"], "-- --list"),
            (&["--archive-file", "a", "--", "--help"], "-- --help"),
        ] {
            let why = test_step(words).unwrap_err();
            assert!(why.starts_with(&format!("`{flag}`")), "{words:?}: {why}");
        }
    }

    #[test]
    fn each_flag_of_cargos_is_settled_by_an_archive_or_means_the_same_beside_one() {
        let of_the_place = ["target_dir", "manifest_path", "config", "locked", "offline", "frozen", "unstable"];
        let of_the_words = ["verbose", "quiet", "color", "no_fail_fast", "message_format", "keep_going"];
        let settled = [says_what_is_built(), SAYS_HOW_IT_IS_BUILT.to_vec()].concat();
        let sorted: Vec<&str> = [&settled[..], &of_the_place, &of_the_words].concat();
        let flags = BuildArgs::augment_args(clap::Command::new(""));
        let flags: BTreeSet<&str> = flags.get_arguments().map(|flag| flag.get_id().as_str()).collect();
        assert_eq!(sorted.iter().copied().collect::<BTreeSet<_>>(), flags);
        assert_eq!(sorted.len(), flags.len(), "one is in two lists");
    }

    #[test]
    fn what_runs_of_an_archive_may_be_chosen() {
        let words = ["--archive-file", "a", "name", "--select", "app/*", "--failed", "-q", "--", "--exact"];
        assert_eq!(test_step(&words).unwrap().archive.flag(), Some("--archive-file"));
        assert_eq!(test_step(&["name"]).unwrap().archive.flag(), None);
    }

    #[test]
    fn what_is_built_for_an_archive_may_be_chosen() {
        let argv = ["cargo-gate", "test", "--archive", "a", "-p", "app", "--release"];
        let parsed = parse(argv.map(OsString::from), &[]).unwrap();
        assert!(matches!(parsed, Command::Test(args) if args.archive.flag() == Some("--archive")));
    }
}
