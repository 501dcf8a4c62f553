//! The status for people and machines.

use std::io::{self, Write};
use std::iter;

use console::Style;
use serde_json::{Map, Value, json};

use super::Status;
use super::answer::{Answered, ago};
use crate::cli::Format;
use crate::commands::baseline::entries_json;
use crate::commands::history::{megabytes, run_json, style_of, word};
use crate::commands::keeping;
use crate::config::Pipeline;
use crate::config::settings::{SETTINGS, written};
use crate::coverage::baseline::Baseline;
use crate::coverage::ratchet::RatchetKey;
use crate::exit_code::ExitCode;
use crate::model::WORKSPACE_SUITE;
use crate::report::inert::one_line;
use crate::report::{json as documents, words};

/// Writes it. To people a question is answered in one sentence.
pub(super) fn show(
    status: &Status,
    answer: Option<&Answered<'_>>,
    format: Format,
    out: &mut dyn Write,
) -> io::Result<()> {
    match (format, answer) {
        (Format::Json, _) => documents::write_line(out, &document(status, answer)),
        (Format::Human, Some(answer)) => {
            let (style, word) = match answer.code {
                ExitCode::Pass => (Style::new().green(), "yes"),
                _ => (Style::new().red(), "no"),
            };
            writeln!(out, "{}: {}", style.bold().apply_to(word), one_line(&answer.sentence))
        }
        (Format::Human, None) => {
            let lines = in_force(status).into_iter().chain(pipelines(status));
            let lines = lines.chain(baselines(status)).chain(on_record(status));
            for (name, value) in lines {
                writeln!(out, "{name:<10} {}", one_line(&value))?;
            }
            last_run(status, out)
        }
    }
}

/// Every setting by its name.
fn settings(status: &Status) -> Map<String, Value> {
    let settings = status.place.settings();
    SETTINGS.iter().filter_map(|setting| Some((setting.name(), setting.field.place.show(settings)?))).collect()
}

fn document(status: &Status, answer: Option<&Answered<'_>>) -> Value {
    let resolved = &status.place.resolved;
    let memory = status.memory.as_ref();
    let answered = answer.map(|answer| {
        json!({
            "passed": answer.code == ExitCode::Pass,
            "id": answer.id,
            "text": answer.sentence,
            "commit": status.asked.as_ref().and_then(|question| question.commit.as_ref()),
            "since": status.asked.as_ref().and_then(|question| question.since),
            "run": answer.run.map(run_json),
        })
    });
    json!({
        "schema_version": documents::SCHEMA_VERSION,
        "workspace": status.place.workspace.root,
        "enabled": resolved.settings.enabled,
        "profile": resolved.profile,
        "file": resolved.file,
        "settings": settings(status),
        "pipelines": resolved.settings.pipelines.iter().map(|(name, pipeline)| pipeline_json(name, pipeline))
            .collect::<Vec<_>>(),
        "ratchet": {
            "path": status.ratchet.file.path(),
            "workspace": status.ratchet.workspace,
            "readable": status.baselines.is_ok(),
            "error": status.why_no_baselines(),
            "entries": status.baselines.as_ref().ok().map(entries_json),
        },
        "store": {
            "path": status.file,
            "url": status.url,
            "waiting": status.waiting,
            "readable": memory.is_ok(),
            "error": memory.err().map(ToString::to_string),
            "size": memory.ok().map(|memory| memory.size),
        },
        "counters": memory.ok().map(|memory| memory.counters),
        "suite": status.suite,
        "last_run": memory.ok().and_then(|memory| memory.last.as_ref()).map(run_json),
        "answer": answered,
        "exit_code": answer.map_or(ExitCode::Pass, |answer| answer.code),
    })
}

fn pipeline_json(name: &str, pipeline: &Pipeline) -> Value {
    json!({
        "name": name,
        "steps": pipeline.steps.len(),
        "suites": pipeline.suites.len(),
        "smoke": pipeline.smoke.len(),
        "isolate": pipeline.isolate,
    })
}

type Line = (&'static str, String);

fn in_force(status: &Status) -> Vec<Line> {
    let resolved = &status.place.resolved;
    let all = settings(status);
    let words = |name: &str| match all.get(name) {
        Some(Value::Array(words)) => words.iter().map(written).collect::<Vec<_>>().join(" "),
        value => value.map(written).unwrap_or_default(),
    };
    let each = |section: &str, keys: &[&str]| {
        keys.iter().map(|key| format!("{key} {}", words(&format!("{section}.{key}")))).collect::<Vec<_>>().join(", ")
    };
    let switch =
        if resolved.settings.enabled { "on" } else { "off: `test` is plain `cargo test`, and `run` runs nothing" };
    let file = resolved.file.as_deref().unwrap_or("no file");
    let quarantine = words::count(resolved.settings.quarantine.len() as u64, "entry", "entries");
    let notify = match resolved.settings.notify.command.is_empty() {
        true => "off".to_owned(),
        false => format!("on {}", words("notify.on")),
    };
    let suite = format!("of the suite {}", words("infra.retries"));
    vec![
        ("gate", switch.to_owned()),
        ("profile", format!("{}, {file}", resolved.profile)),
        ("packages", words("scope.packages")),
        ("selection", words("test.args")),
        ("limits", each("test", &["slow", "timeout", "run-timeout", "grace"])),
        ("retries", format!("of a test {}; {suite}, {}", words("test.retries"), each("infra", &["delay", "mode"]))),
        ("switches", each("test", &["strict-env", "flaky-result", "no-tests"])),
        ("notify", notify),
        ("quarantine", quarantine),
        ("coverage", each("coverage", &["policy", "floor", "epsilon", "metric", "on-tool-error", "timeout"])),
        ("patch", each("coverage", &["patch-floor", "patch-max-uncovered", "baseline-ref"])),
    ]
}

/// Each pipeline on a line, whether it asks what runs included.
fn pipelines(status: &Status) -> Vec<Line> {
    let pipelines = &status.place.settings().pipelines;
    if pipelines.is_empty() {
        return vec![("pipelines", "none".to_owned()), ("smoke", "off: no check is configured".to_owned())];
    }
    let first = iter::once("pipelines").chain(iter::repeat(""));
    let lines = first.zip(pipelines).map(|(word, (name, pipeline))| (word, of_pipeline(name, pipeline)));
    let checks: Vec<String> = pipelines
        .iter()
        .filter(|(_, pipeline)| !pipeline.smoke.is_empty())
        .map(|(name, pipeline)| format!("{} in {name}", words::count(pipeline.smoke.len() as u64, "check", "checks")))
        .collect();
    let smoke = match checks.is_empty() {
        true => "off: no check is configured".to_owned(),
        false => format!("on: {}", checks.join(", ")),
    };
    lines.chain([("smoke", smoke)]).collect()
}

/// `default: 5 steps, 1 suite, isolate none`.
fn of_pipeline(name: &str, pipeline: &Pipeline) -> String {
    let suites = pipeline.suites.len() as u64;
    let suites = match suites {
        0 => String::new(),
        suites => format!(", {}", words::count(suites, "suite", "suites")),
    };
    let steps = words::count(pipeline.steps.len() as u64, "step", "steps");
    format!("{name}: {steps}{suites}, isolate {}", pipeline.isolate)
}

/// The ratchet: when it rises, where it is, and each of its figures on a line.
fn baselines(status: &Status) -> Vec<Line> {
    let file = status.ratchet.file.path();
    let Ok(ratchet) = &status.baselines else {
        return vec![("ratchet", format!("{file}, which cannot be read"))];
    };
    let all = settings(status);
    let words = |name: &str| all.get(name).map(written).unwrap_or_default();
    let (rises, scope) = (words("coverage.ratchet"), words("coverage.ratchet-scope"));
    let kept: Vec<_> = ratchet.entries().filter_map(|(key, entry)| Some((key, entry.baseline.as_ref()?))).collect();
    let held = words::count(kept.len() as u64, "baseline", "baselines");
    let heading = ("ratchet", format!("{file}: {held}; rises {rises}, scope {scope}"));
    iter::once(heading).chain(kept.iter().map(|(key, baseline)| ("", of_one(status, key, baseline)))).collect()
}

/// `85.00 % of lines, workspace, x86_64-unknown-linux-gnu, 4f1e2d3a9b, 2026-01-31 12:00Z`.
fn of_one(status: &Status, key: &RatchetKey, baseline: &Baseline) -> String {
    let elsewhere = (key.workspace != status.ratchet.workspace).then(|| format!("of {}", key.workspace));
    let features = Some(key.features.clone()).filter(|features| !features.is_empty());
    let commit = baseline.commit.as_deref().map(|commit| words::short_commit(commit).to_owned());
    let stamps = [elsewhere, Some(key.target.clone()), features, commit, baseline.at.map(words::moment)];
    let stamps: Vec<String> = stamps.into_iter().flatten().collect();
    format!("{} % of {}, {}, {}", baseline.share, key.metric, key.subject, stamps.join(", "))
}

fn on_record(status: &Status) -> Vec<Line> {
    let waiting = status.waiting.and_then(keeping::told_of_waiting).map(|text| ("waiting", text));
    let Ok(memory) = &status.memory else {
        let why = if status.url.is_some() { "reached" } else { "read" };
        let history = format!("{}, which cannot be {why}", status.history());
        let lines = [("history", history), ("runs ever", "not known".to_owned())];
        return lines.into_iter().chain(waiting).collect();
    };
    let (counters, size) = (&memory.counters, &memory.size);
    let held = match size.bytes {
        0 => "nothing yet".to_owned(),
        bytes => format!("{}, {}", words::count(size.runs, "run", "runs"), megabytes(bytes)),
    };
    let errors = words::count(counters.tool_error, "tool error", "tool errors");
    let ever = format!(
        "{}: {} passed, {} failed, {errors}, {} deferred",
        words::thousands(counters.runs),
        words::thousands(counters.pass),
        words::thousands(counters.fail),
        words::thousands(counters.deferred)
    );
    let lines = [("history", format!("{}: {held}", status.history())), ("runs ever", ever)];
    lines.into_iter().chain(waiting).collect()
}

/// The latest run of the suite, with its verdict in colour.
fn last_run(status: &Status, out: &mut dyn Write) -> io::Result<()> {
    let Ok(memory) = &status.memory else { return Ok(()) };
    let of_suite = match status.suite.as_str() {
        WORKSPACE_SUITE => String::new(),
        suite => format!(" of {}", one_line(suite)),
    };
    let Some(run) = &memory.last else {
        return writeln!(out, "{:<10} none{of_suite}", "last run");
    };
    let (verdict, when) = (style_of(run).apply_to(word(run)), ago(run.head.start, status.now));
    writeln!(out, "{:<10} {verdict}, {when}{of_suite} ({})", "last run", one_line(run.head.id.as_str()))?;
    let why = run.judgement.as_ref().map(|judgement| one_line(judgement.sentence()));
    why.map_or(Ok(()), |why| writeln!(out, "{:<10} {why}", ""))
}
