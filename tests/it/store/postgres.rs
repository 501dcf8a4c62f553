//! The history in PostgreSQL: what only concerns it, on a private server.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cargo_gate::history::postgres::{Patience, PostgresStore, of_workspace};
use cargo_gate::history::store::{FinishedRun, Page, Prune, Retention, RunFilter, Store, StoreError};
use cargo_gate::model::{CaseRecord, Outcome, Reason, RunHead, RunId, RunState, TestKey};
use jiff::{SignedDuration, Timestamp};

use super::every::{Place, open_named};
use super::runs::{context, finish, head, learnt, learnt_from, run};
use super::{helper, lines};
use crate::support::postgres::{HASTY, ONLY_PLAIN, ONLY_TLS, PASSWORD, ROLE, Server, server};
use crate::support::proxy::{Proxy, Trap};

/// Opens the history at an address.
pub(super) fn connect(url: &str) -> Box<dyn Store> {
    Box::new(PostgresStore::connect(url, Patience::default()).unwrap())
}

/// Why the history at an address cannot be opened.
fn refused(url: &str) -> String {
    let error = PostgresStore::connect(url, Patience::default()).unwrap_err();
    assert!(matches!(error, StoreError::Unreachable(_)), "{error:?}");
    format!("{error} {error:?}")
}

/// A schema of its own on the private server.
pub(crate) struct Schema(String);

impl Default for Schema {
    fn default() -> Self {
        Self(server().url())
    }
}

impl Place for Schema {
    fn open(&self) -> Box<dyn Store> {
        open_named(&self.0)
    }

    fn sql(&self, sql: &str) {
        server().sql(&self.0, sql);
    }

    fn name(&self) -> String {
        self.0.clone()
    }
}

#[test]
fn of_many_who_come_at_once_one_makes_the_tables() {
    let place = Schema::default();
    thread::scope(|scope| {
        for number in 0..8 {
            let place = &place;
            scope.spawn(move || finish(&mut *place.open(), &run(number, 2)));
        }
    });
    assert_eq!(place.open().size().unwrap().runs, 8);
    assert_eq!(server().sql(&place.0, "SELECT program, version FROM schema_version"), "cargo-gate|1");
}

#[test]
fn a_newer_format_is_read_and_never_written() {
    let place = Schema::default();
    let mut open = place.open();
    finish(&mut *open, &run(1, 5));
    place.sql("UPDATE schema_version SET version = 99; ALTER TABLE runs ADD COLUMN colour text DEFAULT 'green'");
    // Whoever had it open since before does not write either.
    for mut store in [open, place.open()] {
        assert_eq!(store.summaries(&context()).unwrap().len(), 5);
        let refused = store.begin(&head(9, 9));
        assert!(matches!(refused, Err(StoreError::Newer { found: 99, known: 1 })), "{refused:?}");
        let undone = store.undo(&run(1, 5).record.head.id);
        assert!(matches!(undone, Err(StoreError::Newer { .. })), "{undone:?}");
        assert_eq!((store.size().unwrap().runs, store.counters().unwrap().runs), (1, 1));
    }
}

#[test]
fn an_older_format_is_brought_forward() {
    let place = Schema::default();
    let schema = place.0.split("schema=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    place.sql(&format!("CREATE SCHEMA {schema}"));
    place.sql("CREATE TABLE schema_version (program text PRIMARY KEY, version bigint NOT NULL)");
    place.sql("INSERT INTO schema_version VALUES ('cargo-gate', 0)");
    finish(&mut *place.open(), &run(1, 5));
    assert_eq!(server().sql(&place.0, "SELECT version FROM schema_version"), "1");
}

#[test]
fn the_schema_of_another_program_is_left_alone() {
    for theirs in ["CREATE TABLE schema_version (installed_rank integer)", "CREATE TABLE runs (x integer)"] {
        let place = Schema::default();
        let schema = place.0.split("schema=").nth(1).unwrap().split('&').next().unwrap().to_owned();
        place.sql(&format!("CREATE SCHEMA {schema}"));
        place.sql(theirs);
        let error = PostgresStore::connect(&place.0, Patience::default()).unwrap_err().to_string();
        assert!(error.contains("is of another program: `?schema=…`"), "{error}");
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()";
        assert_eq!(server().sql(&place.0, tables), "1", "nothing of ours stays");
    }
}

#[test]
fn a_database_that_cannot_hold_every_character_is_refused() {
    let url = server().url();
    server().sql(&url, "CREATE DATABASE narrow TEMPLATE template0 ENCODING LATIN1 LOCALE 'C'");
    let error = PostgresStore::connect(&url.replace("/postgres?", "/narrow?"), Patience::default()).unwrap_err();
    assert!(matches!(&error, StoreError::Unreadable(why) if why.contains("LATIN1")), "{error}");
}

#[test]
fn two_workspaces_in_one_database_do_not_meet() {
    let url = server().url();
    let url = url.replace(&url[url.find("schema=").unwrap()..url.find("&sslmode").unwrap() + 1], "");
    let mut app = connect(&of_workspace(&url, "app"));
    let lib = connect(&of_workspace(&url, "org/lib"));
    finish(&mut *app, &run(1, 5));
    assert_eq!((app.size().unwrap().runs, lib.size().unwrap().runs), (1, 0));
    assert!(lib.summaries(&context()).unwrap().is_empty());
    drop(app.undo(&run(1, 5).record.head.id).unwrap());
}

#[test]
fn sslmode_says_who_is_trusted() {
    let server = server();
    let (ours, strange) = (server.authority(), server.stranger());
    let url = |host: &str, parameters: &str| format!("{}&{parameters}", server.url_of("admin", host));
    let roots = |file: &std::path::Path| format!("sslrootcert={}", file.display());
    for (host, mode, roots) in [
        ("localhost", "verify-full", roots(&ours)),
        ("127.0.0.1", "verify-ca", roots(&ours)),
        ("127.0.0.1", "require", roots(&ours)),
        ("127.0.0.1", "require", String::new()),
        ("127.0.0.1", "prefer", String::new()),
        ("127.0.0.1", "disable", String::new()),
    ] {
        let url = url(host, &format!("sslmode={mode}&{roots}"));
        let mut store = connect(&url);
        finish(&mut *store, &run(1, 3));
        assert_eq!(store.size().unwrap().runs, 1, "{mode}");
    }
    for (host, mode, roots) in [
        ("127.0.0.1", "verify-full", roots(&ours)),
        ("localhost", "verify-full", roots(&strange)),
        ("localhost", "verify-ca", roots(&strange)),
        ("localhost", "require", roots(&strange)),
        ("localhost", "verify-full", "sslrootcert=nowhere.crt".to_owned()),
    ] {
        let why = refused(&url(host, &format!("sslmode={mode}&{roots}")));
        assert!(why.contains("certificate") || why.contains("sslrootcert"), "{mode}: {why}");
    }
}

#[test]
fn sslmode_says_whether_there_is_tls() {
    let with_tls = server();
    for (mode, over_tls, plain) in [
        ("disable", false, true),
        ("allow", true, false),
        ("prefer", true, false),
        ("require", true, false),
        ("verify-ca", true, false),
    ] {
        let roots = with_tls.authority();
        for (role, is_let_in) in [(ONLY_TLS, over_tls), (ONLY_PLAIN, plain)] {
            let url = with_tls.url_of(role, "127.0.0.1");
            let url = format!("{url}&sslmode={mode}&sslrootcert={}", roots.display());
            let connected = PostgresStore::connect(&url, Patience::default());
            assert_eq!(connected.is_ok(), is_let_in, "{role} {mode}: {:?}", connected.err());
        }
    }
    let without = Server::start(&format!("{HASTY}\nssl = off"));
    let url = |mode: &str| format!("{}&sslmode={mode}", without.url_of("admin", "127.0.0.1"));
    for mode in ["disable", "prefer"] {
        finish(&mut *connect(&url(mode)), &run(1, 3));
    }
    for mode in ["require", "verify-full"] {
        let why = refused(&url(mode));
        assert!(why.contains("TLS"), "{mode}: {why}");
    }
}

#[test]
fn passwords_come_from_where_libpq_has_them_and_are_never_said() {
    let url = server().url_of(ROLE, "127.0.0.1");
    let with = |password: &str| url.replacen('@', &format!(":{password}@"), 1);
    finish(&mut *connect(&with("s3cret%20word")), &run(1, 3));
    for wrong in ["wr0ng", "s3cret", "a%2Fb%3Fc"] {
        let why = refused(&with(wrong));
        assert!(why.contains("password authentication failed"), "{why}");
        assert!(!why.contains(wrong) && !why.contains("a/b"), "{why}");
    }
    // Where the address cannot be understood, nothing of it is said.
    for odd in
        [with("wr0ng/pass?x"), with("wr0ng@x"), url.replace("schema=", "wr0ng="), url.replacen("://", ":wr0ng//", 1)]
    {
        let error = PostgresStore::connect(&odd, Patience::default()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("wr0ng"), "{error}");
    }
    let debugged = format!("{:?}", PostgresStore::connect(&with("s3cret%20word"), Patience::default()).unwrap());
    assert!(!debugged.contains("s3cret"), "{debugged}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords");
    std::fs::write(&file, format!("other:*:*:*:no\n127.0.0.1:*:postgres:{ROLE}:{PASSWORD}\n")).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let finished = |name: &str, value: &std::ffi::OsStr| {
        let mut child = helper(&url, "append 5 1").env(name, value).spawn().unwrap();
        let finished = lines(&mut child).iter().any(|line| line.starts_with("finished "));
        child.wait().unwrap();
        connect(&with("s3cret%20word")).undo(&run(5, 40).record.head.id).is_ok() && finished
    };
    assert!(finished("PGPASSWORD", PASSWORD.as_ref()));
    assert!(finished("PGPASSFILE", file.as_os_str()));
    assert!(!finished("PGPASSWORD", "wr0ng".as_ref()));
}

#[test]
fn who_may_only_read_reads() {
    let place = Schema::default();
    finish(&mut *place.open(), &run(1, 5));
    let schema = server().sql(&place.0, "SELECT current_schema()");
    place.sql(&format!(
        "CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA {schema} TO reader;
         GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader"
    ));
    let mut store = connect(&place.0.replacen("admin@", "reader@", 1));
    assert_eq!(store.cases(&run(1, 5).record.head.id).unwrap().len(), 5);
    let written = store.begin(&head(9, 9));
    assert!(matches!(written, Err(StoreError::ReadOnly(_))), "{written:?}");
}

#[test]
fn whether_a_run_goes_on_elsewhere_is_believed_for_a_day() {
    let mut store = Schema::default().open();
    let elsewhere = |hours, tail| {
        let start = Timestamp::now().checked_sub(SignedDuration::from_hours(hours)).unwrap();
        RunHead { id: RunId::new(start, tail), start, host: "elsewhere".into(), pid: 1, ..head(0, tail) }
    };
    for (hours, state) in [(0, RunState::Running), (23, RunState::Running), (25, RunState::Interrupted)] {
        let head = elsewhere(hours, hours.try_into().unwrap());
        store.begin(&head).unwrap();
        assert_eq!(store.run(head.id.as_str()).unwrap().state, state);
    }
    let all = Retention { count: Some(0), ..Retention::default() };
    assert_eq!(store.prune(&all, Prune::Delete).unwrap().runs.len(), 1, "what goes on stays");
}

#[test]
fn texts_may_hold_any_character_and_be_of_any_length() {
    let mut store = Schema::default().open();
    let odd = "nul \0, substitute \u{1a}0 \u{1a}, both \u{1a}\0, escape \u{1b}[31m, 🦀, '; DROP TABLE runs; --";
    let long = format!("{odd}{}", "long".repeat(5000));
    let mut told = run(1, 1);
    let head = &mut told.record.head;
    for text in [&mut head.suite, &mut head.trigger, &mut head.host, &mut head.toolchain, &mut head.context.features] {
        *text = long.clone();
    }
    for text in [&mut head.version, &mut head.commit, &mut head.branch, &mut head.ci_link, &mut head.boot_id] {
        *text = Some(long.clone());
    }
    told.record.judgement.reasons = vec![Reason::new("why", odd)];
    let mut case = (*super::runs::case("a", Outcome::Failed, 1)).clone();
    case.attempts[0].text = Some(odd.into());
    case.attempts[0].why = Some(odd.into());
    case.key = Arc::new(TestKey { name: long.clone(), ..(*case.key).clone() });
    told.cases = vec![Arc::new(case)];
    finish(&mut *store, &told);
    let filter = RunFilter { suite: Some(long.clone()), commit: Some(odd.into()), ..RunFilter::default() };
    let read = store.runs(&filter, Page::ALL).unwrap().remove(0);
    assert_eq!((&read.head, read.judgement.as_ref()), (&told.record.head, Some(&told.record.judgement)));
    let cases: Vec<Arc<CaseRecord>> = store.cases(&read.head.id).unwrap().into_iter().map(Arc::new).collect();
    assert_eq!(cases, told.cases);
    assert_eq!(store.case(&read.head.id, &cases[0].key).unwrap().as_ref(), Some(&*cases[0]));
    assert_eq!(store.summaries(&read.head.context).unwrap()[0].key, cases[0].key);
    assert_eq!(store.suites().unwrap(), [long]);
}

#[test]
fn summaries_never_look_at_cases() {
    let place = Schema::default();
    let mut store = place.open();
    store.append(&mut (0..20).map(|number| run(number, 6))).unwrap();
    let before = store.summaries(&context()).unwrap();
    place.sql("DROP TABLE cases, failures, contents");
    assert_eq!(store.summaries(&context()).unwrap(), before);
}

/// A store behind a wire.
fn behind(proxy: &Proxy, url: &str, patience: Patience) -> PostgresStore {
    PostgresStore::connect(&url.replace(&format!(":{}/", server().port), &format!(":{}/", proxy.port)), patience)
        .unwrap()
}

#[test]
fn the_database_is_waited_for_as_seldom_as_can_be() {
    let proxy = Proxy::to(server().port);
    let url = server().url();
    let mut store = behind(&proxy, &url, Patience::default());
    store.append(&mut (0..20).map(|number| run(number, 6))).unwrap();
    proxy.trips();
    let told = run(30, 6);
    store.begin(&told.record.head).unwrap();
    assert!(proxy.trips() <= 2);
    finish(&mut store, &told);
    assert!(proxy.trips() <= 3);
    store.summaries(&context()).unwrap();
    assert!(proxy.trips() <= 2);
    store.last_executed(&context()).unwrap();
    assert!(proxy.trips() <= 2);
    store.finished(&told.record.head.id).unwrap().unwrap();
    assert_eq!(proxy.trips(), 1);
    store.figures(&RunFilter::default()).unwrap();
    assert_eq!(proxy.trips(), 1);
    store.undo(&told.record.head.id).unwrap();
    assert!(proxy.trips() <= 4);
}

#[test]
fn a_connection_that_was_closed_is_made_anew() {
    let proxy = Proxy::to(server().port);
    let mut store = behind(&proxy, &server().url(), Patience::default());
    store.begin(&run(1, 4).record.head).unwrap();
    proxy.cut();
    finish(&mut store, &run(1, 4));
    proxy.cut();
    assert_eq!(store.size().unwrap().runs, 1);
}

#[test]
fn a_commit_whose_answer_was_lost_is_made_once() {
    let proxy = Proxy::to(server().port);
    let mut store = behind(&proxy, &server().url(), Patience::default());
    let input = cargo_gate::model::ContentHash([1; 16]);
    let traps =
        [Trap::CutAfter("COMMIT"), Trap::CutBefore("COMMIT"), Trap::CutAfter("BEGIN"), Trap::CutBefore("BEGIN")];
    for (number, trap) in (1..).zip(traps) {
        proxy.lay(trap);
        finish(&mut store, &run(number, 4));
        assert!(proxy.has_snapped(), "{trap:?}");
        proxy.lay(trap);
        assert_eq!(store.defer(input, Timestamp::UNIX_EPOCH).unwrap(), number, "{trap:?}");
        assert!(proxy.has_snapped(), "{trap:?}");
        assert_eq!((store.size().unwrap().runs, store.counters().unwrap().runs), (number.into(), number.into()));
    }
    assert_eq!(learnt(&store), learnt_from((1..=4).map(|number| run(number, 4))));
}

#[test]
fn a_commit_whose_fate_is_asked_of_a_server_that_goes_again_is_made_once() {
    let proxy = Proxy::to(server().port);
    let mut store = behind(&proxy, &server().url(), Patience::default());
    let input = cargo_gate::model::ContentHash([1; 16]);
    let asked = [Trap::CutAfter("txid_status"), Trap::CutBefore("txid_status"), Trap::CutBefore("schema_version")];
    for (number, again) in (1..).zip(asked) {
        for trap in [Trap::CutAfter("COMMIT"), again] {
            proxy.lay(trap);
        }
        assert_eq!(store.defer(input, Timestamp::UNIX_EPOCH).unwrap(), number, "{again:?}");
        assert!(proxy.has_snapped(), "{again:?}");
        for trap in [Trap::CutAfter("COMMIT"), again] {
            proxy.lay(trap);
        }
        store.begin(&run(number, 4).record.head).unwrap();
        assert!(proxy.has_snapped(), "{again:?}");
        assert_eq!(store.counters().unwrap().runs, u64::from(number));
    }
}

#[test]
fn nobody_is_waited_for_for_ever() {
    let patience = Patience { connect: Duration::from_millis(300), statement: Duration::from_millis(300) };
    let began = Instant::now();
    // Somebody who listens and says nothing; nobody at all.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for port in [silent.local_addr().unwrap().port(), nobody] {
        let url = format!("postgres://admin@127.0.0.1:{port}/postgres");
        let error = PostgresStore::connect(&url, patience).unwrap_err();
        assert!(matches!(error, StoreError::Unreachable(_)), "{error:?}");
    }
    // A server that falls silent in the middle.
    let proxy = Proxy::to(server().port);
    let mut store = behind(&proxy, &server().url(), Patience { connect: Duration::from_secs(5), ..patience });
    finish(&mut store, &run(1, 4));
    proxy.hold();
    let written = store.finish(&run(2, 4).record, &[], &[]);
    assert!(matches!(written, Err(StoreError::Unreachable(_))), "{written:?}");
    let read = store.size();
    assert!(matches!(read, Err(StoreError::Unreachable(_))), "{read:?}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn who_is_in_the_way_for_too_long_is_named() {
    let place = Schema::default();
    let short = Patience { statement: Duration::from_millis(200), ..Patience::default() };
    let mut store = PostgresStore::connect(&place.0, short).unwrap();
    finish(&mut store, &run(1, 4));
    thread::scope(|scope| {
        // It holds the lock until the store has given up.
        let holder = scope.spawn(|| place.sql("BEGIN; LOCK TABLE summaries; SELECT pg_sleep(3); COMMIT"));
        let is_locked = "SELECT count(*) FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock' \
                         AND relation = 'summaries'::regclass";
        while server().sql(&place.0, is_locked) == "0" {
            assert!(!holder.is_finished(), "nobody held the lock");
        }
        let refused = store.finish(&run(2, 4).record, &run(2, 4).cases, &[]);
        assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
    });
    assert_eq!(store.size().unwrap().runs, 1);
    finish(&mut store, &run(2, 4));
}

#[test]
fn many_who_write_at_once_lose_nothing() {
    let place = Schema::default();
    let mixed = |writer: u32, number: u32| {
        // Everybody names the tests in an order of their own.
        let mut run = run(writer * 10 + number, 60);
        let by = (writer * 7 + number * 13) as usize % run.cases.len();
        run.cases.rotate_left(by);
        run
    };
    thread::scope(|scope| {
        for writer in 0..8 {
            let (place, mixed) = (&place, &mixed);
            scope.spawn(move || {
                let mut store = place.open();
                for number in 0..10 {
                    let run = mixed(writer, number);
                    store.begin(&run.record.head).unwrap();
                    finish(&mut *store, &run);
                    // One in five is taken back and comes again with all others.
                    if number % 5 == 0 {
                        store.undo(&run.record.head.id).unwrap();
                        store.append(&mut [run].into_iter()).unwrap();
                    }
                }
            });
        }
    });
    let store = place.open();
    assert_eq!((store.size().unwrap().runs, store.size().unwrap().cases), (80, 4800));
    assert_eq!(store.counters().unwrap().runs, 80);
    assert!(learnt(&*store) == learnt_from((0..80).map(|number| run(number, 60))));
}

#[test]
fn those_who_put_the_same_parts_together_at_once_do_it_once() {
    let place = Schema::default();
    let parts: Vec<FinishedRun> = (1..5).map(|number| run(number, 20)).collect();
    place.open().append(&mut parts.iter().cloned()).unwrap();
    let heads: Vec<RunHead> = parts.iter().map(|part| part.record.head.clone()).collect();
    let whole = run(9, 20);
    let adopted: usize = thread::scope(|scope| {
        let adopt = |turn: usize| {
            let (place, whole, mut heads) = (&place, &whole, heads.clone());
            heads.rotate_left(turn);
            scope.spawn(move || match place.open().adopt(whole, &heads) {
                Ok(()) => 1,
                Err(StoreError::Known(_)) => 0,
                Err(error) => panic!("{error}"),
            })
        };
        (0..4).map(adopt).collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(adopted, 1);
    let store = place.open();
    assert_eq!((store.size().unwrap().runs, store.counters().unwrap().runs), (1, 1));
    assert_eq!(learnt(&*store), learnt_from([whole].into_iter()));
}

#[test]
fn kill_at_any_moment_leaves_nothing_half_written() {
    let place = Schema::default();
    let mut finished = Vec::new();
    for round in 0_u32..12 {
        let mut child = helper(&place.0, &format!("append {} 1000", round * 1000)).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        finished.extend(said.by_ref().find_map(|line| line.strip_prefix("finished ").map(str::to_owned)));
        thread::sleep(Duration::from_micros(u64::from(round * 7_919 % 30_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        finished.extend(said.filter_map(|line| line.strip_prefix("finished ").map(str::to_owned)));
    }
    assert!(finished.len() >= 12, "{}", finished.len());
    let store = place.open();
    for id in &finished {
        assert_eq!(store.run(id).unwrap().state, RunState::Executed);
    }
    let executed = RunFilter { state: Some(RunState::Executed), ..RunFilter::default() };
    let executed = store.runs(&executed, Page::ALL).unwrap();
    for stored in &executed {
        assert_eq!(store.cases(&stored.head.id).unwrap().len(), 40);
    }
    let second = |run: &RunHead| (run.start - super::runs::at(0)).get_seconds();
    let numbers = executed.iter().map(|run| u32::try_from(second(&run.head) / 60).unwrap());
    assert!(learnt(&*store) == learnt_from(numbers.map(|number| run(number, 40))));
    let begun = store.runs(&RunFilter::default(), Page::ALL).unwrap().len() as u64;
    assert_eq!(store.counters().unwrap().runs, begun);
}
