//! The ratchet on disk: read, and changed only under a lock, whole or not at all.

use std::io;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::baseline::Baseline;
use super::ratchet::{Change, Permission, Ratchet, RatchetKey, ReasonNeeded};
use crate::exit_code::ExitCode;
use crate::sys::fs;

/// The file's name in the gate directory.
pub const FILE_NAME: &str = "ratchet.toml";

/// As long as the store waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the ratchet could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum RatchetError {
    /// It is there and says nothing that can be trusted.
    #[error("`{path}` cannot be read: {why}")]
    Unreadable {
        /// Which file.
        path: Utf8PathBuf,
        /// Why.
        why: String,
    },
    /// It would have been lowered without a reason.
    #[error(transparent)]
    ReasonNeeded(#[from] ReasonNeeded),
    /// There is no baseline that could be reset.
    #[error("there is no baseline of the {0} to reset")]
    NoBaseline(String),
    /// It could not be locked or written; it stands as it was.
    #[error("`{path}` could not be changed: {why}")]
    NotWritten {
        /// Which file.
        path: Utf8PathBuf,
        /// What the system says.
        why: io::Error,
    },
}

impl RatchetError {
    /// The code that it means.
    #[must_use]
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Unreadable { .. } => ExitCode::Config,
            Self::ReasonNeeded(_) | Self::NoBaseline(_) => ExitCode::Usage,
            Self::NotWritten { .. } => ExitCode::Internal,
        }
    }
}

/// Where the ratchet is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatchetFile {
    path: Utf8PathBuf,
    lock: Utf8PathBuf,
}

impl RatchetFile {
    /// The ratchet of a gate directory, or the one at a path of the workspace's own choice. The lock lies in the gate
    /// directory either way, so that nothing but the ratchet itself appears in the checkout.
    #[must_use]
    pub fn of(gate_dir: &Utf8Path, chosen: Option<&Utf8Path>) -> Self {
        let path = chosen.map_or_else(|| gate_dir.join(FILE_NAME), Utf8Path::to_owned);
        Self { path, lock: gate_dir.join("ratchet.lock") }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// What it says. A file that is not there says nothing.
    ///
    /// # Errors
    ///
    /// It is there and cannot be read.
    pub fn load(&self) -> Result<Ratchet, RatchetError> {
        let unreadable = |why: String| RatchetError::Unreadable { path: self.path.clone(), why };
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ratchet::parse(&text).map_err(unreadable),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ratchet::default()),
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    /// Lets measured figures raise it: what each did, in their order. Whoever writes meanwhile, nothing is lowered and
    /// nothing is lost.
    ///
    /// # Errors
    ///
    /// It cannot be read, locked or written.
    pub fn raise(
        &self,
        figures: &[(RatchetKey, Baseline)],
        permission: &Permission,
    ) -> Result<Vec<Change>, RatchetError> {
        self.update(|ratchet| {
            Ok(figures.iter().map(|(key, measured)| ratchet.raise(key, measured, permission)).collect())
        })
    }

    /// Puts a figure there by hand.
    ///
    /// # Errors
    ///
    /// It would be lowered without a reason, or it cannot be read, locked or written.
    pub fn set(&self, key: &RatchetKey, baseline: &Baseline, reason: Option<&str>) -> Result<(), RatchetError> {
        self.update(|ratchet| Ok(ratchet.set(key, baseline.clone(), reason)?))
    }

    /// Takes a baseline away by hand, and keeps why.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be read, locked or written.
    pub fn reset(&self, key: &RatchetKey, reason: &str) -> Result<(), RatchetError> {
        self.update(|ratchet| match ratchet.reset(key, reason) {
            true => Ok(()),
            false => Err(RatchetError::NoBaseline(key.subject.to_string())),
        })
    }

    fn update<T>(&self, change: impl FnOnce(&mut Ratchet) -> Result<T, RatchetError>) -> Result<T, RatchetError> {
        let not_written = |why| RatchetError::NotWritten { path: self.path.clone(), why };
        let _lock = fs::lock(self.lock.as_std_path(), PATIENCE).map_err(not_written)?;
        let before = self.load()?;
        let mut after = before.clone();
        let said = change(&mut after)?;
        if after != before {
            fs::replace(self.path.as_std_path(), after.render().as_bytes()).map_err(not_written)?;
        }
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::super::baseline::Subject;
    use super::*;
    use crate::config::Metric;
    use crate::ratio::{Percent, Ratio, Share};

    fn key(workspace: &str) -> RatchetKey {
        RatchetKey {
            workspace: workspace.to_owned(),
            target: "t".to_owned(),
            features: String::new(),
            subject: Subject::Workspace,
            metric: Metric::Lines,
        }
    }

    fn counted(covered: u64) -> Baseline {
        Baseline::from(Share::Counted(Ratio::new(covered, 1000).unwrap()))
    }

    fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().to_owned();
        (folder, path)
    }

    #[test]
    fn an_equal_figure_leaves_the_file_alone_byte_for_byte() {
        let (_folder, dir) = folder();
        let file = RatchetFile::of(&dir, None);
        let raise = |commit: &str, covered| {
            let measured = Baseline { commit: Some(commit.to_owned()), ..counted(covered) };
            file.raise(&[(key("a"), measured)], &Permission::Rise).unwrap()
        };
        assert_eq!(raise("one", 800), [Change::Bootstrap]);
        let text = fs_err::read_to_string(file.path()).unwrap();
        assert_eq!(raise("two", 800), [Change::Same]);
        assert_eq!(raise("three", 700), [Change::Refused { stands: counted(800).share }]);
        assert_eq!(fs_err::read_to_string(file.path()).unwrap(), text);
        assert_eq!(raise("four", 801), [Change::Rise { from: counted(800).share }]);
        assert!(fs_err::read_to_string(file.path()).unwrap().contains("four"));
    }

    #[test]
    fn a_ratchet_of_the_checkout_has_its_lock_elsewhere() {
        let (_folder, dir) = folder();
        let chosen = dir.join("checkout/.config/ratchet.toml");
        let file = RatchetFile::of(&dir.join("gate"), Some(&chosen));
        file.raise(&[(key("a"), counted(1))], &Permission::Rise).unwrap();
        assert_eq!(chosen.parent().unwrap().read_dir_utf8().unwrap().count(), 1);
    }

    #[test]
    fn an_unreadable_ratchet_is_an_error_and_is_never_overwritten() {
        let (_folder, dir) = folder();
        let file = RatchetFile::of(&dir, None);
        for damage in [&b"version = 1\nentries = ["[..], b"\xff\xfe", b""] {
            fs_err::write(file.path(), damage).unwrap();
            let error = file.load().unwrap_err();
            assert_eq!(error.exit_code().number(), 96);
            assert!(error.to_string().contains("ratchet.toml"), "{error}");
            assert!(file.raise(&[(key("a"), counted(1))], &Permission::Rise).is_err());
            assert!(file.set(&key("a"), &counted(1), Some("x")).is_err() && file.reset(&key("a"), "x").is_err());
            assert_eq!(fs_err::read(file.path()).unwrap(), damage);
        }
        fs_err::remove_file(file.path()).unwrap();
        fs_err::create_dir(file.path()).unwrap();
        assert_eq!(file.load().unwrap_err().exit_code(), ExitCode::Config);
    }

    #[test]
    fn a_hand_needs_a_reason_to_lower_and_something_to_reset() {
        let (_folder, dir) = folder();
        let file = RatchetFile::of(&dir, None);
        assert_eq!(file.reset(&key("a"), "x").unwrap_err().exit_code(), ExitCode::Usage);
        file.raise(&[(key("a"), counted(800)), (key("b"), counted(500))], &Permission::Rise).unwrap();
        assert_eq!(file.set(&key("a"), &counted(700), None).unwrap_err().exit_code(), ExitCode::Usage);
        file.set(&key("a"), &counted(700), Some("moved out")).unwrap();
        file.reset(&key("b"), "new tools").unwrap();
        let ratchet = file.load().unwrap();
        assert_eq!((ratchet.baseline(&key("a")), ratchet.baseline(&key("b"))), (Some(&counted(700)), None));
        let text = fs_err::read_to_string(file.path()).unwrap();
        assert!(text.contains("reason = \"moved out\"") && text.contains("reason = \"new tools\""), "{text}");
    }

    #[test]
    fn a_hundred_writers_at_once_never_lower_tear_or_lose_anything() {
        let (_folder, dir) = folder();
        let file = RatchetFile::of(&dir, None);
        file.raise(&[(key("shared"), counted(1))], &Permission::Rise).unwrap();
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            // Readers take no lock: what they see is whole, and only rises.
            let reader = scope.spawn(|| {
                let mut seen = counted(0).share.ratio();
                while !is_over.load(Ordering::Relaxed) {
                    let now = file.load().unwrap().baseline(&key("shared")).unwrap().share.ratio();
                    assert!(now.reaches(seen, Percent::ZERO), "{now} after {seen}");
                    seen = now;
                    thread::yield_now();
                }
            });
            // A scattered order, so that most come too late with too little.
            let writers: Vec<_> = (0..100_u64)
                .map(|number| {
                    let file = &file;
                    scope.spawn(move || {
                        let figures = [
                            (key("shared"), counted(number * 37 % 100 + 1)),
                            (key(&number.to_string()), counted(number)),
                        ];
                        file.raise(&figures, &Permission::Rise).unwrap();
                    })
                })
                .collect();
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            is_over.store(true, Ordering::Relaxed);
            reader.join().unwrap();
        });
        let ratchet = file.load().unwrap();
        assert_eq!(ratchet.baseline(&key("shared")), Some(&counted(100)));
        assert!((0..100).all(|number| ratchet.baseline(&key(&number.to_string())) == Some(&counted(number))));
    }
}
