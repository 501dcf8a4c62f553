//! The flags of a pipeline's own steps: those of the commands they stand for, without what only a person would ask.

use clap::{Args, Command};

use super::{CoverageArgs, Format, TestArgs};

/// Reads the `args` of a step of the kind `test`.
///
/// # Errors
///
/// A sentence on what cannot be understood, or makes no sense in a pipeline.
pub fn test_step<S: AsRef<str>>(words: &[S]) -> Result<TestArgs, String> {
    let mut args: TestArgs = read(words)?;
    args.complete()?;
    refuse(&asked_by_a_person(&args))?;
    Ok(args)
}

/// Reads the `args` of a step of the kind `coverage`.
///
/// # Errors
///
/// A sentence on what cannot be understood, or makes no sense in a pipeline.
pub fn coverage_step<S: AsRef<str>>(words: &[S]) -> Result<CoverageArgs, String> {
    let mut args: CoverageArgs = read(words)?;
    args.test.complete()?;
    refuse(&asked_by_a_person(&args.test))?;
    refuse(&[
        (args.ratchet_from.is_some(), "--ratchet-from", "it measures nothing"),
        (args.test.failed, "--failed", "the figure is of one run of all that is selected"),
        (args.test.changed, "--changed", "the figure is of one run of all that is selected"),
    ])?;
    Ok(args)
}

fn read<A: Args>(words: &[impl AsRef<str>]) -> Result<A, String> {
    let command = A::augment_args(Command::new("step").no_binary_name(true).disable_help_flag(true));
    let matches = command.try_get_matches_from(words.iter().map(AsRef::as_ref));
    matches.and_then(|matches| A::from_arg_matches(&matches)).map_err(|error| sentence(&error.to_string()))
}

/// What clap says before its tips, in one line.
fn sentence(words: &str) -> String {
    let said: Vec<&str> = words.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let said = said.join(" ");
    said.strip_prefix("error: ").map_or_else(|| said.clone(), str::to_owned)
}

/// Whether it was given, the flag, and why it makes no sense in a pipeline.
type Senseless = (bool, &'static str, &'static str);

fn asked_by_a_person(args: &TestArgs) -> [Senseless; 12] {
    let flags = &args.build.flags;
    let is_given = |flag: &str| args.settings.given().iter().any(|(given, _)| *given == flag);
    [
        (args.repeat.is_some(), "--repeat", "a step runs once"),
        (args.until_fail, "--until-fail", "a step runs once"),
        (args.list, "--list", "it runs nothing"),
        (
            args.shard.is_some(),
            "--shard",
            "its verdict would be of a part; run `cargo gate test --shard` on each machine",
        ),
        (args.libtest.list, "-- --list", "it runs nothing"),
        (args.libtest.help, "-- --help", "it runs nothing"),
        (flags.no_run, "--no-run", "it runs nothing"),
        (args.archive.archive.is_some(), "--archive", "it runs nothing"),
        (flags.manifest_path.is_some(), "--manifest-path", "a step is of the pipeline's workspace"),
        (args.format == Format::Json, "--format", "standard output is the pipeline's"),
        (args.events.is_some(), "--events", "the pipeline's own tell of it too"),
        (is_given("annotations"), "--annotations", "the pipeline tells GitHub of all its steps"),
    ]
}

fn refuse(flags: &[Senseless]) -> Result<(), String> {
    match flags.iter().find(|(is_given, ..)| *is_given) {
        Some((_, flag, why)) => Err(format!("`{flag}` makes no sense in a step of a pipeline: {why}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_understands_what_its_command_does() {
        let args = test_step(&["-p", "app", "--retries", "2", "name", "--", "--skip", "slow"]).unwrap();
        assert_eq!(args.build.flags.package, ["app"]);
        assert_eq!(args.filters, ["name"]);
        assert_eq!(args.libtest.skip, ["slow"]);
        let args = coverage_step(&["--floor", "80", "--from", "lcov.info"]).unwrap();
        assert_eq!(args.judging.given(), [("floor", "80")]);
        assert_eq!(args.from, [std::path::PathBuf::from("lcov.info")]);
        assert!(test_step::<&str>(&[]).unwrap().filters.is_empty());
    }

    #[test]
    fn what_only_a_person_would_ask_is_refused_in_a_sentence() {
        for words in [
            &["--repeat", "2"][..],
            &["--until-fail"],
            &["--list"],
            &["--shard", "1/2"],
            &["--no-run"],
            &["--archive", "tests.tar.gz"],
            &["--manifest-path", "x/Cargo.toml"],
            &["--format", "json"],
            &["--events", "-"],
            &["--annotations", "none"],
            &["--", "--list"],
        ] {
            let why = test_step(words).unwrap_err();
            let flag = words.join(" ");
            assert!(why.contains("makes no sense in a step of a pipeline: "), "{flag}: {why}");
            assert_eq!(coverage_step(words).unwrap_err(), why);
        }
        for words in [&["--ratchet-from", "report.md"][..], &["--failed"], &["--changed"]] {
            assert!(coverage_step(words).unwrap_err().contains("makes no sense"), "{words:?}");
        }
        assert!(test_step(&["--failed"]).unwrap().failed);
    }

    #[test]
    fn what_is_no_flag_is_named_in_one_line() {
        let why = test_step(&["--florp"]).unwrap_err();
        assert_eq!(why, "unexpected argument '--florp' found");
        let why = test_step(&["--isolation", "x"]).unwrap_err();
        assert!(why.starts_with("invalid value 'x' for '--isolation <WORD>'") && !why.contains('\n'), "{why}");
        assert!(test_step(&["--help"]).is_err());
    }
}
