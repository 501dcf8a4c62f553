//! `cargo gate history prune|undo`, and how runs are written for people and machines.
//!
//! Each takes a store and writes to what it is handed. Names, branches and failure texts come from outside: for
//! people they are written without anything a terminal would obey.

use camino::Utf8PathBuf;
use std::io::{self, Write};

use console::Style;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::Format;
use crate::history::store::{Page, Prune, Pruned, Retention, RunFilter, Store, StoreError, StoredRun};
use crate::model::{PIPELINE_SUITE, RunState, millis};
use crate::report::inert::one_line;
use crate::report::json::SCHEMA_VERSION;
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
    /// What was to be taken in cannot be read, or there is nobody to send it to.
    #[error("{0}")]
    Source(String),
    /// What was to be sent was not taken in.
    #[error("{0}")]
    Refused(String),
}

pub(super) type Result<T> = std::result::Result<T, HistoryError>;

/// What `prune` removes.
#[derive(Clone, Debug)]
pub struct PruneOptions {
    /// What to keep.
    pub keep: Retention,
    /// Shall it be done, or only be said?
    pub prune: Prune,
    /// Where the runs have their folders: reports, manifests and logs go with them.
    pub gate_dir: Utf8PathBuf,
}

/// The run with this name or the only one with this beginning, or the `last` one.
pub(super) fn named(store: &dyn Store, name: &str) -> Result<StoredRun> {
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
    if done {
        for run in pruned.runs.iter().filter(|run| is_one_name(run.as_str())) {
            // A run without a folder has left nothing.
            let _ = fs_err::remove_dir_all(options.gate_dir.join("runs").join(run.as_str()));
        }
    }
    if format == Format::Json {
        return write_json(out, &json!({ "schema_version": SCHEMA_VERSION, "pruned": done, "plan": pruned }));
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

/// Is this the name of something in a folder, and of nothing elsewhere? Histories may come from others.
fn is_one_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// Takes one run back.
pub fn undo(store: &mut dyn Store, run: &str, out: &mut dyn Write, format: Format) -> Result<()> {
    let id = named(store, run)?.head.id;
    let undone = store.undo(&id)?;
    if format == Format::Json {
        return write_json(out, &json!({ "schema_version": SCHEMA_VERSION, "undone": run_json(&undone) }));
    }
    let id = one_line(undone.head.id.as_str());
    let what = match is_pipeline(&undone) {
        true => "a pipeline; the runs of tests within it stay".to_owned(),
        false => words::count(undone.totals.tests, "test", "tests"),
    };
    writeln!(out, "Took back run {id} ({}, {what}).", word(&undone))?;
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
        "duration_ms": run.duration.map(millis),
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
        "shard": head.shard,
    });
    if let (Some(fields), Value::Object(more)) = (value.as_object_mut(), of_head) {
        fields.extend(more);
    }
    value
}

/// Is it a pipeline as a whole? It has no tests: the runs within it do.
pub(in crate::commands) fn is_pipeline(run: &StoredRun) -> bool {
    run.head.suite == PIPELINE_SUITE
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
