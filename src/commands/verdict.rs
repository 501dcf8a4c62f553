//! `cargo gate verdict`: passes on what a report says, so that a machine need not understand reports.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use console::Style;
use serde_json::{Value, json};

use super::place::set_colors;
use super::written;
use crate::cli::{Format, PlaceArgs, VerdictArgs};
use crate::exit_code::ExitCode;
use crate::model::Verdict;
use crate::report::frontmatter::{self, Artifact, FrontMatter};
use crate::report::inert::one_line;
use crate::report::json as documents;

/// The head of a report is at its beginning: no more than this is read of it.
const LOOKED_AT: u64 = 1 << 20;

/// What a report says, as every format shows it.
struct Said {
    code: ExitCode,
    artifact: Artifact,
    /// The key that decided, or that is missing.
    key: Option<&'static str>,
    /// Why, in one sentence.
    text: String,
}

/// Runs the command.
pub(super) fn run(args: &VerdictArgs) -> ExitCode {
    set_colors(&PlaceArgs { color: args.color.clone(), ..PlaceArgs::default() });
    let said = match read(&args.file) {
        Ok(report) => said(&report),
        Err(error) => Said {
            code: ExitCode::Config,
            artifact: Artifact::Unknown,
            key: None,
            text: format!("`{}` cannot be read: {error}", args.file.display()),
        },
    };
    written(show(&said, args, &mut io::stdout().lock()), said.code)
}

/// The beginning of a report, or of standard input.
pub(super) fn read(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        io::stdin().lock().take(LOOKED_AT).read_to_end(&mut bytes)?;
    } else {
        File::open(file)?.take(LOOKED_AT).read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn said(report: &str) -> Said {
    let reading = frontmatter::read(report);
    let reason = FrontMatter::parse(report).and_then(|head| head.get("reason").map(str::to_owned));
    let text = match reason.filter(|reason| !reason.is_empty()) {
        Some(reason) => format!("{}: {reason}", reading.why),
        None => reading.why.clone(),
    };
    Said { code: reading.exit_code(), artifact: reading.artifact, key: Some(reading.key), text }
}

fn show(said: &Said, args: &VerdictArgs, out: &mut dyn Write) -> io::Result<()> {
    if args.format == Format::Json {
        return documents::write_line(out, &document(said, &args.file));
    }
    let (style, word) = match said.code {
        ExitCode::Pass => (Style::new().green(), "PASS"),
        _ => (Style::new().red(), "FAIL"),
    };
    writeln!(out, "{}: {}", style.bold().apply_to(word), one_line(&said.text))
}

fn document(said: &Said, file: &Path) -> Value {
    let artifact = match said.artifact {
        Artifact::Tests => Some("tests"),
        Artifact::Coverage => Some("coverage"),
        Artifact::Unknown => None,
    };
    json!({
        "schema_version": documents::SCHEMA_VERSION,
        "verdict": if said.code == ExitCode::Pass { Verdict::Pass } else { Verdict::Fail },
        "exit_code": said.code,
        "file": file.to_string_lossy(),
        "artifact": artifact,
        "key": said.key,
        "text": said.text,
    })
}
