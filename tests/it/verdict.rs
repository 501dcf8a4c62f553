//! `cargo gate verdict`: what a report says, as an exit code (R11).

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::support::Fixture;

#[test]
fn r11_the_code_and_the_sentence_are_what_the_report_says() {
    let fixture = Fixture::bare();
    for (head, code, artifact, sentence) in [
        ("result: PASS\nstatus: success", 0, "tests", "PASS: `result` is PASS\n"),
        ("verdict: passed", 0, "tests", "PASS: `verdict` is PASSED\n"),
        ("result: FAIL\nstatus: failed", 100, "tests", "FAIL: `result` is FAIL\n"),
        ("result: PASS\nstatus: failed", 100, "tests", "FAIL: `status` is FAILED\n"),
        ("result: PASS\nverdict: TIMEOUT", 100, "tests", "FAIL: `verdict` is TIMEOUT\n"),
        ("status: BLOCKED", 100, "tests", "FAIL: `status` is BLOCKED\n"),
        ("exit_code: 0", 100, "tests", "FAIL: the front matter has none of `verdict`, `status`, `result`, "),
        ("coverage_status: PASS\nbaseline:", 0, "coverage", "PASS: `coverage_status` is PASS\n"),
        ("coverage_status: FAIL\nreason: \"40 of 50\"", 20, "coverage", "FAIL: `coverage_status` is FAIL: 40 of 50\n"),
        ("coverage_status: PASS\nresult: ERRORED", 20, "coverage", "FAIL: `result` is ERRORED\n"),
    ] {
        fixture.write("report.md", &format!("---\n{head}\n---\n# Report\nresult: PASS\n"));
        let ended = fixture.gate(["verdict", "report.md"]).run();
        ended.assert_code(code).assert_stdout_has(sentence);
        assert_eq!((ended.stdout().lines().count(), ended.stderr().as_str()), (1, ""), "{ended}");
        let document = fixture.gate(["verdict", "report.md", "--format", "json"]).run().assert_code(code).json();
        assert_eq!(document["verdict"], if code == 0 { "pass" } else { "fail" });
        assert_eq!((&document["exit_code"], &document["artifact"]), (&code.into(), &artifact.into()));
        assert!(sentence.contains(document["text"].as_str().unwrap()) || code == 100, "{document}");
    }
}

#[test]
fn what_cannot_be_read_is_no_pass_and_names_what_is_missing() {
    let fixture = Fixture::bare();
    fixture.write("plain.md", "result: PASS\n").write("open.md", "---\nresult: PASS\n").write("empty.md", "");
    for (file, words) in [
        ("plain.md", "FAIL: the report has no front matter, so there is no `result`\n"),
        ("open.md", "there is no `result`"),
        ("empty.md", "there is no `result`"),
        ("none.md", "FAIL: `none.md` cannot be read: "),
        (".", "cannot be read: "),
    ] {
        let ended = fixture.gate(["verdict", file]).run();
        ended.assert_code(96).assert_stdout_has(words);
        let document = fixture.gate(["verdict", file, "--format", "json"]).run().assert_code(96).json();
        assert_eq!((&document["verdict"], &document["artifact"]), (&"fail".into(), &Value::Null), "{file}");
    }
    fixture.gate(["verdict"]).run().assert_code(2);
}

#[test]
fn a_report_may_come_by_standard_input_and_cannot_command_the_terminal() {
    let fixture = Fixture::bare();
    let report = b"---\ncoverage_status: FAIL\nreason: a\x1b[31mb\xff\n---\n";
    let mut command = fixture.gate(["verdict", "-"]).into_command();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(report).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(20));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with("FAIL: `coverage_status` is FAIL: a") && !stdout.contains('\x1b'), "{stdout:?}");
}

#[cfg(unix)]
#[test]
fn the_report_of_a_run_says_what_the_run_said() {
    let fixture = Fixture::bare();
    fixture
        .write("Cargo.toml", "[package]\nname = \"app\"\nedition = \"2024\"\n[lib]\ndoctest = false\n")
        .write("src/lib.rs", "#[test]\nfn holds() { assert!(std::env::var_os(\"BREAK\").is_none()) }\n");
    for (breaks, code) in [(false, 0), (true, 100)] {
        let run = fixture.gate(["test"]);
        let run = if breaks { run.env("BREAK", "1") } else { run };
        run.run().assert_code(code);
        fixture.gate(["verdict", "target/gate/test-report.md"]).run().assert_code(code);
    }
    // Nor does a pass outlive a run that never began.
    let report = "target/gate/test-report.md";
    for (config, args, code, said) in [
        ("[default.test]\nslots = 0\n", &["test", "--no-record"][..], 96, 0),
        ("", &["test", "--repeat", "none"], 2, 0),
        ("[default.test]\nslots = 0\n", &["test", "--no-run"], 96, 0),
        ("[default.test]\nslots = 0\n", &["test"], 96, 100),
    ] {
        fixture.write("gate.toml", "").gate(["test"]).run().assert_code(0);
        fixture.write("gate.toml", config).gate(args.iter().copied()).run().assert_code(code);
        fixture.gate(["verdict", report]).run().assert_code(said);
    }
    let told = fixture.read(report);
    assert!(told.contains("slots") && told.contains("gate_exit_code: 96"), "{told}");
}
