//! `cargo gate join` from outside: real shards, each on what a machine of its own would be, and their one verdict.

use std::fs;
use std::path::PathBuf;

use camino::Utf8PathBuf;
use cargo_gate::history::portable;
use cargo_gate::history::sqlite::SqliteStore;
use cargo_gate::history::store::Store;
use cargo_gate::model::RunHead;
use cargo_gate::sys::digest::hash_file;
use serde_json::{Value, json};

use crate::support::{Ended, Fixture, Invocation, coverage_tools};

const MANIFEST: &str = r#"[package]
name = "app"
version = "0.0.0"
edition = "2024"

[workspace]

[profile.dev]
debug = false
"#;

const LIB: &str = r#"pub fn sign(number: i32) -> i32 {
    if number < 0 {
        return -1;
    }
    if number > 0 {
        return 1;
    }
    0
}

#[test]
fn knows_what_is_below() {
    assert_eq!(sign(-3), -1);
}

#[test]
fn knows_nothing() {
    assert_eq!(sign(0), 0);
}
"#;

/// One test may fail, one may kill the gate that runs it.
const MOODY: &str = r#"#[test]
fn may_fail() {
    if let Some(marker) = std::env::var_os("FAILS_ONCE") {
        assert!(std::fs::exists(&marker).unwrap() || std::fs::write(&marker, "").is_err(), "told to fail once");
    }
    assert!(std::env::var_os("FAILS").is_none(), "told to fail");
}

#[test]
fn may_kill_its_gate() {
    if std::env::var_os("KILLS").is_some() {
        let gate = std::os::unix::process::parent_id().to_string();
        std::process::Command::new("kill").args(["-KILL", &gate]).status().unwrap();
    }
}
"#;

const ABOVE: &str = "#[test]\nfn knows_what_is_above() {\n    assert_eq!(app::sign(3), 1);\n}\n";

const QUARANTINE: &str = "[[quarantine]]\ntest = \"app/test:moody::may_fail\"\nreason = \"moody\"\n";

/// The shards that the workspace is cut into; its three binaries leave nothing for one of four.
const TESTS: u64 = 5;

/// A workspace whose shards run on machines that share nothing but what was compiled.
struct Matrix {
    fixture: Fixture,
}

impl Matrix {
    fn new() -> Self {
        let fixture = Fixture::bare();
        fixture.write("Cargo.toml", MANIFEST).write("src/lib.rs", LIB);
        fixture.write("tests/moody.rs", MOODY).write("tests/above.rs", ABOVE);
        fixture.cargo(["generate-lockfile"]).run().assert_code(0);
        fixture.commit_all();
        Self { fixture }
    }

    /// A machine's gate directory.
    fn machine(&self, name: &str) -> PathBuf {
        self.fixture.scratch().join("machines").join(name)
    }

    /// What a machine runs.
    fn on(&self, machine: &str, args: &[&str]) -> Invocation {
        self.fixture.gate(args.iter().copied()).env("CARGO_GATE_STORE_DIR", self.machine(machine))
    }

    fn shard(&self, shard: &str) -> Invocation {
        let machine = shard.replace('/', "-of-");
        self.on(&machine, &["test", "--shard", shard])
    }

    /// Every shard of so many passes.
    fn pass(&self, of: u32) {
        for shard in 1..=of {
            self.shard(&format!("{shard}/{of}")).run().assert_code(0);
        }
    }

    /// The shards of these machines, joined on another one.
    fn join(&self, machines: &[&str], args: &[&str]) -> Ended {
        let mut call = self.on("verdict", &["join", "--format", "json"]).args(args.iter().copied());
        for machine in machines {
            call = call.arg(self.machine(machine));
        }
        call.run()
    }

    /// Which of so many shards that passed has this test.
    fn shard_of(&self, test: &str, of: u32) -> u32 {
        let note = |shard: u32| fs::read_to_string(self.machine(&format!("{shard}-of-{of}")).join("shard/shard.json"));
        (1..=of).find(|shard| note(*shard).unwrap().contains(test)).unwrap()
    }

    fn recorded(&self, machine: &str) -> Vec<Value> {
        let list = self.on(machine, &["history", "list", "--format", "json"]).run();
        list.assert_code(0).json()["runs"].as_array().unwrap().clone()
    }
}

fn reasons(ended: &Ended) -> Vec<String> {
    let document = ended.json();
    let id = |reason: &Value| reason["id"].as_str().unwrap().to_owned();
    document["reasons"].as_array().unwrap().iter().map(id).collect()
}

fn states(ended: &Ended) -> Vec<String> {
    let document = ended.json();
    let state = |shard: &Value| shard["state"].as_str().unwrap().to_owned();
    document["shards"].as_array().unwrap().iter().map(state).collect()
}

#[test]
fn green_shards_are_one_green_run_however_often_they_are_joined() {
    let matrix = Matrix::new();
    // Four are one more than there is to deal out: one is empty.
    matrix.pass(4);
    // One directory that holds them all, as CI downloads it; what it holds beside them does not matter.
    let junit = matrix.fixture.scratch().join("junit.xml");
    let call = matrix.on("verdict", &["join", "--format", "json", "--junit"]).arg(&junit);
    let ended = call.arg(matrix.machine("")).run();
    ended.assert_code(0).assert_stderr_has("Shards").assert_stderr_has("the mean is");
    let document = ended.json();
    assert_eq!((&document["verdict"], &document["totals"]["passed"]), (&json!("pass"), &json!(TESTS)));
    assert_eq!(states(&ended), ["ended"; 4]);
    assert!(document["shards"].as_array().unwrap().iter().any(|shard| shard["verdict"] == "nothing"), "{document}");
    assert!(fs::read_to_string(junit).unwrap().contains("may_fail"));
    let report = fs::read_to_string(matrix.machine("verdict").join("test-report.md")).unwrap();
    assert!(report.contains("result: PASS") && report.contains("## Shards") && report.contains("| 4/4 |"), "{report}");

    let again = matrix.join(&["4-of-4", "2-of-4", "1-of-4", "3-of-4"], &[]);
    again.assert_code(0);
    assert_eq!(again.json()["run_id"], document["run_id"]);
    let recorded = matrix.recorded("verdict");
    assert_eq!(recorded.len(), 1, "{recorded:?}");
    assert_eq!(recorded[0]["full"], true, "{recorded:?}");
    // What one run over everything says of its tests.
    let alone = matrix.on("alone", &["test", "--format", "json"]).run();
    assert_eq!(alone.json()["plan_digest"], document["plan_digest"]);
    assert_eq!(alone.outcomes(), again.outcomes());
}

#[test]
fn what_shards_leave_in_the_checkout_is_no_part_of_what_they_test() {
    let matrix = Matrix::new();
    let cut = matrix.fixture.gate(["shards", "2", "--out", "plan.json"]).env("CARGO_GATE_STORE_DIR", "gate");
    cut.run().assert_code(0);
    for shard in ["1", "2"] {
        let (of, out) = (format!("{shard}/2"), format!("shards/{shard}"));
        let args = ["test", "--shard", &of, "--shard-plan", "plan.json", "--shard-out", &out];
        matrix.fixture.gate(args).env("CARGO_GATE_STORE_DIR", "gate").run().assert_code(0);
    }
    let join = || matrix.fixture.gate(["join", "shards", "--format", "json"]).env("CARGO_GATE_STORE_DIR", "gate").run();
    join().assert_code(0);
    let list = matrix.fixture.gate(["history", "list", "--format", "json"]).env("CARGO_GATE_STORE_DIR", "gate").run();
    assert_eq!(list.json()["runs"][0]["dirty"], false, "{list}");
    // What else lies there still is one.
    matrix.fixture.write("shards/notes.txt", "a change");
    let again = ["test", "--shard", "2/2", "--shard-plan", "plan.json", "--shard-out", "shards/2"];
    matrix.fixture.gate(again).env("CARGO_GATE_STORE_DIR", "gate").run().assert_code(0);
    join().assert_code(96).assert_stderr_has("some shards are of a checkout with changes");
}

#[test]
fn where_shards_and_the_whole_share_a_history_nothing_counts_twice() {
    let matrix = Matrix::new();
    for shard in ["1/2", "2/2"] {
        let out = matrix.fixture.scratch().join(shard.replace('/', "-"));
        matrix.on("one", &["test", "--shard", shard, "--shard-out"]).arg(out).run().assert_code(0);
    }
    assert_eq!(matrix.recorded("one").len(), 2);
    for _ in 0..2 {
        let folders = ["1-2", "2-2"].map(|name| matrix.fixture.scratch().join(name));
        matrix.on("one", &["join"]).arg(&folders[1]).arg(&folders[0]).run().assert_code(0);
        let recorded = matrix.recorded("one");
        assert_eq!((recorded.len(), &recorded[0]["totals"]["tests"]), (1, &json!(TESTS)), "{recorded:?}");
    }
    let explained = matrix.on("one", &["explain", "may_fail", "--format", "json"]).run();
    assert_eq!(explained.assert_code(0).json()["counts"]["runs"], 1, "{explained}");
}

#[test]
fn a_shard_whose_machine_lost_the_history_before_its_end_counts_once() {
    let matrix = Matrix::new();
    matrix.on("one", &["test", "--shard", "1/1", "--no-record"]).run().assert_code(0);
    let file = fs::File::open(matrix.machine("one").join("shard/run.ndjson.gz")).unwrap();
    let run = portable::read(file).unwrap().next().unwrap().unwrap();
    let head = RunHead { pid: std::process::id(), ..run.record.head.clone() };
    let history = Utf8PathBuf::from_path_buf(matrix.machine("verdict")).unwrap();
    SqliteStore::open(&history).unwrap().begin(&head).unwrap();
    matrix.join(&["one"], &[]).assert_code(0);
    assert_eq!(matrix.recorded("verdict").len(), 1);
    // It has waited on its machine, and comes now.
    let late = SqliteStore::open(&history).unwrap().append(&mut std::iter::once(run)).unwrap();
    assert_eq!((late.added, late.known), (0, 1));
}

#[test]
fn a_failing_test_of_one_shard_fails_the_whole_unless_it_is_in_quarantine() {
    let matrix = Matrix::new();
    for shard in 1..=3 {
        matrix.shard(&format!("{shard}/3")).env("FAILS", "1").run();
    }
    let machines = ["1-of-3", "2-of-3", "3-of-3"];
    let ended = matrix.join(&machines, &[]);
    ended.assert_code(100).assert_stderr_has("1 of 5 tests does not pass: app/test:moody::may_fail");
    assert_eq!(ended.json()["codes"], json!([100]));
    matrix.fixture.write("gate.toml", QUARANTINE);
    matrix.join(&machines, &["--no-record"]).assert_code(0);
}

#[test]
fn a_missing_shard_is_named_also_where_a_test_fails() {
    let matrix = Matrix::new();
    for shard in 1..=2 {
        matrix.shard(&format!("{shard}/2")).env("FAILS", "1").run();
    }
    let failing = matrix.shard_of("moody::may_fail", 2);
    let ended = matrix.join(&[&format!("{failing}-of-2")], &["-q", "--no-record"]);
    ended.assert_code(100).assert_stderr_has("does not pass: app/test:moody::may_fail");
    ended.assert_stderr_has(&format!("shard {}/2 left nothing: the suite was not executed whole", 3 - failing));
}

#[test]
fn what_a_shard_never_started_is_missed_where_the_failure_that_stopped_it_is_in_quarantine() {
    let matrix = Matrix::new();
    let doctest = format!("/// ```\n/// assert_eq!(app::sign(0), 0);\n/// ```\n{LIB}");
    let only_one = MOODY.split("\n#[test]").next().unwrap_or_default();
    matrix.fixture.write("src/lib.rs", &doctest).write("tests/moody.rs", only_one);
    matrix.fixture.commit_all();
    // The last test before the doctests.
    let stopped = matrix.on("one", &["test", "--shard", "1/1", "--fail-fast", "--slots", "1"]).env("FAILS", "1");
    stopped.run().assert_code(100);
    let failed = matrix.join(&["one"], &["--no-record"]);
    assert_eq!(failed.assert_code(100).json()["codes"], json!([100]));
    matrix.fixture.write("gate.toml", QUARANTINE);
    let ended = matrix.join(&["one"], &[]);
    ended.assert_code(22).assert_stderr_has("1 test is without an outcome: app/doc:doc");
    assert_eq!((reasons(&ended), &ended.json()["not_run"]), (vec!["tests-without-outcome".to_owned()], &json!(1)));
    assert_eq!(matrix.recorded("verdict")[0]["full"], false);
}

#[test]
fn a_shard_that_was_killed_is_red_and_its_next_attempt_counts_in_its_place() {
    let matrix = Matrix::new();
    let killed = |shard: u32| {
        let ended = matrix.shard(&format!("{shard}/3")).env("KILLS", "1").run();
        ended.code().is_none()
    };
    let killed: Vec<u32> = (1..=3).filter(|shard| killed(*shard)).collect();
    let [killed] = killed[..] else { panic!("{killed:?}") };
    let machines = ["1-of-3", "2-of-3", "3-of-3"];
    let ended = matrix.join(&machines, &[]);
    ended.assert_code(22).assert_stderr_has(&format!("shard {killed}/3 (run ")).assert_stderr_has("never ended");
    assert_eq!((reasons(&ended), ended.json()["not_run"].as_u64()), (vec!["shard-unfinished".to_owned()], Some(2)));
    let report = fs::read_to_string(matrix.machine("verdict").join("test-report.md")).unwrap();
    assert!(report.contains("tool_error: true"), "{report}");

    // The same artifact again, and the first one kept beside it.
    let again = matrix.on("again", &["test", "--shard", &format!("{killed}/3")]);
    again.run().assert_code(0);
    let ended = matrix.join(&["1-of-3", "again", "2-of-3", "3-of-3"], &[]);
    ended.assert_code(0).assert_stderr_has("ran again");
    let recorded = matrix.recorded("verdict");
    assert_eq!((recorded.len(), &recorded[0]["verdict"]), (1, &json!("pass")), "{recorded:?}");
}

#[test]
fn an_attempt_that_gave_way_to_a_later_one_stays_on_record_as_what_it_was() {
    let matrix = Matrix::new();
    let failing = matrix.on("first", &["test", "--shard", "1/1"]).env("FAILS", "1");
    failing.run().assert_code(100);
    matrix.on("second", &["test", "--shard", "1/1"]).run().assert_code(0);
    for _ in 0..2 {
        let ended = matrix.join(&["second", "first"], &[]);
        ended.assert_code(0).assert_stderr_has("(fail) does not");
        let recorded = matrix.recorded("verdict");
        let verdicts: Vec<(&Value, &Value)> = recorded.iter().map(|run| (&run["verdict"], &run["full"])).collect();
        assert_eq!(verdicts, [(&json!("pass"), &json!(true)), (&json!("fail"), &json!(false))]);
        let moody = ended.json()["tests"].as_array().unwrap().iter().find(|test| test["name"] == "may_fail").cloned();
        assert_eq!(moody.unwrap()["state"], "flaky");
    }
}

#[test]
fn what_failed_stays_on_record_where_it_was_joined_before_it_ran_again() {
    let matrix = Matrix::new();
    matrix.on("first", &["test", "--shard", "1/1"]).env("FAILS", "1").run().assert_code(100);
    matrix.join(&["first"], &[]).assert_code(100);
    matrix.on("second", &["test", "--shard", "1/1"]).run().assert_code(0);
    for _ in 0..2 {
        let ended = matrix.join(&["first", "second"], &[]);
        ended.assert_code(0);
        let verdicts: Vec<Value> = matrix.recorded("verdict").iter().map(|run| run["verdict"].clone()).collect();
        assert_eq!(verdicts, [json!("pass"), json!("fail")]);
        let moody = ended.json()["tests"].as_array().unwrap().iter().find(|test| test["name"] == "may_fail").cloned();
        assert_eq!(moody.unwrap()["state"], "flaky");
    }
}

#[test]
fn a_shard_that_runs_again_into_its_own_folder_is_another_attempt_of_what_was_joined_before() {
    let matrix = Matrix::new();
    matrix.pass(2);
    let moody = matrix.shard_of("may_fail", 2);
    let other = 3 - moody;
    for (place, order) in [("first", [moody, other]), ("last", [other, moody])] {
        let run = |shard: u32| matrix.on(&format!("{place}-{shard}"), &["test", "--shard", &format!("{shard}/2")]);
        let verdict = format!("{place}-verdict");
        let join = || {
            let folders = order.map(|shard| matrix.machine(&format!("{place}-{shard}")));
            matrix.on(&verdict, &["join", "--format", "json"]).arg(&folders[0]).arg(&folders[1]).run()
        };
        for shard in order {
            run(shard).env("FAILS", "1").run();
        }
        join().assert_code(100);
        run(moody).run().assert_code(0);
        for _ in 0..2 {
            let ended = join();
            let of_test =
                |name| ended.json()["tests"].as_array().unwrap().iter().find(|it| it["name"] == name).cloned();
            assert_eq!(of_test("may_fail").unwrap()["state"], "flaky", "{place}: {ended}");
            let runs = matrix.recorded(&verdict);
            let runs: Vec<_> = runs.iter().map(|run| (&run["verdict"], &run["full"], &run["shard"])).collect();
            let attempt = json!(format!("{moody}/2"));
            assert_eq!(
                runs,
                [(&json!("pass"), &json!(true), &json!(null)), (&json!("fail"), &json!(false), &attempt)],
                "{place}"
            );
            for (test, runs) in [("knows_what_is_above", 1), ("may_fail", 2)] {
                let explained = matrix.on(&verdict, &["explain", test, "--format", "json"]).run();
                let counted = explained.assert_code(0).json()["counts"]["runs"].as_u64();
                let is_with_moody = fs::read_to_string(matrix.machine(&format!("{place}-{moody}/shard/shard.json")));
                let wanted = if is_with_moody.unwrap().contains(test) { 2 } else { runs };
                assert_eq!(counted, Some(wanted), "{place}: {explained}");
            }
        }
    }
}

#[test]
fn a_shard_that_is_killed_when_it_runs_again_takes_nothing_from_what_was_joined() {
    let matrix = Matrix::new();
    matrix.pass(3);
    let machines = ["1-of-3", "2-of-3", "3-of-3"];
    matrix.join(&machines, &[]).assert_code(0);
    let killed = matrix.shard(&format!("{}/3", matrix.shard_of("may_kill_its_gate", 3))).env("KILLS", "1").run();
    assert_eq!(killed.code(), None, "{killed}");
    matrix.join(&machines, &[]).assert_code(22).assert_stderr_has("never ended");
    let recorded = matrix.recorded("verdict");
    assert_eq!((recorded.len(), &recorded[0]["verdict"]), (1, &json!("pass")), "{recorded:?}");
}

#[test]
fn a_matrix_of_another_commit_than_is_checked_out_is_none_of_this_one() {
    let matrix = Matrix::new();
    matrix.pass(2);
    matrix.fixture.write("notes.txt", "a change");
    matrix.fixture.commit_all();
    let ended = matrix.join(&["1-of-2", "2-of-2"], &[]);
    ended.assert_code(96).assert_stderr_has("the shards tested ").assert_stderr_has("is checked out here");
    assert_eq!(matrix.recorded("verdict"), Vec::<Value>::new());
}

#[test]
fn a_gate_that_is_switched_off_leaves_no_earlier_result_behind() {
    let matrix = Matrix::new();
    matrix.pass(2);
    matrix.shard("2/2").env("CARGO_GATE_DISABLE", "1").env("FAILS", "1").run().assert_code(101);
    let ended = matrix.join(&["1-of-2", "2-of-2"], &[]);
    ended.assert_code(96).assert_stderr_has("shard 2/2 did not run: the gate is switched off on that machine");
}

#[test]
fn a_shard_of_coverage_that_is_out_of_scope_leaves_no_earlier_result_behind() {
    let matrix = Matrix::new();
    matrix.pass(2);
    matrix.fixture.write("gate.toml", "[scope]\npackages = [\"other\"]\n");
    matrix.on("2-of-2", &["coverage", "--shard", "2/2"]).run().assert_code(0);
    let ended = matrix.join(&["1-of-2", "2-of-2"], &["--no-record"]);
    ended.assert_code(96).assert_stderr_has("shard 2/2 did not run: N/A: `app` is out of scope");
}

#[test]
fn a_join_that_cannot_read_its_settings_leaves_no_report_of_a_shard_for_its_own() {
    let matrix = Matrix::new();
    matrix.shard("1/1").run().assert_code(0);
    let gate_dir = matrix.machine("1-of-1");
    let report = fs::read_to_string(gate_dir.join("test-report.md")).unwrap();
    assert!(report.contains("\nshard: 1/1\n") && report.contains("This is shard 1/1 alone"), "{report}");
    fs::write(gate_dir.join("coverage-report.md"), "---\ncoverage_status: PASS\n---\n").unwrap();
    matrix.fixture.write("gate.toml", "[default.test]\nslotz = 1\n");
    let call = matrix.on("1-of-1", &["join"]).arg(&gate_dir);
    call.run().assert_code(96);
    for (report, code) in [("test-report.md", 100), ("coverage-report.md", 20)] {
        let verdict = matrix.fixture.gate(["verdict"]).arg(gate_dir.join(report)).run();
        assert_eq!(verdict.code(), Some(code), "{report}: {verdict}");
    }
}

#[test]
fn a_shard_that_fails_for_flaky_tests_fails_the_whole_whatever_the_settings_of_the_join() {
    let matrix = Matrix::new();
    let marker = matrix.fixture.scratch().join("marker");
    let retried = matrix.on("1-of-1", &["test", "--shard", "1/1", "--retries", "1", "--flaky-result", "fail"]);
    retried.env("FAILS_ONCE", &marker).run().assert_code(100);
    matrix.join(&["1-of-1"], &[]).assert_code(100).assert_stderr_has("passed only when tried again");
}

#[test]
fn a_missing_shard_is_red_and_so_is_none_at_all() {
    let matrix = Matrix::new();
    matrix.pass(3);
    let ended = matrix.join(&["1-of-3", "3-of-3"], &[]);
    ended.assert_code(22).assert_stderr_has("shard 2/3 left nothing");
    assert_eq!(states(&ended), ["ended", "missing", "ended"]);
    let none = matrix.join(&["nobody"], &["--no-record"]);
    none.assert_code(22).assert_stderr_has("no shard left anything");
    assert_eq!(none.json()["verdict"], "tool-error");
}

#[test]
fn fewer_shards_never_take_the_place_of_more_that_were_joined() {
    let matrix = Matrix::new();
    matrix.pass(3);
    let (some, all) = (["1-of-3", "3-of-3"], ["1-of-3", "2-of-3", "3-of-3"]);
    let verdicts = |want: &str| {
        let recorded = matrix.recorded("verdict");
        let verdicts: Vec<&str> = recorded.iter().filter_map(|run| run["verdict"].as_str()).collect();
        assert_eq!(verdicts, [want]);
    };
    matrix.join(&some, &[]).assert_code(22);
    verdicts("tool-error");
    for (machines, code) in [(&all[..], 0), (&some[..], 22), (&all[1..], 22), (&all[..], 0)] {
        matrix.join(machines, &[]).assert_code(code);
        verdicts("pass");
    }
}

#[test]
fn a_shard_of_another_commit_is_red_and_nothing_is_recorded() {
    let matrix = Matrix::new();
    matrix.shard("1/2").run().assert_code(0);
    matrix.fixture.write("notes.txt", "a change");
    for args in [&["add", "-A"][..], &["commit", "-q", "-m", "Change"]] {
        matrix.fixture.command("git").args(args.iter().copied()).run().assert_code(0);
    }
    matrix.shard("2/2").run().assert_code(0);
    let ended = matrix.join(&["1-of-2", "2-of-2"], &[]);
    ended.assert_code(96).assert_stderr_has("the shards are of different commits");
    assert_eq!(reasons(&ended)[..2], ["commit-differs", "input-differs"]);
    assert_eq!(matrix.recorded("verdict"), Vec::<Value>::new());
}

#[test]
fn what_a_shard_came_to_by_itself_is_the_verdict_of_all() {
    let matrix = Matrix::new();
    matrix.shard("1/2").run().assert_code(0);
    // The configuration is wrong on one machine, which leaves no earlier result behind.
    matrix.shard("2/2").run().assert_code(0);
    matrix.on("2-of-2", &["test", "--shard", "2/2"]).env("CARGO_GATE_TEST_ISOLATION", "nobody").run().assert_code(96);
    let refused = matrix.join(&["1-of-2", "2-of-2"], &["--no-record"]);
    refused.assert_code(96).assert_stderr_has("shard 2/2 did not run").assert_stderr_has("nobody");
    assert_eq!(states(&refused), ["ended", "refused"]);
    // The code does not build there.
    matrix.fixture.write("src/lib.rs", "fn broken( {}");
    matrix.shard("2/2").run().assert_code(101);
    let broken = matrix.join(&["1-of-2", "2-of-2"], &["--no-record"]);
    broken.assert_code(101).assert_stderr_has("shard 2/2: the code does not build");
}

/// Writes down that these shards measured what they cover.
fn measured(matrix: &Matrix, traces: &[(&str, &str)]) {
    for (machine, trace) in traces {
        let folder = matrix.machine(machine).join("shard");
        let file = folder.join("coverage.info");
        fs::write(&file, trace).unwrap();
        let note = folder.join("shard.json");
        let mut text: Value = serde_json::from_slice(&fs::read(&note).unwrap()).unwrap();
        let lcov = hash_file(&file).unwrap().to_string();
        text["measured"] = json!({ "selected": "whole", "measurer": "m 1", "lcov": lcov, "why_not": null });
        fs::write(&note, text.to_string()).unwrap();
    }
}

#[test]
fn what_shards_cover_is_added_up_and_judged_as_one() {
    let matrix = Matrix::new();
    matrix.pass(2);
    let machines = ["1-of-2", "2-of-2"];
    let trace = |hits: [u32; 4]| {
        let lines: String = hits.iter().zip(1..).map(|(hits, line)| format!("DA:{line},{hits}\n")).collect();
        format!("SF:src/lib.rs\n{lines}end_of_record\n")
    };
    let (one, two) = (trace([1, 0, 0, 0]), trace([1, 0, 1, 0]));
    measured(&matrix, &[("1-of-2", &one)]);
    let partly = matrix.join(&machines, &["--no-record"]);
    partly.assert_code(96).assert_stderr_has("some shards measured what they cover");
    measured(&matrix, &[("1-of-2", &one), ("2-of-2", &two)]);

    let ratchet = matrix.machine("verdict").join("ratchet.toml");
    let short = matrix.join(&machines, &["--floor", "60", "--ratchet", "on-pass"]);
    short.assert_code(20).assert_stderr_has("the tests pass, and coverage does not");
    assert!(!ratchet.exists());
    // A shard is missing: nothing is judged, and nothing ratcheted.
    let missing = matrix.join(&machines[..1], &["--ratchet", "on-pass"]);
    missing.assert_code(22);
    assert!(!ratchet.exists() && missing.json().get("coverage").is_none());
    let report = fs::read_to_string(matrix.machine("verdict").join("coverage-report.md")).unwrap();
    assert!(report.contains("coverage_status: FAIL"), "{report}");

    let passed = matrix.join(&machines, &["--floor", "50", "--ratchet", "on-pass"]);
    passed.assert_code(0);
    let coverage = &passed.json()["coverage"];
    assert_eq!((&coverage["covered"], &coverage["total"]), (&json!(2), &json!(4)));
    let baselines = matrix.on("verdict", &["baseline", "show", "--format", "json"]).run();
    let figure = &baselines.assert_code(0).json()["entries"][0];
    assert_eq!((&figure["covered"], &figure["total"]), (&json!(2), &json!(4)), "{baselines}");
    // As if the files had been handed over by hand.
    let files = machines.map(|machine| matrix.machine(machine).join("shard/coverage.info"));
    let by_hand = matrix.on("by-hand", &["coverage", "--format", "json", "--from"]).arg(&files[0]).arg(&files[1]).run();
    assert_eq!(by_hand.assert_code(0).json()["coverage"]["percent"], coverage["percent"]);
    assert_eq!(matrix.recorded("verdict").len(), 1);
}

#[test]
#[ignore = "needs cargo-llvm-cov"]
fn shards_of_a_real_measurement_cover_what_one_covers() {
    coverage_tools::obtain();
    let matrix = Matrix::new();
    // The only shard of one is the whole.
    for shard in ["1/2", "2/2", "1/1"] {
        let machine = shard.replace('/', "-of-");
        let ended = matrix.on(&machine, &["coverage", "--shard", shard, "--floor", "100", "--format", "json"]).run();
        ended.assert_code(0).assert_stderr_has("cargo gate join");
        assert_eq!(ended.json()["coverage"]["status"], "N/A");
        assert!(!matrix.machine(&machine).join("ratchet.toml").exists());
        let lcov = fs::read_to_string(matrix.machine(&machine).join("shard/coverage.info")).unwrap();
        assert!(lcov.lines().any(|line| line == "SF:src/lib.rs"), "{lcov}");
    }
    let joined = matrix.join(&["1-of-2", "2-of-2"], &["--ratchet", "on-pass"]);
    joined.assert_code(0);
    let whole = matrix.join(&["1-of-1"], &["--no-record"]);
    let totals = |ended: &Ended| ended.assert_code(0).json()["coverage"]["totals"].clone();
    assert_eq!(totals(&joined), totals(&whole));
    assert_eq!(joined.json()["coverage"]["files"][0]["path"], "src/lib.rs", "{joined}");
    assert!(matrix.machine("verdict").join("ratchet.toml").exists());
}
