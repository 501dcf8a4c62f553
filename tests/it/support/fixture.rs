//! A fixture workspace, copied and armed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::Invocation;

/// Where the fixtures are kept, disarmed.
fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// Where what fixtures compile to is kept from one test to the next, and from one run of the tests to the next.
fn compiled() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixtures")
}

/// A copy of a fixture in a temporary directory, which goes when this value does.
///
/// The temporary directory is outside this repository, so that neither its git nor its cargo configuration is found.
pub(crate) struct Fixture {
    place: TempDir,
    target: PathBuf,
}

impl Fixture {
    /// A copy of `testdata/<name>` whose compiled form is shared: whoever comes first compiles, the others find it
    /// fresh, since cargo looks at paths relative to the workspace and at modification times, which the copy keeps.
    /// cargo's own lock on the target directory makes the others wait.
    ///
    /// For tests that leave the sources as they are (configuration for the gate may be added). The history is the
    /// copy's own: see [`Fixture::gate_dir`].
    pub(crate) fn shared(name: &str) -> Self {
        let fixture = Self::empty(compiled().join(name));
        copy_armed(&testdata().join(name), &fixture.root());
        fixture
    }

    /// A copy of `testdata/<name>` with a target directory of its own, `target`, as a user has it: for tests that
    /// edit sources, or whose fixture keeps something in the target directory.
    pub(crate) fn alone(name: &str) -> Self {
        let mut fixture = Self::bare();
        copy_armed(&testdata().join(name), &fixture.root());
        fixture.target = fixture.root().join("target");
        fixture
    }

    /// An empty directory to [`write`](Fixture::write) a workspace into, with a target directory of its own.
    pub(crate) fn bare() -> Self {
        let mut fixture = Self::empty(PathBuf::new());
        fixture.target = fixture.root().join("target");
        fixture
    }

    /// An empty workspace with that target directory.
    pub(super) fn empty(target: PathBuf) -> Self {
        let place = tempfile::Builder::new().prefix("gate-fixture-").tempdir().unwrap();
        let fixture = Self { place, target };
        fs::create_dir(fixture.root()).unwrap();
        fs::create_dir(fixture.scratch()).unwrap();
        fixture
    }

    /// The workspace's root. The same path that processes see: nothing in it is a symbolic link.
    pub(crate) fn root(&self) -> PathBuf {
        self.place.path().canonicalize().unwrap().join("workspace")
    }

    /// Where cargo compiles to.
    pub(crate) fn target_dir(&self) -> &Path {
        &self.target
    }

    /// What fixture tests find in `GATE_FIXTURE_DIR`: a directory of this copy's own, empty at first.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.place.path().canonicalize().unwrap().join("scratch")
    }

    /// The gate's directory, of this copy's own also where the target directory is shared.
    pub(crate) fn gate_dir(&self) -> PathBuf {
        if self.has_own_target() { self.target.join("gate") } else { self.place.path().join("gate") }
    }

    /// Is nobody else's work in the target directory?
    pub(super) fn has_own_target(&self) -> bool {
        self.target.starts_with(self.root())
    }

    /// Writes a file of the workspace, and the directories above it.
    pub(crate) fn write(&self, path: &str, contents: &str) -> &Self {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
        self
    }

    /// Reads a file of the workspace.
    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Makes the workspace a git repository on branch `main` with everything committed.
    pub(crate) fn commit_all(&self) -> &Self {
        self.write(".gitignore", "target/\n");
        for args in [&["init", "-q", "-b", "main"][..], &["add", "-A"], &["commit", "-q", "-m", "A state of things"]] {
            self.command("git").args(args.iter().copied()).run().assert_code(0);
        }
        self
    }

    /// `cargo gate …` as cargo would start it, in the workspace's root.
    pub(crate) fn gate<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Invocation {
        Invocation::new(self, env!("CARGO_BIN_EXE_cargo-gate")).arg("gate").args(args)
    }

    /// `cargo …` in the workspace's root.
    pub(crate) fn cargo<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Invocation {
        Invocation::new(self, Invocation::cargo_path()).args(args)
    }

    /// Any program in the workspace's root.
    pub(crate) fn command(&self, program: &str) -> Invocation {
        Invocation::new(self, program)
    }
}

/// Copies a tree, arming `Cargo_test.toml` to `Cargo.toml`, and keeping modification times, by which cargo judges
/// freshness.
fn copy_armed(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("no fixture {}: {error}", from.display())) {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == "target" {
            continue;
        }
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_armed(&entry.path(), &to.join(name));
            continue;
        }
        let copy = to.join(if name == "Cargo_test.toml" { "Cargo.toml".into() } else { name });
        fs::copy(entry.path(), &copy).unwrap();
        let modified = entry.metadata().unwrap().modified().unwrap();
        File::options().write(true).open(copy).unwrap().set_modified(modified).unwrap();
    }
}
