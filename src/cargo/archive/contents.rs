//! What goes into an archive: the test executables, and what they need of the target directory when they run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use super::Error;
use super::inventory::{FileEntry, entry_path};
use crate::cargo::build::Built;
use crate::cargo::launch::Role;
use crate::cargo::workspace::Workspace;
use crate::model::{Kind, write_size};

/// The `OUT_DIR` of a build script that holds more than this is left out.
const MOST_OF_AN_OUT_DIR: u64 = 256 << 20;

/// Directories in an `OUT_DIR` are followed so deep.
const DEEPEST: u32 = 32;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Each file by its path in the archive, and where it is.
    pub files: BTreeMap<String, (Utf8PathBuf, FileEntry)>,
    /// Directories that must be there, though they may be empty.
    pub directories: BTreeSet<String>,
    /// What was left out: a sentence each.
    pub left_out: Vec<String>,
}

/// Finds everything that the launches of a build need.
pub fn collect(built: &Built, workspace: &Workspace) -> Result<Contents, Error> {
    let mut contents = Contents::default();
    let root = &workspace.target_dir;
    for artifact in &built.artifacts {
        contents.put(root, utf8(&artifact.executable)?)?;
        if matches!(artifact.kind, Kind::Test | Kind::Bench) {
            contents.put_scratch(root, &artifact.executable);
        }
    }
    for program in &built.outputs.programs {
        contents.put(root, utf8(program)?)?;
    }
    if built.launches.iter().any(|launch| launch.role == Role::Rustdoc) {
        for library in built.outputs.libraries.iter().cloned().chain(named_by_rustdoc(built)) {
            contents.put(root, utf8(&library)?)?;
        }
    }
    for directory in built.outputs.searched.iter().filter(|directory| directory.starts_with(root)) {
        contents.put_dynamic_libraries(root, directory)?;
    }
    for (package, out_dir) in &built.outputs.out_dirs {
        if let Some(package) = workspace.packages.get(package) {
            contents.put_out_dir(root, utf8(out_dir)?, &package.name, MOST_OF_AN_OUT_DIR)?;
        }
    }
    Ok(contents)
}

/// The libraries in rustdoc's own command lines.
fn named_by_rustdoc(built: &Built) -> impl Iterator<Item = PathBuf> {
    let rustdoc = built.launches.iter().filter(|launch| launch.role == Role::Rustdoc);
    let words = rustdoc.flat_map(|launch| launch.argv.windows(2)).filter(|pair| pair.first().is_some_and(is_extern));
    words.filter_map(|pair| Some(PathBuf::from(pair.get(1)?.to_str()?.split_once('=')?.1)))
}

fn is_extern(word: &std::ffi::OsString) -> bool {
    word == "--extern"
}

fn utf8(path: &Path) -> Result<&Utf8Path, Error> {
    let why = || Error::Refused(format!("`{}` cannot go into an archive: its name is no UTF-8", path.display()));
    Utf8Path::from_path(path).ok_or_else(why)
}

impl Contents {
    fn put(&mut self, root: &Utf8Path, file: &Utf8Path) -> Result<(), Error> {
        let Some(name) = entry_path(root, file) else {
            let why = format!(
                "`{file}` cannot go into an archive: it lies outside of the target directory `{root}` (`build.build-dir` \
                 cannot be used with archives)"
            );
            return Err(Error::Refused(why));
        };
        let metadata = fs::metadata(file)?;
        if metadata.is_file() {
            let entry = FileEntry { size: metadata.len(), executable: is_executable(&metadata) };
            self.files.insert(name, (file.to_owned(), entry));
        }
        Ok(())
    }

    /// `CARGO_TARGET_TMPDIR`, which cargo makes beside the profile's directory; what tests left there is theirs.
    fn put_scratch(&mut self, root: &Utf8Path, executable: &Path) {
        let scratch = executable.ancestors().nth(3).map(|above| above.join("tmp")).filter(|tmp| tmp.is_dir());
        let scratch = scratch.as_deref().and_then(Utf8Path::from_path);
        self.directories.extend(scratch.and_then(|scratch| entry_path(root, scratch)));
    }

    /// What a build script of a dependency built for the dynamic linker to find.
    fn put_dynamic_libraries(&mut self, root: &Utf8Path, directory: &Path) -> Result<(), Error> {
        // A build script may name a directory that it never made.
        let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_dynamic = name.ends_with(".so")
                || name.contains(".so.")
                || [".dylib", ".dll"].iter().any(|end| name.ends_with(end));
            if is_dynamic && path.is_file() {
                self.put(root, utf8(&path)?)?;
            }
        }
        Ok(())
    }

    fn put_out_dir(&mut self, root: &Utf8Path, out_dir: &Utf8Path, package: &str, most: u64) -> Result<(), Error> {
        let mut found = Self::default();
        let mut left = most;
        if !out_dir.is_dir() {
            return Ok(());
        }
        if found.walk(root, out_dir, &mut left, DEEPEST)? {
            self.files.extend(found.files);
            self.directories.extend(found.directories);
            self.left_out.extend(found.left_out);
        } else {
            self.left_out.push(format!(
                "the OUT_DIR of {package} holds more than {} and is not in the archive: tests that read it will fail \
                 ({out_dir})",
                write_size(most)
            ));
        }
        Ok(())
    }

    /// Takes a directory with all that is in it; false where that is too much.
    fn walk(&mut self, root: &Utf8Path, directory: &Utf8Path, left: &mut u64, deep: u32) -> Result<bool, Error> {
        self.directories.extend(entry_path(root, directory));
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let path = utf8(&path)?;
            // What a link leads to goes in under the link's name; directories might lead in circles.
            let is_link = path.is_symlink();
            if path.is_dir() {
                if is_link || deep == 0 {
                    let why = if is_link { "links to directories are not followed" } else { "it lies too deep" };
                    self.left_out.push(format!("`{path}` is not in the archive: {why}"));
                } else if !self.walk(root, path, left, deep - 1)? {
                    return Ok(false);
                }
            } else if path.is_file() {
                match left.checked_sub(fs::metadata(path)?.len()) {
                    Some(less) => *left = less,
                    None => return Ok(false),
                }
                self.put(root, path)?;
            }
        }
        Ok(true)
    }
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &std::fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(most: u64) -> Contents {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        let out = root.join("debug/build/app-1/out");
        fs::create_dir_all(out.join("deep/empty")).unwrap();
        fs::write(out.join("deep/made.rs"), "1234").unwrap();
        fs::write(out.join("more"), "1234").unwrap();
        let mut contents = Contents::default();
        contents.put_out_dir(root, &out, "app", most).unwrap();
        contents
    }

    #[test]
    fn an_out_dir_goes_in_whole() {
        let contents = found(8);
        let names: Vec<&str> = contents.files.keys().map(String::as_str).collect();
        assert_eq!(names, ["debug/build/app-1/out/deep/made.rs", "debug/build/app-1/out/more"]);
        assert_eq!(contents.directories.iter().next_back().unwrap(), "debug/build/app-1/out/deep/empty");
        assert!(contents.left_out.is_empty());
    }

    #[test]
    fn an_out_dir_that_is_too_large_is_left_out_and_named() {
        let contents = found(7);
        assert!(contents.files.is_empty() && contents.directories.is_empty());
        assert_eq!(contents.left_out.len(), 1);
        assert!(contents.left_out[0].starts_with("the OUT_DIR of app holds more than 7B"), "{:?}", contents.left_out);
    }

    #[test]
    fn what_lies_outside_of_the_target_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = Utf8PathBuf::from_path_buf(dir.path().join("app")).unwrap();
        fs::write(&file, "").unwrap();
        let why = Contents::default().put(Utf8Path::new("/elsewhere/target"), &file).unwrap_err().to_string();
        assert!(why.contains("outside of the target directory"), "{why}");
    }
}
