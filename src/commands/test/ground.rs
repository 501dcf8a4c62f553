//! The workspace and its gate directory: asked of cargo beside everything else, and waited for where it is needed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use camino::Utf8PathBuf;

use super::Refused;
use crate::cargo::workspace::{Error, Workspace};
use crate::commands::stage::Stage;
use crate::config::PLACES;
use crate::exit_code::ExitCode;
use crate::history::place::gate_dir;

/// What is known once cargo has answered.
#[derive(Debug)]
pub(in crate::commands) struct Ground {
    pub(in crate::commands) workspace: Workspace,
    pub(in crate::commands) gate_dir: Utf8PathBuf,
}

/// The same, perhaps still to come.
#[derive(Debug)]
pub(in crate::commands) struct LateGround {
    asked: Mutex<Option<JoinHandle<Result<Workspace, Error>>>>,
    answered: OnceLock<Result<Workspace, Refused>>,
    target_dir: Option<PathBuf>,
    /// Where the gate directory is, whatever the settings say.
    gate_dir: Option<Utf8PathBuf>,
    ground: OnceLock<Result<Ground, Refused>>,
}

impl LateGround {
    /// Asks cargo, in a thread of its own.
    pub(in crate::commands) fn ask(
        stage: Stage,
        cargo: OsString,
        flags: Vec<OsString>,
        target_dir: Option<PathBuf>,
    ) -> Self {
        let gate_dir = stage.step.as_ref().map(|step| step.gate_dir.clone());
        let target_dir = target_dir.map(|dir| stage.cwd.join(dir));
        let asked = std::thread::spawn(move || Workspace::query_from(&stage.cwd, &stage.env, &cargo, &flags));
        let asked = Mutex::new(Some(asked));
        Self { asked, answered: OnceLock::new(), target_dir, gate_dir, ground: OnceLock::new() }
    }

    /// The workspace; waits for cargo's answer.
    pub(in crate::commands) fn workspace(&self) -> Result<&Workspace, Refused> {
        let answered = self.answered.get_or_init(|| {
            let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).take();
            let answer = asked.and_then(|asked| asked.join().ok());
            let answer =
                answer.ok_or_else(|| Refused::new(ExitCode::Internal, "cargo could not be asked for the workspace"))?;
            let mut workspace = answer.map_err(|error| Refused::new(error.exit_code(), error.to_string()))?;
            if let Some(dir) = &self.target_dir {
                workspace.set_target_dir(dir);
            }
            Ok(workspace)
        });
        answered.as_ref().map_err(Refused::clone)
    }

    /// The workspace with its gate directory, where the settings put it; waits for cargo's answer.
    pub(in crate::commands) fn ground(&self, store_dir: Option<&camino::Utf8Path>) -> Result<&Ground, Refused> {
        let ground = self.ground.get_or_init(|| {
            let workspace = self.workspace()?.clone();
            let settled = self.gate_dir.clone();
            let gate_dir = settled.unwrap_or_else(|| gate_dir(&workspace.target_dir, &workspace.root, store_dir));
            Ok(Ground { workspace, gate_dir })
        });
        ground.as_ref().map_err(Refused::clone)
    }
}

/// May the workspace of this directory have a configuration file? Its root is this directory or one above, so where
/// no file is on the way up, nothing need be waited for.
pub(in crate::commands) fn may_have_config(from: &Path) -> bool {
    from.ancestors().any(|dir| PLACES.iter().any(|place| dir.join(place).symlink_metadata().is_ok()))
}
