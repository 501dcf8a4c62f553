//! The embedded store: what it keeps, and that nothing is lost, with real processes.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_gate::cli::Format;
use cargo_gate::commands::history::{self, ListOptions, PruneOptions, ShowOptions};
use cargo_gate::history::sqlite::{FILE_NAME, SqliteStore};
use cargo_gate::history::store::{BinaryStamp, FinishedRun, Page, Prune, Retention, RunFilter, Store, StoreError};
use cargo_gate::model::{CaseRecord, ContentHash, Outcome, RunHead, RunId, RunState, Shard, WORKSPACE_SUITE};
use rusqlite::Connection;

#[cfg(all(unix, feature = "postgres"))]
mod alike;
pub(crate) mod every;
#[cfg(all(unix, feature = "postgres"))]
pub(crate) mod postgres;
pub(crate) mod runs;

use runs::{at, case, context, finish, head, learnt, learnt_from, reached, record, run};

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
        run.record.head.host = "here".into();
        run
    };
    store.append(&mut (0..4).map(|number| fixed(run(number, 6)))).unwrap();
    let other = RunHead { suite: "nightly".into(), version: Some("1.4.0".into()), ..head(600, 9) };
    store.begin(&RunHead { host: "here".into(), pid: 1, boot_id: Some("another boot".into()), ..other }).unwrap();
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

/// Starts this test executable again to do something with the store of a place.
fn helper(place: &str, task: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "store::a_helper_does_what_it_is_asked_to", "--nocapture", "--test-threads=1"])
        .env(HELPER, format!("{task} {place}"))
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
    let place = word();
    match task {
        "append" => {
            let mut store = every::open_named(place);
            for number in first..first + count {
                let run = run(number, 40);
                store.begin(&run.record.head).unwrap();
                finish(&mut *store, &run);
                println!("\nfinished {}", run.record.head.id);
            }
        }
        "cannot-write" => {
            let mut store = SqliteStore::open(place.into()).unwrap();
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

#[cfg(unix)]
#[test]
fn kill_at_any_moment_leaves_a_store_with_every_finished_run() {
    let folder = Folder::new();
    let mut finished = Vec::new();
    for round in 0_u32..25 {
        let mut child = helper(folder.path.as_str(), &format!("append {} 1000", round * 1000)).spawn().unwrap();
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
    let mut command = helper(folder.path.as_str(), &format!("cannot-write 9 {format}"));
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
