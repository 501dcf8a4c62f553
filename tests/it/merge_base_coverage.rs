//! `coverage.baseline-ref`: what the merge base covers is measured where no baseline is as new.
//!
//! Real measurements, with the tools that `cargo gate doctor --install` gets.

use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Ended, Fixture, coverage_tools, wait_until};

/// A main branch that covers 9 of 10 lines, and a branch of it that covers 4.
fn parted() -> Fixture {
    coverage_tools::obtain();
    let fixture = Fixture::bare();
    fixture
        .write("Cargo.toml", "[workspace]\n[package]\nname = \"tally\"\nedition = \"2024\"\n")
        .write(
            "src/lib.rs",
            "pub fn more(x: u32) -> u32 {\n    if x > 3 {\n        x + 1\n    } else {\n        x\n    }\n}\n\
             pub fn three() -> u32 {\n    let one = 1;\n    one + 2\n}\n",
        )
        .write("tests/more.rs", "#[test]\nfn more() {\n    assert_eq!(tally::more(5), 6);\n}\n")
        .write("tests/three.rs", "#[test]\nfn three() {\n    assert_eq!(tally::three(), 3);\n}\n");
    fixture.cargo(["generate-lockfile", "--offline"]).run().assert_code(0);
    fixture.commit_all();
    git(&fixture, "checkout --quiet -b feature");
    std::fs::remove_file(fixture.root().join("tests/three.rs")).unwrap();
    fixture.commit_all();
    fixture
}

fn git(fixture: &Fixture, line: &str) -> String {
    let ended = fixture.command("git").args(line.split_whitespace()).run();
    ended.assert_code(0);
    ended.stdout().trim().to_owned()
}

fn coverage(fixture: &Fixture, more: &str) -> Ended {
    coverage_against("main", fixture, more)
}

fn coverage_against(revision: &str, fixture: &Fixture, more: &str) -> Ended {
    let line = format!("coverage --format json --baseline-ref {revision} {more}");
    fixture.gate(line.split_whitespace()).run()
}

/// The covered lines of the baseline that judged, and of its commit.
fn baseline(document: &Value) -> (Option<u64>, Option<&str>) {
    let baseline = &document["coverage"]["baseline"];
    (baseline["covered"].as_u64(), baseline["commit"].as_str())
}

fn reasons(document: &Value) -> Vec<&str> {
    let reasons = document["reasons"].as_array().unwrap();
    reasons.iter().map(|reason| reason["id"].as_str().unwrap()).collect()
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn a_deleted_test_is_red_on_a_branch_without_a_baseline_and_the_merge_base_is_measured_once() {
    let fixture = parted();
    let merge_base = git(&fixture, "rev-parse main");
    let first = coverage(&fixture, "");
    first.assert_code(20).assert_stderr_has("note: measuring `main` (at ");
    let document = first.json();
    assert_eq!(baseline(&document), (Some(8), Some(merge_base.as_str())), "{first}");
    assert_eq!((reasons(&document)[0], document["coverage"]["covered"].as_u64()), ("below-baseline", Some(4)));
    assert!(reasons(&document).contains(&"baseline-ref"), "{first}");
    // It is in the ratchet from here on, and there is nothing to measure.
    let again = coverage(&fixture, "");
    again.assert_code(20);
    assert!(!again.stderr().contains("measuring `main`"), "{again}");
    assert_eq!(baseline(&again.json()), (Some(8), Some(merge_base.as_str())));
    // Nothing is left of the worktree, and no run of it is on record.
    assert_eq!(git(&fixture, "worktree list --porcelain").matches("worktree ").count(), 1);
    assert_eq!(fixture.gate(["history", "list", "--format", "json"]).run().json()["total"], 2);
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn a_baseline_from_before_the_merge_base_judges_only_where_it_is_the_higher_one() {
    let fixture = parted();
    let older = git(&fixture, "rev-parse main");
    // main went on, and covers more.
    git(&fixture, "checkout --quiet main");
    fixture.write("tests/less.rs", "#[test]\nfn less() {\n    assert_eq!(tally::more(1), 1);\n}\n").commit_all();
    git(&fixture, "checkout --quiet -B feature");
    std::fs::remove_file(fixture.root().join("tests/less.rs")).unwrap();
    fixture.commit_all();
    let merge_base = git(&fixture, "rev-parse main");
    let set = format!("baseline set 5/10 --commit {older}");
    fixture.gate(set.split_whitespace()).run().assert_code(0);
    let risen = coverage(&fixture, "");
    risen.assert_code(20);
    assert_eq!(baseline(&risen.json()).1, Some(merge_base.as_str()), "{risen}");
    // What is known is not measured again, and is not kept by the ratchet of another branch than main.
    let again = coverage(&fixture, "");
    assert!(!again.stderr().contains("measuring `main`"), "{again}");
    let kept = fixture.gate(["baseline", "show", "--format", "json"]).run().json();
    assert_eq!(kept["entries"][0]["covered"], 5);
    // A ratchet that asks for more than main covers is not lowered by it.
    let set = format!("baseline set 10/10 --commit {older}");
    fixture.gate(set.split_whitespace()).run().assert_code(0);
    let held = coverage(&fixture, "");
    assert_eq!(baseline(&held.json()), (Some(10), Some(older.as_str())), "{held}");
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn what_cannot_be_measured_is_no_pass_unless_something_else_judges() {
    let fixture = parted();
    let missing = |ended: &Ended, why: &str| {
        ended.assert_code(20);
        let document = ended.json();
        assert_eq!(reasons(&document)[0], "baseline-ref", "{ended}");
        let text = document["reasons"][0]["text"].as_str().unwrap();
        assert!(text.contains(why) && text.contains("fail-closed"), "{text}");
    };
    missing(&coverage_against("nowhere", &fixture, ""), "git knows no commit `nowhere`");
    // What is red on main itself.
    git(&fixture, "checkout --quiet main");
    fixture.write("tests/three.rs", "#[test]\nfn three() {\n    assert_eq!(tally::three(), 4);\n}\n").commit_all();
    git(&fixture, "checkout --quiet -B feature");
    std::fs::remove_file(fixture.root().join("tests/three.rs")).unwrap();
    fixture.commit_all();
    missing(&coverage(&fixture, ""), "its own tests fail");
    // Nothing is run where nothing is to be run.
    missing(&coverage(&fixture, "--no-run"), "nothing is run here");
    assert_eq!(git(&fixture, "worktree list --porcelain").matches("worktree ").count(), 1);
    // A policy that asks for no baseline has no use for it; the figure that it leaves behind judges, with a warning.
    coverage(&fixture, "--policy absolute").assert_code(0);
    let judged = coverage_against("nowhere", &fixture, "");
    judged.assert_code(0);
    assert_eq!(judged.json()["coverage"]["warnings"][0]["id"], "baseline-ref");
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn an_interrupt_ends_the_measuring_of_the_merge_base_and_leaves_no_worktree() {
    let fixture = parted();
    git(&fixture, "checkout --quiet main");
    let slow = "#[test]\nfn three() {\n    std::fs::write(\"started\", \"\").unwrap();\n    \
                std::thread::sleep(std::time::Duration::from_secs(600));\n}\n";
    fixture.write("tests/three.rs", slow).commit_all();
    git(&fixture, "checkout --quiet -B feature");
    std::fs::remove_file(fixture.root().join("tests/three.rs")).unwrap();
    fixture.commit_all();
    let running = fixture.gate(["coverage", "--baseline-ref", "main"]).in_own_group().spawn();
    let first_of = |listed: String| {
        let mut worktrees = listed.lines().filter_map(|line| line.strip_prefix("worktree ")).skip(1);
        worktrees.next().map(PathBuf::from)
    };
    let line = "worktree list --porcelain";
    // While a worktree is added, git may be unable to read what is half written.
    let started = || {
        let listed = fixture.command("git").args(line.split_whitespace()).run();
        first_of(listed.stdout()).is_some_and(|path| path.join("started").exists())
    };
    wait_until("the merge base is under test", started);
    let left = first_of(git(&fixture, line)).unwrap();
    running.signal(Signal::INT);
    running.wait().assert_code(130);
    assert!(!left.exists() && first_of(git(&fixture, line)).is_none(), "{}", left.display());
    assert!(!fixture.gate_dir().join("ratchet.toml").exists());
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn on_the_revision_itself_the_measurement_at_hand_is_the_baseline() {
    let fixture = parted();
    git(&fixture, "checkout --quiet main");
    let first = coverage(&fixture, "");
    first.assert_code(0);
    assert!(!first.stderr().contains("measuring `main`"), "{first}");
    assert_eq!(first.json()["coverage"]["reasons"][0]["id"], "bootstrap");
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn coverage_over_time_is_on_record_and_in_the_report() {
    let fixture = parted();
    git(&fixture, "checkout --quiet main");
    fixture.gate(["coverage"]).run().assert_code(0);
    git(&fixture, "checkout --quiet feature");
    fixture.gate(["coverage"]).run().assert_code(20);
    // A part of the workspace is no point of its trend.
    fixture.gate(["coverage", "more"]).run().assert_code(0);
    let shown = fixture.gate(["history", "show", "last", "--format", "json"]).run().json();
    assert_eq!(
        (&shown["run"]["coverage"]["whole"], &shown["run"]["coverage"]["lines"]["covered"]),
        (&false.into(), &4.into())
    );
    let report = fixture.gate(["report", "--format", "json"]).run().json();
    let points: Vec<u64> =
        report["coverage"].as_array().unwrap().iter().map(|point| point["covered"].as_u64().unwrap()).collect();
    assert_eq!((points.as_slice(), &report["metric"]), (&[8, 4][..], &"lines".into()));
    assert_eq!(report["files"], Value::Array(Vec::new()));
    fixture.gate(["coverage"]).run().assert_code(20);
    let report = fixture.gate(["report"]).run();
    report.assert_code(0).assert_stdout_has("Coverage ").assert_stdout_has(", 0.00 since the one before");
    let files = fixture.gate(["report", "--format", "json"]).run().json()["files"].clone();
    assert_eq!((&files[0]["path"], &files[0]["covered"]), (&"src/lib.rs".into(), &4.into()));
}
