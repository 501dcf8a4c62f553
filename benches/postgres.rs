//! How much the history in PostgreSQL bears.
//!
//! ```text
//! cargo bench --features postgres --bench postgres                     # both, as below
//! cargo bench --features postgres --bench postgres -- load 32 50 2000  # writers, runs of each, tests
//! cargo bench --features postgres --bench postgres -- read 2000 5000   # tests, runs: 10,000,000 cases
//! ```
//!
//! It starts a private server that writes as durably as any, and removes it.
//!
//! - `load`: so many writers record at once, all of them the same tests; then it is looked whether anything was lost;
//! - `read`: what `flaky` and `order` need and what they make of it, each time by a connection of its own; wanted: at most
//!   1 s. And what one more run costs.

#[cfg(unix)]
mod workload;

#[cfg(unix)]
#[allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "it is the tests'")]
#[path = "../tests/it/support/postgres.rs"]
mod server;

#[cfg(unix)]
mod measure {
    use std::thread;
    use std::time::Instant;

    use cargo_gate::analytics::flaky::{Thresholds, classify};
    use cargo_gate::analytics::priority::{Candidate, rank};
    use cargo_gate::history::postgres::{Patience, PostgresStore};
    use cargo_gate::history::store::Store;
    use jiff::Timestamp;

    use super::server::Server;
    use super::workload::{context, finished, peak_megabytes};

    pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

    #[expect(clippy::print_stdout, reason = "what a benchmark is for")]
    fn say(line: &str) {
        println!("{line}");
    }

    fn open(url: &str) -> Result<PostgresStore, Failure> {
        Ok(PostgresStore::connect(url, Patience::default())?)
    }

    pub(crate) fn load(server: &Server, writers: u64, runs: u64, tests: u64) -> Result<(), Failure> {
        let url = server.url();
        let start = Instant::now();
        let slowest = thread::scope(|scope| -> Result<f64, Failure> {
            let write = |writer: u64| {
                let mut store = open(&url)?;
                let mut slowest = 0.0_f64;
                for number in writer * runs..(writer + 1) * runs {
                    let run = finished(number, tests, tests);
                    let start = Instant::now();
                    store.begin(&run.record.head)?;
                    store.finish(&run.record, &run.cases, &run.binaries)?;
                    slowest = slowest.max(start.elapsed().as_secs_f64());
                }
                Ok::<f64, Failure>(slowest)
            };
            let threads: Vec<_> = (0..writers).map(|writer| scope.spawn(move || write(writer))).collect();
            let mut slowest = 0.0_f64;
            for thread in threads {
                slowest = slowest.max(thread.join().map_err(|_| "a writer panicked")??);
            }
            Ok(slowest)
        })?;
        let took = start.elapsed().as_secs_f64();
        let store = open(&url)?;
        let (size, counters, all) = (store.size()?, store.counters()?, writers * runs);
        let summaries = store.summaries(&context())?;
        let whole = |count: u64| count == all;
        let folded = summaries.iter().all(|test| whole(test.summary.counts().runs() + test.summary.counts().skips));
        let cases: String = server.sql(&url, "SELECT count(*) FROM cases");
        let nothing_lost = whole(size.runs)
            && whole(counters.runs)
            && whole(counters.pass + counters.fail)
            && summaries.len() as u64 == tests
            && folded
            && cases == (all * tests).to_string();
        say(&format!(
            "load  {writers} writers x {runs} runs x {tests} tests: {took:.1} s, {:.1} runs/s, the slowest {slowest:.2} s; \
             {} runs, {cases} cases, {counters:?}, {} summaries",
            all as f64 / took,
            size.runs,
            summaries.len(),
        ));
        if nothing_lost { Ok(()) } else { Err("something was lost".into()) }
    }

    pub(crate) fn read(server: &Server, tests: u64, runs: u64) -> Result<(), Failure> {
        let url = server.url();
        let start = Instant::now();
        let appended = open(&url)?.append(&mut (0..runs).map(|run| finished(run, tests, tests)))?;
        say(&format!("fill  {} cases in {:.0} s", appended.cases, start.elapsed().as_secs_f64()));
        for _ in 0..3 {
            let start = Instant::now();
            let store = open(&url)?;
            let opened = start.elapsed().as_secs_f64();
            let summaries = store.summaries(&context())?;
            let last = store.last_executed(&context())?;
            let read = start.elapsed().as_secs_f64();
            let candidates: Vec<Candidate<'_>> = summaries
                .iter()
                .map(|test| Candidate { key: &test.key, summary: Some(&test.summary), changed: false, priority: 0 })
                .collect();
            let ranked = rank(&candidates).len();
            let now = Timestamp::from_second(1_760_000_000)?;
            let states = summaries.iter().map(|test| classify(&test.summary, now, &Thresholds::default()).state);
            let flaky = states.filter(|state| state.as_str() == "flaky").count();
            say(&format!(
                "read  open {opened:.3} s, read {read:.3} s, {ranked} ranked with their states ({flaky} flaky) {:.3} s, {} failing, \
                 peak {:.0} MB",
                start.elapsed().as_secs_f64(),
                last.map_or(0, |last| last.failing.len()),
                peak_megabytes(),
            ));
        }
        for number in runs..runs + 3 {
            let run = finished(number, tests, tests);
            let mut store = open(&url)?;
            let start = Instant::now();
            store.begin(&run.record.head)?;
            store.finish(&run.record, &run.cases, &run.binaries)?;
            say(&format!("begin and finish of {tests} cases: {:.3} s", start.elapsed().as_secs_f64()));
        }
        let size = open(&url)?.size()?;
        say(&format!("{} runs, {} cases, {:.0} MB", size.runs, size.cases, size.bytes as f64 / 1e6));
        Ok(())
    }
}

#[cfg(unix)]
fn main() -> Result<(), measure::Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse().unwrap_or(1);
    let server = server::Server::start("");
    match words.as_slice() {
        ["load", writers, runs, tests] => measure::load(&server, number(writers), number(runs), number(tests)),
        ["read", tests, runs] => measure::read(&server, number(tests), number(runs)),
        _ => {
            measure::load(&server, 32, 50, 2_000)?;
            measure::read(&server, 2_000, 5_000)
        }
    }
}

#[cfg(not(unix))]
fn main() {}
