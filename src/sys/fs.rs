//! Atomic replacement of files.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Puts `contents` in the place of `path`, whole or not at all, whatever happens meanwhile: a temporary file in the
/// same directory is written, synced and renamed over it. Directories that are missing are made.
///
/// # Errors
///
/// What the file system says; the old file then stands as it was.
pub fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    replace_with(path, |file| file.write_all(contents))
}

/// The same for contents that are written bit by bit, by `write`; gives what that gives.
///
/// # Errors
///
/// What `write` or the file system says; the old file then stands as it was.
pub fn replace_with<T, E: From<io::Error>>(path: &Path, write: impl FnOnce(&mut File) -> Result<T, E>) -> Result<T, E> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    fs_err::create_dir_all(dir)?;
    let mut file = tempfile::Builder::new().prefix(".gate-").suffix(".tmp").tempfile_in(dir)?;
    permit_as_before(path, file.as_file())?;
    let written = write(file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| {
        io::Error::new(failed.error.kind(), format!("failed to replace `{}`: {}", path.display(), failed.error))
    })?;
    sync_directory(dir);
    Ok(written)
}

/// A temporary file is its owner's alone; what replaces a file is to be read by whoever could read that.
#[cfg(unix)]
fn permit_as_before(path: &Path, new: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let permissions = match std::fs::metadata(path) {
        Ok(old) => old.permissions(),
        Err(_) => std::fs::Permissions::from_mode(0o644),
    };
    new.set_permissions(permissions)
}

#[cfg(not(unix))]
fn permit_as_before(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
}

/// Without this a rename may be lost at a power cut. Not every file system can do it, and the file is in place anyway.
fn sync_directory(dir: &Path) {
    if cfg!(unix) {
        let _ = File::open(dir).and_then(|dir| dir.sync_all());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/report.md");
        replace(&path, b"one, and longer").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_leaves_the_old_state_and_no_litter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        std::fs::create_dir_all(path.join("inside")).unwrap();
        let error = replace(&path, b"x").unwrap_err();
        assert!(error.to_string().contains("taken"), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_stay_as_they_were() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.md");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        replace(&path, b"one").unwrap();
        assert_eq!(mode(&path), 0o644);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(mode(&path), 0o600);
    }
}
