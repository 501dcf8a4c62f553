//! Runs of a workspace that is made up, the same for every benchmark of a store.

use std::sync::Arc;
use std::time::Duration;

use cargo_gate::exit_code::ExitCode as Code;
use cargo_gate::history::store::FinishedRun;
use cargo_gate::model::{
    Attempt, AttemptOutcome, BinaryId, CaseRecord, ContentHash, Context, Judgement, Kind, Outcome, RunHead, RunId,
    RunRecord, RunState, TestKey, Totals, Verdict, WORKSPACE_SUITE,
};
use jiff::Timestamp;

/// Tests in one binary.
const BINARY: u64 = 100;

/// The most memory this process ever had.
pub(crate) fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().unwrap_or(0.0);
    kilobytes / 1024.0
}

pub(crate) fn context() -> Context {
    Context { target: "x86_64-unknown-linux-gnu".into(), features: String::new(), profile: "dev".into() }
}

/// The `run`-th run of a workspace with so many tests, of which the first `size` were executed. The same numbers give
/// the same run.
pub(crate) fn finished(run: u64, tests: u64, size: u64) -> FinishedRun {
    let start = Timestamp::from_second(1_700_000_000 + i64::try_from(run).unwrap_or(0) * 1_800).unwrap_or_default();
    let cases: Vec<Arc<CaseRecord>> = (0..tests.min(size)).map(|test| Arc::new(case(run, test))).collect();
    let totals = Totals::of(cases.iter().map(|case| &**case));
    let (verdict, code) = match totals.failures() {
        0 => (Verdict::Pass, Code::Pass),
        _ => (Verdict::Fail, Code::TestsFailed),
    };
    let head = RunHead {
        id: RunId::new(start, u32::try_from(run).unwrap_or(0)),
        start,
        context: context(),
        suite: WORKSPACE_SUITE.into(),
        version: None,
        trigger: "manual".into(),
        host: "bench".into(),
        toolchain: "rustc 1.95.0 (0123456789 2026-04-14)".into(),
        commit: Some(format!("{:040x}", run / 3)),
        branch: Some("main".into()),
        dirty: Some(false),
        ci_link: None,
        input_key: Some(hash(run / 3)),
        instrumented: false,
        full: true,
        shard: None,
        pid: std::process::id(),
        boot_id: None,
    };
    let record = RunRecord {
        head,
        state: RunState::Executed,
        totals,
        not_run: 0,
        duration: Duration::from_secs(60),
        judgement: Judgement { verdict, codes: vec![code], reasons: Vec::new() },
        plan_digest: Some(hash(tests)),
        coverage: None,
    };
    FinishedRun { record, cases, binaries: Vec::new() }
}

pub(crate) fn hash(of: u64) -> ContentHash {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(of.to_le_bytes()).for_each(|(to, from)| *to = from);
    ContentHash(bytes)
}

pub(crate) fn name(test: u64) -> String {
    format!("module::tests::a_test_with_a_usual_name_{test:05}")
}

/// One test in twenty is flaky, one in a hundred breaks for a while.
pub(crate) fn case(run: u64, test: u64) -> CaseRecord {
    let dice = mix(run << 32 | test);
    let broken = test % 100 == 7 && (run / 20 + test).is_multiple_of(9);
    let flaky = test % 20 == 3 && dice.is_multiple_of(50);
    let (outcome, attempt) = match (broken, flaky) {
        (true, _) => (Outcome::Failed, AttemptOutcome::Failed),
        (false, true) => (Outcome::Flaky, AttemptOutcome::Passed),
        (false, false) => (Outcome::Passed, AttemptOutcome::Passed),
    };
    // From a fraction of a millisecond to a second, most of them short, each near its usual duration.
    let usual = 200 + mix(test) % 2_000 * (1 + u64::from(test.is_multiple_of(50)) * 400);
    let took = Some(Duration::from_micros(usual + dice % (usual / 4 + 1)));
    let passed = Attempt { outcome: attempt, took, ending: None, why: None, text: None };
    let text = || Some(Arc::from("assertion `left == right` failed\n  left: 1\n right: 2\n"));
    let failed = Attempt { outcome: AttemptOutcome::Failed, text: text(), ..passed.clone() };
    let attempts = match outcome {
        Outcome::Passed => vec![passed],
        Outcome::Flaky => vec![failed, passed],
        _ => vec![failed],
    };
    let binary = BinaryId {
        package: format!("crate-{}", test / BINARY),
        kind: Kind::Lib,
        binary: format!("crate_{}", test / BINARY),
    };
    let key = Arc::new(TestKey { binary, name: name(test) });
    CaseRecord { key, outcome, took, attempts, line: None, leaked: false, binary_hash: Some(hash(test / BINARY)) }
}

/// splitmix64: numbers that look random and are always the same.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
