//! Runs to be kept: pure functions of their numbers, and what a store learns from them.

use std::sync::Arc;
use std::time::Duration;

use cargo_gate::analytics::summary::{Entry, RunFacts, Summary};
use cargo_gate::exit_code::ExitCode;
use cargo_gate::history::sqlite::SqliteStore;
use cargo_gate::history::store::{FinishedRun, Store, TestSummary};
use cargo_gate::model::{
    Attempt, AttemptOutcome, CaseRecord, ContentHash, Context, CoverageFigures, Ending, Judgement, Outcome, Reason,
    RunHead, RunId, RunRecord, RunState, TestKey, Totals, Verdict, WORKSPACE_SUITE,
};
use cargo_gate::ratio::Ratio;
use jiff::Timestamp;

pub(crate) fn context() -> Context {
    Context { target: "x86_64-unknown-linux-gnu".into(), features: String::new(), profile: "dev".into() }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_750_000_000 + second).unwrap()
}

pub(crate) fn head(second: i64, tail: u32) -> RunHead {
    RunHead {
        id: RunId::new(at(second), tail),
        start: at(second),
        context: context(),
        suite: WORKSPACE_SUITE.into(),
        version: None,
        trigger: "manual".into(),
        host: cargo_gate::sys::host::name(),
        toolchain: "rustc 1.95.0".into(),
        commit: Some(format!("{second:040x}")),
        branch: Some("main".into()),
        dirty: Some(true),
        ci_link: Some("https://ci.example/1".into()),
        input_key: Some(ContentHash([u8::try_from(second.rem_euclid(200)).unwrap(); 16])),
        instrumented: false,
        full: true,
        shard: None,
        pid: std::process::id(),
        boot_id: cargo_gate::sys::host::boot_id().map(str::to_owned),
    }
}

pub(super) fn attempt(outcome: AttemptOutcome, millis: u64) -> Attempt {
    let took = Some(Duration::from_millis(millis));
    Attempt { outcome, took, ending: None, why: None, text: None }
}

pub(crate) fn case(name: &str, outcome: Outcome, millis: u64) -> Arc<CaseRecord> {
    let failed = Attempt { text: Some("it is not so".into()), ..attempt(AttemptOutcome::Failed, millis) };
    let attempts = match outcome {
        Outcome::Skipped => Vec::new(),
        Outcome::Passed => vec![attempt(AttemptOutcome::Passed, millis)],
        Outcome::Flaky => vec![failed, attempt(AttemptOutcome::Passed, millis)],
        Outcome::Failed => vec![failed],
        Outcome::Error => vec![Attempt {
            outcome: AttemptOutcome::Error,
            ending: Some(Ending::Signaled(6)),
            why: Some("it aborted".into()),
            ..failed
        }],
        Outcome::Timeout => vec![attempt(AttemptOutcome::Timeout, millis)],
    };
    let took = (outcome != Outcome::Skipped).then(|| Duration::from_millis(millis));
    let key: TestKey = format!("app/test:db::{name}").parse().unwrap();
    let binary_hash = Some(ContentHash([9; 16]));
    Arc::new(CaseRecord { key: Arc::new(key), outcome, took, attempts, line: None, leaked: false, binary_hash })
}

pub(super) fn judgement(totals: &Totals) -> Judgement {
    let (verdict, code) = match totals.failures() {
        0 => (Verdict::Pass, ExitCode::Pass),
        _ => (Verdict::Fail, ExitCode::TestsFailed),
    };
    Judgement { verdict, codes: vec![code], reasons: vec![Reason::new("why", "because of this")] }
}

pub(crate) fn record(head: RunHead, cases: &[Arc<CaseRecord>]) -> RunRecord {
    let totals = Totals::of(cases.iter().map(|case| &**case));
    RunRecord {
        head,
        state: RunState::Executed,
        totals,
        not_run: 2,
        duration: Duration::from_millis(1500),
        judgement: judgement(&totals),
        plan_digest: Some(ContentHash([3; 16])),
        coverage: None,
    }
}

/// A run of some tests; which of them fail depends on its number.
pub(super) fn run(number: u32, tests: u32) -> FinishedRun {
    let cases: Vec<Arc<CaseRecord>> = (0..tests)
        .map(|test| {
            let outcome = match (number * 7 + test * 13) % 29 {
                0 => Outcome::Failed,
                1 => Outcome::Flaky,
                2 => Outcome::Skipped,
                3 if test == 5 => Outcome::Error,
                _ => Outcome::Passed,
            };
            case(&format!("test_{test}"), outcome, u64::from(number + test))
        })
        .collect();
    let record = record(head(i64::from(number) * 60, number), &cases);
    FinishedRun { record, cases, binaries: Vec::new() }
}

/// What a measured run reached; no two numbers are alike.
pub(super) fn reached(number: u64) -> CoverageFigures {
    let ratio = |covered: u64| Ratio::new(covered + number, 100 + covered).unwrap();
    CoverageFigures {
        lines: ratio(10),
        regions: ratio(20),
        functions: ratio(30),
        branches: Ratio::EMPTY,
        counting: "llvm-cov".into(),
        is_whole: true,
        may_be_baseline: number % 2 == 1,
    }
}

pub(super) fn finish(store: &mut dyn Store, run: &FinishedRun) {
    store.finish(&run.record, &run.cases, &run.binaries).unwrap();
}

/// Summaries without the numbers that a store gives its runs in order of arrival.
pub(super) fn learnt(store: &dyn Store) -> Vec<TestSummary> {
    let mut summaries = store.summaries(&context()).unwrap();
    for test in &mut summaries {
        let entries: Vec<Entry> = test
            .summary
            .window()
            .map(|entry| {
                let facts = RunFacts { seq: 0, ..(*entry.run).clone() };
                Entry::new(Arc::new(facts), entry.outcome, entry.took()).marked(entry.both, entry.rough)
            })
            .collect();
        test.summary = Summary::from_parts(*test.summary.older(), entries);
    }
    summaries
}

/// A fresh store of these runs, appended in this order.
pub(super) fn learnt_from(runs: impl Iterator<Item = FinishedRun>) -> Vec<TestSummary> {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(camino::Utf8Path::from_path(folder.path()).unwrap()).unwrap();
    store.append(&mut { runs }).unwrap();
    learnt(&store)
}
