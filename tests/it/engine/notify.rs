//! Who is told at the end of a run, of what, and that it decides nothing.

use super::{host, read, script};
use crate::support::{Ended, Fixture, Invocation};

/// A copy of a fixture in which this script is told.
fn told_by(fixture: &str, on: &str, body: &str) -> Fixture {
    let fixture = Fixture::shared(fixture);
    let command = script(&fixture, "tell", body);
    fixture.write("gate.toml", &format!("[notify]\ncommand = [{command:?}]\non = {on}\n"));
    fixture
}

/// A copy of a fixture whose notices are written down.
fn listening(fixture: &str, on: &str) -> Fixture {
    let body = "cat >\"$GATE_FIXTURE_DIR/told\"; echo \"$CARGO_GATE_NOTICES in $(pwd)\" >\"$GATE_FIXTURE_DIR/notices\"";
    told_by(fixture, on, body)
}

const ALL: &str = r#"["fail", "exhausted", "flaky-new"]"#;

fn test<'a>(fixture: &Fixture, more: impl IntoIterator<Item = &'a str>) -> Invocation {
    fixture.gate(["test", "--format", "json"]).args(more)
}

/// What was told, and forgets it: the document and the notices.
fn take_told(fixture: &Fixture) -> Option<(String, String)> {
    let [told, notices] = ["told", "notices"].map(|name| fixture.scratch().join(name));
    let both = notices.exists().then(|| (read(&told), read(&notices)));
    for file in [told, notices] {
        let _ = std::fs::remove_file(file);
    }
    both
}

/// Somebody was told exactly what was printed.
#[track_caller]
fn assert_told(fixture: &Fixture, ended: &Ended, notices: &str) {
    let (document, heading) = take_told(fixture).unwrap_or_else(|| panic!("nobody was told\n{ended}"));
    assert_eq!(document, ended.stdout());
    let root = fixture.root().canonicalize().unwrap();
    assert_eq!(heading, format!("{notices} in {}\n", root.display()));
}

#[test]
fn a_gate_that_shuts_is_told_and_one_that_is_open_is_not() {
    let fixture = listening("harness", ALL);
    let red = test(&fixture, ["--test", "outcomes"]).run();
    assert_told(&fixture, red.assert_code(100), "fail");
    let off_the_record = test(&fixture, ["--test", "outcomes", "--no-record"]).run();
    assert_told(&fixture, off_the_record.assert_code(100), "fail");
    // People are shown something else; who is told gets the document all the same.
    fixture.gate(["test", "--test", "outcomes"]).run().assert_code(100);
    let (document, _) = take_told(&fixture).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&document).unwrap()["verdict"], "fail");
    test(&fixture, ["--test", "calm"]).run().assert_code(0);
    assert_eq!(take_told(&fixture), None);
}

#[test]
fn what_is_no_verdict_on_the_code_is_not_told() {
    let fixture = listening("harness", ALL);
    for (args, code) in [
        (&["test", "--test", "outcomes", "--list"][..], 0),
        (&["test", "--test", "calm", "--no-run"], 0),
        (&["test", "--no-such-flag"], 2),
        (&["test", "--test", "calm", "no_test_has_this_name"], 4),
    ] {
        fixture.gate(args.iter().copied()).run().assert_code(code);
        assert_eq!(take_told(&fixture), None, "{args:?}");
    }
}

#[test]
fn a_suite_that_never_executed_is_told_to_whoever_asked_for_that() {
    let runner = format!("CARGO_TARGET_{}_RUNNER", host().to_uppercase().replace(['-', '.'], "_"));
    for (on, notices) in [(ALL, Some("fail,exhausted")), (r#"["exhausted"]"#, Some("exhausted")), ("[]", None)] {
        let fixture = listening("harness", on);
        let args = ["--test", "calm", "--infra-retries", "0"];
        let ended = test(&fixture, args).env(&runner, "/nowhere/runner").run();
        ended.assert_code(22);
        match notices {
            Some(notices) => assert_told(&fixture, &ended, notices),
            None => assert_eq!(take_told(&fixture), None),
        }
    }
}

#[test]
fn a_test_that_turns_flaky_is_told_once() {
    let fixture = listening("harness", ALL);
    let ended = test(&fixture, ["--test", "flaky", "--retries", "2"]).run();
    assert_told(&fixture, ended.assert_code(0), "flaky-new");
    // They are flaky still, and that is no news.
    let again = test(&fixture, ["--test", "flaky", "--retries", "2"]).run();
    assert_eq!(take_told(&fixture), None, "{again}");
}

#[test]
fn who_cannot_be_told_is_warned_of_and_decides_nothing() {
    for (body, words) in [
        ("cat >/dev/null; echo 'no route' >&2; exit 3", "exited with 3; it said last: no route"),
        ("echo dialling; sleep 600 & wait", "did not end within 10s, and was killed; it said last: dialling"),
    ] {
        let fixture = told_by("harness", ALL, body);
        let ended = test(&fixture, ["--test", "outcomes"]).run();
        ended.assert_code(100).assert_stderr_has("warning: perhaps nobody was told: ").assert_stderr_has(words);
        assert_eq!(ended.json()["exit_code"], 100);
    }
    let fixture = Fixture::shared("harness");
    fixture.write("gate.toml", "[notify]\ncommand = [\"/nowhere/at-all\"]\n");
    let ended = test(&fixture, ["--test", "outcomes"]).run();
    ended.assert_code(100).assert_stderr_has("nobody was told: `/nowhere/at-all` cannot be started");
}

#[test]
fn coverage_that_was_measured_elsewhere_is_told() {
    let fixture = listening("covered", ALL);
    fixture.write("half.info", "SF:src/lib.rs\nDA:1,1\nDA:2,0\nend_of_record\n");
    let judged = |floor| fixture.gate(["coverage", "--format", "json", "--from", "half.info", "--floor", floor]).run();
    let red = judged("90");
    assert_told(&fixture, red.assert_code(20), "fail");
    judged("50").assert_code(0);
    assert_eq!(take_told(&fixture), None);
}
