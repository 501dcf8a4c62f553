//! How fast the embedded store is, at a size that no workspace reaches soon: 10,000,000 case records.
//!
//! ```text
//! cargo bench --bench store                    # 10,000 tests × 1,000 runs
//! cargo bench --bench store -- 2000 200        # tests, runs
//! cargo bench --bench store -- kills 100       # kill -9 at random moments
//! ```
//!
//! Each step runs in a process of its own, so that its peak memory is its own too; before each, the file's pages are
//! dropped from the system's cache where that is permitted, and the line says `cold` or `warm`.
//!
//! - `append`: records one more run with all tests; wanted: at most 1 s, cold;
//! - `read`: what `flaky` and `order` need, and what they make of it;
//! - `list`: a page of runs, and figures of all;
//! - the commands that say what the history says, as they are called, cargo's answer about the workspace included: once
//!   cold, then the median of five warm calls, and how much they write. Wanted: `flaky`, `order`, `explain` at most
//!   0.3 s; the page at most 2 s and 5 MB;
//! - `begin-finish`: what the store adds to a run of 2,000 tests.

use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use cargo_gate::analytics::flaky::{Thresholds, classify};
use cargo_gate::analytics::priority::{Candidate, rank};
use cargo_gate::commands::history::export;
use cargo_gate::history::portable;
use cargo_gate::history::sqlite::{FILE_NAME, SqliteStore};
use cargo_gate::history::store::{Page, RunFilter, Store};
use cargo_gate::model::{RunId, RunState};
use jiff::Timestamp;

mod workload;

use workload::{context, finished, mix, name, peak_megabytes};

type Failure = Box<dyn std::error::Error>;

/// What the runs are exported to.
const EXPORTED: &str = "exported.gz";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["step", "write", dir, tests, first] => write_until_killed(Utf8Path::new(dir), number(tests), number(first)),
        ["step", step, dir, tests, runs] => run_step(step, Utf8Path::new(dir), number(tests), number(runs)),
        ["kills", count] => kills(number(count)),
        [tests, runs] => all(number(tests), number(runs)),
        _ => all(10_000, 1_000),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("error: {failure}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "what a benchmark is for")]
fn say(line: &str) {
    println!("{line}");
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(1)
}

fn all(tests: u64, runs: u64) -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("store-bench").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let dir = Utf8PathBuf::try_from(folder.path().to_owned())?;
    say(&format!("{tests} tests x {runs} runs = {} cases", tests * runs));
    for step in [
        "generate",
        "append",
        "append",
        "append",
        "read",
        "read",
        "read",
        "list",
        COMMANDS,
        "begin-finish",
        "export",
        "merge",
    ] {
        if step == COMMANDS {
            time_commands(&dir, tests)?;
            continue;
        }
        let cache = if step == "generate" || drop_caches(&dir) { "cold" } else { "warm" };
        let output = Command::new(std::env::current_exe()?)
            .args(["step", step, dir.as_str(), &tests.to_string(), &runs.to_string()])
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(format!("{step}: {}", String::from_utf8_lossy(&output.stdout)).into());
        }
        say(&format!("{step:<12} {cache}  {}", String::from_utf8_lossy(&output.stdout).trim()));
    }
    let size = std::fs::metadata(dir.join(FILE_NAME))?.len();
    say(&format!("file         {:.1} MB", size as f64 / 1e6));
    Ok(())
}

/// Stands for all of the commands among the steps.
const COMMANDS: &str = "commands";

/// Times the commands that read the history, in a workspace that has nothing but it.
fn time_commands(dir: &Utf8Path, tests: u64) -> Result<(), Failure> {
    let workspace = tempfile::tempdir()?;
    std::fs::create_dir(workspace.path().join("src"))?;
    std::fs::write(workspace.path().join("src/lib.rs"), "")?;
    std::fs::write(
        workspace.path().join("Cargo.toml"),
        "[package]\nname = \"empty\"\nedition = \"2024\"\n[workspace]\n",
    )?;
    let call = |words: &str| -> Result<(f64, usize), Failure> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-gate"));
        command.arg("gate").args(words.split(' ')).current_dir(workspace.path());
        let start = Instant::now();
        let output = command.env("CARGO_GATE_STORE_DIR", dir).stderr(Stdio::inherit()).output()?;
        match output.status.success() {
            true => Ok((start.elapsed().as_secs_f64(), output.stdout.len())),
            false => Err(format!("{words}: {}", output.status).into()),
        }
    };
    // The last of the tests that are flaky in `case`.
    let explain = format!("explain {}", name((tests.saturating_sub(1) / 20 * 20 + 3).min(tests.saturating_sub(1))));
    for words in [
        "flaky",
        "order",
        &explain,
        "report",
        "report --format markdown",
        "report --format json",
        "report --format html",
    ] {
        let cache = if drop_caches(dir) { "cold" } else { "warm" };
        let (first, bytes) = call(words)?;
        let mut again = [0.0; 5];
        for time in &mut again {
            (*time, _) = call(words)?;
        }
        again.sort_by(f64::total_cmp);
        let words = words.split_once(" module").map_or(words, |(command, _)| command);
        say(&format!("{words:<24} {cache} {first:.3} s, warm {:.3} s, {:.2} MB", again[2], bytes as f64 / 1e6));
    }
    Ok(())
}

/// Drops the system's cache of files, where that is permitted.
fn drop_caches(dir: &Utf8Path) -> bool {
    let synced = std::fs::File::open(dir.join(FILE_NAME)).and_then(|file| file.sync_all());
    synced.is_ok() && std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}

fn run_step(step: &str, dir: &Utf8Path, tests: u64, runs: u64) -> Result<(), Failure> {
    let start = Instant::now();
    let what = match step {
        "generate" => {
            let mut store = SqliteStore::open(dir)?;
            // The first runs one by one, as they come in real life: that is how the summaries' pages come to lie.
            for run in 0..runs.min(120) {
                let run = finished(run, tests, tests);
                store.finish(&run.record, &run.cases, &run.binaries)?;
            }
            let appended = store.append(&mut (120..runs).map(|run| finished(run, tests, tests)))?;
            format!("{} runs", appended.added + runs.min(120))
        }
        "append" => {
            let run = finished(runs + u64::from(std::process::id()), tests, tests);
            let prepared = start.elapsed();
            let mut store = SqliteStore::open(dir)?;
            store.begin(&run.record.head)?;
            store.finish(&run.record, &run.cases, &run.binaries)?;
            format!("open, begin, finish of {} cases: {:.3} s", tests, (start.elapsed() - prepared).as_secs_f64())
        }
        "begin-finish" => {
            let run = finished(2 * runs + u64::from(std::process::id()), tests, 2_000);
            let prepared = start.elapsed();
            let mut store = SqliteStore::open(dir)?;
            let opened = start.elapsed();
            store.begin(&run.record.head)?;
            let begun = start.elapsed();
            store.finish(&run.record, &run.cases, &run.binaries)?;
            format!(
                "of {} cases: open {:.1} ms, begin {:.1} ms, finish {:.1} ms",
                run.cases.len(),
                (opened - prepared).as_secs_f64() * 1e3,
                (begun - opened).as_secs_f64() * 1e3,
                (start.elapsed() - begun).as_secs_f64() * 1e3
            )
        }
        "export" => {
            let store = SqliteStore::open_existing(dir)?.ok_or("no store")?;
            let mut file = std::fs::File::create(dir.join(EXPORTED))?;
            let written = export(&store, &RunFilter::default(), &mut file)?;
            format!("{} runs, {:.1} MB", written.runs, file.metadata()?.len() as f64 / 1e6)
        }
        "merge" => {
            // Read through before the first run is taken in, as the command does.
            let open = || std::fs::File::open(dir.join(EXPORTED));
            let mut runs = portable::read(open()?)?;
            runs.try_for_each(|run| run.map(drop))?;
            let examined = start.elapsed();
            let mut store = SqliteStore::open(&dir.join("merged"))?;
            let appended = store.append(&mut portable::read(open()?)?.map_while(Result::ok))?;
            format!("{} runs, read in {:.3} s", appended.added, examined.as_secs_f64())
        }
        "list" => {
            let store = SqliteStore::open_existing(dir)?.ok_or("no store")?;
            let page = store.runs(&RunFilter::default(), Page { skip: 20, limit: 20 })?;
            let figures = store.figures(&RunFilter::default())?;
            format!("{} runs of a page, stats of {} runs", page.len(), figures.all.total)
        }
        _ => read(dir)?,
    };
    say(&format!("{what}; {:.3} s in all, peak {:.0} MB", start.elapsed().as_secs_f64(), peak_megabytes()));
    Ok(())
}

/// What `order` and `flaky` need, and what they make of it.
fn read(dir: &Utf8Path) -> Result<String, Failure> {
    let start = Instant::now();
    let store = SqliteStore::open_existing(dir)?.ok_or("no store")?;
    let context = context();
    let summaries = store.summaries(&context)?;
    let last = store.last_executed(&context)?;
    let stamps = store.stamps(&context)?;
    let read = start.elapsed();
    let candidates: Vec<Candidate<'_>> = summaries
        .iter()
        .map(|test| Candidate { key: &test.key, summary: Some(&test.summary), changed: false, priority: 0 })
        .collect();
    let ranked = rank(&candidates);
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    let now = Timestamp::from_second(1_760_000_000)?;
    for test in &summaries {
        *states.entry(classify(&test.summary, now, &Thresholds::default()).state.as_str()).or_default() += 1;
    }
    Ok(format!(
        "read {:.3} s, with ranking {} and states {:.3} s ({states:?}, {} failing, {} binaries)",
        read.as_secs_f64(),
        ranked.len(),
        start.elapsed().as_secs_f64(),
        last.map_or(0, |last| last.failing.len()),
        stamps.len()
    ))
}

/// Kills a writer so many times at moments nobody chose, and looks whether every run it had finished is there.
fn kills(count: u64) -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("store-kills").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let dir = Utf8PathBuf::try_from(folder.path().to_owned())?;
    let (mut finished, mut begun) = (Vec::new(), 0);
    for round in 0..count {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["step", "write", dir.as_str(), "500", &(round * 10_000).to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        std::thread::sleep(Duration::from_micros(3_000 + mix(round) % 100_000));
        child.kill()?;
        let output = child.wait_with_output()?;
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            begun += u64::from(line.starts_with("begun "));
            finished.extend(line.strip_prefix("finished ").map(str::to_owned));
        }
        let store = SqliteStore::open(&dir)?;
        let executed = RunFilter { state: Some(RunState::Executed), ..RunFilter::default() };
        let there: Vec<String> = store.runs(&executed, Page::ALL)?.iter().map(|run| run.head.id.to_string()).collect();
        if let Some(lost) = finished.iter().find(|id| !there.contains(id)) {
            return Err(format!("run {lost} was lost in round {round}").into());
        }
        // The one that was being finished may be there or not, but never in part.
        for id in there.iter().take(3) {
            let cases = store.cases(&RunId::from_stored(id.as_str()))?.len();
            if cases != 500 {
                return Err(format!("run {id} has {cases} cases in round {round}").into());
            }
        }
    }
    let check: String =
        rusqlite::Connection::open(dir.join(FILE_NAME))?.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    let aside = dir.read_dir_utf8()?.filter_map(Result::ok).filter(|entry| entry.file_name().contains("damaged"));
    let aside = aside.count();
    say(&format!(
        "{count} kills, {begun} runs begun, {} finished, all of them there; integrity {check}, {aside} files set aside",
        finished.len()
    ));
    Ok(())
}

/// Records runs until it is killed.
fn write_until_killed(dir: &Utf8Path, tests: u64, first: u64) -> Result<(), Failure> {
    let mut store = SqliteStore::open(dir)?;
    for number in first.. {
        let run = finished(number, tests, tests);
        store.begin(&run.record.head)?;
        say(&format!("begun {}", run.record.head.id));
        store.finish(&run.record, &run.cases, &run.binaries)?;
        say(&format!("finished {}", run.record.head.id));
    }
    Ok(())
}
