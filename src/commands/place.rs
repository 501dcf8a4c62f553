//! Commands that look at a workspace without building it: they find its root, its settings and its store.

use std::ffi::OsString;
use std::io::{self, Write};

use jiff::Timestamp;

use super::history::{self as verbs, HistoryError, ListOptions, PruneOptions, ShowOptions};
use super::{complain, config as config_verbs};
use crate::cargo::workspace::{self, Workspace};
use crate::cli::{CommonArgs, ConfigAction, Format, HistoryAction};
use crate::config::{ConfigFile, Layers, Resolved};
use crate::exit_code::ExitCode;
use crate::history::place::gate_dir;
use crate::history::sqlite::SqliteStore;
use crate::history::store::{Page, Prune, Retention, RunFilter, StoreError};
use crate::sys::term::{ColorChoice, Output, Surroundings};

/// `cargo gate history …`
pub(super) fn history(action: &HistoryAction) -> ExitCode {
    let common = match action {
        HistoryAction::List { common, .. }
        | HistoryAction::Show { common, .. }
        | HistoryAction::Stats { common }
        | HistoryAction::Prune { common, .. }
        | HistoryAction::Undo { common, .. } => common,
    };
    let flags = match action {
        HistoryAction::Prune { keep, .. } => keep.given(),
        _ => Vec::new(),
    };
    set_colors(common);
    let opened = find(common).and_then(|workspace| {
        let resolved = resolve(common, &workspace, &flags)?;
        let dir = gate_dir(&workspace.target_dir, &workspace.root, resolved.settings.store.dir.as_deref());
        Ok((resolved, SqliteStore::open_existing(&dir).map_err(store_code)?))
    });
    match opened {
        Ok((_, None)) => {
            complain("note", "nothing is on record yet: `cargo gate test` begins the history");
            ExitCode::Pass
        }
        Ok((resolved, Some(mut store))) => {
            let mut out = io::stdout().lock();
            let done = act(action, &resolved, &mut store, &mut out, common.format);
            for warning in crate::history::store::Store::take_warnings(&mut store) {
                complain("warning", &warning);
            }
            finish(done)
        }
        Err(code) => code,
    }
}

fn act(
    action: &HistoryAction,
    resolved: &Resolved,
    store: &mut SqliteStore,
    out: &mut dyn Write,
    format: Format,
) -> Result<(), HistoryError> {
    match action {
        HistoryAction::List { limit, .. } => {
            let page = Page::first(u64::try_from(*limit).unwrap_or(u64::MAX));
            verbs::list(store, &ListOptions { filter: RunFilter::default(), page }, out, format)
        }
        HistoryAction::Show { run, .. } => {
            verbs::show(store, &ShowOptions { run: run.clone(), all: false }, out, format)
        }
        HistoryAction::Stats { .. } => verbs::stats(store, &RunFilter::default(), out, format),
        HistoryAction::Prune { dry_run, .. } => {
            let settings = &resolved.settings.store;
            let since = settings.max_age.and_then(|age| Timestamp::now().checked_sub(age).ok());
            let keep = Retention { since, count: settings.max_runs, bytes: settings.max_size, context: None };
            let prune = if *dry_run { Prune::Plan } else { Prune::Delete };
            verbs::prune(store, &PruneOptions { keep, prune }, out, format)
        }
        HistoryAction::Undo { run, .. } => verbs::undo(store, run, out, format),
    }
}

fn finish(done: Result<(), HistoryError>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::Pass,
        // Whoever closed the pipe has read enough.
        Err(HistoryError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::Pass,
        Err(HistoryError::Store(error)) => store_code(error),
        Err(error) => {
            complain("error", &error.to_string());
            ExitCode::Internal
        }
    }
}

fn store_code(error: StoreError) -> ExitCode {
    complain("error", &error.to_string());
    match error {
        StoreError::NoSuchRun(_) => ExitCode::Usage,
        _ => ExitCode::Internal,
    }
}

/// `cargo gate config …`
pub(super) fn config(action: &ConfigAction) -> ExitCode {
    let root = match action {
        ConfigAction::Show { common } => {
            set_colors(common);
            match find(common) {
                Ok(workspace) => workspace.root,
                Err(code) => return code,
            }
        }
        ConfigAction::Schema => camino::Utf8PathBuf::new(),
    };
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    match config_verbs::run(action, &root, &variables(), &mut out, &mut err) {
        Ok(code) => code,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::Pass,
        Err(error) => {
            complain("error", &error.to_string());
            ExitCode::Internal
        }
    }
}

fn set_colors(common: &CommonArgs) {
    let choice = match common.color.as_deref() {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    };
    console::set_colors_enabled(Surroundings::read().color(choice, Output::Stdout));
}

fn find(common: &CommonArgs) -> Result<Workspace, ExitCode> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let flags: Vec<OsString> =
        common.manifest_path.iter().flat_map(|path| ["--manifest-path".into(), path.clone().into()]).collect();
    let mut workspace = Workspace::query(&cargo, &flags).map_err(|error| refuse(&error))?;
    if let Some(dir) = &common.target_dir {
        workspace.set_target_dir(dir);
    }
    Ok(workspace)
}

/// cargo could not tell of the workspace: says why.
fn refuse(error: &workspace::Error) -> ExitCode {
    complain("error", &error.to_string());
    error.exit_code()
}

fn resolve(common: &CommonArgs, workspace: &Workspace, flags: &[(&'static str, &str)]) -> Result<Resolved, ExitCode> {
    let refuse = |errors: crate::config::ConfigErrors| {
        errors.all().iter().for_each(|error| complain("error", &error.to_string()));
        errors.exit_code()
    };
    let file = ConfigFile::load(&workspace.root).map_err(refuse)?;
    let (variables, profile) = (variables(), common.gate_profile.as_deref());
    let layers = Layers { file: file.as_ref(), variables: &variables, profile, flags };
    let resolved = Resolved::from_layers(&layers).map_err(refuse)?;
    resolved.warnings.iter().for_each(|warning| complain("warning", &warning.text));
    Ok(resolved)
}

fn variables() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}
