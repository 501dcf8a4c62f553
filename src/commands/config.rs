//! `cargo gate config`: what is in force and where it comes from, and the schema of the file.

use std::ffi::OsString;
use std::io::{self, Write};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};

use super::complain;
use super::place::{find_workspace, set_colors, variables};
use crate::cli::{ConfigAction, Format};
use crate::config::settings::{SETTINGS, written};
use crate::config::{ConfigFile, Layers, Resolved, Source, lists, schema};
use crate::exit_code::ExitCode;
use crate::report::json::SCHEMA_VERSION;

/// Finds the workspace and runs the command.
pub(super) fn main(action: &ConfigAction) -> ExitCode {
    let root = match action {
        ConfigAction::Show { common } => {
            set_colors(&common.place);
            match find_workspace(&common.place) {
                Ok(workspace) => workspace.root,
                Err(code) => return code,
            }
        }
        ConfigAction::Schema => Utf8PathBuf::new(),
    };
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    match run(action, &root, &variables(), &mut out, &mut err) {
        Ok(code) => code,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::Pass,
        Err(error) => {
            complain("error", &error.to_string());
            ExitCode::Internal
        }
    }
}

/// Runs the command. What was asked for goes to `out`, warnings and mistakes to `err`.
pub fn run(
    action: &ConfigAction,
    workspace_root: &Utf8Path,
    variables: &[(OsString, OsString)],
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    let common = match action {
        ConfigAction::Schema => {
            print_json(&schema::schema(), out)?;
            return Ok(ExitCode::Pass);
        }
        ConfigAction::Show { common } => common,
    };
    let resolved = ConfigFile::load(workspace_root).and_then(|file| {
        let profile = common.place.gate_profile.as_deref();
        let layers = Layers { file: file.as_ref(), variables, profile, ..Layers::default() };
        Resolved::from_layers(&layers)?.with_nextest(&layers, workspace_root, &[])
    });
    match resolved {
        Ok(resolved) => {
            for warning in &resolved.warnings {
                writeln!(err, "warning: {}", warning.text)?;
            }
            for note in &resolved.notes {
                writeln!(err, "note: {note}")?;
            }
            show(&resolved, common.format, out)?;
            Ok(ExitCode::Pass)
        }
        Err(errors) => {
            for error in errors.all() {
                writeln!(err, "error: {error}")?;
            }
            Ok(errors.exit_code())
        }
    }
}

/// Shows each setting with its value and its source.
pub fn show(resolved: &Resolved, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Human => show_to_people(resolved, out),
        Format::Json => print_json(&to_json(resolved), out),
    }
}

fn to_json(resolved: &Resolved) -> Value {
    let settings = SETTINGS.iter().map(|setting| {
        json!({
            "key": setting.name(),
            "value": setting.field.place.show(&resolved.settings),
            "source": resolved.source(setting),
            "variable": setting.variable(),
            "flag": setting.flag.map(|flag| format!("--{flag}")),
        })
    });
    let mut shown = json!({
        "schema_version": SCHEMA_VERSION,
        "profile": resolved.profile,
        "file": resolved.file,
        "warnings": resolved.warnings.iter().map(|warning| &warning.text).collect::<Vec<_>>(),
        "notes": resolved.notes,
        "settings": settings.collect::<Vec<_>>(),
    });
    if let (Some(shown), Value::Object(lists)) =
        (shown.as_object_mut(), lists_with_sources(resolved, |source| json!(source)))
    {
        shown.extend(lists);
    }
    shown
}

/// The lists, and of what another file than the gate's own brought, where it comes from.
fn lists_with_sources(resolved: &Resolved, shown: impl Fn(&Source) -> Value) -> Value {
    let mut lists = lists(&resolved.settings);
    for (name, group) in lists["groups"].as_object_mut().into_iter().flatten() {
        resolved.source_of_group(name).into_iter().for_each(|source| group["source"] = shown(source));
    }
    for (place, one) in lists["override"].as_array_mut().into_iter().flatten().enumerate() {
        resolved.source_of_override(place).into_iter().for_each(|source| one["source"] = shown(source));
    }
    lists
}

fn show_to_people(resolved: &Resolved, out: &mut dyn Write) -> io::Result<()> {
    let file = resolved.file.as_deref().unwrap_or("no file");
    writeln!(out, "profile {}, {file}\n", resolved.profile.escape_debug())?;
    for setting in SETTINGS {
        let value = written(&setting.field.place.show(&resolved.settings).unwrap_or_default());
        writeln!(out, "{:31}{value:22}  {}", setting.name(), resolved.source(setting))?;
    }
    for (kind, tables) in
        lists_with_sources(resolved, |source| json!(source.to_string())).as_object().into_iter().flatten()
    {
        match tables {
            Value::Object(named) => {
                for (name, table) in named {
                    show_table(&format!("{kind}.{name}"), table, out)?;
                }
            }
            tables => show_list(kind, tables, out)?,
        }
    }
    Ok(())
}

/// A table, then the lists of tables in it.
fn show_table(path: &str, table: &Value, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n[{}]", path.escape_debug())?;
    show_keys(table, out)?;
    for (key, value) in table.as_object().into_iter().flatten().filter(|(_, value)| is_list_of_tables(value)) {
        show_list(&format!("{path}.{key}"), value, out)?;
    }
    Ok(())
}

fn show_list(path: &str, tables: &Value, out: &mut dyn Write) -> io::Result<()> {
    for table in tables.as_array().into_iter().flatten() {
        writeln!(out, "\n[[{}]]", path.escape_debug())?;
        show_keys(table, out)?;
    }
    Ok(())
}

fn show_keys(table: &Value, out: &mut dyn Write) -> io::Result<()> {
    for (key, value) in table.as_object().into_iter().flatten().filter(|(_, value)| !is_list_of_tables(value)) {
        writeln!(out, "  {key:28}{}", written(value))?;
    }
    Ok(())
}

fn is_list_of_tables(value: &Value) -> bool {
    value.as_array().and_then(|items| items.first()).is_some_and(Value::is_object)
}

fn print_json(value: &Value, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{value:#}")
}
