//! Whatever is done to a history, it reads the same wherever it is kept.

use std::sync::Arc;

use cargo_gate::history::store::{FinishedRun, Page, Prune, Retention, RunFilter, Store, StoreError, TestSummary};
use cargo_gate::model::{ContentHash, Context, Outcome, RunHead, RunState, Verdict};
use proptest::prelude::*;

use super::every::{Folder, Place as _};
use super::postgres::Schema;
use super::runs::{at, case, context, head, learnt, reached, record};

/// What is done; runs are meant by their number modulo those there may be.
#[derive(Clone, Debug)]
enum Deed {
    Begin(u32),
    Finish(Told),
    Append(Vec<Told>),
    Adopt(Told, Vec<u32>),
    Abandon(u32),
    Undo(u32),
    Prune { since: Option<i64>, count: Option<u64>, suite: bool },
    Defer { input: u8, at: i64 },
    ClearDeferrals(u8),
}

/// A run that is over.
#[derive(Clone, Debug)]
struct Told {
    number: u32,
    tests: Vec<(u8, Outcome)>,
    state: RunState,
    verdict: Verdict,
    measured: bool,
    odd: bool,
}

const RUNS: u32 = 12;

impl Told {
    fn head(number: u32) -> RunHead {
        // Not in order of their numbers, and some at the same time.
        let second = i64::from(number * 7 % RUNS / 2 * 60);
        let other = Context { profile: "release".into(), ..context() };
        let suite = if number % 5 == 4 { "nightly\0" } else { "workspace" };
        RunHead {
            suite: suite.into(),
            context: if number % 4 == 3 { other } else { context() },
            instrumented: number % 6 == 5,
            ..head(second, number)
        }
    }

    fn run(&self) -> FinishedRun {
        let name = |test: &u8| if self.odd { format!("odd\0\u{1a}{test}") } else { format!("test_{test}") };
        let cases: Vec<_> = self.tests.iter().map(|(test, outcome)| case(&name(test), *outcome, 3)).collect();
        let mut record = record(Self::head(self.number), &cases);
        (record.state, record.judgement.verdict) = (self.state, self.verdict);
        record.coverage = self.measured.then(|| reached(self.number.into()));
        FinishedRun { record, cases, binaries: Vec::new() }
    }
}

fn told() -> impl Strategy<Value = Told> {
    use RunState::{BuildFailed, Deferred, Executed, Interrupted, ToolError};
    let states =
        prop::sample::select(vec![Executed, Executed, Executed, BuildFailed, Deferred, Interrupted, ToolError]);
    let tests = prop::collection::vec((0_u8..6, prop::sample::select(Outcome::ALL.to_vec())), 0..8);
    let verdict = prop::sample::select(Verdict::ALL.to_vec());
    (0..RUNS, tests, states, verdict, any::<bool>(), any::<bool>()).prop_map(
        |(number, tests, state, verdict, measured, odd)| Told { number, tests, state, verdict, measured, odd },
    )
}

fn deed() -> impl Strategy<Value = Deed> {
    let keep = (prop::option::of(0_i64..400), prop::option::of(0_u64..4), any::<bool>());
    prop_oneof![
        2 => (0..RUNS).prop_map(Deed::Begin),
        5 => told().prop_map(Deed::Finish),
        2 => prop::collection::vec(told(), 0..4).prop_map(Deed::Append),
        1 => (told(), prop::collection::vec(0..RUNS, 0..4)).prop_map(|(whole, parts)| Deed::Adopt(whole, parts)),
        1 => (0..RUNS).prop_map(Deed::Abandon),
        2 => (0..RUNS).prop_map(Deed::Undo),
        1 => keep.prop_map(|(since, count, suite)| Deed::Prune { since, count, suite }),
        1 => (0_u8..2, 0_i64..200_000).prop_map(|(input, at)| Deed::Defer { input, at }),
        1 => (0_u8..2).prop_map(Deed::ClearDeferrals),
    ]
}

/// Does it, and says what came of it.
fn act(store: &mut dyn Store, deed: &Deed) -> String {
    let said = |done: Result<String, StoreError>| done.unwrap_or_else(|error| error.to_string());
    let input = |input: u8| ContentHash([input; 16]);
    match deed {
        Deed::Begin(number) => said(store.begin(&Told::head(*number)).map(|()| String::new())),
        Deed::Finish(told) => {
            let run = told.run();
            said(store.finish(&run.record, &run.cases, &run.binaries).map(|()| String::new()))
        }
        Deed::Append(told) => {
            said(store.append(&mut told.iter().map(Told::run)).map(|appended| format!("{appended:?}")))
        }
        Deed::Adopt(whole, parts) => {
            let parts: Vec<RunHead> =
                parts.iter().filter(|part| **part != whole.number).map(|part| Told::head(*part)).collect();
            said(store.adopt(&whole.run(), &parts).map(|()| String::new()))
        }
        Deed::Abandon(number) => said(store.abandon(&Told::head(*number).id).map(|()| String::new())),
        Deed::Undo(number) => said(store.undo(&Told::head(*number).id).map(|run| format!("{run:?}"))),
        Deed::Prune { since, count, suite } => {
            let suite = suite.then(|| "workspace".to_owned());
            let keep = Retention { since: since.map(at), count: *count, suite, ..Retention::default() };
            let done = [Prune::Plan, Prune::Delete].map(|prune| store.prune(&keep, prune));
            said(
                done.into_iter().map(|done| done.map(|pruned| format!("{:?} {}", pruned.runs, pruned.cases))).collect(),
            )
        }
        Deed::Defer { input: key, at: second } => {
            said(store.defer(input(*key), at(*second)).map(|count| count.to_string()))
        }
        Deed::ClearDeferrals(key) => said(store.clear_deferrals(input(*key)).map(|()| String::new())),
    }
}

/// All that can be read, sizes in bytes aside.
fn readings(store: &dyn Store) -> Vec<String> {
    let filters = [
        RunFilter::default(),
        RunFilter { context: Some(context()), full: true, ..RunFilter::default() },
        RunFilter { suite: Some("nightly\0".into()), ..RunFilter::default() },
        RunFilter { state: Some(RunState::Executed), since: Some(at(100)), ..RunFilter::default() },
        RunFilter { state: Some(RunState::Running), ..RunFilter::default() },
        RunFilter { failed: true, of_tests: true, ..RunFilter::default() },
        RunFilter { verdict: Some(Verdict::Pass), measured: true, ..RunFilter::default() },
        RunFilter { commit: Some("0000000000".into()), branch: Some("main".into()), ..RunFilter::default() },
    ];
    let mut read = Vec::new();
    for filter in &filters {
        read.push(format!("{:?}", store.runs(filter, Page::ALL)));
        read.push(format!("{:?}", store.runs(filter, Page { skip: 1, limit: 2 })));
        read.push(format!("{:?}", store.names(filter)));
        read.push(format!("{:?} {:?}", store.latest(filter), store.figures(filter)));
    }
    for number in 0..RUNS {
        let id = Told::head(number).id;
        read.push(format!("{:?} {:?}", store.run(id.as_str()), store.cases(&id)));
        read.push(format!("{:?}", store.run(&id.as_str()[..15])));
        let finished = store.finished(&id).map(|run| {
            run.map(|mut run| {
                // They come in no order.
                run.cases.sort_by(|a, b| a.key.cmp(&b.key));
                run
            })
        });
        read.push(format!("{finished:?}"));
        for test in 0..2 {
            let key = Arc::clone(&case(&format!("test_{test}"), Outcome::Passed, 1).key);
            read.push(format!("{:?}", store.case(&id, &key)));
        }
    }
    let other = Context { profile: "release".into(), ..context() };
    for context in [context(), other] {
        read.push(format!("{:?} {:?}", store.last_executed(&context), store.coverage(&context, 2)));
        read.push(format!("{}", store.summaries(&context).unwrap().len()));
    }
    let size = store.size().unwrap();
    read.push(format!("{:?} {} {} {}", store.counters(), size.runs, size.cases, size.summaries));
    read.push(format!("{:?} {:?}", store.suites(), store.contexts()));
    for input in 0..2 {
        read.push(format!("{:?}", store.deferrals(ContentHash([input; 16]), at(100_000))));
    }
    read
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn what_is_done_to_both_reads_the_same_of_both(deeds in prop::collection::vec(deed(), 1..20)) {
        let (folder, schema) = (Folder::default(), Schema::default());
        let (mut here, mut there) = (folder.open(), schema.open());
        for deed in &deeds {
            prop_assert_eq!(act(&mut *here, deed), act(&mut *there, deed), "{:?}", deed);
        }
        for (here, there) in readings(&*here).into_iter().zip(readings(&*there)) {
            prop_assert_eq!(here, there);
        }
        let learnt: [Vec<TestSummary>; 2] = [learnt(&*here), learnt(&*there)];
        prop_assert_eq!(&learnt[0], &learnt[1]);
    }
}
