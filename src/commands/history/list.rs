//! `cargo gate history list`: runs by page.

use std::io::Write;
use std::ops::ControlFlow;

use console::Style;
use serde_json::{Value, json};

use super::verbs::{Result, is_pipeline, run_json, style_of, word, write_json};
use crate::cli::Format;
use crate::history::store::{Page, RunFilter, Store, StoredRun};
use crate::model::WORKSPACE_SUITE;
use crate::report::inert::one_line;
use crate::report::json::SCHEMA_VERSION;
use crate::report::words;

/// How wide the table is.
const WIDTH: usize = 79;
/// A narrow list has so many columns at least.
const LEAST: usize = 20;

/// What `list` shows.
#[derive(Clone, Debug)]
pub struct ListOptions {
    /// Which runs.
    pub filter: RunFilter,
    /// Of these only the latest of each suite.
    pub latest: bool,
    /// Which of them, newest first.
    pub page: Page,
    /// How wide a line may be, where anybody counts.
    pub columns: Option<usize>,
}

/// Runs, newest first.
pub fn list(store: &dyn Store, options: &ListOptions, out: &mut dyn Write, format: Format) -> Result<()> {
    let (runs, total) = page(store, options)?;
    if format == Format::Json {
        let runs: Vec<Value> = runs.iter().map(run_json).collect();
        let skip = options.page.skip;
        return write_json(
            out,
            &json!({ "schema_version": SCHEMA_VERSION, "total": total, "skip": skip, "runs": runs }),
        );
    }
    if runs.is_empty() {
        let (none, more) = match total {
            0 if options.filter == RunFilter::default() => ("No runs on record.", String::new()),
            0 => ("No such runs on record.", String::new()),
            _ => ("", format!("showing none of {}", words::thousands(total))),
        };
        writeln!(out, "{none}{more}")?;
        return Ok(());
    }
    table(&runs, options.columns, out)?;
    if (runs.len() as u64) < total {
        let first = options.page.skip + 1;
        let last = options.page.skip + runs.len() as u64;
        let shown = if first == last { words::thousands(first) } else { format!("{first}-{last}") };
        writeln!(out, "showing {shown} of {}", words::thousands(total))?;
    }
    Ok(())
}

/// The page, and how many runs there are on all of them.
fn page(store: &dyn Store, options: &ListOptions) -> Result<(Vec<StoredRun>, u64)> {
    let wanted = options.page.skip..options.page.skip.saturating_add(options.page.limit);
    if options.latest {
        let latest = store.latest(&options.filter)?;
        let total = latest.len() as u64;
        let shown = (0..).zip(latest).filter(|(place, _)| wanted.contains(place));
        return Ok((shown.map(|(_, run)| run).collect(), total));
    }
    let (mut runs, mut total) = (Vec::new(), 0);
    store.visit(&options.filter, &mut |run| {
        if wanted.contains(&total) {
            runs.push(run);
        }
        total += 1;
        ControlFlow::Continue(())
    })?;
    Ok((runs, total))
}

/// Where all runs are the workspace's own the branch tells more than the suite.
fn table(runs: &[StoredRun], columns: Option<usize>, out: &mut dyn Write) -> Result<()> {
    let by_branch = runs.iter().all(|run| run.head.suite == WORKSPACE_SUITE);
    if let Some(columns) = columns.filter(|columns| *columns < WIDTH) {
        return runs.iter().try_for_each(|run| narrow(run, by_branch, columns.max(LEAST), out));
    }
    let last = if by_branch { "BRANCH" } else { "SUITE" };
    let head = format!("{:<28}  {:<12} {:>6} {:>5} {:>7}  {last}", "RUN", "VERDICT", "TESTS", "FAIL", "TIME");
    writeln!(out, "{}", Style::new().bold().apply_to(head))?;
    for run in runs {
        let last = of_what(run, by_branch);
        let counts = (!is_pipeline(run)).then(|| (run.totals.tests.to_string(), run.totals.failures().to_string()));
        let (tests, failures) = counts.unwrap_or_else(|| ("-".to_owned(), "-".to_owned()));
        writeln!(
            out,
            "{:<28}  {} {tests:>6} {failures:>5} {:>7}  {}",
            one_line(run.head.id.as_str()),
            style_of(run).apply_to(format!("{:<12}", word(run))),
            run.duration.map_or_else(String::new, words::exact),
            words::middle(&one_line(&last), 14)
        )?;
    }
    Ok(())
}

/// The run's branch, or else its suite and version; of a shard, which one it was.
fn of_what(run: &StoredRun, by_branch: bool) -> String {
    let what = match (by_branch, &run.head.version) {
        (true, _) => run.head.branch.clone().unwrap_or_default(),
        (false, None) => run.head.suite.clone(),
        (false, Some(version)) => format!("{} {version}", run.head.suite),
    };
    match run.head.shard {
        Some(shard) => format!("{shard} {what}").trim_end().to_owned(),
        None => what,
    }
}

/// A run on lines of its own, where the table has no room.
fn narrow(run: &StoredRun, by_branch: bool, columns: usize, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{}", words::middle(&one_line(run.head.id.as_str()), columns))?;
    let mut said = Vec::new();
    if !is_pipeline(run) {
        said.push(words::count(run.totals.tests, "test", "tests"));
        said.push(format!("{} failed", words::thousands(run.totals.failures())));
    }
    said.extend(run.duration.map(words::exact));
    let last = words::middle(&one_line(&of_what(run, by_branch)), 14);
    said.extend(Some(last).filter(|last| !last.is_empty()));
    let room = columns - 2;
    let first = room.saturating_sub(word(run).len() + 2);
    for (at, line) in words::wrap(&said.join(", "), first, room).iter().enumerate() {
        match at {
            0 => writeln!(out, "  {}: {line}", style_of(run).apply_to(word(run)))?,
            _ => writeln!(out, "  {line}")?,
        }
    }
    Ok(())
}
