//! `archive.json`: what an archive says of itself. Its parser believes nothing: it may come from anywhere.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::Overlay;
use crate::cargo::launch::Role;
use crate::model::{ContentHash, Context, Kind};

/// The format that this version writes, and the only one it reads.
pub const SCHEMA_VERSION: u64 = 1;

/// More files than this are in no archive.
const MOST_FILES: usize = 1_000_000;

/// Nor is more than this in one, unpacked.
const MOST_BYTES: u64 = 256 << 30;

/// What is in an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u64,
    /// The triple of the host that built it.
    pub host: String,
    /// All of `rustc -vV` there.
    pub rustc: String,
    /// RUSTFLAGS as they were in force, hashed: only whether they were the same matters.
    pub rustflags: ContentHash,
    /// Target, features and profile.
    pub context: Context,
    /// cargo's flags that say what was built.
    pub cargo_flags: Vec<String>,
    /// The commit that was checked out, where git could tell.
    pub commit: Option<String>,
    /// What was built, as one hash, where git could tell.
    pub input_key: Option<ContentHash>,
    /// Where it was built.
    pub place: Place,
    /// Every test executable.
    pub artifacts: Vec<ArtifactEntry>,
    /// Everything cargo would have launched, in its order.
    pub launches: Vec<LaunchEntry>,
    /// Directories to be made, though they may be empty; relative to the target directory.
    pub directories: BTreeSet<String>,
    /// The files, by their paths relative to the target directory, in the order in which they follow.
    pub files: BTreeMap<String, FileEntry>,
}

/// The directories that paths are in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The workspace's root.
    pub workspace_root: Utf8PathBuf,
    /// cargo's target directory.
    pub target_directory: Utf8PathBuf,
    /// What `rustc --print sysroot` says.
    pub sysroot: Utf8PathBuf,
}

/// A test executable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactEntry {
    /// The name of its package.
    pub package: String,
    /// What sort of target it is.
    pub kind: Kind,
    /// The target's name.
    pub name: String,
    /// The file that its source begins in.
    pub source: String,
    /// Where it was.
    pub executable: String,
}

/// How cargo would have launched something, without the environment that cargo was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchEntry {
    /// What it is.
    pub role: Role,
    /// For which target triple; empty where cargo does not say.
    pub triple: String,
    /// Where.
    pub cwd: String,
    /// The program (empty for rustdoc) and its arguments.
    pub argv: Vec<String>,
    /// What cargo set.
    pub environment: Overlay,
}

/// A file that follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its length.
    pub size: u64,
    /// May it be started?
    pub executable: bool,
}

impl Inventory {
    /// Reads what [`Inventory::to_json`] wrote. An error is the end of a sentence.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            schema_version: u64,
        }
        let unreadable = |error: serde_json::Error| format!("its archive.json cannot be read: {error}");
        let Version { schema_version } = serde_json::from_slice(bytes).map_err(unreadable)?;
        if schema_version != SCHEMA_VERSION {
            return Err(format!(
                "its format is number {schema_version}, and this version reads number {SCHEMA_VERSION}: write and run \
                 it with one version of cargo gate"
            ));
        }
        let inventory: Self = serde_json::from_slice(bytes).map_err(unreadable)?;
        inventory.check()?;
        Ok(inventory)
    }

    /// As it stands in the archive.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
    }

    /// How many bytes its files have in all.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.values().fold(0, |sum, file| sum.saturating_add(file.size))
    }

    /// Does it have crates' documentation tests, which are compiled where they run?
    #[must_use]
    pub fn has_doctests(&self) -> bool {
        self.launches.iter().any(|launch| launch.role == Role::Rustdoc)
    }

    fn check(&self) -> Result<(), String> {
        let count = self.files.len() + self.directories.len();
        if count > MOST_FILES || self.size() > MOST_BYTES {
            return Err(format!("it claims to hold {count} files of {} bytes", self.size()));
        }
        if let Some(path) = self.files.keys().chain(&self.directories).find(|path| !is_inside(path)) {
            return Err(format!("`{path}` would lie outside of the target directory"));
        }
        Ok(())
    }
}

/// Is this a path from the target directory to something in it? The same on every system.
pub(super) fn is_inside(path: &str) -> bool {
    let is_foreign = |name: &str| cfg!(windows) && name.contains(['\\', ':']);
    let is_odd = |name: &str| name.is_empty() || name == "." || name == ".." || name.contains('\0');
    let is_name = |name: &str| !is_odd(name) && !is_foreign(name);
    path.split('/').all(is_name)
}

/// The path of a file in the target directory as it stands in an archive.
pub(super) fn entry_path(target_directory: &Utf8Path, file: &Utf8Path) -> Option<String> {
    let inside = file.strip_prefix(target_directory).ok()?;
    let names: Vec<&str> = inside.components().map(|name| name.as_str()).collect();
    Some(names.join("/")).filter(|path| is_inside(path))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Of one test executable `debug/deps/app-1`, with these files in it.
    pub(in crate::cargo::archive) fn inventory(files: &[(&str, &[u8])]) -> Inventory {
        let entry = |(path, bytes): &(&str, &[u8])| {
            ((*path).to_owned(), FileEntry { size: bytes.len() as u64, executable: true })
        };
        Inventory {
            schema_version: SCHEMA_VERSION,
            host: "a-b-c".to_owned(),
            rustc: "rustc 1.0.0\nhost: a-b-c\n".to_owned(),
            rustflags: ContentHash([0; 16]),
            context: Context { target: "a-b-c".into(), features: String::new(), profile: "test".into() },
            cargo_flags: vec!["--workspace".to_owned()],
            commit: None,
            input_key: None,
            place: Place {
                workspace_root: "/there".into(),
                target_directory: "/there/target".into(),
                sysroot: "/sysroot".into(),
            },
            artifacts: vec![ArtifactEntry {
                package: "app".to_owned(),
                kind: Kind::Lib,
                name: "app".to_owned(),
                source: "/there/src/lib.rs".to_owned(),
                executable: "/there/target/debug/deps/app-1".to_owned(),
            }],
            launches: vec![LaunchEntry {
                role: Role::Binary,
                triple: "a-b-c".to_owned(),
                cwd: "/there".to_owned(),
                argv: vec!["/there/target/debug/deps/app-1".to_owned()],
                environment: Overlay {
                    set: [("CARGO_MANIFEST_DIR".to_owned(), "/there".to_owned())].into(),
                    ..Overlay::default()
                },
            }],
            directories: BTreeSet::new(),
            files: files.iter().map(entry).collect(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let inventory = inventory(&[("debug/deps/app-1", b"x")]);
        assert_eq!(Inventory::parse(&inventory.to_json().unwrap()), Ok(inventory));
    }

    #[test]
    fn what_is_not_as_this_version_writes_it_is_refused() {
        let json = serde_json::to_value(inventory(&[])).unwrap();
        let with = |field: &str, value: serde_json::Value| {
            let mut json = json.clone();
            json[field] = value;
            Inventory::parse(json.to_string().as_bytes()).unwrap_err()
        };
        assert!(with("schema_version", 2.into()).starts_with("its format is number 2"));
        assert!(with("more", true.into()).contains("unknown field `more`"));
        let file = |size: u64| serde_json::json!({ "size": size, "executable": false });
        assert!(with("files", serde_json::json!({ "../x": file(1) })).contains("outside"));
        assert!(with("directories", serde_json::json!(["a/../../b"])).contains("outside"));
        let bomb = serde_json::json!({ "a": file(u64::MAX), "b": file(1) });
        assert!(with("files", bomb).starts_with("it claims to hold 2 files"));
        for garbage in [&b""[..], b"{}", b"[1]", b"\xff", b"{\"schema_version\":1}"] {
            assert!(Inventory::parse(garbage).is_err());
        }
    }

    #[test]
    fn only_paths_that_lead_into_a_directory_lie_inside() {
        for (path, inside) in [
            ("debug/deps/app-1", true),
            ("a b/.c/..d", true),
            ("", false),
            ("/etc/passwd", false),
            ("..", false),
            ("a/..", false),
            ("a/./b", false),
            ("a//b", false),
            ("a/", false),
            ("a\0b", false),
        ] {
            assert_eq!(is_inside(path), inside, "{path:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Inventory::parse(&bytes);
        }

        #[test]
        fn no_change_of_one_byte_panics(at in 0_usize..3000, byte in any::<u8>()) {
            let mut json = inventory(&[("debug/deps/app-1", b"x")]).to_json().unwrap();
            let at = at % json.len();
            json[at] = byte;
            let _ = Inventory::parse(&json);
        }

        #[test]
        fn what_lies_inside_stays_inside_when_it_is_joined(path in "[a-z./]{0,12}") {
            prop_assume!(is_inside(&path));
            let joined = Utf8Path::new("/t").join(&path);
            prop_assert!(joined.starts_with("/t") && joined != "/t");
            prop_assert!(joined.components().all(|part| part.as_str() != ".."));
        }
    }
}
