//! What was measured in another place is judged as far as it is of this workspace.

use serde_json::Value;

use super::{coverage, text_of};
use crate::support::Fixture;

/// A tracefile of files with four lines each, of which three ran.
fn trace(files: &[&str]) -> String {
    files.iter().map(|file| format!("SF:{file}\nDA:1,1\nDA:2,1\nDA:3,1\nDA:4,0\nend_of_record\n")).collect()
}

/// Judges the tracefile of these files; the exit code is this.
#[track_caller]
fn judged(covered: &Fixture, files: &[&str], args: &[&str], code: i32) -> Value {
    covered.write("measured.info", &trace(files));
    let all = ["--from", "measured.info", "--ratchet", "on-pass"].into_iter().chain(args.iter().copied());
    coverage(covered, all).run().assert_code(code).json()
}

fn has_ratchet(covered: &Fixture) -> bool {
    covered.gate_dir().join("ratchet.toml").exists()
}

#[test]
fn a_measurement_of_another_place_is_none_of_this_workspace() {
    let covered = Fixture::alone("covered");
    let files = ["/elsewhere/src/lib.rs", "/elsewhere/src/main.rs", "../beside/src/lib.rs"];
    let open = judged(&covered, &files, &[], 0);
    assert!(text_of(&open, "warnings", "no-measurement").contains("fail-open"));
    let foreign = text_of(&open, "warnings", "foreign");
    assert!(foreign.contains("all 3 files lie outside") && foreign.contains("`/elsewhere/src/lib.rs`"), "{foreign}");
    assert!(open["coverage"]["covered"].is_null() && open["coverage"]["files"].as_array().unwrap().is_empty());
    assert!(!has_ratchet(&covered));
    let report = std::fs::read_to_string(covered.gate_dir().join("coverage-report.md")).unwrap();
    assert!(report.contains("outside of this workspace"), "{report}");

    let closed = judged(&covered, &files, &["--on-tool-error", "closed", "--policy", "absolute"], 20);
    assert!(text_of(&closed, "reasons", "no-measurement").contains("fail-closed"));
    text_of(&closed, "warnings", "foreign");
}

#[test]
fn a_measurement_of_this_place_and_another_is_judged_and_never_kept() {
    let covered = Fixture::alone("covered");
    let files = ["src/lib.rs", "/elsewhere/src/lib.rs"];
    covered.write("gate.toml", "[[floor]]\npackages = [\"covered\"]\nfloor = 60\n");
    let partly = judged(&covered, &files, &["--floor", "70"], 0);
    assert_eq!((partly["coverage"]["covered"].as_u64(), partly["coverage"]["total"].as_u64()), (Some(6), Some(8)));
    let foreign = text_of(&partly, "warnings", "foreign");
    assert!(foreign.contains("1 of 2 files lies outside") && foreign.contains("`[[exempt]]`"), "{foreign}");
    assert_eq!(partly["coverage"]["warnings"].as_array().unwrap().len(), 1);
    assert!(!has_ratchet(&covered));
    judged(&covered, &files, &["--floor", "90"], 20);

    covered.write("gate.toml", "[[exempt]]\nfiles = [\"/elsewhere/**\"]\nreason = \"not ours\"\n");
    let ours = judged(&covered, &files, &["--floor", "70"], 0);
    assert_eq!(
        (ours["coverage"]["total"].as_u64(), ours["coverage"]["warnings"].as_array().unwrap().len()),
        (Some(4), 0)
    );
    assert!(has_ratchet(&covered));
}

#[test]
fn a_ratchet_that_cannot_be_written_is_a_warning_and_the_verdict_stands() {
    let covered = Fixture::alone("covered");
    covered.write("target/gate/ratchet.lock/in_the_way", "");
    for args in [&[][..], &["--policy", "absolute"]] {
        let passed = judged(&covered, &["src/lib.rs"], args, 0);
        let warning = text_of(&passed, "warnings", "ratchet-not-written");
        assert!(warning.contains("could not be changed") && passed["coverage"]["ratchet"].is_null(), "{passed}");
        let report = std::fs::read_to_string(covered.gate_dir().join("coverage-report.md")).unwrap();
        assert!(report.contains("WARNING** the ratchet stays as it is"), "{report}");
    }
    judged(&covered, &["src/lib.rs"], &["--floor", "90"], 20);
}

#[test]
fn advised_commands_speak_of_the_figure_that_was_judged() {
    let covered = Fixture::alone("covered");
    let flags = ["--features", "left right", "--no-default-features", "--metric", "lines"];
    let set = "cargo gate baseline set --features 'left right' --no-default-features --metric lines --reason";
    judged(&covered, &["src/lib.rs"], &flags, 0);
    covered.gate(["baseline", "set", "80"]).args(flags).run().assert_code(0);
    let below = judged(&covered, &["src/lib.rs"], &flags, 20);
    let next = text_of(&below, "reasons", "next");
    assert!(next.contains(set), "{next}");
    covered.gate(["baseline", "set", "--reason", "as advised"]).args(flags).run().assert_code(0);
    judged(&covered, &["src/lib.rs"], &flags, 0);

    let first = coverage(&covered, ["--no-run", "--profile", "bench", "--features", ""]).run();
    first.assert_code(96).assert_stderr_has("run `cargo gate coverage --profile bench --features=` without `--no-run`");
}
