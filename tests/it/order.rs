//! The order of the next run: what it says, that runs keep to it, and how good it is on histories of many natures.

#[path = "order/families.rs"]
mod families;

use std::io::Write as _;
use std::process::Stdio;

use cargo_gate::analytics::backtest::Backtest;
use cargo_gate::analytics::strategy::Strategy;
use serde_json::Value;

use crate::support::Fixture;
use families::FAMILIES;

/// The mean APFD of ours and of the plain rule.
fn ours_and_rule(histories: impl Iterator<Item = Vec<families::Run>>) -> (f64, f64) {
    let (mut ours, mut rule, mut count) = (0.0, 0.0, 0.0);
    for history in histories {
        let mut backtest = Backtest::new(8);
        history.iter().for_each(|run| backtest.replay(run));
        let figures = backtest.figures();
        let apfd = |strategy| figures.iter().find(|one| one.strategy == strategy).unwrap().all.apfd;
        ours += apfd(Strategy::Ours);
        rule += apfd(Strategy::Rule);
        count += 1.0;
    }
    (ours / count, rule / count)
}

#[test]
fn r21_on_no_kind_of_history_is_the_order_worse_than_the_plain_rule() {
    let (mut all_ours, mut all_rule) = (0.0, 0.0);
    for family in &FAMILIES {
        let (ours, rule) = ours_and_rule((0..20).map(|seed| family.history(seed)));
        // Where nothing speaks for one or the other they differ by chance.
        assert!(ours >= rule - 0.002, "{}: {ours:.4} < {rule:.4}", family.name);
        all_ours += ours;
        all_rule += rule;
    }
    assert!(all_ours > all_rule, "{all_ours} {all_rule}");
}

/// A crate with a test that fails where its scratch directory says so, last by name.
fn crate_with_a_failing_last_test() -> Fixture {
    let fixture = Fixture::bare();
    fixture.write("Cargo.toml", "[package]\nname = \"app\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n");
    let mut tests = String::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        tests += &format!("#[test]\nfn {name}() {{}}\n");
    }
    tests += "#[test]\nfn z() {\n    let place = std::env::var(\"GATE_FIXTURE_DIR\").unwrap();\n    \
              assert!(!std::path::Path::new(&place).join(\"fails\").exists());\n}\n";
    fixture.write("src/lib.rs", "").write("tests/many.rs", &tests);
    fixture
}

/// The names of tests in the order in which they finished.
fn finished(fixture: &Fixture) -> Vec<String> {
    let events = fixture.read("events");
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let finished = events.filter(|event| event["event"] == "test-finished");
    finished.map(|event| event["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_run_starts_with_what_failed_before_and_order_says_so_beforehand() {
    let fixture = crate_with_a_failing_last_test();
    let test = ["test", "--test", "many", "--slots", "2", "--events", "events"];
    fixture.gate(test).run().assert_code(0);
    std::fs::write(fixture.scratch().join("fails"), "").unwrap();
    fixture.gate(test).run().assert_code(100);
    let order = fixture.gate(["order", "--format", "json", "--slots", "2"]).run();
    let order = order.assert_code(0).json();
    let first = &order["tests"][0];
    assert_eq!((first["rank"].as_u64(), first["name"].as_str()), (Some(1), Some("z")), "{order}");
    assert_eq!(first["reason"], "failed in its last run");
    assert_eq!((&first["test"], &first["evidence"]["streak"]), (&"app/test:many::z".into(), &1.into()));
    assert_eq!(order["tests"].as_array().unwrap().len(), 7);
    let parts: Vec<(&str, u64)> = order["processes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|process| (process["part"].as_str().unwrap(), process["tests"].as_u64().unwrap()))
        .collect();
    assert_eq!(parts, [("head", 1), ("rest", 6)]);
    assert!(order["expected_ms"].is_u64(), "{order}");
    fixture.gate(test).run().assert_code(100);
    assert_eq!(finished(&fixture)[0], "z", "the next run keeps to it");
}

#[test]
fn the_order_is_of_what_is_selected_and_heeds_the_users_priorities() {
    let fixture = crate_with_a_failing_last_test();
    std::fs::write(fixture.scratch().join("fails"), "").unwrap();
    let nothing = fixture.gate(["order", "--format", "json"]).run();
    assert_eq!(nothing.assert_code(0).json()["tests"], Value::Array(Vec::new()));
    fixture.gate(["test", "--test", "many"]).run().assert_code(100);
    fixture.write("gate.toml", "[[override]]\nfilter = \"app/test:many::c\"\npriority = 5\n");
    let order = fixture.gate(["order", "-n", "3"]).run();
    let shown = order.assert_code(0).stdout();
    let place = |text: &str| shown.find(text).unwrap_or_else(|| panic!("no `{text}`\n{order}"));
    let in_order = ["Put first by hand", "many::c  priority 5", "Likely to fail", "many::z  failed in its last run"];
    assert!(in_order.map(place).is_sorted(), "{order}");
    assert!(shown.contains("… and 4 tests (-n 7)"), "{order}");
    let selected = fixture.gate(["order", "--select", "app/test:many::z", "--format", "json"]).run().json();
    assert_eq!(selected["tests"].as_array().unwrap().len(), 1);
    assert_eq!(selected["tests"][0]["rank"], 2, "the place among all");
    fixture.gate(["order", "--select", "app/test:none::*"]).run().assert_code(4);
}

const HISTORY: &str = "run,test,duration,failed\n1,a,1,0\n1,b,2,0\n1,c,1,0\n2,a,1,0\n2,b,2,0\n2,c,1,1\n3,a,1,0\n3,b,2,0\n\
                       3,c,1,1\n";

#[test]
fn a_backtest_compares_orders_on_a_file_without_any_workspace() {
    let elsewhere = tempfile::tempdir().unwrap();
    let fixture = Fixture::bare();
    fixture.write("history.csv", HISTORY);
    let file = fixture.root().join("history.csv");
    let line = ["order", "--backtest", "--slots", "2", "--csv", file.to_str().unwrap()];
    let json = fixture.gate(line).args(["--format", "json"]).in_dir(elsewhere.path()).run();
    let json = json.assert_code(0).json();
    assert_eq!((json["runs"].as_u64(), json["tests"].as_u64(), json["slots"].as_u64()), (Some(3), Some(3), Some(2)));
    let strategies = json["strategies"].as_array().unwrap();
    let names: Vec<&str> = strategies.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, Strategy::ALL.map(Strategy::as_str));
    // Of the two runs that count, the last of three fails at last, then first.
    let ours = &strategies[0];
    let mean = (1.0 - 3.0 / 3.0 + 1.0 / 6.0 + 1.0 - 1.0 / 3.0 + 1.0 / 6.0) / 2.0;
    assert_eq!(ours["runs"], 2);
    assert!((ours["apfd"].as_f64().unwrap() - mean).abs() < 1e-6, "{ours}");
    assert_eq!(ours["first_failures"]["runs"], 1);
    assert!((ours["first_failures"]["apfd"].as_f64().unwrap() - 1.0 / 6.0).abs() < 1e-6, "{ours}");
    assert_eq!(strategies[6]["apfd"], 0.5, "chance");
    let shown = fixture.gate(line).in_dir(elsewhere.path()).run();
    shown.assert_code(0).assert_stdout_has("In our order failures come");
    assert!(shown.stdout().lines().all(|line| line.chars().count() <= 80), "{shown}");
}

#[test]
fn a_history_may_come_through_a_pipe() {
    let fixture = Fixture::bare();
    let mut command = fixture.gate(["order", "--backtest", "--csv", "-", "--format", "json"]).into_command();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(HISTORY.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["runs"], 3);
}

#[test]
fn a_file_that_cannot_be_understood_is_refused_with_its_place() {
    let fixture = Fixture::bare();
    let file = fixture.root().join("history.csv");
    let line = ["order", "--backtest", "--csv", file.to_str().unwrap()];
    fixture.gate(line).run().assert_code(96).assert_stderr_has("history.csv");
    fixture.write("history.csv", &format!("{HISTORY}4,a,soon,0\n"));
    let refused = fixture.gate(line).run();
    refused.assert_code(96).assert_stderr_has("history.csv, line 11, column 3 (duration): `soon` is no number");
    assert_eq!(refused.stdout(), "");
    fixture.gate(["order", "--csv", "x"]).run().assert_code(2);
}

#[test]
fn a_backtest_of_nothing_is_a_document_without_figures() {
    let fixture = Fixture::bare();
    fixture.write("Cargo.toml", "[package]\nname = \"app\"\nedition = \"2024\"\n").write("src/lib.rs", "");
    let nothing = fixture.gate(["order", "--backtest", "--format", "json"]).run();
    let json = nothing.assert_code(0).assert_stderr_has("nothing is on record yet").json();
    assert_eq!((json["runs"].as_u64(), json["strategies"][0]["apfd"].is_null()), (Some(0), true));
}

#[test]
fn a_backtest_replays_the_runs_on_record() {
    let fixture = crate_with_a_failing_last_test();
    std::fs::write(fixture.scratch().join("fails"), "").unwrap();
    for _ in 0..3 {
        fixture.gate(["test", "--test", "many"]).run().assert_code(100);
    }
    let json = fixture.gate(["order", "--backtest", "--format", "json"]).run();
    let json = json.assert_code(0).json();
    assert_eq!((json["runs"].as_u64(), json["tests"].as_u64()), (Some(3), Some(7)));
    let ours = &json["strategies"][0];
    assert_eq!(ours["runs"], 2, "the first is foreseen from nothing");
    assert!((ours["apfd"].as_f64().unwrap() - (1.0 - 1.0 / 14.0)).abs() < 1e-6, "{ours}");
}
