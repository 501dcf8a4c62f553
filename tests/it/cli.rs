//! The command line: cargo's flags go through unchanged, ours are understood, mistakes say what to do instead.

use std::collections::BTreeSet;
use std::ffi::OsString;

use cargo_gate::cli::{self, Command, Events, Format, HistoryAction, TestArgs, cargo_args};
use cargo_gate::config::{Metric, settings};
use cargo_gate::model::Word;

fn parse(line: &str) -> Result<Command, clap::Error> {
    let argv = std::iter::once("cargo-gate").chain(line.split_whitespace());
    cli::parse(argv.map(OsString::from), &settings::flag_help())
}

fn test_args(line: &str) -> TestArgs {
    match parse(&format!("test {line}")) {
        Ok(Command::Test(args)) => *args,
        other => panic!("{line}: {other:?}"),
    }
}

fn for_cargo(line: &str) -> String {
    joined(cargo_args(&test_args(line)))
}

fn joined(words: Vec<OsString>) -> String {
    words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
}

/// What the user reads, without the usage line.
fn refused(line: &str) -> String {
    let error = parse(line).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{line}");
    let text = error.to_string();
    text.split("\n\nUsage").next().unwrap().to_owned()
}

#[test]
fn the_definition_is_sound() {
    cli::command(&settings::flag_help()).debug_assert();
}

#[test]
fn cargo_and_people_may_call_it() {
    for line in ["gate test a --lib", "test a --lib", "gate t a --lib"] {
        let Ok(Command::Test(args)) = parse(line) else { panic!("{line}") };
        assert_eq!((args.filters.as_slice(), args.build.flags.lib), (&["a".to_owned()][..], true));
    }
    assert_eq!(test_args("gate").filters, ["gate"]);
}

#[test]
fn of_two_flags_about_failing_fast_the_later_one_holds() {
    assert_eq!(test_args("--fail-fast --no-fail-fast").max_fail(), None);
    assert_eq!(test_args("--no-fail-fast --fail-fast").max_fail(), Some(1));
    assert!(parse("shards 2 --no-fail-fast").is_ok());
}

#[test]
fn a_shard_is_of_the_same_tests_on_every_machine() {
    assert_eq!(test_args("--shard 2/4").shard.map(|shard| shard.to_string()).as_deref(), Some("2/4"));
    for (line, wanted) in [
        ("test --shard 5/4", "`5/4` is no shard"),
        ("test --shard 2", "wanted k/n"),
        ("test --shard-plan x.json", "--shard <K/N>"),
        ("test --shard 1/2 --failed", "`--shard` and `--failed` exclude each other"),
        ("test --shard 1/2 --changed", "`--shard` and `--changed` exclude each other"),
        ("test --shard 1/2 -- --list", "use `--list` before `--`"),
        ("coverage --shard 1/2 --failed", "`--shard` and `--failed` exclude each other"),
        ("shards 0", "write a number from 1 to 10000"),
        ("shards 4 --no-run", "`--no-run` makes no sense here"),
        ("shards 4 -- --list", "`-- --list` makes no sense here"),
    ] {
        let said = refused(line);
        assert!(said.contains(wanted), "{line}: {said}");
    }
    let Ok(Command::Shards(args)) = parse("shards 4 name -p app --select app/** --isolation process -- --skip x")
    else {
        panic!()
    };
    let test = args.as_test();
    assert_eq!((args.count, joined(cargo_args(&test))), (4, "--package app".to_owned()));
    assert_eq!(
        (test.filters.as_slice(), test.libtest.skip.as_slice()),
        (&["name".to_owned()][..], &["x".to_owned()][..])
    );
    assert_eq!((test.select.len(), test.settings.given()), (1, vec![("isolation", "process")]));
}

#[test]
fn cargo_flags_are_handed_back_in_their_order() {
    for (line, expected) in [
        ("", ""),
        ("--lib -p app --release --bins", "--lib --package app --release --bins"),
        ("-p a --exclude=b -p c", "--package a --exclude b --package c"),
        ("--features a,b -F c --all-features", "--features a,b --features c --all-features"),
        ("--features= -F=", "--features= --features="),
        ("--test db name --bench x", "--test db --bench x"),
        ("--lib --test", "--lib --test"),
        ("--target x --target y --config k=1 --config z.toml", "--target x --target y --config k=1 --config z.toml"),
        ("-vv --locked -Z flag -Zother", "--verbose --verbose --locked -Z flag -Z other"),
        ("-v --locked -v", "--locked --verbose --verbose"),
        ("-j4 --timings --profile dev", "--jobs 4 --timings --profile dev"),
        ("-j -2 --color=never", "--jobs=-2"),
        ("--jobs default --timings=html", "--jobs default --timings=html"),
        ("--manifest-path a/Cargo.toml --target-dir t", "--manifest-path a/Cargo.toml --target-dir t"),
        ("--offline --frozen --ignore-rust-version --no-run", "--offline --frozen --ignore-rust-version --no-run"),
        ("--future-incompat-report --doc --all", "--future-incompat-report --doc --all"),
    ] {
        assert_eq!(for_cargo(line), expected, "{line}");
    }
}

#[test]
fn cargo_gets_neither_our_flags_nor_what_would_blind_us() {
    let ours = "--slots 2 --isolation process --serial-binaries --retries 1 --timeout 5s --fail-fast --failed \
                --select app/** --no-record --gate-profile ci --trigger ci --format json --junit x.xml name";
    assert_eq!(for_cargo(ours), "");
    assert_eq!(for_cargo("-q --no-fail-fast --lib name -- --exact -q"), "--lib");
    assert!(test_args("-q").build.flags.quiet);
}

#[test]
fn what_goes_to_cargo_reads_the_same_again() {
    let line = "-vv -p a --lib -j -1 --features x,y --test --target t --config a=b -Z z --timings";
    let once = for_cargo(line);
    assert_eq!(for_cargo(&once), once);
}

#[test]
fn configured_flags_come_first_and_give_way_to_the_users() {
    for (configured, line, expected) in [
        ("--workspace", "--lib", "--workspace --lib"),
        ("--workspace", "-p app", "--package app"),
        ("--workspace", "--workspace", "--workspace"),
        ("--workspace", "--all", "--all"),
        ("--workspace --exclude slow", "-p app", "--package app"),
        ("--workspace", "--exclude slow", "--workspace --exclude slow"),
        ("--release --features a", "--release --features b", "--features a --release --features b"),
        ("--profile ci --locked", "--profile dev", "--locked --profile dev"),
        ("-q -v", "", "--verbose"),
        ("", "--doc", "--doc"),
    ] {
        let configured: Vec<&str> = configured.split_whitespace().collect();
        // `-q -v` is refused as on the command line.
        let merged = test_args(line).build.with_configured(&configured);
        if configured == ["-q", "-v"] {
            assert!(merged.is_err());
            continue;
        }
        assert_eq!(joined(merged.unwrap().to_argv()), expected);
    }
    let merged = test_args("--features b").build.with_configured(&["--release", "--features", "a"]).unwrap();
    assert!(merged.flags.release);
    assert_eq!(merged.flags.features, ["a", "b"]);
}

#[test]
fn only_cargo_flags_can_be_configured() {
    for words in [&["--slots", "2"][..], &["name"], &["--", "--exact"], &["--help"], &["--message-format=json"]] {
        assert!(cli::BuildArgs::from_words(words).is_err(), "{words:?}");
    }
}

#[test]
fn our_flags_are_understood() {
    let args = test_args("--select app/test:* --select **::slow --failed --changed --list --repeat 3 --until-fail");
    assert_eq!(args.select.iter().map(|one| one.as_str()).collect::<Vec<_>>(), ["app/test:*", "**::slow"]);
    assert!(args.failed && args.changed && args.list && args.until_fail);
    assert_eq!((args.repeat, args.max_fail()), (Some(3), None));
    assert_eq!(test_args("--fail-fast").max_fail(), Some(1));
    assert_eq!(test_args("--max-fail 4").max_fail(), Some(4));
    assert_eq!(test_args("--fail-fast --no-fail-fast").max_fail(), None);
    assert_eq!(test_args("--no-fail-fast --fail-fast").max_fail(), Some(1));
    assert_eq!(test_args("--events -").events, Some(Events::Stdout));
    assert_eq!(test_args("--events x.ndjson --format json").format, Format::Json);
    let given = test_args("--timeout none --infra-retries 0 --strict-env=false --retries 2");
    let given: BTreeSet<_> = given.settings.given().into_iter().collect();
    let expected = [("timeout", "none"), ("infra-retries", "none"), ("strict-env", "false"), ("retries", "2")];
    assert_eq!(given, BTreeSet::from(expected));
}

#[test]
fn what_follows_two_dashes_is_for_libtest() {
    let args = test_args("a -- b --exact --skip c --test-threads 2 --nocapture --tags x");
    assert_eq!((args.filters, args.libtest.filters), (vec!["a".to_owned()], vec!["b".to_owned(), "x".to_owned()]));
    assert!(args.libtest.exact && args.libtest.nocapture);
    assert_eq!((args.libtest.test_threads, args.libtest.unknown), (Some(2), vec!["--tags".into()]));
}

#[test]
fn history_and_config_are_understood() {
    let Ok(Command::History(args)) = parse("history list -n 5 --format json --manifest-path x") else { panic!() };
    let HistoryAction::List(list) = args.action else { panic!() };
    assert_eq!((list.limit, list.common.format), (5, Format::Json));
    let Ok(Command::History(args)) = parse("history prune --max-age 90d --dry-run") else { panic!() };
    let HistoryAction::Prune(prune) = args.action else { panic!() };
    assert_eq!((prune.keep.given(), prune.dry_run), (vec![("max-age", "90d")], true));
    for line in ["history show", "history show 2026", "history stats", "history undo x", "config show", "config schema"]
    {
        assert!(parse(line).is_ok(), "{line}");
    }
    let line = "history list --suite s --failed --trigger ci --branch b --commit c --within 24h --skip 20 --latest";
    let Ok(Command::History(args)) = parse(line) else { panic!() };
    let HistoryAction::List(list) = args.action else { panic!() };
    assert_eq!((list.runs.suite.as_deref(), list.runs.failed, list.skip, list.latest), (Some("s"), true, 20, true));
    let Ok(Command::History(args)) = parse("history export -o - --branch main --since 2026-01-31") else { panic!() };
    let HistoryAction::Export(export) = args.action else { panic!() };
    assert_eq!((export.output.to_str(), export.runs.branch.as_deref()), (Some("-"), Some("main")));
    let Ok(Command::History(args)) = parse("history merge a.gz - ../b --format json") else { panic!() };
    let HistoryAction::Merge(merge) = args.action else { panic!() };
    assert_eq!((merge.sources.len(), merge.common.format), (3, Format::Json));
    assert!(parse("history merge").is_err());
    let Ok(Command::Status(status)) = parse("status --within 24h --commit HEAD --suite s") else { panic!() };
    assert_eq!((status.commit.as_deref(), status.suite.as_deref()), (Some("HEAD"), Some("s")));
    assert!(parse("history undo").is_err());
}

#[test]
fn usage_errors_say_what_to_do_instead() {
    insta::assert_snapshot!(refused("test --message-format json"), @r#"
    error: unexpected argument '--message-format <FMT>' found

      tip: the gate reads cargo's messages itself; use `--format json` or `--events FILE` for its own
    "#);
    insta::assert_snapshot!(refused("test --keep-going"), @r#"
    error: unexpected argument '--keep-going' found

      tip: the gate runs all tests anyway; use `--fail-fast` or `--max-fail N` to stop early
    "#);
    insta::assert_snapshot!(refused("test --events - --format json"), @"error: `--events -` and `--format json` both want standard output: give one of them a file");
    insta::assert_snapshot!(refused("test -- --format json"), @"error: `--format` after `--`: the gate reads libtest's output itself; use `--format json`, `--events` or `--junit` before `--`");
    insta::assert_snapshot!(refused("test -- -Zunstable-options"), @"error: `-Z` after `--`: unstable flags of libtest's change the output that the gate reads; cargo's `-Z` goes before `--`");
    insta::assert_snapshot!(refused("test --timeout 60"), @r#"
    error: invalid value '60' for '--timeout <D|none>': it is not a duration; write a duration such as 90s, 10m, 1h30m, or none

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(refused("test --slots 0"), @r#"
    error: invalid value '0' for '--slots <N|auto>': write a number, 1 or more

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(refused("test --isolation fork"), @r#"
    error: invalid value 'fork' for '--isolation <WORD>'
      [possible values: shared, process]

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(refused("test --select db::*"), @r#"
    error: invalid value 'db::*' for '--select <GLOB>': no `/`: a test key reads `package/kind:binary::path`

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(refused("test --retires 2"), @r#"
    error: unexpected argument '--retires' found

      tip: a similar argument exists: '--retries'
      tip: to pass '--retires' as a value, use '-- --retires'
    "#);
    insta::assert_snapshot!(refused("test --fail-fast --max-fail 2"), @"error: the argument '--fail-fast' cannot be used with '--max-fail <N>'");
    insta::assert_snapshot!(refused("test --lib --lib"), @"error: the argument '--lib' cannot be used multiple times");
    insta::assert_snapshot!(refused("history prune --max-size 1"), @r#"
    error: invalid value '1' for '--max-size <SIZE|none>': it is not a size; write a size such as 500MB, 1GiB, or none

    For more information, try '--help'.
    "#);
    for line in ["tset", "test --unit-graph", "test -q -v", "test --trigger", "test --repeat 0", "test --grace 0s"] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
}

#[test]
fn every_flag_of_cargo_test_is_known() {
    const CARGO: &str = "no-run no-fail-fast future-incompat-report message-format quiet verbose color config help \
        package workspace exclude all lib bins bin examples example tests test benches bench all-targets doc features \
        all-features no-default-features jobs release profile target target-dir timings manifest-path \
        ignore-rust-version locked offline frozen";
    let command = cli::command(&[]);
    let mut test = command.find_subcommand("test").unwrap().clone();
    test.build();
    for flag in CARGO.split_whitespace() {
        assert!(test.get_arguments().any(|arg| arg.get_long() == Some(flag)), "--{flag}");
    }
    for (short, long) in [('p', "package"), ('F', "features"), ('j', "jobs"), ('r', "release"), ('q', "quiet")] {
        assert!(test.get_arguments().any(|arg| (arg.get_short(), arg.get_long()) == (Some(short), Some(long))));
    }
}

#[test]
fn every_flag_has_a_sentence_and_the_help_fits_80_columns() {
    fn visit(command: &mut clap::Command, path: &str) {
        for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            assert!(arg.get_help().is_some_and(|help| !help.to_string().is_empty()), "{path} {}", arg.get_id());
        }
        for text in [command.render_help().to_string(), command.render_long_help().to_string()] {
            let long = text.lines().find(|line| line.chars().count() > 80);
            assert_eq!(long, None, "{path}");
        }
        for inner in command.get_subcommands_mut() {
            let path = format!("{path} {}", inner.get_name());
            visit(inner, &path);
        }
    }
    let mut command = cli::command(&settings::flag_help());
    command.build();
    visit(&mut command, "cargo gate");
}

#[test]
fn the_help_of_test_is_grouped() {
    let text = parse("test -h").unwrap_err().to_string();
    insta::assert_snapshot!(text, @r#"
    Build and run the tests, record every outcome, judge

    Usage: cargo gate test [OPTIONS] [FILTER]... [-- LIBTEST-ARGS...]

    Arguments:
      [FILTER]...        Run only tests whose names contain one of these
      [LIBTEST-ARGS]...  Arguments for the test binaries

    Options:
      -h, --help  Print help (see more with '--help')

    Selection:
          --select <GLOB>      Run only tests whose key matches the glob; may be
                               repeated
          --failed             Run only what failed in the last run
          --changed            Run only binaries that changed since the last run
          --list               List the tests, in the order in which they would run
          --shard <K/N>        Run only the k-th of n shards; all shards together
                               run each test once
          --shard-plan <FILE>  Cut into those shards as this file of `cargo gate
                               shards` says [default: by the number of tests]
          --shard-out <DIR>    Leave what `cargo gate join` needs here [default:
                               `shard` in the gate directory]
          --no-tests <WORD>    What a selection that matches no test counts as
                               [default: fail] [possible values: fail, warn, pass]

    Build (cargo's):
      -p, --package [<SPEC>]
              Package to run tests for
          --workspace
              Test all packages in the workspace (the default, see `test.args`)
          --exclude <SPEC>
              Exclude packages from the test
          --all
              Alias for --workspace (deprecated)
          --lib
              Test only this package's library
          --bins
              Test all binaries
          --bin [<NAME>]
              Test only the specified binary
          --examples
              Test all examples
          --example [<NAME>]
              Test only the specified example
          --tests
              Test all targets that have `test = true` set
          --test [<NAME>]
              Test only the specified test target
          --benches
              Test all targets that have `bench = true` set
          --bench [<NAME>]
              Test only the specified bench target
          --all-targets
              Test all targets (does not include doctests)
          --doc
              Test only this library's documentation
      -F, --features <FEATURES>
              Space or comma separated list of features to activate
          --all-features
              Activate all available features
          --no-default-features
              Do not activate the `default` feature
      -j, --jobs <N>
              Number of parallel build jobs, defaults to # of CPUs (see --slots for
              tests)
      -r, --release
              Build artifacts in release mode, with optimizations
          --profile <PROFILE-NAME>
              Build artifacts with the specified profile
          --target [<TRIPLE>]
              Build for the target triple
          --target-dir <DIRECTORY>
              Directory for all generated artifacts
          --manifest-path <PATH>
              Path to Cargo.toml
          --config <KEY=VALUE|PATH>
              Override a configuration value of cargo's
          --locked
              Assert that `Cargo.lock` will remain unchanged
          --offline
              Run without accessing the network
          --frozen
              Equivalent to specifying both --locked and --offline
          --ignore-rust-version
              Ignore `rust-version` specification in packages
          --no-run
              Compile, but don't run tests; nothing is recorded
          --timings[=<FMTS>]
              Output a build timing report at the end of the build
          --future-incompat-report
              Output a future incompatibility report at the end of the build
      -v, --verbose...
              Use verbose output (-vv very verbose/build.rs output)
      -q, --quiet
              Say only what went wrong, and the verdict
          --color <WHEN>
              Coloring [possible values: auto, always, never]
      -Z <FLAG>
              Unstable (nightly-only) flags to cargo
          --no-fail-fast
              Run all tests regardless of failure (the gate always does; accepted
              for habit's sake)

    Archive:
          --archive <FILE>       Build, write what the tests need into FILE, and run
                                 nothing
          --archive-file <FILE>  Run the tests of an archive in a checkout of its
                                 sources, and build nothing

    Limits and retries:
          --timeout <D|none>      Kill a test that runs longer than this [default:
                                  10m]
          --slow <D|none>         Call a test slow once it has run this long
                                  [default: 1m]
          --run-timeout <D|none>  End the whole run after this long, the build not
                                  included [default: none]
          --grace <D|none>        How long a process has between TERM and KILL
                                  [default: 5s]
          --retries <N>           Try a failing test again, alone, up to this often
                                  [default: 0]
          --flaky-result <WORD>   What a test that failed and then passed counts as
                                  [default: pass] [possible values: pass, fail]
          --strict-env[=<BOOL>]   Refuse to run with variables that let a red test
                                  turn green, or with a quarantine that is over
                                  [possible values: true, false]
          --infra-retries <N>     Try a suite that could not be executed again, up
                                  to this often [default: 2]
          --infra-delay <D|none>  How long to wait before each of these tries
                                  [default: 30s]
          --infra-mode <WORD>     Try again within the same call, or leave it to the
                                  next one [default: retry] [possible values: retry,
                                  defer]
          --compat <WORD>         Read another tool's configuration below the gate's
                                  own: `nextest` is `.config/nextest.toml` [default:
                                  none] [possible values: none, nextest]
          --fail-fast             Stop at the first failure
          --max-fail <N>          Stop after N failures
          --repeat <N>            Run everything N times
          --until-fail            Run everything again until something fails (at
                                  most as often as --repeat says)
          --fail-on-vanished      Fail where tests of the full run before are gone
                                  (of a full run only)
          --gate-profile <NAME>   Use this profile of the gate's configuration [env:
                                  CARGO_GATE_PROFILE]

    Order and isolation:
          --slots <N|auto>
              How many tests run at once in all; `auto`: the CPUs [default: auto]
          --isolation <WORD>
              One live process per binary, or one per test [default: shared]
              [possible values: shared, process]
          --serial-binaries[=<BOOL>]
              Run one test binary at a time, as `cargo test` does [possible values:
              true, false]

    Output:
          --format <FORMAT>     What goes to standard output; everything for people
                                goes to standard error [default: human] [possible
                                values: human, json]
          --events <FILE|->     Write what happens as it happens, one JSON object a
                                line; `-`: standard output
          --junit <FILE>        Write a JUnit report
          --report <PATH>       Write the report artifact here too
          --no-progress         Show no progress bar
          --annotations <WORD>  Tell GitHub Actions as well, beside the change and
                                in the step's summary; `auto`: where it runs there
                                [default: auto] [possible values: auto, github,
                                none]

    Recording:
          --no-record       Leave no trace in the history
          --trigger <WORD>  What set this run off: manual, ci, pre-push, schedule,
                            any word

    Durations: 500ms, 90s, 10m, 1h30m. GLOB: over package/kind:binary::path; `*`
    crosses `::` but not `/`, `**` crosses both.
    Every setting, its value and where it comes from: cargo gate config show
    "#);
}

#[test]
fn baselines_are_of_the_metrics_that_can_be_set() {
    for metric in Metric::ALL {
        assert!(parse(&format!("baseline set 80 --metric {}", metric.word())).is_ok(), "{metric}");
    }
    let help = parse("baseline set --help").unwrap_err().to_string();
    assert!(help.contains("[possible values: lines, regions, functions, branches]"), "{help}");
    assert_eq!(Metric::ALL.len(), 4);
}

#[test]
fn the_help_lists_what_works() {
    insta::assert_snapshot!(parse("--help").unwrap_err().to_string(), @"
    Decide whether a Rust workspace may go on: run the tests, remember every
    outcome, say why the gate is red

    Usage: cargo gate <COMMAND>

    Commands:
      test         Build and run the tests, record every outcome, judge [alias: t]
      coverage     Run the tests once, measure what they cover, judge it
      shards       Cut the tests for several machines, by how long they take
      join         Put the shards of a run together, and judge them as one
      run          Run the whole gate of the configuration
      report       Show what the history says: on one screen, or as a document
      flaky        Show which tests are flaky, broken, suspect or recovered, and why
      explain      Show all that is known of one test
      order        Show the order of the next run with its reasons, or measure it on
                   a history
      history      Look at the recorded runs, add or remove some
      status       Show what is in force and on record, or ask whether a full run
                   passed
      baseline     Look at the baselines of coverage, or move one by hand
      verdict      Read a report back, and leave by what it says
      init         Write a commented configuration that fits the workspace
      doctor       Find the tools that are missing, and say how to get them
      config       Look at the configuration
      schema       List the JSON documents, or print the JSON Schema of one
      completions  Print the completions of a shell
      man          Print the man page, or write one a command
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    `cargo gate init` writes a configuration that fits the workspace, `cargo gate
    run` runs all of it; `cargo gate test` needs none.
    `cargo gate help COMMAND` says more of each, the man page (`cargo gate man`) of
    exit codes, variables and files.
    ");
}

proptest::proptest! {
    #[test]
    fn no_arguments_panic(words in proptest::collection::vec("(--?)?[a-z=-]{0,14}|\\PC{0,6}", 0..6)) {
        let argv = ["cargo-gate".to_owned(), "test".to_owned()].into_iter().chain(words);
        if let Ok(Command::Test(args)) = cli::parse(argv.map(OsString::from), &[]) {
            let _ = (cargo_args(&args), args.build.with_configured(&["--workspace"]));
        }
    }
}
