//! The fixtures do under plain `cargo test` what the model says of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cargo_gate::model::Kind;

use crate::support::fixture_model::{self, BINARIES, Does, FixtureBinary};
use crate::support::{Fixture, generate};

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

/// Runs all tests of a binary but those that end its process, and those alone, one by one.
fn verify(fixture: &Fixture, binary: &FixtureBinary) {
    let mut args = vec!["test", "-p", binary.package];
    args.extend(selection(binary));
    args.extend(["--", "--exact"]);
    let calm = {
        let mut args = args.clone();
        for (name, _) in binary.tests.iter().filter(|(_, does)| does.ends_its_process()) {
            args.extend(["--skip", name]);
        }
        fixture.cargo(args).run()
    };
    let mut found = calm.libtest_outcomes();
    // What is printed raw may look like a test that is none; the model knows better.
    found.retain(|name, _| binary.tests.iter().any(|(known, _)| known == name) || !name.ends_with("fake"));
    if binary.binary != "lookalike" {
        assert_eq!(found, libtest_says(binary), "{}\n{calm}", binary.id());
    }
    let red = libtest_says(binary).values().any(|outcome| outcome == "failed");
    assert_eq!(calm.code(), Some(if red { 101 } else { 0 }), "{}\n{calm}", binary.id());

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

/// Still there after a while, in a process group that goes at once when it is killed.
#[cfg(unix)]
fn assert_hangs(fixture: &Fixture, args: &[&str]) {
    use std::os::unix::process::CommandExt;
    use std::process::Stdio;

    use rustix::process::{Pid, Signal, kill_process_group};

    let mut command = fixture.cargo(args.iter().copied()).into_command();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().unwrap();
    let until = Instant::now() + Duration::from_millis(1500);
    while Instant::now() < until {
        assert_eq!(child.try_wait().unwrap(), None, "{args:?} ended");
        std::thread::sleep(Duration::from_millis(50));
    }
    kill_process_group(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
}

#[cfg(unix)]
#[test]
fn the_harness_fixture_does_what_the_model_says() {
    let fixture = Fixture::shared("harness");
    for binary in BINARIES.iter().filter(|binary| binary.fixture == "harness") {
        verify(&fixture, binary);
    }
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
    for binary in BINARIES {
        assert_eq!(binary.expected().len(), binary.tests.len(), "{}", binary.id());
        assert_eq!(fixture_model::binary(binary.fixture, binary.binary).id(), binary.id());
    }
}
