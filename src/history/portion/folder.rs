//! The folder of one part, as the machine that runs it writes it.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::note::Note;
use super::part::{Contents, Part};
use crate::history::portable::Writer;
use crate::history::store::FinishedRun;
use crate::sys::digest::hash_file;
use crate::sys::fs::{replace, replace_with};

/// What says that a folder is a part's, and what part.
pub(super) const NOTE: &str = "shard.json";
/// The run with its cases.
pub(super) const RUN: &str = "run.ndjson.gz";
/// What it covered.
pub(super) const LCOV: &str = "coverage.info";

/// Where the folder is, inside a gate directory, unless somebody asks for another place.
pub const USUAL: &str = "shard";

/// The folder of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The one at this place.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where what was covered goes, between the beginning and the end.
    #[must_use]
    pub fn lcov(&self) -> PathBuf {
        self.path.join(LCOV)
    }

    /// Says that a part begins, or what is known of it by now; what another one left goes.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn begin(&self, part: &Part) -> io::Result<()> {
        // From here on, what lies beside it counts for nothing, whatever becomes of this process.
        self.note(part, Contents::default())?;
        [RUN, LCOV].iter().try_for_each(|name| remove(&self.path.join(name)))
    }

    /// Says what is known of the part by now.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn go_on(&self, part: &Part) -> io::Result<()> {
        self.note(part, Contents::default())
    }

    /// Puts down what became of a part.
    ///
    /// # Errors
    ///
    /// What the file system says; the folder then says that the part never ended.
    pub fn end(&self, part: &Part, run: &FinishedRun) -> io::Result<()> {
        let path = self.path.join(RUN);
        replace_with(&path, |file| {
            let mut writer = Writer::new(file)?;
            writer.write(run)?;
            writer.finish().map(drop)
        })?;
        let lcov = match hash_file(self.lcov()) {
            Ok(hash) => Some(hash),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        self.note(part, Contents { run: Some(hash_file(&path)?), lcov })
    }

    fn note(&self, part: &Part, contents: Contents) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(&Note::of(part, contents))?;
        bytes.push(b'\n');
        replace(&self.path.join(NOTE), &bytes)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
