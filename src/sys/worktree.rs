//! A checkout of another commit beside the one that is worked in. It goes with its value, on every way out; what a kill
//! left behind goes when the next one is made.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::git;
use super::host::{boot_id, is_alive};
use super::process;
use super::random::random;
use super::signals::Signals;
use super::trouble::{Trouble, told_by};

/// How the folders begin that worktrees lie in. What follows says whose it is: the boot, the process, a random number.
const PREFIX: &str = "cargo-gate-worktree-";

/// The folder of the checkout in its folder.
const TREE: &str = "tree";

/// Why a worktree is locked that the user has taken over.
const KEPT: &str = "kept by cargo gate";

/// How long git may take to tidy up when it is asked to end.
const GRACE: Duration = Duration::from_secs(5);

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
        /// Its words that say so.
        why: String,
        /// Something that may not be in its way the next time.
        trouble: Option<Trouble>,
    },
    /// The user asked for an end.
    #[error("interrupted while git made a worktree")]
    Interrupted,
}

impl WorktreeError {
    /// May it be there the next time, without anything in the code being changed?
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Refused { trouble, .. } => trouble.is_some(),
            Self::Io(error) => matches!(
                error.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::ResourceBusy
                    | io::ErrorKind::WouldBlock
                    | io::ErrorKind::OutOfMemory
            ),
            Self::Interrupted => false,
        }
    }

    /// What git said of a commit. Its first complaint is the one that says why; what follows is advice.
    fn of(commit: &str, words: &str) -> Self {
        let complains = |line: &&str| line.starts_with("fatal: ") || line.starts_with("error: ");
        let mut said = words.lines().map(str::trim).filter(|line| !line.is_empty());
        let why = said.clone().find(complains).or_else(|| said.next_back()).unwrap_or("it said nothing");
        Self::Refused { commit: commit.to_owned(), why: why.to_owned(), trouble: told_by(words) }
    }
}

/// The checkout. It is removed when this is dropped.
#[derive(Debug)]
pub struct Worktree {
    /// The checkout that it was made from.
    repository: Utf8PathBuf,
    folder: Utf8PathBuf,
    path: Utf8PathBuf,
    is_kept: bool,
}

impl Worktree {
    /// Checks a commit out in a temporary folder, without a branch and without running hooks. What others left behind
    /// that are gone is removed first.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be made, where git refuses, and where the user asks for an end meanwhile.
    pub fn add(repository: &Utf8Path, commit: &str, signals: &Signals) -> Result<Self, WorktreeError> {
        sweep(repository);
        let folder = temporary()?.join(format!("{PREFIX}{}-{}-{:08x}", boot(), std::process::id(), random()));
        fs_err::create_dir(&folder)?;
        // From here on whatever was made is removed again.
        let (repository, path) = (repository.to_owned(), folder.join(TREE));
        let worktree = Self { repository, path, folder, is_kept: false };
        let no_hooks = ["-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false"];
        let add = ["worktree", "add", "--quiet", "--detach", worktree.path.as_str(), commit];
        let launch = git::launch(&worktree.repository, &[&no_hooks[..], &add].concat());
        let mut words = Vec::new();
        let mut hear = |_, heard: &[u8]| words.extend_from_slice(heard);
        match process::follow(&launch, None, GRACE, signals, &mut hear) {
            Ok(followed) if followed.ending.is_success() => Ok(worktree),
            Ok(_) => Err(WorktreeError::of(commit, &String::from_utf8_lossy(&words))),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(WorktreeError::Interrupted),
            Err(error) => Err(error.into()),
        }
    }

    /// Where it begins.
    #[must_use]
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Hands it over to the user: it is not removed, now or later. Gives where it is.
    ///
    /// # Errors
    ///
    /// Where git cannot take note of that; then it is removed.
    pub fn keep(mut self) -> io::Result<Utf8PathBuf> {
        let mut command = git::command(&self.repository);
        let output = command.args(["worktree", "lock", "--reason", KEPT, self.path.as_str()]).output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        self.is_kept = true;
        Ok(self.path.clone())
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        if !self.is_kept {
            remove(&self.repository, &self.folder, &self.path);
        }
    }
}

/// Where temporary files lie. The compiler names files by their real paths, and these are compared.
fn temporary() -> io::Result<Utf8PathBuf> {
    let temporary = Utf8PathBuf::try_from(std::env::temp_dir()).map_err(|error| io::Error::other(error.to_string()))?;
    if cfg!(unix) { temporary.canonicalize_utf8() } else { Ok(temporary) }
}

/// Removes a worktree with its folder, and what git knows of it. What cannot be removed now the next sweep may.
fn remove(repository: &Utf8Path, folder: &Utf8Path, path: &Utf8Path) {
    let removed = || {
        let mut command = git::command(repository);
        command.args(["worktree", "remove", "--force", "--force", path.as_str()]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let is_removed = removed();
    let _ = fs_err::remove_dir_all(folder);
    if !is_removed {
        // git removes no checkout that it did not come to the end of, but forgets one that is gone.
        removed();
    }
}

/// Removes worktrees of ours that nobody uses any more, and that nobody took over. Others are not touched, wherever they
/// are.
pub fn sweep(repository: &Utf8Path) {
    let listed = git::command(repository).args(["worktree", "list", "--porcelain"]).output();
    let listed = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    for (folder, path) in left_behind(&listed) {
        // One that is not there may be another machine's, which shares the repository.
        if folder.exists() {
            remove(repository, folder, path);
        }
    }
    // Whoever was killed before git began left a folder that no repository knows.
    let Some(entries) = temporary().ok().and_then(|dir| dir.read_dir_utf8().ok()) else { return };
    for entry in entries.flatten().filter(|entry| is_left_behind(entry.file_name())) {
        // One that is not empty is some repository's.
        let _ = fs_err::remove_dir(entry.path());
    }
}

/// Folders and paths of the worktrees in a list of git's that were left behind and may be removed.
fn left_behind(listed: &str) -> impl Iterator<Item = (&Utf8Path, &Utf8Path)> {
    listed.split("\n\n").filter_map(|block| {
        let path = Utf8Path::new(block.lines().find_map(|line| line.strip_prefix("worktree "))?);
        let folder = path.parent().filter(|folder| folder.file_name().is_some_and(is_left_behind))?;
        let is_kept = block.lines().any(|line| line.strip_prefix("locked ") == Some(KEPT));
        (!is_kept).then_some((folder, path))
    })
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
        let worktree = Worktree::add(&repository.path, "HEAD~1", &Signals::none()).unwrap();
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
            let worktree = Worktree::add(&held, "HEAD", &Signals::none()).unwrap();
            std::panic::panic_any(worktree.path().to_owned());
        });
        let path = path.join().unwrap_err().downcast::<Utf8PathBuf>().unwrap();
        assert!(!path.parent().unwrap().exists());
        let refused = Worktree::add(&repository.path, "no-such-commit", &Signals::none()).unwrap_err();
        assert!(!refused.is_retriable());
        let refused = refused.to_string();
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
        let another = Worktree::add(&repository.path, "HEAD", &Signals::none()).unwrap();
        assert!(!dead.parent().unwrap().exists());
        for path in [&alive, &theirs, another.path()] {
            assert!(path.join("file").exists(), "{path}");
        }
        assert_eq!(repository.worktrees(), 4);
    }

    #[test]
    fn one_that_git_did_not_come_to_the_end_of_goes_too() {
        let repository = Repository::new();
        let temporary = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(temporary.path()).unwrap().join(format!("{PREFIX}otherboo-1-00000000"));
        let path = folder.join(TREE);
        repository.git(&["worktree", "add", "--quiet", "--detach", path.as_str()]);
        repository.git(&["worktree", "lock", "--reason", "initializing", path.as_str()]);
        fs_err::remove_file(path.join(".git")).unwrap();
        sweep(&repository.path);
        assert!(!folder.exists());
        assert_eq!(repository.worktrees(), 1);
    }

    #[test]
    fn one_that_is_kept_stays_for_good() {
        let repository = Repository::new();
        let worktree = Worktree::add(&repository.path, "HEAD", &Signals::none()).unwrap();
        let path = worktree.keep().unwrap();
        assert!(path.join("file").exists());
        let listed = repository.git(&["worktree", "list", "--porcelain"]);
        let other_boot = listed.replace(&format!("{PREFIX}{}", boot()), &format!("{PREFIX}otherboo"));
        assert_ne!(listed, other_boot);
        assert_eq!(left_behind(&other_boot).count(), 0);
        let unlocked = other_boot.replace(KEPT, "by somebody");
        assert_eq!(left_behind(&unlocked).count(), 1);
        repository.git(&["worktree", "remove", "--force", "--force", path.as_str()]);
        fs_err::remove_dir(path.parent().unwrap()).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn an_end_that_is_asked_for_meanwhile_leaves_nothing() {
        let repository = Repository::new();
        repository.git(&["config", "filter.slow.smudge", "sleep 60"]);
        fs_err::write(repository.path.join(".gitattributes"), "file filter=slow").unwrap();
        repository.commit("second");
        let signals = Signals::none();
        let adding = std::thread::spawn({
            let (path, signals) = (repository.path.clone(), signals.clone());
            move || Worktree::add(&path, "HEAD", &signals).map(|worktree| worktree.path().to_owned())
        });
        while repository.worktrees() == 1 {
            std::thread::sleep(Duration::from_millis(10));
        }
        signals.ask_for_an_end();
        assert!(matches!(adding.join().unwrap(), Err(WorktreeError::Interrupted)));
        assert_eq!(repository.worktrees(), 1);
    }

    #[test]
    fn what_is_in_the_way_for_now_is_told_from_what_stays() {
        for (words, why, is_retriable) in [
            (
                "fatal: Unable to create '/r/.git/worktrees/tree/index.lock': File exists.\n\nAnother git process seems \
                 to be running in this repository, e.g.\nan editor. Please make sure all processes\nare terminated.",
                "fatal: Unable to create '/r/.git/worktrees/tree/index.lock': File exists.",
                true,
            ),
            (
                "error: unable to write file src/lib.rs: No space left on device\nfatal: Could not reset index file",
                "error: unable to write file src/lib.rs: No space left on device",
                true,
            ),
            (
                "fatal: unable to access 'https://x/': Could not resolve host: x",
                "fatal: unable to access 'https://x/': Could not resolve host: x",
                true,
            ),
            ("fatal: invalid reference: nope", "fatal: invalid reference: nope", false),
            ("", "it said nothing", false),
        ] {
            let error = WorktreeError::of("abc", words);
            assert_eq!(error.to_string(), format!("git cannot make a worktree of abc: {why}"));
            assert_eq!(error.is_retriable(), is_retriable, "{words}");
        }
        assert!(WorktreeError::from(io::Error::from(io::ErrorKind::StorageFull)).is_retriable());
        assert!(!WorktreeError::from(io::Error::from(io::ErrorKind::PermissionDenied)).is_retriable());
    }

    #[test]
    fn only_names_of_ours_are_left_behind() {
        for name in ["cargo-gate-worktree-", "cargo-gate-worktree-x", "cargo-gate-worktree-x-y-z", "tree", ""] {
            assert!(!is_left_behind(name), "{name}");
        }
    }
}
