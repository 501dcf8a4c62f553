//! Whatever the user has set around it, the measurement is the same.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{Totals, clean_totals, coverage, files_with, measurable, totals};
use crate::support::{Fixture, Invocation};

fn shop() -> (Fixture, Totals) {
    let shop = measurable("shop");
    let clean = clean_totals(&shop, ["--workspace"]);
    (shop, clean)
}

/// Runs it, and panics unless these are its totals.
#[track_caller]
fn assert_totals(invocation: Invocation, expected: &Totals) {
    let ended = invocation.args(["--policy", "absolute"]).run();
    assert_eq!(&totals(ended.assert_code(0)), expected, "{ended}");
}

fn script(fixture: &Fixture, name: &str, body: &str) -> String {
    let path = fixture.scratch().join(name);
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn compilers_wrapped_by_the_user_and_their_flags_stay() {
    let (shop, clean) = shop();
    let wrapper = script(&shop, "wrapper", "echo wrapped >>\"$GATE_FIXTURE_DIR/trace\"; exec \"$@\"");
    assert_totals(coverage(&shop, []).env("RUSTC_WRAPPER", &wrapper), &clean);
    assert!(shop.scratch().join("trace").exists(), "the user's wrapper was called");
    assert_totals(coverage(&shop, []).env("RUSTC_WORKSPACE_WRAPPER", &wrapper), &clean);
    // A flag of the user's that the code needs to compile.
    let source = shop.read("src/lib.rs");
    shop.write("src/lib.rs", &format!("{source}\n#[cfg(not(mine))]\ncompile_error!(\"not mine\");\n"));
    assert_totals(coverage(&shop, []).env("RUSTFLAGS", "--cfg mine"), &clean);
    shop.write(".cargo/config.toml", "[build]\nrustflags = [\"--cfg\", \"mine\"]\n");
    assert_totals(coverage(&shop, []), &clean);
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn who_is_notified_gets_the_document_of_coverage() {
    let covered = measurable("covered");
    let tell = script(&covered, "tell", "cat >\"$GATE_FIXTURE_DIR/told\"");
    covered.write("gate.toml", &format!("[notify]\ncommand = [{tell:?}]\n"));
    let told = || fs::read_to_string(covered.scratch().join("told")).unwrap();
    let low = coverage(&covered, ["--floor", "99"]).run();
    assert_eq!(told(), low.assert_code(20).stdout());
    assert_eq!(low.json()["coverage"]["status"], "FAIL");
    let source = covered.read("src/lib.rs").replace("\"large\"", "\"huge\"");
    covered.write("src/lib.rs", &source.replacen("\"huge\"", "nothing", 1));
    let broken = coverage(&covered, []).run();
    assert_eq!(told(), broken.assert_code(101).stdout());
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn target_directories_of_the_configuration_are_where_it_measures() {
    let (shop, clean) = shop();
    shop.write(".cargo/config.toml", "[build]\ntarget-dir = \"made here\"\nbuild-dir = \"made on the way\"\n");
    assert_totals(coverage(&shop, []), &clean);
    assert!(shop.root().join("made here/gate-coverage").is_dir() && !shop.target_dir().exists());
    let mut on_the_way = fs::read_dir(shop.root().join("made on the way")).into_iter().flatten();
    assert!(on_the_way.next().is_none(), "instrumented builds mix with no others");
    assert_totals(coverage(&shop, ["--target-dir", "made there"]), &clean);
    assert!(shop.root().join("made there/gate-coverage").is_dir());
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn profiles_and_targets_have_directories_of_their_own() {
    let (shop, clean) = shop();
    assert_totals(coverage(&shop, ["--release"]), &clean_totals(&shop, ["--workspace", "--release"]));
    assert_totals(coverage(&shop, ["--profile", "release"]), &clean_totals(&shop, ["--workspace", "--release"]));
    let host = shop.command("rustc").args(["-vV"]).run().stdout();
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned();
    assert_totals(coverage(&shop, ["--target", &host]), &clean);
    shop.write(".cargo/config.toml", &format!("[build]\ntarget = \"{host}\"\n"));
    assert_totals(coverage(&shop, []), &clean);
    assert_eq!(files_with(&shop, "profraw"), Vec::<String>::new());
    let two = coverage(&shop, ["--target", &host, "--target", "wasm32-wasip1"]).run();
    two.assert_code(2).assert_stderr_has("one target at a time");
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn it_does_not_matter_from_where_it_is_called_and_what_the_way_there_is_called() {
    let (shop, clean) = shop();
    let place = shop.scratch().join("a place's \"own\" name");
    fs::rename(shop.root(), &place).unwrap();
    let elsewhere = |args: &[&str]| coverage(&shop, args.iter().copied());
    let manifest = place.join("Cargo.toml");
    assert_totals(elsewhere(&["--manifest-path", manifest.to_str().unwrap()]).in_dir(shop.scratch()), &clean);
    assert_totals(elsewhere(&[]).in_dir(place.join("stock/src")), &clean);
    let of_member = place.join("stock/Cargo.toml");
    let of_member = of_member.to_str().unwrap();
    assert_totals(elsewhere(&["--manifest-path", of_member]).in_dir(shop.scratch()), &clean);
    fs::rename(&place, shop.root()).unwrap();
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn a_measurement_may_take_place_inside_of_another_one() {
    let (shop, clean) = shop();
    let shown = shop.cargo(["llvm-cov", "show-env"]).run();
    let mut inside = coverage(&shop, []);
    let shown = shown.assert_code(0).stdout();
    for (name, value) in shown.lines().filter_map(|line| line.split_once('=')) {
        inside = inside.env(name, value.trim_matches('\''));
    }
    assert_totals(inside, &clean);
    assert_eq!(
        fs::read_dir(shop.root())
            .unwrap()
            .flatten()
            .filter(|entry| { entry.path().extension().is_some_and(|extension| extension == "profraw") })
            .count(),
        0
    );
}
