//! `cargo gate status`: what is in force (R14), the counters (R18), and whether a full run passed lately (R25).

use cargo_gate::history::passing::{Lack, Question};
use cargo_gate::history::store::StoredRun;
use cargo_gate::model::{Context, Judgement, RunHead, RunId, RunState, Totals, Verdict, WORKSPACE_SUITE};
use jiff::Timestamp;
use serde_json::Value;

use crate::support::{Ended, Fixture};

fn workspace() -> Fixture {
    let fixture = Fixture::bare();
    fixture
        .write("Cargo.toml", "[package]\nname = \"app\"\nedition = \"2024\"\n[lib]\ndoctest = false\n")
        .write("src/lib.rs", "#[test]\nfn adds_up() {}\n#[test]\nfn goes_on() {}\n");
    fixture
}

fn gate(fixture: &Fixture, line: &str) -> Ended {
    fixture.gate(line.split_whitespace()).run()
}

/// Asks, and holds code, word and sentence against what is expected.
#[track_caller]
fn asked(fixture: &Fixture, line: &str, code: i32, id: &str, sentence: &str) {
    let json = gate(fixture, &format!("status {line} --format json"));
    json.assert_code(code);
    let document = json.json();
    assert_eq!((&document["exit_code"], &document["answer"]["id"]), (&code.into(), &id.into()), "{json}");
    assert_eq!(document["answer"]["passed"], code == 0);
    let text = gate(fixture, &format!("status {line}"));
    text.assert_code(code).assert_stdout_has(sentence);
    assert_eq!((text.stdout().lines().count(), text.stderr().as_str()), (1, ""), "{text}");
}

#[test]
fn r14_status_shows_what_is_in_force() {
    let fixture = workspace();
    fixture.write(
        "gate.toml",
        "[scope]\npackages = [\"app\", \"lib-*\"]\n\
         [default.test]\nargs = [\"--workspace\", \"--release\"]\ntimeout = \"7m\"\nslow = \"9s\"\nrun-timeout = \"40m\"\n\
         grace = \"3s\"\nretries = 2\n[default.infra]\nretries = 5\ndelay = \"11s\"\nmode = \"defer\"\n\
         [default.coverage]\npolicy = \"absolute\"\nfloor = 81.5\nepsilon = 0.25\ntimeout = \"21m\"\n\
         [notify]\ncommand = [\"tell\"]\non = [\"fail\", \"flaky-new\"]\n\
         [pipeline.default]\nisolate = \"worktree\"\n\
         [[pipeline.default.step]]\nname = \"lint\"\nkind = \"lint\"\ncommand = [\"true\"]\n\
         [[pipeline.default.step]]\nname = \"test\"\nkind = \"test\"\n\
         [[pipeline.default.suite]]\nname = \"py\"\nrunner = \"pytest\"\n\
         [[pipeline.default.smoke]]\nurl = \"http://127.0.0.1:9/\"\n\
         [[pipeline.nightly.step]]\nname = \"soak\"\nkind = \"custom\"\ncommand = [\"true\"]\n",
    );
    let text = gate(&fixture, "status");
    text.assert_code(0);
    for line in [
        "gate       on\n",
        "profile    default, gate.toml\n",
        "packages   app lib-*\n",
        "selection  --workspace --release\n",
        "limits     slow 9s, timeout 7m, run-timeout 40m, grace 3s\n",
        "retries    of a test 2; of the suite 5, delay 11s, mode defer\n",
        "coverage   policy absolute, floor 81.5, epsilon 0.25, metric lines, on-tool-error open, timeout 21m\n",
        "switches   strict-env false, flaky-result pass, no-tests fail\n",
        "notify     on fail flaky-new\n",
        "pipelines  default: 2 steps, 1 suite, isolate worktree\n           nightly: 1 step, isolate none\n",
        "smoke      on: 1 check in default\n",
        "runs ever  0: 0 passed, 0 failed, 0 tool errors, 0 deferred\n",
        "last run   none\n",
    ] {
        text.assert_stdout_has(line);
    }
    let json = gate(&fixture, "status --format json");
    let document = json.json();
    assert_eq!(document["schema_version"], 1);
    assert_eq!((&document["enabled"], &document["profile"]), (&true.into(), &"default".into()));
    assert_eq!(
        (&document["settings"]["test.timeout"], &document["settings"]["coverage.floor"]),
        (&"7m".into(), &81.5.into())
    );
    assert_eq!((&document["answer"], &document["exit_code"]), (&Value::Null, &0.into()));
    let default = serde_json::json!({ "name": "default", "steps": 2, "suites": 1, "smoke": 1, "isolate": "worktree" });
    assert_eq!((&document["pipelines"][0], &document["pipelines"][1]["name"]), (&default, &"nightly".into()));
    let off = fixture.gate(["status"]).env("CARGO_GATE_DISABLE", "1").run();
    off.assert_code(0).assert_stdout_has("gate       off");
}

#[test]
fn r14_status_shows_every_baseline_and_the_settings_of_patches() {
    let fixture = workspace();
    fixture.write("gate.toml", "[default.coverage]\npatch-floor = 75\nbaseline-ref = \"origin/main\"\n");
    gate(&fixture, "status")
        .assert_code(0)
        .assert_stdout_has("ratchet.toml: 0 baselines; rises default-branch, scope workspace\n");
    for line in
        ["set 850/1000", "set 77.5 --subject package:app", "set 12/20 --subject file:src/lib.rs --metric regions"]
    {
        gate(&fixture, &format!("baseline {line}")).assert_code(0);
    }
    let text = gate(&fixture, "status");
    text.assert_code(0).assert_stdout_has("ratchet.toml: 3 baselines; ");
    for words in [
        "patch      patch-floor 75, patch-max-uncovered none, baseline-ref origin/main\n",
        "85.00 % of lines, workspace, ",
        "77.50 % of lines, package:app, ",
        "60.00 % of regions, file:src/lib.rs, ",
    ] {
        text.assert_stdout_has(words);
    }
    let document = gate(&fixture, "status --format json").json();
    let ratchet = &document["ratchet"];
    assert_eq!((&ratchet["readable"], &ratchet["workspace"]), (&true.into(), &".".into()));
    let shown = gate(&fixture, "baseline show --format json").json();
    assert_eq!((ratchet["entries"].as_array().unwrap().len(), &ratchet["entries"]), (3, &shown["entries"]));
}

#[test]
fn r14_status_with_a_ratchet_that_cannot_be_read_says_so_and_shows_the_rest() {
    let fixture = workspace();
    fixture.write("target/gate/ratchet.toml", "this is no ratchet");
    let text = gate(&fixture, "status");
    text.assert_code(0).assert_stderr_has("ratchet.toml` cannot be read: ");
    text.assert_stdout_has("ratchet.toml, which cannot be read\n").assert_stdout_has("runs ever  0: ");
    let ratchet = gate(&fixture, "status --format json").json()["ratchet"].clone();
    assert_eq!((&ratchet["readable"], &ratchet["entries"]), (&false.into(), &Value::Null));
    assert!(ratchet["error"].as_str().unwrap().contains("cannot be read"), "{ratchet}");
}

#[test]
fn r14_r18_status_without_a_history_that_can_be_read_shows_the_rest() {
    let fixture = workspace();
    fixture.write("target/gate/history.sqlite", &"this is no database ".repeat(200));
    let text = gate(&fixture, "status");
    text.assert_code(0).assert_stderr_has("the history is damaged");
    text.assert_stdout_has("limits     slow 1m").assert_stdout_has("history.sqlite, which cannot be read\n");
    text.assert_stdout_has("runs ever  not known\n").assert_stdout_has("pipelines  none\nsmoke      off: ");
    let document = gate(&fixture, "status --format json").json();
    assert_eq!((&document["store"]["readable"], &document["counters"]), (&false.into(), &Value::Null));
    assert_eq!(document["settings"]["infra.retries"], 2);
    // It is not known that any passed, nor that none ever ran.
    asked(&fixture, "--within 24h", 100, "unreadable", "no: no full run is known to have passed: ");
}

#[test]
fn r25_a_suite_passed_within_hours_or_not_or_never_ran() {
    let fixture = workspace();
    asked(&fixture, "--within 24h", 4, "never-ran", "no: the tests of this workspace never ran");
    asked(&fixture, "--within 24h --suite nightly", 4, "never-ran", "no: the suite `nightly` never ran");
    gate(&fixture, "history add --suite nightly --passed 3 --at 2026-01-01").assert_code(0);
    asked(&fixture, "--within 24h", 4, "never-ran", "never ran");
    asked(&fixture, "--within 24h --suite nightly", 100, "too-old", "days ago, longer ago than 1d\n");
    gate(&fixture, "history add --suite nightly --failed 2 --passed 1").assert_code(0);
    asked(&fixture, "--within 24h --suite nightly", 100, "not-passed", "did not pass: 2 of 3 tests failed\n");
    gate(&fixture, "history add --suite nightly --passed 3 --version 2").assert_code(0);
    gate(&fixture, "history add --suite nightly --failed 2").assert_code(0);
    asked(&fixture, "--within 24h --suite nightly", 0, "passed", "yes: a run of the suite `nightly` passed ");
    asked(&fixture, "--within 2d --suite other", 4, "never-ran", "the suite `other` never ran");
    gate(&fixture, "history prune --max-age 1ms").assert_code(0);
    asked(&fixture, "--within 24h --suite nightly", 100, "pruned", "is on record any more: all were pruned");
    let status = gate(&fixture, "status --suite nightly");
    status.assert_code(0).assert_stdout_has("last run   none of nightly\n");
    status.assert_stdout_has("runs ever  4: 2 passed, 2 failed, 0 tool errors, 0 deferred\n");
    gate(&fixture, "status --within 0h").assert_code(2);
}

#[test]
fn r25_the_commit_that_passed_is_the_one_that_was_checked_out_without_changes() {
    let fixture = workspace();
    // What the first build would add to the checkout.
    fixture.cargo(["generate-lockfile"]).run().assert_code(0);
    fixture.commit_all();
    asked(&fixture, "--within 1h --commit HEAD", 4, "never-ran", "never ran");
    gate(&fixture, "test goes_on").assert_code(0);
    asked(&fixture, "--within 1h", 100, "not-full", "no: no full run is on record");
    gate(&fixture, "test").assert_code(0);
    asked(&fixture, "--within 1h", 0, "passed", "yes: a full run passed ");
    asked(&fixture, "--within 1h --commit HEAD", 0, "passed", ", 2 tests, commit ");
    asked(&fixture, "--commit main", 0, "passed", "yes: a full run passed ");
    // Another commit is checked out: what passed was the one before.
    fixture.write("src/more.rs", "").commit_all();
    asked(&fixture, "--within 1h --commit HEAD", 100, "other-commit", " is on record: the latest was of ");
    asked(&fixture, "--within 1h --commit HEAD~1", 0, "passed", "yes: a full run passed ");
    // It passes with changes that are in no commit.
    fixture.write("notes", "not committed");
    gate(&fixture, "test").assert_code(0);
    asked(&fixture, "--within 1h --commit HEAD", 100, "uncommitted-changes", "had uncommitted changes\n");
    asked(&fixture, "--within 1h", 0, "passed", "with changes\n");
    let unknown = gate(&fixture, "status --within 1h --commit mian");
    unknown.assert_code(2).assert_stderr_has("git knows no commit `mian`");
    gate(&fixture, "status --commit=--all").assert_code(2).assert_stderr_has("git knows no commit `--all`");
    // And its counters and its last run are shown.
    let status = gate(&fixture, "status");
    status.assert_stdout_has("runs ever  3: 3 passed, 0 failed").assert_stdout_has("last run   pass, ");
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn run() -> StoredRun {
    let head = RunHead {
        id: RunId::new(at(900), 1),
        start: at(900),
        context: Context { target: String::new(), features: String::new(), profile: String::new() },
        suite: WORKSPACE_SUITE.into(),
        version: None,
        trigger: "manual".into(),
        host: "here".into(),
        toolchain: String::new(),
        commit: Some("0123456789abcdef".into()),
        branch: None,
        dirty: Some(false),
        ci_link: None,
        input_key: None,
        instrumented: false,
        full: true,
        shard: None,
        pid: 1,
        boot_id: None,
    };
    StoredRun {
        head,
        state: RunState::Executed,
        totals: Totals::default(),
        not_run: 0,
        duration: None,
        judgement: Some(Judgement { verdict: Verdict::Pass, codes: Vec::new(), reasons: Vec::new() }),
        plan_digest: None,
        coverage: None,
    }
}

#[test]
fn r25_a_run_lacks_the_first_of_what_was_asked() {
    let question = Question {
        suite: WORKSPACE_SUITE.into(),
        since: Some(at(500)),
        commit: Some("0123456789abcdef".into()),
        now: at(1000),
    };
    type Change = fn(&mut StoredRun, &mut Question);
    let table: [(Change, Option<Lack>); 16] = [
        (|_, _| {}, None),
        (|_, question| question.commit = Some("0123456".into()), None),
        (|_, question| question.commit = Some(String::new()), Some(Lack::Commit)),
        (|run, question| (run.head.start, question.since) = (at(0), None), None),
        (|run, _| run.head.start = at(500), None),
        (|run, _| run.head.start = at(499), Some(Lack::Recent)),
        (|run, _| run.head.start = at(1000), None),
        (|run, _| run.head.start = at(1001), Some(Lack::Past)),
        (|run, _| run.head.full = false, Some(Lack::Full)),
        (|run, _| run.head.commit = None, Some(Lack::Commit)),
        (|run, question| (run.head.commit, question.commit) = (None, None), None),
        (|run, _| run.head.dirty = Some(true), Some(Lack::Clean)),
        // Who told of it may not know.
        (|run, _| run.head.dirty = None, None),
        (|run, question| (run.head.dirty, question.commit) = (Some(true), None), None),
        (|run, _| run.judgement = None, Some(Lack::Passed)),
        (|run, _| run.state = RunState::Interrupted, Some(Lack::Passed)),
    ];
    for (number, (change, lack)) in table.into_iter().enumerate() {
        let (mut run, mut question) = (run(), question.clone());
        change(&mut run, &mut question);
        assert_eq!(question.lack(&run), lack, "row {number}");
    }
    for verdict in Verdict::ALL {
        let mut run = run();
        run.judgement = Some(Judgement { verdict, codes: Vec::new(), reasons: Vec::new() });
        assert_eq!(question.lack(&run).is_none(), verdict == Verdict::Pass, "{verdict}");
    }
}
