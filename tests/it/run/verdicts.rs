//! What the whole comes to: R15, R18, and which failure counts most.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::{harness, marks, place, ran, reasons, report, run, sh, states, step, tests};
use crate::support::Fixture;

/// A server that answers as it is told, and counts.
struct Server {
    address: String,
    asked: Arc<AtomicUsize>,
}

impl Server {
    fn start(status: &'static str, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).unwrap_or(0) == 0 {
                        break;
                    }
                    request.push(byte[0]);
                }
                count.fetch_add(1, Ordering::SeqCst);
                let answer =
                    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
                // Who asked may have read enough.
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { address, asked }
    }

    fn smoke(&self, contains: &str) -> String {
        format!("[[pipeline.default.smoke]]\nurl = \"http://{}/health\"\ncontains = \"{contains}\"\n", self.address)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// What the report's front matter says.
#[track_caller]
fn front(fixture: &Fixture, key: &str) -> String {
    let report = report(fixture);
    let line = report.lines().find_map(|line| line.strip_prefix(&format!("{key}:")));
    line.unwrap_or_else(|| panic!("no {key} in {report}")).trim().to_owned()
}

fn verdict(fixture: &Fixture) -> Option<i32> {
    fixture.gate(["verdict"]).arg(fixture.gate_dir().join("test-report.md")).run().code()
}

#[test]
fn a_gate_that_cannot_begin_leaves_no_earlier_verdict_behind() {
    let good = marks("fmt", "format");
    let fixture = place(&good);
    for (config, args) in [("nonsense", &[][..]), (&good, &["nowhere"])] {
        fixture.write("gate.toml", &good);
        run(&fixture, []).assert_code(0);
        assert_eq!(verdict(&fixture), Some(0));
        fixture.write("gate.toml", config);
        run(&fixture, args.iter().copied()).assert_code(96);
        assert_eq!((verdict(&fixture), front(&fixture, "gate_exit_code").as_str()), (Some(100), "96"), "{config}");
    }
    // What makes no sense on the command line says nothing of the code.
    fixture.write("gate.toml", &good);
    run(&fixture, []).assert_code(0);
    run(&fixture, ["--only", "nowhere"]).assert_code(2);
    assert_eq!(verdict(&fixture), Some(0));
}

#[test]
fn tests_that_pass_are_no_verdict_of_a_gate_that_is_killed_behind_them() {
    let config = tests("[]") + &sh("look", "e2e", "test ! -e \"$CARGO_GATE_DIR/../../test-report.md\"");
    run(&place(&config), []).assert_code(0);
}

#[test]
fn r15_failing_tests_fail_the_gate_and_nobody_asks_what_runs() {
    for keep_going in [&[][..], &["--keep-going"]] {
        let server = Server::start("200 OK", "ok");
        let fixture = harness(&(tests("[\"--test\", \"outcomes\"]") + &server.smoke("ok")));
        let ended = run(&fixture, keep_going.iter().copied());
        ended.assert_code(100);
        assert_eq!((ended.json()["verdict"].as_str(), server.asked()), (Some("fail"), 0), "{ended}");
        assert_eq!(states(&ended), "test failed, smoke not-run");
        assert_eq!(front(&fixture, "result"), "FAIL");
        assert_eq!((front(&fixture, "exit_code"), front(&fixture, "gate_exit_code")), ("100".into(), "100".into()));
        assert_eq!(front(&fixture, "smoke"), "skipped");
        assert_eq!(verdict(&fixture), Some(100));
        let step = step(&ended, "test");
        ended.assert_stderr_has("Next cargo gate run --only test");
        assert!(std::fs::read_to_string(step["log"].as_str().unwrap()).unwrap().contains("outcomes"), "{step}");
    }
}

#[test]
fn r15_a_suite_that_fails_is_not_green_either() {
    let server = Server::start("200 OK", "ok");
    let suite = "[[pipeline.default.suite]]\nname = \"outside\"\ncommand = [\"sh\", \"-c\", \"exit 1\"]\n";
    let fixture = place(&(suite.to_owned() + &server.smoke("ok")));
    run(&fixture, ["--keep-going"]).assert_code(100);
    assert_eq!((server.asked(), front(&fixture, "result")), (0, "FAIL".into()));
}

#[test]
fn r15_a_step_that_a_signal_ends_fails() {
    for (line, returncode) in [("kill -9 $$", -9), ("kill -TERM $$", -15), ("exit 255", 255)] {
        let fixture = place(&sh("a", "test", line));
        let ended = run(&fixture, []);
        ended.assert_code(21);
        assert_eq!(step(&ended, "a")["returncode"], returncode, "{ended}");
        assert_eq!((front(&fixture, "result"), front(&fixture, "gate_exit_code")), ("FAIL".into(), "21".into()));
        assert_eq!(front(&fixture, "exit_code"), returncode.to_string());
        assert_eq!(verdict(&fixture), Some(100));
    }
}

#[test]
fn r15_what_runs_is_asked_after_green_tests_and_a_wrong_answer_fails_the_gate() {
    for (status, contains, code, word) in
        [("200 OK", "ok", 0, "ok"), ("200 OK", "well", 21, "failed"), ("500 Oh", "ok", 21, "failed")]
    {
        let server = Server::start(status, "all ok");
        let fixture = harness(&(tests("[\"--test\", \"calm\"]") + &server.smoke(contains)));
        let ended = run(&fixture, []);
        ended.assert_code(code);
        assert_eq!(server.asked(), 1, "a wrong answer is not asked for again\n{ended}");
        assert_eq!(front(&fixture, "smoke"), word);
        assert_eq!(front(&fixture, "result"), if code == 0 { "PASS" } else { "FAIL" });
        assert_eq!(front(&fixture, "exit_code"), "0");
        assert_eq!(verdict(&fixture), Some(if code == 0 { 0 } else { 100 }));
        assert_eq!(ended.json()["smoke"]["state"], word);
        assert!(step(&ended, "smoke")["log"].is_string());
    }
}

#[test]
fn r15_who_cannot_be_reached_is_asked_three_times() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fixture = place(&format!("[[pipeline.default.smoke]]\nurl = \"http://{closed}/\"\n"));
    let ended = run(&fixture, []);
    ended.assert_code(21);
    assert_eq!(ended.json()["smoke"]["checks"][0]["tries"], 3, "{ended}");
}

#[test]
fn r18_one_pipeline_with_a_test_step_is_one_run_of_tests() {
    let fixture = harness(&(marks("fmt", "format") + &tests("[\"--test\", \"calm\"]")));
    let counters = || fixture.gate(["status", "--format", "json"]).run().json()["counters"].clone();
    let wanted = |runs: u32, pass: u32, fail: u32| json!({ "runs": runs, "pass": pass, "fail": fail, "tool_error": 0, "deferred": 0 });
    run(&fixture, []).assert_code(0);
    assert_eq!(counters(), wanted(1, 1, 0));
    run(&fixture, ["--only", "fmt"]).assert_code(0);
    assert_eq!(counters(), wanted(1, 1, 0), "no test ran");
    fixture.write("gate.toml", &tests("[\"--test\", \"outcomes\"]"));
    run(&fixture, []).assert_code(100);
    assert_eq!(counters(), wanted(2, 1, 1));
    run(&fixture, ["--no-record"]).assert_code(100);
    assert_eq!(counters(), wanted(2, 1, 1));
}

#[test]
fn of_several_failures_the_most_pressing_is_the_exit_code_and_all_are_named() {
    let missing = "[[pipeline.default.step]]\nname = \"missing\"\nkind = \"lint\"\ncommand = [\"no-such-tool\"]\n";
    let config = sh("lint", "lint", "exit 1") + missing + &tests("[\"--test\", \"outcomes\"]");
    let fixture = harness(&config);
    let ended = run(&fixture, ["--keep-going"]);
    ended.assert_code(96);
    assert_eq!(ended.json()["codes"], json!([96, 100, 21]), "{ended}");
    assert!(ended.json()["reasons"][0]["text"].as_str().unwrap().starts_with("missing: cannot start"), "{ended}");
    assert!(reasons(&ended).contains("lint: it exited with 1"), "{ended}");
    let ended = run(&fixture, ["--keep-going", "--skip", "missing"]);
    assert_eq!((ended.code(), &ended.json()["codes"]), (Some(100), &json!([100, 21])));
}

#[test]
fn a_group_waits_for_the_one_before_and_the_first_failure_ends_unless_asked_to_go_on() {
    let config =
        marks("last", "e2e") + &sh("bad", "lint", "exit 1") + &marks("apart", "custom") + &marks("before", "setup");
    for (more, ran_last) in [(&[][..], 0), (&["--keep-going"], 1)] {
        let fixture = place(&config);
        let ended = run(&fixture, more.iter().copied());
        ended.assert_code(21);
        assert_eq!((ran(&fixture, "before"), ran(&fixture, "last")), (1, ran_last), "{ended}");
        assert!(states(&ended).starts_with("before passed, bad failed"), "{ended}");
        if more.is_empty() {
            assert_eq!(step(&ended, "last")["why"], "bad did not pass");
        }
    }
}

#[test]
fn what_needs_a_step_comes_after_it_and_not_where_it_fails() {
    let first = "test -e \"$GATE_FIXTURE_DIR/second\" && exit 9\nsleep 0.2; echo ran > \"$GATE_FIXTURE_DIR/first\"";
    let second = "test -e \"$GATE_FIXTURE_DIR/first\" && echo ran > \"$GATE_FIXTURE_DIR/second\"";
    let needs = "needs = [\"first\"]\n";
    let fixture = place(&(sh("second", "custom", second) + needs + &sh("first", "custom", first)));
    let ended = run(&fixture, []);
    ended.assert_code(0);
    assert_eq!(states(&ended), "first passed, second passed");
    let fixture =
        place(&(sh("second", "custom", second) + needs + &sh("first", "custom", "exit 1") + &marks("free", "e2e")));
    let ended = run(&fixture, ["--keep-going"]);
    ended.assert_code(21);
    assert_eq!(states(&ended), "first failed, second not-run, free passed");
    assert_eq!(step(&ended, "second")["why"], "it needs first, which did not pass");
}

#[test]
fn a_softer_step_fails_nothing() {
    for (severity, state, warns) in [("warn", "warned", true), ("ignore", "ignored", false)] {
        let soft = |step: String| step + &format!("severity = \"{severity}\"\n");
        let config =
            soft(sh("soft", "lint", "exit 1")) + &soft(tests("[\"--test\", \"outcomes\"]")) + &marks("after", "e2e");
        let fixture = harness(&config);
        let ended = run(&fixture, []);
        ended.assert_code(0);
        assert_eq!(states(&ended), format!("soft {state}, test {state}, after passed"));
        assert_eq!((ended.json()["verdict"].as_str(), front(&fixture, "result").as_str()), (Some("pass"), "PASS"));
        assert_eq!(reasons(&ended).contains("WARNING: soft"), warns, "{ended}");
        assert_eq!(ended.json()["failure_reason"], Value::Null, "{ended}");
        let (_, done) = super::manifests(&fixture);
        let done = done.unwrap();
        assert_eq!((&done["all_executed"], &done["failure_reason"]), (&true.into(), &Value::Null), "{done:#}");
    }
}

#[test]
fn r15_tests_that_never_began_are_not_green_either() {
    let server = Server::start("200 OK", "ok");
    let config = sh("bad", "lint", "exit 1") + &marks("unit", "test") + "needs = [\"bad\"]\n" + &server.smoke("ok");
    let fixture = place(&config);
    let ended = run(&fixture, ["--keep-going"]);
    ended.assert_code(21);
    assert_eq!((states(&ended).as_str(), server.asked()), ("bad failed, unit not-run, smoke not-run", 0));
    assert_eq!(step(&ended, "smoke")["why"], "the tests are not green: unit");
    assert_eq!(front(&fixture, "smoke"), "skipped");
    let ended = run(&fixture, ["--keep-going", "--skip", "test"]);
    assert_eq!((states(&ended).as_str(), server.asked()), ("bad failed, unit skipped, smoke passed", 1));
}
