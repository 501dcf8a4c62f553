//! What runs, by every way of saying so; and the ways of asking without running.

use std::collections::BTreeSet;

use super::{counts, entry, runs};
use crate::support::fixture_model::{expected, expected_of_all};
use crate::support::{Ended, Fixture};

/// The names of the tests with an outcome.
fn names(ended: &Ended) -> BTreeSet<String> {
    ended.outcomes().keys().map(|key| key.split_once("::").unwrap().1.to_owned()).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn run(args: &[&str]) -> Ended {
    Fixture::shared("harness").gate(["test", "--format", "json"].into_iter().chain(args.iter().copied())).run()
}

#[test]
fn filters_are_parts_of_names_any_number_of_them_before_and_after_the_dashes() {
    let wanted = set(&["a_0100", "g_0000"]);
    assert_eq!(names(&run(&["--test", "slow", "a_0", "g_0"])), wanted);
    assert_eq!(names(&run(&["--test", "slow", "a_0", "--", "g_0"])), wanted);
    assert_eq!(names(&run(&["--test", "slow", "--", "a_0", "g_0"])), wanted);
    assert_eq!(names(&run(&["--test", "calm", "nested"])), set(&["nested::three"]));
}

#[test]
fn exact_filters_equal_names_and_skips_leave_out() {
    assert_eq!(names(&run(&["--test", "names", "prefix", "--", "--exact"])), set(&["prefix"]));
    assert_eq!(names(&run(&["--test", "names", "prefix"])), set(&["prefix", "prefix_of_another"]));
    assert_eq!(names(&run(&["--test", "names", "prefix", "--", "--skip", "another"])), set(&["prefix"]));
    let all_but = names(&run(&["--test", "calm", "--", "--skip=one", "--skip", "two"]));
    assert_eq!(all_but, set(&["nested::three"]));
}

#[test]
fn filters_hold_across_isolation_and_retries() {
    let args = ["--test", "flaky", "fails", "--isolation", "process", "--retries", "2", "--", "--skip", "twice"];
    let ended = run(&args);
    assert_eq!(
        ended.assert_code(0).outcomes().into_iter().collect::<Vec<_>>(),
        [("harness/test:flaky::fails_once".to_owned(), "flaky".to_owned())]
    );
}

#[test]
fn ignored_tests_run_when_they_are_asked_for() {
    let ignored = run(&["--test", "outcomes", "--", "--ignored"]);
    assert_eq!(counts(ignored.assert_code(100)), [3, 2, 1, 0, 0, 0, 0, 0]);
    assert_eq!(entry(&ignored, "ignored_and_failing_if_asked")["outcome"], "failed");
    let all = run(&["--test", "outcomes", "--", "--include-ignored"]);
    assert_eq!(counts(&all), [12, 6, 6, 0, 0, 0, 0, 0], "{all}");
    // Also those that run alone.
    let alone = run(&["--test", "outcomes", "--isolation", "process", "--", "--ignored"]);
    assert_eq!(counts(&alone), [3, 2, 1, 0, 0, 0, 0, 0], "{alone}");
}

#[test]
fn globs_select_over_written_keys() {
    let ended = run(&["--select", "harness/test:calm::**"]);
    assert_eq!(ended.assert_code(0).outcomes(), expected("harness", "calm"));
    let some = run(&["--select", "harness/test:calm::o*", "--select", "harness/test:slow::g_*"]);
    assert_eq!(names(&some), set(&["one", "g_0000"]));
    run(&["--select", "nobody/**"]).assert_code(4);
}

#[test]
fn a_glob_selects_a_doctest() {
    let fixture = Fixture::shared("doctests");
    let ended =
        fixture.gate(["test", "--format", "json", "--select", "doctests/doc:doc::src/lib.rs - double #1"]).run();
    assert_eq!(names(&ended), set(&["src/lib.rs - double #1"]), "{ended}");
    ended.assert_code(0);
    let failing =
        fixture.gate(["test", "--format", "json", "--select", "doctests/doc:doc::src/lib.rs - double #3"]).run();
    assert_eq!(names(failing.assert_code(100)), set(&["src/lib.rs - double #3"]), "{failing}");
}

#[test]
fn what_failed_last_runs_alone_until_it_passes() {
    let fixture = Fixture::shared("harness");
    let gate = |more: &[&str]| fixture.gate(["test", "--format", "json"].into_iter().chain(more.iter().copied())).run();
    gate(&["--test", "flaky", "--test", "calm", "--", "--skip", "aborts"]).assert_code(100);
    let again = gate(&["--failed"]);
    assert_eq!(names(again.assert_code(100)), set(&["fails_once", "fails_twice"]), "{again}");
    let third = gate(&["--failed"]);
    assert_eq!(names(third.assert_code(0)), set(&["fails_twice"]), "{third}");
    let none = gate(&["--failed"]);
    none.assert_code(4);
}

#[test]
fn failed_finds_crashes_timeouts_and_doctests_again() {
    let fixture = Fixture::shared("harness");
    let args = ["test", "--format", "json", "--timeout", "1s", "--grace", "1s"];
    fixture.gate(args).args(["--test", "hangs", "--test", "aborts"]).run().assert_code(100);
    let again = fixture.gate(args).args(["--failed"]).run();
    assert_eq!(names(again.assert_code(100)), set(&["m_hangs", "m_aborts"]), "{again}");

    let fixture = Fixture::shared("doctests");
    fixture.gate(["test"]).run().assert_code(100);
    let again = fixture.gate(["test", "--failed", "--format", "json"]).run();
    let mut wanted = expected_of_all("doctests");
    wanted.retain(|_, outcome| outcome == "failed");
    assert_eq!(again.assert_code(100).outcomes(), wanted, "{again}");
}

#[test]
fn only_changed_binaries_run_when_that_is_asked_for() {
    let fixture = Fixture::bare();
    fixture
        .write("Cargo.toml", "[workspace]\n[package]\nname = \"two\"\nedition = \"2024\"\n[lib]\ntest = false\n[profile.dev]\ndebug = false\n")
        .write("src/lib.rs", "/// ```\n/// assert!(true);\n/// ```\npub fn f() {}\n")
        .write("tests/a.rs", "#[test]\nfn of_a() {}\n")
        .write("tests/b.rs", "#[test]\nfn of_b() {}\n");
    let gate = |more: &[&str]| fixture.gate(["test", "--format", "json"].into_iter().chain(more.iter().copied())).run();
    assert_eq!(names(gate(&["--changed"]).assert_code(0)).len(), 3, "nothing is on record: everything is new");
    gate(&["--changed"]).assert_code(4);
    fixture.write("tests/b.rs", "#[test]\nfn of_b() {}\n#[test]\nfn more_of_b() {}\n");
    let changed = gate(&["--changed"]);
    let changed = names(changed.assert_code(0));
    assert!(changed.contains("of_b") && changed.contains("more_of_b") && !changed.contains("of_a"), "{changed:?}");
}

#[test]
fn a_list_runs_nothing_and_leaves_no_trace() {
    let fixture = Fixture::shared("harness");
    let human = fixture.gate(["test", "--test", "calm", "--list"]).run();
    let mut lines: Vec<String> = human.assert_code(0).stdout().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, expected("harness", "calm").into_keys().collect::<Vec<_>>());
    let json = fixture.gate(["test", "--test", "calm", "--list", "--format", "json"]).run();
    let json = json.assert_code(0).json();
    assert_eq!((json["schema_version"].as_u64(), json["tests"].as_array().unwrap().len()), (Some(1), 3));
    assert!(runs(&fixture).is_empty());
    fixture.gate(["test", "--test", "calm", "--list", "no_such"]).run().assert_code(4);
    let doctests = Fixture::shared("doctests").gate(["test", "--list"]).run();
    doctests.assert_code(0).assert_stdout_has("doctests/doc:doc (runs as a whole)");
}

#[test]
fn libtests_own_list_is_cargos() {
    let fixture = Fixture::shared("harness");
    let args = ["--test", "calm", "--", "--list"];
    let ended = fixture.gate(["test"].into_iter().chain(args)).run();
    ended.assert_code(0).assert_stdout_has("nested::three: test").assert_stdout_has("3 tests, 0 benchmarks");
    let cargos = fixture.cargo(["test"].into_iter().chain(args)).run();
    assert_eq!(ended.stdout(), cargos.stdout());
    assert!(runs(&fixture).is_empty() && !fixture.gate_dir().exists());
}

#[test]
fn no_run_builds_and_leaves_no_trace() {
    let fixture = Fixture::shared("harness");
    let ended = fixture.gate(["test", "--test", "calm", "--no-run"]).run();
    ended.assert_code(0).assert_stderr_has("Executable tests/calm.rs");
    assert!(!fixture.gate_dir().exists());
    Fixture::shared("broken").gate(["test", "--no-run"]).run().assert_code(101);
}

#[test]
fn output_that_is_not_captured_appears() {
    let fixture = Fixture::shared("harness");
    let ended = fixture.gate(["test", "--test", "outcomes", "passes", "--", "--exact", "--nocapture"]).run();
    ended.assert_code(0).assert_stderr_has("nobody sees this");
    assert_eq!(ended.stdout(), "");
    let shown = fixture.gate(["test", "--test", "outcomes", "passes", "--", "--exact", "--show-output"]).run();
    shown.assert_code(0).assert_stderr_has("nobody sees this");
    let hidden = fixture.gate(["test", "--test", "outcomes", "passes", "--", "--exact"]).run();
    assert!(!hidden.assert_code(0).stderr().contains("nobody sees this"), "{hidden}");
}

#[test]
fn outcomes_are_right_when_output_is_not_captured() {
    for flag in ["--nocapture", "--show-output"] {
        for name in ["outcomes", "lookalike", "bytes", "aborts"] {
            let ended = run(&["--test", name, "--", flag]);
            assert_eq!(ended.outcomes(), expected("harness", name), "{name} {flag}\n{ended}");
        }
    }
}

#[test]
fn cargos_selection_of_packages_and_targets_is_cargos() {
    let fixture = Fixture::shared("virtual");
    let by_default = fixture.gate(["test", "--format", "json"]).run();
    assert_eq!(by_default.assert_code(100).outcomes(), expected_of_all("virtual"), "the gate takes the workspace");
    let one = fixture.gate(["test", "-p", "tool", "--format", "json"]).run();
    assert_eq!(one.assert_code(0).outcomes().len(), 1, "{one}");
    let without = fixture.gate(["test", "--workspace", "--exclude", "extra", "--format", "json"]).run();
    assert_eq!(without.assert_code(0).outcomes().len(), 4, "{without}");
    let far = fixture.gate(["test", "-p", "counter", "--features", "counter/far", "--format", "json"]).run();
    assert!(names(far.assert_code(0)).contains("counts_very_far"), "{far}");
    let below = fixture.gate(["test", "--format", "json"]).in_dir(fixture.root().join("tool")).run();
    assert_eq!(below.outcomes(), expected_of_all("virtual"));
    let manifest = fixture.gate(["test", "--format", "json", "--lib", "-p", "counter", "--manifest-path"]);
    let manifest = manifest.arg(fixture.root().join("Cargo.toml")).in_dir("/").run();
    assert_eq!(names(manifest.assert_code(0)), set(&["tests::counts", "tests::counts_with_std"]), "{manifest}");
}
