//! The status for people and machines.

use std::io::{self, Write};

use console::Style;
use serde_json::{Map, Value, json};

use super::Status;
use super::answer::{Answered, ago};
use crate::cli::Format;
use crate::commands::history::{megabytes, run_json, style_of, word};
use crate::config::settings::{SETTINGS, written};
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
            let lines = in_force(status).into_iter().chain(on_record(status));
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
        "store": {
            "path": status.file,
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
    let switch = if resolved.settings.enabled { "on" } else { "off: `test` is plain `cargo test`" };
    let file = resolved.file.as_deref().unwrap_or("no file");
    let quarantine = words::count(resolved.settings.quarantine.len() as u64, "entry", "entries");
    let suite = format!("of the suite {}", words("infra.retries"));
    vec![
        ("gate", switch.to_owned()),
        ("profile", format!("{}, {file}", resolved.profile)),
        ("packages", words("scope.packages")),
        ("selection", words("test.args")),
        ("limits", each("test", &["slow", "timeout", "run-timeout", "grace"])),
        ("retries", format!("of a test {}; {suite}, {}", words("test.retries"), each("infra", &["delay", "mode"]))),
        ("quarantine", quarantine),
        ("coverage", each("coverage", &["policy", "floor", "epsilon", "metric", "on-tool-error"])),
    ]
}

fn on_record(status: &Status) -> Vec<Line> {
    let Ok(memory) = &status.memory else {
        return vec![("history", format!("{}, which cannot be read", status.file))];
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
    vec![("history", format!("{}: {held}", status.file)), ("runs ever", ever)]
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
