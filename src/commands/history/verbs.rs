//! `cargo gate history show|prune|undo`, and how runs are written for people and machines.
//!
//! Each takes a store and writes to what it is handed. Names, branches and failure texts come from outside: for
//! people they are written without anything a terminal would obey.

use std::io::{self, Write};

use console::Style;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::cli::Format;
use crate::history::store::{Page, Prune, Pruned, Retention, RunFilter, Store, StoreError, StoredRun};
use crate::model::{CaseRecord, CoverageFigures, Metric, Outcome, RunState};
use crate::ratio::Ratio;
use crate::report::inert::one_line;
use crate::report::{json as documents, words};

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output could not be written.
    #[error("the output cannot be written: {0}")]
    Write(#[from] io::Error),
    /// It was asked for what makes no sense.
    #[error("{0}")]
    Usage(String),
    /// What was to be taken in cannot be read.
    #[error("{0}")]
    Source(String),
}

pub(super) type Result<T> = std::result::Result<T, HistoryError>;

/// What `show` shows.
#[derive(Clone, Debug)]
pub struct ShowOptions {
    /// A run's name, the beginning of one, or `last`.
    pub run: String,
    /// All its tests, not only those that did not simply pass.
    pub all: bool,
}

/// What `prune` removes.
#[derive(Clone, Debug)]
pub struct PruneOptions {
    /// What to keep.
    pub keep: Retention,
    /// Shall it be done, or only be said?
    pub prune: Prune,
}

/// One run with its tests.
pub fn show(store: &dyn Store, options: &ShowOptions, out: &mut dyn Write, format: Format) -> Result<()> {
    let run = named(store, &options.run)?;
    let cases = store.cases(&run.head.id)?;
    if format == Format::Json {
        let mut value = run_json(&run);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("coverage".to_owned(), run.coverage.as_ref().map_or(Value::Null, coverage_json));
            fields.insert("tests".to_owned(), cases.iter().map(case_json).collect());
        }
        return write_json(out, &json!({ "schema_version": 1, "run": value }));
    }
    show_head(&run, out)?;
    let shown = cases.iter().filter(|case| options.all || is_remarkable(case));
    for case in shown {
        show_case(case, out)?;
    }
    Ok(())
}

/// The run with this name or the only one with this beginning, or the `last` one.
fn named(store: &dyn Store, name: &str) -> Result<StoredRun> {
    if name != "last" {
        return Ok(store.run(name)?);
    }
    let last = store.runs(&RunFilter::default(), Page::first(1))?.pop();
    Ok(last.ok_or_else(|| StoreError::NoSuchRun(name.to_owned()))?)
}

/// Removes runs, or says which would go.
pub fn prune(store: &mut dyn Store, options: &PruneOptions, out: &mut dyn Write, format: Format) -> Result<()> {
    let pruned = store.prune(&options.keep, options.prune)?;
    let done = options.prune == Prune::Delete;
    if format == Format::Json {
        return write_json(out, &json!({ "schema_version": 1, "pruned": done, "plan": pruned }));
    }
    let Pruned { runs, cases, bytes_before, bytes_after } = &pruned;
    if !done {
        for run in runs {
            writeln!(out, "{}", one_line(run.as_str()))?;
        }
    }
    let (verb, about) = if done { ("Removed", "") } else { ("Would remove", "about ") };
    let (before, after) = (megabytes(*bytes_before), megabytes(*bytes_after));
    writeln!(out, "{verb} {} runs with {cases} cases: {before} -> {about}{after}.", runs.len())?;
    Ok(())
}

/// Takes one run back.
pub fn undo(store: &mut dyn Store, run: &str, out: &mut dyn Write, format: Format) -> Result<()> {
    let id = named(store, run)?.head.id;
    let undone = store.undo(&id)?;
    if format == Format::Json {
        return write_json(out, &json!({ "schema_version": 1, "undone": run_json(&undone) }));
    }
    let id = one_line(undone.head.id.as_str());
    writeln!(out, "Took back run {id} ({}, {} tests).", word(&undone), undone.totals.tests)?;
    Ok(())
}

pub(super) fn write_json(out: &mut dyn Write, value: &impl Serialize) -> Result<()> {
    Ok(documents::write_line(out, value)?)
}

pub(in crate::commands) fn run_json(run: &StoredRun) -> Value {
    let head = &run.head;
    let judgement = run.judgement.as_ref();
    let mut value = json!({
        "id": head.id,
        "start": head.start,
        "state": run.state,
        "verdict": judgement.map(|judgement| judgement.verdict),
        "exit_code": judgement.map(|judgement| judgement.exit_code()),
        "codes": judgement.map(|judgement| &judgement.codes),
        "reasons": judgement.map(|judgement| &judgement.reasons),
        "totals": run.totals,
        "pass_rate": run.totals.pass_rate(),
        "not_run": run.not_run,
        "duration_ms": run.duration.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        "plan_digest": run.plan_digest,
    });
    let of_head = json!({
        "suite": head.suite,
        "version": head.version,
        "trigger": head.trigger,
        "host": head.host,
        "toolchain": head.toolchain,
        "target": head.context.target,
        "features": head.context.features,
        "profile": head.context.profile,
        "commit": head.commit,
        "branch": head.branch,
        "dirty": head.dirty,
        "ci_link": head.ci_link,
        "input_key": head.input_key,
        "instrumented": head.instrumented,
        "full": head.full,
    });
    if let (Some(fields), Value::Object(more)) = (value.as_object_mut(), of_head) {
        fields.extend(more);
    }
    value
}

/// What a run reached; a metric that was not counted is null.
fn coverage_json(figures: &CoverageFigures) -> Value {
    let one = |ratio: Ratio| {
        let percent = || ratio.to_string().parse::<f64>().ok();
        (!ratio.is_empty()).then(|| json!({ "covered": ratio.covered(), "total": ratio.total(), "percent": percent() }))
    };
    let metrics = figures.all().into_iter().map(|(metric, ratio)| (metric.to_string(), json!(one(ratio))));
    let more = [
        ("counting", json!(figures.counting)),
        ("whole", json!(figures.is_whole)),
        ("may_be_baseline", json!(figures.may_be_baseline)),
    ];
    metrics.chain(more.map(|(name, value)| (name.to_owned(), value))).collect::<Map<_, _>>().into()
}

/// `83.33 % of lines (5 of 6), 100.00 % of functions (2 of 2); of a selection`.
fn reached(figures: &CoverageFigures) -> String {
    let one = |(metric, ratio): (Metric, Ratio)| {
        let (covered, total) = (words::thousands(ratio.covered()), words::thousands(ratio.total()));
        (!ratio.is_empty()).then(|| format!("{ratio} % of {metric} ({covered} of {total})"))
    };
    let parts: Vec<String> = figures.all().into_iter().filter_map(one).collect();
    let of = if figures.is_whole { "" } else { "; of a part of the workspace" };
    format!("{}{of}", parts.join(", "))
}

fn case_json(case: &CaseRecord) -> Value {
    json!({
        "package": case.key.binary.package,
        "binary": case.key.binary.binary,
        "kind": case.key.binary.kind,
        "name": case.key.name,
        "outcome": case.outcome,
        "ms": case.ms(),
        "attempts": case.attempts.len(),
        "leaked": case.leaked,
        "binary_hash": case.binary_hash,
        "text": case.failure_text(),
    })
}

fn show_head(run: &StoredRun, out: &mut dyn Write) -> Result<()> {
    let head = &run.head;
    let started = head.start.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let dirty = if head.dirty == Some(true) { " with changes" } else { "" };
    let commit = head.commit.as_deref().map(|commit| format!("{commit}{dirty}")).unwrap_or_default();
    let version = head.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
    let suite = format!("{}{version}", head.suite);
    // Results that another tool wrote do not say where.
    let host = if head.host.is_empty() { String::new() } else { format!(" on {}", head.host) };
    let totals = &run.totals;
    let counts = format!(
        "{}: {} passed, {} failed, {} errored, {} timed out, {} flaky, {} skipped; {} not run",
        words::count(totals.tests, "test", "tests"),
        totals.passed,
        totals.failed,
        totals.errored,
        totals.timeout,
        totals.flaky,
        totals.skipped,
        run.not_run
    );
    let context = [&head.context.target, &head.context.profile, &head.context.features];
    let context: Vec<&str> = context.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    let lines = [
        ("run", head.id.to_string()),
        ("suite", suite),
        ("started", format!("{started}{host} by {}", head.trigger)),
        ("took", run.duration.map(words::exact).unwrap_or_default()),
        ("commit", commit),
        ("branch", head.branch.clone().unwrap_or_default()),
        ("link", head.ci_link.clone().unwrap_or_default()),
        ("context", context.join(", ")),
        ("toolchain", head.toolchain.clone()),
        ("counts", counts),
        ("coverage", run.coverage.as_ref().map(reached).unwrap_or_default()),
    ];
    for (name, value) in lines.into_iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(out, "{name:<10} {}", one_line(&value))?;
    }
    writeln!(out, "{:<10} {}", "verdict", style_of(run).apply_to(word(run)))?;
    for reason in run.judgement.iter().flat_map(|judgement| &judgement.reasons) {
        writeln!(out, "{:<10} {}", "", one_line(&reason.text))?;
    }
    Ok(())
}

/// Anything but a plain pass or a skip?
const fn is_remarkable(case: &CaseRecord) -> bool {
    !matches!(case.outcome, Outcome::Passed | Outcome::Skipped) || case.leaked
}

fn show_case(case: &CaseRecord, out: &mut dyn Write) -> Result<()> {
    let time = case.took.map(words::exact).unwrap_or_default();
    let style = match case.outcome {
        Outcome::Passed => Style::new().green(),
        Outcome::Skipped => Style::new().dim(),
        Outcome::Flaky => Style::new().yellow(),
        Outcome::Failed | Outcome::Error | Outcome::Timeout => Style::new().red(),
    };
    let outcome = format!("{:<8}", case.outcome.as_str());
    let shown = words::middle(&one_line(&case.key.to_string()), words::LONGEST_NAME);
    writeln!(out, "{} {time:>7}  {}", style.apply_to(outcome), shown)?;
    for (number, attempt) in (1..).zip(&case.attempts).filter(|(_, attempt)| attempt.text.is_some()) {
        let why = attempt.why.as_deref().map(|why| format!(": {}", one_line(why))).unwrap_or_default();
        writeln!(out, "    attempt {number}{why}")?;
        for line in attempt.text.as_deref().unwrap_or_default().lines() {
            writeln!(out, "    | {}", one_line(line))?;
        }
    }
    Ok(())
}

/// The one word of a run: its verdict where it has one that says more than how far it came.
pub(in crate::commands) fn word(run: &StoredRun) -> &'static str {
    match (&run.judgement, run.state) {
        (Some(judgement), RunState::Executed) => judgement.verdict.as_str(),
        (_, state) => state.as_str(),
    }
}

pub(in crate::commands) fn style_of(run: &StoredRun) -> Style {
    match word(run) {
        "pass" => Style::new().green(),
        "fail" | "build-failed" => Style::new().red(),
        "running" => Style::new().cyan(),
        _ => Style::new().yellow(),
    }
}

pub(in crate::commands) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
