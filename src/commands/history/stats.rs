//! `cargo gate history stats`: counters, sizes, and figures of each suite.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use console::Style;
use serde_json::json;

use super::verbs::{Result, megabytes, write_json};
use crate::cli::Format;
use crate::history::figures::Stats;
use crate::history::store::{RunFilter, Store};
use crate::model::Verdict;
use crate::report::inert::one_line;
use crate::report::json::SCHEMA_VERSION;
use crate::report::words;

/// Counters of all that ever ran, and figures of the runs on record that the filter lets through.
pub fn stats(store: &dyn Store, filter: &RunFilter, out: &mut dyn Write, format: Format) -> Result<()> {
    let (counters, size) = (store.counters()?, store.size()?);
    let suites = store.figures(filter)?.suites;
    // As in the counters a pipeline counts by the runs of tests within it, where it is not what is asked for.
    let figures = store.figures(&RunFilter { of_tests: filter.suite.is_none(), ..filter.clone() })?;
    if format == Format::Json {
        let document = json!({
            "schema_version": SCHEMA_VERSION,
            "counters": counters,
            "size": size,
            "stats": figures.all,
            "suites": suites,
            "triggers": figures.triggers,
        });
        return write_json(out, &document);
    }
    let of_all = &figures.all;
    let on_record = [
        words::count(size.runs, "run", "runs"),
        words::count(size.cases, "case", "cases"),
        words::count(size.summaries, "test", "tests"),
    ];
    let on_record = on_record.join(", ");
    let lines = [
        ("runs ever", format!("{} ({} passed, {} failed)", counters.runs, counters.pass, counters.fail)),
        ("tool errors", format!("{} ({} deferred)", counters.tool_error, counters.deferred)),
        ("on record", on_record),
        ("size", megabytes(size.bytes)),
    ];
    for (name, value) in lines {
        writeln!(out, "{name:<15} {value}")?;
    }
    if *filter != RunFilter::default() {
        writeln!(out, "\nOf the runs asked for:")?;
    }
    let lines = [
        ("runs", format!("{} ({} passed, {} failed)", of_all.total, of_all.successful, of_all.failed)),
        ("success rate", percent(of_all.success_rate)),
        ("mean pass rate", percent(of_all.mean_pass_rate)),
        ("mean duration", mean(of_all)),
        ("last run", last(of_all)),
    ];
    for (name, value) in lines {
        writeln!(out, "{name:<15} {value}")?;
    }
    parts("SUITE", &suites, out)?;
    parts("TRIGGER", &figures.triggers, out)
}

/// A line for each part, where there is more than one.
fn parts(name: &str, parts: &BTreeMap<String, Stats>, out: &mut dyn Write) -> Result<()> {
    if parts.len() < 2 {
        return Ok(());
    }
    let head =
        format!("{name:<14} {:>6} {:>6} {:>6} {:>7} {:>8}  {}", "RUNS", "PASSED", "FAILED", "RATE", "MEAN", "LAST");
    writeln!(out, "\n{}", Style::new().bold().apply_to(head))?;
    for (word, stats) in parts {
        let Stats { total, successful, failed, mean_pass_rate, .. } = stats;
        let (word, rate) = (words::middle(&one_line(word), 14), percent(*mean_pass_rate));
        let (mean, last) = (mean(stats), last(stats));
        writeln!(out, "{word:<14} {total:>6} {successful:>6} {failed:>6} {rate:>7} {mean:>8}  {last}")?;
    }
    Ok(())
}

fn percent(rate: Option<f64>) -> String {
    rate.map_or_else(|| "-".to_owned(), |rate| format!("{:.1} %", rate * 100.0))
}

fn mean(stats: &Stats) -> String {
    stats.mean_duration_ms.map_or_else(|| "-".to_owned(), |ms| words::exact(Duration::from_millis(ms)))
}

fn last(stats: &Stats) -> String {
    match (stats.last_at, stats.last_state) {
        (Some(at), Some(state)) => {
            let word = stats.last_verdict.map_or(state.as_str(), Verdict::as_str);
            format!("{} ({word})", at.strftime("%Y-%m-%d %H:%MZ"))
        }
        _ => "-".to_owned(),
    }
}
