//! The gate as users meet it with a server that is there, that is not, and that is there again.

use std::net::TcpListener;

use serde_json::Value;

use super::gate::{gate, waiting, workspace};
use crate::support::postgres::{PASSWORD, ROLE, Server, server};
use crate::support::proxy::Proxy;
use crate::support::{Ended, Fixture, wait_until};

/// The password as it stands in an address.
const WRITTEN: &str = "s3cret%20word";

/// An address with a password in it and a schema of its own.
fn address(server: &Server) -> String {
    let url = server.url_of(&format!("{ROLE}:{WRITTEN}"), "127.0.0.1");
    assert_eq!(PASSWORD.replace(' ', "%20"), WRITTEN);
    format!("{url}&sslmode=disable")
}

/// The same at another port.
fn at_port(url: &str, port: u16) -> String {
    let (before, rest) = url.split_once("127.0.0.1:").unwrap();
    let (_, after) = rest.split_once('/').unwrap();
    format!("{before}127.0.0.1:{port}/{after}")
}

/// Neither what was said nor any file of the gate has the password in it, however it is written.
#[track_caller]
fn assert_secret(fixture: &Fixture, said: &[&Ended]) {
    for password in [PASSWORD, WRITTEN] {
        super::gate::assert_has_no(password, fixture, said);
    }
}

fn listed(fixture: &Fixture, url: &str) -> Value {
    gate(fixture, url, "history list --format json").run().assert_code(0).json()
}

/// States of the runs on record, newest first.
fn states(fixture: &Fixture, url: &str) -> Vec<String> {
    let listed = listed(fixture, url);
    let states = listed["runs"].as_array().unwrap().iter().map(|run| run["state"].as_str().unwrap().to_owned());
    states.collect()
}

#[test]
fn two_checkouts_have_one_history() {
    let (one, two, url) = (workspace(), workspace(), address(server()));
    let red = gate(&one, &url, "test").env("RED", "1").run();
    red.assert_code(100);
    assert!(!red.stderr().contains("shared history"), "{red}");
    let changed = gate(&two, &url, "test --changed").env("RED", "1").run();
    changed.assert_code(100).assert_stderr_has("Running 2 tests in 1 binary");
    let failed = gate(&two, &url, "test --failed").run();
    failed.assert_code(0).assert_stderr_has("Running 1 test in 1 binary");
    for fixture in [&one, &two] {
        assert_eq!(listed(fixture, &url)["total"], 3);
        let flaky = gate(fixture, &url, "flaky").run();
        flaky.assert_code(0).assert_stdout_has("app/app::falls");
        assert!(!fixture.gate_dir().join("outbox").exists());
        let status = gate(fixture, &url, "status").run();
        status
            .assert_code(0)
            .assert_stdout_has("history    postgres://ci:***@127.0.0.1:")
            .assert_stdout_has(": 3 runs, ");
        let doctor = gate(fixture, &url, "doctor").run();
        doctor.assert_stdout_has("ok       history         postgres://ci:***@127.0.0.1:");
        assert_secret(fixture, &[&red, &failed, &changed, &flaky, &status, &doctor]);
    }
    gate(&two, &url, "history undo last").run().assert_code(0);
    gate(&one, &url, "history prune --max-runs 1").run().assert_code(0);
    assert_eq!(listed(&two, &url)["total"], 1);
}

#[test]
fn workspaces_that_share_a_database_do_not_share_a_history() {
    let (one, two) = (workspace(), workspace());
    for (fixture, name) in [(&one, "of-its-own"), (&two, "of-another")] {
        fixture.write(
            "Cargo.toml",
            &format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n[lib]\ndoctest = false\n"),
        );
        let url = address(server());
        let (url, _) = url.split_once('?').unwrap();
        gate(fixture, url, "test").run().assert_code(0);
        assert_eq!(listed(fixture, url)["total"], 1);
    }
}

#[test]
fn whatever_is_wrong_with_the_server_the_verdict_stands_and_the_next_run_sends() {
    let (fixture, url) = (workspace(), address(server()));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let wrong = [
        ("nobody listens", at_port(&url, closed)),
        ("nobody answers", at_port(&url, silent.local_addr().unwrap().port())),
        ("a wrong password", url.replace(WRITTEN, "s3cret%20wort")),
        ("no such database", url.replace("/postgres?", "/nowhere?")),
        ("no such host", url.replace("127.0.0.1", "nowhere.invalid")),
        ("no such schema name", url.replace("schema=test", "schema=Test")),
        ("no TLS where it is wanted", url.replace("sslmode=disable", "sslmode=verify-full&sslrootcert=/nowhere")),
    ];
    let mut kept = 0;
    for (what, url) in &wrong {
        for (red, code) in [(false, 0), (true, 100)] {
            let test = gate(&fixture, url, "test");
            let ended = if red { test.env("RED", "1") } else { test }.run();
            ended.assert_code(code).assert_stderr_has("the shared history cannot be reached: ");
            assert_eq!(ended.stderr().matches("the run is kept here").count(), 1, "{what}: {ended}");
            kept += 1;
            assert_eq!(waiting(&fixture, url), kept, "{what}");
            assert_secret(&fixture, &[&ended]);
        }
        let push = gate(&fixture, url, "history push").run();
        push.assert_code(70).assert_stderr_has("the shared history cannot be reached: ");
        assert_secret(&fixture, &[&push]);
    }
    assert_eq!(listed(&fixture, &url)["total"], 0);
    let next = gate(&fixture, &url, "test").run();
    next.assert_code(0);
    assert!(!next.stderr().contains("shared history"), "{next}");
    assert_eq!(waiting(&fixture, &url), 0);
    assert_eq!(listed(&fixture, &url)["total"], kept + 1);
    assert_secret(&fixture, &[&next]);
}

#[test]
fn a_history_of_a_newer_version_is_one_warning_and_the_run_waits() {
    let (fixture, url) = (workspace(), address(server()));
    gate(&fixture, &url, "test").run().assert_code(0);
    server().sql(&url, "UPDATE schema_version SET version = 99");
    let ended = gate(&fixture, &url, "test").env("RED", "1").run();
    ended.assert_code(100).assert_stderr_has("was written by a newer cargo gate (format 99, known here 1)");
    assert_eq!(ended.stderr().matches("the run is kept here").count(), 1, "{ended}");
    assert_eq!(waiting(&fixture, &url), 1);
    server().sql(&url, "UPDATE schema_version SET version = 1");
    gate(&fixture, &url, "test").run().assert_code(0);
    assert_eq!((waiting(&fixture, &url), listed(&fixture, &url)["total"].as_u64()), (0, Some(3)));
}

#[test]
fn a_server_that_goes_while_tests_run_gets_the_run_later_and_once() {
    let (fixture, url) = (workspace(), address(server()));
    fixture.write(
        "src/lib.rs",
        "#[test]\nfn waits() {\n    let dir = std::path::PathBuf::from(std::env::var_os(\"GATE_FIXTURE_DIR\").unwrap());\n\
         std::fs::write(dir.join(\"began\"), \"\").unwrap();\n\
         while !dir.join(\"go\").exists() { std::thread::sleep(std::time::Duration::from_millis(5)); }\n}\n",
    );
    let proxy = Proxy::to(server().port);
    let running = gate(&fixture, &at_port(&url, proxy.port), "test").spawn();
    wait_until("the test runs", || fixture.scratch().join("began").exists());
    assert_eq!(states(&fixture, &url), ["running"]);
    proxy.hold();
    proxy.cut();
    fs_err::write(fixture.scratch().join("go"), "").unwrap();
    let ended = running.wait();
    ended.assert_code(0).assert_stderr_has("the run is kept here");
    assert_eq!(waiting(&fixture, &url), 1);
    let push = gate(&fixture, &url, "history push").run();
    push.assert_code(0).assert_stdout_has("Sent 1 run; 0 known.\n");
    assert_eq!(states(&fixture, &url), ["executed"]);
    assert_eq!(gate(&fixture, &url, "history push --format json").run().assert_code(0).json()["sent"], 0);
    assert_eq!(listed(&fixture, &url)["total"], 1);
}

#[test]
fn runs_from_before_there_was_a_server_are_sent_on_demand() {
    let (fixture, url) = (workspace(), address(server()));
    for _ in 0..2 {
        fixture.gate(["test"]).run().assert_code(0);
    }
    gate(&fixture, &url, "history push").run().assert_code(0).assert_stdout_has("Sent 0 runs; 0 known.\n");
    let plan = gate(&fixture, &url, "history push --all --dry-run").run();
    plan.assert_code(0).assert_stdout_has("Would send 2 runs.\n");
    gate(&fixture, &url, "history push --all").run().assert_code(0).assert_stdout_has("Sent 2 runs; 0 known.\n");
    gate(&fixture, &url, "history push --all").run().assert_code(0).assert_stdout_has("Sent 0 runs; 2 known.\n");
    assert_eq!(listed(&fixture, &url)["total"], 2);
    let own = fixture.gate(["history", "list", "--format", "json"]).run().json();
    assert_eq!(own["total"], 2, "they stay here, too");
}

#[test]
fn a_pipeline_with_its_runs_is_in_the_shared_history() {
    let (fixture, url) = (workspace(), address(server()));
    fixture.write(
        "gate.toml",
        "[[pipeline.default.step]]\nname = \"tests\"\nkind = \"test\"\n\
         [[pipeline.default.suite]]\nname = \"scripts\"\nrunner = \"script\"\ncommand = [\"true\"]\n",
    );
    let run = gate(&fixture, &url, "run").run();
    run.assert_code(0);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let kept = gate(&fixture, &at_port(&url, closed), "run").run();
    kept.assert_code(0).assert_stderr_has("the run is kept here");
    let at_once = listed(&fixture, &url)["total"].as_u64().unwrap();
    assert_eq!(waiting(&fixture, &url), at_once, "each run of the pipeline, and itself");
    gate(&fixture, &url, "history push").run().assert_code(0);
    assert_eq!(listed(&fixture, &url)["total"], 2 * at_once);
    assert_secret(&fixture, &[&run, &kept]);
}
