//! What git says of the checkout. No git, no repository, no commit yet: then there is nothing to say, and no error.

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
}
