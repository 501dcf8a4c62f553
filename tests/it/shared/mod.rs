//! One history for many machines: what is kept where, and that nothing is lost or counted twice whatever becomes of the
//! line. A store in a file stands where the server will be.

mod faulty;
mod gate;
#[cfg(all(unix, feature = "postgres"))]
mod server;

use std::time::Duration;

use cargo_gate::history::shared::{Hurry, Limits, Outbox, SharedStore, send_all};
use cargo_gate::history::sqlite::SqliteStore;
use cargo_gate::history::store::{BinaryStamp, FinishedRun, Page, Prune, Retention, RunFilter, Store, StoreError};
use cargo_gate::model::{ContentHash, Outcome, RunHead, RunId, RunState, TestKey};
use faulty::{Break, LIMITS, Net};
use proptest::prelude::*;

use crate::store::runs::{self, at, context};

fn head(number: u32) -> RunHead {
    runs::head(number.into(), number)
}

fn key(name: &str) -> TestKey {
    (*runs::case(name, Outcome::Passed, 1).key).clone()
}

/// A run of three tests, of which one fails every other time.
fn run(number: u32) -> FinishedRun {
    let case = |test: u32| {
        let failed = test == 1 && !number.is_multiple_of(2);
        let outcome = if failed { Outcome::Failed } else { Outcome::Passed };
        runs::case(&format!("test_{test}"), outcome, number.into())
    };
    let cases: Vec<_> = (0..3).map(case).collect();
    FinishedRun { record: runs::record(head(number), &cases), cases, binaries: Vec::new() }
}

/// Records a run as the gate does; gives what was said.
fn record(store: &mut SharedStore, number: u32) -> Vec<String> {
    let run = run(number);
    store.begin(&run.record.head).unwrap();
    store.finish(&run.record, &run.cases, &[]).unwrap();
    store.take_warnings()
}

fn names(numbers: impl IntoIterator<Item = u32>) -> Vec<RunId> {
    numbers.into_iter().map(|number| head(number).id).collect()
}

fn recorded(store: &dyn Store) -> Vec<RunId> {
    store.names(&RunFilter::default()).unwrap()
}

/// Holds a history against one that had these runs in order.
#[track_caller]
fn assert_has(store: &dyn Store, numbers: impl IntoIterator<Item = u32> + Clone) {
    let mut like = SqliteStore::empty().unwrap();
    like.append(&mut numbers.clone().into_iter().map(run)).unwrap();
    assert_eq!(recorded(store), names(numbers.clone()));
    assert_eq!(store.counters().unwrap(), like.counters().unwrap());
    assert_eq!(store.size().unwrap().cases, like.size().unwrap().cases);
    assert_has_windows(store, numbers);
}

/// Holds what is remembered of tests against a history that had these runs.
#[track_caller]
fn assert_has_windows(store: &dyn Store, numbers: impl IntoIterator<Item = u32>) {
    let mut like = SqliteStore::empty().unwrap();
    like.append(&mut numbers.into_iter().map(run)).unwrap();
    let windows = |store: &dyn Store| -> Vec<_> {
        let of = |test: cargo_gate::history::store::TestSummary| {
            let window = test.summary.window().map(|entry| (entry.run.id.clone(), entry.outcome));
            (test.key, window.collect::<Vec<_>>())
        };
        store.summaries(&context()).unwrap().into_iter().map(of).collect()
    };
    assert_eq!(windows(store), windows(&like));
}

fn push(net: &Net, machine: &str) -> cargo_gate::history::shared::Sent {
    Outbox::existing(&net.dir(machine)).unwrap().unwrap().send(&net.link(), &|| Duration::MAX).unwrap()
}

#[test]
fn a_run_goes_to_the_server_and_the_files_of_the_machine_stay_with_it() {
    let net = Net::new();
    let mut here = net.machine("here");
    let stamp = BinaryStamp {
        binary: key("test_0").binary,
        path: "/t/app".into(),
        size: 7,
        mtime_ns: 9,
        hash: Some(ContentHash([5; 16])),
    };
    let run = run(1);
    here.begin(&run.record.head).unwrap();
    here.finish(&run.record, &run.cases, std::slice::from_ref(&stamp)).unwrap();
    assert_eq!(here.take_warnings(), [""; 0]);
    assert_has(&net.server(), [1]);
    assert_eq!(net.server().stamps(&context()).unwrap(), []);
    assert_eq!(here.stamps(&context()).unwrap(), std::slice::from_ref(&stamp));
    assert_eq!(here.known_hash("/t/app".into(), 7, 9).unwrap(), stamp.hash);

    let mut there = net.machine("there");
    assert_eq!(there.stamps(&context()).unwrap(), []);
    assert_eq!(there.last_executed(&context()).unwrap().unwrap().failing, [key("test_1")]);
    record(&mut there, 2);
    assert_has(&here, [1, 2]);
    assert!(!net.dir("here").join("outbox").exists(), "nothing had to wait");

    here.undo(&head(1).id).unwrap();
    assert_has(&net.server(), [2]);
    assert_eq!(here.stamps(&context()).unwrap(), [], "a run taken back leaves no stamp behind");
}

#[test]
fn a_run_without_a_server_is_kept_whole_and_the_next_one_sends_it() {
    let net = Net::new();
    net.is_down(true);
    let said = record(&mut net.machine("here"), 1);
    let [warning] = said.as_slice() else { panic!("{said:?}") };
    assert!(warning.starts_with("the shared history cannot be reached: nobody is there; the run is kept"), "{warning}");
    assert!(warning.contains("cargo gate history push"), "{warning}");
    assert_eq!(net.waiting("here"), names([1]));
    net.is_down(false);
    let mut next = net.machine("here");
    assert_has(&net.server(), [1]);
    assert_eq!(next.last_executed(&context()).unwrap().unwrap().run.head.id, head(1).id, "the order knows of it");
    assert_eq!(record(&mut next, 2), [""; 0]);
    assert_has(&net.server(), [1, 2]);
    assert_eq!(net.waiting("here"), []);
}

#[test]
fn wherever_the_line_breaks_the_run_arrives_once() {
    for when in [Break::Before, Break::After] {
        for at_finish in [false, true] {
            let net = Net::new();
            let mut here = net.machine("here");
            let run = run(1);
            if !at_finish {
                net.breaks(when);
            }
            here.begin(&run.record.head).unwrap();
            if at_finish {
                net.breaks(when);
            }
            here.finish(&run.record, &run.cases, &[]).unwrap();
            assert_eq!(here.take_warnings().len(), 1);
            assert_eq!(net.waiting("here"), names([1]), "{when:?} {at_finish}");
            net.is_down(false);
            record(&mut net.machine("here"), 2);
            assert_has(&net.server(), [1, 2]);
            assert_eq!(net.waiting("here"), [], "{when:?} {at_finish}");
        }
    }
}

#[test]
fn a_run_that_was_none_leaves_no_trace_on_either_side() {
    let net = Net::new();
    for down in [false, true] {
        net.is_down(down);
        let mut here = net.machine("here");
        here.begin(&head(1)).unwrap();
        here.abandon(&head(1).id).unwrap();
        net.is_down(false);
        assert_eq!(net.waiting("here"), []);
        assert_eq!((recorded(&net.server()), net.server().counters().unwrap().runs), (Vec::new(), 0));
    }
}

#[test]
fn a_run_that_was_none_and_whose_beginning_was_not_confirmed_leaves_no_trace_either() {
    let net = Net::new();
    let mut here = net.machine("here");
    net.breaks(Break::After);
    here.begin(&head(1)).unwrap();
    net.is_down(false);
    here.abandon(&head(1).id).unwrap();
    assert_eq!(net.waiting("here"), []);
    let runs = net.server().runs(&RunFilter::default(), Page::ALL).unwrap();
    assert_eq!((runs.len(), net.server().counters().unwrap().runs), (0, 0));
}

#[test]
fn a_run_that_the_server_pruned_as_cut_off_arrives_all_the_same() {
    let net = Net::new();
    let mut here = net.machine("here");
    let mut late = run(1);
    late.record.head.boot_id = Some("another boot".into());
    here.begin(&late.record.head).unwrap();
    net.is_down(true);
    here.finish(&late.record, &late.cases, &[]).unwrap();
    net.is_down(false);
    let all = Retention { count: Some(0), ..Retention::default() };
    assert_eq!(net.server().prune(&all, Prune::Delete).unwrap().runs, names([1]));
    assert_eq!(push(&net, "here").sent, 1);
    assert_has(&net.server(), [1]);
    assert_eq!(push(&net, "here").sent, 0);
}

#[test]
fn what_waits_is_not_sent_before_the_tests_of_somebody_in_a_hurry() {
    let net = Net::new();
    net.is_down(true);
    record(&mut net.machine("here"), 1);
    net.is_down(false);
    let link = cargo_gate::history::shared::Link::new(net.connect(), LIMITS, Hurry::already());
    let mut here = SharedStore::open(&net.dir("here"), link).unwrap();
    assert_eq!(net.waiting("here"), names([1]));
    assert_eq!(record(&mut here, 2), [""; 0]);
    assert_eq!(net.waiting("here"), [], "it is sent when they are over");
    assert_has(&net.server(), [1, 2]);
}

#[test]
fn r19_what_the_server_could_not_read_is_said_of_a_run_too() {
    let net = Net::new();
    record(&mut net.machine("here"), 1);
    let file = net.dir("server").join(cargo_gate::history::sqlite::FILE_NAME);
    rusqlite::Connection::open(file).unwrap().execute_batch("UPDATE summaries SET folded = x''").unwrap();
    let mut here = net.machine("here");
    assert_eq!(here.summaries(&context()).unwrap(), []);
    assert_eq!(record(&mut here, 2), ["3 rows of the history could not be read and were left out"]);
}

#[test]
fn a_run_that_is_killed_without_a_server_is_sent_as_one_that_was_cut_off() {
    let net = Net::new();
    net.is_down(true);
    let gone = RunHead { pid: 0, ..head(1) };
    net.machine("here").begin(&gone).unwrap();
    net.machine("here").begin(&head(2)).unwrap();
    net.is_down(false);
    record(&mut net.machine("here"), 3);
    assert_eq!(recorded(&net.server()), names([1, 3]), "the one that goes on is not over");
    assert_eq!(net.server().run(gone.id.as_str()).unwrap().state, RunState::Interrupted);
    assert_eq!(net.waiting("here"), []);
}

#[test]
fn a_connection_that_is_late_is_used_at_the_end() {
    let net = Net::new();
    let limits = Limits { hurried: Duration::ZERO, ..LIMITS };
    let (link, release) = net.slow(limits, Hurry::already());
    let mut here = SharedStore::open(&net.dir("here"), link).unwrap();
    let run = run(1);
    assert_eq!(here.summaries(&context()).unwrap(), []);
    here.begin(&run.record.head).unwrap();
    assert_eq!(here.take_warnings(), [""; 0], "it may still come");
    release.send(()).unwrap();
    here.finish(&run.record, &run.cases, &[]).unwrap();
    assert_eq!(here.take_warnings(), ["the shared history was reached late: this run was ordered without it"]);
    assert_has(&net.server(), [1]);
    let outbox = SqliteStore::open(&net.dir("here").join("outbox")).unwrap();
    assert_eq!(outbox.runs(&RunFilter::default(), Page::ALL).unwrap(), []);
}

#[test]
fn a_server_that_never_answers_costs_a_bounded_time() {
    let net = Net::new();
    let short = Duration::from_millis(1);
    let limits = Limits { connect: short, hurried: short, last: short, ..LIMITS };
    let (link, _release) = net.slow(limits, Hurry::default());
    let said = record(&mut SharedStore::open(&net.dir("here"), link).unwrap(), 1);
    assert!(said.len() == 1 && said[0].contains("no connection within 1ms; the run is kept"), "{said:?}");
    assert_eq!(net.waiting("here"), names([1]));

    let (link, _release) = net.slow(limits, Hurry::default());
    let refused = SharedStore::open_existing(&net.dir("here"), link).err().unwrap();
    assert!(refused.is_unreadable(), "{refused}");
}

#[test]
fn hurry_wakes_whoever_waits_already() {
    let net = Net::new();
    let hurry = Hurry::default();
    let limits = Limits { hurried: Duration::ZERO, ..LIMITS };
    let (link, release) = net.slow(limits, hurry.clone());
    let dir = net.dir("here");
    let opening = std::thread::spawn(move || SharedStore::open(&dir, link).unwrap().summaries(&context()).unwrap());
    hurry.up();
    assert_eq!(opening.join().unwrap(), []);
    drop(release);
}

#[test]
fn without_a_server_the_order_knows_what_this_machine_knows() {
    let net = Net::new();
    let mut before = SqliteStore::open(&net.dir("here")).unwrap();
    before.append(&mut [run(1)].into_iter()).unwrap();
    net.is_down(true);
    let here = net.machine("here");
    assert_eq!(here.summaries(&context()).unwrap(), before.summaries(&context()).unwrap());
    assert_eq!(here.last_executed(&context()).unwrap().unwrap().run.head.id, head(1).id);
    record(&mut net.machine("here"), 2);
    let here = net.machine("here");
    assert_has_windows(&here, [1, 2]);
    assert_eq!(here.last_executed(&context()).unwrap().unwrap().run.head.id, head(2).id);
    let listed = |page| {
        let runs = here.runs(&RunFilter::default(), page).unwrap();
        runs.into_iter().map(|run| run.head.id).collect::<Vec<_>>()
    };
    assert_eq!((listed(Page::ALL), listed(Page { skip: 1, limit: 1 })), (names([2, 1]), names([1])));
    assert_eq!(recorded(&here), names([1, 2]));
    for number in [1, 2] {
        assert_eq!(here.cases(&head(number).id).unwrap().len(), 3);
    }
    assert!(!here.knows_all());
    // What was sent does not hide what stays.
    net.is_down(false);
    push(&net, "here");
    net.is_down(true);
    let here = net.machine("here");
    assert_eq!(here.last_executed(&context()).unwrap().unwrap().run.head.id, head(1).id);
    assert_has_windows(&here, [1]);
}

#[test]
fn reading_says_that_there_is_no_server_and_finds_nothing_on_an_empty_one() {
    let net = Net::new();
    assert!(SharedStore::open_existing(&net.dir("here"), net.link()).unwrap().is_none());
    assert!(!net.dir("here").exists(), "nothing is created by looking");
    record(&mut net.machine("here"), 1);
    let reader = SharedStore::open_existing(&net.dir("there"), net.link()).unwrap().unwrap();
    assert_has(&reader, [1]);
    net.is_down(true);
    assert!(matches!(reader.run("2"), Err(StoreError::Unreachable(_))));
    assert!(matches!(SharedStore::open_existing(&net.dir("there"), net.link()), Err(StoreError::Unreachable(_))));
}

#[test]
fn what_changes_the_history_itself_needs_the_server() {
    let net = Net::new();
    record(&mut net.machine("here"), 1);
    net.is_down(true);
    let mut here = net.machine("here");
    let keep = Retention { count: Some(0), ..Retention::default() };
    assert!(matches!(here.prune(&keep, Prune::Delete), Err(StoreError::Unreachable(_))));
    assert!(matches!(here.undo(&head(1).id), Err(StoreError::Unreachable(_))));
}

#[test]
fn r16_a_server_that_comes_and_goes_gives_no_new_budget() {
    let net = Net::new();
    let input = ContentHash([7; 16]);
    for (down, count) in [(true, 1), (false, 2), (true, 3), (true, 4), (false, 5)] {
        net.is_down(down);
        assert_eq!(net.machine("here").defer(input, at(1)).unwrap(), count);
        assert_eq!(net.machine("here").deferrals(input, at(1)).unwrap(), count);
    }
    assert_eq!(net.machine("there").defer(input, at(1)).unwrap(), 3, "as many as the server heard of, and one more");
    net.machine("here").clear_deferrals(input).unwrap();
    assert_eq!(net.machine("here").deferrals(input, at(1)).unwrap(), 0);
}

#[test]
fn a_whole_run_that_waits_takes_its_parts_back_when_it_arrives() {
    let net = Net::new();
    record(&mut net.machine("one"), 1);
    net.is_down(true);
    record(&mut net.machine("two"), 2);
    net.machine("three").adopt(&run(9), &[head(1), head(2)]).unwrap();
    assert_eq!(net.waiting("three"), names([9]));
    net.is_down(false);
    net.machine("three");
    assert_has(&net.server(), [9]);
    assert_eq!(push(&net, "two").known, 1, "the part is never taken in again");
    assert_has(&net.server(), [9]);
    let left: Vec<_> = net.dir("three").join("outbox").read_dir_utf8().unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_run_that_the_server_does_not_take_stays_and_stops_no_other() {
    let net = Net::new();
    net.is_down(true);
    for number in 1..=3 {
        record(&mut net.machine("here"), number);
    }
    net.is_down(false);
    net.refuses(Some(&head(2).id));
    let sent = push(&net, "here");
    assert_eq!((sent.sent, sent.refused), (2, 1));
    assert!(sent.why.unwrap().contains("does not like it"));
    assert_eq!(net.waiting("here"), names([2]));
    let said = record(&mut net.machine("here"), 4);
    assert!(said[0].contains("1 of the runs that are kept here cannot be sent"), "{said:?}");
    net.refuses(None);
    push(&net, "here");
    assert_has(&net.server(), [1, 2, 3, 4]);
}

#[test]
fn gates_that_send_at_once_send_each_run_once() {
    let net = Net::new();
    net.is_down(true);
    for number in 1..=20 {
        record(&mut net.machine("here"), number);
    }
    net.is_down(false);
    let all = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..4).map(|_| scope.spawn(|| push(&net, "here"))).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(all.iter().map(|sent| sent.sent).sum::<u64>(), 20, "{all:?}");
    assert!(all.iter().all(|sent| sent.refused == 0), "{all:?}");
    assert_has(&net.server(), 1..=20);
    assert_eq!(net.waiting("here"), []);
}

#[test]
fn sending_stops_when_its_time_is_over_and_goes_on_at_the_next_occasion() {
    let net = Net::new();
    net.is_down(true);
    for number in 1..=3 {
        record(&mut net.machine("here"), number);
    }
    net.is_down(false);
    let mut outbox = Outbox::existing(&net.dir("here")).unwrap().unwrap();
    let left = std::cell::Cell::new(2_u64);
    let sent = outbox.send(&net.link(), &|| Duration::from_secs(left.replace(left.get().saturating_sub(1)))).unwrap();
    assert_eq!((sent.sent, net.waiting("here")), (2, names([3])));
    assert_eq!(push(&net, "here").sent, 1);
}

#[test]
fn runs_from_before_there_was_a_server_are_sent_on_demand_and_stay() {
    let net = Net::new();
    let mut own = SqliteStore::open(&net.dir("here")).unwrap();
    own.append(&mut (1..=5).map(run)).unwrap();
    let first = send_all(&own, &net.link()).unwrap();
    let second = send_all(&own, &net.link()).unwrap();
    assert_eq!(((first.sent, first.known), (second.sent, second.known)), ((5, 0), (0, 5)));
    assert_has(&net.server(), 1..=5);
    assert_has(&own, 1..=5);
}

#[test]
fn runs_that_are_taken_in_without_a_server_wait_like_any_other() {
    let net = Net::new();
    net.is_down(true);
    let appended = net.machine("here").append(&mut [run(1), run(2)].into_iter()).unwrap();
    assert_eq!((appended.added, net.waiting("here")), (2, names([1, 2])));
    net.is_down(false);
    net.machine("here");
    assert_has(&net.server(), [1, 2]);
}

/// What happens one after the other.
#[derive(Clone, Debug)]
enum Step {
    Down(bool),
    Break(bool),
    Run { machine: bool },
    Push { machine: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => any::<bool>().prop_map(Step::Down),
        1 => any::<bool>().prop_map(Step::Break),
        4 => any::<bool>().prop_map(|machine| Step::Run { machine }),
        1 => any::<bool>().prop_map(|machine| Step::Push { machine }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_becomes_of_the_line_everything_arrives_once(steps in prop::collection::vec(step(), 1..14)) {
        let net = Net::new();
        let of = |machine: bool| if machine { "one" } else { "two" };
        let mut runs = 0;
        for step in steps {
            match step {
                Step::Down(down) => net.is_down(down),
                Step::Break(after) => net.breaks(if after { Break::After } else { Break::Before }),
                Step::Run { machine } => {
                    runs += 1;
                    record(&mut net.machine(of(machine)), runs);
                }
                Step::Push { machine } => {
                    if let Some(mut outbox) = Outbox::existing(&net.dir(of(machine))).unwrap() {
                        // It may well be unreachable.
                        let _ = outbox.send(&net.link(), &|| Duration::MAX);
                    }
                }
            }
        }
        net.is_down(false);
        for machine in ["one", "two"] {
            net.machine(machine);
            prop_assert_eq!(net.waiting(machine), []);
        }
        assert_has(&net.server(), 1..=runs);
    }
}
