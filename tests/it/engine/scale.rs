//! Many tests, many binaries: everything is accounted for.

use std::time::Duration;

use super::{counts, entry};
use crate::support::{Ended, Fixture, generate};

const MANY: usize = 10_000;

fn run(fixture: &Fixture, more: &[&str]) -> Ended {
    fixture.gate(["test", "--format", "json"].into_iter().chain(more.iter().copied())).run()
}

#[test]
fn ten_thousand_tests_of_one_binary_are_all_accounted_for() {
    let fixture = generate::tests_in_one_binary(MANY);
    let all = run(&fixture, &[]);
    assert_eq!(counts(all.assert_code(0)), [MANY as u64, MANY as u64, 0, 0, 0, 0, 0, 0]);
    assert!(all.json()["duration_ms"].as_u64().unwrap() < 60_000);
    // Half of them cannot be selected by a filter: the names go on command lines.
    let odd = run(&fixture, &["--select", "many/test:b000::t*[13579]"]);
    assert_eq!(counts(odd.assert_code(0))[..2], [5_000, 5_000], "{}", odd.stderr());
    let most = run(&fixture, &["--select", "many/test:b000::t[1-9]*", "--select", "many/test:b000::t0[1-9]*"]);
    assert_eq!(counts(most.assert_code(0))[..2], [9_000, 9_000], "{}", most.stderr());
    // Fewer than one in a thousand first, by hand: a head, then the rest.
    fixture.write("gate.toml", "[[override]]\nfilter = \"many/test:b000::t0004*\"\npriority = 5\n");
    let split = run(&fixture, &[]);
    assert_eq!(counts(split.assert_code(0))[..2], [MANY as u64, MANY as u64]);
}

#[test]
fn a_crash_and_a_failure_in_the_middle_of_thousands_lose_nobody() {
    let fixture = Fixture::bare();
    let mut body = String::new();
    for test in 0..3_000 {
        let does = match test {
            1_500 => "assert!(std::env::var_os(\"CALM\").is_some(), \"red\")",
            2_000 => "if std::env::var_os(\"CALM\").is_none() { std::process::abort() }",
            _ => "",
        };
        body.push_str(&format!("#[test]\nfn t{test:05}() {{ {does} }}\n"));
    }
    fixture
        .write("Cargo.toml", "[workspace]\n[package]\nname = \"mid\"\nedition = \"2024\"\n[lib]\ntest = false\ndoctest = false\n[profile.dev]\ndebug = false\n")
        .write("src/lib.rs", "")
        .write("tests/mid.rs", &body);
    let first = run(&fixture, &[]);
    assert_eq!(counts(first.assert_code(100)), [3_000, 2_998, 1, 1, 0, 0, 0, 0], "{}", first.stderr());
    assert_eq!(entry(&first, "t02000")["outcome"], "error");
    assert_eq!(entry(&first, "t01500")["outcome"], "failed");
    // What failed goes first now, in processes of its own; the rest by `--skip`.
    let second = run(&fixture, &[]);
    assert_eq!(counts(second.assert_code(100)), [3_000, 2_998, 1, 1, 0, 0, 0, 0], "{}", second.stderr());
    let calm = fixture.gate(["test", "--format", "json"]).env("CALM", "1").run();
    assert_eq!(counts(calm.assert_code(0)), [3_000, 3_000, 0, 0, 0, 0, 0, 0], "{}", calm.stderr());
    let process = fixture.gate(["test", "--format", "json", "--isolation", "process", "t0150"]).run();
    assert_eq!(counts(process.assert_code(100)), [10, 9, 1, 0, 0, 0, 0, 0], "{}", process.stderr());
}

#[test]
fn two_hundred_binaries_are_all_accounted_for() {
    let fixture = generate::tiny_binaries(200, 5);
    for more in [&[][..], &["--slots", "8"], &["--slots", "1"]] {
        let ended = run(&fixture, more);
        assert_eq!(counts(ended.assert_code(0)), [1_000, 1_000, 0, 0, 0, 0, 0, 0], "{}", ended.stderr());
        assert!(Duration::from_millis(ended.json()["duration_ms"].as_u64().unwrap()) < Duration::from_secs(120));
    }
}
