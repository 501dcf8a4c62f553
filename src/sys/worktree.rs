//! A checkout of another commit beside the one that is worked in. It goes with its value, on every way out; what a kill
//! left behind goes when the next one is made.

use std::io;
use std::process::Stdio;

use camino::{Utf8Path, Utf8PathBuf};

use super::git;
use super::host::{boot_id, is_alive};
use super::random::random;

/// How the folders begin that worktrees lie in. What follows says whose it is: the boot, the process, a random number.
const PREFIX: &str = "cargo-gate-worktree-";

/// Why there is no worktree.
#[derive(Debug, thiserror::Error)]
pub enum WorktreeError {
    /// The folder cannot be made, or git cannot be started.
    #[error("a worktree cannot be made: {0}")]
    Io(#[from] io::Error),
    /// git would not.
    #[error("git cannot make a worktree of {commit}: {why}")]
    Refused {
        /// Of what.
        commit: String,
        /// Its last words.
        why: String,
    },
}

/// The checkout. It is removed when this is dropped.
#[derive(Debug)]
pub struct Worktree {
    /// The checkout that it was made from.
    repository: Utf8PathBuf,
    folder: Utf8PathBuf,
    path: Utf8PathBuf,
}

impl Worktree {
    /// Checks a commit out in a temporary folder, without a branch and without running hooks. What others left behind
    /// that are gone is removed first.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be made, and where git refuses.
    pub fn add(repository: &Utf8Path, commit: &str) -> Result<Self, WorktreeError> {
        sweep(repository);
        let temporary =
            Utf8PathBuf::try_from(std::env::temp_dir()).map_err(|error| io::Error::other(error.to_string()))?;
        // The compiler names files by their real paths, and these are compared.
        let temporary = if cfg!(unix) { temporary.canonicalize_utf8()? } else { temporary };
        let folder = temporary.join(format!("{PREFIX}{}-{}-{:08x}", boot(), std::process::id(), random()));
        fs_err::create_dir(&folder)?;
        // From here on whatever was made is removed again.
        let worktree = Self { repository: repository.to_owned(), path: folder.join("tree"), folder };
        let output = git::command(repository)
            .args(["-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false"])
            .args(["worktree", "add", "--quiet", "--detach", worktree.path.as_str(), commit])
            .output()?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            let why = words.trim().lines().last().unwrap_or("it said nothing").to_owned();
            return Err(WorktreeError::Refused { commit: commit.to_owned(), why });
        }
        Ok(worktree)
    }

    /// Where it begins.
    #[must_use]
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        remove(&self.repository, &self.folder, &self.path);
    }
}

/// Removes a worktree with its folder, and what git knows of it. What cannot be removed now the next sweep may.
fn remove(repository: &Utf8Path, folder: &Utf8Path, path: &Utf8Path) {
    let mut command = git::command(repository);
    command.args(["worktree", "remove", "--force", "--force", path.as_str()]);
    let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let _ = fs_err::remove_dir_all(folder);
}

/// Removes worktrees of ours that nobody uses any more. Others are not touched, wherever they are.
fn sweep(repository: &Utf8Path) {
    let listed = git::command(repository).args(["worktree", "list", "--porcelain"]).output();
    let Ok(listed) = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()) else { return };
    for path in listed.lines().filter_map(|line| line.strip_prefix("worktree ")).map(Utf8Path::new) {
        let Some(folder) = path.parent().filter(|folder| folder.file_name().is_some_and(is_left_behind)) else {
            continue;
        };
        // One that is not there may be another machine's, which shares the repository.
        if folder.exists() {
            remove(repository, folder, path);
        }
    }
}

/// Is this the name of a folder of ours whose process is gone?
fn is_left_behind(name: &str) -> bool {
    let Some((of_boot, rest)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-')) else { return false };
    let Some(process) = rest.split('-').next().and_then(|number| number.parse().ok()) else { return false };
    of_boot != boot() || !is_alive(process, boot_id())
}

/// As much of the boot's name as tells two apart.
fn boot() -> &'static str {
    boot_id().and_then(|id| id.get(..8)).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Repository {
        _folder: tempfile::TempDir,
        path: Utf8PathBuf,
    }

    impl Repository {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = Utf8PathBuf::try_from(folder.path().to_owned()).unwrap();
            let repository = Self { _folder: folder, path };
            repository.git(&["init", "--quiet"]);
            repository.commit("first");
            repository
        }

        fn commit(&self, text: &str) {
            fs_err::write(self.path.join("file"), text).unwrap();
            self.git(&["add", "."]);
            let who = ["-c", "user.name=a", "-c", "user.email=a@b.example"];
            self.git(&[&who[..], &["commit", "--quiet", "--no-verify", "-m", text]].concat());
        }

        fn git(&self, arguments: &[&str]) -> String {
            let output = git::command(&self.path).args(arguments).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        }

        fn worktrees(&self) -> usize {
            self.git(&["worktree", "list", "--porcelain"]).matches("worktree ").count()
        }
    }

    #[test]
    fn a_worktree_holds_its_commit_and_goes_with_its_value() {
        let repository = Repository::new();
        repository.commit("second");
        let hook = repository.path.join(".git/hooks/post-checkout");
        fs_err::create_dir_all(hook.parent().unwrap()).unwrap();
        fs_err::write(&hook, "#!/bin/sh\ntouch \"$(git rev-parse --show-toplevel)/hooked\"\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs_err::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let worktree = Worktree::add(&repository.path, "HEAD~1").unwrap();
        let path = worktree.path().to_owned();
        assert_eq!(fs_err::read_to_string(path.join("file")).unwrap(), "first");
        assert!(!path.join("hooked").exists());
        assert_eq!(repository.worktrees(), 2);
        fs_err::write(path.join("left"), "by a build").unwrap();
        drop(worktree);
        assert!(!path.parent().unwrap().exists());
        assert_eq!(repository.worktrees(), 1);
    }

    #[test]
    fn it_goes_when_its_holder_panics_and_when_git_refuses() {
        let repository = Repository::new();
        let held = repository.path.clone();
        let path = std::thread::spawn(move || {
            let worktree = Worktree::add(&held, "HEAD").unwrap();
            std::panic::panic_any(worktree.path().to_owned());
        });
        let path = path.join().unwrap_err().downcast::<Utf8PathBuf>().unwrap();
        assert!(!path.parent().unwrap().exists());
        let refused = Worktree::add(&repository.path, "no-such-commit").unwrap_err().to_string();
        assert!(refused.starts_with("git cannot make a worktree of no-such-commit: "), "{refused}");
        assert_eq!(repository.worktrees(), 1);
    }

    #[test]
    fn what_a_kill_left_behind_goes_with_the_next_start_and_nothing_else_does() {
        let repository = Repository::new();
        let temporary = tempfile::tempdir().unwrap();
        let temporary = Utf8Path::from_path(temporary.path()).unwrap();
        let make = |name: &str| {
            let path = temporary.join(name).join("tree");
            repository.git(&["worktree", "add", "--quiet", "--detach", path.as_str()]);
            path
        };
        let dead = make(&format!("{PREFIX}otherboo-1-00000000"));
        let alive = make(&format!("{PREFIX}{}-{}-00000000", boot(), std::process::id()));
        let theirs = make("somebody-elses");
        let another = Worktree::add(&repository.path, "HEAD").unwrap();
        assert!(!dead.parent().unwrap().exists());
        for path in [&alive, &theirs, another.path()] {
            assert!(path.join("file").exists(), "{path}");
        }
        assert_eq!(repository.worktrees(), 4);
    }

    #[test]
    fn only_names_of_ours_are_left_behind() {
        for name in ["cargo-gate-worktree-", "cargo-gate-worktree-x", "cargo-gate-worktree-x-y-z", "tree", ""] {
            assert!(!is_left_behind(name), "{name}");
        }
    }
}
