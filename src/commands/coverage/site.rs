//! Where coverage is judged: the workspace, its packages in scope, what is checked out.

use camino::{Utf8Path, Utf8PathBuf};

use super::left_out;
use crate::cargo::workspace::Workspace;
use crate::commands::stage::Stage;
use crate::commands::test::{Asked, Ground, Refused};
use crate::coverage::ratchet::Standing;
use crate::exit_code::ExitCode;
use crate::history::record;
use crate::model::Context;
use crate::sys::git;

/// Everything about the place that judging needs.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) root: Utf8PathBuf,
    pub(super) target_dir: Utf8PathBuf,
    pub(super) gate_dir: Utf8PathBuf,
    /// The root of the workspace that the ratchet belongs to: of a worktree, the one that it was made from.
    pub(super) home: Utf8PathBuf,
    /// Name and folder relative to the root of every package.
    pub(super) packages: Vec<(String, Utf8PathBuf)>,
    /// Do some of them run while others are built?
    pub(super) runs_in_builds: bool,
    pub(super) context: Context,
    pub(super) toolchain: String,
    pub(super) commit: Option<String>,
    pub(super) is_dirty: bool,
    has_git: bool,
    branch: Option<String>,
    default_branch: Option<String>,
    is_pull_request: bool,
}

impl Site {
    /// Looks at the workspace and at git.
    pub(super) fn of(asked: &Asked) -> Result<Self, Refused> {
        let Ground { workspace, gate_dir } = asked.ground()?;
        let toolchain = asked.rustc.lines().next().unwrap_or_default();
        Ok(Self::at((workspace, gate_dir), &asked.stage, asked.found_context()?, toolchain))
    }

    /// The same of a workspace with its gate directory, for what was built in a context by a toolchain.
    pub(super) fn at(
        (workspace, gate_dir): (&Workspace, &Utf8Path),
        stage: &Stage,
        context: Context,
        toolchain: &str,
    ) -> Self {
        let env = |name: &str| stage.variable(name).filter(|value| !value.is_empty());
        let checkout = git::read_checkout(&workspace.root);
        let ci = record::ci(&env);
        let origin = stage.origin();
        let of_origin = || origin.and_then(|origin| origin.branch.clone());
        Self {
            root: workspace.root.clone(),
            target_dir: workspace.target_dir.clone(),
            gate_dir: gate_dir.to_owned(),
            home: origin.map_or(&workspace.root, |origin| &origin.root).clone(),
            packages: left_out::packages(workspace),
            runs_in_builds: workspace.runs_in_builds,
            context,
            toolchain: toolchain.to_owned(),
            is_dirty: checkout.as_ref().is_some_and(git::Checkout::is_dirty),
            has_git: checkout.is_some(),
            commit: checkout.as_ref().and_then(|checkout| checkout.commit.clone()),
            branch: ci.branch.or_else(|| checkout.and_then(|checkout| checkout.branch)).or_else(of_origin),
            default_branch: env("CI_DEFAULT_BRANCH").or_else(|| git::default_branch(&workspace.root)),
            is_pull_request: ["GITHUB_HEAD_REF", "CI_MERGE_REQUEST_IID", "CHANGE_ID"]
                .iter()
                .any(|name| env(name).is_some())
                || env("BUILDKITE_PULL_REQUEST").is_some_and(|number| number != "false")
                || env("SYSTEM_PULLREQUEST_PULLREQUESTID").is_some(),
        }
    }

    /// Where the measurement takes place, as the ratchet asks.
    pub(super) fn standing(&self) -> Standing<'_> {
        Standing {
            has_git: self.has_git,
            branch: self.branch.as_deref(),
            default_branch: self.default_branch.as_deref(),
            is_pull_request: self.is_pull_request,
        }
    }

    /// Packages as names and folders.
    pub(super) fn folders(&self) -> Vec<(&str, &Utf8Path)> {
        self.packages.iter().map(|(name, folder)| (name.as_str(), folder.as_path())).collect()
    }
}

/// **R7**: the selected packages, where none of them belongs to the gate.
pub(super) fn out_of_scope(asked: &Asked) -> Result<Option<Vec<String>>, Refused> {
    let scope = &asked.settings().scope.packages;
    let flags = &asked.build.flags;
    let mut selected: Vec<String> = match flags.package.as_slice() {
        [] => asked.ground()?.workspace.packages.values().map(|package| package.name.clone()).collect(),
        named => named.iter().map(|spec| spec.split(['@', ':']).next().unwrap_or(spec).to_owned()).collect(),
    };
    selected.retain(|name| !flags.exclude.contains(name));
    let is_outside = !selected.is_empty() && !selected.iter().any(|name| scope.is_match(name));
    Ok(is_outside.then_some(selected))
}

/// A workspace that cannot be looked at.
pub(super) fn internal(why: impl Into<String>) -> Refused {
    Refused::new(ExitCode::Internal, why)
}
