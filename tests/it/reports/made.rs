//! A past that was made up: as values for the reports, and as runs for a store.

use std::sync::Arc;
use std::time::Duration;

use cargo_gate::exit_code::ExitCode;
use cargo_gate::history::store::FinishedRun;
use cargo_gate::model::{
    Attempt, AttemptOutcome, CaseRecord, ContentHash, Context, Ending, Judgement, Metric, Outcome, Reason, RunHead,
    RunId, RunRecord, RunState, TestKey, Totals, Verdict, WORKSPACE_SUITE,
};
use cargo_gate::report::explanation::{LastFailure, Moment, Place, Tally, Times};
use cargo_gate::report::retrospect::{Cell, CoveragePoint, PastQuarantine, PastRun, PastTest};
use cargo_gate::report::{Explanation, Retrospect};
use jiff::{SignedDuration, Timestamp};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn now() -> Timestamp {
    "2026-01-31T12:00:00Z".parse().unwrap()
}

fn key(text: &str) -> Arc<TestKey> {
    Arc::new(text.parse().unwrap())
}

fn context() -> Context {
    Context { target: "x86_64-unknown-linux-gnu".into(), features: String::new(), profile: "dev".into() }
}

fn outcome(letter: char) -> Outcome {
    match letter {
        'F' => Outcome::Failed,
        'E' => Outcome::Error,
        'T' => Outcome::Timeout,
        's' => Outcome::Skipped,
        '~' => Outcome::Flaky,
        _ => Outcome::Passed,
    }
}

pub(crate) fn attempt(outcome: AttemptOutcome, text: Option<&str>) -> Attempt {
    let ending = (outcome == AttemptOutcome::Error).then_some(Ending::Signaled(11));
    Attempt { outcome, took: Some(ms(12)), ending, why: None, text: text.map(Into::into) }
}

pub(crate) fn panic_text(message: &str) -> String {
    format!(
        "setting up\nthread 'x' (4711) panicked at tests/net.rs:7:9:\n{message}\nnote: run with `RUST_BACKTRACE=1`\n"
    )
}

fn case(key: &Arc<TestKey>, outcome: Outcome, took: u64, text: &str) -> CaseRecord {
    let failed = |how| attempt(how, Some(text));
    let attempts = match outcome {
        Outcome::Passed => vec![attempt(AttemptOutcome::Passed, None)],
        Outcome::Failed => vec![failed(AttemptOutcome::Failed)],
        Outcome::Error => vec![failed(AttemptOutcome::Error)],
        Outcome::Timeout => vec![failed(AttemptOutcome::Timeout)],
        Outcome::Flaky => vec![failed(AttemptOutcome::Failed), attempt(AttemptOutcome::Passed, None)],
        Outcome::Skipped => Vec::new(),
    };
    CaseRecord {
        key: Arc::clone(key),
        outcome,
        took: (outcome != Outcome::Skipped).then(|| ms(took)),
        attempts,
        line: None,
        leaked: false,
        binary_hash: None,
    }
}

/// A run's start: one every five hours, the last an hour ago.
fn start(run: usize, runs: usize) -> Timestamp {
    now() - SignedDuration::from_hours(i64::try_from((runs - 1 - run) * 5 + 1).unwrap())
}

/// Twelve runs with all that may become of one.
fn runs() -> Vec<PastRun> {
    let letters = "PPFPBPIPPDPF";
    letters
        .chars()
        .enumerate()
        .map(|(at, letter)| {
            let start = start(at, letters.len());
            let (state, verdict, text) = match letter {
                'P' => (RunState::Executed, Some(Verdict::Pass), "all 1,204 tests passed"),
                'F' => (RunState::Executed, Some(Verdict::Fail), "2 of 1,204 tests do not pass: app/test:db::slow, …"),
                'B' => (RunState::BuildFailed, Some(Verdict::Fail), "the code does not build; cargo says why above"),
                'D' => (RunState::Deferred, Some(Verdict::Deferred), "the suite did not execute: the disk is full"),
                _ => (RunState::Interrupted, None, ""),
            };
            PastRun {
                id: RunId::new(start, 0x1a2b_3c4d),
                start,
                state,
                verdict,
                reasons: verdict.map(|_| Reason::new("reason", text)).into_iter().collect(),
                totals: Totals { tests: 1_204, passed: 1_201, failed: 2, skipped: 1, ..Totals::default() },
                duration: (letter != 'I').then(|| ms(41_000 + 700 * at as u64)),
                commit: Some(format!("{:010x}", at * 7_654_321_987)),
                branch: Some(if at == 5 { "topic" } else { "main" }.to_owned()),
                link: Some(format!("https://ci.example/runs/{at}")),
            }
        })
        .collect()
}

fn test(name: &str, state: &'static str, evidence: &str, letters: &str, took: u64) -> PastTest {
    let cells: Vec<Cell> = letters
        .chars()
        .enumerate()
        .map(|(run, letter)| Cell { run, outcome: outcome(letter), took: Some(ms(took + run as u64 * (took / 20))) })
        .collect();
    let fails = |cell: &&Cell| cell.outcome.is_failure() || cell.outcome == Outcome::Flaky;
    PastTest {
        key: key(name),
        state,
        evidence: evidence.to_owned(),
        quarantine: None,
        executions: cells.len() as u64,
        failures: cells.iter().filter(fails).count() as u64,
        streak: cells.iter().rev().take_while(|cell| cell.outcome.is_failure()).count(),
        cells,
        mean: Some(ms(took)),
        recent: Some(ms(took)),
        slower: None,
    }
}

/// A workspace in which a little of everything went wrong.
pub(crate) fn retrospect() -> Retrospect {
    let same_code = "3 of 12 runs failed, 5 flips; the same code (4f1e2d3a9b) failed in 20260129T110000000Z-1a2b3c4d \
                     and passed in 20260130T070000000Z-1a2b3c4d";
    let mut tests = vec![
        test("app/app::cache::evicts", "flaky", "1 of 12 runs failed, 2 flips", "......F.....", 8),
        test("app/app::math::adds", "new", "none of 4 runs failed", "....", 1),
        test("app/test:db::migrates", "steady", "none of 12 runs failed", "............", 940),
        test("app/test:db::slow", "broken", "3 of 12 runs failed, 1 flip", ".........FFF", 12),
        test("app/test:db::was_broken", "broken", "2 of 12 runs failed, 1 flip", ".......FF", 12),
        test("app/test:net::peer", "flaky", same_code, ".F..~..F...F", 31),
        test(
            "app/test:net::reconnects_after_a_partition_of_the_whole_cluster",
            "suspect",
            "3 failing episodes",
            ".F..F...F...",
            2_400,
        ),
        test("app/test:net::tries_again", "recovered", "1 of 12 runs failed", "..F.........", 12),
    ];
    tests[2].slower = Some((ms(610), ms(940)));
    tests[5].quarantine = Some(PastQuarantine {
        reason: "upstream bug".to_owned(),
        until: Some("2027-01-31".parse().unwrap()),
        is_expired: false,
    });
    let refused = panic_text("called `Result::unwrap()` on an `Err` value: Connection refused (os error 111)");
    Retrospect {
        workspace: "harbour".to_owned(),
        at: now(),
        context: context(),
        runs: runs(),
        failing: vec![
            case(&tests[3].key, Outcome::Failed, 12, &refused),
            case(&tests[5].key, Outcome::Error, 31, &refused),
        ],
        groups: vec![vec![0, 5, 6]],
        vanished: vec![key("app/test:cli::old_flag")],
        order: vec![
            (3, "failed in its last 3 runs".to_owned()),
            (5, "failed in 4 of 12 runs, last 1 run ago".to_owned()),
            (1, "never recorded".to_owned()),
            (6, "takes 2.400s".to_owned()),
            (2, "takes 0.940s".to_owned()),
            (0, "takes 0.008s".to_owned()),
        ],
        metric: Metric::Lines,
        coverage: [(3, 799), (1, 812)]
            .map(|(ago, covered)| CoveragePoint {
                at: now() - SignedDuration::from_hours(24 * ago),
                covered,
                total: 1_024,
                commit: Some("4f1e2d3a9b8c7d6e5f".to_owned()),
            })
            .into(),
        files: Vec::new(),
        tests,
    }
}

fn moments(letters: &str) -> Vec<Moment> {
    letters
        .chars()
        .enumerate()
        .map(|(at, letter)| {
            let start = start(at, letters.len());
            Moment {
                run: RunId::new(start, 0x1a2b_3c4d),
                start,
                outcome: outcome(letter),
                took: (letter != 's').then(|| ms(20 + (at as u64 * 37) % 50)),
                commit: Some(format!("{:010x}", (at / 3 + 1) * 7_654_321_987)),
                branch: Some(if (12..24).contains(&at) { "a-topic-branch" } else { "main" }.to_owned()),
                is_same_code: at % 3 != 0,
            }
        })
        .collect()
}

/// A flaky test, of which everything is known that can be.
pub(crate) fn explanation() -> Explanation {
    let timeline = moments(".......F......~.....s......F.....F.........T.....FF");
    let refused = panic_text("called `Result::unwrap()` on an `Err` value: Connection refused (os error 111)");
    let test = key("app/test:net::peer");
    let last = timeline.last().unwrap().clone();
    Explanation {
        at: now(),
        context: context(),
        is_there: true,
        state: "flaky",
        evidence: "6 of 50 runs failed, 1 passed only when tried again, 9 flips; the same code (4f1e2d3a9b) failed in \
                   20260129T110000000Z-1a2b3c4d and passed in 20260130T070000000Z-1a2b3c4d"
            .to_owned(),
        quarantine: Some(PastQuarantine {
            reason: "upstream bug".to_owned(),
            until: Some("2027-01-31".parse().unwrap()),
            is_expired: false,
        }),
        times: Some(Times {
            least: ms(20),
            median: ms(44),
            most: ms(69),
            recent: ms(51),
            mean: ms(43),
            slower: Some((ms(31), ms(51))),
        }),
        all: Tally { passed: 1_113, failed: 61, flaky: 3, skipped: 1 },
        window: Tally { passed: 43, failed: 6, flaky: 1, skipped: 1 },
        streak: 2,
        last_failure: Some(LastFailure { moment: last, case: Some(case(&test, Outcome::Failed, 33, &refused)) }),
        last_pass: timeline.iter().rev().find(|moment| moment.outcome == Outcome::Passed).cloned(),
        mates: vec![key("app/app::cache::evicts"), key("app/test:net::reconnects")],
        place: Some(Place { rank: 2, of: 1_204, why: "failed in its last 2 runs".to_owned() }),
        isolation: Some("it aborted, hung or leaked 8 runs ago".to_owned()),
        key: test,
        timeline,
    }
}

/// A test that is ignored and has been gone for a while: little is known of it.
pub(crate) fn hardly_known() -> Explanation {
    Explanation {
        is_there: false,
        state: "new",
        evidence: "never executed".to_owned(),
        quarantine: Some(PastQuarantine {
            reason: "waits for a runner".to_owned(),
            until: Some("2026-01-15".parse().unwrap()),
            is_expired: true,
        }),
        timeline: moments("s"),
        times: None,
        all: Tally { skipped: 1, ..Tally::default() },
        window: Tally { skipped: 1, ..Tally::default() },
        streak: 0,
        last_failure: None,
        last_pass: None,
        mates: Vec::new(),
        place: None,
        isolation: None,
        ..explanation()
    }
}

/// Everything that comes from outside wants to be more than text.
pub(crate) fn hostile(text: &str) -> Explanation {
    let mut made = explanation();
    let mut name = TestKey::clone(&made.key);
    text.clone_into(&mut name.name);
    made.key = Arc::new(name);
    text.clone_into(&mut made.evidence);
    made.quarantine = Some(PastQuarantine { reason: text.to_owned(), until: None, is_expired: false });
    for moment in &mut made.timeline {
        moment.run = RunId::from_stored(text);
        moment.commit = Some(text.to_owned());
        moment.branch = Some(text.to_owned());
    }
    let said = case(&made.key, Outcome::Error, 3, text);
    let last = made.timeline.last().unwrap().clone();
    made.last_failure = Some(LastFailure { moment: last, case: Some(said) });
    made.mates = vec![Arc::clone(&made.key)];
    made.place = Some(Place { rank: 1, of: 1, why: text.to_owned() });
    made.isolation = Some(text.to_owned());
    made
}

/// What each test of the made-up workspace did in its runs, from the first on.
pub(crate) const HISTORY: [(&str, &str); 6] = [
    ("app/app::math::adds", "............................"),
    ("app/app::math::adds_slowly", "............................"),
    ("app/test:db::slow", "........................FFFF"),
    ("app/test:net::forks", "..........................E."),
    ("app/test:net::peer", "...F...~....F.....F...~....F"),
    ("app/test:net::needs_a_network", "ssssssssssssssssssssssssssss"),
];

/// The runs of [`HISTORY`], of three to a commit.
pub(crate) fn history() -> Vec<FinishedRun> {
    let runs = HISTORY[0].1.len();
    (0..runs)
        .map(|run| {
            let cases: Vec<Arc<CaseRecord>> = HISTORY
                .iter()
                .map(|(name, letters)| {
                    let letter = letters.chars().nth(run).unwrap();
                    let took = if *name == "app/app::math::adds_slowly" { 300 + run as u64 % 9 } else { 12 };
                    Arc::new(case(&key(name), outcome(letter), took, &panic_text("Connection refused")))
                })
                .collect();
            let totals = Totals::of(cases.iter().map(|case| &**case));
            let (verdict, code, text) = match totals.failures() {
                0 => (Verdict::Pass, ExitCode::Pass, "all tests passed".to_owned()),
                failures => (Verdict::Fail, ExitCode::TestsFailed, format!("{failures} of 5 tests do not pass")),
            };
            let start = Timestamp::now() - SignedDuration::from_hours(i64::try_from((runs - run) * 3).unwrap());
            let head = RunHead {
                id: RunId::new(start, u32::try_from(run).unwrap()),
                start,
                context: context(),
                suite: WORKSPACE_SUITE.to_owned(),
                version: None,
                trigger: "manual".into(),
                host: "here".into(),
                toolchain: "rustc 1.95.0".into(),
                commit: Some(format!("{:040x}", (run / 3 + 1) * 7_654_321_987)),
                branch: Some("main".into()),
                dirty: Some(false),
                ci_link: None,
                input_key: Some(ContentHash([u8::try_from(run / 3).unwrap(); 16])),
                instrumented: false,
                full: true,
                shard: None,
                pid: std::process::id(),
                boot_id: None,
            };
            let judgement = Judgement { verdict, codes: vec![code], reasons: vec![Reason::new("tests", text)] };
            let record = RunRecord {
                head,
                state: RunState::Executed,
                totals,
                not_run: 0,
                duration: ms(900 + run as u64 * 10),
                judgement,
                plan_digest: None,
                coverage: None,
            };
            FinishedRun { record, cases, binaries: Vec::new() }
        })
        .collect()
}
