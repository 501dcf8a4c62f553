//! The totals are those of a clean run of `cargo llvm-cov`, whatever was built and measured in the workspace before.

use std::fs;

use super::{Totals, clean_totals, coverage, measurable, totals};
use crate::support::Fixture;

/// Measures with these flags, which ends well, and holds it against `cargo llvm-cov` with the same flags.
#[track_caller]
fn assert_clean(fixture: &Fixture, args: &[&str]) -> Totals {
    let measured = coverage(fixture, args.iter().copied()).args(["--policy", "absolute"]).run();
    measured.assert_code(0);
    let ours = totals(&measured);
    let chooses = args.contains(&"-p") || args.contains(&"--workspace");
    let choice = (!chooses).then_some("--workspace");
    assert_eq!(ours, clean_totals(fixture, choice.into_iter().chain(args.iter().copied())), "{args:?}\n{measured}");
    ours
}

/// The same after a change, which must change the totals: else nothing would be tested.
#[track_caller]
fn assert_clean_and_other_than(before: &Totals, fixture: &Fixture, args: &[&str]) -> Totals {
    let after = assert_clean(fixture, args);
    assert_ne!(&after, before);
    after
}

fn edit(fixture: &Fixture, path: &str, from: &str, to: &str) {
    let text = fixture.read(path);
    assert!(text.contains(from), "{path}: {text}");
    fixture.write(path, &text.replace(from, to));
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn they_are_a_clean_runs_from_nothing_again_and_after_an_edit() {
    let shop = measurable("shop");
    let first = assert_clean(&shop, &[]);
    assert_eq!(assert_clean(&shop, &[]), first);
    edit(&shop, "src/lib.rs", "        6 => 14,\n", "        6 => 14,\n        5 => 20,\n");
    let second = assert_clean_and_other_than(&first, &shop, &[]);
    edit(&shop, "src/lib.rs", "/// Why it is closed.\npub fn excuse() -> &'static str {\n    \"stocktaking\"\n}\n", "");
    assert_clean_and_other_than(&second, &shop, &[]);
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn they_are_a_clean_runs_after_test_files_came_and_went() {
    let shop = measurable("shop");
    let first = assert_clean(&shop, &[]);
    fs::remove_file(shop.root().join("tests/closing.rs")).unwrap();
    let less = assert_clean_and_other_than(&first, &shop, &[]);
    assert!(less["lines"].0 < first["lines"].0);
    shop.write("tests/excuses.rs", "#[test]\nfn there_is_one() {\n    assert!(!shop::excuse().is_empty());\n}\n");
    assert_clean_and_other_than(&less, &shop, &[]);
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn they_are_a_clean_runs_after_members_came_and_went() {
    let shop = measurable("shop");
    let first = assert_clean(&shop, &[]);
    fs::remove_dir_all(shop.root().join("till")).unwrap();
    edit(&shop, "Cargo.toml", "members = [\"stock\", \"till\"]", "members = [\"stock\"]");
    let less = assert_clean_and_other_than(&first, &shop, &[]);
    // cargo sees no difference between a member and a dependency elsewhere; only a member is instrumented.
    edit(&shop, "Cargo.toml", "members = [\"stock\"]", "members = []\nexclude = [\"stock\"]");
    let alone = assert_clean_and_other_than(&less, &shop, &[]);
    edit(&shop, "Cargo.toml", "members = []\nexclude = [\"stock\"]", "members = [\"stock\"]");
    assert_eq!(assert_clean_and_other_than(&alone, &shop, &[]), less);
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn they_are_a_clean_runs_with_a_feature_on_and_off() {
    let shop = measurable("shop");
    let off = assert_clean(&shop, &[]);
    let on = assert_clean_and_other_than(&off, &shop, &["--features", "stock/bulk"]);
    assert_eq!(assert_clean(&shop, &[]), off);
    assert_eq!(assert_clean(&shop, &["--features", "stock/bulk"]), on);
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn they_are_a_clean_runs_of_packages_after_the_whole_workspace() {
    let shop = measurable("shop");
    let all = assert_clean(&shop, &[]);
    assert_clean_and_other_than(&all, &shop, &["-p", "stock"]);
    assert_clean_and_other_than(&all, &shop, &["-p", "shop", "-p", "till"]);
    assert_clean_and_other_than(&all, &shop, &["--workspace", "--exclude", "t*"]);
    assert_eq!(assert_clean(&shop, &[]), all);
    let from_below = coverage(&shop, []).in_dir(shop.root().join("till/src")).run();
    assert_eq!(totals(from_below.assert_code(0)), all, "the directory it is called from decides nothing");
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn they_are_a_clean_runs_where_members_run_while_others_are_built() {
    let expands = measurable("expands");
    let first = assert_clean(&expands, &[]);
    assert_eq!(assert_clean(&expands, &[]), first, "nothing is compiled anew, and yet it was covered");
    edit(&expands, "uses/src/lib.rs", "derive::number!(5)", "derive::number!() - 2");
    assert_clean_and_other_than(&first, &expands, &[]);
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn profiles_and_executables_of_others_do_not_count() {
    let shop = measurable("shop");
    let first = assert_clean(&shop, &[]);
    let dir = fs::read_dir(shop.target_dir().join("gate-coverage")).unwrap().next().unwrap().unwrap().path();
    fs::write(dir.join("shop-1-2_0.profraw"), "garbage").unwrap();
    fs::write(dir.join("shop.profdata"), "garbage").unwrap();
    let executable = shop.target_dir().join("old-till");
    fs::copy(dir.join("debug/till"), &executable).unwrap();
    fs::copy(&executable, dir.join("debug/deps/till-0123456789abcdef")).unwrap();
    assert_eq!(assert_clean(&shop, &[]), first);
}
