//! `cargo gate history import`, as users call it.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::support::Fixture;

const JUNIT: &str = "<testsuite name='smoke' timestamp='2026-01-31T12:00:00Z' time='1.5'>\n<testcase name='a' time='1'/>\n\
                     <testcase name='b'><failure message='no &lt;b&gt;'/></testcase>\n</testsuite>\n";
const CSV: &str = "run,test,duration,failed\n1,a,0.5,0\n1,b,1,1\n2,a,0.5,0\n3,b,1,0\n";

/// A workspace with some files of results in it.
fn workspace(files: &[(&str, &str)]) -> Fixture {
    let fixture = Fixture::alone("empty");
    for (name, text) in files {
        fixture.write(name, text);
    }
    fixture
}

fn import(fixture: &Fixture, args: &[&str]) -> crate::support::Invocation {
    fixture.gate(["history", "import"]).args(args.iter().copied())
}

fn json(fixture: &Fixture, args: &[&str]) -> Value {
    let ended = import(fixture, args).args(["--format", "json"]).run();
    ended.assert_code(0);
    ended.json()
}

fn runs(fixture: &Fixture) -> Vec<Value> {
    let ended = fixture.gate(["history", "list", "--format", "json"]).run();
    ended.json()["runs"].as_array().unwrap().clone()
}

#[test]
fn one_is_counted_as_one_and_no_host_is_none() {
    let fixture = workspace(&[(
        "junit.xml",
        "<testsuite name='smoke' timestamp='2026-01-31T12:00:00Z'><testcase name='a'/></testsuite>",
    )]);
    import(&fixture, &["junit.xml"]).run().assert_code(0);
    let shown = fixture.gate(["history", "show"]).run();
    shown
        .assert_stdout_has("started    2026-01-31 12:00:00Z by import\n")
        .assert_stdout_has("counts     1 test: 1 passed");
    fixture.gate(["history", "stats"]).run().assert_stdout_has("on record       1 run, 1 case, 1 test\n");
}

#[test]
fn where_only_other_tools_ran_the_junit_report_asks_for_a_run_of_theirs() {
    let fixture = workspace(&[("junit.xml", JUNIT)]);
    import(&fixture, &["junit.xml"]).run().assert_code(0);
    let report = |more: &[&str]| fixture.gate(["report", "--format", "junit"]).args(more.iter().copied()).run();
    report(&[]).assert_code(2).assert_stderr_has("no run of the workspace's own tests is on record: name one by --run");
    report(&["--run", "last"]).assert_code(0).assert_stdout_has("<testsuites");
}

#[test]
fn a_file_becomes_a_run_and_importing_it_again_changes_nothing() {
    let fixture = workspace(&[("junit.xml", JUNIT)]);
    let first = import(&fixture, &["junit.xml", "--branch", "main", "--version", "1.2"]).run();
    first
        .assert_code(0)
        .assert_stdout_has("junit.xml: junit, suite smoke, fail: 2 tests, 1 passed, 1 failed; recorded as import-");
    let again = json(&fixture, &["junit.xml", "--branch", "main", "--version", "1.2"]);
    assert_eq!((&again["added"], &again["known"]), (&0.into(), &1.into()));
    assert_eq!(again["files"][0]["runs"][0]["known"], true);
    import(&fixture, &["junit.xml", "--branch", "main", "--version", "1.2"])
        .run()
        .assert_stdout_has("known already as import-");
    let runs = runs(&fixture);
    assert_eq!(runs.len(), 1);
    let run = &runs[0];
    assert_eq!((&run["suite"], &run["branch"], &run["version"]), (&"smoke".into(), &"main".into(), &"1.2".into()));
    assert_eq!((&run["start"], &run["duration_ms"]), (&"2026-01-31T12:00:00Z".into(), &1500.into()));
    assert_eq!(
        (&run["verdict"], &run["trigger"], &run["totals"]["failed"]),
        (&"fail".into(), &"import".into(), &1.into())
    );
    let shown = fixture.gate(["history", "show", "--format", "json"]).run().json();
    let tests = shown["run"]["tests"].as_array().unwrap();
    assert_eq!(
        (&tests[0]["package"], &tests[0]["binary"], &tests[0]["name"]),
        (&"empty".into(), &"smoke".into(), &"a".into())
    );
    // R19: a missing duration is 0.
    assert_eq!((&tests[1]["ms"], &tests[1]["text"]), (&0.into(), &"no <b>".into()));
}

#[test]
fn what_is_said_of_results_makes_them_another_run() {
    let fixture = workspace(&[("junit.xml", JUNIT)]);
    for flags in [&[][..], &["--branch", "next"], &["--at", "2026-01-01"], &["--suite", "other"], &["--commit", "v1"]] {
        let args: Vec<&str> = ["junit.xml"].iter().chain(flags).copied().collect();
        assert_eq!(json(&fixture, &args)["added"], 1, "{flags:?}");
        assert_eq!(json(&fixture, &args)["added"], 0, "{flags:?}");
    }
    assert_eq!(runs(&fixture).len(), 5);
}

#[test]
fn where_one_file_cannot_be_read_none_is_imported() {
    let fixture = workspace(&[
        ("good.xml", JUNIT),
        ("cut.xml", &JUNIT[..150]),
        ("bomb.xml", "<!DOCTYPE a [<!ENTITY b \"b\">]>\n<testsuite>\n<testcase name='&b;'/></testsuite>"),
        ("words.txt", "all is well\n"),
        ("empty.tap", " \n"),
        ("bad.csv", "run,test,duration,failed\n1,a,NaN,0\n"),
    ]);
    let files = ["good.xml", "cut.xml", "bomb.xml", "words.txt", "empty.tap", "bad.csv", "gone.xml"];
    let ended = import(&fixture, &files).run();
    ended.assert_code(96);
    for text in [
        "cut.xml:3:",
        "bomb.xml:3:1: this is not XML",
        "words.txt: nothing in it tells its format",
        "empty.tap: there is nothing in it",
        "bad.csv:2: column 3 (duration): `NaN` is no number",
        "gone.xml: No such file",
        "nothing was imported",
    ] {
        ended.assert_stderr_has(text);
    }
    assert_eq!(ended.stdout(), "");
    assert!(!fixture.gate_dir().join("history.sqlite").exists());
}

#[test]
fn a_dry_run_records_nothing() {
    let fixture = workspace(&[("junit.xml", JUNIT), ("same.xml", JUNIT)]);
    let ended = import(&fixture, &["junit.xml", "same.xml", "--dry-run"]).run();
    ended.assert_code(0).assert_stdout_has("would be import-");
    ended.assert_stdout_has("Would record 1 run with 2 cases; 1 known already.");
    assert!(!fixture.gate_dir().join("history.sqlite").exists());
}

#[test]
fn a_csv_file_is_several_runs_in_its_order() {
    let fixture = workspace(&[("all.csv", CSV)]);
    let document = json(&fixture, &["all.csv", "--at", "2026-01-31T12:00:00Z"]);
    assert_eq!((&document["added"], &document["cases"]), (&3.into(), &4.into()));
    let starts: Vec<_> = runs(&fixture).iter().map(|run| run["start"].as_str().unwrap().to_owned()).collect();
    assert_eq!(starts, ["2026-01-31T12:00:00Z", "2026-01-31T11:59:59Z", "2026-01-31T11:59:58Z"]);
    assert_eq!(json(&fixture, &["all.csv", "--at", "2026-01-31T12:00:00Z"])["known"], 3);
}

#[test]
fn several_files_can_be_one_run() {
    let fixture = workspace(&[
        ("reports/A.xml", "<testsuite name='A' time='1'><testcase name='a' classname='A'/></testsuite>"),
        ("reports/B.xml", "<testsuite name='B' time='2'><testcase name='b' classname='B'/></testsuite>"),
    ]);
    let files = ["reports/A.xml", "reports/B.xml", "--one-run", "--suite", "java"];
    assert_eq!(json(&fixture, &files)["added"], 1);
    let run = &runs(&fixture)[0];
    assert_eq!(
        (&run["suite"], &run["totals"]["passed"], &run["duration_ms"]),
        (&"java".into(), &2.into(), &3000.into())
    );
}

#[test]
fn results_of_this_workspaces_tests_count_under_their_own_keys() {
    let xml = "<testsuites name='nextest-run'><testsuite name='counter'><testcase name='tests::a' classname='counter'/>\
               </testsuite><testsuite name='counter::far'><testcase name='b' classname='counter::far'/></testsuite>\
               <testsuite name='stranger'><testcase name='c' classname='stranger'/></testsuite></testsuites>";
    let fixture = Fixture::alone("virtual");
    fixture.write("junit.xml", xml);
    assert_eq!(json(&fixture, &["junit.xml", "--package", "others"])["added"], 1);
    let shown = fixture.gate(["history", "show", "--format", "json"]).run().json();
    let tests: Vec<String> = shown["run"]["tests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|test| {
            let word = |field: &str| test[field].as_str().unwrap();
            format!("{}/{}:{}::{}", word("package"), word("kind"), word("binary"), word("name"))
        })
        .collect();
    assert_eq!(tests, ["counter/lib:counter::tests::a", "counter/test:far::b", "others/suite:stranger::c"]);
}

#[test]
fn standard_input_is_a_file_and_warnings_go_to_people() {
    let fixture = workspace(&[]);
    let mut command = import(&fixture, &["-", "--suite", "scripts"]).into_command();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"1..3\nok 1 - a\nnot ok 2 - \x1b[31mb\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(
        out.starts_with("standard input: tap, suite scripts, fail: 3 tests, 1 passed, 1 failed, 1 errored"),
        "{out}"
    );
    assert!(
        err.contains("standard input: the results do not add up: 1 of 3 tests in the plan did not come: 3"),
        "{err}"
    );
    let shown = fixture.gate(["history", "show"]).run();
    assert!(!shown.stdout().contains('\x1b'), "{}", shown.stdout());
}

#[test]
fn runs_of_one_commit_that_differ_prove_a_flaky_test() {
    let green = JUNIT.replace("<failure message='no &lt;b&gt;'/>", "");
    let fixture = workspace(&[("red.xml", JUNIT), ("green.xml", &green)]);
    assert_eq!(json(&fixture, &["red.xml", "green.xml", "--commit", "v1"])["added"], 2);
    let report = fixture.gate(["explain", "b", "--format", "json"]).run().json();
    assert_eq!(report["state"], "flaky", "{report}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let fixture = workspace(&[("junit.xml", JUNIT), ("all.csv", CSV)]);
    for (args, why) in [
        (&["junit.xml", "--suite", "workspace"][..], "the suite `workspace` is what `cargo gate test` runs"),
        (&["junit.xml", "--at", "2999-01-01"], "--at lies in the future"),
        (&["all.csv", "junit.xml", "--one-run"], "a history is of several runs"),
        (&["junit.xml", "--input-format", "trx"], "invalid value 'trx'"),
        (&[], "required"),
    ] {
        import(&fixture, args).run().assert_code(2).assert_stderr_has(why);
    }
    // A format that is named is not guessed.
    import(&fixture, &["junit.xml", "--input-format", "tap"])
        .run()
        .assert_code(96)
        .assert_stderr_has("there is no TAP in it");
}
