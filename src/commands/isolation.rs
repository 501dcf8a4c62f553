//! Steps of a pipeline apart from what is being worked on: in a worktree of the commit, built in a target directory that
//! no other run uses meanwhile.
//!
//! That directory lies below the workspace's own and stays: dependencies are built once, as they are for `baseline-ref`.
//! Members are built each time, since the files of a checkout are new. Where another isolated run is under way, the next
//! directory is taken: test binaries of two commits bear the same names.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::stage::Origin;
use crate::sys::fs::{self, Lock};
use crate::sys::git;
use crate::sys::signals::Signals;
use crate::sys::worktree::{Worktree, WorktreeError};

/// How many target directories are kept for runs side by side; beyond that each run builds from nothing.
const SIDE_BY_SIDE: usize = 8;

/// A worktree with its workspace and its target directory. It goes when this is dropped.
#[derive(Debug)]
pub(super) struct Isolated {
    worktree: Worktree,
    /// The root of the workspace in it.
    pub(super) root: Utf8PathBuf,
    /// What it was made from.
    pub(super) origin: Origin,
    /// How many changed and untracked files are not in it.
    pub(super) left_out: usize,
    target_dir: Utf8PathBuf,
    _lock: Option<Lock>,
}

/// Why steps cannot run apart.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotIsolated {
    /// There is no commit to check out.
    #[error("`isolate = \"worktree\"` needs a git repository with a commit in it")]
    NoCommit,
    /// git, or the disk.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
    /// The commit does not hold the workspace.
    #[error("there is no Cargo.toml at `{0}` in the commit: is it committed?")]
    NoWorkspace(Utf8PathBuf),
}

impl NotIsolated {
    /// May it work the next time, without anything in the code being changed?
    pub(super) fn is_retriable(&self) -> bool {
        matches!(self, Self::Worktree(error) if error.is_retriable())
    }

    /// Did the user ask for an end meanwhile?
    pub(super) const fn is_interrupted(&self) -> bool {
        matches!(self, Self::Worktree(WorktreeError::Interrupted))
    }
}

impl Isolated {
    /// Checks out what a workspace's HEAD names.
    pub(super) fn enter(root: &Utf8Path, target_dir: &Utf8Path, signals: &Signals) -> Result<Self, NotIsolated> {
        let checkout = git::read_checkout(root).ok_or(NotIsolated::NoCommit)?;
        let left_out = checkout.changed.len();
        let commit = checkout.commit.ok_or(NotIsolated::NoCommit)?;
        let way = git::way_from_root(root).unwrap_or_default();
        let worktree = Worktree::add(root, &commit, signals)?;
        let there = if way.as_str().is_empty() { worktree.path().to_owned() } else { worktree.path().join(&way) };
        if !there.join("Cargo.toml").exists() {
            return Err(NotIsolated::NoWorkspace(way.join("Cargo.toml")));
        }
        let (target_dir, lock) = target_dir_of_its_own(target_dir, &there);
        let origin = Origin { root: root.to_owned(), branch: checkout.branch };
        Ok(Self { worktree, root: there, origin, left_out, target_dir, _lock: lock })
    }

    /// What every step in it must see, whatever cargo's configuration says.
    pub(super) fn variables(&self) -> Vec<(OsString, OsString)> {
        let dir = || self.target_dir.as_os_str().to_owned();
        ["CARGO_TARGET_DIR", "CARGO_BUILD_BUILD_DIR"].map(|name| (name.into(), dir())).into()
    }

    /// Hands the worktree over to the user, and gives where it is.
    pub(super) fn keep(self) -> io::Result<Utf8PathBuf> {
        self.worktree.keep()
    }
}

/// A directory that nobody else builds in meanwhile, with what says so.
fn target_dir_of_its_own(target_dir: &Utf8Path, root: &Utf8Path) -> (Utf8PathBuf, Option<Lock>) {
    let dirs = (0..SIDE_BY_SIDE).map(|number| target_dir.join("gate-worktree").join(number.to_string()));
    let free = |dir: Utf8PathBuf| {
        let lock = fs::lock(dir.with_extension("lock").as_std_path(), Duration::ZERO).ok()?;
        Some((dir, Some(lock)))
    };
    let mut dirs = dirs.filter_map(free);
    dirs.next().unwrap_or_else(|| (root.join("target"), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(directory: &Utf8Path, arguments: &[&str]) {
        let who = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "init.defaultBranch=main"];
        let mut command = std::process::Command::new("git");
        for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            command.env_remove(variable);
        }
        let output = command.args(who).args(arguments).current_dir(directory).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn enter(root: &Utf8Path) -> Result<Isolated, NotIsolated> {
        Isolated::enter(root, &root.join("target"), &Signals::none())
    }

    #[test]
    fn r24_a_workspace_is_checked_out_as_it_is_committed_and_goes_again() {
        let folder = tempfile::tempdir().unwrap();
        let top = Utf8Path::from_path(folder.path()).unwrap();
        let root = top.join("deep/app");
        fs_err::create_dir_all(&root).unwrap();
        assert!(matches!(enter(&root), Err(NotIsolated::NoCommit)));
        git(top, &["init", "--quiet"]);
        assert!(matches!(enter(&root), Err(NotIsolated::NoCommit)));
        fs_err::write(top.join(".gitignore"), "target\n").unwrap();
        git(top, &["add", "."]);
        git(top, &["commit", "--quiet", "-m", "none"]);
        fs_err::write(root.join("Cargo.toml"), "[workspace]").unwrap();
        let error = enter(&root).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no Cargo.toml at `deep/app/Cargo.toml` in the commit: is it committed?"
        );
        assert!(!error.is_retriable() && !error.is_interrupted());
        git(top, &["add", "."]);
        git(top, &["commit", "--quiet", "-m", "one"]);
        fs_err::write(root.join("new"), "").unwrap();

        let isolated = enter(&root).unwrap();
        assert!(isolated.root.ends_with("deep/app") && isolated.root.join("Cargo.toml").exists());
        assert!(!isolated.root.join("new").exists());
        assert_eq!((isolated.left_out, isolated.origin.branch.as_deref()), (1, Some("main")));
        assert_eq!(isolated.origin.root, root);
        let gone = isolated.root.clone();
        drop(isolated);
        assert!(!gone.exists());
    }

    #[test]
    fn two_at_a_time_never_build_in_one_directory_and_later_ones_find_what_was_built() {
        let folder = tempfile::tempdir().unwrap();
        let target = Utf8Path::from_path(folder.path()).unwrap();
        let take = || target_dir_of_its_own(target, "/there".into());
        let (first, second) = (take(), take());
        assert_eq!(first.0, target.join("gate-worktree/0"));
        assert_eq!(second.0, target.join("gate-worktree/1"));
        drop(first);
        let again = take();
        assert_eq!(again.0, target.join("gate-worktree/0"));
        let rest: Vec<_> = (2..SIDE_BY_SIDE).map(|_| take()).collect();
        assert!(rest.iter().all(|(dir, _)| dir.starts_with(target)));
        assert_eq!(take().0, "/there/target");
    }
}
