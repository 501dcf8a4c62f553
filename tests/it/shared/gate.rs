//! The gate as users meet it where there is no server.

use std::path::Path;

use crate::support::{Ended, Fixture, Invocation};

/// In every address of these tests.
const PASSWORD: &str = "s3cr3t-w0rd";

pub(super) fn workspace() -> Fixture {
    let fixture = Fixture::bare();
    fixture.write("Cargo.toml", "[package]\nname = \"app\"\nedition = \"2024\"\n[lib]\ndoctest = false\n").write(
        "src/lib.rs",
        "#[test]\nfn adds_up() {}\n#[test]\nfn falls() { assert!(std::env::var(\"RED\").is_err()) }\n",
    );
    fixture
}

/// A place where nobody listens.
fn nobody() -> String {
    format!("postgres://ci:{PASSWORD}@127.0.0.1:1/gate")
}

/// The gate with a shared history.
pub(super) fn gate(fixture: &Fixture, url: &str, line: &str) -> Invocation {
    fixture.gate(line.split_whitespace()).env("CARGO_GATE_STORE_URL", url)
}

/// Neither what was said nor any file has the password in it.
#[track_caller]
fn assert_secret(fixture: &Fixture, said: &[&Ended]) {
    assert_has_no(PASSWORD, fixture, said);
}

/// The same of any password.
#[track_caller]
pub(super) fn assert_has_no(password: &str, fixture: &Fixture, said: &[&Ended]) {
    for ended in said {
        assert!(!ended.stdout().contains(password) && !ended.stderr().contains(password), "{ended}");
    }
    for dir in [fixture.gate_dir(), fixture.target_dir().join("gate")] {
        assert_nowhere(password, &dir);
    }
}

fn assert_nowhere(password: &str, dir: &Path) {
    let Ok(entries) = fs_err::read_dir(dir) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_nowhere(password, &path);
        } else {
            let bytes = fs_err::read(&path).unwrap();
            let is_in = bytes.windows(password.len()).any(|window| window == password.as_bytes());
            assert!(!is_in, "{}", path.display());
        }
    }
}

/// Runs of the workspace that wait, as status tells.
pub(super) fn waiting(fixture: &Fixture, url: &str) -> u64 {
    let status = gate(fixture, url, "status --format json").run();
    status.assert_code(0).json()["store"]["waiting"].as_u64().unwrap()
}

#[test]
fn without_a_server_the_verdict_stands_and_the_run_is_kept() {
    let (fixture, url) = (workspace(), nobody());
    let green = gate(&fixture, &url, "test").run();
    green.assert_code(0).assert_stderr_has("the shared history cannot be reached: ");
    green.assert_stderr_has("the run is kept here, and sent by the next one");
    assert_eq!(green.stderr().matches("shared history").count(), 1, "one warning: {green}");
    let red = gate(&fixture, &url, "test --format json --events events.ndjson").env("RED", "1").run();
    red.assert_code(100);
    assert_eq!(red.json()["verdict"], "fail");
    assert_eq!(waiting(&fixture, &url), 2);
    // What failed last time comes first, as far as this machine knows.
    let order = gate(&fixture, &url, "test --failed").run();
    order.assert_code(0);
    order
        .assert_stderr_has("Running 1 test in 1 binary")
        .assert_stderr_has("app/app::falls  flaky: 1 of 3 runs failed");
    assert_eq!(waiting(&fixture, &url), 3);

    // Whether tests are gone only the history knows.
    let vanished = gate(&fixture, &url, "test --no-record --fail-on-vanished --format json").run();
    vanished.assert_code(70).assert_stderr_has("cannot be reached");
    assert_eq!(vanished.json()["reasons"][0]["id"], "vanished-unknown");
    let part = gate(&fixture, &url, "test --no-record --fail-on-vanished adds").run();
    part.assert_code(0);

    let unrecorded = gate(&fixture, &url, "test --no-record").run();
    unrecorded.assert_code(0).assert_stderr_has("cannot be reached");
    assert_eq!(waiting(&fixture, &url), 3);

    let status = gate(&fixture, &url, "status").run();
    status.assert_code(0).assert_stdout_has("history    postgres://ci:***@127.0.0.1:1/gate, which cannot be reached\n");
    status.assert_stdout_has("waiting    3 runs wait to be sent: `cargo gate history push` sends what waits\n");
    let shown = gate(&fixture, &url, "config show").run();
    shown.assert_code(0).assert_stdout_has("postgres://ci:***@127.0.0.1:1/gate");
    let doctor = gate(&fixture, &url, "doctor").run();
    doctor.assert_stdout_has("absent   history         postgres://ci:***@127.0.0.1:1/gate\n");
    let doctor_json = gate(&fixture, &url, "doctor --format json").run();
    assert_eq!(doctor_json.json()["shared_history"]["reachable"], false);
    assert_eq!(doctor_json.json()["waiting"], 3);
    let events = fs_err::read_to_string(fixture.root().join("events.ndjson")).unwrap();
    assert!(!events.contains(PASSWORD));
    assert_secret(&fixture, &[&green, &red, &order, &unrecorded, &status, &shown, &doctor, &doctor_json]);
}

#[test]
fn what_only_shows_goes_on_without_a_server_and_what_decides_does_not() {
    let (fixture, url) = (workspace(), nobody());
    for (line, code) in [
        ("flaky", 0),
        ("flaky --fail-above 0", 70),
        ("order", 0),
        ("report", 0),
        ("history list", 0),
        ("history stats", 0),
        ("history export -o out.gz", 70),
        ("history prune --max-runs 1", 70),
        ("history undo last", 70),
        ("status --within 24h", 100),
    ] {
        let ended = gate(&fixture, &url, line).run();
        ended.assert_code(code);
        let said = format!("{}{}", ended.stdout(), ended.stderr());
        assert!(said.contains("the shared history cannot be reached: "), "{line}: {ended}");
        assert_secret(&fixture, &[&ended]);
    }
}

#[test]
fn what_is_told_without_a_server_waits_too() {
    let (fixture, url) = (workspace(), nobody());
    let told = gate(&fixture, &url, "history add --suite nightly --passed 3").run();
    told.assert_code(0).assert_stderr_has("the run is kept here");
    let plan = gate(&fixture, &url, "history add --suite nightly --failed 1 --format json").run();
    assert_eq!(plan.assert_code(0).json()["run"]["verdict"], "fail");
    assert_eq!(waiting(&fixture, &url), 2);
}

#[test]
fn a_gate_that_is_switched_off_asks_no_server() {
    let (fixture, url) = (workspace(), nobody());
    let off = gate(&fixture, &url, "test").env("CARGO_GATE_DISABLE", "1").run();
    off.assert_code(0);
    assert!(!off.stderr().contains("history"), "{off}");
    assert!(!fixture.gate_dir().join("outbox").exists());
}

#[test]
fn a_push_needs_somewhere_to_send_to() {
    let fixture = workspace();
    let nowhere = fixture.gate(["history", "push"]).run();
    nowhere.assert_code(96).assert_stderr_has("no shared history is configured: `url` in `[store]`");
    let plan = fixture.gate(["history", "push", "--dry-run"]).run();
    plan.assert_code(96).assert_stderr_has("no shared history is configured");
    let elsewhere = format!("[store]\nurl = \"mysql://ci:{PASSWORD}@db/gate\"\n");
    fixture.write("gate.toml", &elsewhere);
    let refused = fixture.gate(["history", "push"]).run();
    refused.assert_code(96).assert_stderr_has("gate.toml:2").assert_stderr_has("neither postgres:// nor postgresql://");
    assert_secret(&fixture, &[&nowhere, &refused]);
}

#[cfg(not(feature = "postgres"))]
#[test]
fn a_build_without_postgresql_says_which_one_has_it() {
    let (fixture, url) = (workspace(), nobody());
    let hint = "this build has no PostgreSQL: `cargo install --locked --path . --features postgres`";
    gate(&fixture, &url, "test").run().assert_code(0).assert_stderr_has(hint);
    gate(&fixture, &url, "history push").run().assert_code(96).assert_stderr_has(hint);
    assert_eq!(waiting(&fixture, &url), 1, "nothing is lost");
}
