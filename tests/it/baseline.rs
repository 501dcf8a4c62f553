//! `cargo gate baseline`: the ratchet by hand (R5, R6).

use serde_json::Value;

use crate::support::{Ended, Fixture};

fn workspace() -> Fixture {
    let fixture = Fixture::bare();
    fixture
        .write("Cargo.toml", "[workspace]\nmembers = [\"app\", \"core\"]\nresolver = \"3\"\n")
        .write("app/Cargo.toml", "[package]\nname = \"app\"\nedition = \"2024\"\n")
        .write("app/src/lib.rs", "")
        .write("core/Cargo.toml", "[package]\nname = \"core-parts\"\nedition = \"2024\"\n")
        .write("core/src/lib.rs", "");
    fixture
}

fn baseline<'a>(fixture: &Fixture, args: impl IntoIterator<Item = &'a str>) -> Ended {
    fixture.gate(["baseline"].into_iter().chain(args)).run()
}

fn entries(fixture: &Fixture) -> Vec<Value> {
    let shown = baseline(fixture, ["show", "--format", "json"]);
    shown.assert_code(0).json()["entries"].as_array().unwrap().clone()
}

/// What is kept, in short: whose, of what, under which features, the percentage, and why.
fn kept(fixture: &Fixture) -> Vec<String> {
    let fields = ["subject", "metric", "features", "percent", "reason"];
    let short = |entry: &Value| fields.map(|field| entry[field].to_string().replace('"', "")).join(" ");
    entries(fixture).iter().map(short).collect()
}

const RATCHET: &str = "target/gate/ratchet.toml";

#[test]
fn r5_raising_needs_no_reason_and_lowering_does_and_keeps_it() {
    let fixture = workspace();
    let empty = baseline(&fixture, ["show"]);
    empty.assert_code(0).assert_stderr_has("`cargo gate coverage` sets the first");
    assert!(empty.stdout().is_empty() && entries(&fixture).is_empty());
    baseline(&fixture, ["set", "80"]).assert_code(0).assert_stdout_has(" is 80.00 % of lines.\n");
    baseline(&fixture, ["set", "850/1000"])
        .assert_code(0)
        .assert_stdout_has(" is 85.00 % of lines (850 of 1,000), it was 80.00 %.\n");
    let before = fixture.read(RATCHET);
    let refused = baseline(&fixture, ["set", "70"]);
    refused.assert_code(2).assert_stderr_has(
        "the baseline is 85.00 %, and 70.00 % would lower it: say why with `--reason`, which is kept",
    );
    assert_eq!((refused.stdout().as_str(), fixture.read(RATCHET)), ("", before));
    baseline(&fixture, ["set", "70", "--reason", ""]).assert_code(2);
    baseline(&fixture, ["set", "70", "--reason", "the parser moved out"]).assert_code(0);
    assert_eq!(kept(&fixture), ["workspace lines  70.0 the parser moved out"]);
    let shown = baseline(&fixture, ["show"]);
    shown.assert_code(0).assert_stdout_has("70.00 % of lines\n").assert_stdout_has("by hand: the parser moved out\n");
}

#[test]
fn lowering_one_entry_never_touches_another() {
    let fixture = workspace();
    for args in [
        &["set", "90"][..],
        &["set", "91", "--subject", "package:core-parts"],
        &["set", "92", "--subject", "file:./app/src/lib.rs"],
        &["set", "93", "--metric", "regions"],
        &["set", "94", "--features", "b,a", "--target", "wasm32-wasip1"],
        &["set", "95", "--all-features"],
    ] {
        baseline(&fixture, args.iter().copied()).assert_code(0);
    }
    let before = entries(&fixture);
    baseline(&fixture, ["set", "10", "--subject", "package:core-parts", "--reason", "why not"]).assert_code(0);
    baseline(&fixture, ["reset", "--features", "a b", "--target", "wasm32-wasip1", "--reason", "new tools"])
        .assert_code(0);
    let after = entries(&fixture);
    let touched: Vec<(&Value, &Value)> = before
        .iter()
        .zip(&after)
        .filter(|(was, is)| was != is)
        .map(|(was, is)| (&was["percent"], &is["percent"]))
        .collect();
    assert_eq!((before.len(), after.len()), (6, 6));
    assert_eq!(touched, [(&94.0.into(), &Value::Null), (&91.0.into(), &10.0.into())]);
    assert_eq!(after.iter().filter(|entry| entry["reason"] == "new tools").count(), 1);
}

#[test]
fn a_baseline_that_was_reset_is_gone_and_the_reason_stays() {
    let fixture = workspace();
    baseline(&fixture, ["reset", "--reason", "x"])
        .assert_code(2)
        .assert_stderr_has("no baseline of the workspace to reset");
    baseline(&fixture, ["set", "60"]).assert_code(0);
    baseline(&fixture, ["reset"]).assert_code(2).assert_stderr_has("--reason");
    let reset = baseline(&fixture, ["reset", "--reason", "new compiler"]);
    reset.assert_code(0).assert_stdout_has("is gone, it was 60.00 %: the next measurement begins anew.\n");
    assert_eq!(kept(&fixture), ["workspace lines  null new compiler"]);
    baseline(&fixture, ["show"]).assert_code(0).assert_stdout_has("no baseline of lines\n");
    // Nothing is lowered where nothing stands.
    baseline(&fixture, ["set", "10"]).assert_code(0);
}

#[test]
fn r5_two_workspaces_do_not_share_even_a_shared_file() {
    let (one, other) = (workspace(), workspace());
    let folder = one.scratch();
    let shared = folder.join("ratchet.toml");
    let show = |fixture: &Fixture, args: &[&str]| {
        let ended = fixture.gate(args.iter().copied()).env("CARGO_GATE_COVERAGE_RATCHET_FILE", &shared).run();
        ended.assert_code(0).stdout()
    };
    show(&one, &["baseline", "set", "90"]);
    show(&other, &["baseline", "set", "50"]);
    let shown = show(&one, &["baseline", "show"]);
    let (own, others) = shown.split_once("of another workspace").unwrap_or_else(|| panic!("{shown}"));
    assert!(own.contains("90.00 %") && others.contains("50.00 %"), "{shown}");
    assert!(!one.root().join(RATCHET).exists());
}

#[test]
fn a_figure_is_taken_from_a_report() {
    let fixture = workspace();
    let none = baseline(&fixture, ["set"]);
    none.assert_code(2).assert_stderr_has("there is no report to take a figure from");
    baseline(&fixture, ["set", "--from", "none.md"]).assert_code(96).assert_stderr_has("there is no report `none.md`");
    fixture.write("bare.md", "---\nmeasured_coverage: 77.50\n---\n");
    baseline(&fixture, ["set", "--from", "bare.md"]).assert_code(0);
    assert_eq!(kept(&fixture), ["workspace lines  77.5 null"]);
    let head = "---\ncoverage_status: FAIL\nmeasured_coverage: 66.66\ncovered: 2\ntotal: 3\ncounting: llvm-cov\nfiles: 4\n\
                target: some-target\nfeatures: --features a\nmetric: regions\ncommit: 1a2b3c4d5e\n\
                tools: rustc 1.95.0, cargo-llvm-cov 0.9.1\nreason: below\n---\n";
    // Where a measurement leaves it, it need not be named.
    fixture.write("target/gate/coverage-report.md", head);
    baseline(&fixture, ["set"]).assert_code(0);
    let entries = entries(&fixture);
    let entry = entries.iter().find(|entry| entry["target"] == "some-target").unwrap();
    for (field, expected) in [
        ("metric", Value::from("regions")),
        ("features", "--features a".into()),
        ("covered", 2.into()),
        ("total", 3.into()),
        ("percent", 66.66.into()),
        ("counting", "llvm-cov".into()),
        ("files", 4.into()),
        ("toolchain", "rustc 1.95.0".into()),
        ("measurer", "cargo-llvm-cov 0.9.1".into()),
        ("commit", "1a2b3c4d5e".into()),
    ] {
        assert_eq!(entry[field], expected, "{field}");
    }
    let shown = baseline(&fixture, ["show"]);
    shown
        .assert_stdout_has("commit 1a2b3c4d5e, ")
        .assert_stdout_has(", 4 files, counted as llvm-cov does, rustc 1.95.0");
    for args in
        [&["set", "--metric", "lines"][..], &["set", "--subject", "package:app"], &["set", "5", "--from", "bare.md"]]
    {
        baseline(&fixture, args.iter().copied()).assert_code(2);
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let fixture = workspace();
    for (args, words) in [
        (&["set", "101"][..], "it is above 100; write percent such as 77.5, or counts such as 850/1000"),
        (&["set", "5/4"], "more than there are"),
        (&["set", "0/0"], "of 0 nothing is covered"),
        (&["set", "a/b"], "no whole number"),
        (&["set", "50", "--subject", "crate:app"], "is none of `workspace`, `package:NAME`, `file:PATH`"),
        (&["set", "50", "--subject", "package:ap"], "there is no package:ap in this workspace"),
        (&["set", "50", "--subject", "file:app/src/lob.rs"], "there is no file:app/src/lob.rs in this workspace"),
        (&["set", "50", "--metric", "words"], "lines, regions, functions, branches"),
    ] {
        baseline(&fixture, args.iter().copied()).assert_code(2).assert_stderr_has(words);
    }
    assert!(!fixture.root().join(RATCHET).exists());
}

#[test]
fn an_unreadable_ratchet_is_named_with_its_line_and_left_as_it_is() {
    let fixture = workspace();
    baseline(&fixture, ["set", "60"]).assert_code(0);
    let broken = format!("{}junk\n", fixture.read(RATCHET));
    fixture.write(RATCHET, &broken);
    let line = format!("ratchet.toml` cannot be read: line {}: ", broken.lines().count());
    for args in [&["show"][..], &["show", "--format", "json"], &["set", "90"], &["reset", "--reason", "x"]] {
        baseline(&fixture, args.iter().copied()).assert_code(96).assert_stderr_has(&line);
    }
    assert_eq!(fixture.read(RATCHET), broken);
}

#[test]
fn the_key_is_the_one_that_coverage_would_use_here() {
    let fixture = workspace();
    fixture.commit_all().write("gate.toml", "[default.test]\nargs = [\"--workspace\", \"--features\", \"b,a\"]\n");
    fixture.write(".cargo/config.toml", "[build]\ntarget = \"x86_64-unknown-none\"\n");
    baseline(&fixture, ["set", "60", "--reason", "first"]).assert_code(0);
    let entry = &entries(&fixture)[0];
    assert_eq!((&entry["target"], &entry["features"]), (&"x86_64-unknown-none".into(), &"--features a,b".into()));
    assert_eq!(entry["commit"].as_str().map(str::len), Some(40));
    baseline(&fixture, ["show"]).assert_code(0).assert_stdout_has("x86_64-unknown-none, --features a,b\n");
}
