//! The target directory of instrumented builds, and what must go from it before anything is summed up.
//!
//! cargo-llvm-cov sums up *everything* that lies there. So three things go, each of which would otherwise count for a
//! build it has nothing to do with: the raw profiles of earlier runs, what they were merged into, and executables that
//! the build at hand does not name.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::model::Context;
use crate::sys::fs::{self, FileId, Lock};

/// The directory of instrumented builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    path: Utf8PathBuf,
}

/// What cargo and cargo-llvm-cov make without executing anything of it.
const SCRATCH: [&str; 3] = ["incremental", ".fingerprint", "build"];

impl Directory {
    /// One per target, profile and features, so that switching between them neither rebuilds nor mixes.
    #[must_use]
    pub fn of(target_dir: &Utf8Path, context: &Context) -> Self {
        let text = format!("{}\n{}\n{}", context.target, context.features, context.profile);
        let hash = blake3::hash(text.as_bytes()).to_hex();
        let name = format!("{}-{}", context.profile, hash.get(..8).unwrap_or_default());
        Self { path: target_dir.join("gate-coverage").join(name) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Where a measurement is summed up, as llvm-cov's JSON.
    #[must_use]
    pub fn exported(&self) -> Utf8PathBuf {
        self.path.join("coverage.json")
    }

    /// Where is written how the measurement came about that was summed up last.
    #[must_use]
    pub fn circumstances(&self) -> Utf8PathBuf {
        self.path.join("circumstances.json")
    }

    /// Keeps others from measuring here: they would remove each other's profiles. Waits at most so long.
    ///
    /// # Errors
    ///
    /// What the file system says, and [`io::ErrorKind::TimedOut`].
    pub fn lock(&self, patience: Duration) -> io::Result<Lock> {
        fs::lock(self.path.join("measuring.lock").as_std_path(), patience)
    }

    /// Removes what earlier measurements left: raw profiles, what they were merged into, and what was summed up.
    ///
    /// # Errors
    ///
    /// Where a file cannot be removed: it would be counted.
    pub fn discard_profiles(&self) -> io::Result<()> {
        self.discard(|path| is_scratch(path) || path.extension() == Some("json"))
    }

    /// Removes profiles, raw ones and what they were merged into.
    ///
    /// # Errors
    ///
    /// Where a file cannot be removed.
    pub fn discard_scratch(&self) -> io::Result<()> {
        self.discard(is_scratch)
    }

    /// Removes the raw profiles that are none of these.
    ///
    /// # Errors
    ///
    /// Where a file cannot be removed: it would be counted.
    pub fn discard_profiles_but(&self, kept: &HashSet<Utf8PathBuf>) -> io::Result<()> {
        self.discard(|path| path.extension() == Some("profraw") && !kept.contains(path))
    }

    fn discard(&self, goes: impl Fn(&Utf8Path) -> bool) -> io::Result<()> {
        for path in files_in(&self.path)?.iter().filter(|path| goes(path)) {
            fs_err::remove_file(path)?;
        }
        Ok(())
    }

    /// The raw profiles that there are.
    ///
    /// # Errors
    ///
    /// Where the directory cannot be read.
    pub fn profiles(&self) -> io::Result<Vec<Utf8PathBuf>> {
        let files = files_in(&self.path)?.into_iter();
        Ok(files.filter(|path| path.extension() == Some("profraw")).collect())
    }

    /// Makes cargo build the named packages anew, whatever it has built.
    ///
    /// # Errors
    ///
    /// Where cargo's notes of what it built cannot be removed.
    pub fn forget_builds(&self, packages: &[&str]) -> io::Result<()> {
        let mut waiting = vec![self.path.clone()];
        while let Some(dir) = waiting.pop() {
            for path in folders_in(&dir)? {
                if path.file_name() == Some(".fingerprint") {
                    for unit in folders_in(&path)? {
                        let name = unit.file_name().and_then(|name| name.rsplit_once('-')).map_or("", |(name, _)| name);
                        if packages.contains(&name) {
                            fs_err::remove_dir_all(&unit)?;
                        }
                    }
                } else if !matches!(path.file_name(), Some("deps" | "build" | "incremental" | "examples" | "tmp")) {
                    waiting.push(path);
                }
            }
        }
        Ok(())
    }

    /// Removes executables and dynamic libraries that the build does not name; gives how many went. The same file may
    /// have two names: cargo links an executable from where it was made to where people look for it. Build scripts
    /// are not counted, and stay; so does what tests keep in the temporary folder that cargo gives them.
    ///
    /// # Errors
    ///
    /// Where a file cannot be removed: it would be counted.
    pub fn discard_strangers(&self, named: &[PathBuf]) -> io::Result<u64> {
        let known: HashSet<FileId> = named.iter().filter_map(|path| FileId::of(path).ok()).collect();
        let mut gone = 0;
        let mut waiting: Vec<Utf8PathBuf> = folders_in(&self.path)?;
        waiting.retain(|path| path.file_name() != Some("tmp"));
        while let Some(dir) = waiting.pop() {
            for path in &files_in(&dir)? {
                let kind = path.symlink_metadata()?.file_type();
                if kind.is_dir() {
                    let is_scratch = path.file_name().is_some_and(|name| SCRATCH.contains(&name));
                    waiting.extend((!is_scratch).then(|| path.clone()));
                } else if kind.is_file()
                    && is_object(path)
                    && !FileId::of(path.as_std_path()).is_ok_and(|id| known.contains(&id))
                {
                    fs_err::remove_file(path)?;
                    gone += 1;
                }
            }
        }
        Ok(gone)
    }
}

fn files_in(dir: &Utf8Path) -> io::Result<Vec<Utf8PathBuf>> {
    match dir.read_dir_utf8() {
        Ok(entries) => entries.map(|entry| Ok(entry?.path().to_owned())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn folders_in(dir: &Utf8Path) -> io::Result<Vec<Utf8PathBuf>> {
    Ok(files_in(dir)?.into_iter().filter(|path| path.is_dir()).collect())
}

fn is_scratch(path: &Utf8Path) -> bool {
    let is_list = path.file_name().is_some_and(|name| name.ends_with("-profraw-list"));
    is_list || matches!(path.extension(), Some("profraw" | "profdata"))
}

/// Could it be something that llvm-cov reads coverage from? By name alone where the system has no executable bit.
fn is_object(path: &Utf8Path) -> bool {
    if matches!(path.extension(), Some("d" | "rlib" | "rmeta" | "profraw" | "profdata" | "json" | "o" | "timestamp")) {
        return false;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    matches!(path.extension(), Some("exe" | "dll"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_context_has_a_directory_of_its_own() {
        let context = |target: &str, features: &str, profile: &str| Context {
            target: target.into(),
            features: features.into(),
            profile: profile.into(),
        };
        let of = |context: &Context| Directory::of("/w/target".into(), context);
        let plain = of(&context("t", "", "dev"));
        assert!(plain.path().as_str().starts_with("/w/target/gate-coverage/dev-"), "{plain:?}");
        for other in [context("u", "", "dev"), context("t", "-F x", "dev"), context("t", "", "release")] {
            assert_ne!(of(&other), plain);
        }
    }

    fn make(path: &Utf8Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn only_what_the_build_names_stays() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Directory { path: Utf8Path::from_path(folder.path()).unwrap().to_owned() };
        let suffix = if cfg!(windows) { ".exe" } else { "" };
        let in_deps = |name: &str| dir.path.join(format!("debug/deps/{name}{suffix}"));
        let (test, stale, other) =
            (in_deps("app-1111111111111111"), in_deps("app-2222222222222222"), in_deps("dep-3333333333333333"));
        let of_a_test = dir.path.join(format!("tmp/tool{suffix}"));
        for path in [&test, &stale, &other, &of_a_test] {
            make(path);
        }
        let linked = in_deps("tool-4444444444444444");
        make(&linked);
        let uplifted = dir.path.join(format!("debug/tool{suffix}"));
        std::fs::hard_link(&linked, &uplifted).unwrap();
        let named = [&test, &other, &uplifted].map(|path| path.clone().into_std_path_buf());
        let gone = dir.discard_strangers(&named).unwrap();
        assert_eq!((gone, stale.exists()), (1, false));
        for path in [&test, &other, &linked, &uplifted, &of_a_test] {
            assert!(path.exists(), "{path}");
        }
    }

    #[test]
    fn nothing_of_an_earlier_measurement_stays() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Directory { path: Utf8Path::from_path(folder.path()).unwrap().to_owned() };
        for name in
            ["a.profraw", "b.profdata", "app-profraw-list", "coverage.json", "circumstances.json", "debug/c.profraw"]
        {
            make(&dir.path.join(name));
        }
        dir.discard_profiles().unwrap();
        let left = files_in(&dir.path).unwrap();
        assert_eq!(left, [dir.path.join("debug")]);
    }

    #[test]
    fn only_the_named_packages_are_built_anew() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Directory { path: Utf8Path::from_path(folder.path()).unwrap().to_owned() };
        let notes = dir.path.join("debug/.fingerprint");
        for unit in ["app-1111111111111111", "app-core-2222222222222222", "other-3333333333333333"] {
            make(&notes.join(unit).join("lib-app"));
        }
        dir.forget_builds(&["app"]).unwrap();
        let mut left: Vec<String> =
            files_in(&notes).unwrap().iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        left.sort();
        assert_eq!(left, ["app-core-2222222222222222", "other-3333333333333333"]);
    }
}
