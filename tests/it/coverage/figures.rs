//! One measurement, from the figure to the exit code.

use std::fs;

use super::{coverage, files_with, measurable, text_of};

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn r13_a_measurement_of_two_functions_is_between_half_and_nine_tenths() {
    let covered = measurable("covered");
    let ended = coverage(&covered, []).run();
    let document = ended.assert_code(0).json();
    let percent = document["coverage"]["percent"].as_f64().unwrap();
    assert!((50.0..=90.0).contains(&percent), "{percent}");
    assert_eq!(files_with(&covered, "profraw"), Vec::<String>::new(), "scratch files are gone");
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
