//! What passes raises the ratchet, where it may; nothing lowers it but a hand.

use std::fs;

use super::{coverage, measurable, text_of, totals};
use crate::support::Fixture;

/// A test for the function that has none.
const PARITY: &str = "#[test]\nfn parities() {\n    assert_eq!(covered::parity(2), \"even\");\n}\n";
/// And for its other half.
const ODD: &str = "#[test]\nfn odd() {\n    assert_eq!(covered::parity(3), \"odd\");\n}\n";

fn ratchet(fixture: &Fixture) -> String {
    fs::read_to_string(fixture.gate_dir().join("ratchet.toml")).unwrap_or_default()
}

fn git(fixture: &Fixture, args: &[&str]) {
    fixture.command("git").args(args.iter().copied()).run().assert_code(0);
}

/// Measures; the exit code is this, and the document has these words on the ratchet.
#[track_caller]
fn assert_said(fixture: &Fixture, args: &[&str], code: i32, words: &str) {
    let ended = coverage(fixture, args.iter().copied()).run();
    let document = ended.assert_code(code).json();
    let said = document["coverage"]["ratchet"].as_str().unwrap_or_default();
    assert!(said.contains(words) && said.is_empty() == words.is_empty(), "wanted `{words}`\n{ended}");
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn r5_it_begins_rises_stands_and_is_never_lowered() {
    let covered = measurable("covered");
    assert_said(&covered, &[], 0, "begins here");
    let first = ratchet(&covered);
    covered.write("tests/parity.rs", PARITY);
    assert_said(&covered, &[], 0, "rose from");
    let second = ratchet(&covered);
    assert_ne!(second, first);
    assert_said(&covered, &[], 0, "stands where it stood");
    assert_eq!(ratchet(&covered), second, "an equal figure changes no byte");

    fs::remove_file(covered.root().join("tests/parity.rs")).unwrap();
    let lower = coverage(&covered, []).run();
    let document = lower.assert_code(20).json();
    let reason = text_of(&document, "reasons", "below-baseline");
    assert!(reason.contains("more lines must be covered"), "{reason}");
    let worst = text_of(&document, "reasons", "worst-files");
    assert!(worst.contains("`src/lib.rs`"), "{worst}");
    assert!(text_of(&document, "reasons", "next").contains("cargo gate baseline set --reason"));
    assert_eq!(ratchet(&covered), second);
    // Within the tolerance it passes, and what stands, stands.
    assert_said(&covered, &["--epsilon", "99"], 0, "stands where it stood");
    assert_eq!(ratchet(&covered), second);
    // By hand, with a reason, it goes on.
    covered.gate(["baseline", "set", "--reason", "parity moved out"]).run().assert_code(0);
    assert_said(&covered, &[], 0, "stands where it stood");
    assert!(ratchet(&covered).contains("parity moved out"));
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn r5_two_workspaces_share_a_file_and_no_figure() {
    let place = measurable("covered");
    let two = place.scratch();
    for name in ["one", "two"] {
        place.command("cp").args(["-R", "."]).arg(two.join(name)).run().assert_code(0);
        fs::write(two.join(name).join("gate.toml"), "[default.coverage]\nratchet-file = \"../ratchet.toml\"\n")
            .unwrap();
    }
    fs::create_dir(two.join("one/tests")).unwrap();
    fs::write(two.join("one/tests/parity.rs"), PARITY).unwrap();
    for (name, words) in [("one", "begins here"), ("two", "begins here"), ("one", "stands"), ("two", "stands")] {
        let ended = coverage(&place, []).in_dir(two.join(name)).run();
        let document = ended.assert_code(0).json();
        assert!(document["coverage"]["ratchet"].as_str().unwrap().contains(words), "{name}: {ended}");
    }
    let text = fs::read_to_string(two.join("ratchet.toml")).unwrap();
    assert_eq!(text.matches("workspace = ").count(), 2, "{text}");
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn r6_r11_a_report_is_read_back_and_its_figure_becomes_the_baseline() {
    let covered = measurable("covered");
    // Measured where the ratchet is left alone.
    let first = coverage(&covered, ["--ratchet", "manual", "--report", "kept.md"]).run();
    let document = first.assert_code(0).json();
    assert_eq!(ratchet(&covered), "");
    covered.gate(["verdict", "kept.md"]).run().assert_code(0).assert_stdout_has("PASS");
    assert!(covered.read("kept.md").contains("\nbaseline:\n"), "no baseline, an empty field");

    let taken = covered.gate(["coverage", "--ratchet-from", "kept.md", "--commit", "1a2b3c4d5e6f"]).run();
    taken.assert_code(0);
    let text = ratchet(&covered);
    let (count, total) = totals(&first)["lines"];
    assert!(text.contains(&format!("covered = {count}")) && text.contains(&format!("total = {total}")), "{text}");
    assert!(text.contains("1a2b3c4d5e6f"), "{text}");
    let second = coverage(&covered, ["--report", "again.md"]).run();
    let held = second.assert_code(0).json();
    assert_eq!(held["coverage"]["baseline"]["covered"], document["coverage"]["covered"]);
    covered.gate(["verdict", "again.md"]).run().assert_code(0);
    assert_eq!(ratchet(&covered), text, "the same figure: nothing is stamped anew");

    coverage(&covered, ["--floor", "99", "--report", "red.md"]).run().assert_code(20);
    covered.gate(["verdict", "red.md"]).run().assert_code(20).assert_stdout_has("the floor asks for 99 %");
    covered.gate(["coverage", "--ratchet-from", "red.md", "--commit", "1"]).run();
    let missing = covered.gate(["coverage", "--ratchet-from", "none.md", "--commit", "1"]).run();
    missing.assert_code(96).assert_stderr_has("none.md");
    assert_eq!(ratchet(&covered), text);
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn r6_a_figure_without_counts_becomes_a_baseline_that_judges() {
    let covered = measurable("covered");
    covered.write("old.md", "---\ncoverage_status: PASS\nmeasured_coverage: 97.50\n---\n");
    covered.gate(["coverage", "--ratchet-from", "old.md", "--commit", "1a2b3c4d"]).run().assert_code(0);
    let below = coverage(&covered, []).run();
    let reason = text_of(&below.assert_code(20).json(), "reasons", "below-baseline");
    assert!(reason.contains("97.50 %"), "{reason}");
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn a_branch_begins_it_and_only_the_default_branch_raises_it() {
    let covered = measurable("covered");
    covered.commit_all();
    git(&covered, &["checkout", "-q", "-b", "feature"]);
    assert_said(&covered, &[], 0, "begins here");
    let begun = ratchet(&covered);
    covered.write("tests/parity.rs", PARITY);
    assert_said(&covered, &[], 0, "this is `feature`");
    assert_eq!(ratchet(&covered), begun);
    assert_said(&covered, &["--ratchet", "manual"], 0, "by hand");
    covered.write("gate.toml", "[default.coverage]\nratchet = [\"release\", \"next\"]\n");
    assert_said(&covered, &[], 0, "this is `feature`");
    assert_eq!(ratchet(&covered), begun);
    assert_said(&covered, &["--ratchet", "on-pass"], 0, "rose from");
    let risen = ratchet(&covered);
    git(&covered, &["checkout", "-q", "main"]);
    covered.write("tests/odd.rs", ODD);
    assert_said(&covered, &[], 0, "this is `main`");
    assert_eq!(ratchet(&covered), risen);
    covered.write("gate.toml", "");
    assert_said(&covered, &[], 0, "rose from");
    assert_ne!(ratchet(&covered), risen);
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn an_unreadable_ratchet_is_never_a_pass_and_a_selection_never_a_baseline() {
    let covered = measurable("covered");
    assert_said(&covered, &["sizes"], 0, "only a part of the workspace was tested");
    assert_eq!(ratchet(&covered), "");
    assert_said(&covered, &["--no-run"], 0, "only a part of the workspace was tested");
    assert_eq!(ratchet(&covered), "");
    assert_said(&covered, &["--no-record"], 0, "");
    assert_eq!(ratchet(&covered), "");
    fs::write(covered.gate_dir().join("ratchet.toml"), "version = \n").unwrap();
    for policy in ["both", "baseline"] {
        let ended = coverage(&covered, ["--policy", policy]).run();
        let reason = text_of(&ended.assert_code(96).json(), "reasons", "unreadable-ratchet");
        assert!(reason.contains("ratchet.toml"), "{reason}");
    }
    let absolute = coverage(&covered, ["--policy", "absolute"]).run();
    text_of(&absolute.assert_code(0).json(), "warnings", "unreadable-ratchet");
    assert_eq!(ratchet(&covered), "version = \n");
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn two_gates_at_once_wait_for_each_other() {
    let covered = measurable("covered");
    let alone = coverage(&covered, ["--ratchet", "manual"]).run();
    let expected = totals(alone.assert_code(0));
    let both = [(), ()].map(|()| coverage(&covered, []).spawn());
    for ended in both.map(crate::support::Running::wait) {
        assert_eq!(totals(ended.assert_code(0)), expected, "{ended}");
    }
    let text = ratchet(&covered);
    assert_eq!(text.matches("covered = ").count(), 1, "{text}");
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn a_hundred_gates_ratchet_at_once_and_never_lower_or_tear_it() {
    let covered = measurable("covered");
    coverage(&covered, ["--ratchet", "manual"]).run().assert_code(0);
    // What was measured elsewhere judges without a build, so that many meet.
    let figures: Vec<u64> = (1..=100).map(|number| number * 37 % 100 + 1).collect();
    for figure in &figures {
        let lines: String = (1..=100).map(|line| format!("DA:{line},{}\n", u64::from(line <= *figure))).collect();
        covered.write(&format!("made/{figure}.info"), &format!("SF:src/lib.rs\n{lines}end_of_record\n"));
    }
    let mut highest = 0;
    for pair in figures.chunks(2) {
        let running: Vec<_> = pair
            .iter()
            .map(|figure| {
                let file = format!("made/{figure}.info");
                covered.gate(["coverage", "--policy", "absolute", "--from", &file]).spawn()
            })
            .collect();
        for ended in running.into_iter().map(crate::support::Running::wait) {
            ended.assert_code(0);
        }
        highest = pair.iter().copied().max().unwrap_or_default().max(highest);
        let text = ratchet(&covered);
        assert!(text.contains(&format!("covered = {highest}")), "{highest}: {text}");
        covered.gate(["baseline", "show"]).run().assert_code(0);
    }
}
