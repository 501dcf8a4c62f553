//! Doctests: no pretended launch may turn them green.

use super::entry;
use crate::support::fixture_model::expected_of_all;
use crate::support::{Ended, Fixture};

fn run(more: &[&str]) -> Ended {
    Fixture::shared("doctests").gate(["test", "--format", "json"].into_iter().chain(more.iter().copied())).run()
}

#[test]
fn every_doctest_gets_its_outcome() {
    let ended = run(&[]);
    assert_eq!(ended.assert_code(100).outcomes(), expected_of_all("doctests"), "{ended}");
    let doc = run(&["--doc"]);
    assert_eq!(doc.assert_code(100).outcomes(), expected_of_all("doctests"), "{doc}");
    let process = run(&["--isolation", "process"]);
    assert_eq!(process.assert_code(100).outcomes(), expected_of_all("doctests"), "{process}");
    let one = run(&["--slots", "1"]);
    assert_eq!(one.assert_code(100).outcomes(), expected_of_all("doctests"), "{one}");
}

#[test]
fn a_failing_doctest_is_red_with_its_words_and_its_line() {
    let ended = run(&[]);
    let failed = entry(&ended, "src/lib.rs - double #3");
    assert_eq!(failed["outcome"], "failed");
    assert!(failed["message"].as_str().unwrap().contains("printed before the failure"), "{ended}");
    let source = Fixture::shared("doctests").read("src/lib.rs");
    let line = failed["line"].as_u64().unwrap() as usize;
    assert_eq!(source.lines().nth(line - 1).unwrap(), "/// ```", "the line where the code begins\n{ended}");
    assert!(source.lines().nth(line).unwrap().contains("printed before the failure"));
    // Code that should not compile and does, and code that should panic and does not.
    assert_eq!(entry(&ended, "src/lib.rs - Kinds #2")["outcome"], "failed");
    assert_eq!(entry(&ended, "src/lib.rs - Kinds #4")["outcome"], "failed");
}

#[test]
fn the_same_doctests_fail_under_cargo_test() {
    let ended = run(&[]);
    let cargos = Fixture::shared("doctests").cargo(["test"]).run().libtest_outcomes();
    let ours = ended.outcomes().into_iter().map(|(key, outcome)| (key.split_once("::").unwrap().1.to_owned(), outcome));
    assert_eq!(ours.collect::<std::collections::BTreeMap<_, _>>(), cargos);
}

#[test]
fn a_filter_reaches_doctests() {
    let ended = run(&["nested"]);
    assert_eq!(ended.assert_code(0).outcomes().len(), 2, "{ended}");
    let skipped = run(&["--", "--skip", "lib.rs"]);
    assert_eq!(skipped.assert_code(0).outcomes().len(), 2, "{skipped}");
    let ignored = run(&["--", "--ignored"]);
    assert!(ignored.outcomes().keys().all(|key| key.ends_with("Kinds #6")), "{ignored}");
}

#[test]
fn doctests_of_every_edition_and_of_procedural_macros_run() {
    let ended = Fixture::shared("envprint").gate(["test", "--doc", "--format", "json"]).run();
    let mut wanted = expected_of_all("envprint");
    wanted.retain(|key, _| key.contains("/doc:doc::"));
    assert_eq!(ended.assert_code(0).outcomes(), wanted, "{ended}");
}

#[test]
fn a_failing_doctest_beside_passing_tests_is_red() {
    let fixture = Fixture::bare();
    fixture
        .write("Cargo.toml", "[workspace]\n[package]\nname = \"trap\"\nedition = \"2021\"\n")
        .write("src/lib.rs", "/// ```\n/// panic!(\"red\");\n/// ```\npub fn f() {}\n#[test]\nfn green() {}\n");
    let ended = fixture.gate(["test", "--format", "json"]).run();
    ended.assert_code(100);
    assert_eq!(ended.outcomes().values().collect::<Vec<_>>(), ["failed", "passed"], "{ended}");
}
