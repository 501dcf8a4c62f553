//! The README's matrix on GitHub Actions, each of whose steps is run here: four machines, and one that judges.

mod service;
mod workflow;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::Fixture;
use service::{Mishap, Service};
use workflow::Workflow;

/// The workflow as the README has it.
fn readme() -> Workflow {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let fences: Vec<&str> = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let of_matrix = fences.iter().find(|text| text.contains("cargo gate join"));
    Workflow::parse(of_matrix.expect("the README has the workflow of a matrix"))
}

const MANIFEST: &str = r#"[package]
name = "app"
version = "0.0.0"
edition = "2024"

[workspace]

[profile.dev]
debug = false
"#;

/// What each test of the workspace does. One that finds `GATE_FIXTURE_KILL` set ends its machine's gate.
const LIB: &str = r#"//! ```
//! app::takes(1);
//! ```

pub fn takes(millis: u64) {
    if std::env::var("GATE_FIXTURE_KILL").is_ok_and(|file| !file.is_empty()) {
        let gate = std::os::unix::process::parent_id().to_string();
        std::process::Command::new("kill").args(["-KILL", &gate]).status().unwrap();
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
    std::thread::sleep(std::time::Duration::from_millis(millis));
}
"#;

/// A workspace of some binaries of different length, with everything committed.
fn workspace() -> Fixture {
    let fixture = Fixture::bare();
    fixture.write("Cargo.toml", MANIFEST).write("src/lib.rs", LIB);
    for (binary, tests, millis) in [("long", 24, 40), ("middle", 8, 40), ("short", 4, 30), ("tiny", 2, 5)] {
        let tests: String = (0..tests)
            .map(|number| format!("#[test]\nfn t{number:02}() {{\n    app::takes({millis} + {number});\n}}\n\n"))
            .collect();
        fixture.write(&format!("tests/{binary}.rs"), &tests);
    }
    let sometimes =
        "#[test]\nfn sometimes() {\n    assert!(std::env::var_os(\"FAILS\").is_none(), \"told to fail\");\n}\n";
    fixture.write("tests/sometimes.rs", sometimes);
    fixture.cargo(["generate-lockfile"]).run().assert_code(0);
    fixture.commit_all();
    fixture
}

/// Every test of that workspace: of the four binaries, the one that may fail, and the doctest.
const TESTS: u64 = 24 + 8 + 4 + 2 + 1 + 1;

/// The latest run in the history that the last machine leaves.
fn latest(service: &Service<'_>) -> Value {
    let list = service.command("cargo-gate").args(["gate", "history", "list", "--format", "json"]).run();
    list.assert_code(0);
    list.json()["runs"][0].clone()
}

#[test]
fn four_green_shards_are_one_green_run_and_the_second_time_they_balance() {
    let fixture = workspace();
    let mut service = Service::new(&fixture);
    for attempt in 1..=2 {
        service.attempt = attempt;
        let outcome = service.run(&readme(), 1);
        assert!(outcome.passed.values().all(|passed| *passed), "{:?}\n{}", outcome.passed, outcome.of("verdict"));
        assert_eq!(outcome.passed.len(), 6);
        outcome.of("verdict").assert_stderr_has("Shards");
        let run = latest(&service);
        assert_eq!(
            (&run["verdict"], &run["totals"]["passed"], &run["full"]),
            (&"pass".into(), &TESTS.into(), &true.into())
        );
        if attempt == 2 {
            let plan = fixture.scratch().join("actions/artifacts-1/gate-plan/shards.json");
            let plan: Value = serde_json::from_slice(&fs::read(plan).unwrap()).unwrap();
            assert_balanced(plan["shards"].as_array().unwrap());
        }
    }
}

/// By the times that the plan knows the longest shard is near the mean; or it has only what cannot be split, and is above
/// the mean by no more than its shortest test, of which there are some that are no longer than its tests' mean.
fn assert_balanced(shards: &[Value]) {
    let time = |shard: &Value| shard["expected_ms"].as_u64().unwrap();
    let longest = shards.iter().max_by_key(|shard| time(shard)).unwrap();
    let mean = shards.iter().map(time).sum::<u64>() / shards.len() as u64;
    let binaries = longest["binaries"].as_array().unwrap().iter();
    let pieces: u64 = binaries.map(|binary| binary["tests"].as_array().unwrap().len().max(1) as u64).sum();
    let above = time(longest) - mean;
    assert!(above * 100 <= mean * 15 || above * pieces <= time(longest), "{shards:?}");
}

#[test]
fn a_failing_test_of_one_shard_is_the_verdict_of_all() {
    let fixture = workspace();
    let mut service = Service::new(&fixture);
    service.env.push(("FAILS".into(), "1".into()));
    let outcome = service.run(&readme(), 1);
    assert_eq!(outcome.passed.iter().filter(|(name, passed)| name.starts_with("test ") && !**passed).count(), 1);
    let ended = outcome.of("verdict");
    ended.assert_code(100).assert_stderr_has("app/test:sometimes::sometimes");
    let run = latest(&service);
    assert_eq!((&run["totals"]["failed"], &run["totals"]["tests"]), (&1.into(), &TESTS.into()));
    assert!(outcome.summaries["verdict"].contains("sometimes"), "{}", outcome.summaries["verdict"]);
    ended.assert_stderr_has("::error file=tests/sometimes.rs,line=3");
}

#[test]
fn a_machine_that_is_gone_makes_the_matrix_red() {
    let fixture = workspace();
    let mut service = Service::new(&fixture);
    service.mishap = Box::new(|job, shard| if (job, shard) == ("test", "3") { Mishap::Gone } else { Mishap::None });
    let outcome = service.run(&readme(), 1);
    outcome.of("verdict").assert_code(22).assert_stderr_has("3/4");
    assert_eq!(latest(&service)["verdict"], "tool-error");
}

#[test]
fn a_gate_that_is_killed_makes_the_matrix_red() {
    let fixture = workspace();
    let mut service = Service::new(&fixture);
    service.mishap = Box::new(|job, shard| if (job, shard) == ("test", "2") { Mishap::Killed } else { Mishap::None });
    let outcome = service.run(&readme(), 1);
    assert!(!outcome.passed["test 2"]);
    outcome.of("verdict").assert_code(22).assert_stderr_has("2/4");
}

#[test]
fn machines_that_remember_different_things_take_each_test_once() {
    let fixture = workspace();
    // One remembers a run of everything, another one of a single binary that failed.
    let histories: Vec<PathBuf> = [("whole", &["test"][..]), ("part", &["test", "--test", "sometimes"])]
        .into_iter()
        .map(|(name, args)| {
            let folder = fixture.scratch().join(name);
            let call = fixture.gate(args.iter().copied()).env("CARGO_GATE_STORE_DIR", &folder).env("FAILS", "1");
            call.run().assert_code(100);
            folder.join("history.sqlite")
        })
        .collect();
    let mut service = Service::new(&fixture);
    service.history = Box::new(move |job, shard| match (job, shard) {
        ("test", "1") => Some(histories[0].clone()),
        ("test", "4") => Some(histories[1].clone()),
        _ => None,
    });
    let outcome = service.run(&readme(), 1);
    outcome.of("verdict").assert_code(0);
    assert_eq!(latest(&service)["totals"]["passed"], TESTS);
}

/// The runs of one history that all machines reach, newest first.
#[cfg(feature = "postgres")]
fn shared(service: &Service<'_>, url: &str) -> Vec<Value> {
    let list = service.command("cargo-gate").args(["gate", "history", "list", "--format", "json"]);
    let list = list.env("CARGO_GATE_STORE_URL", url).run();
    list.assert_code(0);
    list.json()["runs"].as_array().unwrap().clone()
}

#[cfg(feature = "postgres")]
#[test]
fn machines_that_share_a_database_have_one_run_of_a_matrix_and_a_killed_one_is_missed() {
    use crate::support::postgres::server;

    let (fixture, server) = (workspace(), server());
    let url = server.url();
    let mut service = Service::new(&fixture);
    service.env.push(("CARGO_GATE_STORE_URL".into(), url.clone()));
    service.run(&readme(), 1).of("verdict").assert_code(0);
    let runs = shared(&service, &url);
    assert_eq!(runs.len(), 1, "the shards gave way to what they make: {runs:?}");
    assert_eq!((&runs[0]["totals"]["passed"], &runs[0]["full"]), (&TESTS.into(), &true.into()));

    service.mishap = Box::new(|job, shard| if (job, shard) == ("test", "2") { Mishap::Killed } else { Mishap::None });
    service.run(&readme(), 2).of("verdict").assert_code(22).assert_stderr_has("2/4");
    let of_tool = |run: &Value| run["verdict"] == "tool-error" && run["shard"].is_null();
    assert!(shared(&service, &url).iter().any(of_tool));
}
