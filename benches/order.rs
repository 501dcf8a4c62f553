//! How good and how fast the order of the next run is.
//!
//! ```text
//! cargo bench --bench order              # on generated histories, and the time to rank 10,000 tests
//! cargo bench --bench order -- 200       # with so many histories of each kind
//! ```
//!
//! On a history of yours: `cargo gate order --backtest --csv FILE`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cargo_gate::analytics::backtest::{Backtest, Figures};
use cargo_gate::analytics::priority::{Candidate, rank};
use cargo_gate::analytics::strategy::Strategy;
use cargo_gate::analytics::summary::{Entry, RunFacts, Summary, fold};
use cargo_gate::model::{Outcome, RunId, TestKey};
use jiff::Timestamp;

#[path = "../tests/it/order/families.rs"]
mod families;

use families::FAMILIES;

const SLOTS: usize = 8;

fn main() {
    let histories = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(30);
    say("mean APFD of each order; of ours also APFD of first failures, and time over longest first\n");
    let names: String = Strategy::ALL.iter().map(|strategy| format!(" {:>7.7}", strategy.as_str())).collect();
    say(&format!("{:<34}{names}   first   time", format!("{histories} histories each of")));
    for family in &FAMILIES {
        let all: Vec<Vec<Figures>> = (0..histories)
            .map(|seed| {
                let mut backtest = Backtest::new(SLOTS);
                family.history(seed).iter().for_each(|run| backtest.replay(run));
                backtest.figures()
            })
            .filter(|figures| figures.iter().all(|one| one.all.runs > 0))
            .collect();
        let mean = |of: &dyn Fn(&[Figures]) -> f64| all.iter().map(|one| of(one)).sum::<f64>() / all.len() as f64;
        let figures: String = (0..Strategy::ALL.len())
            .map(|place| format!(" {:>7.3}", mean(&|one| one.get(place).map_or(0.0, |one| one.all.apfd))))
            .collect();
        let ours = |of: fn(&Figures) -> f64| mean(&|one| one.first().map_or(0.0, of));
        let (first, time) = (ours(|one| one.first_time.apfd), ours(|one| one.makespan));
        say(&format!("{:<34}{figures} {first:>7.3} {time:>6.3}", family.name));
    }
    say(&format!("\n10,000 tests, 100 runs each: ranked in {:.1} ms", ranking(10_000).as_secs_f64() * 1e3));
}

#[expect(clippy::print_stdout, reason = "what a benchmark is for")]
fn say(line: &str) {
    println!("{line}");
}

/// The least of several times.
fn ranking(tests: u64) -> Duration {
    let facts: Vec<Arc<RunFacts>> = (0..100).map(|run| Arc::new(facts(run))).collect();
    let known: Vec<(TestKey, Summary)> = (0..tests)
        .filter_map(|test| {
            let outcome = |run: usize| {
                let fails = test.wrapping_mul(0x9e37_79b9).wrapping_add(run as u64 * 7919) % 50 == 0;
                if fails { Outcome::Failed } else { Outcome::Passed }
            };
            let entry = |(run, facts): (usize, &Arc<RunFacts>)| {
                Entry::new(Arc::clone(facts), outcome(run), Some(Duration::from_micros(test)))
            };
            let summary = facts.iter().enumerate().map(entry).fold(Summary::default(), fold);
            Some((format!("app/app::t{test}").parse().ok()?, summary))
        })
        .collect();
    let candidates: Vec<Candidate<'_>> = known
        .iter()
        .map(|(key, summary)| Candidate { key, summary: Some(summary), changed: false, priority: 0 })
        .collect();
    let once = || {
        let start = Instant::now();
        std::hint::black_box(rank(&candidates));
        start.elapsed()
    };
    (0..9).map(|_| once()).min().unwrap_or_default()
}

fn facts(run: i64) -> RunFacts {
    RunFacts {
        seq: run.unsigned_abs(),
        id: RunId::from_stored(format!("{run:010}")),
        start: Timestamp::from_second(run).unwrap_or(Timestamp::MAX),
        input_key: None,
        commit: None,
        branch: None,
        extent: None,
        instrumented: false,
    }
}
