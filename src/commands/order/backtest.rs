//! `cargo gate order --backtest`: how early the failures on record would have come in one order or another.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use console::Style;
use serde_json::{Value, json};

use super::{OrderError, nothing_on_record, slots};
use crate::analytics::backtest::{Backtest, Earliness, Execution, Figures};
use crate::analytics::strategy::Strategy;
use crate::cli::{Format, OrderArgs};
use crate::commands::place::set_colors;
use crate::commands::remembered::{Remembered, Use};
use crate::exit_code::ExitCode;
use crate::history::store::{Page, RunFilter};
use crate::import::csv::{self, CsvCase, CsvError};
use crate::model::{BinaryId, ContentHash, Kind, Outcome, RunState, TestKey, WORKSPACE_SUITE};
use crate::report::json as documents;
use crate::report::json::SCHEMA_VERSION;
use crate::report::words;

/// Replays what is asked for, and says what came of it. The inner result is a code that has been explained by then.
pub(super) fn run(args: &OrderArgs) -> Result<Result<(), ExitCode>, OrderError> {
    let (backtest, slots) = match &args.csv {
        Some(file) => {
            set_colors(&args.common.place);
            let slots = slots(args, None);
            (replay_file(file, slots)?, slots)
        }
        None => {
            let remembered = match Remembered::read(&args.common.place, &args.context, Use::Show) {
                Ok(Some(remembered)) => remembered,
                Ok(None) => {
                    nothing_on_record();
                    if args.common.format == Format::Json {
                        let slots = slots(args, None);
                        let nothing = document(&Backtest::new(slots), slots);
                        documents::write_line(&mut io::stdout().lock(), &nothing)?;
                    }
                    return Ok(Ok(()));
                }
                Err(code) => return Ok(Err(code)),
            };
            let slots = slots(args, Some(&remembered.place));
            (replay_store(&remembered, slots)?, slots)
        }
    };
    let mut out = io::stdout().lock();
    match args.common.format {
        Format::Json => documents::write_line(&mut out, &document(&backtest, slots))?,
        Format::Human => show(&backtest, slots, &mut out)?,
    }
    Ok(Ok(()))
}

fn replay_file(file: &Path, slots: usize) -> Result<Backtest, OrderError> {
    if file.as_os_str() == "-" {
        return replay_csv(io::stdin().lock(), "standard input", slots);
    }
    let name = file.display().to_string();
    let open = std::fs::File::open(file).map_err(|error| CsvError::Io { file: name.clone(), error })?;
    replay_csv(BufReader::new(open), &name, slots)
}

fn replay_csv(input: impl BufRead, name: &str, slots: usize) -> Result<Backtest, OrderError> {
    let history = csv::read(input, name)?;
    let suite = BinaryId { package: "csv".to_owned(), kind: Kind::Suite, binary: "csv".to_owned() };
    let key = |name: String| Arc::new(TestKey { binary: suite.clone(), name });
    let keys: Vec<Arc<TestKey>> = history.tests.into_iter().map(key).collect();
    let mut backtest = Backtest::new(slots);
    for run in history.runs {
        let execution = |case: CsvCase| {
            let outcome = if case.failed { Outcome::Failed } else { Outcome::Passed };
            let key = Arc::clone(keys.get(usize::try_from(case.test).ok()?)?);
            Some(Execution { key, outcome, took: Some(case.took), changed: false })
        };
        backtest.replay(&run.cases.into_iter().filter_map(execution).collect::<Vec<_>>());
    }
    Ok(backtest)
}

/// Every run of the workspace's own tests that came to outcomes, one at a time; where these never ran, of any others.
fn replay_store(remembered: &Remembered, slots: usize) -> Result<Backtest, OrderError> {
    let store = &remembered.store;
    let of = |suite: Option<&str>| {
        let (context, suite) = (Some(remembered.context.clone()), suite.map(str::to_owned));
        store.runs(&RunFilter { context, suite, of_tests: true, ..RunFilter::default() }, Page::ALL)
    };
    let mut runs = of(Some(WORKSPACE_SUITE))?;
    if runs.is_empty() {
        runs = of(None)?;
    }
    runs.retain(|run| matches!(run.state, RunState::Executed | RunState::Interrupted));
    let mut backtest = Backtest::new(slots);
    let mut hashes: HashMap<BinaryId, ContentHash> = HashMap::new();
    for run in runs.into_iter().rev() {
        let cases = store.cases(&run.head.id)?;
        let executions: Vec<Execution> = cases
            .iter()
            .map(|case| Execution {
                changed: case.binary_hash.is_some_and(|hash| hashes.get(&case.key.binary) != Some(&hash)),
                took: case.took.filter(|_| !run.head.instrumented),
                outcome: case.outcome,
                key: Arc::clone(&case.key),
            })
            .collect();
        backtest.replay(&executions);
        for case in cases {
            if let Some(hash) = case.binary_hash {
                hashes.insert(case.key.binary.clone(), hash);
            }
        }
    }
    Ok(backtest)
}

fn document(backtest: &Backtest, slots: usize) -> Value {
    let figures = backtest.figures();
    let strategies: Vec<Value> = figures.iter().map(strategy_json).collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "runs": backtest.runs(),
        "tests": backtest.tests(),
        "slots": slots,
        "strategies": strategies,
    })
}

/// Of what no run says anything the figures are null.
fn strategy_json(figures: &Figures) -> Value {
    let of = |earliness: &Earliness, figure: f64| (earliness.runs > 0).then_some((figure * 1e6).round() / 1e6);
    let (all, first) = (&figures.all, &figures.first_time);
    json!({
        "name": figures.strategy,
        "runs": all.runs,
        "apfd": of(all, all.apfd),
        "apfdc": of(all, all.apfdc),
        "first_failures": { "runs": first.runs, "apfd": of(first, first.apfd), "apfdc": of(first, first.apfdc) },
        "first_failure_time": of(all, figures.first_failure),
        "makespan": of(all, figures.makespan),
    })
}

fn show(backtest: &Backtest, slots: usize, out: &mut dyn Write) -> io::Result<()> {
    let figures = backtest.figures();
    let counted = figures.first().map_or(0, |figures| figures.all.runs);
    let first_times = figures.first().map_or(0, |figures| figures.first_time.runs);
    let runs = words::count(backtest.runs(), "run", "runs");
    let tests = words::count(backtest.tests() as u64, "test", "tests");
    if counted == 0 {
        return writeln!(
            out,
            "{runs}, {tests}: no run counts; it takes a failure among two tests, and a run before it."
        );
    }
    let (bold, dim) = (Style::new().bold(), Style::new().dim());
    let with = |number| words::count(number, "run", "runs");
    writeln!(out, "{runs}, {tests}; {} with failures count, {} with first ones.\n", with(counted), with(first_times))?;
    let over =
        format!("{:<13}  {:^14}  {:^17}  {:>13}  {:>9}", "", "all failures", "first failures", "time to", "time over");
    let head = format!(
        "{:<13}  {:>6}  {:>6}  {:>8} {:>8}  {:>13}  {:>9}",
        "ORDER", "APFD", "APFDc", "APFD", "APFDc", "a failure", "longest"
    );
    writeln!(out, "{}\n{}", dim.apply_to(over), bold.apply_to(head))?;
    for figures in &figures {
        let (all, first) = (&figures.all, &figures.first_time);
        let of_first = |figure: f64| if first.runs > 0 { format!("{figure:.3}") } else { "-".to_owned() };
        let time = words::exact(Duration::try_from_secs_f64(figures.first_failure).unwrap_or(Duration::MAX));
        let line = format!(
            "{:<13}  {:>6.3}  {:>6.3}  {:>8} {:>8}  {time:>13}  {:>9.3}",
            figures.strategy.as_str(),
            all.apfd,
            all.apfdc,
            of_first(first.apfd),
            of_first(first.apfdc),
            figures.makespan
        );
        let style = if figures.strategy == Strategy::Ours { Style::new().bold() } else { Style::new() };
        writeln!(out, "{}", style.apply_to(line))?;
    }
    writeln!(out)?;
    for line in words::wrap(&standing(&figures, slots), 80, 80) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Where our order stands among those that need no foresight.
fn standing(figures: &[Figures], slots: usize) -> String {
    let apfd = |strategy| figures.iter().find(|one| one.strategy == strategy).map_or(0.0, |one| one.all.apfd);
    let ours = apfd(Strategy::Ours);
    let others = figures.iter().filter(|one| !matches!(one.strategy, Strategy::Ours | Strategy::Optimal));
    let (mut better, mut count) = (Vec::new(), 0);
    for other in others {
        count += 1;
        if other.all.apfd > ours {
            better.push(other.strategy.as_str());
        }
    }
    let place = match better.as_slice() {
        [] => format!("at least as early as in each of the {count} other orders"),
        some => format!(
            "later than by {}, and at least as early as in the {} other orders",
            some.join(", "),
            count - some.len()
        ),
    };
    let longer = figures.iter().find(|one| one.strategy == Strategy::Ours).map_or(0.0, |one| one.makespan - 1.0);
    format!(
        "In our order failures come {place}: APFD {ours:.3}, where the plain rule comes to {:.3}, chance to {:.3}, and \
         {:.3} is the most there could be. On {} a run takes {} longest first.",
        apfd(Strategy::Rule),
        apfd(Strategy::Random),
        apfd(Strategy::Optimal),
        words::count(slots as u64, "slot", "slots"),
        than_longest_first(longer)
    )
}

/// How much longer a run takes, said as people compare: `1.2 % more time than`.
fn than_longest_first(longer: f64) -> String {
    let percent = longer * 100.0;
    match percent {
        _ if percent.abs() < 0.05 => "as long as".to_owned(),
        _ if percent < 0.0 => format!("{:.1} % less time than", -percent),
        _ => format!("{percent:.1} % more time than"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_compared_as_people_say_it() {
        for (longer, said) in [
            (0.0, "as long as"),
            (-0.0002, "as long as"),
            (-0.002, "0.2 % less time than"),
            (0.0123, "1.2 % more time than"),
        ] {
            assert_eq!(than_longest_first(longer), said);
        }
    }
}
