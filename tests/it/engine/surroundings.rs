//! Each test process starts as under `cargo test`; the user's runners and rustdoc keep their places.

use std::collections::BTreeSet;

use super::{host, read, script};
use crate::support::fixture_model::{ENVPRINT_NOTES, expected_of_all};
use crate::support::{Ended, Fixture, Invocation};

/// What differs from process to process, or is the gate's own.
const OWN: [&str; 2] = ["CARGO_GATE=", "CARGO_GATE_RUN_ID="];

/// The lines of a note, without what may differ.
fn lines(fixture: &Fixture, dir: &str, note: &str, part: &str) -> BTreeSet<String> {
    let text = read(fixture.scratch().join(dir).join(format!("{note}.{part}")));
    let kept = text.lines().filter(|line| !OWN.iter().any(|own| line.starts_with(own)));
    kept.filter(|line| !line.starts_with("GATE_ENV_DUMP=")).map(str::to_owned).collect()
}

fn dump(fixture: &Fixture, dir: &str, invocation: Invocation) -> Ended {
    let path = fixture.scratch().join(dir);
    std::fs::create_dir_all(&path).unwrap();
    invocation.env("GATE_ENV_DUMP", path).run()
}

/// Plain cargo and the gate with the same arguments, compared note by note.
fn compare(fixture: &Fixture, args: &[&str], notes: &[&str]) {
    let cargos = ["test"].into_iter().chain(args.iter().copied());
    dump(fixture, "cargo", fixture.cargo(cargos.clone())).assert_code(0);
    dump(fixture, "gate", fixture.gate(cargos)).assert_code(0);
    for note in notes {
        for part in ["cwd", "env"] {
            let (ours, cargos) = (lines(fixture, "gate", note, part), lines(fixture, "cargo", note, part));
            let more: Vec<_> = ours.difference(&cargos).collect();
            let less: Vec<_> = cargos.difference(&ours).collect();
            // rustdoc compiles each doctest to a directory of its own, which the linker's path names.
            let is_path = |line: &&String| note.starts_with("doc-") && line.starts_with("LD_LIBRARY_PATH=");
            assert!(more.iter().all(|line| is_path(line)) && less.iter().all(|line| is_path(line)),
                "{note}.{part}: the gate has {more:#?}, cargo {less:#?}");
        }
        assert!(read(fixture.scratch().join("gate").join(format!("{note}.env"))).contains("CARGO_GATE=\"1\"\n"), "{note}");
    }
}

#[test]
fn every_sort_of_target_starts_where_and_with_what_cargo_starts_it() {
    let fixture = Fixture::shared("envprint");
    compare(&fixture, &["--workspace"], ENVPRINT_NOTES);
}

#[test]
fn a_release_build_of_one_package_with_a_target_is_cargos_too() {
    let fixture = Fixture::shared("envprint");
    compare(&fixture, &["-p", "app", "--lib", "--test", "integration", "--target", &host()], &["lib-app", "test-integration"]);
}

#[test]
fn benches_are_tested_as_cargo_tests_them() {
    let fixture = Fixture::shared("envprint");
    compare(&fixture, &["-p", "app", "--benches"], &["bench-measured"]);
}

#[test]
fn the_program_is_the_one_cargo_starts_and_its_arguments_select_what_was_asked_for() {
    let fixture = Fixture::shared("envprint");
    dump(&fixture, "cargo", fixture.cargo(["test", "--workspace"])).assert_code(0);
    dump(&fixture, "gate", fixture.gate(["test"])).assert_code(0);
    for note in ENVPRINT_NOTES.iter().filter(|note| !note.starts_with("doc-")) {
        let argv = |dir: &str| read(fixture.scratch().join(dir).join(format!("{note}.argv")));
        let (ours, cargos) = (argv("gate"), argv("cargo"));
        assert_eq!(ours.lines().next(), cargos.lines().next(), "{note}");
        let more: Vec<_> = ours.lines().skip(1).filter(|line| !line.starts_with("\"--test-threads")).collect();
        assert_eq!(more, cargos.lines().skip(1).collect::<Vec<_>>(), "{note}");
    }
}

#[test]
fn the_gate_gives_all_outcomes_of_the_fixture() {
    let ended = Fixture::shared("envprint").gate(["test", "--format", "json"]).run();
    assert_eq!(ended.assert_code(0).outcomes(), expected_of_all("envprint"), "{ended}");
}

/// A runner that writes down what it was asked to start, then starts it.
fn runner(fixture: &Fixture) -> String {
    script(fixture, "runner.sh", "echo \"$*\" >> \"$GATE_FIXTURE_DIR/runner.log\"\nexec \"$@\"")
}

/// The gate passes, and everything that was started went through the runner.
fn goes_through_the_runner(fixture: &Fixture, invocation: Invocation) {
    let log = fixture.scratch().join("runner.log");
    let _ = std::fs::remove_file(&log);
    let ended = invocation.run();
    let mut wanted = expected_of_all("envprint");
    wanted.retain(|key, _| key.starts_with("old/"));
    assert_eq!(ended.assert_code(0).outcomes(), wanted, "{ended}");
    let log = read(&log);
    assert!(log.lines().any(|line| line.contains("/deps/old_name-") && line.contains("--test-threads")), "{log}");
    // Each doctest of an old edition is a program of its own.
    let doctests = log.lines().filter(|line| line.contains("rust_out") || line.contains("rustdoctest")).count();
    assert!(doctests >= 4, "doctests go through it, too\n{log}");
}

const OLD: [&str; 5] = ["test", "-p", "old", "--format", "json"];

#[test]
fn a_runner_of_the_users_by_triple_stands_in_front_of_binaries_and_doctests() {
    let fixture = Fixture::shared("envprint");
    let config = fixture.read(".cargo/config.toml");
    fixture.write(".cargo/config.toml", &format!("{config}\n[target.{}]\nrunner = {:?}\n", host(), runner(&fixture)));
    goes_through_the_runner(&fixture, fixture.gate(OLD));
}

#[test]
fn a_runner_of_the_users_by_cfg_stands_in_front() {
    let fixture = Fixture::shared("envprint");
    let config = fixture.read(".cargo/config.toml");
    let runner = runner(&fixture);
    fixture.write(".cargo/config.toml", &format!("{config}\n[target.'cfg(unix)']\nrunner = [{runner:?}]\n"));
    goes_through_the_runner(&fixture, fixture.gate(OLD));
}

#[test]
fn a_runner_of_the_users_by_environment_stands_in_front() {
    let fixture = Fixture::shared("envprint");
    let name = format!("CARGO_TARGET_{}_RUNNER", host().to_uppercase().replace(['-', '.'], "_"));
    let runner = runner(&fixture);
    goes_through_the_runner(&fixture, fixture.gate(OLD).env(&name, runner));
}

#[test]
fn a_runner_of_the_users_by_flag_stands_in_front() {
    let fixture = Fixture::shared("envprint");
    let flag = format!("target.{}.runner=[{:?}, \"--\"]", host(), script(&fixture, "two.sh", "shift\necho \"$*\" >> \"$GATE_FIXTURE_DIR/runner.log\"\nexec \"$@\""));
    goes_through_the_runner(&fixture, fixture.gate(OLD).arg("--config").arg(flag));
}

#[test]
fn the_users_rustdoc_is_the_one_that_tests() {
    let body = "echo \"$*\" >> \"$GATE_FIXTURE_DIR/rustdoc.log\"\nexec rustdoc \"$@\"";
    for way in ["environment", "configuration", "flag"] {
        let fixture = Fixture::shared("envprint");
        let rustdoc = script(&fixture, "my-rustdoc", body);
        let mut gate = fixture.gate(["test", "--doc", "-p", "old", "--format", "json"]);
        match way {
            "environment" => gate = gate.env("RUSTDOC", &rustdoc),
            "flag" => gate = gate.arg("--config").arg(format!("build.rustdoc={rustdoc:?}")),
            _ => drop(fixture.write(".cargo/config.toml", &format!("[build]\nrustdoc = {rustdoc:?}\n"))),
        }
        let ended = gate.run();
        assert_eq!(ended.assert_code(0).outcomes().len(), 7, "{way}\n{ended}");
        let log = read(fixture.scratch().join("rustdoc.log"));
        assert!(log.lines().any(|line| line.contains("--test")), "{way}\n{log}");
    }
}

#[test]
fn quiet_is_quiet_and_reads_results_all_the_same() {
    let fixture = Fixture::shared("harness");
    let ended = fixture.gate(["test", "-q", "--test", "outcomes", "--format", "json"]).run();
    assert_eq!(ended.assert_code(100).outcomes(), crate::support::fixture_model::expected("harness", "outcomes"));
    let green = fixture.gate(["test", "-q", "--test", "calm"]).run();
    green.assert_code(0);
    assert!(!green.stderr().contains("Compiling") && !green.stderr().contains("Running"), "{green}");
}
