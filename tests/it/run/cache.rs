//! What need not run, since nothing changed that it depends on.

use super::{mark, marks, place, ran, run, sh, states, step};
use crate::support::Fixture;

/// Why a step ran, or did not.
#[track_caller]
fn why(fixture: &Fixture, name: &str, more: &[&str]) -> String {
    let ended = run(fixture, more.iter().copied());
    step(&ended, name)["why"].as_str().unwrap().to_owned()
}

#[test]
fn a_second_run_knows_what_passed_and_one_file_wakes_only_what_its_patterns_name() {
    let config = marks("fmt", "format")
        + &marks("docs", "lint")
        + "inputs = [\"docs/**\"]\n"
        + &marks("types", "typecheck")
        + "inputs = [\"src/**\"]\n"
        + &marks("tests", "test")
        + &marks("cached", "custom")
        + "cache = true\ninputs = [\"src/**\"]\n";
    let fixture = place(&config);
    fixture.write("docs/a.md", "a").commit_all();
    let first = run(&fixture, []);
    first.assert_code(0);
    assert_eq!(step(&first, "fmt")["why"], "first run");
    let second = run(&fixture, []);
    assert_eq!(states(&second), "fmt cached, docs cached, types cached, tests passed, cached cached");
    let id = first.json()["run_id"].as_str().unwrap().to_owned();
    let known = step(&second, "fmt");
    assert!(known["why"].as_str().unwrap().contains(&format!("changed since {id}")), "{known}");
    assert_eq!((&known["cached"], &known["returncode"]), (&true.into(), &serde_json::Value::Null));
    fixture.write("docs/a.md", "b");
    let third = run(&fixture, []);
    assert_eq!(states(&third), "fmt passed, docs passed, types cached, tests passed, cached cached");
    assert_eq!(step(&third, "docs")["why"], "docs/a.md changed");
    fixture.write("src/lib.rs", "pub fn other() {}\n");
    assert_eq!(states(&run(&fixture, [])), "fmt passed, docs cached, types passed, tests passed, cached passed");
    assert_eq!(["fmt", "docs", "types", "tests", "cached"].map(|name| ran(&fixture, name)), [3, 2, 2, 4, 2]);
}

#[test]
fn a_step_runs_again_where_its_command_or_a_variable_that_counts_changed() {
    let fixture = place(&marks("fmt", "format"));
    run(&fixture, []).assert_code(0);
    fixture.write("gate.toml", &(marks("fmt", "format") + "env = { A = \"1\" }\ninputs = [\"src/**\"]\n"));
    assert!(!why(&fixture, "fmt", &[]).contains("nothing"));
    let known = why(&fixture, "fmt", &[]);
    assert!(known.contains("its 1 file did not change"), "{known}");
    let ended = fixture.gate(["run", "--format", "json"]).env("RUSTFLAGS", "--cfg other").run();
    assert_eq!(step(&ended, "fmt")["why"], "RUSTFLAGS is new");
}

#[test]
fn nothing_is_believed_where_that_is_asked_for_and_what_passes_is_kept() {
    let fixture = place(&marks("fmt", "format"));
    run(&fixture, []).assert_code(0);
    assert_eq!(why(&fixture, "fmt", &["--no-cache"]), "`--no-cache` is given");
    assert!(why(&fixture, "fmt", &[]).contains("nothing of"));
    assert_eq!(ran(&fixture, "fmt"), 2);
}

#[test]
fn what_fails_is_never_known_to_pass() {
    let line = mark("lint") + "; test ! -e \"$GATE_FIXTURE_DIR/broken\"";
    let fixture = place(&(sh("lint", "lint", &line) + &marks("soft", "lint")));
    let broken = fixture.scratch().join("broken");
    std::fs::write(&broken, "").unwrap();
    run(&fixture, []).assert_code(21);
    run(&fixture, []).assert_code(21);
    std::fs::remove_file(&broken).unwrap();
    assert_eq!(why(&fixture, "lint", &[]), "it failed last time");
    assert_eq!(states(&run(&fixture, [])), "lint cached, soft cached");
    // What passed once is forgotten when it fails.
    std::fs::write(&broken, "").unwrap();
    run(&fixture, ["--no-cache"]).assert_code(21);
    std::fs::remove_file(&broken).unwrap();
    assert_eq!(why(&fixture, "lint", &[]), "it failed last time");
}

#[test]
fn a_softer_failure_is_not_known_to_pass_either() {
    let fixture = place(&(sh("lint", "lint", &(mark("lint") + "; exit 1")) + "severity = \"warn\"\n"));
    for _ in 0..2 {
        assert_eq!(states(&run(&fixture, [])), "lint warned");
    }
}

#[test]
fn a_setup_always_runs_and_cannot_be_cached() {
    let fixture = place(&marks("prepare", "setup"));
    for _ in 0..2 {
        assert_eq!(states(&run(&fixture, [])), "prepare passed");
    }
    assert_eq!(ran(&fixture, "prepare"), 2);
    fixture.write("gate.toml", &(marks("prepare", "setup") + "cache = true\n"));
    run(&fixture, []).assert_code(96).assert_stderr_has("cache");
}

#[test]
fn a_step_that_changes_what_it_depends_on_is_warned_of_and_runs_again() {
    let fixture = place(&sh("fmt", "format", "echo '// more' >> src/lib.rs"));
    let ended = run(&fixture, []);
    ended.assert_code(0).assert_stderr_has("fmt is not cached");
    assert_eq!(states(&run(&fixture, [])), "fmt passed");
}

#[test]
fn what_a_step_changed_is_seen_by_the_next_one_though_nothing_had_changed_before() {
    let config = marks("fmt", "format")
        + &sh("generate", "custom", "if [ -e go ]; then echo bad > made; fi")
        + "needs = [\"fmt\"]\n"
        + &sh("lint", "lint", "grep good made")
        + "needs = [\"generate\"]\n";
    let fixture = place(&config);
    fixture.write("made", "good");
    run(&fixture, []).assert_code(0);
    assert_eq!(states(&run(&fixture, [])), "fmt cached, generate passed, lint cached");
    fixture.write("go", "");
    run(&fixture, ["--only", "fmt"]).assert_code(0);
    let ended = run(&fixture, []);
    ended.assert_code(21);
    assert_eq!(states(&ended), "fmt cached, generate passed, lint failed");
}

#[test]
fn a_package_beside_the_workspace_that_changed_wakes_what_is_built_with_it() {
    let fixture = place(&marks("types", "typecheck"));
    let manifest = fixture.read("Cargo.toml") + "[dependencies]\nbeside = { path = \"../scratch/beside\" }\n";
    fixture.write("Cargo.toml", &manifest);
    let beside = |text: &str| {
        let folder = fixture.scratch().join("beside");
        std::fs::create_dir_all(folder.join("src")).unwrap();
        std::fs::write(folder.join("Cargo.toml"), "[package]\nname = \"beside\"\n").unwrap();
        std::fs::write(folder.join("src/lib.rs"), text).unwrap();
    };
    beside("pub fn f() {}");
    run(&fixture, []).assert_code(0);
    assert_eq!(states(&run(&fixture, [])), "types cached");
    beside("pub fn g() {}");
    assert_eq!(why(&fixture, "types", &[]), "../scratch/beside/src/lib.rs changed");
}
