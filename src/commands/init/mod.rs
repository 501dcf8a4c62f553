//! `cargo gate init`: writes a configuration that fits the workspace, for people to read and to go on from.

mod check;
mod draft;
mod survey;
mod trial;

use std::io::{self, Write};

use camino::Utf8Path;
use serde_json::json;

use super::place::{find_workspace, set_colors};
use super::{complain, written};
use crate::cli::{Format, InitArgs};
use crate::config::PLACES;
use crate::exit_code::ExitCode;
use crate::report::json as documents;
use crate::sys::fs;

/// Finds the workspace and runs the command.
pub(super) fn run(args: &InitArgs) -> ExitCode {
    let place = &args.common.place;
    set_colors(place);
    let workspace = match find_workspace(place) {
        Ok(workspace) => workspace,
        Err(code) => return code,
    };
    let target = match file_to_write(&workspace.root, args) {
        Ok(target) => target,
        Err(why) => {
            complain("error", &why);
            return ExitCode::Config;
        }
    };
    let survey = survey::look(&workspace);
    let tried = if args.no_try { Ok(Vec::new()) } else { trial::run(&workspace, place, &survey) };
    let tried = match tried {
        Ok(tried) => tried,
        Err(trial::Interrupted) => {
            complain("error", "interrupted: nothing is written");
            return ExitCode::Interrupted;
        }
    };
    let parts = draft::parts(&survey, &tried);
    let text = draft::write(&survey, &parts);
    let told = match target {
        None => io::stdout().lock().write_all(text.as_bytes()),
        Some(name) => fs::replace(workspace.root.join(name).as_std_path(), text.as_bytes())
            .and_then(|()| tell(args.common.format, name, &parts, &tried)),
    };
    written(told, ExitCode::Pass)
}

/// The file to write, relative to the root; none where the text is only to be printed. The error says why none may be
/// written.
fn file_to_write(root: &Utf8Path, args: &InitArgs) -> Result<Option<&'static str>, String> {
    if args.stdout {
        return Ok(None);
    }
    let there: Vec<&str> = PLACES.into_iter().filter(|place| root.join(place).symlink_metadata().is_ok()).collect();
    match (there.as_slice(), args.force) {
        ([], _) => Ok(Some(PLACES[0])),
        ([name], true) => Ok(Some(name)),
        ([name], false) => {
            Err(format!("{name} exists already: --force overwrites it, --stdout shows what would be written"))
        }
        (names, _) => Err(format!("both {} exist: keep one of them", names.join(" and "))),
    }
}

/// Says what was written, what was left out, and what comes next.
fn tell(format: Format, name: &str, parts: &[draft::Part], tried: &[trial::Tried]) -> io::Result<()> {
    let mut err = io::stderr().lock();
    let kept: Vec<&str> = parts.iter().filter(|part| part.left_out.is_none()).map(|part| part.name).collect();
    writeln!(
        err,
        "{} {name}: {}",
        console::Style::new().for_stderr().green().bold().apply_to("wrote"),
        kept.join(", ")
    )?;
    for part in parts {
        if let Some(why) = &part.left_out {
            writeln!(err, "left out as a comment: {} ({})", part.name, crate::report::inert::one_line(why))?;
        }
    }
    writeln!(err, "next: `cargo gate run --dry-run` shows what would run, `cargo gate run` runs it")?;
    if format == Format::Json {
        let left_out = parts.iter().filter_map(|part| Some(json!({"name": part.name, "why": part.left_out.as_ref()?})));
        let document = json!({
            "schema_version": documents::SCHEMA_VERSION,
            "file": name,
            "parts": kept,
            "left_out": left_out.collect::<Vec<_>>(),
            "tried": tried,
        });
        documents::write_line(io::stdout().lock(), &document)?;
    }
    Ok(())
}
