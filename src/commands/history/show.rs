//! `cargo gate history show`: one run with its tests, or, of a pipeline, with its steps.

use std::io::Write;

use camino::Utf8PathBuf;
use console::Style;
use serde_json::{Map, Value, json};

use super::steps;
use super::verbs::{Result, is_pipeline, named, run_json, style_of, word, write_json};
use crate::cli::Format;
use crate::history::store::{Store, StoredRun};
use crate::model::{CaseRecord, CoverageFigures, Metric, Outcome};
use crate::pipeline::manifest::Kept;
use crate::ratio::Ratio;
use crate::report::inert::one_line;
use crate::report::json::SCHEMA_VERSION;
use crate::report::words;

/// What `show` shows.
#[derive(Clone, Debug)]
pub struct ShowOptions {
    /// A run's name, the beginning of one, or `last`.
    pub run: String,
    /// All its tests, not only those that did not simply pass.
    pub all: bool,
    /// Where pipelines leave what they meant to run, and what they ran.
    pub gate_dir: Utf8PathBuf,
}

/// One run with its tests, or with its steps.
pub fn show(store: &dyn Store, options: &ShowOptions, out: &mut dyn Write, format: Format) -> Result<()> {
    let run = named(store, &options.run)?;
    let cases = store.cases(&run.head.id)?;
    let kept = steps::kept(&options.gate_dir, &run);
    if format == Format::Json {
        let mut value = run_json(&run);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("coverage".to_owned(), run.coverage.as_ref().map_or(Value::Null, coverage_json));
            fields.insert("tests".to_owned(), cases.iter().map(case_json).collect());
            fields.insert("manifest".to_owned(), json!(kept.meant));
            fields.insert("complete".to_owned(), json!(kept.done));
        }
        return write_json(out, &json!({ "schema_version": SCHEMA_VERSION, "run": value }));
    }
    show_head(&run, &kept, out)?;
    steps::show(&run, &kept, out)?;
    let shown = cases.iter().filter(|case| options.all || is_remarkable(case));
    for case in shown {
        show_case(case, out)?;
    }
    Ok(())
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

fn show_head(run: &StoredRun, kept: &Kept, out: &mut dyn Write) -> Result<()> {
    let head = &run.head;
    let started = head.start.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let dirty = if head.dirty == Some(true) { " with changes" } else { "" };
    let commit = head.commit.as_deref().map(|commit| format!("{commit}{dirty}")).unwrap_or_default();
    let version = head.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
    let suite = format!("{}{version}", head.suite);
    // Results that another tool wrote do not say where.
    let host = if head.host.is_empty() { String::new() } else { format!(" on {}", head.host) };
    let (counts, steps) = match is_pipeline(run) {
        true => (String::new(), steps::counted(kept)),
        false => (counts(run), String::new()),
    };
    let context = [&head.context.target, &head.context.profile, &head.context.features];
    let context: Vec<&str> = context.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    let lines = [
        ("run", head.id.to_string()),
        ("suite", suite),
        ("shard", head.shard.map(|shard| shard.to_string()).unwrap_or_default()),
        ("started", format!("{started}{host} by {}", head.trigger)),
        ("took", run.duration.map(words::exact).unwrap_or_default()),
        ("commit", commit),
        ("branch", head.branch.clone().unwrap_or_default()),
        ("link", head.ci_link.clone().unwrap_or_default()),
        ("context", context.join(", ")),
        ("toolchain", head.toolchain.clone()),
        ("counts", counts),
        ("steps", steps),
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

/// `3 tests: 2 passed, 1 failed, …`.
fn counts(run: &StoredRun) -> String {
    let totals = &run.totals;
    format!(
        "{}: {} passed, {} failed, {} errored, {} timed out, {} flaky, {} skipped; {} not run",
        words::count(totals.tests, "test", "tests"),
        totals.passed,
        totals.failed,
        totals.errored,
        totals.timeout,
        totals.flaky,
        totals.skipped,
        run.not_run
    )
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
