//! Where a command that builds nothing looks: the workspace, its settings, and its gate directory.

use std::ffi::OsString;

use camino::{Utf8Path, Utf8PathBuf};

use super::complain;
use super::keeping::{self, History, Pace};
use crate::cargo::workspace::{self, Workspace};
use crate::cli::PlaceArgs;
use crate::config::{ConfigFile, Layers, Resolved, Settings};
use crate::exit_code::ExitCode;
use crate::history::place::gate_dir;
use crate::history::store::StoreError;
use crate::sys::git;
use crate::sys::term::{ColorChoice, Output, Surroundings};

/// The workspace, its settings, and its gate directory.
pub(super) struct Place {
    pub(super) workspace: Workspace,
    pub(super) resolved: Resolved,
    pub(super) gate_dir: Utf8PathBuf,
}

impl Place {
    /// Finds them. What goes wrong has been said by then.
    pub(super) fn find(args: &PlaceArgs, flags: &[(&'static str, &str)]) -> Result<Self, ExitCode> {
        set_colors(args);
        let workspace = find_workspace(args)?;
        let resolved = resolve(args, Some(&workspace.root), flags)?;
        let dir = gate_dir(&workspace.target_dir, &workspace.root, resolved.settings.store.dir.as_deref());
        Ok(Self { workspace, resolved, gate_dir: dir })
    }

    /// The gate directory, whatever is wrong with the configuration, where there is one: a report in it would mislead.
    pub(super) fn gate_dir_despite_mistakes(args: &PlaceArgs, flags: &[(&'static str, &str)]) -> Option<Utf8PathBuf> {
        let workspace = query(args).ok()?;
        let (file, variables) = (ConfigFile::load(&workspace.root).ok().flatten(), variables());
        let layers = Layers { file: file.as_ref(), variables: &variables, flags, ..Layers::default() };
        let store_dir = Resolved::store_dir_despite_mistakes(&layers);
        Some(gate_dir(&workspace.target_dir, &workspace.root, store_dir.as_deref())).filter(|dir| dir.is_dir())
    }

    /// Its history.
    pub(super) fn history(&self) -> keeping::Of<'_> {
        let settings = &self.settings().store;
        keeping::Of { gate_dir: &self.gate_dir, workspace: self.workspace.name(), settings }
    }

    /// Opens its history for recording.
    pub(super) fn open(&self) -> Result<History, StoreError> {
        self.history().open(Pace::of_a_command())
    }

    /// Opens its history for reading what is there; none where nothing ever was.
    pub(super) fn open_existing(&self) -> Result<Option<History>, StoreError> {
        self.history().open_existing(Pace::of_a_command())
    }

    /// The settings in force.
    pub(super) const fn settings(&self) -> &Settings {
        &self.resolved.settings
    }

    /// The commit that a text stands for: the one that git takes it for, else, where it looks like the beginning of a
    /// commit's name, just that: a shallow clone does not have them all.
    pub(super) fn commit(&self, text: &str) -> Option<String> {
        let is_name = text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        git::resolve(&self.workspace.root, text).or_else(|| is_name.then(|| text.to_ascii_lowercase()))
    }
}

/// Says why a store could not do what it was asked.
pub(super) fn store_code(error: StoreError) -> ExitCode {
    complain("error", &error.to_string());
    match error {
        StoreError::NoSuchRun(_) | StoreError::Ambiguous(_) => ExitCode::Usage,
        _ => ExitCode::Internal,
    }
}

/// Decides once whether what goes to standard output is coloured.
pub(super) fn set_colors(args: &PlaceArgs) {
    console::set_colors_enabled(Surroundings::read().color(color_choice(args.color.as_deref()), Output::Stdout));
}

/// `--color`.
pub(super) fn color_choice(flag: Option<&str>) -> ColorChoice {
    match flag {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

/// The cargo that called us, or else the one that is found.
pub(super) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Asks cargo for the workspace.
pub(super) fn find_workspace(args: &PlaceArgs) -> Result<Workspace, ExitCode> {
    query(args).map_err(|error| refuse(&error))
}

/// The same, saying nothing.
pub(super) fn query(args: &PlaceArgs) -> Result<Workspace, workspace::Error> {
    let flags: Vec<OsString> =
        args.manifest_path.iter().flat_map(|path| ["--manifest-path".into(), path.clone().into()]).collect();
    let mut workspace = Workspace::query(&cargo(), &flags)?;
    if let Some(dir) = &args.target_dir {
        workspace.set_target_dir(dir);
    }
    Ok(workspace)
}

/// cargo could not tell of the workspace: says why.
fn refuse(error: &workspace::Error) -> ExitCode {
    complain("error", &error.to_string());
    error.exit_code()
}

/// The settings in force, in a workspace or outside of any. What goes wrong has been said by then.
pub(super) fn resolve(
    args: &PlaceArgs,
    root: Option<&Utf8Path>,
    flags: &[(&'static str, &str)],
) -> Result<Resolved, ExitCode> {
    let refuse = |errors: crate::config::ConfigErrors| {
        errors.all().iter().for_each(|error| complain("error", &error.to_string()));
        errors.exit_code()
    };
    let file = root.map(ConfigFile::load).transpose().map_err(refuse)?.flatten();
    let (variables, profile) = (variables(), args.gate_profile.as_deref());
    let layers = Layers { file: file.as_ref(), variables: &variables, profile, flags, ..Layers::default() };
    let mut resolved = Resolved::from_layers(&layers).map_err(refuse)?;
    if let Some(root) = root {
        resolved = resolved.with_nextest(&layers, root, &[]).map_err(refuse)?;
    }
    resolved.warnings.iter().for_each(|warning| complain("warning", &warning.text));
    Ok(resolved)
}

/// The environment.
pub(super) fn variables() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}
