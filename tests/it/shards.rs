//! Shards: all together run what a whole run runs, each test once, whatever each machine remembers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::{Ended, Fixture, coverage_tools};

/// A crate with unit tests, doctests, an ignored test, a binary much longer than the others, a harness that lists its
/// tests and one that does not.
fn workspace() -> Fixture {
    let fixture = Fixture::bare();
    fixture.write(
        "Cargo.toml",
        "[package]\nname = \"app\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
         [[test]]\nname = \"blind\"\nharness = false\n[[test]]\nname = \"own\"\nharness = false\n",
    );
    fixture.write(
        "src/lib.rs",
        "//! ```\n//! assert_eq!(app::two(), 2);\n//! ```\n\n\
         /// ```\n/// assert!(app::two() > 1);\n/// ```\npub fn two() -> u32 {\n    2\n}\n\
         #[cfg(test)]\nmod tests {\n    #[test]\n    fn is_two() {}\n    #[test]\n    fn is_even() {}\n}\n",
    );
    let mut tests =
        String::from("fn rest(ms: u64) {\n    std::thread::sleep(std::time::Duration::from_millis(ms));\n}\n");
    for at in 0..12 {
        let ignored = if at == 7 { "#[ignore]\n" } else { "" };
        tests += &format!("#[test]\n{ignored}fn t{at:02}() {{\n    rest(20 + 10 * {at});\n}}\n");
    }
    fixture
        .write("tests/many.rs", &tests)
        .write("tests/few.rs", "#[test]\nfn passes() {}\n#[test]\nfn passes_too() {}\n");
    fixture.write("tests/blind.rs", "fn main() {\n    println!(\"test alone ... ok\");\n}\n");
    fixture.write(
        "tests/own.rs",
        "fn main() {\n    let args: Vec<String> = std::env::args().skip(1).collect();\n    \
         let runs = |name: &&str| !args.contains(&\"--exact\".to_owned()) || args.contains(&name.to_string());\n    \
         let names: Vec<&str> = [\"one\", \"two\"].into_iter().filter(runs).collect();\n    \
         for name in &names {\n        \
         if args.contains(&\"--list\".to_owned()) { println!(\"{name}: test\") } else { println!(\"test {name} ... ok\") }\n    \
         }\n    \
         if !args.contains(&\"--list\".to_owned()) {\n        \
         println!(\"\\ntest result: ok. {} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\", names.len());\n    }\n}\n",
    );
    fixture
}

fn shard(fixture: &Fixture, shard: &str, more: &[&str]) -> Ended {
    let args = ["test", "--format", "json", "--shard", shard];
    fixture.gate(args.into_iter().chain(more.iter().copied())).run()
}

/// What all shards together came to; no test is in two of them.
fn together(runs: &[Ended]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for run in runs {
        for (key, outcome) in run.outcomes() {
            assert_eq!(all.insert(key.clone(), outcome), None, "{key} ran twice");
        }
    }
    all
}

fn listed(ended: &Ended) -> BTreeSet<String> {
    ended.json()["tests"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect()
}

#[test]
fn all_shards_together_run_what_a_whole_run_runs_and_each_test_once() {
    let fixture = workspace();
    let whole = fixture.gate(["test", "--format", "json"]).run();
    assert_eq!(whole.assert_code(0).json()["shard"], Value::Null);
    let names: BTreeSet<String> = whole.outcomes().into_keys().collect();
    assert_eq!(names.len(), 21, "{names:?}");
    assert_eq!(whole.outcomes()["app/test:many::t07"], "skipped");
    // What is another shard's has not vanished.
    for more in [&["--fail-on-vanished"][..], &["--isolation", "process"]] {
        let runs: Vec<Ended> = ["1/3", "2/3", "3/3"].iter().map(|one| shard(&fixture, one, more)).collect();
        assert_eq!(together(&runs), whole.outcomes());
        for (at, run) in (1..).zip(&runs) {
            let document = run.assert_code(0).json();
            assert_eq!(document["shard"], format!("{at}/3"));
            assert_eq!(document["plan_digest"], whole.json()["plan_digest"]);
            run.assert_stderr_has(&format!("shard {at}/3: "));
            run.assert_stderr_has(" of 18 tests in ");
        }
        // Half of all tests are in one binary, which three shards cannot share as a whole.
        let have_many = runs.iter().filter(|run| run.outcomes().keys().any(|key| key.starts_with("app/test:many")));
        assert!(have_many.count() > 1);
    }
    let shown = fixture.gate(["history", "show", "last"]).run();
    shown.assert_stdout_has("shard      3/3");
    let last = fixture.gate(["history", "show", "last", "--format", "json"]).run().json();
    assert_eq!((&last["run"]["shard"], &last["run"]["full"]), (&"3/3".into(), &false.into()));
    fixture.gate(["history", "list"]).run().assert_stdout_has("  2/3");
}

#[test]
fn a_shard_lists_what_it_would_run() {
    let fixture = workspace();
    let whole = fixture.gate(["test", "--list", "--format", "json"]).run();
    let lists: Vec<Ended> = ["1/2", "2/2"].iter().map(|one| shard(&fixture, one, &["--list"])).collect();
    let (first, second) = (listed(lists[0].assert_code(0)), listed(lists[1].assert_code(0)));
    assert!(first.is_disjoint(&second));
    assert_eq!(&first | &second, listed(&whole));
    let units = |ended: &Ended| ended.json()["without_list"].as_array().unwrap().len();
    assert_eq!(units(&lists[0]) + units(&lists[1]), units(&whole));
    assert_eq!(lists[1].json()["shard"], "2/2");
    assert_eq!(lists[1].json()["plan_digest"], whole.json()["plan_digest"]);
}

#[test]
fn a_shard_without_a_test_is_no_failure_and_says_so() {
    let fixture = workspace();
    let args = ["--test", "few", "passes_too"];
    let runs: Vec<Ended> = ["1/4", "2/4", "3/4", "4/4"].iter().map(|one| shard(&fixture, one, &args)).collect();
    assert_eq!(together(&runs).into_keys().collect::<Vec<_>>(), ["app/test:few::passes_too"]);
    let empty: Vec<&Ended> = runs.iter().filter(|run| run.json()["verdict"] == "nothing").collect();
    assert_eq!(empty.len(), 3);
    for run in empty {
        let document = run.assert_code(0).json();
        assert_eq!(document["reasons"][0]["id"], "empty-shard");
        run.assert_stderr_has("nothing of 1 test");
    }
    // Shards are no full run, however many pass.
    let status = fixture.gate(["status", "--within", "24h"]).run();
    assert!(status.assert_code(100).to_string().contains("was of a part of the tests"), "{status}");
    // Where nothing is selected at all no shard is green.
    let none = shard(&fixture, "1/4", &["--test", "few", "no_such_test"]);
    assert_eq!(none.assert_code(4).json()["reasons"][0]["id"], "no-tests");
}

#[test]
fn machines_with_different_histories_cut_alike_with_and_without_a_plan() {
    let fixture = workspace();
    fixture.gate(["test"]).run().assert_code(0);
    let planned = fixture.gate(["shards", "3", "--out", "plans/plan.json"]).run();
    planned.assert_code(0).assert_stdout_has("the longest shard is ");
    let plan: Value = serde_json::from_str(&fixture.read("plans/plan.json")).unwrap();
    assert_eq!((&plan["schema_version"], &plan["of"]), (&1.into(), &3.into()));
    // Nothing is recorded by a cut.
    assert_eq!(fixture.gate(["history", "list", "--format", "json"]).run().json()["total"], 1);
    for more in [&[][..], &["--shard-plan", "plans/plan.json"]] {
        let mut all = Vec::new();
        for one in ["1/3", "2/3", "3/3"] {
            let elsewhere = fixture.scratch().join("elsewhere").display().to_string();
            let args = ["test", "--list", "--format", "json", "--shard", one];
            let other = fixture.gate(args.into_iter().chain(more.iter().copied()));
            let other = other.env("CARGO_GATE_STORE_DIR", elsewhere).run();
            let own = shard(&fixture, one, &[&["--list"], more].concat());
            assert_eq!(listed(&own), listed(&other));
            assert_eq!(own.json()["without_list"], other.json()["without_list"]);
            all.extend(listed(&own));
        }
        assert_eq!(all.len(), 18);
    }
    let again = fixture.gate(["shards", "3", "--format", "json"]).run();
    assert_eq!(again.assert_code(0).json()["cut_digest"], plan["cut_digest"]);
    let runs: Vec<Ended> =
        ["1/3", "2/3", "3/3"].iter().map(|one| shard(&fixture, one, &["--shard-plan", "plans/plan.json"])).collect();
    assert_eq!(together(&runs).len(), 21);
}

#[test]
fn a_cut_is_by_what_was_measured() {
    let fixture = workspace();
    let run = fixture.gate(["test", "--tests", "--format", "json"]).run().assert_code(0).json();
    let plan = fixture.gate(["shards", "4", "--test", "many", "--format", "json"]).run();
    let plan = plan.assert_code(0).json();
    let of_many = run["tests"].as_array().unwrap().iter().filter(|test| test["binary"] == "many");
    let measured: Vec<u64> = of_many.filter_map(|test| test["ms"].as_u64()).collect();
    let shards = plan["shards"].as_array().unwrap();
    let times: Vec<u64> = shards.iter().map(|one| one["expected_ms"].as_u64().unwrap()).collect();
    let (longest, total) = (times.iter().max().unwrap(), times.iter().sum::<u64>());
    // The ignored test weighs as the others do; each figure is rounded down.
    let (least, most) = (measured.iter().sum::<u64>(), measured.iter().sum::<u64>() + measured.iter().max().unwrap());
    assert!((least..=most + 16).contains(&(total + 4)), "{total} {measured:?}");
    assert!(*longest <= total / 4 + measured.iter().max().unwrap(), "{times:?}");
    let apart = fixture.gate(["shards", "2", "--tests"]).run();
    apart.assert_code(0).assert_stdout_has("app/test:many is split: ");
    let unknown = fixture.gate(["shards", "2", "--tests"]).env("CARGO_GATE_STORE_DIR", fixture.scratch()).run();
    unknown.assert_code(0).assert_stdout_has("no times are on record yet, so each test weighs the same");
}

#[test]
fn a_plan_of_other_tests_or_for_other_shards_is_refused() {
    let fixture = workspace();
    let args = ["--test", "few", "--shard-plan", "plan.json"];
    fixture.gate(["shards", "2", "--test", "few", "--out", "plan.json"]).run().assert_code(0);
    shard(&fixture, "1/2", &args).assert_code(0);
    fixture.write("tests/few.rs", "#[test]\nfn passes() {}\n#[test]\nfn is_new() {}\n");
    let changed = shard(&fixture, "1/2", &args);
    changed.assert_code(96).assert_stderr_has("1 new (app/test:few::is_new) and 1 missing (app/test:few::passes_too)");
    shard(&fixture, "1/3", &args).assert_code(2).assert_stderr_has("`plan.json` is a plan of 2 shards");
    // Nothing of that is a run.
    assert_eq!(fixture.gate(["history", "list", "--format", "json"]).run().json()["total"], 1);
    fixture.write("plan.json", "{\"schema_version\": 7}");
    shard(&fixture, "1/2", &args).assert_code(96).assert_stderr_has("is of version 7");
    let none = fixture.gate(["shards", "2", "--test", "few", "no_such_test", "--out", "none.json"]).run();
    none.assert_code(4).assert_stderr_has("no test matches the selection");
    assert!(!fixture.root().join("none.json").exists());
    let broken = fixture.write("tests/few.rs", "no rust").gate(["shards", "2", "--test", "few"]).run();
    broken.assert_code(101).assert_stderr_has("the code does not build");
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn the_coverage_of_a_shard_is_measured_and_not_judged() {
    coverage_tools::obtain();
    let fixture = workspace();
    fixture.write("tests/few.rs", "#[test]\nfn passes_too() {\n    assert_eq!(app::two(), 2);\n}\n");
    let judged = |one: &str| {
        let shard = ["coverage", "--policy", "absolute", "--floor", "100", "--shard", one, "--shard-out", &one[..1]];
        let args = shard.into_iter().chain(["--format", "json", "--test", "few", "passes_too"]);
        fixture.gate(args).run().assert_code(0).json()
    };
    let (first, second) = (judged("1/2"), judged("2/2"));
    assert_eq!((&first["verdict"], &first["coverage"]["status"]), (&"pass".into(), &"N/A".into()), "{first}");
    assert_eq!((&second["verdict"], &second["shard"]), (&"nothing".into(), &"2/2".into()), "{second}");
    let lcov = std::fs::read_to_string(fixture.root().join("1/coverage.info")).unwrap();
    assert!(lcov.lines().any(|line| line == "SF:src/lib.rs") && lcov.lines().any(|line| line == "DA:9,1"), "{lcov}");
    assert!(!fixture.root().join("2/coverage.info").exists());
}

#[cfg(unix)]
#[test]
fn an_interrupt_while_tests_are_listed_cuts_nothing() {
    use crate::support::wait_until;

    let fixture = workspace();
    fixture.write(
        "tests/blind.rs",
        "fn main() {\n    std::fs::write(std::env::var(\"ASKED\").unwrap(), \"\").unwrap();\n    \
         std::thread::sleep(std::time::Duration::from_secs(60));\n}\n",
    );
    let asked = fixture.scratch().join("asked");
    let call = fixture.gate(["shards", "2", "--test", "blind", "--test", "few", "--out", "plan.json"]);
    let running = call.env("ASKED", &asked).spawn();
    wait_until("it is asked for its tests", || asked.exists());
    running.signal(rustix::process::Signal::INT);
    running.wait().assert_code(130).assert_stderr_has("INT came while the tests were listed");
    assert!(!fixture.root().join("plan.json").exists());
}
