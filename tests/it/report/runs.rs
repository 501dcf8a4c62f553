//! The runs that the snapshots show.

use cargo_gate::event::Fact;
use cargo_gate::exit_code::ExitCode;
use cargo_gate::model::{AttemptOutcome, Ending, Outcome, RunState, Totals, Verdict};
use cargo_gate::report::{FlakyLine, Insights, NextLine, QuarantineLine, StreakLine};

use super::script::{Script, attempt, case, key, ms, panic_text};

pub(crate) fn all_pass() -> Script {
    let mut run = Script::built(1_204, 3, Some(2_400));
    run.passes("app/app", 1_200).pass("app/test:db::slow_peer::waits", 1_730).skip("app/test:db::needs_a_network");
    run.pass("app/doc:doc::src/lib.rs - add #1", 210).pass("app/test:db::migrates", 40);
    run.end(RunState::Executed, Verdict::Pass, &[ExitCode::Pass], "1,203 tests passed, 1 is ignored.");
    run
}

pub(crate) fn failures() -> Script {
    let mut run = Script::built(66, 3, Some(9_000));
    let refused = "called `Result::unwrap()` on an `Err` value: Connection refused (os error 111)";
    run.passes("app/app", 60);
    run.fail("app/test:db::slow", 12).pass("app/test:db::fast", 3).fail("app/test:db::reconnects", 8);
    run.text("app/test:db::slow", 1, &panic_text("slow", "tests/db.rs:12:5", refused));
    run.text("app/test:db::reconnects", 1, &panic_text("reconnects", "tests/db.rs:12:5", refused));
    let adds = "loading the table\n".to_owned()
        + &panic_text(
            "math::tests::adds",
            "src/math.rs:41:9",
            "assertion `left == right` failed: sums\n  left: 4\n right: 5",
        );
    run.fail("app/app::math::tests::adds", 0).text("app/app::math::tests::adds", 1, &adds);
    run.fail("tool/bin:tool::tests::reads_the_file", 4);
    run.text(
        "tool/bin:tool::tests::reads_the_file",
        1,
        "Error: Os { code: 2, kind: NotFound, message: \"No such file\" }\n",
    );
    run.fail("tool/bin:tool::tests::says_nothing", 4);
    run.end(RunState::Executed, Verdict::Fail, &[ExitCode::TestsFailed], "5 of 66 tests failed.");
    run
}

/// A test that fails twice and passes, and one that keeps failing.
pub(crate) fn retried() -> Script {
    let mut run = Script::built(12, 2, None);
    run.passes("app/app", 10);
    let (flaky, broken) = ("app/test:net::peer", "app/test:net::dead_peer");
    let failed = |took| attempt(AttemptOutcome::Failed, took);
    run.start(flaky).wait(31).retry(flaky, 1, failed(31), 500);
    run.text(flaky, 1, &panic_text("peer", "tests/net.rs:7:9", "no answer within 30ms"));
    run.wait(33).retry(flaky, 2, failed(33), 0);
    run.text(flaky, 2, &panic_text("peer", "tests/net.rs:7:9", "no answer within 30ms"));
    run.wait(9).finish(case(
        &key(flaky),
        Outcome::Flaky,
        vec![failed(31), failed(33), attempt(AttemptOutcome::Passed, 9)],
    ));
    run.start(broken).wait(30).retry(broken, 1, failed(30), 0);
    run.text(broken, 1, &panic_text("dead_peer", "tests/net.rs:7:9", "no answer within 30ms"));
    run.wait(32).finish(case(&key(broken), Outcome::Failed, vec![failed(30), failed(32)]));
    run.text(broken, 2, &panic_text("dead_peer", "tests/net.rs:7:9", "no answer within 30ms"));
    run.end(RunState::Executed, Verdict::Fail, &[ExitCode::TestsFailed], "1 of 12 tests failed, 1 is flaky.");
    run
}

pub(crate) fn crash() -> Script {
    let mut run = Script::built(8, 1, None);
    run.passes("app/test:ffi", 5).start("app/test:ffi::frees_twice").start("app/test:ffi::reads").wait(80);
    run.die("app/test:ffi", 6, &["app/test:ffi::frees_twice", "app/test:ffi::reads"]);
    run.pass("app/test:ffi::reads", 2).start("app/test:ffi::frees_twice").wait(3);
    run.die("app/test:ffi", 6, &["app/test:ffi::frees_twice"]);
    let mut died = attempt(AttemptOutcome::Error, 3);
    died.ending = Some(Ending::Signaled(6));
    died.text = Some("free(): double free detected in tcache 2\n".into());
    run.finish(case(&key("app/test:ffi::frees_twice"), Outcome::Error, vec![died]));
    let mut left = attempt(AttemptOutcome::Error, 1);
    left.ending = Some(Ending::Exited(0));
    left.why = Some("the process left with status 0 before its summary (a test calls `process::exit`?)".into());
    run.finish(case(&key("app/test:ffi::exits"), Outcome::Error, vec![left]));
    run.end(RunState::Executed, Verdict::Fail, &[ExitCode::TestsFailed], "2 of 8 tests died with their process.");
    run
}

pub(crate) fn timeout() -> Script {
    let mut run = Script::built(4, 1, Some(3_000));
    run.passes("app/test:net", 2).start("app/test:net::hangs").wait(60_000);
    run.tell(Fact::TestSlow { key: key("app/test:net::hangs"), running: ms(60_000) }).wait(60_000);
    let mut late = attempt(AttemptOutcome::Timeout, 120_004);
    late.why = Some("it ran longer than its limit of 2m 00s and was killed".into());
    run.finish(case(&key("app/test:net::hangs"), Outcome::Timeout, vec![late]));
    let mut leaks = case(&key("app/test:net::forks"), Outcome::Passed, vec![attempt(AttemptOutcome::Passed, 4_100)]);
    leaks.leaked = true;
    run.wait(4_100).finish(leaks);
    run.tell(Fact::ProcessLeaked { binary: "app/test:net".parse().unwrap() });
    run.end(RunState::Executed, Verdict::Fail, &[ExitCode::TestsFailed], "1 of 4 tests ran into its limit.");
    run
}

pub(crate) fn interrupted() -> Script {
    let mut run = Script::built(1_204, 3, Some(90_000));
    run.passes("app/app", 30).fail("app/app::math::adds", 3).start("app/test:net::hangs").wait(4_000);
    run.start("app/test:db::slow").wait(1_250).tell(Fact::Interrupted { signal: "SIGINT" });
    let totals = Totals { tests: 31, passed: 30, failed: 1, ..Totals::default() };
    let codes = [ExitCode::Interrupted, ExitCode::TestsFailed];
    run.wait(20).end_of(
        RunState::Interrupted,
        Verdict::Fail,
        &codes,
        "Interrupted by SIGINT; 1,173 tests have no outcome.",
        totals,
        1_173,
    );
    run
}

pub(crate) fn build_failed() -> Script {
    let mut run = Script::new();
    run.wait(2_300).tell(Fact::BuildFinished { success: false, took: ms(2_300) });
    run.end(RunState::BuildFailed, Verdict::Fail, &[ExitCode::BuildFailed], "The build failed; no test ran.");
    run
}

pub(crate) fn deferred() -> Script {
    let mut run = Script::new();
    let why = "cargo could not be started: No space left on device (os error 28).";
    let failed = |attempt, retry_in: Option<u64>| Fact::ToolFailed {
        why: why.into(),
        attempt,
        of: 3,
        retry_in: retry_in.map(ms),
    };
    run.wait(10).tell(failed(1, Some(30_000))).wait(30_000).tell(failed(2, None));
    let sentence = "The suite did not execute (try 2 of 3): not a code fault; the next call tries again.";
    run.end(RunState::Deferred, Verdict::Deferred, &[ExitCode::Deferred], sentence);
    run
}

pub(crate) fn nothing() -> Script {
    let mut run = Script::built(0, 0, None);
    run.end(
        RunState::Executed,
        Verdict::Nothing,
        &[ExitCode::NoTests],
        "No test matches `databse`; did you mean `database`?",
    );
    run
}

/// Names and output that want to be more than text.
pub(crate) fn hostile() -> Script {
    let mut run = Script::built(3, 1, None);
    run.print("app/test:evil", b"\x1b[2Jclear\n::error::from pri").print("app/test:evil", b"nt\nno newline \x1b[3");
    run.fail("app/test:evil::a]]>\u{1b}[31m|`<b>\u{202e}::x\u{0}", 1);
    run.text(
        "app/test:evil::a]]>\u{1b}[31m|`<b>\u{202e}::x\u{0}",
        1,
        "::error::boo\n\u{1b}]0;title\u{7}```\n]]></failure>\u{fffe}&\u{0}\t|\n##[error]x\n",
    );
    run.pass("app/test:evil::ok\nresult: PASS", 1);
    run.end(
        RunState::Executed,
        Verdict::Fail,
        &[ExitCode::TestsFailed],
        "1 failed: a\nresult: PASS\n---\n\u{1b}[2J<script>",
    );
    run
}

pub(crate) fn insights() -> Insights {
    let flaky =
        |key: &str, evidence: &str| FlakyLine { key: key.into(), state: "flaky".into(), evidence: evidence.into() };
    let next = |i: usize| NextLine { key: format!("app/app::case_{i:04}"), reason: "never recorded".into() };
    let first = NextLine { key: "app/test:db::slow".into(), reason: "failed 3 of the last 20 runs".into() };
    Insights {
        flaky: vec![
            flaky("app/test:net::peer", "3 of 20 runs failed, 5 flips; the same code passed and failed in 2 runs"),
            flaky("app/app::cache::evicts", "1 of 41 runs failed; passed when tried again"),
        ],
        streaks: vec![StreakLine { key: "app/test:db::slow".into(), runs: 3, since: Some("4f1e2d3".into()) }],
        next: std::iter::once(first).chain((0..8).map(next)).collect(),
        quarantined: vec![
            QuarantineLine {
                key: key("app/test:db::slow"),
                outcome: Outcome::Failed,
                reason: "upstream bug".into(),
                until: Some("2027-01-31".parse().unwrap()),
                is_steady_again: false,
            },
            QuarantineLine {
                key: key("app/test:db::fast"),
                outcome: Outcome::Passed,
                reason: "flaked on CI".into(),
                until: None,
                is_steady_again: true,
            },
        ],
        vanished: vec![key("app/app::gone"), key("app/test:net::gone_too")],
        states: vec![(key("app/test:db::slow"), "flaky".into()), (key("app/test:db::broken"), "broken".into())],
    }
}

/// Four tests at a time, some of them long, one failing on the way.
pub(crate) fn busy() -> Script {
    let mut run = Script::built(1_204, 24, Some(9_000));
    let long = ["net::reconnects_after_a_partition_of_the_cluster", "db::migrates", "db::slow::vacuum", "net::peer"];
    let long: Vec<String> = long.iter().map(|name| format!("storage-engine/test:{name}")).collect();
    long.iter().for_each(|name| {
        run.start(name);
    });
    run.passes("storage-engine/storage_engine", 120);
    run.fail("storage-engine/storage_engine::pages::splits", 3);
    run.text(
        "storage-engine/storage_engine::pages::splits",
        1,
        &panic_text("pages::splits", "src/pages.rs:7:9", "index out of bounds: the len is 3 but the index is 3"),
    );
    for (i, name) in long.iter().enumerate() {
        run.wait(1_500).passes(&format!("app{i}/app{i}"), 50);
        run.finish(case(&key(name), Outcome::Passed, vec![attempt(AttemptOutcome::Passed, 3_000 + 1_500 * i as u64)]));
    }
    run.end(RunState::Executed, Verdict::Fail, &[ExitCode::TestsFailed], "1 of 325 tests failed.");
    run
}
