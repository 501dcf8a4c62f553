//! What goes wrong is said, each in its own words, and none of it becomes a baseline.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::{Pid, Signal, test_kill_process};

use super::{coverage, measurable, text_of};
use crate::support::{Fixture, Invocation, wait_until};

/// More tests for the crate of two functions.
fn with_tests(covered: &Fixture, tests: &str) {
    let source = covered.read("src/lib.rs");
    covered.write("src/lib.rs", &format!("{source}\n#[cfg(test)]\nmod more {{\n{tests}\n}}\n"));
}

fn has_ratchet(covered: &Fixture) -> bool {
    covered.gate_dir().join("ratchet.toml").exists()
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn where_tests_fail_coverage_is_shown_and_never_ratcheted() {
    let covered = measurable("covered");
    with_tests(&covered, "    #[test]\n    fn fails() {\n        assert_eq!(super::parity(2), \"odd\");\n    }");
    for args in [&[][..], &["--no-run"]] {
        let ended = coverage(&covered, args.iter().copied()).run();
        let document = ended.assert_code(100).json();
        assert_eq!(
            (&document["verdict"], &document["coverage"]["status"]),
            (&"fail".into(), &"FAIL".into()),
            "{ended}"
        );
        assert!(document["coverage"]["covered"].as_u64().unwrap() > 0);
        assert!(text_of(&document, "reasons", "tests-failed").contains("shown and not judged"));
        assert!(!has_ratchet(&covered), "{ended}");
    }
    covered.gate(["verdict", "target/gate/coverage-report.md"]).run().assert_code(20);
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn a_report_of_an_earlier_pass_does_not_outlive_a_build_that_fails() {
    let covered = measurable("covered");
    let report = "target/gate/coverage-report.md";
    coverage(&covered, ["--report", "own.md"]).run().assert_code(0);
    covered.gate(["verdict", report]).run().assert_code(0);
    covered.write("src/lib.rs", "fn broken( {");
    coverage(&covered, ["--report", "own.md"]).run().assert_code(101);
    for file in [report, "own.md"] {
        covered.gate(["verdict", file]).run().assert_code(20);
        assert!(covered.read(file).contains("the code does not build"), "{file}");
    }
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn a_process_that_aborts_makes_the_measurement_incomplete() {
    let covered = measurable("covered");
    with_tests(&covered, "    #[test]\n    fn aborts() {\n        std::process::abort();\n    }");
    coverage(&covered, []).run().assert_code(100);
    covered.write(
        "gate.toml",
        "[[quarantine]]\ntest = \"covered/covered::more::aborts\"\nreason = \"known\"\nuntil = 2199-01-01\n",
    );
    for args in [&["--floor", "10"][..], &["--floor", "10", "--no-run"]] {
        let ended = coverage(&covered, args.iter().copied()).run();
        let document = ended.assert_code(0).json();
        let warning = text_of(&document, "warnings", "incomplete");
        assert!(warning.contains("covered/covered::more::aborts"), "{warning}");
        assert!(!has_ratchet(&covered), "{ended}");
    }
    coverage(&covered, ["--floor", "99"]).run().assert_code(20);
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn where_there_is_nothing_to_cover_nothing_was_measured() {
    let covered = measurable("covered");
    covered.write("src/lib.rs", "//! Nothing.\n").write("tests/alone.rs", "#[test]\nfn passes() {}\n");
    let open = coverage(&covered, []).run();
    let document = open.assert_code(0).json();
    let warning = text_of(&document, "warnings", "no-measurement");
    assert!(warning.contains("there are no lines to cover"), "{warning}");
    coverage(&covered, ["--on-tool-error", "closed"]).run().assert_code(20);
    coverage(&covered, ["--on-tool-error", "closed", "--policy", "absolute"]).run().assert_code(20);
    assert!(!has_ratchet(&covered));
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn a_suite_that_does_not_build_or_is_empty_is_no_measurement_at_all() {
    let covered = measurable("covered");
    let none = coverage(&covered, ["no_such_test"]).run();
    assert!(none.assert_code(4).json()["coverage"]["covered"].is_null());
    covered.write("src/lib.rs", "fn");
    let broken = coverage(&covered, []).run();
    let document = broken.assert_code(101).json();
    assert_eq!((&document["exit_code"], &document["coverage"]["status"]), (&101.into(), &"N/A".into()));
    assert!(!has_ratchet(&covered));
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn an_interrupted_measurement_leaves_no_process_and_no_baseline() {
    let covered = measurable("covered");
    with_tests(
        &covered,
        "    #[test]\n    fn waits() {\n        let dir = std::env::var_os(\"GATE_FIXTURE_DIR\").unwrap();\n        \
         std::fs::write(std::path::Path::new(&dir).join(\"pid\"), std::process::id().to_string()).unwrap();\n        \
         std::thread::sleep(std::time::Duration::from_secs(600));\n    }",
    );
    let running = coverage(&covered, []).in_own_group().spawn();
    let pid = covered.scratch().join("pid");
    wait_until("the test runs", || fs::read_to_string(&pid).is_ok_and(|text| !text.is_empty()));
    running.signal(Signal::INT);
    let ended = running.wait();
    let document = ended.assert_code(130).json();
    assert_eq!(document["coverage"]["status"], "N/A");
    let pid: i32 = fs::read_to_string(&pid).unwrap().parse().unwrap();
    wait_until("its process is gone", || test_kill_process(Pid::from_raw(pid).unwrap()).is_err());
    assert!(!has_ratchet(&covered), "{ended}");
    coverage(&covered, ["--no-run"]).run().assert_code(96).assert_stderr_has("nothing was measured yet");
}

/// A cargo-llvm-cov of the test's own, the only one that is found.
fn with_stand_in(covered: &Fixture, script: &str) {
    let path = covered.scratch().join("bin/cargo-llvm-cov");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\necho \"$*\" >>\"$GATE_FIXTURE_DIR/calls\"\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// `cargo gate coverage` where cargo-llvm-cov is in the folder of the stand-in, or nowhere.
fn alone<'a>(covered: &Fixture, args: impl IntoIterator<Item = &'a str>) -> Invocation {
    let toolchain = covered.command("rustc").args(["--print", "sysroot"]).run().stdout();
    let toolchain = Path::new(toolchain.trim()).join("bin");
    let path = [covered.scratch().join("bin"), toolchain.clone(), "/usr/bin".into(), "/bin".into()];
    let path = std::env::join_paths(path).unwrap();
    let home = covered.scratch().join("home");
    coverage(covered, args).env("PATH", path).env("CARGO_HOME", home).env("CARGO", toolchain.join("cargo"))
}

fn calls(covered: &Fixture) -> String {
    fs::read_to_string(covered.scratch().join("calls")).unwrap_or_default()
}

#[test]
fn where_cargo_llvm_cov_is_missing_the_command_that_gets_it_is_named() {
    let covered = Fixture::alone("covered");
    let ended = alone(&covered, []).run();
    ended
        .assert_code(96)
        .assert_stderr_has("cargo-llvm-cov")
        .assert_stderr_has("`cargo gate doctor --install` gets it");
    assert!(!has_ratchet(&covered));
}

#[test]
fn r7_r8_outside_of_the_scope_and_switched_off_the_measurer_is_not_started() {
    let covered = Fixture::alone("covered");
    with_stand_in(&covered, "exit 1");
    covered.write("gate.toml", "[scope]\npackages = [\"other\"]\n");
    let outside = alone(&covered, []).run();
    let document = outside.assert_code(0).json();
    assert_eq!((&document["verdict"], &document["coverage"]["status"]), (&"nothing".into(), &"N/A".into()));
    assert!(text_of(&document, "reasons", "out-of-scope").contains("`covered` is out of scope"));
    assert_eq!(calls(&covered), "", "{outside}");
    covered.write("gate.toml", "enabled = false\n");
    let off = alone(&covered, []).run();
    let document = off.assert_code(0).json();
    assert_eq!((&document["verdict"], &document["coverage"]["status"]), (&"nothing".into(), &"N/A".into()));
    text_of(&document, "reasons", "disabled");
    let by_variable = alone(&covered, []).env("CARGO_GATE_DISABLE", "1").run();
    text_of(&by_variable.assert_code(0).json(), "reasons", "disabled");
    assert_eq!(calls(&covered), "", "{off}");
    // That is no accident: in scope it is called.
    covered.write("gate.toml", "");
    alone(&covered, []).run();
    assert!(calls(&covered).contains("llvm-cov show-env"), "{}", calls(&covered));
}

#[test]
fn r9_a_measurer_that_fails_is_no_measurement() {
    let covered = Fixture::alone("covered");
    with_stand_in(&covered, "echo 'error: it has a bad day' >&2\nexit 1");
    let open = alone(&covered, []).run();
    let document = open.assert_code(0).json();
    assert!(text_of(&document, "warnings", "no-measurement").contains("it has a bad day"), "{open}");
    let closed = alone(&covered, ["--on-tool-error", "closed"]).run();
    let reason = text_of(&closed.assert_code(20).json(), "reasons", "no-measurement");
    assert!(reason.contains("it has a bad day") && reason.contains("fail-closed"), "{reason}");
}

/// A crate whose tests leave what looks like a profile.
fn with_profiles() -> Fixture {
    let covered = Fixture::alone("covered");
    with_tests(
        &covered,
        "    #[test]\n    fn leaves_a_profile() {\n        \
         std::fs::write(std::env::var_os(\"LLVM_PROFILE_FILE\").unwrap(), \"\").unwrap();\n    }",
    );
    covered
}

/// A measurer that sums up in this way; the file to write is `$2`.
fn with_report(covered: &Fixture, sums_up: &str) {
    with_stand_in(
        covered,
        &format!(
            "case $2 in\n--version) echo cargo-llvm-cov 0.9.1 ;;\n\
             show-env) echo \"export LLVM_PROFILE_FILE='$CARGO_TARGET_DIR/x.profraw'\" ;;\n\
             report) while [ $# -gt 1 ]; do\n  if [ \"$1\" = --output-path ]; then {sums_up}; fi\n  shift\ndone ;;\n\
             esac"
        ),
    );
}

#[test]
fn what_is_no_fault_of_the_measurer_is_never_let_pass() {
    let covered = with_profiles();
    for (sums_up, code, words) in [
        ("mkdir \"$2\"", 70, "files of the measurement"),
        ("echo 'error: failed to find llvm-tools-preview' >&2; exit 1", 96, "llvm-tools"),
    ] {
        with_report(&covered, sums_up);
        let ended = alone(&covered, ["--on-tool-error", "open"]).run();
        let document = ended.assert_code(code).assert_stderr_has(words).json();
        assert_eq!((&document["codes"], &document["coverage"]["status"]), (&vec![code].into(), &"N/A".into()));
        covered.gate(["verdict", "target/gate/coverage-report.md"]).run().assert_code(20).assert_stdout_has(words);
        fs::remove_dir_all(covered.target_dir().join("gate-coverage")).unwrap();
    }
    // What lies in the way before the build ends it there.
    covered.write("target/gate-coverage", "");
    let ended = alone(&covered, ["--on-tool-error", "open"]).run();
    ended.assert_code(96).assert_stderr_has("files of the measurement");
    assert!(!ended.stderr().contains("Running"), "{ended}");
    assert!(!has_ratchet(&covered));
}

#[test]
fn only_what_usually_runs_becomes_a_baseline() {
    let covered = with_profiles();
    let figures = ["lines", "regions", "functions"].map(|metric| format!("\"{metric}\":{{\"count\":4,\"covered\":3}}"));
    let file = format!("{{\"filename\":\"src/lib.rs\",\"summary\":{{{}}}}}", figures.join(","));
    let export = format!("{{\"type\":\"llvm.coverage.json.export\",\"data\":[{{\"files\":[{file}]}}]}}");
    with_report(&covered, &format!("printf %s '{export}' >\"$2\""));
    let (part, more) = ("only a part of the workspace was tested", "more was tested than without a choice");
    for (configured, flags, words) in [
        ("\"-p\", \"covered\"", &[][..], part),
        ("\"--lib\"", &[], part),
        ("\"--workspace\", \"--exclude\", \"other\"", &[], part),
        ("", &["--lib"], part),
        ("", &["leaves"], part),
        ("", &["--", "--include-ignored"], more),
        ("", &["--all-targets"], more),
    ] {
        covered.write("gate.toml", &format!("[default.test]\nargs = [{configured}]\n"));
        let ended = alone(&covered, ["--ratchet", "on-pass"]).args(flags.iter().copied()).run();
        let document = ended.assert_code(0).json();
        assert!(text_of(&document, "warnings", "partial").contains(words), "{ended}");
        assert!(document["coverage"]["ratchet"].as_str().unwrap().contains(words), "{ended}");
        assert!(!has_ratchet(&covered));
    }
    covered.write("gate.toml", "[default.test]\nargs = [\"--workspace\", \"--all-targets\"]\n");
    alone(&covered, ["--ratchet", "on-pass"]).run().assert_code(0);
    assert!(has_ratchet(&covered));
    // More must reach what less has reached.
    covered.gate(["baseline", "set", "100"]).run().assert_code(0);
    let below = alone(&covered, ["--", "--include-ignored"]).run();
    let told = below.assert_code(20).stderr();
    assert_eq!(told.matches("1 more line must be covered").count(), 1, "why is said once\n{below}");
    assert!(told.contains("the tests pass, and coverage does not") && told.contains("Counted function by"), "{below}");
}

#[test]
fn what_cannot_be_left_out_is_never_let_pass() {
    let covered = Fixture::alone("covered");
    let figures = ["lines", "regions", "functions"].map(|metric| format!("\"{metric}\":{{\"count\":4,\"covered\":3}}"));
    let file = format!("{{\"filename\":\"src/lib.rs\",\"summary\":{{{}}}}}", figures.join(","));
    covered.write(
        "summary.json",
        &format!("{{\"type\":\"llvm.coverage.json.export\",\"data\":[{{\"files\":[{file}]}}]}}"),
    );
    covered.write("src/taken.rs/in_the_way", "").write("lines.info", "SF:src/taken.rs\nDA:1,1\nend_of_record\n");
    for (measured, words) in [("summary.json", "without its lines"), ("lines.info", "`src/taken.rs`")] {
        let args = ["--from", measured, "--exclude-test-code", "--on-tool-error", "open"];
        let document = coverage(&covered, args).run().assert_code(96).json();
        assert!(text_of(&document, "reasons", "not-left-out").contains(words), "{document}");
        assert!(!has_ratchet(&covered));
    }
}

#[test]
fn r10_what_the_measurer_says_is_not_believed() {
    let covered = with_profiles();
    let summary = |covered: u64, count: u64| {
        let figure = format!("{{\"count\":{count},\"covered\":{covered}}}");
        format!("{{\"lines\":{figure},\"regions\":{figure},\"functions\":{figure}}}")
    };
    let export = |files: &str| format!("{{\"type\":\"llvm.coverage.json.export\",\"data\":[{{\"files\":[{files}]}}]}}");
    let of_file = |summary: &str| export(&format!("{{\"filename\":\"src/lib.rs\",\"summary\":{summary}}}"));
    for (said, words) in [
        ("garbage".to_owned(), "the measurer failed"),
        (String::new(), "the measurer failed"),
        (of_file(&summary(7, 3)), "the measurer failed"),
        (of_file("{}"), "missing field"),
        (export(""), "there are no lines to cover"),
        (of_file(&summary(0, 0)), "there are no lines to cover"),
    ] {
        with_report(&covered, &format!("printf %s '{said}' >\"$2\""));
        let ended = alone(&covered, ["--on-tool-error", "closed"]).run();
        let reason = text_of(&ended.assert_code(20).json(), "reasons", "no-measurement");
        assert!(reason.contains(words), "{said}: {reason}");
        assert!(!has_ratchet(&covered));
    }
}

#[test]
fn no_report_of_an_earlier_pass_outlives_what_ends_before_a_build() {
    let covered = Fixture::alone("covered");
    let report = "target/gate/coverage-report.md";
    covered.write("a.info", "SF:src/lib.rs\nDA:1,1\nDA:2,1\nend_of_record\n");
    let pass = || {
        covered.write("gate.toml", "");
        coverage(&covered, ["--from", "a.info", "--report", "own.md"]).run().assert_code(0);
        covered.write("target/gate/test-report.md", "---\nresult: PASS\nstatus: success\n---\n");
    };
    for (config, args, code, words, of_tests) in [
        ("", &[][..], 96, "cargo-llvm-cov", 100),
        ("[default.coverage]\nfloor = 101\n", &[], 96, "floor", 100),
        ("not toml", &[], 96, "gate.toml", 100),
        ("[default.test]\nargs = [\"--no-such-flag\"]\n", &["--from", "a.info"], 96, "--no-such-flag", 0),
        ("", &["--from", "none.info"], 96, "none.info", 0),
        ("", &["--from", "Cargo.toml"], 96, "no lcov file", 0),
        ("", &["--no-run"], 96, "nothing was measured yet", 0),
    ] {
        pass();
        covered.write("gate.toml", config);
        let ended = alone(&covered, ["--report", "own.md"]).args(args.iter().copied()).run();
        ended.assert_code(code).assert_stderr_has(words);
        for file in [report, "own.md"] {
            covered.gate(["verdict", file]).run().assert_code(20).assert_stdout_has(words);
        }
        covered.gate(["verdict", "target/gate/test-report.md"]).run().assert_code(of_tests);
    }
    for (args, code) in [(&["--repeat", "2"][..], 2), (&["--no-record"], 96), (&["--ratchet-from", "none.md"], 96)] {
        pass();
        alone(&covered, args.iter().copied()).run().assert_code(code);
        covered.gate(["verdict", report]).run().assert_code(0);
        covered.gate(["verdict", "target/gate/test-report.md"]).run().assert_code(0);
    }
    // Where the configuration puts it, whatever else is wrong there.
    covered.write("kept/coverage-report.md", "---\ncoverage_status: PASS\n---\n");
    covered.write("gate.toml", "[store]\ndir = \"kept\"\n[default.coverage]\nfloor = \"high\"\n");
    alone(&covered, []).run().assert_code(96);
    covered.gate(["verdict", "kept/coverage-report.md"]).run().assert_code(20).assert_stdout_has("floor");
}

#[test]
fn an_interrupt_before_the_build_outdates_an_earlier_pass() {
    let covered = Fixture::alone("covered");
    covered.write("a.info", "SF:src/lib.rs\nDA:1,1\nend_of_record\n");
    coverage(&covered, ["--from", "a.info"]).run().assert_code(0);
    with_stand_in(&covered, "sleep 600");
    let running = alone(&covered, []).in_own_group().spawn();
    wait_until("it is asked", || calls(&covered).contains("show-env"));
    running.signal(Signal::INT);
    running.wait().assert_code(130);
    let verdict = covered.gate(["verdict", "target/gate/coverage-report.md"]).run();
    verdict.assert_code(20).assert_stdout_has("interrupted before the build");
}
