//! The embedded store: what it keeps, and that nothing is lost, with real processes.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_gate::analytics::summary::{Entry, RunFacts, Summary};
use cargo_gate::cli::Format;
use cargo_gate::commands::history::{self, ListOptions, PruneOptions, ShowOptions};
use cargo_gate::exit_code::ExitCode;
use cargo_gate::history::sqlite::{FILE_NAME, SqliteStore};
use cargo_gate::history::store::{
    BinaryStamp, Counters, FinishedRun, Page, Prune, Retention, RunFilter, Store, StoreError, TestSummary,
};
use cargo_gate::model::{
    Attempt, AttemptOutcome, CaseRecord, ContentHash, Context, CoverageFigures, Ending, Judgement, Outcome,
    PIPELINE_SUITE, Reason, RunHead, RunId, RunRecord, RunState, Shard, TestKey, Totals, Verdict, WORKSPACE_SUITE,
};
use cargo_gate::ratio::Ratio;
use jiff::Timestamp;
use rusqlite::Connection;

/// What a test process is asked to do when it is started again by a test.
const HELPER: &str = "CARGO_GATE_TEST_STORE_HELPER";

struct Folder {
    _folder: tempfile::TempDir,
    path: Utf8PathBuf,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::try_from(folder.path().to_owned()).unwrap();
        Self { _folder: folder, path }
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.path).unwrap()
    }

    fn file(&self) -> Utf8PathBuf {
        self.path.join(FILE_NAME)
    }

    /// What damaged files were set aside.
    fn set_aside(&self) -> Vec<String> {
        let names = self.path.read_dir_utf8().unwrap().map(|entry| entry.unwrap().file_name().to_owned());
        names.filter(|name| name.contains(".damaged-") && !name.ends_with("-journal")).collect()
    }
}

fn context() -> Context {
    Context { target: "x86_64-unknown-linux-gnu".into(), features: String::new(), profile: "dev".into() }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_750_000_000 + second).unwrap()
}

fn head(second: i64, tail: u32) -> RunHead {
    RunHead {
        id: RunId::new(at(second), tail),
        start: at(second),
        context: context(),
        suite: WORKSPACE_SUITE.into(),
        version: None,
        trigger: "manual".into(),
        host: "here".into(),
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

fn attempt(outcome: AttemptOutcome, millis: u64) -> Attempt {
    let took = Some(Duration::from_millis(millis));
    Attempt { outcome, took, ending: None, why: None, text: None }
}

fn case(name: &str, outcome: Outcome, millis: u64) -> Arc<CaseRecord> {
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

fn judgement(totals: &Totals) -> Judgement {
    let (verdict, code) = match totals.failures() {
        0 => (Verdict::Pass, ExitCode::Pass),
        _ => (Verdict::Fail, ExitCode::TestsFailed),
    };
    Judgement { verdict, codes: vec![code], reasons: vec![Reason::new("why", "because of this")] }
}

fn record(head: RunHead, cases: &[Arc<CaseRecord>]) -> RunRecord {
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
fn run(number: u32, tests: u32) -> FinishedRun {
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
fn reached(number: u64) -> CoverageFigures {
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

fn finish(store: &mut SqliteStore, run: &FinishedRun) {
    store.finish(&run.record, &run.cases, &run.binaries).unwrap();
}

/// Summaries without the numbers that a store gives its runs in order of arrival.
fn learnt(store: &dyn Store) -> Vec<TestSummary> {
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
fn learnt_from(runs: impl Iterator<Item = FinishedRun>) -> Vec<TestSummary> {
    let folder = Folder::new();
    let mut store = folder.store();
    store.append(&mut { runs }).unwrap();
    learnt(&store)
}

#[test]
fn a_run_is_read_as_it_was_recorded() {
    let folder = Folder::new();
    let mut store = folder.store();
    let mut cases: Vec<Arc<CaseRecord>> =
        Outcome::ALL.into_iter().map(|outcome| case(outcome.as_str(), outcome, 12)).collect();
    cases.sort_by(|a, b| a.key.cmp(&b.key));
    let record = record(head(0, 1), &cases);
    store.begin(&record.head).unwrap();
    let running = store.run(record.head.id.as_str()).unwrap();
    assert_eq!((running.state, running.judgement, &running.head), (RunState::Running, None, &record.head));
    store.finish(&record, &cases, &[]).unwrap();
    let stored = store.run(record.head.id.as_str()).unwrap();
    assert_eq!(stored.head, record.head);
    assert_eq!((stored.state, stored.totals, stored.not_run), (record.state, record.totals, 2));
    assert_eq!((stored.duration, stored.judgement), (Some(record.duration), Some(record.judgement.clone())));
    assert_eq!(stored.plan_digest, record.plan_digest);
    let read: Vec<Arc<CaseRecord>> = store.cases(&record.head.id).unwrap().into_iter().map(Arc::new).collect();
    assert_eq!(read, cases);
    for case in &cases {
        assert_eq!(store.case(&record.head.id, &case.key).unwrap().as_ref(), Some(&**case));
    }
    let unknown: TestKey = "app/test:db::nobody".parse().unwrap();
    assert_eq!(store.case(&record.head.id, &unknown).unwrap(), None);
    assert!(matches!(store.begin(&record.head), Err(StoreError::Known(_))));
    assert!(matches!(store.finish(&record, &cases, &[]), Err(StoreError::Known(_))));
    assert!(store.take_warnings().is_empty());
}

#[test]
fn a_long_failure_text_keeps_its_head_and_its_tail() {
    let folder = Folder::new();
    let mut store = folder.store();
    let text = format!("first words {} last words", "é".repeat(100_000));
    let mut long = (*case("a", Outcome::Failed, 1)).clone();
    long.attempts[0].text = Some(text.into());
    let cases = [Arc::new(long)];
    let record = record(head(0, 1), &cases);
    store.finish(&record, &cases, &[]).unwrap();
    let read = store.cases(&record.head.id).unwrap();
    let text = read[0].failure_text().unwrap();
    assert!(text.starts_with("first words") && text.ends_with("last words"), "{text}");
    assert!(text.contains("bytes left out") && text.len() < 17_000, "{}", text.len());
}

#[test]
fn a_run_of_a_process_that_is_gone_reads_interrupted() {
    let folder = Folder::new();
    let mut store = folder.store();
    let of_boot = RunHead { boot_id: Some("another boot".into()), ..head(0, 1) };
    store.begin(&of_boot).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap()).arg("--list").stdout(Stdio::null()).spawn().unwrap();
    child.wait().unwrap();
    let of_dead = RunHead { pid: child.id(), ..head(1, 2) };
    store.begin(&of_dead).unwrap();
    store.begin(&head(2, 3)).unwrap();
    let states =
        |filter| -> Vec<RunState> { store.runs(&filter, Page::ALL).unwrap().iter().map(|run| run.state).collect() };
    use RunState::{Interrupted, Running};
    assert_eq!(states(RunFilter::default()), [Running, Interrupted, Interrupted]);
    assert_eq!(states(RunFilter { state: Some(Interrupted), ..RunFilter::default() }).len(), 2);
    assert_eq!(states(RunFilter { state: Some(Running), ..RunFilter::default() }).len(), 1);
}

#[test]
fn r25_runs_are_listed_by_page_and_by_what_they_are() {
    let folder = Folder::new();
    let mut store = folder.store();
    for number in 0..25 {
        let mut run = run(number, 3);
        run.record.head.trigger = if number % 5 == 0 { "schedule".into() } else { "manual".into() };
        run.record.head.branch = (number % 2 == 0).then(|| "main".into());
        finish(&mut store, &run);
    }
    let numbers = |filter: RunFilter, page| -> Vec<i64> {
        let runs = store.runs(&filter, page).unwrap();
        runs.iter().map(|run| (run.head.start - at(0)).get_seconds() / 60).collect()
    };
    let all = RunFilter::default;
    assert_eq!(numbers(all(), Page { skip: 5, limit: 3 }), [19, 18, 17]);
    assert_eq!(numbers(all(), Page { skip: 24, limit: 9 }), [0]);
    assert_eq!(numbers(all(), Page::first(0)), Vec::<i64>::new());
    assert_eq!(numbers(RunFilter { trigger: Some("schedule".into()), ..all() }, Page::ALL), [20, 15, 10, 5, 0]);
    assert_eq!(numbers(RunFilter { branch: Some("main".into()), ..all() }, Page::first(2)), [24, 22]);
    assert_eq!(numbers(RunFilter { since: Some(at(23 * 60)), full: true, ..all() }, Page::ALL), [24, 23]);
    assert_eq!(numbers(RunFilter { commit: Some(format!("{:040x}", 60 * 7)), ..all() }, Page::ALL), [7]);
    let failed = numbers(RunFilter { verdict: Some(Verdict::Fail), ..all() }, Page::ALL);
    assert!(!failed.is_empty() && failed.len() < 25, "{failed:?}");
    let other = Context { profile: "release".into(), ..context() };
    assert!(numbers(RunFilter { context: Some(other), ..all() }, Page::ALL).is_empty());
    assert!(matches!(store.run("2025"), Err(StoreError::Ambiguous(_))), "many runs begin so");
    assert!(matches!(store.run(""), Err(StoreError::NoSuchRun(_))));
}

#[test]
fn r18_counters_count_and_pruning_lowers_none() {
    let folder = Folder::new();
    let mut store = folder.store();
    let cases = [case("a", Outcome::Passed, 1)];
    for (number, state, verdict) in [
        (0, RunState::Executed, Verdict::Pass),
        (1, RunState::Executed, Verdict::Fail),
        (2, RunState::BuildFailed, Verdict::Fail),
        (3, RunState::ToolError, Verdict::ToolError),
        (4, RunState::Deferred, Verdict::Deferred),
        (5, RunState::Interrupted, Verdict::Fail),
    ] {
        let mut record = record(head(number, 1), &cases);
        record.state = state;
        record.judgement.verdict = verdict;
        store.begin(&record.head).unwrap();
        store.finish(&record, &cases, &[]).unwrap();
    }
    // One that is cut off is counted, one that turned out to be none is not.
    store.begin(&RunHead { boot_id: None, ..head(6, 1) }).unwrap();
    store.begin(&head(7, 1)).unwrap();
    store.abandon(&head(7, 1).id).unwrap();
    let counted = Counters { runs: 7, pass: 1, fail: 3, tool_error: 2, deferred: 1 };
    assert_eq!(store.counters().unwrap(), counted);
    store.prune(&Retention { count: Some(0), ..Retention::default() }, Prune::Delete).unwrap();
    assert!(store.runs(&RunFilter::default(), Page::ALL).unwrap().is_empty());
    assert_eq!(store.counters().unwrap(), counted);
}

#[test]
fn r18_a_pipeline_is_counted_by_the_runs_within_it_and_by_itself_where_it_came_to_none() {
    let folder = Folder::new();
    let mut store = folder.store();
    let cases = [case("a", Outcome::Passed, 1)];
    let of_pipeline = |second| RunHead { suite: PIPELINE_SUITE.into(), ..head(second, 2) };
    let mut ends = |head: RunHead, state, verdict| {
        let mut record = record(head, &[]);
        (record.state, record.judgement.verdict) = (state, verdict);
        store.begin(&record.head).unwrap();
        if record.head.suite == PIPELINE_SUITE && state == RunState::Executed {
            let within = self::record(self::head(100, 1), &cases);
            store.begin(&within.head).unwrap();
            store.finish(&within, &cases, &[]).unwrap();
        }
        store.finish(&record, &[], &[]).unwrap();
        store.counters().unwrap()
    };
    let one = Counters { runs: 1, pass: 1, ..Counters::default() };
    assert_eq!(ends(of_pipeline(0), RunState::Executed, Verdict::Pass), one, "not two");
    assert_eq!(ends(of_pipeline(1), RunState::Interrupted, Verdict::Fail), one);
    let deferred = Counters { runs: 2, tool_error: 1, deferred: 1, ..one };
    assert_eq!(ends(of_pipeline(2), RunState::Deferred, Verdict::Deferred), deferred);
    let exhausted = Counters { runs: 3, tool_error: 2, fail: 1, ..deferred };
    assert_eq!(ends(of_pipeline(3), RunState::ToolError, Verdict::ToolError), exhausted);
    store.begin(&of_pipeline(4)).unwrap();
    store.abandon(&of_pipeline(4).id).unwrap();
    assert_eq!(store.counters().unwrap(), exhausted, "what turned out to be none was not counted");
    for (second, left) in [(3, deferred), (2, one), (1, one), (0, one)] {
        store.undo(&of_pipeline(second).id).unwrap();
        assert_eq!(store.counters().unwrap(), left, "taking back takes what was counted");
    }
}

#[test]
fn r16_deferrals_are_counted_by_input_and_lapse_after_a_day() {
    let folder = Folder::new();
    let mut store = folder.store();
    let (one, other) = (ContentHash([1; 16]), ContentHash([2; 16]));
    assert_eq!(store.deferrals(one, at(0)).unwrap(), 0);
    assert_eq!(store.defer(one, at(0)).unwrap(), 1);
    drop(store);
    let mut store = folder.store();
    assert_eq!(store.defer(one, at(3600)).unwrap(), 2, "a restart does not reset it");
    assert_eq!(store.deferrals(other, at(3600)).unwrap(), 0);
    assert_eq!(store.deferrals(one, at(3600 + 86_399)).unwrap(), 2);
    assert_eq!(store.deferrals(one, at(3600 + 86_400)).unwrap(), 0);
    assert_eq!(store.deferrals(one, at(-1_000_000)).unwrap(), 2, "the clock went back");
    assert_eq!(store.defer(one, at(3600 + 86_400)).unwrap(), 1);
    store.clear_deferrals(one).unwrap();
    assert_eq!(store.deferrals(one, at(3600 + 86_400)).unwrap(), 0);
}

#[test]
fn binaries_are_known_by_path_size_and_time() {
    let folder = Folder::new();
    let mut store = folder.store();
    let file = folder.path.join("db-0123");
    std::fs::write(&file, "first").unwrap();
    let binary = "app/test:db".parse().unwrap();
    let stamp = || cargo_gate::history::input::stamp(&binary, &file).unwrap();
    let changed = |store: &SqliteStore, now: BinaryStamp| {
        cargo_gate::history::input::changed_binaries(&[now], &store.stamps(&context()).unwrap()).len()
    };
    assert_eq!(changed(&store, stamp()), 1, "never recorded");
    let mut first = stamp();
    let hash = cargo_gate::history::input::hash_stamp(&mut first, Some(&store)).unwrap();
    let run = run(1, 1);
    store.finish(&run.record, &run.cases, &[first.clone()]).unwrap();
    assert_eq!(store.stamps(&context()).unwrap(), [first.clone()]);
    assert_eq!(changed(&store, stamp()), 0);
    assert_eq!(store.known_hash(&file, first.size, first.mtime_ns).unwrap(), Some(hash));
    assert_eq!(store.known_hash(&file, first.size, first.mtime_ns + 1).unwrap(), None);
    std::fs::write(&file, "second, longer").unwrap();
    assert_eq!(changed(&store, stamp()), 1);
    // Taking the run back forgets what it knew of binaries.
    store.undo(&run.record.head.id).unwrap();
    assert!(store.stamps(&context()).unwrap().is_empty());
}

#[test]
fn the_last_executed_run_of_the_workspace_names_its_failing_tests() {
    let folder = Folder::new();
    let mut store = folder.store();
    assert_eq!(store.last_executed(&context()).unwrap(), None);
    let cases = Outcome::ALL.map(|outcome| case(outcome.as_str(), outcome, 1));
    let executed = record(head(1, 1), &cases);
    store.finish(&executed, &cases, &[]).unwrap();
    let mut failed = record(head(2, 2), &[]);
    failed.state = RunState::BuildFailed;
    store.finish(&failed, &[], &[]).unwrap();
    let of_another_suite = record(RunHead { suite: "nightly".into(), ..head(3, 3) }, &cases);
    store.finish(&of_another_suite, &cases, &[]).unwrap();
    let last = store.last_executed(&context()).unwrap().unwrap();
    assert_eq!(last.run.head.id, executed.head.id);
    let names: Vec<&str> = last.failing.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["error", "failed", "timeout"]);
}

#[test]
fn any_order_of_arrival_gives_the_same_summaries() {
    let in_order = learnt_from((0..130).map(|number| run(number, 8)));
    assert_eq!(in_order.len(), 8);
    assert_eq!(learnt_from((0..130).rev().map(|number| run(number, 8))), in_order);
    assert_eq!(learnt_from((0..130).map(|number| run(number * 37 % 130, 8))), in_order);
    // And one by one as together.
    let folder = Folder::new();
    let mut store = folder.store();
    for number in (0..130).map(|number| number * 53 % 130) {
        finish(&mut store, &run(number, 8));
    }
    assert_eq!(learnt(&store), in_order);
}

#[test]
fn what_measured_runs_reached_is_kept_until_the_run_goes() {
    let folder = Folder::new();
    let mut store = folder.store();
    for number in 0..8 {
        let mut run = run(number, 2);
        run.record.coverage = (number % 2 == 1).then(|| reached(number.into()));
        match number {
            3 => drop(store.append(&mut [run].into_iter()).unwrap()),
            _ => finish(&mut store, &run),
        }
    }
    let figures = |store: &SqliteStore, limit| -> Vec<CoverageFigures> {
        store.coverage(&context(), limit).unwrap().into_iter().filter_map(|run| run.coverage).collect()
    };
    assert_eq!(figures(&store, 10), [1, 3, 5, 7].map(reached));
    // The latest so many, oldest first.
    assert_eq!(figures(&store, 2), [5, 7].map(reached));
    let elsewhere = Context { profile: "release".into(), ..context() };
    assert!(store.coverage(&elsewhere, 10).unwrap().is_empty());
    store.undo(&run(7, 2).record.head.id).unwrap();
    store.prune(&Retention { since: Some(at(2 * 60)), ..Retention::default() }, Prune::Delete).unwrap();
    assert_eq!(figures(&store, 10), [3, 5].map(reached));
    // Taken back and recorded anew without a measurement: nothing stays of the one before.
    store.undo(&run(5, 2).record.head.id).unwrap();
    finish(&mut store, &run(5, 2));
    assert_eq!(figures(&store, 10), [reached(3)]);
}

#[test]
fn a_clock_that_goes_back_changes_no_order() {
    let folder = Folder::new();
    let mut store = folder.store();
    finish(&mut store, &run(9, 4));
    finish(&mut store, &run(2, 4));
    let runs = store.runs(&RunFilter::default(), Page::ALL).unwrap();
    assert_eq!(runs[0].head.id, run(9, 4).record.head.id);
    for test in store.summaries(&context()).unwrap() {
        assert_eq!(test.summary.last().unwrap().run.id, run(9, 4).record.head.id);
    }
}

#[test]
fn a_run_that_is_taken_back_was_never_there() {
    let folder = Folder::new();
    let mut store = folder.store();
    store.append(&mut (0..130).map(|number| run(number, 6))).unwrap();
    let mut left: Vec<u32> = (0..130).collect();
    // The newest, one in the window, the last in it, one that has left it, the first.
    for number in [129, 80, 28, 10, 0] {
        left.retain(|there| *there != number);
        let before = store.counters().unwrap();
        store.undo(&run(number, 6).record.head.id).unwrap();
        assert_eq!(store.counters().unwrap().runs, before.runs - 1);
        assert!(learnt(&store) == learnt_from(left.iter().map(|number| run(*number, 6))), "without {number}");
        assert!(matches!(store.cases(&run(number, 6).record.head.id), Err(StoreError::NoSuchRun(_))));
    }
    // It may come again.
    finish(&mut store, &run(80, 6));
    for number in left {
        store.undo(&run(number, 6).record.head.id).unwrap();
    }
    store.undo(&run(80, 6).record.head.id).unwrap();
    assert_eq!(store.counters().unwrap(), Counters::default());
    assert!(learnt(&store).is_empty());
}

#[test]
fn pruning_forgets_runs_and_keeps_what_was_learnt() {
    let folder = Folder::new();
    let mut store = folder.store();
    let vanished = [case("vanished", Outcome::Passed, 1)];
    store.finish(&record(head(-60, 1), &vanished), &vanished, &[]).unwrap();
    store.append(&mut (0..30).map(|number| run(number, 6))).unwrap();
    let known: Vec<TestSummary> = learnt(&store).into_iter().filter(|test| test.key.name != "vanished").collect();
    let keep = Retention { count: Some(10), ..Retention::default() };
    let plan = store.prune(&keep, Prune::Plan).unwrap();
    assert_eq!((plan.runs.len(), plan.cases), (21, 121));
    assert_eq!(store.size().unwrap().runs, 31, "a plan removes nothing");
    let pruned = store.prune(&keep, Prune::Delete).unwrap();
    assert_eq!(pruned.runs, plan.runs);
    assert_eq!((store.size().unwrap().runs, store.size().unwrap().cases), (10, 60));
    assert_eq!(learnt(&store), known, "but the test that no run knows any more is forgotten");
    assert!(matches!(store.cases(&run(3, 6).record.head.id), Err(StoreError::NoSuchRun(_))));
    // What was pruned is not learnt a second time.
    let again = store.append(&mut (0..30).map(|number| run(number, 6))).unwrap();
    assert_eq!((again.added, again.known), (0, 30));
    assert_eq!(learnt(&store), known);
    // By age and by size.
    let since = Retention { since: Some(at(25 * 60)), ..Retention::default() };
    assert_eq!(store.prune(&since, Prune::Plan).unwrap().runs.len(), 5);
    let bytes = Retention { bytes: Some(0), ..Retention::default() };
    assert_eq!(store.prune(&bytes, Prune::Plan).unwrap().runs.len(), 10);
    let other = Retention { context: Some(Context { profile: "release".into(), ..context() }), ..bytes };
    assert_eq!(store.prune(&other, Prune::Plan).unwrap().runs.len(), 0);
    assert_eq!(store.prune(&Retention::default(), Prune::Delete).unwrap().runs.len(), 0);
}

#[test]
fn r19_totals_that_are_missing_come_from_the_cases_and_strange_rows_are_left_out() {
    let folder = Folder::new();
    let mut store = folder.store();
    let mut first = run(1, 5);
    first.record.totals = Totals::default();
    let totals = Totals::of(first.cases.iter().map(|case| &**case));
    finish(&mut store, &first);
    finish(&mut store, &run(2, 5));
    assert_eq!(store.run(first.record.head.id.as_str()).unwrap().totals, totals);
    let connection = Connection::open(folder.file()).unwrap();
    connection
        .execute_batch(
            "UPDATE runs SET state = 'from the future' WHERE seq = 2;
             UPDATE cases SET outcome = 99 WHERE run = 1 AND test = 1;
             UPDATE cases SET extra = x'ff' WHERE run = 1 AND test = 2;
             UPDATE summaries SET folded = x'00' WHERE test = 3;",
        )
        .unwrap();
    assert_eq!(store.runs(&RunFilter::default(), Page::ALL).unwrap().len(), 1);
    let cases = store.cases(&first.record.head.id).unwrap();
    assert_eq!((cases.len(), cases[0].outcome), (4, Outcome::Error));
    assert_eq!(store.summaries(&context()).unwrap().len(), 4);
    assert_eq!(store.take_warnings(), ["3 rows of the history could not be read and were left out"]);
    assert!(store.take_warnings().is_empty());
}

#[test]
fn a_newer_format_is_read_and_never_written() {
    let folder = Folder::new();
    finish(&mut folder.store(), &run(1, 5));
    Connection::open(folder.file()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = std::fs::read(folder.file()).unwrap();
    let mut store = folder.store();
    assert_eq!(store.summaries(&context()).unwrap().len(), 5);
    assert_eq!(store.runs(&RunFilter::default(), Page::ALL).unwrap().len(), 1);
    let run = run(2, 5);
    assert!(matches!(store.begin(&run.record.head), Err(StoreError::Newer { found: 99, .. })));
    assert!(matches!(store.finish(&run.record, &run.cases, &[]), Err(StoreError::Newer { .. })));
    assert!(matches!(store.undo(&self::run(1, 5).record.head.id), Err(StoreError::Newer { .. })));
    assert_eq!(std::fs::read(folder.file()).unwrap(), before);
    assert!(folder.set_aside().is_empty());
}

#[test]
fn nothing_is_created_by_reading() {
    let folder = Folder::new();
    assert!(SqliteStore::open_existing(&folder.path).unwrap().is_none());
    assert_eq!(folder.path.read_dir_utf8().unwrap().count(), 0);
    std::fs::write(folder.file(), "").unwrap();
    let store = SqliteStore::open_existing(&folder.path).unwrap();
    assert!(store.is_none_or(|store| store.summaries(&context()).unwrap().is_empty()));
}

#[test]
fn a_file_that_is_no_database_is_set_aside_by_a_writer_only() {
    let folder = Folder::new();
    std::fs::write(folder.file(), "this is no database, though it is long enough to be one ".repeat(99)).unwrap();
    assert!(matches!(SqliteStore::open_existing(&folder.path), Err(StoreError::Damaged(_))));
    assert!(folder.set_aside().is_empty());
    let mut store = folder.store();
    assert_eq!(folder.set_aside().len(), 1);
    let warnings = store.take_warnings();
    assert!(warnings.len() == 1 && warnings[0].contains(&folder.set_aside()[0]), "{warnings:?}");
    finish(&mut store, &run(1, 5));
    assert_eq!(store.size().unwrap().runs, 1);
}

/// Overwrites the first page of a table.
fn damage(file: &Utf8Path, table: &str) {
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    let page: u64 =
        Connection::open(file).unwrap().query_row(sql, [table], |row| row.get(0).map(i64::cast_unsigned)).unwrap();
    let mut bytes = std::fs::read(file).unwrap();
    let start = usize::try_from((page - 1) * 4096).unwrap();
    bytes[start..start + 4096].fill(0xa5);
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn a_damaged_file_is_set_aside_and_its_runs_are_copied() {
    let folder = Folder::new();
    let mut store = folder.store();
    store.append(&mut (0..40).map(|number| run(number, 20))).unwrap();
    store.prune(&Retention { since: Some(at(300)), ..Retention::default() }, Prune::Delete).unwrap();
    damage(&folder.file(), "summaries");
    // One that had the file open may still have its pages in memory.
    let mut store = folder.store();
    finish(&mut store, &run(40, 20));
    let warnings = store.take_warnings();
    assert!(warnings.len() == 1 && warnings[0].contains("35 runs were copied"), "{warnings:?}");
    assert_eq!(folder.set_aside().len(), 1);
    assert_eq!(store.size().unwrap().runs, 36);
    assert_eq!(store.counters().unwrap().runs, 41);
    assert!(learnt(&store) == learnt_from((5..41).map(|number| run(number, 20))));
    // Another process that had the damaged file open goes on with the fresh one.
    assert_eq!(folder.store().size().unwrap().runs, 36);
}

#[test]
fn runs_are_copied_where_what_they_reached_cannot_be_read() {
    let folder = Folder::new();
    let mut store = folder.store();
    for number in 0..5 {
        let mut run = run(number, 20);
        run.record.coverage = Some(reached(number.into()));
        finish(&mut store, &run);
    }
    drop(store);
    damage(&folder.file(), "coverage");
    let mut store = folder.store();
    let mut last = run(5, 20);
    last.record.coverage = Some(reached(5));
    finish(&mut store, &last);
    assert_eq!((store.size().unwrap().runs, folder.set_aside().len()), (6, 1));
    let warnings = store.take_warnings();
    assert!(warnings.len() == 1 && warnings[0].contains("5 runs were copied, 1 rows"), "{warnings:?}");
}

#[test]
fn two_who_find_the_file_damaged_set_it_aside_once() {
    let folder = Folder::new();
    folder.store().append(&mut (0..10).map(|number| run(number, 20))).unwrap();
    let (mut one, mut other) = (folder.store(), folder.store());
    damage(&folder.file(), "cases");
    finish(&mut one, &run(10, 20));
    finish(&mut other, &run(11, 20));
    assert_eq!(folder.set_aside().len(), 1);
    let runs = one.runs(&RunFilter::default(), Page::ALL).unwrap();
    assert_eq!(runs.len(), 12, "also the runs whose cases are lost");
}

#[test]
fn a_store_that_was_removed_while_it_was_open_is_made_anew() {
    let folder = Folder::new();
    let gate = folder.path.join("target/gate");
    let mut store = SqliteStore::open(&gate).unwrap();
    store.begin(&run(1, 5).record.head).unwrap();
    if std::fs::remove_dir_all(folder.path.join("target")).is_err() {
        // Some systems remove no file that is open.
        return;
    }
    finish(&mut store, &run(1, 5));
    let found = SqliteStore::open_existing(&gate).unwrap().unwrap();
    assert_eq!((found.size().unwrap().runs, found.counters().unwrap().runs), (1, 1));
}

#[test]
fn the_commands_show_what_is_on_record() {
    let folder = Folder::new();
    let mut store = folder.store();
    let mut odd = (*case("odd", Outcome::Failed, 1234)).clone();
    odd.attempts[0].text = Some("\u{1b}[31mred\u{1b}[0m \u{7}\u{202e}evil\n::error::x".into());
    let cases = [Arc::new(odd), case("fine", Outcome::Passed, 1), case("again", Outcome::Flaky, 61_000)];
    let mut run = record(head(0, 1), &cases);
    run.head.branch = Some("a-branch-with-quite-a-long-name\u{1b}[2J".into());
    store.finish(&run, &cases, &[]).unwrap();
    let text = |show: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        show(&mut out);
        String::from_utf8(out).unwrap()
    };
    let options = ListOptions { filter: RunFilter::default(), latest: false, page: Page::first(10), columns: None };
    let list = text(&|out| history::list(&store, &options, out, Format::Human).unwrap());
    assert!(list.lines().all(|line| line.chars().count() <= 80 && !line.contains('\u{1b}')), "{list}");
    assert!(list.contains("20250615T150640000Z-00000001  fail"), "{list}");
    let show = ShowOptions { run: "last".into(), all: false, gate_dir: folder.path.join("target/gate") };
    let shown = text(&|out| history::show(&store, &show, out, Format::Human).unwrap());
    let is_inert = |c: char| c == '\n' || !(c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
    assert!(shown.chars().all(is_inert) && shown.contains("red") && shown.contains("evil\n"), "{shown}");
    assert!(shown.contains("flaky     1m 01s  app/test:db::again") && !shown.contains("fine"), "{shown}");
    let all = ShowOptions { all: true, ..show.clone() };
    let shown = text(&|out| history::show(&store, &all, out, Format::Human).unwrap());
    assert!(shown.contains("suite      workspace\n") && shown.contains("  app/test:db::fine\n"), "{shown}");
    let json = text(&|out| history::show(&store, &show, out, Format::Json).unwrap());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["run"]["exit_code"], 100);
    assert_eq!(json["run"]["tests"][0]["name"], "again");
    let stats = text(&|out| history::stats(&store, &RunFilter::default(), out, Format::Human).unwrap());
    assert!(stats.contains("runs ever       1 (0 passed, 1 failed)"), "{stats}");
    let options = PruneOptions {
        keep: Retention { count: Some(0), ..Retention::default() },
        prune: Prune::Plan,
        gate_dir: folder.path.join("target/gate"),
    };
    let mut out = Vec::new();
    history::prune(&mut store, &options, &mut out, Format::Human).unwrap();
    history::undo(&mut store, "last", &mut out, Format::Human).unwrap();
    let said = String::from_utf8(out).unwrap();
    assert!(said.contains("Would remove 1 runs with 3 cases") && said.contains("Took back run 2025"), "{said}");
    let list = text(&|out| {
        history::list(
            &store,
            &ListOptions { filter: RunFilter::default(), latest: false, page: Page::ALL, columns: None },
            out,
            Format::Human,
        )
        .unwrap()
    });
    assert_eq!(list, "No runs on record.\n");
}

// Samples of each format: every later version must open them.

/// A store with something in each of its tables, the same at any time on any machine.
fn sample(folder: &Folder) {
    let mut store = folder.store();
    let fixed = |mut run: FinishedRun| {
        (run.record.head.pid, run.record.head.boot_id) = (1, None);
        run
    };
    store.append(&mut (0..4).map(|number| fixed(run(number, 6)))).unwrap();
    let other = RunHead { suite: "nightly".into(), version: Some("1.4.0".into()), ..head(600, 9) };
    store.begin(&RunHead { pid: 1, boot_id: Some("another boot".into()), ..other }).unwrap();
    let stamp = BinaryStamp {
        binary: "app/test:db".parse().unwrap(),
        path: "target/debug/deps/db-0123".into(),
        size: 17,
        mtime_ns: 1_750_000_000_123_456_789,
        hash: Some(ContentHash([9; 16])),
    };
    let mut last = fixed(run(5, 6));
    last.record.head.shard = Shard::new(2, 3);
    last.record.coverage = Some(reached(5));
    store.finish(&last.record, &last.cases, &[stamp]).unwrap();
    store.defer(ContentHash([7; 16]), at(0)).unwrap();
    store.prune(&Retention { since: Some(at(60)), ..Retention::default() }, Prune::Delete).unwrap();
}

/// All of a database as SQL.
fn dump(file: &Utf8Path) -> String {
    let connection = Connection::open(file).unwrap();
    let strings = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let mut dump = String::new();
    for pragma in ["application_id", "user_version"] {
        let value: i64 = connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap();
        dump += &format!("PRAGMA {pragma} = {value};\n");
    }
    for sql in strings("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name") {
        dump += &format!("{sql};\n");
    }
    for table in strings("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") {
        let columns = strings(&format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')"));
        let columns = columns.join(" || ', ' || ");
        for row in strings(&format!("SELECT {columns} FROM {table} ORDER BY 1")) {
            dump += &format!("INSERT INTO {table} VALUES ({row});\n");
        }
    }
    dump
}

/// Of each format, from the first.
const SAMPLES: [&str; 4] = [
    include_str!("../../testdata/formats/history/1/history.sql"),
    include_str!("../../testdata/formats/history/2/history.sql"),
    include_str!("../../testdata/formats/history/3/history.sql"),
    include_str!("../../testdata/formats/history/4/history.sql"),
];

fn is_the_sample(store: &SqliteStore, format: usize) {
    assert_eq!(store.counters().unwrap().runs, 6);
    let runs = store.runs(&RunFilter::default(), Page::ALL).unwrap();
    let states: Vec<RunState> = runs.iter().map(|run| run.state).collect();
    use RunState::{Executed, Interrupted};
    assert_eq!(states, [Interrupted, Executed, Executed, Executed, Executed]);
    let suites: Vec<&str> = runs.iter().map(|run| run.head.suite.as_str()).collect();
    let (suite, version) = if format == 1 { (WORKSPACE_SUITE, None) } else { ("nightly", Some("1.4.0")) };
    assert_eq!((suites[0], runs[0].head.version.as_deref()), (suite, version));
    assert!(suites[1..].iter().all(|suite| *suite == WORKSPACE_SUITE), "{suites:?}");
    let of_workspace = RunFilter { suite: Some(WORKSPACE_SUITE.into()), ..RunFilter::default() };
    assert_eq!(store.runs(&of_workspace, Page::ALL).unwrap().len(), if format == 1 { 5 } else { 4 });
    let read: Vec<Arc<CaseRecord>> = store.cases(&runs[1].head.id).unwrap().into_iter().map(Arc::new).collect();
    assert_eq!(read, run(5, 6).cases);
    assert!(learnt(store) == learnt_from([0, 1, 2, 3, 5].map(|number| run(number, 6)).into_iter()));
    let measured = store.coverage(&context(), 10).unwrap();
    let measured: Vec<_> = measured.into_iter().map(|run| (run.head.id, run.coverage)).collect();
    let expected = (runs[1].head.id.clone(), Some(reached(5)));
    assert_eq!(measured, if format < 3 { Vec::new() } else { vec![expected] });
    let shards: Vec<Option<Shard>> = runs.iter().map(|run| run.head.shard).collect();
    assert_eq!(shards[1], Shard::new(2, 3).filter(|_| format >= 4));
    assert!([0, 2, 3, 4].iter().all(|other| shards[*other].is_none()));
    assert_eq!(store.stamps(&context()).unwrap()[0].size, 17);
    assert_eq!(store.deferrals(ContentHash([7; 16]), at(1)).unwrap(), 1);
}

#[test]
fn a_store_of_each_format_is_opened_read_and_written() {
    for (format, sample) in (1..).zip(SAMPLES) {
        let folder = Folder::new();
        Connection::open(folder.file()).unwrap().execute_batch(sample).unwrap();
        let mut store = folder.store();
        is_the_sample(&store, format);
        finish(&mut store, &run(6, 6));
        assert_eq!(store.size().unwrap().runs, 6);
        assert!(store.take_warnings().is_empty());
        assert!(dump(&folder.file()).contains(&format!("PRAGMA user_version = {};", SAMPLES.len())));
    }
}

#[test]
fn what_is_written_now_is_the_sample_of_the_latest_format() {
    let folder = Folder::new();
    sample(&folder);
    let dump = dump(&folder.file());
    let latest = SAMPLES.len();
    let written = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("history-{latest}.sql"));
    std::fs::write(&written, &dump).unwrap();
    assert!(
        dump == SAMPLES[latest - 1],
        "{written} is not testdata/formats/history/{latest}/history.sql: a change of the format is a new step"
    );
}

// Real processes from here on.

/// Starts this test executable again to do something with the store of a folder.
fn helper(folder: &Utf8Path, task: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "store::a_helper_does_what_it_is_asked_to", "--nocapture", "--test-threads=1"])
        .env(HELPER, format!("{task} {folder}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// Not a test by itself: what the processes do that the other tests start.
#[test]
#[expect(clippy::print_stdout, reason = "the test that started it reads this")]
fn a_helper_does_what_it_is_asked_to() {
    let Ok(asked) = std::env::var(HELPER) else { return };
    let mut words = asked.splitn(4, ' ');
    let mut word = || words.next().unwrap();
    let (task, first, count) = (word(), word().parse::<u32>().unwrap(), word().parse::<u32>().unwrap());
    let folder = Utf8Path::new(word());
    match task {
        "append" => {
            let mut store = SqliteStore::open(folder).unwrap();
            for number in first..first + count {
                let run = run(number, 40);
                store.begin(&run.record.head).unwrap();
                finish(&mut store, &run);
                println!("\nfinished {}", run.record.head.id);
            }
        }
        "cannot-write" => {
            let mut store = SqliteStore::open(folder).unwrap();
            is_the_sample(&store, count as usize);
            let run = run(first, 5);
            let refused = store.finish(&run.record, &run.cases, &[]);
            assert!(matches!(refused, Err(StoreError::ReadOnly(_))), "{refused:?}");
            println!("\nrefused");
        }
        _ => panic!("{task}"),
    }
}

fn lines(child: &mut Child) -> Vec<String> {
    BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).collect()
}

#[test]
fn ten_processes_that_append_at_once_lose_nothing() {
    let folder = Folder::new();
    let children: Vec<Child> =
        (0..10).map(|number| helper(&folder.path, &format!("append {} 10", number * 10)).spawn().unwrap()).collect();
    for mut child in children {
        let finished = lines(&mut child).iter().filter(|line| line.starts_with("finished ")).count();
        assert!(child.wait().unwrap().success());
        assert_eq!(finished, 10);
    }
    let store = SqliteStore::open_existing(&folder.path).unwrap().unwrap();
    assert_eq!((store.size().unwrap().runs, store.size().unwrap().cases), (100, 4000));
    assert_eq!(store.counters().unwrap().runs, 100);
    assert!(learnt(&store) == learnt_from((0..100).map(|number| run(number, 40))));
}

#[cfg(unix)]
#[test]
fn kill_at_any_moment_leaves_a_store_with_every_finished_run() {
    let folder = Folder::new();
    let mut finished = Vec::new();
    for round in 0_u32..25 {
        let mut child = helper(&folder.path, &format!("append {} 1000", round * 1000)).spawn().unwrap();
        // It is under way once it has finished a run; then moments that no loop of its own lines up with.
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        finished.extend(said.by_ref().find_map(|line| line.strip_prefix("finished ").map(str::to_owned)));
        std::thread::sleep(Duration::from_micros(u64::from(round * 7_919 % 30_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        finished.extend(said.filter_map(|line| line.strip_prefix("finished ").map(str::to_owned)));
    }
    assert!(finished.len() >= 25, "{}", finished.len());
    let mut store = folder.store();
    for id in &finished {
        let id = RunId::from_stored(id.clone());
        assert_eq!(store.run(id.as_str()).unwrap().state, RunState::Executed);
        assert_eq!(store.cases(&id).unwrap().len(), 40);
    }
    let executed = RunFilter { state: Some(RunState::Executed), ..RunFilter::default() };
    let executed = store.runs(&executed, Page::ALL).unwrap();
    let numbers = executed.iter().map(|run| u32::try_from((run.head.start - at(0)).get_seconds() / 60).unwrap());
    assert!(learnt(&store) == learnt_from(numbers.map(|number| run(number, 40))));
    let connection = Connection::open(folder.file()).unwrap();
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    assert!(folder.set_aside().is_empty() && store.take_warnings().is_empty());
}

#[cfg(unix)]
#[test]
fn where_nothing_may_be_written_the_history_of_any_format_is_read_and_nothing_set_aside() {
    for (format, sample) in (1..).zip(SAMPLES) {
        read_only(format, sample);
    }
}

#[cfg(unix)]
fn read_only(format: usize, sample: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;
    let folder = Folder::new();
    Connection::open(folder.file()).unwrap().execute_batch(sample).unwrap();
    let mode = |path: &Utf8Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(&folder.file(), 0o444);
    mode(&folder.path, 0o555);
    let mut command = helper(&folder.path, &format!("cannot-write 9 {format}"));
    // No permission stops the superuser: let it be somebody else, if that one can start this executable.
    if rustix::process::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    }
    if let Ok(mut child) = command.spawn() {
        let said = lines(&mut child);
        child.wait().unwrap();
        assert!(said.iter().any(|line| line == "refused"), "{said:?}");
        assert!(folder.set_aside().is_empty());
    }
    mode(&folder.path, 0o755);
}

#[test]
fn a_run_put_together_from_parts_takes_their_place() {
    let folder = Folder::new();
    let mut store = folder.store();
    finish(&mut store, &run(1, 4));
    let mut parts = [run(2, 4), run(3, 4)];
    for (part, index) in parts.iter_mut().zip(1..) {
        part.record.head.shard = Shard::new(index, 3);
        part.record.head.full = false;
    }
    finish(&mut store, &parts[0]);
    let whole = run(4, 4);
    let heads: Vec<RunHead> = parts.iter().map(|part| part.record.head.clone()).collect();
    store.adopt(&whole, &heads).unwrap();
    let there = || {
        let runs = folder.store().runs(&RunFilter::default(), Page::ALL).unwrap();
        runs.into_iter().map(|run| run.head.id).collect::<Vec<_>>()
    };
    assert_eq!(there(), [whole.record.head.id.clone(), run(1, 4).record.head.id]);
    assert_eq!(learnt(&store), learnt_from([run(1, 4), run(4, 4)].into_iter()));
    let counters = store.counters().unwrap();
    assert_eq!(counters.runs, 2);
    // Whoever sends the parts later, or puts them together once more, changes nothing.
    let appended = store.append(&mut parts.into_iter()).unwrap();
    assert_eq!((appended.added, appended.known), (0, 2));
    assert!(matches!(store.adopt(&whole, &heads), Err(StoreError::Known(_))));
    assert_eq!((there().len(), store.counters().unwrap()), (2, counters));
}
