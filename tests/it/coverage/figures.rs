//! One measurement, from the figure to the exit code.

use std::fs;

use super::{coverage, files_with, measurable, text_of, totals};
use crate::support::Fixture;

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn r13_a_measurement_of_two_functions_is_between_half_and_nine_tenths() {
    let covered = measurable("covered");
    let ended = coverage(&covered, []).run();
    let document = ended.assert_code(0).json();
    let percent = document["coverage"]["percent"].as_f64().unwrap();
    assert!((50.0..=90.0).contains(&percent), "{percent}");
    for scratch in ["profraw", "profdata"] {
        assert_eq!(files_with(&covered, scratch), Vec::<String>::new(), "scratch files are gone");
    }
    assert!(fs::read_dir(covered.root()).unwrap().all(|entry| {
        let name = entry.unwrap().file_name();
        ["Cargo.toml", "Cargo.lock", "src", "target"].contains(&&*name.to_string_lossy())
    }));
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn r9_r13_a_measurement_that_takes_too_long_is_none() {
    let covered = measurable("covered");
    let limit = ["--coverage-timeout", "1ms", "--ratchet", "on-pass"];
    let open = coverage(&covered, limit).run();
    let document = open.assert_code(0).json();
    assert_eq!(document["coverage"]["status"], "PASS");
    let warning = text_of(&document, "warnings", "no-measurement");
    assert!(warning.contains("fail-open") && warning.contains("took longer than 1ms"), "{warning}");
    open.assert_stderr_has("fail-open");
    let artifact = fs::read_to_string(covered.gate_dir().join("coverage-report.md")).unwrap();
    assert!(artifact.contains("coverage_status: PASS") && artifact.contains("fail-open"), "{artifact}");
    assert!(!covered.gate_dir().join("ratchet.toml").exists());

    let closed = coverage(&covered, limit).args(["--on-tool-error", "closed"]).run();
    let document = closed.assert_code(20).json();
    assert_eq!(document["coverage"]["status"], "FAIL");
    let reason = text_of(&document, "reasons", "no-measurement");
    assert!(reason.contains("fail-closed"), "{reason}");
    let artifact = fs::read_to_string(covered.gate_dir().join("coverage-report.md")).unwrap();
    assert!(artifact.contains("coverage_status: FAIL") && artifact.contains("fail-closed"), "{artifact}");
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn what_was_measured_is_judged_again_without_a_run() {
    let covered = measurable("covered");
    coverage(&covered, ["--no-run"]).run().assert_code(96).assert_stderr_has("nothing was measured yet");
    let measured = coverage(&covered, ["--floor", "50"]).run();
    let again = coverage(&covered, ["--no-run", "--floor", "50"]).run();
    assert_eq!(totals(measured.assert_code(0)), totals(again.assert_code(0)));
    again.assert_stderr_has("PASS");
    assert!(!again.stderr().contains("Running"), "{again}");
    for (args, code) in [
        (&["--floor", "95"][..], 20),
        (&["--floor", "95", "--policy", "baseline"], 0),
        (&["--floor", "95", "--epsilon", "40"], 0),
        (&["--metric", "functions", "--floor", "99"], 20),
        (&["--metric", "regions", "--floor", "50"], 0),
        (&["--metric", "branches", "--on-tool-error", "closed"], 20),
    ] {
        let judged = coverage(&covered, ["--no-run"].into_iter().chain(args.iter().copied())).run();
        judged.assert_code(code);
    }
    let functions = coverage(&covered, ["--no-run", "--metric", "functions"]).run().assert_code(0).json();
    let figure = &functions["coverage"]["totals"]["functions"];
    assert_eq!(
        (&functions["coverage"]["covered"], &functions["coverage"]["metric"]),
        (&figure["covered"], &"functions".into())
    );
    let branches = coverage(&covered, ["--no-run", "--metric", "branches"]).run().assert_code(0).json();
    assert!(text_of(&branches, "warnings", "no-measurement").contains("nightly"));
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn what_changed_since_it_was_measured_is_said_and_never_kept() {
    let covered = measurable("covered");
    coverage(&covered, ["--ratchet", "manual"]).run().assert_code(0);
    let source = covered.read("src/lib.rs");
    covered.write("src/lib.rs", &format!("// A line more.\n{source}"));
    let again = coverage(&covered, ["--no-run", "--ratchet", "on-pass"]).run();
    let document = again.assert_code(0).json();
    assert!(text_of(&document, "warnings", "stale").contains("src/lib.rs changed since this was measured"));
    assert!(!covered.gate_dir().join("ratchet.toml").exists(), "{again}");
    let asked = coverage(&covered, ["--no-run", "--patch-max-uncovered", "99"]).run();
    assert!(text_of(&asked.assert_code(20).json(), "reasons", "stale").contains("src/lib.rs"));
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn floors_of_parts_and_files_that_do_not_count_come_from_the_configuration() {
    let shop = measurable("shop");
    shop.write("gate.toml", "[[floor]]\npackages = [\"stock\"]\nfloor = 90\n");
    let below = coverage(&shop, []).run();
    let reason = text_of(&below.assert_code(20).json(), "reasons", "below-floor");
    assert!(reason.contains("package `stock`") && reason.contains("90 %"), "{reason}");
    shop.write("gate.toml", "[[floor]]\nfiles = [\"till/**/main.rs\"]\nfloor = 90\n");
    let below = coverage(&shop, ["--no-run"]).run();
    let reason = text_of(&below.assert_code(20).json(), "reasons", "below-floor");
    assert!(reason.contains("`till/src/main.rs`"), "{reason}");
    shop.write("gate.toml", "[[exempt]]\nfiles = [\"till/**\"]\nreason = \"tried by hand\"\n");
    let exempt = coverage(&shop, ["--no-run"]).run();
    let document = exempt.assert_code(0).json();
    assert_eq!(document["coverage"]["left_out"][0]["what"], "tried by hand");
    let paths: Vec<&str> =
        document["coverage"]["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert!(paths.contains(&"src/lib.rs") && !paths.iter().any(|path| path.starts_with("till/")), "{paths:?}");
    exempt.assert_stderr_has("tried by hand");
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn test_code_is_left_out_on_demand_alone() {
    let covered = measurable("covered");
    let (_, with) = totals(coverage(&covered, []).run().assert_code(0))["lines"];
    let without = coverage(&covered, ["--no-run", "--exclude-test-code", "--policy", "absolute"]).run();
    let document = without.assert_code(0).json();
    // The functions have six lines each.
    assert_eq!((document["coverage"]["covered"].as_u64(), document["coverage"]["total"].as_u64()), (Some(6), Some(12)));
    assert!(with > 12);
    assert_eq!(document["coverage"]["left_out"][0]["what"], "test code");
}

#[test]
fn what_was_measured_elsewhere_is_judged_without_a_build() {
    let covered = Fixture::alone("covered");
    let root = covered.root();
    covered.write("a.info", "SF:src/lib.rs\nDA:1,1\nDA:2,0\nDA:3,0\nDA:4,0\nend_of_record\n");
    covered.write("b.info", &format!("SF:{}/src/lib.rs\nDA:2,3\nend_of_record\n", root.display()));
    let export = format!(
        "{{\"type\":\"llvm.coverage.json.export\",\"data\":[{{\"files\":[{{\"filename\":\"{}/src/lib.rs\",\"summary\":{{{}}}}}]}}]}}",
        root.display(),
        ["lines", "regions", "functions"].map(|metric| format!("\"{metric}\":{{\"count\":4,\"covered\":3}}")).join(",")
    );
    covered.write("c.json", &export);
    for (files, counts) in [(&["a.info"][..], (1, 4)), (&["c.json"], (3, 4))] {
        let ended =
            coverage(&covered, ["--ratchet", "manual", "--from"].into_iter().chain(files.iter().copied())).run();
        let document = ended.assert_code(0).json();
        let figure = &document["coverage"];
        assert_eq!((figure["covered"].as_u64().unwrap(), figure["total"].as_u64().unwrap()), counts, "{ended}");
        assert_eq!(figure["files"][0]["path"], "src/lib.rs");
    }
    let several = coverage(&covered, ["--ratchet", "manual", "--from", "a.info", "b.info"]).run();
    assert_eq!(totals(several.assert_code(0))["lines"], (2, 4));
    for (files, words) in [
        (&["a.info", "c.json"][..], "cannot be put together"),
        (&["none.info"], "none.info"),
        (&["Cargo.toml"], "no lcov file"),
    ] {
        let ended = coverage(&covered, ["--from"].into_iter().chain(files.iter().copied())).run();
        ended.assert_code(96).assert_stderr_has(words);
    }
    // Two ways of counting are never compared.
    coverage(&covered, ["--from", "c.json"]).run().assert_code(0);
    let otherwise = coverage(&covered, ["--from", "a.info"]).run();
    text_of(&otherwise.assert_code(20).json(), "reasons", "counting-changed");
}

#[test]
fn flags_that_make_no_sense_are_refused() {
    let covered = Fixture::alone("covered");
    for (args, code, words) in [
        (&["--floor", "101"][..], 2, "floor"),
        (&["--floor", "many"], 2, "floor"),
        (&["--epsilon", "0.12345"], 2, "epsilon"),
        (&["--policy", "none"], 2, "--policy"),
        (&["--metric", "words"], 2, "--metric"),
        (&["--repeat", "3"], 2, "`--repeat` makes no sense for coverage"),
        (&["--list"], 2, "`--list` makes no sense for coverage"),
        (&["--from", "a", "--no-run"], 2, "cannot be used with"),
        (&["--commit", "1"], 2, "--ratchet-from"),
    ] {
        let ended = coverage(&covered, args.iter().copied()).run();
        ended.assert_code(code).assert_stderr_has(words);
        assert_eq!(ended.stdout(), "", "{ended}");
    }
}
