//! What was tested, as one hash: runs with the same input key ran the same thing, so that a pass and a failure under
//! one key prove a test flaky. Read beside the tests: nothing here comes before the first of them.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::store::{BinaryStamp, Store};
use crate::model::{BinaryId, ContentHash, Context};
use crate::sys::digest::{Fields, hash_file};
use crate::sys::git::{self, Checkout};

/// Repositories inside repositories are followed so deep.
const NESTED: u32 = 4;

/// What decides, beside the files, what is built and run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<'a> {
    /// Target, features and profile.
    pub context: &'a Context,
    /// All of `rustc -vV`.
    pub rustc: &'a str,
    /// RUSTFLAGS as they are in force, hashed: they may hold what is nobody's business.
    pub rustflags: ContentHash,
}

fn fields_of(setting: &Setting<'_>) -> Fields {
    let Context { target, features, profile } = setting.context;
    let mut fields: Fields = [setting.rustc, target, features, profile].into_iter().collect();
    fields.put(&setting.rustflags.0);
    fields
}

/// The input key of a checkout: the tree of the commit, the content of changed and untracked files that git does not
/// ignore, and Cargo.lock even if it is ignored. What lies under `output` (the target directory) is no input.
#[must_use]
pub fn input_key(
    checkout: &Checkout,
    workspace_root: &Utf8Path,
    output: &Utf8Path,
    setting: &Setting<'_>,
) -> ContentHash {
    let mut fields = fields_of(setting);
    put_checkout(&mut fields, checkout, output, NESTED);
    put_file(&mut fields, &workspace_root.join("Cargo.lock"));
    fields.finish()
}

fn put_checkout(fields: &mut Fields, checkout: &Checkout, output: &Utf8Path, depth: u32) {
    fields.put(checkout.tree.as_deref().unwrap_or_default().as_bytes());
    let changed = checkout.changed.iter().map(|path| (path, checkout.root.join(path)));
    for (path, file) in changed.filter(|(_, file)| !file.starts_with(output)) {
        fields.put(path.as_str().as_bytes());
        match nested_checkout(&file).filter(|_| depth > 0) {
            Some(nested) => {
                fields.put(nested.commit.as_deref().unwrap_or_default().as_bytes());
                put_checkout(fields, &nested, output, depth - 1);
            }
            None => put_file(fields, &file),
        }
    }
}

/// The repository that a directory is, and not only lies in.
fn nested_checkout(directory: &Utf8Path) -> Option<Checkout> {
    let whole = directory.is_dir().then(|| directory.canonicalize_utf8().ok()).flatten()?;
    git::read_checkout(directory).filter(|nested| nested.root.canonicalize_utf8().is_ok_and(|root| root == whole))
}

/// A file that is gone and one that cannot be read are told from every file that can.
fn put_file(fields: &mut Fields, file: &Utf8Path) {
    if let Ok(link) = fs_err::read_link(file) {
        return fields.put(link.as_os_str().as_encoded_bytes());
    }
    match hash_file(file) {
        Ok(hash) => fields.put(&hash.0),
        Err(_) => fields.put(b"none"),
    }
}

/// The input key where there is no git: the content of the binaries, and that of the Rust sources below the workspace's
/// root, since a doctest has no binary, and what a test starts is not in its own.
#[must_use]
pub fn input_key_of_binaries(
    hashes: &BTreeMap<BinaryId, ContentHash>,
    workspace_root: &Utf8Path,
    output: &Utf8Path,
    setting: &Setting<'_>,
) -> ContentHash {
    let mut fields = fields_of(setting);
    put_sources(&mut fields, workspace_root, output);
    for (binary, hash) in hashes {
        fields.put(binary.to_string().as_bytes());
        fields.put(&hash.0);
    }
    fields.finish()
}

/// Neither what is hidden nor what cargo built is a source, and no link is followed.
fn put_sources(fields: &mut Fields, directory: &Utf8Path, output: &Utf8Path) {
    let is_built = directory == output || directory.join("CACHEDIR.TAG").is_file();
    let Ok(entries) = directory.read_dir_utf8().map(|entries| entries.flatten()) else { return };
    let mut entries: Vec<_> = entries.filter(|entry| !is_built && !entry.file_name().starts_with('.')).collect();
    entries.sort_by(|a, b| a.file_name().cmp(b.file_name()));
    for entry in entries {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => put_sources(fields, entry.path(), output),
            Ok(kind) if kind.is_file() && entry.path().extension() == Some("rs") => {
                fields.put(entry.path().as_str().as_bytes());
                put_file(fields, entry.path());
            }
            _ => {}
        }
    }
}

/// A test binary's file as it is now, without looking into it: cheap enough before the first test.
pub fn stamp(binary: &BinaryId, path: &Utf8Path) -> std::io::Result<BinaryStamp> {
    let metadata = fs_err::metadata(path)?;
    let modified = metadata.modified()?;
    let mtime_ns = match modified.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    };
    Ok(BinaryStamp {
        binary: binary.clone(),
        path: Utf8PathBuf::from(path),
        size: metadata.len(),
        mtime_ns,
        hash: None,
    })
}

/// Adds the hash of its content to a stamp: the known one where path, size and time are those of a file that was
/// hashed before, else by reading the file.
pub fn hash_stamp(stamp: &mut BinaryStamp, store: Option<&dyn Store>) -> std::io::Result<ContentHash> {
    let known = store.and_then(|store| store.known_hash(&stamp.path, stamp.size, stamp.mtime_ns).ok().flatten());
    let hash = match known {
        Some(hash) => hash,
        None => hash_file(&stamp.path)?,
    };
    stamp.hash = Some(hash);
    Ok(hash)
}

/// The binaries that are not the files that were recorded last, new ones included.
#[must_use]
pub fn changed_binaries<'a>(now: &'a [BinaryStamp], recorded: &[BinaryStamp]) -> Vec<&'a BinaryId> {
    let recorded: BTreeMap<&BinaryId, &BinaryStamp> = recorded.iter().map(|stamp| (&stamp.binary, stamp)).collect();
    now.iter()
        .filter(|stamp| recorded.get(&stamp.binary).is_none_or(|before| !before.is_same_file(stamp)))
        .map(|stamp| &stamp.binary)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    struct Repository {
        _folder: tempfile::TempDir,
        root: Utf8PathBuf,
    }

    impl Repository {
        /// With one commit; nothing of the user's own configuration applies.
        fn new() -> Option<Self> {
            let folder = tempfile::tempdir().unwrap();
            let root = Utf8PathBuf::try_from(folder.path().canonicalize().unwrap()).unwrap();
            let repository = Self { _folder: folder, root };
            repository.write("src/lib.rs", "fn a() {}");
            repository.write(".gitignore", "Cargo.lock\nignored\n");
            repository.write("Cargo.lock", "version = 4");
            repository.git(&["init", "-q", "-b", "main"])?;
            repository.commit();
            Some(repository)
        }

        fn git(&self, arguments: &[&str]) -> Option<()> {
            let status = Command::new("git")
                .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgSign=false"])
                .args(arguments)
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .current_dir(&self.root)
                .status();
            status.is_ok_and(|status| status.success()).then_some(())
        }

        fn commit(&self) {
            self.git(&["add", "-A"]).unwrap();
            self.git(&["commit", "-q", "-m", "Change"]).unwrap();
        }

        fn write(&self, path: &str, text: &str) {
            let file = self.root.join(path);
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            fs_err::write(file, text).unwrap();
        }

        fn key(&self) -> ContentHash {
            let checkout = git::read_checkout(&self.root).unwrap();
            input_key(&checkout, &self.root, &self.root.join("target"), &setting(&context("dev"), "rustc 1"))
        }
    }

    fn context(profile: &str) -> Context {
        Context { target: "t".into(), features: String::new(), profile: profile.into() }
    }

    fn setting<'a>(context: &'a Context, rustc: &'a str) -> Setting<'a> {
        Setting { context, rustc, rustflags: ContentHash([0; 16]) }
    }

    #[test]
    fn the_key_follows_what_is_tested_and_nothing_else() {
        let Some(repository) = Repository::new() else { return };
        let clean = repository.key();
        assert_eq!(git::read_checkout(&repository.root).unwrap().branch.as_deref(), Some("main"));
        // What git ignores is no input, nor is what lies in the target directory; Cargo.lock is, though ignored.
        repository.write("ignored", "x");
        repository.write("target/debug/app", "binary");
        assert_eq!(repository.key(), clean);
        repository.write("Cargo.lock", "version = 3");
        assert_ne!(repository.key(), clean);
        repository.write("Cargo.lock", "version = 4");
        assert_eq!(repository.key(), clean);
        // Changed, untracked, renamed and deleted files; the same content again is the same input.
        let mut keys = vec![clean];
        repository.write("src/lib.rs", "fn b() {}");
        keys.push(repository.key());
        repository.write("a new file.txt", "1");
        keys.push(repository.key());
        repository.write("a new file.txt", "2");
        keys.push(repository.key());
        fs_err::remove_file(repository.root.join("src/lib.rs")).unwrap();
        keys.push(repository.key());
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{at}");
        }
        repository.write("src/lib.rs", "fn a() {}");
        fs_err::remove_file(repository.root.join("a new file.txt")).unwrap();
        assert_eq!(repository.key(), clean);
        repository.write("src/lib.rs", "fn c() {}");
        repository.commit();
        assert_ne!(repository.key(), clean);
    }

    #[test]
    fn a_change_in_a_repository_inside_the_repository_is_a_change() {
        let (Some(outer), Some(inner)) = (Repository::new(), Repository::new()) else { return };
        let nested = outer.root.join("nested");
        fs_err::rename(&inner.root, &nested).unwrap();
        let before = outer.key();
        assert_eq!(outer.key(), before);
        fs_err::write(nested.join("src/lib.rs"), "fn changed() {}").unwrap();
        assert_ne!(outer.key(), before);
    }

    #[test]
    fn settings_are_part_of_the_key() {
        let (dev, release) = (context("dev"), context("release"));
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        let key = |hashes: &BTreeMap<_, _>, setting: &Setting<'_>| input_key_of_binaries(hashes, root, root, setting);
        let hashes = BTreeMap::from([("app/app".parse().unwrap(), ContentHash([1; 16]))]);
        let keys = [
            key(&hashes, &setting(&dev, "rustc 1")),
            key(&hashes, &setting(&dev, "rustc 2")),
            key(&hashes, &setting(&release, "rustc 1")),
            key(&hashes, &Setting { rustflags: ContentHash([1; 16]), ..setting(&dev, "rustc 1") }),
            key(&BTreeMap::new(), &setting(&dev, "rustc 1")),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{at}");
        }
        assert_eq!(keys[0], key(&hashes, &setting(&dev, "rustc 1")));
    }

    #[test]
    fn without_git_sources_are_part_of_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        let dev = context("dev");
        let write = |path: &str, text: &str| {
            let file = root.join(path);
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            fs_err::write(file, text).unwrap();
            input_key_of_binaries(&BTreeMap::new(), root, &root.join("target"), &setting(&dev, "rustc 1"))
        };
        let first = write("src/lib.rs", "/// ```\n/// assert!(true);\n/// ```");
        let second = write("src/lib.rs", "/// ```\n/// assert!(false);\n/// ```");
        assert_ne!(first, second);
        // What tests write as they run is no source, nor is what is built or hidden.
        for path in ["log.txt", "target/debug/build/out/made.rs", ".cache/a.rs"] {
            assert_eq!(write(path, "x"), second, "{path}");
        }
        write("other/built/CACHEDIR.TAG", "");
        assert_eq!(write("other/built/a.rs", "x"), second);
        assert_eq!(write("src/lib.rs", "/// ```\n/// assert!(true);\n/// ```"), first);
    }
}
