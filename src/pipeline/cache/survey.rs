//! The files of a workspace and their content, as steps may read them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::Metadata;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};

use super::beside::outside;
use super::remembered::{Remembered, Stamp};
use crate::model::{ContentHash, PathPatterns};
use crate::sys::digest::{Fields, hash_file};
use crate::sys::git;

/// Repositories inside repositories are followed so deep.
const NESTED: u32 = 4;

/// So few files are not worth a thread.
const FEW: usize = 64;

/// Folders with a dot that hold what tools read.
const READ_BY_TOOLS: [&str; 2] = [".cargo", ".config"];

/// What tools look for in every folder above the one they work in, too.
const READ_FROM_ABOVE: [&str; 6] =
    [".cargo/config", ".cargo/config.toml", ".clippy.toml", ".rustfmt.toml", "clippy.toml", "rustfmt.toml"];

/// What is in a workspace, as of when it was last looked at: what is asked for twice is read once, unless something runs
/// or ran meanwhile that may have changed any file, as [`Survey::busy`] and [`Survey::refresh`] are told.
#[derive(Debug)]
pub struct Survey {
    root: Utf8PathBuf,
    /// Folders that hold no inputs, by name.
    left_out: Vec<String>,
    memory: Utf8PathBuf,
    looked: Mutex<Looked>,
}

#[derive(Debug)]
struct Looked {
    remembered: Remembered,
    listed: Option<Vec<Listed>>,
    contents: HashMap<Arc<str>, Content>,
    /// How much runs now.
    running: usize,
}

/// Something runs in the workspace, until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Busy<'a>(&'a Survey);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let mut looked = self.0.lock();
        looked.running -= 1;
        looked.forget();
    }
}

impl Looked {
    fn forget(&mut self) {
        self.listed = None;
        self.contents.clear();
    }
}

/// A file by the name that it is known by, relative to the root and with slashes, and by its path.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Listed {
    name: Arc<str>,
    path: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Hash(ContentHash),
    Gone,
    Unreadable,
}

/// Files with their content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Those that can be read.
    pub files: BTreeMap<Arc<str>, ContentHash>,
    /// The first of those that are there and cannot.
    pub unreadable: Option<Arc<str>>,
}

impl Survey {
    /// Of the workspace at `root`. What lies in one of `left_out` (the target directory) or in `gate_dir` is no input;
    /// in the latter the hashes of files are remembered.
    #[must_use]
    pub fn new(root: &Utf8Path, left_out: &[&Utf8Path], gate_dir: &Utf8Path) -> Self {
        let memory = gate_dir.join("cache/files");
        let inside = left_out.iter().chain([&gate_dir]).filter_map(|folder| folder.strip_prefix(root).ok());
        let left_out = inside.map(|name| name.as_str().replace('\\', "/")).filter(|name| !name.is_empty()).collect();
        let (remembered, contents) = (Remembered::load(&memory), HashMap::new());
        let looked = Looked { remembered, listed: None, contents, running: 0 };
        Self { root: root.to_owned(), left_out, memory, looked: Mutex::new(looked) }
    }

    /// Something ran and may have changed any file: what is asked for from here on is looked at anew.
    pub fn refresh(&self) {
        self.lock().forget();
    }

    /// Something runs that may change any file. Until that is over, and once more then, all is looked at anew.
    pub fn busy(&self) -> Busy<'_> {
        self.lock().running += 1;
        Busy(self)
    }

    /// The files that these patterns match. Without patterns: every file that git tracks or does not ignore, and
    /// Cargo.lock even if it does, and those of packages outside that manifests name by their paths; without git, every file but what is built and what lies in a folder with a dot.
    ///
    /// What git ignores is matched only by a pattern that names the place before its first wildcard.
    #[must_use]
    pub fn see(&self, patterns: Option<&PathPatterns>) -> Seen {
        let mut looked = self.lock();
        if looked.running > 0 {
            looked.forget();
        }
        let Looked { remembered, listed, contents, .. } = &mut *looked;
        let now = SystemTime::now();
        let listed: &[Listed] = listed.get_or_insert_with(|| self.list());
        let named = patterns.map(|patterns| self.named(listed, patterns)).unwrap_or_default();
        let mut wanted: Vec<&Listed> = match patterns {
            Some(patterns) => listed.iter().chain(&named).filter(|file| patterns.is_match(file.name())).collect(),
            None => listed.iter().collect(),
        };
        wanted.sort();
        let unknown: Vec<&Listed> = wanted.iter().copied().filter(|file| !contents.contains_key(&file.name)).collect();
        let read = read_all(&unknown, remembered);
        for (file, (content, stamp)) in unknown.into_iter().zip(read) {
            if let (Content::Hash(hash), Some(stamp)) = (content, stamp) {
                remembered.learn(&file.name, stamp, hash, now);
            }
            contents.insert(Arc::clone(&file.name), content);
        }
        let unreadable = wanted.iter().find(|file| contents.get(&file.name) == Some(&Content::Unreadable));
        let hash = |file: &&Listed| match contents.get(&file.name) {
            Some(Content::Hash(hash)) => Some((Arc::clone(&file.name), *hash)),
            _ => None,
        };
        Seen { files: wanted.iter().filter_map(hash).collect(), unreadable: unreadable.map(|file| file.name.clone()) }
    }

    /// Remembers what was read for the next run.
    ///
    /// # Errors
    ///
    /// What the file system says; then the next run reads more.
    pub fn save(&self) -> io::Result<()> {
        let mut looked = self.lock();
        let Looked { remembered, listed, contents, .. } = &mut *looked;
        if !remembered.is_new() {
            return Ok(());
        }
        let listed: HashSet<&str> = listed.iter().flatten().map(|file| &*file.name).collect();
        remembered.save(&self.memory, |name| listed.contains(name) || contents.contains_key(name))
    }

    fn lock(&self) -> MutexGuard<'_, Looked> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(&self) -> Vec<Listed> {
        let mut listed = Vec::new();
        self.list_in(self.root.as_std_path(), "", NESTED, &mut listed);
        listed.push(Listed { name: "Cargo.lock".into(), path: self.root.join("Cargo.lock").into() });
        self.list_beside(&mut listed);
        listed.sort();
        listed.dedup();
        listed
    }

    /// Packages outside that are built with those of the workspace are looked at like these, and what configures tools
    /// from above.
    fn list_beside(&self, listed: &mut Vec<Listed>) {
        let root = self.root.as_std_path();
        let is_manifest = |file: &&Listed| file.name.rsplit('/').next() == Some("Cargo.toml");
        let manifests: Vec<PathBuf> = listed.iter().filter(is_manifest).map(|file| file.path.clone()).collect();
        for folder in outside(root, manifests) {
            self.list_in(&folder, &name_of("", &way(root, &folder)), NESTED, listed);
        }
        for path in root.ancestors().skip(1).flat_map(|above| READ_FROM_ABOVE.map(|name| above.join(name))) {
            listed.push(Listed { name: name_of("", &way(root, &path)).into(), path });
        }
    }

    /// A folder in which git lists nothing may be one that another repository ignores.
    fn list_in(&self, directory: &Path, within: &str, depth: u32, listed: &mut Vec<Listed>) {
        let files = git::listed_files(directory).filter(|files| !files.is_empty());
        let Some(files) = files else { return self.walk(directory, within, listed) };
        let has_submodules = directory.join(".gitmodules").is_file();
        for file in files {
            let (path, name) = (directory.join(&file), name_of(within, &file));
            if self.is_left_out(&name) {
                continue;
            }
            // A repository in this one is listed as a folder; one that is tracked looks like a file.
            let is_folder = name.ends_with('/') || (has_submodules && path.is_dir() && !path.is_symlink());
            let folder = name.trim_end_matches('/');
            match is_folder {
                true if depth > 0 && path.join(".git").exists() => self.list_in(&path, folder, depth - 1, listed),
                true => self.walk(&path, folder, listed),
                false => listed.push(Listed { name: name.into(), path }),
            }
        }
    }

    /// Every file below a folder, no link followed.
    fn walk(&self, directory: &Path, within: &str, listed: &mut Vec<Listed>) {
        let Ok(entries) = fs_err::read_dir(directory) else {
            // It cannot be read, and is seen not to.
            return listed.push(Listed { name: within.into(), path: directory.to_owned() });
        };
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), name_of(within, Path::new(&entry.file_name())));
            let last = name.rsplit('/').next().unwrap_or_default();
            let is_hidden = last.starts_with('.') && !READ_BY_TOOLS.contains(&last);
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    if !is_hidden && !self.is_left_out(&name) && !path.join("CACHEDIR.TAG").is_file() {
                        self.walk(&path, &name, listed);
                    }
                }
                _ => listed.push(Listed { name: name.into(), path }),
            }
        }
    }

    fn is_left_out(&self, name: &str) -> bool {
        self.left_out.iter().any(|folder| is_within(name, folder))
    }

    /// What lies where patterns name a place in which nothing is listed.
    fn named(&self, listed: &[Listed], patterns: &PathPatterns) -> Vec<Listed> {
        let mut named = Vec::new();
        for place in patterns.texts().filter_map(named_place) {
            if listed.iter().any(|file| is_within(&file.name, place)) {
                continue;
            }
            let path = self.root.join(place).into_std_path_buf();
            match path.is_dir() {
                true => self.walk(&path, place, &mut named),
                false => named.push(Listed { name: place.into(), path }),
            }
        }
        named
    }
}

impl Listed {
    fn name(&self) -> &Utf8Path {
        Utf8Path::new(&*self.name)
    }
}

fn is_within(name: &str, folder: &str) -> bool {
    name.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The folder or file that a pattern names before its first wildcard.
fn named_place(pattern: &str) -> Option<&str> {
    let literal = match pattern.find(['*', '?', '[', '{', '\\']) {
        Some(wildcard) => pattern.get(..wildcard)?.rsplit_once('/')?.0,
        None => pattern,
    };
    Some(literal.trim_end_matches('/')).filter(|literal| !literal.is_empty())
}

/// The way from one folder to another, where both are absolute.
fn way(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(from, to)| from == to).count();
    if shared == 0 {
        return to.to_owned();
    }
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

/// A name as text with slashes; what is no text is escaped, so that two names never become one.
fn name_of(within: &str, path: &Path) -> String {
    let name = match path.to_str() {
        Some(text) if cfg!(windows) => text.replace('\\', "/"),
        Some(text) => text.to_owned(),
        None => path.as_os_str().as_encoded_bytes().escape_ascii().to_string(),
    };
    if within.is_empty() { name } else { format!("{within}/{name}") }
}

/// What is in each of the files; the stamp of those that had to be read and may be remembered.
fn read_all(files: &[&Listed], remembered: &Remembered) -> Vec<(Content, Option<Stamp>)> {
    let read = |files: &[&Listed]| files.iter().map(|file| read_one(file, remembered)).collect::<Vec<_>>();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    if files.len() <= FEW || threads == 1 {
        return read(files);
    }
    thread::scope(|scope| {
        let chunks: Vec<_> = files.chunks(files.len().div_ceil(threads)).collect();
        let readers: Vec<_> = chunks.iter().map(|chunk| (chunk.len(), scope.spawn(|| read(chunk)))).collect();
        let unread = |count| vec![(Content::Unreadable, None); count];
        readers.into_iter().flat_map(|(count, reader)| reader.join().unwrap_or_else(|_| unread(count))).collect()
    })
}

fn read_one(file: &Listed, remembered: &Remembered) -> (Content, Option<Stamp>) {
    let metadata = match fs_err::symlink_metadata(&file.path) {
        Ok(metadata) => metadata,
        Err(error) if is_missing(&error) => return (Content::Gone, None),
        Err(_) => return (Content::Unreadable, None),
    };
    if metadata.is_symlink() {
        return (link(&file.path), None);
    }
    if !metadata.is_file() {
        // Of a folder it is asked only where it could not be listed.
        return (if metadata.is_dir() { Content::Unreadable } else { Content::Gone }, None);
    }
    let stamp = Stamp::of(&metadata);
    if let Some(hash) = remembered.recall(&file.name, &stamp) {
        return (Content::Hash(hash), None);
    }
    match hash_file(&file.path) {
        Ok(hash) if is_executable(&metadata) => {
            (Content::Hash([&hash.0[..], b"executable"].into_iter().collect::<Fields>().finish()), Some(stamp))
        }
        Ok(hash) => (Content::Hash(hash), Some(stamp)),
        Err(error) if is_missing(&error) => (Content::Gone, None),
        Err(_) => (Content::Unreadable, None),
    }
}

/// Where a link leads, and what is there if that is a file. What is in a folder is its own business.
fn link(path: &Path) -> Content {
    let Ok(target) = fs_err::read_link(path) else { return Content::Unreadable };
    let mut fields: Fields = [&b"link"[..], target.as_os_str().as_encoded_bytes()].into_iter().collect();
    if path.is_file() {
        match hash_file(path) {
            Ok(hash) => fields.put(&hash.0),
            Err(_) => return Content::Unreadable,
        }
    }
    Content::Hash(fields.finish())
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    struct Workspace {
        _folder: tempfile::TempDir,
        root: Utf8PathBuf,
    }

    impl Workspace {
        fn new(with_git: bool) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let root = Utf8PathBuf::try_from(folder.path().to_owned()).unwrap();
            let workspace = Self { _folder: folder, root };
            if with_git {
                workspace.git("", &["init", "--quiet"]);
            }
            for path in
                ["src/lib.rs", "src/deep/a.rs", "Cargo.lock", "ignored/x.txt", "src/left.tmp", "target/debug/app"]
            {
                workspace.write(path, path);
            }
            workspace.write(".gitignore", "/target\nCargo.lock\n/ignored\n*.tmp\n");
            workspace.write(".cargo/config.toml", "");
            workspace
        }

        fn git(&self, inside: &str, arguments: &[&str]) {
            let status = Command::new("git").args(arguments).current_dir(self.root.join(inside)).status().unwrap();
            assert!(status.success(), "{arguments:?}");
        }

        fn write(&self, path: &str, text: &str) {
            let file = self.root.join(path);
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            fs_err::write(file, text).unwrap();
        }

        fn survey(&self) -> Survey {
            Survey::new(&self.root, &[&self.root.join("target")], &self.root.join("target/gate"))
        }

        fn names(&self, patterns: Option<&[&str]>) -> Vec<String> {
            let patterns = patterns.map(|texts| PathPatterns::new(texts).unwrap());
            self.survey().see(patterns.as_ref()).files.into_keys().map(|name| name.to_string()).collect()
        }

        fn all(&self) -> Seen {
            self.survey().see(None)
        }
    }

    #[test]
    fn every_file_is_seen_that_git_tracks_or_does_not_ignore_and_the_lock_file() {
        let workspace = Workspace::new(true);
        let all = [".cargo/config.toml", ".gitignore", "Cargo.lock", "src/deep/a.rs", "src/lib.rs"];
        assert_eq!(workspace.names(None), all);
        // What is tracked though ignored counts, as does what is staged and gone does not.
        workspace.git("", &["add", "--force", "src/left.tmp", "src/lib.rs"]);
        fs_err::remove_file(workspace.root.join("src/lib.rs")).unwrap();
        assert_eq!(workspace.names(None), [&all[..4], &["src/left.tmp"]].concat());
    }

    #[test]
    fn without_git_neither_what_is_built_nor_what_is_hidden_is_seen() {
        let workspace = Workspace::new(false);
        for path in [".venv/lib.py", "built/CACHEDIR.TAG", "built/a.rs", "deep/.hidden/x", ".rustfmt.toml"] {
            workspace.write(path, "x");
        }
        let all = [".cargo/config.toml", ".gitignore", ".rustfmt.toml", "Cargo.lock", "ignored/x.txt"];
        assert_eq!(workspace.names(None), [&all[..], &["src/deep/a.rs", "src/left.tmp", "src/lib.rs"]].concat());
    }

    #[test]
    fn a_workspace_that_git_ignores_is_seen_all_the_same() {
        let outer = Workspace::new(true);
        outer.write("ignored/inner/src/lib.rs", "x");
        let survey = Survey::new(&outer.root.join("ignored/inner"), &[], &outer.root.join("target/gate"));
        let seen: Vec<Arc<str>> = survey.see(None).files.into_keys().collect();
        assert_eq!(seen, ["../../.cargo/config.toml".into(), "src/lib.rs".into()]);
    }

    #[test]
    fn patterns_see_what_git_ignores_only_where_they_name_the_place() {
        let workspace = Workspace::new(true);
        for (patterns, seen) in [
            (&["src/**"][..], &["src/deep/a.rs", "src/lib.rs"][..]),
            (&["**/*.rs"], &["src/deep/a.rs", "src/lib.rs"]),
            (&["**/*.txt", "**/*.tmp"], &[]),
            (&["ignored/**"], &["ignored/x.txt"]),
            (&["ignored/*.md"], &[]),
            (&["target/debug/app"], &["target/debug/app"]),
            (&["Cargo.*"], &["Cargo.lock"]),
            (&["nowhere/**", "no.rs"], &[]),
        ] {
            assert_eq!(workspace.names(Some(patterns)), seen, "{patterns:?}");
        }
    }

    #[test]
    fn repositories_inside_are_seen_file_by_file() {
        let workspace = Workspace::new(true);
        workspace.write("inner/a.rs", "x");
        workspace.write("inner/.gitignore", "b.rs");
        workspace.write("inner/b.rs", "x");
        workspace.git("inner", &["init", "--quiet"]);
        assert_eq!(workspace.names(Some(&["inner/**"])), ["inner/.gitignore", "inner/a.rs"]);
    }

    #[test]
    fn what_configures_tools_from_above_is_seen_where_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let top = Utf8PathBuf::from_path_buf(folder.path().canonicalize().unwrap()).unwrap();
        let root = top.join("deep/ws");
        fs_err::create_dir_all(root.join("src")).unwrap();
        let write = |path: &str| fs_err::write(top.join(path), path).unwrap();
        write("deep/ws/src/lib.rs");
        let seen = |patterns: Option<&[&str]>| {
            let patterns = patterns.map(|texts| PathPatterns::new(texts).unwrap());
            let files = Survey::new(&root, &[], &root.join("gate")).see(patterns.as_ref()).files;
            let below = |name: &Arc<str>| !name.starts_with("../../../");
            files.into_keys().filter(below).map(|name| name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(seen(None), ["src/lib.rs"]);
        ["rustfmt.toml", "deep/.clippy.toml", "deep/other.toml"].into_iter().for_each(write);
        assert_eq!(seen(None), ["../../rustfmt.toml", "../.clippy.toml", "src/lib.rs"]);
        assert_eq!(seen(Some(&["**/rustfmt.toml"])), ["../../rustfmt.toml"]);
        assert_eq!(seen(Some(&["src/**"])), ["src/lib.rs"]);
    }

    #[test]
    fn what_is_seen_stays_until_something_has_run() {
        let workspace = Workspace::new(true);
        let survey = workspace.survey();
        let before = survey.see(None);
        workspace.write("src/lib.rs", "changed");
        workspace.write("src/new.rs", "new");
        assert_eq!(survey.see(None), before);
        survey.refresh();
        let after = survey.see(None);
        assert_eq!(after.files.len(), before.files.len() + 1);
        assert_ne!(after.files.get("src/lib.rs"), before.files.get("src/lib.rs"));
    }

    #[test]
    fn while_something_runs_every_look_is_a_new_one() {
        let workspace = Workspace::new(true);
        let survey = workspace.survey();
        let mut seen = vec![survey.see(None)];
        let mut is_new = |text: &str| {
            workspace.write("src/lib.rs", text);
            let now = survey.see(None);
            let is_new = !seen.contains(&now);
            seen.push(now);
            is_new
        };
        assert!(!is_new("nobody runs"));
        let (one, other) = (survey.busy(), survey.busy());
        assert!(is_new("two run"));
        drop(one);
        assert!(is_new("one runs"));
        drop(other);
        assert!(is_new("it ran"));
        assert!(!is_new("nobody runs any more"));
    }

    #[cfg(unix)]
    #[test]
    fn modes_links_and_names_that_are_no_text_count() {
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::{PermissionsExt, symlink};
        for with_git in [true, false] {
            let workspace = Workspace::new(with_git);
            let mut seen = vec![workspace.all()];
            let odd = |byte: u8| workspace.root.as_std_path().join(std::ffi::OsStr::from_bytes(&[b'x', byte]));
            let steps: [&dyn Fn(); 7] = [
                &|| {
                    fs_err::set_permissions(workspace.root.join("src/lib.rs"), PermissionsExt::from_mode(0o755))
                        .unwrap()
                },
                &|| symlink("src/lib.rs", workspace.root.join("link")).unwrap(),
                &|| {
                    fs_err::remove_file(workspace.root.join("link")).unwrap();
                    symlink("./src/lib.rs", workspace.root.join("link")).unwrap();
                },
                &|| symlink("/", workspace.root.join("everything")).unwrap(),
                &|| std::fs::write(odd(0xff), "1").unwrap(),
                &|| std::fs::write(odd(0xfe), "1").unwrap(),
                &|| std::fs::write(odd(0xfe), "2").unwrap(),
            ];
            for (at, step) in steps.iter().enumerate() {
                step();
                let now = workspace.all();
                assert_eq!(now.unreadable, None);
                assert!(!seen.contains(&now), "{at}, with git: {with_git}");
                seen.push(now);
            }
        }
    }

    #[test]
    fn a_file_that_was_remembered_is_read_again_once_it_changed() {
        let workspace = Workspace::new(true);
        let long_ago = SystemTime::now() - std::time::Duration::from_secs(3600);
        let age = |path: &str| {
            let file = fs_err::OpenOptions::new().write(true).open(workspace.root.join(path)).unwrap();
            file.file().set_modified(long_ago).unwrap();
        };
        age("src/lib.rs");
        let first = workspace.survey();
        let before = first.see(None);
        first.save().unwrap();
        // The same size and the same time, set back.
        workspace.write("src/lib.rs", "src/lib.XX");
        age("src/lib.rs");
        assert_ne!(workspace.all(), before);
        workspace.write("src/lib.rs", "src/lib.rs");
        assert_eq!(workspace.all(), before);
    }

    #[test]
    fn many_files_are_read_by_several_threads_as_by_one() {
        let workspace = Workspace::new(false);
        for at in 0..3 * FEW {
            workspace.write(&format!("many/{at}.txt"), &format!("{at}"));
        }
        let seen = workspace.all();
        let hash = |at: usize| seen.files.get(&*format!("many/{at}.txt")).copied();
        for at in 0..3 * FEW {
            assert_eq!(hash(at), hash_file(workspace.root.join(format!("many/{at}.txt"))).ok());
        }
    }
}
