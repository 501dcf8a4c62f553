//! Baselines for people and machines.

use std::io::{self, Write};

use console::{Style, measure_text_width};
use serde_json::{Value, json};

use super::Before;
use crate::cli::Format;
use crate::commands::ratchet::OwnRatchet;
use crate::coverage::Counting;
use crate::coverage::baseline::{Baseline, Subject};
use crate::coverage::ratchet::{Entry, Ratchet, RatchetKey};
use crate::ratio::Share;
use crate::report::inert::one_line;
use crate::report::{json as documents, words};

/// What was done to a baseline.
pub(super) struct Moved {
    /// A stable word.
    pub(super) word: &'static str,
    pub(super) before: Before,
    /// Why it stands where it stood.
    pub(super) note: Option<String>,
}

/// No column of names is wider.
const WIDEST: usize = 40;

/// Every baseline, by what was built for.
pub(super) fn all(ratchet: &OwnRatchet, kept: &Ratchet, format: Format, out: &mut dyn Write) -> io::Result<()> {
    if format == Format::Json {
        let document = json!({
            "schema_version": documents::SCHEMA_VERSION,
            "file": ratchet.file.path(),
            "workspace": ratchet.workspace,
            "entries": entries_json(kept),
        });
        return documents::write_line(out, &document);
    }
    writeln!(out, "{}", Style::new().dim().apply_to(one_line(ratchet.file.path().as_str())))?;
    let names = kept.entries().map(|(key, _)| measure_text_width(&one_line(&key.subject.to_string())));
    let width = names.max().unwrap_or_default().min(WIDEST);
    let mut heading = String::new();
    let (own, others): (Vec<_>, Vec<_>) = kept.entries().partition(|(key, _)| key.workspace == ratchet.workspace);
    for (key, entry) in own.into_iter().chain(others) {
        let own = heading_of(ratchet, key);
        if own != heading {
            writeln!(out, "\n{}", Style::new().bold().apply_to(&own))?;
            heading = own;
        }
        one(key, entry, width, out)?;
    }
    Ok(())
}

/// What a figure was built for, and whose it is where that is not this workspace.
fn heading_of(ratchet: &OwnRatchet, key: &RatchetKey) -> String {
    let features = if key.features.is_empty() { "default features" } else { &key.features };
    let heading = one_line(&format!("{}, {features}", key.target));
    if key.workspace == ratchet.workspace {
        return heading;
    }
    format!("{heading}, of another workspace: {}", one_line(&key.workspace))
}

/// A baseline, and below it what is known of it.
fn one(key: &RatchetKey, entry: &Entry, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let name = one_line(&key.subject.to_string());
    // Padded before it is painted: escapes have no width.
    let padding = " ".repeat(width.saturating_sub(measure_text_width(&name)));
    let figure = figure(key, entry.baseline.as_ref());
    writeln!(out, "  {name}{padding}  {}", Style::new().bold().apply_to(figure))?;
    let indent = " ".repeat(width + 4);
    let stamps = entry.baseline.as_ref().map(stamps).filter(|stamps| !stamps.is_empty());
    if let Some(stamps) = stamps {
        writeln!(out, "{indent}{}", one_line(&stamps))?;
    }
    if let Some(reason) = &entry.reason {
        writeln!(out, "{indent}last moved by hand: {}", one_line(reason))?;
    }
    Ok(())
}

/// `85.00 % of lines (850 of 1,000)`.
fn figure(key: &RatchetKey, baseline: Option<&Baseline>) -> String {
    match baseline.map(|baseline| baseline.share) {
        None => format!("no baseline of {}", key.metric),
        Some(share) => format!("{share} % of {}{}", key.metric, counts(share)),
    }
}

fn counts(share: Share) -> String {
    let counts = |ratio: crate::ratio::Ratio| {
        format!(" ({} of {})", words::thousands(ratio.covered()), words::thousands(ratio.total()))
    };
    share.counted().map(counts).unwrap_or_default()
}

/// Where and by what it was measured, as far as is known.
fn stamps(baseline: &Baseline) -> String {
    let counting = baseline.counting.map(|counting| match counting {
        Counting::Summary => "counted as llvm-cov does".to_owned(),
        Counting::Lines => "counted as lcov does".to_owned(),
    });
    let parts = [
        baseline.commit.as_deref().map(|commit| format!("commit {}", words::short_commit(commit))),
        baseline.at.map(words::moment),
        baseline.files.map(|files| words::count(files, "file", "files")),
        counting,
        baseline.tools.as_ref().map(ToString::to_string),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What was done to one.
pub(super) fn moved(
    ratchet: &OwnRatchet,
    key: &RatchetKey,
    entry: &Entry,
    moved: &Moved,
    format: Format,
    out: &mut dyn Write,
) -> io::Result<()> {
    if format == Format::Json {
        let document = json!({
            "schema_version": documents::SCHEMA_VERSION,
            "file": ratchet.file.path(),
            "change": moved.word,
            "note": moved.note,
            "before": moved.before.as_ref().map(|before| share_json(before.share)),
            "entry": entry_json(key, entry),
        });
        return documents::write_line(out, &document);
    }
    let whose = match &key.subject {
        Subject::Workspace => "the workspace".to_owned(),
        other => format!("the {}", other.to_string().replacen(':', " ", 1)),
    };
    let of = format!("The baseline of {whose} ({})", heading_of(ratchet, key));
    let was = moved.before.as_ref().map(|before| format!(", it was {} %", before.share)).unwrap_or_default();
    let sentence = match (&moved.note, &entry.baseline) {
        (Some(note), _) => format!("{of}: {note}."),
        (None, Some(_)) => format!("{of} is {}{was}.", figure(key, entry.baseline.as_ref())),
        (None, None) => format!("{of} is gone{was}: the next measurement begins anew."),
    };
    writeln!(out, "{}", one_line(&sentence))
}

/// Every entry, as each document has it.
pub(in crate::commands) fn entries_json(kept: &Ratchet) -> Vec<Value> {
    kept.entries().map(|(key, entry)| entry_json(key, entry)).collect()
}

fn entry_json(key: &RatchetKey, entry: &Entry) -> Value {
    let baseline = entry.baseline.as_ref();
    let tools = baseline.and_then(|baseline| baseline.tools.as_ref());
    let mut value = json!({
        "workspace": key.workspace,
        "target": key.target,
        "features": key.features,
        "subject": key.subject.to_string(),
        "metric": key.metric,
        "covered": null,
        "total": null,
        "percent": null,
        "counting": baseline.and_then(|baseline| baseline.counting),
        "files": baseline.and_then(|baseline| baseline.files),
        "toolchain": tools.map(|tools| &tools.toolchain),
        "measurer": tools.map(|tools| &tools.measurer),
        "commit": baseline.and_then(|baseline| baseline.commit.as_ref()),
        "at": baseline.and_then(|baseline| baseline.at),
        "reason": entry.reason,
    });
    if let (Some(fields), Some(Value::Object(share))) =
        (value.as_object_mut(), baseline.map(|baseline| share_json(baseline.share)))
    {
        fields.extend(share);
    }
    value
}

/// A figure: counts where they are known, and the percentage that people read.
fn share_json(share: Share) -> Value {
    let counted = share.counted();
    let percent = share.counted().map_or_else(|| share.to_string(), |ratio| ratio.to_string());
    json!({
        "covered": counted.map(crate::ratio::Ratio::covered),
        "total": counted.map(crate::ratio::Ratio::total),
        "percent": percent.parse::<f64>().ok(),
    })
}
