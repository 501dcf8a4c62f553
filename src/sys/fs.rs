//! Files: replaced as a whole, told apart, and locks between processes.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Puts `contents` in the place of `path`, whole or not at all, whatever happens meanwhile: a temporary file in the
/// same directory is written, synced and renamed over it, and that is synced, too. Directories that are missing are made.
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
    let made = missing_directories(dir);
    fs_err::create_dir_all(dir)?;
    let mut file = tempfile::Builder::new().prefix(".gate-").suffix(".tmp").tempfile_in(dir)?;
    permit_as_before(path, file.as_file())?;
    let written = write(file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| {
        io::Error::new(failed.error.kind(), format!("failed to replace `{}`: {}", path.display(), failed.error))
    })?;
    sync_directory(dir);
    // A directory that was made is an entry of another one.
    made.into_iter().filter_map(Path::parent).for_each(sync_directory);
    Ok(written)
}

/// Those of a directory and the ones it lies in that are not there yet, the innermost first.
fn missing_directories(dir: &Path) -> Vec<&Path> {
    dir.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists()).collect()
}

/// A lock that only one process, and one thread of it, holds at a time. The system releases it when the holder ends,
/// however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// How long to wait before looking again whether a lock is free.
const GLANCE: Duration = Duration::from_millis(5);

/// Takes the lock that a file beside the data stands for, and waits for it at most so long. The file stays: who removed
/// it could take the lock from under another one's feet.
///
/// # Errors
///
/// What the file system says, and [`io::ErrorKind::TimedOut`].
pub fn lock(path: &Path, patience: Duration) -> io::Result<Lock> {
    if let Some(dir) = path.parent() {
        fs_err::create_dir_all(dir)?;
    }
    let file = fs_err::OpenOptions::new().create(true).write(true).truncate(false).open(path)?.into_parts().0;
    let begin = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) if begin.elapsed() < patience => thread::sleep(GLANCE),
            Err(TryLockError::WouldBlock) => {
                let why = format!("another process has held the lock `{}` for {patience:?}", path.display());
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
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
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    if cfg!(unix) {
        let _ = File::open(dir).and_then(|dir| dir.sync_all());
    }
}

/// What tells that two names are of the same file: hard links have one content, one place on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId(u64, u64);

impl FileId {
    /// Of the file that has this name.
    ///
    /// # Errors
    ///
    /// What the file system says.
    #[cfg(unix)]
    pub fn of(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs_err::metadata(path)?;
        Ok(Self(metadata.dev(), metadata.ino()))
    }

    /// Of the file that has this name. Where files have no number, links of one share its size and its time at least.
    ///
    /// # Errors
    ///
    /// What the file system says.
    #[cfg(not(unix))]
    pub fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs_err::metadata(path)?;
        let modified = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Ok(Self(metadata.len(), u64::try_from(modified.as_nanos()).unwrap_or(u64::MAX)))
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
    fn directories_that_are_made_are_known_so_that_they_can_be_synced() {
        let dir = tempfile::tempdir().unwrap();
        let (deep, deeper) = (dir.path().join("deep"), dir.path().join("deep/er"));
        assert_eq!(missing_directories(&deeper), [deeper.as_path(), deep.as_path()]);
        assert!(missing_directories(dir.path()).is_empty());
        assert_eq!(missing_directories(Path::new("no-such/place")).len(), 2);
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

    #[test]
    fn a_lock_is_held_by_one_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/ratchet.lock");
        let held = lock(&path, Duration::ZERO).unwrap();
        let error = lock(&path, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("ratchet.lock"), "{error}");
        drop(held);
        lock(&path, Duration::ZERO).unwrap();
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
