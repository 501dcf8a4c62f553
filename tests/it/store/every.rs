//! What holds for every store, whatever keeps it: each test is run on SQLite, and on PostgreSQL where that is built in.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use cargo_gate::history::sqlite::{FILE_NAME, SqliteStore};
use cargo_gate::history::store::{
    BinaryStamp, Counters, Page, Prune, Retention, RunFilter, Store, StoreError, TestSummary,
};
use cargo_gate::model::{
    CaseRecord, ContentHash, Context, CoverageFigures, Outcome, PIPELINE_SUITE, RunHead, RunState, Shard, TestKey,
    Totals, Verdict,
};
use rusqlite::Connection;

use super::runs::{at, case, context, finish, head, learnt, learnt_from, reached, record, run};
use super::{helper, lines};

/// Where a store is kept: whoever opens it finds what was written there before.
pub(crate) trait Place {
    /// The store.
    fn open(&self) -> Box<dyn Store>;

    /// Changes its tables behind its back.
    fn sql(&self, sql: &str);

    /// What [`open_named`] finds it by.
    fn name(&self) -> String;
}

/// Opens the store of a place by the place's name.
pub(super) fn open_named(name: &str) -> Box<dyn Store> {
    #[cfg(all(unix, feature = "postgres"))]
    if name.starts_with("postgres://") {
        return crate::store::postgres::connect(name);
    }
    Box::new(SqliteStore::open(name.into()).unwrap())
}

/// A folder of this machine.
pub(crate) struct Folder(tempfile::TempDir);

impl Place for Folder {
    fn open(&self) -> Box<dyn Store> {
        open_named(&self.name())
    }

    fn sql(&self, sql: &str) {
        Connection::open(self.0.path().join(FILE_NAME)).unwrap().execute_batch(sql).unwrap();
    }

    fn name(&self) -> String {
        self.0.path().to_str().unwrap().to_owned()
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

/// Runs tests of places on a place of each kind.
macro_rules! on_every_store {
    ($($name:ident)*) => {
        mod on_sqlite {
            $(#[test]
            fn $name() {
                super::$name(&$crate::store::every::Folder::default());
            })*
        }

        #[cfg(all(unix, feature = "postgres"))]
        mod on_postgres {
            $(#[test]
            fn $name() {
                super::$name(&$crate::store::postgres::Schema::default());
            })*
        }
    };
}
pub(crate) use on_every_store;

on_every_store! {
    a_run_is_read_as_it_was_recorded
    a_long_failure_text_keeps_its_head_and_its_tail
    a_run_of_a_process_that_is_gone_reads_interrupted
    r25_runs_are_listed_by_page_and_by_what_they_are
    r18_counters_count_and_pruning_lowers_none
    r18_a_pipeline_is_counted_by_the_runs_within_it_and_by_itself_where_it_came_to_none
    r16_deferrals_are_counted_by_input_and_lapse_after_a_day
    binaries_are_known_by_path_size_and_time
    the_last_executed_run_of_the_workspace_names_its_failing_tests
    any_order_of_arrival_gives_the_same_summaries
    what_measured_runs_reached_is_kept_until_the_run_goes
    a_clock_that_goes_back_changes_no_order
    a_run_that_is_taken_back_was_never_there
    pruning_forgets_runs_and_keeps_what_was_learnt
    r19_totals_that_are_missing_come_from_the_cases_and_strange_rows_are_left_out
    ten_processes_that_append_at_once_lose_nothing
    a_run_put_together_from_parts_takes_their_place
    a_run_that_was_pruned_as_cut_off_and_ends_after_all_is_on_record
}

fn a_run_is_read_as_it_was_recorded(place: &dyn Place) {
    let mut store = place.open();
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

fn a_long_failure_text_keeps_its_head_and_its_tail(place: &dyn Place) {
    let mut store = place.open();
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

fn a_run_of_a_process_that_is_gone_reads_interrupted(place: &dyn Place) {
    let mut store = place.open();
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

fn r25_runs_are_listed_by_page_and_by_what_they_are(place: &dyn Place) {
    let mut store = place.open();
    for number in 0..25 {
        let mut run = run(number, 3);
        run.record.head.trigger = if number % 5 == 0 { "schedule".into() } else { "manual".into() };
        run.record.head.branch = (number % 2 == 0).then(|| "main".into());
        finish(&mut *store, &run);
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

fn r18_counters_count_and_pruning_lowers_none(place: &dyn Place) {
    let mut store = place.open();
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

fn r18_a_pipeline_is_counted_by_the_runs_within_it_and_by_itself_where_it_came_to_none(place: &dyn Place) {
    let mut store = place.open();
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

fn r16_deferrals_are_counted_by_input_and_lapse_after_a_day(place: &dyn Place) {
    let mut store = place.open();
    let (one, other) = (ContentHash([1; 16]), ContentHash([2; 16]));
    assert_eq!(store.deferrals(one, at(0)).unwrap(), 0);
    assert_eq!(store.defer(one, at(0)).unwrap(), 1);
    drop(store);
    let mut store = place.open();
    assert_eq!(store.defer(one, at(3600)).unwrap(), 2, "a restart does not reset it");
    assert_eq!(store.deferrals(other, at(3600)).unwrap(), 0);
    assert_eq!(store.deferrals(one, at(3600 + 86_399)).unwrap(), 2);
    assert_eq!(store.deferrals(one, at(3600 + 86_400)).unwrap(), 0);
    assert_eq!(store.deferrals(one, at(-1_000_000)).unwrap(), 2, "the clock went back");
    assert_eq!(store.defer(one, at(3600 + 86_400)).unwrap(), 1);
    store.clear_deferrals(one).unwrap();
    assert_eq!(store.deferrals(one, at(3600 + 86_400)).unwrap(), 0);
}

fn binaries_are_known_by_path_size_and_time(place: &dyn Place) {
    let mut store = place.open();
    let folder = tempfile::tempdir().unwrap();
    let file = camino::Utf8Path::from_path(folder.path()).unwrap().join("db-0123");
    std::fs::write(&file, "first").unwrap();
    let binary = "app/test:db".parse().unwrap();
    let stamp = || cargo_gate::history::input::stamp(&binary, &file).unwrap();
    let changed = |store: &dyn Store, now: BinaryStamp| {
        cargo_gate::history::input::changed_binaries(&[now], &store.stamps(&context()).unwrap()).len()
    };
    assert_eq!(changed(&*store, stamp()), 1, "never recorded");
    let mut first = stamp();
    let hash = cargo_gate::history::input::hash_stamp(&mut first, Some(&*store)).unwrap();
    let run = run(1, 1);
    store.finish(&run.record, &run.cases, &[first.clone()]).unwrap();
    assert_eq!(store.stamps(&context()).unwrap(), [first.clone()]);
    assert_eq!(changed(&*store, stamp()), 0);
    assert_eq!(store.known_hash(&file, first.size, first.mtime_ns).unwrap(), Some(hash));
    assert_eq!(store.known_hash(&file, first.size, first.mtime_ns + 1).unwrap(), None);
    std::fs::write(&file, "second, longer").unwrap();
    assert_eq!(changed(&*store, stamp()), 1);
    // Taking the run back forgets what it knew of binaries.
    store.undo(&run.record.head.id).unwrap();
    assert!(store.stamps(&context()).unwrap().is_empty());
}

fn the_last_executed_run_of_the_workspace_names_its_failing_tests(place: &dyn Place) {
    let mut store = place.open();
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

fn any_order_of_arrival_gives_the_same_summaries(place: &dyn Place) {
    let in_order = learnt_from((0..130).map(|number| run(number, 8)));
    assert_eq!(in_order.len(), 8);
    assert_eq!(learnt_from((0..130).rev().map(|number| run(number, 8))), in_order);
    assert_eq!(learnt_from((0..130).map(|number| run(number * 37 % 130, 8))), in_order);
    // And one by one as together.
    let mut store = place.open();
    for number in (0..130).map(|number| number * 53 % 130) {
        finish(&mut *store, &run(number, 8));
    }
    assert_eq!(learnt(&*store), in_order);
}

fn what_measured_runs_reached_is_kept_until_the_run_goes(place: &dyn Place) {
    let mut store = place.open();
    for number in 0..8 {
        let mut run = run(number, 2);
        run.record.coverage = (number % 2 == 1).then(|| reached(number.into()));
        match number {
            3 => drop(store.append(&mut [run].into_iter()).unwrap()),
            _ => finish(&mut *store, &run),
        }
    }
    let figures = |store: &dyn Store, limit| -> Vec<CoverageFigures> {
        store.coverage(&context(), limit).unwrap().into_iter().filter_map(|run| run.coverage).collect()
    };
    assert_eq!(figures(&*store, 10), [1, 3, 5, 7].map(reached));
    // The latest so many, oldest first.
    assert_eq!(figures(&*store, 2), [5, 7].map(reached));
    let elsewhere = Context { profile: "release".into(), ..context() };
    assert!(store.coverage(&elsewhere, 10).unwrap().is_empty());
    store.undo(&run(7, 2).record.head.id).unwrap();
    store.prune(&Retention { since: Some(at(2 * 60)), ..Retention::default() }, Prune::Delete).unwrap();
    assert_eq!(figures(&*store, 10), [3, 5].map(reached));
    // Taken back and recorded anew without a measurement: nothing stays of the one before.
    store.undo(&run(5, 2).record.head.id).unwrap();
    finish(&mut *store, &run(5, 2));
    assert_eq!(figures(&*store, 10), [reached(3)]);
}

fn a_clock_that_goes_back_changes_no_order(place: &dyn Place) {
    let mut store = place.open();
    finish(&mut *store, &run(9, 4));
    finish(&mut *store, &run(2, 4));
    let runs = store.runs(&RunFilter::default(), Page::ALL).unwrap();
    assert_eq!(runs[0].head.id, run(9, 4).record.head.id);
    for test in store.summaries(&context()).unwrap() {
        assert_eq!(test.summary.last().unwrap().run.id, run(9, 4).record.head.id);
    }
}

fn a_run_that_is_taken_back_was_never_there(place: &dyn Place) {
    let mut store = place.open();
    store.append(&mut (0..130).map(|number| run(number, 6))).unwrap();
    let mut left: Vec<u32> = (0..130).collect();
    // The newest, one in the window, the last in it, one that has left it, the first.
    for number in [129, 80, 28, 10, 0] {
        left.retain(|there| *there != number);
        let before = store.counters().unwrap();
        store.undo(&run(number, 6).record.head.id).unwrap();
        assert_eq!(store.counters().unwrap().runs, before.runs - 1);
        assert!(learnt(&*store) == learnt_from(left.iter().map(|number| run(*number, 6))), "without {number}");
        assert!(matches!(store.cases(&run(number, 6).record.head.id), Err(StoreError::NoSuchRun(_))));
    }
    // It may come again.
    finish(&mut *store, &run(80, 6));
    for number in left {
        store.undo(&run(number, 6).record.head.id).unwrap();
    }
    store.undo(&run(80, 6).record.head.id).unwrap();
    assert_eq!(store.counters().unwrap(), Counters::default());
    assert!(learnt(&*store).is_empty());
}

fn pruning_forgets_runs_and_keeps_what_was_learnt(place: &dyn Place) {
    let mut store = place.open();
    let vanished = [case("vanished", Outcome::Passed, 1)];
    store.finish(&record(head(-60, 1), &vanished), &vanished, &[]).unwrap();
    store.append(&mut (0..30).map(|number| run(number, 6))).unwrap();
    let known: Vec<TestSummary> = learnt(&*store).into_iter().filter(|test| test.key.name != "vanished").collect();
    let keep = Retention { count: Some(10), ..Retention::default() };
    let plan = store.prune(&keep, Prune::Plan).unwrap();
    assert_eq!((plan.runs.len(), plan.cases), (21, 121));
    assert_eq!(store.size().unwrap().runs, 31, "a plan removes nothing");
    let pruned = store.prune(&keep, Prune::Delete).unwrap();
    assert_eq!(pruned.runs, plan.runs);
    assert_eq!((store.size().unwrap().runs, store.size().unwrap().cases), (10, 60));
    assert_eq!(learnt(&*store), known, "but the test that no run knows any more is forgotten");
    assert!(matches!(store.cases(&run(3, 6).record.head.id), Err(StoreError::NoSuchRun(_))));
    // What was pruned is not learnt a second time.
    let again = store.append(&mut (0..30).map(|number| run(number, 6))).unwrap();
    assert_eq!((again.added, again.known), (0, 30));
    assert_eq!(learnt(&*store), known);
    // By age and by size.
    let since = Retention { since: Some(at(25 * 60)), ..Retention::default() };
    assert_eq!(store.prune(&since, Prune::Plan).unwrap().runs.len(), 5);
    let bytes = Retention { bytes: Some(0), ..Retention::default() };
    assert_eq!(store.prune(&bytes, Prune::Plan).unwrap().runs.len(), 10);
    let other = Retention { context: Some(Context { profile: "release".into(), ..context() }), ..bytes };
    assert_eq!(store.prune(&other, Prune::Plan).unwrap().runs.len(), 0);
    assert_eq!(store.prune(&Retention::default(), Prune::Delete).unwrap().runs.len(), 0);
}

fn r19_totals_that_are_missing_come_from_the_cases_and_strange_rows_are_left_out(place: &dyn Place) {
    let mut store = place.open();
    let mut first = run(1, 5);
    first.record.totals = Totals::default();
    let totals = Totals::of(first.cases.iter().map(|case| &**case));
    finish(&mut *store, &first);
    finish(&mut *store, &run(2, 5));
    assert_eq!(store.run(first.record.head.id.as_str()).unwrap().totals, totals);
    let of_first = "(SELECT min(seq) FROM runs)";
    let test = |number: u32| format!("(SELECT id FROM tests WHERE name = 'test_{number}')");
    place.sql(&format!(
        "UPDATE runs SET state = 'from the future' WHERE seq > {of_first};
         UPDATE cases SET outcome = 99 WHERE run = {of_first} AND test = {};
         UPDATE cases SET extra = (SELECT substr(folded, 1, 0) FROM summaries LIMIT 1)
             WHERE run = {of_first} AND test = {};
         UPDATE summaries SET folded = substr(folded, 1, 0) WHERE test = {};",
        test(0),
        test(1),
        test(2),
    ));
    assert_eq!(store.runs(&RunFilter::default(), Page::ALL).unwrap().len(), 1);
    let cases = store.cases(&first.record.head.id).unwrap();
    assert_eq!((cases.len(), cases[0].outcome), (4, Outcome::Error));
    assert_eq!(store.summaries(&context()).unwrap().len(), 4);
    assert_eq!(store.take_warnings(), ["3 rows of the history could not be read and were left out"]);
    assert!(store.take_warnings().is_empty());
}

fn a_run_that_was_pruned_as_cut_off_and_ends_after_all_is_on_record(place: &dyn Place) {
    let mut store = place.open();
    let mut late = run(1, 4);
    late.record.head.boot_id = Some("another boot".into());
    store.begin(&late.record.head).unwrap();
    let none = Retention { count: Some(0), ..Retention::default() };
    assert_eq!(store.prune(&none, Prune::Delete).unwrap().runs, [late.record.head.id.clone()]);
    assert_eq!(store.size().unwrap().runs, 0);
    finish(&mut *store, &late);
    let stored = store.run(late.record.head.id.as_str()).unwrap();
    assert_eq!((stored.state, &stored.head), (RunState::Executed, &late.record.head));
    assert_eq!(store.cases(&late.record.head.id).unwrap().len(), 4);
    assert_eq!(store.counters().unwrap().runs, 1);
    assert!(matches!(store.finish(&late.record, &late.cases, &[]), Err(StoreError::Known(_))));
    assert!(learnt(&*store) == learnt_from([late.clone()].into_iter()));
    // Once it ended, pruning is for good.
    store.prune(&none, Prune::Delete).unwrap();
    assert!(matches!(store.finish(&late.record, &late.cases, &[]), Err(StoreError::Known(_))));
    assert_eq!(store.size().unwrap().runs, 0);
}

fn ten_processes_that_append_at_once_lose_nothing(place: &dyn Place) {
    let children: Vec<Child> =
        (0..10).map(|number| helper(&place.name(), &format!("append {} 10", number * 10)).spawn().unwrap()).collect();
    for mut child in children {
        let finished = lines(&mut child).iter().filter(|line| line.starts_with("finished ")).count();
        assert!(child.wait().unwrap().success());
        assert_eq!(finished, 10);
    }
    let store = place.open();
    assert_eq!((store.size().unwrap().runs, store.size().unwrap().cases), (100, 4000));
    assert_eq!(store.counters().unwrap().runs, 100);
    assert!(learnt(&*store) == learnt_from((0..100).map(|number| run(number, 40))));
}

fn a_run_put_together_from_parts_takes_their_place(place: &dyn Place) {
    let mut store = place.open();
    finish(&mut *store, &run(1, 4));
    let mut parts = [run(2, 4), run(3, 4)];
    for (part, index) in parts.iter_mut().zip(1..) {
        part.record.head.shard = Shard::new(index, 3);
        part.record.head.full = false;
    }
    finish(&mut *store, &parts[0]);
    let whole = run(4, 4);
    let heads: Vec<RunHead> = parts.iter().map(|part| part.record.head.clone()).collect();
    store.adopt(&whole, &heads).unwrap();
    let there = || {
        let runs = place.open().runs(&RunFilter::default(), Page::ALL).unwrap();
        runs.into_iter().map(|run| run.head.id).collect::<Vec<_>>()
    };
    assert_eq!(there(), [whole.record.head.id.clone(), run(1, 4).record.head.id]);
    assert_eq!(learnt(&*store), learnt_from([run(1, 4), run(4, 4)].into_iter()));
    let counters = store.counters().unwrap();
    assert_eq!(counters.runs, 2);
    // Whoever sends the parts later, or puts them together once more, changes nothing.
    let appended = store.append(&mut parts.into_iter()).unwrap();
    assert_eq!((appended.added, appended.known), (0, 2));
    assert!(matches!(store.adopt(&whole, &heads), Err(StoreError::Known(_))));
    assert_eq!((there().len(), store.counters().unwrap()), (2, counters));
}
