//! The fixtures do under plain `cargo test` what the model says of them.

use std::collections::{BTreeMap, HashSet};
use std::thread;
use std::time::{Duration, Instant};

use cargo_gate::model::Kind;
use rustix::process::{Pid, Signal, test_kill_process};

use crate::support::fixture_model::{self, BINARIES, Does, ENVPRINT_NOTES, FixtureBinary, OPAQUE};
use crate::support::{Fixture, generate, wait_until};

/// The flag of `cargo test` that selects a binary.
fn selection(binary: &FixtureBinary) -> Vec<&'static str> {
    match binary.kind {
        Kind::Lib => vec!["--lib"],
        Kind::Bin => vec!["--bin", binary.binary],
        Kind::Test => vec!["--test", binary.binary],
        Kind::Example => vec!["--example", binary.binary],
        Kind::Bench => vec!["--bench", binary.binary],
        Kind::Doc => vec!["--doc"],
        Kind::Suite => unreachable!("no fixture is a suite"),
    }
}

/// What the harness itself says of the tests that leave it alive.
fn libtest_says(binary: &FixtureBinary) -> BTreeMap<String, String> {
    let told = binary.tests.iter().filter(|(_, does)| !does.ends_its_process());
    told.map(|&(name, does)| (name.to_owned(), does.outcome(0).to_string())).collect()
}

/// Binaries whose raw output garbles the harness's lines: only the exit code of each test alone can be believed.
const GARBLED: [&str; 3] = ["big", "bytes", "lookalike"];

/// Runs all tests of a binary but those that end its process, and those alone, one by one.
fn verify(fixture: &Fixture, binary: &FixtureBinary) {
    let mut args = vec!["test", "-p", binary.package];
    args.extend(selection(binary));
    args.extend(["--", "--exact"]);
    let code_of = |outcome: &str| if outcome == "failed" { 101 } else { 0 };
    let says = libtest_says(binary);
    if GARBLED.contains(&binary.binary) {
        for (name, outcome) in &says {
            fixture.cargo(args.iter().copied().chain([name.as_str()])).run().assert_code(code_of(outcome));
        }
        return;
    }
    let skips = binary.tests.iter().filter(|(_, does)| does.ends_its_process()).flat_map(|(name, _)| ["--skip", name]);
    let calm = fixture.cargo(args.iter().copied().chain(skips)).run();
    assert_eq!(calm.libtest_outcomes(), says, "{}\n{calm}", binary.id());
    calm.assert_code(says.values().map(|outcome| code_of(outcome)).max().unwrap_or(0));

    for &(name, does) in binary.tests.iter().filter(|(_, does)| does.ends_its_process()) {
        let mut args = args.clone();
        args.push(name);
        match does {
            Does::Hangs => assert_hangs(fixture, &args),
            Does::Exits(code) => assert_eq!(fixture.cargo(args).run().code(), Some(code), "{name}"),
            Does::DiesOf(signal) => {
                let ended = fixture.cargo(args).run();
                ended.assert_code(101).assert_stderr_has(&format!("(signal: {signal}, "));
            }
            Does::AbortsAtFirst(times) => {
                for _ in 0..times {
                    fixture.cargo(args.clone()).run().assert_code(101).assert_stderr_has("SIGABRT");
                }
                fixture.cargo(args).run().assert_code(0);
            }
            _ => unreachable!("{does:?} does not end its process"),
        }
    }
}

/// Still there after a while, and gone with everything it started when its group is killed.
fn assert_hangs(fixture: &Fixture, args: &[&str]) {
    let mut running = fixture.cargo(args.iter().copied()).in_own_group().spawn();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(1500) {
        assert!(!running.has_ended(), "{args:?} ended");
        thread::sleep(Duration::from_millis(50));
    }
    running.signal_group(Signal::KILL);
    assert_eq!(running.wait().signal(), Some(9));
}

#[test]
fn the_harness_fixture_does_what_the_model_says() {
    let fixture = &Fixture::shared("harness");
    let binaries: Vec<_> = BINARIES.iter().filter(|binary| binary.fixture == "harness").collect();
    // Most of the time is spent asleep.
    thread::scope(|scope| {
        for some in binaries.chunks(4) {
            scope.spawn(|| some.iter().for_each(|binary| verify(fixture, binary)));
        }
    });
}

#[test]
fn the_stubborn_child_shrugs_at_term_and_dies_of_kill() {
    let fixture = Fixture::shared("harness");
    let mut running = fixture.cargo(["test", "--test", "ignores_term", "--", "stubborn"]).in_own_group().spawn();
    let read_pid = || std::fs::read_to_string(fixture.scratch().join("stubborn.pid")).ok()?.trim().parse().ok();
    wait_until("the child has written its number", || read_pid().is_some());
    let stubborn = Pid::from_raw(read_pid().unwrap()).unwrap();

    running.signal_group(Signal::TERM);
    wait_until("cargo has ended", || running.has_ended());
    thread::sleep(Duration::from_millis(200));
    assert!(test_kill_process(stubborn).is_ok(), "TERM was enough");

    running.signal_group(Signal::KILL);
    // Its output ends with the last of the group.
    assert_eq!(running.wait().signal(), Some(15));
}

#[test]
fn the_demo_does_what_the_model_says() {
    let fixture = Fixture::alone("demo");
    for binary in BINARIES.iter().filter(|binary| binary.fixture == "demo") {
        verify(&fixture, binary);
    }
    // Once it failed; the second of two passes.
    fixture.cargo(["test", "--test", "flaky"]).run().assert_code(0);
}

#[test]
fn doctests_workspaces_and_features_do_what_the_model_says() {
    for name in ["doctests", "flaking", "virtual"] {
        let fixture = Fixture::shared(name);
        for binary in BINARIES.iter().filter(|binary| binary.fixture == name) {
            verify(&fixture, binary);
        }
    }
    let fixture = Fixture::shared("virtual");
    let by_default = fixture.cargo(["test"]).run();
    assert!(!by_default.assert_code(0).libtest_outcomes().contains_key("fails_where_it_is_asked"), "{by_default}");
    fixture
        .cargo(["test", "--features", "counter/far"])
        .run()
        .assert_code(0)
        .assert_stdout_has("counts_very_far ... ok");
}

#[test]
fn every_sort_of_target_writes_down_its_surroundings() {
    let fixture = Fixture::shared("envprint");
    for binary in BINARIES.iter().filter(|binary| binary.fixture == "envprint") {
        verify(&fixture, binary);
    }
    fixture.cargo(["test"]).env("GATE_ENV_DUMP", fixture.scratch()).run().assert_code(0);
    for note in ENVPRINT_NOTES {
        for part in ["argv", "cwd", "env"] {
            assert!(fixture.scratch().join(format!("{note}.{part}")).exists(), "{note}.{part}");
        }
    }
}

#[test]
fn harnesses_of_their_own_leave_as_the_model_says() {
    let fixture = Fixture::shared("custom");
    let run = |name: &str| fixture.cargo(["test", "--test", name]).run();
    for binary in BINARIES.iter().filter(|binary| binary.fixture == "custom") {
        let (ended, says) = (run(binary.binary), libtest_says(binary));
        assert_eq!(ended.libtest_outcomes(), says, "{ended}");
        assert_eq!(ended.code() == Some(0), !says.values().any(|outcome| outcome == "failed"), "{ended}");
    }
    for &(name, does) in OPAQUE {
        let ended = run(name);
        assert!(ended.libtest_outcomes().is_empty(), "{ended}");
        assert_eq!(ended.code() == Some(0), does == Does::Passes, "{ended}");
    }
    let starts = std::fs::read_to_string(fixture.scratch().join("blind_with_lines.starts")).unwrap();
    assert_eq!(starts, "\n", "one start, without arguments");
    let refused = fixture.cargo(["test", "--test", "refuses_format", "--", "--format", "pretty"]).run();
    refused.assert_code(1).assert_stderr_has("Found argument '--format'");
}

#[test]
fn broken_does_not_build_and_empty_has_no_tests() {
    let broken = Fixture::shared("broken").cargo(["test"]).run();
    broken.assert_code(101).assert_stderr_has("could not compile `broken` (test \"does_not_compile\")");
    assert!(broken.libtest_outcomes().is_empty());
    let empty = Fixture::shared("empty").cargo(["test"]).run();
    assert!(empty.assert_code(0).libtest_outcomes().is_empty());
}

#[test]
fn a_shared_fixture_is_fresh_for_the_second_who_copies_it() {
    Fixture::shared("harness").cargo(["test", "--no-run", "--test", "calm"]).run().assert_code(0);
    let again = Fixture::shared("harness").cargo(["test", "--no-run", "--test", "calm"]).run();
    assert!(!again.assert_code(0).stderr().contains("Compiling"), "{again}");
}

#[test]
fn flaky_fixtures_pass_in_the_end() {
    let fixture = Fixture::shared("harness");
    for code in [101, 101, 0] {
        fixture.cargo(["test", "--test", "flaky", "fails"]).run().assert_code(code);
    }
}

#[test]
fn nothing_of_the_surroundings_reaches_a_fixture() {
    let fixture = Fixture::shared("harness");
    let ended = fixture.command("env").run();
    let inherited_on_purpose = ["CARGO_HOME=", "RUSTUP_HOME=", "RUSTUP_TOOLCHAIN="];
    let set = ["CARGO=", "CARGO_NET_OFFLINE=", "CARGO_INCREMENTAL=", "CARGO_TERM_COLOR=", "CARGO_TARGET_DIR="];
    for line in ended.assert_code(0).stdout().lines() {
        let of_interest = ["CARGO", "RUST", "CI=", "GITHUB_"].iter().any(|prefix| line.starts_with(prefix));
        let known = inherited_on_purpose.iter().chain(&set).any(|name| line.starts_with(name));
        assert!(!of_interest || known || line.starts_with("CARGO_GATE_STORE_DIR="), "{line}");
    }
}

#[test]
fn generated_workspaces_have_as_many_tests_as_asked_for() {
    let ended = generate::tiny_binaries(3, 2).cargo(["test"]).run();
    assert_eq!(ended.assert_code(0).stdout().matches("test result: ok. 2 passed").count(), 3);
    let ended = generate::tests_in_one_binary(40).cargo(["test"]).run();
    ended.assert_code(0).assert_stdout_has("test result: ok. 40 passed");
}

#[test]
fn the_model_names_each_test_once() {
    let mut binaries = HashSet::new();
    for binary in BINARIES {
        assert!(binaries.insert((binary.fixture, binary.id())), "{} twice", binary.id());
        assert_eq!(binary.expected().len(), binary.tests.len(), "{}", binary.id());
    }
    assert_eq!(fixture_model::expected("harness", "calm").len(), 3);
    assert_eq!(fixture_model::expected_of_all("demo").len(), 11);
}
