//! What git says of the checkout. No git, no repository, no commit yet: then there is nothing to say, and no error.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

use super::process::{Launch, own_environment};

/// The state of a checkout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkout {
    /// Where it begins.
    pub root: Utf8PathBuf,
    /// The commit that is checked out; none before the first.
    pub commit: Option<String>,
    /// That commit's tree.
    pub tree: Option<String>,
    /// The branch, unless a commit is checked out without one.
    pub branch: Option<String>,
    /// Changed, deleted and untracked files that git does not ignore, relative to the root, sorted. A path that is a
    /// directory is a repository inside this one.
    pub changed: Vec<Utf8PathBuf>,
}

impl Checkout {
    /// Are there changed or untracked files that git does not ignore?
    #[must_use]
    pub const fn is_dirty(&self) -> bool {
        !self.changed.is_empty()
    }
}

/// Reads the checkout that a directory lies in. Takes no lock: another git may be at work.
#[must_use]
pub fn read_checkout(directory: &Utf8Path) -> Option<Checkout> {
    let root = checkout_root(directory)?;
    let status = git(directory, &["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all"])?;
    let mut checkout = parse_status(&status);
    checkout.root = root;
    if checkout.commit.is_some() {
        checkout.tree = git(directory, &["rev-parse", "HEAD^{tree}"]).map(|tree| tree.trim().to_owned());
    }
    Some(checkout)
}

/// The full name of the commit that git takes a text for: `HEAD`, a branch, a tag, the beginning of a name.
#[must_use]
pub fn resolve(directory: &Utf8Path, text: &str) -> Option<String> {
    // No name begins so, and git would take it for an option.
    if text.starts_with('-') {
        return None;
    }
    let name = git(directory, &["rev-parse", "--verify", "--quiet", &format!("{text}^{{commit}}")])?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The branch that `origin` calls its own, without the remote's name.
#[must_use]
pub fn default_branch(directory: &Utf8Path) -> Option<String> {
    let name = git(directory, &["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"])?;
    let name = name.trim();
    Some(name.strip_prefix("origin/").unwrap_or(name).to_owned()).filter(|name| !name.is_empty())
}

/// What a change is measured against.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseError {
    /// git does not know the revision.
    #[error("git knows no commit `{0}`")]
    Unknown(String),
    /// The history that is here does not reach back far enough.
    #[error(
        "the clone is shallow, and the merge base with `{0}` is not in it: fetch more of the history (`git fetch \
         --unshallow`, or `fetch-depth: 0` in the checkout step)"
    )]
    Shallow(String),
    /// They have nothing in common.
    #[error("`{0}` and HEAD have no commit in common")]
    Unrelated(String),
    /// git could not tell the difference.
    #[error("git cannot tell what changed since `{0}`")]
    NoDiff(String),
}

/// The commit at which HEAD and a revision parted.
///
/// # Errors
///
/// There is none, or it is not here.
pub fn merge_base(directory: &Utf8Path, revision: &str) -> Result<String, BaseError> {
    let is_shallow = || git(directory, &["rev-parse", "--is-shallow-repository"]).is_some_and(|it| it.trim() == "true");
    let Some(commit) = resolve(directory, revision) else {
        let text = revision.to_owned();
        return Err(if is_shallow() { BaseError::Shallow(text) } else { BaseError::Unknown(text) });
    };
    match git(directory, &["merge-base", "HEAD", &commit]) {
        Some(base) => Ok(base.trim().to_owned()),
        None if is_shallow() => Err(BaseError::Shallow(revision.to_owned())),
        None => Err(BaseError::Unrelated(revision.to_owned())),
    }
}

/// Does the history of a commit hold another one? A commit is no ancestor of itself, nor is one that git does not know.
#[must_use]
pub fn is_ancestor(directory: &Utf8Path, ancestor: &str, commit: &str) -> bool {
    let (Some(ancestor), Some(commit)) = (resolve(directory, ancestor), resolve(directory, commit)) else {
        return false;
    };
    ancestor != commit && git(directory, &["merge-base", "--is-ancestor", &ancestor, &commit]).is_some()
}

/// Where the checkout begins that a directory lies in.
#[must_use]
pub fn checkout_root(directory: &Utf8Path) -> Option<Utf8PathBuf> {
    let root = git(directory, &["rev-parse", "--show-toplevel"])?;
    Some(root.strip_suffix('\n').unwrap_or(&root).into())
}

/// The way from where the checkout begins to a directory in it.
#[must_use]
pub fn way_from_root(directory: &Utf8Path) -> Option<Utf8PathBuf> {
    let way = git(directory, &["rev-parse", "--show-prefix"])?;
    Some(way.strip_suffix('\n').unwrap_or(&way).trim_end_matches('/').into())
}

/// What changed in the files that git tracks between a commit and the working tree, as a diff without context, its
/// paths relative to the directory.
///
/// # Errors
///
/// git cannot tell.
pub fn diff_since(directory: &Utf8Path, commit: &str) -> Result<Vec<u8>, BaseError> {
    let flags = ["--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--find-renames", "--relative"];
    let prefixes = ["--src-prefix=a/", "--dst-prefix=b/"];
    let arguments: Vec<&str> = ["diff"].into_iter().chain(flags).chain(prefixes).chain([commit, "--"]).collect();
    git_bytes(directory, &arguments).ok_or_else(|| BaseError::NoDiff(commit.to_owned()))
}

/// The files that git neither tracks nor ignores, their paths relative to the directory.
#[must_use]
pub fn untracked(directory: &Utf8Path) -> Vec<Utf8PathBuf> {
    let listed = git(directory, &["ls-files", "--others", "--exclude-standard", "-z"]).unwrap_or_default();
    listed.split('\0').filter(|path| !path.is_empty()).map(Utf8PathBuf::from).collect()
}

/// The files that git tracks or does not ignore, below a directory and relative to it; some may be gone. A repository
/// in this one is listed as a folder. `None` where there is no git.
#[must_use]
pub fn listed_files(directory: &Path) -> Option<Vec<PathBuf>> {
    let directory = Utf8Path::from_path(directory)?;
    let listed = git_bytes(directory, &["ls-files", "--cached", "--others", "--exclude-standard", "-z"])?;
    Some(listed.split(|byte| *byte == 0).filter(|path| !path.is_empty()).map(path_of).collect())
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).into()
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// What changed between a commit and what is here: committed, staged, unstaged, and untracked where git does not ignore
/// it. Relative to the directory, so that what lies outside begins with `../`; what was renamed stands under both names,
/// and a repository inside this one, whose files nobody names, ends in `/`.
///
/// # Errors
///
/// git cannot tell.
pub fn changed_files(directory: &Utf8Path, commit: &str) -> Result<Vec<Utf8PathBuf>, BaseError> {
    let unclear = || BaseError::NoDiff(commit.to_owned());
    let (root, way) = (checkout_root(directory), way_from_root(directory));
    let (root, way) = (root.ok_or_else(unclear)?, way.ok_or_else(unclear)?);
    let flags = ["diff", "--raw", "-z", "--find-renames", "--no-ext-diff", "--ignore-submodules=none"];
    // What was committed or staged and then put back in the working tree is a change still: it may be what is pushed.
    let sides: [&[&str]; 3] = [&[commit, "HEAD", "--"], &["--cached", commit, "--"], &[commit, "--"]];
    let diff = |side: &[&str]| git_bytes(&root, &[&flags, side].concat());
    let (diffs, untracked) = std::thread::scope(|scope| {
        let diffs = sides.map(|side| scope.spawn(move || diff(side)));
        let untracked = git_bytes(&root, &["ls-files", "--others", "--exclude-standard", "-z"]);
        (diffs.map(|diff| diff.join().ok().flatten()), untracked)
    });
    let mut changed = BTreeSet::new();
    for diff in diffs {
        changed.extend(parse_raw_diff(&diff.ok_or_else(unclear)?));
    }
    changed.extend(records(&untracked.ok_or_else(unclear)?));
    Ok(changed.iter().map(|path| seen_from(&way, path)).collect())
}

/// The paths in what `git diff --raw -z` says.
fn parse_raw_diff(diff: &[u8]) -> Vec<String> {
    let mut changed = Vec::new();
    let mut records = records(diff);
    while let Some(head) = records.next() {
        let is_repository = head.split(' ').take(2).any(|mode| mode.ends_with("160000"));
        let is_renamed = head.rsplit(' ').next().is_some_and(|status| status.starts_with(['R', 'C']));
        let paths = records.by_ref().take(if is_renamed { 2 } else { 1 });
        changed.extend(paths.map(|path| if is_repository { format!("{path}/") } else { path }));
    }
    changed
}

/// What git separated by NUL, as text as far as it is text.
fn records(listed: &[u8]) -> impl Iterator<Item = String> {
    let records = listed.split(|byte| *byte == 0).filter(|record| !record.is_empty());
    records.map(|record| String::from_utf8_lossy(record).into_owned())
}

/// A path below the root of a checkout, as it reads in the folder that `way` leads to from there.
fn seen_from(way: &Utf8Path, path: &str) -> Utf8PathBuf {
    let mut rest = path;
    let mut folders = way.components().map(|folder| folder.as_str()).peekable();
    while let Some(folder) = folders.peek() {
        let Some(below) = rest.strip_prefix(folder).and_then(|below| below.strip_prefix('/')) else { break };
        rest = below;
        folders.next();
    }
    Utf8PathBuf::from("../".repeat(folders.count()) + rest)
}

/// The path that git wrote in quotes, as it does where it holds anything odd.
#[must_use]
pub fn unquoted(written: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = written.get(1..)?.iter().copied();
    let mut out = Vec::new();
    loop {
        match bytes.next()? {
            b'"' => return Some(out),
            b'\\' => out.push(match bytes.next()? {
                b'a' => 7,
                b'b' => 8,
                b't' => b'\t',
                b'n' => b'\n',
                b'v' => 11,
                b'f' => 12,
                b'r' => b'\r',
                first @ b'0'..=b'3' => {
                    let octal = [first, bytes.next()?, bytes.next()?];
                    u8::from_str_radix(std::str::from_utf8(&octal).ok()?, 8).ok()?
                }
                other => other,
            }),
            other => out.push(other),
        }
    }
}

/// Runs git and gives what it printed, if it succeeded and that is text.
fn git(directory: &Utf8Path, arguments: &[&str]) -> Option<String> {
    String::from_utf8(git_bytes(directory, arguments)?).ok()
}

/// Runs git and gives what it printed, if it succeeded.
fn git_bytes(directory: &Utf8Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = command(directory).arg("--no-optional-locks").args(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// A hook's environment names the repository relative to another directory.
const OF_HOOKS: [&str; 5] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX"];

/// git, to be started and listened to: it speaks English, and asks nobody for a password.
pub(super) fn launch(directory: &Utf8Path, arguments: &[&str]) -> Launch {
    let mut env = own_environment();
    let ours = [("LC_ALL", "C"), ("GIT_TERMINAL_PROMPT", "0")];
    env.retain(|(name, _)| !OF_HOOKS.iter().chain(ours.iter().map(|(name, _)| name)).any(|other| name == other));
    env.extend(ours.map(|(name, value)| (name.into(), value.into())));
    let args = arguments.iter().map(Into::into).collect();
    Launch { program: "git".into(), args, cwd: directory.into(), env }
}

/// git, about to be started in a directory.
pub(super) fn command(directory: &Utf8Path) -> Command {
    let mut command = Command::new("git");
    for variable in OF_HOOKS {
        command.env_remove(variable);
    }
    command.current_dir(directory).stdin(Stdio::null());
    command
}

/// Reads what `git status --porcelain=v2 --branch -z` says.
fn parse_status(status: &str) -> Checkout {
    let mut checkout = Checkout::default();
    let mut records = status.split('\0').filter(|record| !record.is_empty());
    while let Some(record) = records.next() {
        let mut fields = record.splitn(2, ' ');
        let (kind, rest) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        // How many fields stand before the path; a renamed file's old path is a record of its own.
        let path = match kind {
            "#" => {
                parse_header(rest, &mut checkout);
                continue;
            }
            "1" => rest.splitn(8, ' ').nth(7),
            "2" => {
                checkout.changed.extend(records.next().map(Utf8PathBuf::from));
                rest.splitn(9, ' ').nth(8)
            }
            "u" => rest.splitn(10, ' ').nth(9),
            "?" => Some(rest),
            _ => None,
        };
        checkout.changed.extend(path.map(|path| Utf8PathBuf::from(path.trim_end_matches('/'))));
    }
    checkout.changed.sort();
    checkout.changed.dedup();
    checkout
}

fn parse_header(header: &str, checkout: &mut Checkout) {
    match header.split_once(' ') {
        Some(("branch.oid", commit)) if commit != "(initial)" => checkout.commit = Some(commit.to_owned()),
        Some(("branch.head", branch)) if branch != "(detached)" => checkout.branch = Some(branch.to_owned()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_with_spaces_renames_and_conflicts() {
        let status = [
            "# branch.oid 0123abcd",
            "# branch.head feature/x",
            "# branch.upstream origin/feature/x",
            "1 .M N... 100644 100644 100644 aaaa bbbb src/a file.rs",
            "2 R. N... 100644 100644 100644 aaaa bbbb R100 src/new.rs",
            "src/old.rs",
            "u UU N... 100644 100644 100644 100644 aaaa bbbb cccc both.rs",
            "? nested/",
            "? é.rs",
            "",
        ];
        let checkout = parse_status(&status.join("\0"));
        assert_eq!(checkout.commit.as_deref(), Some("0123abcd"));
        assert_eq!(checkout.branch.as_deref(), Some("feature/x"));
        let changed: Vec<&str> = checkout.changed.iter().map(|path| path.as_str()).collect();
        assert_eq!(changed, ["both.rs", "nested", "src/a file.rs", "src/new.rs", "src/old.rs", "é.rs"]);
        assert!(checkout.is_dirty());
    }

    #[test]
    fn before_the_first_commit_and_without_a_branch_there_is_none() {
        let checkout = parse_status("# branch.oid (initial)\0# branch.head (detached)\0");
        assert_eq!(checkout, Checkout::default());
        assert!(!checkout.is_dirty());
    }

    #[test]
    fn outside_a_repository_there_is_nothing_to_say() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_checkout(Utf8Path::from_path(folder.path()).unwrap()), None);
        assert_eq!(read_checkout("/no/such/directory".into()), None);
        assert_eq!(resolve("/no/such/directory".into(), "HEAD"), None);
    }

    /// A repository whose workspace lies in `work`, with one commit.
    fn repository() -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::try_from(folder.path().to_owned()).unwrap();
        run(&root, &["init", "--quiet", "-b", "main"]);
        for path in ["work/src/lib.rs", "work/a.rs", "work/gone.rs", "work/staged.rs", "other/b.rs", "work-too/c.rs"] {
            write(&root, path, path);
        }
        write(&root, "work/.gitignore", "ignored\n");
        run(&root, &["add", "-A"]);
        run(&root, &["commit", "--quiet", "-m", "First"]);
        (folder, root)
    }

    fn run(root: &Utf8Path, arguments: &[&str]) {
        let who = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgSign=false"];
        let output = command(root).args(who).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    fn write(root: &Utf8Path, path: &str, text: &str) {
        let file = root.join(path);
        fs_err::create_dir_all(file.parent().unwrap()).unwrap();
        fs_err::write(file, text).unwrap();
    }

    #[test]
    fn every_sort_of_change_is_named_as_the_workspace_sees_it() {
        let (_folder, root) = repository();
        let work = root.join("work");
        let changed = || {
            let changed = changed_files(&work, "main").unwrap();
            changed.into_iter().map(Utf8PathBuf::into_string).collect::<Vec<_>>()
        };
        assert_eq!(changed(), [""; 0]);
        run(&root, &["checkout", "--quiet", "-b", "topic"]);
        // A user's settings change nothing of what is said.
        for (key, value) in [("diff.relative", "true"), ("diff.renames", "copies"), ("diff.noprefix", "true")] {
            run(&root, &["config", key, value]);
        }
        run(&root, &["mv", "work/a.rs", "work/odd\tname é.rs"]);
        run(&root, &["commit", "--quiet", "-m", "Rename"]);
        write(&root, "work/staged.rs", "staged");
        run(&root, &["add", "work/staged.rs"]);
        write(&root, "work/staged.rs", "work/staged.rs");
        fs_err::remove_file(work.join("gone.rs")).unwrap();
        for path in ["work/src/lib.rs", "work/new file.rs", "work/ignored", "other/b.rs", "work-too/c.rs"] {
            write(&root, path, "changed");
        }
        let expected = ["../other/b.rs", "../work-too/c.rs", "a.rs", "gone.rs", "new file.rs", "odd\tname é.rs"];
        assert_eq!(changed(), [&expected[..], &["src/lib.rs", "staged.rs"]].concat());
    }

    #[test]
    fn what_was_committed_and_put_back_is_a_change_still() {
        let (_folder, root) = repository();
        run(&root, &["checkout", "--quiet", "-b", "topic"]);
        write(&root, "work/a.rs", "committed");
        run(&root, &["commit", "--quiet", "-a", "-m", "Change"]);
        write(&root, "work/a.rs", "work/a.rs");
        run(&root, &["add", "-A"]);
        assert_eq!(changed_files(&root, "main"), Ok(vec!["work/a.rs".into()]));
    }

    #[test]
    fn repositories_inside_end_in_a_slash_and_nonsense_is_refused() {
        let (_folder, root) = repository();
        write(&root, "inner/x", "x");
        run(&root.join("inner"), &["init", "--quiet"]);
        assert_eq!(
            changed_files(&root, "HEAD").unwrap().iter().map(|path| path.as_str()).collect::<Vec<_>>(),
            ["inner/"]
        );
        let submodule = b":160000 160000 1234567 0000000 M\0sub\0:100644 100644 1 2 R090\0old\0new\0";
        assert_eq!(parse_raw_diff(submodule), ["sub/", "old", "new"]);
        assert_eq!(changed_files(&root, "no-such"), Err(BaseError::NoDiff("no-such".to_owned())));
        assert!(changed_files("/no/such/directory".into(), "HEAD").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_diff_panics(diff in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64)) {
            let _ = (parse_raw_diff(&diff), unquoted(&diff));
        }
    }
}
