//! How a measurement came about: whatever is judged later must know it as well as what is judged at once.

use std::collections::BTreeMap;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::model::{ContentHash, words};
use crate::sys::fs;

words! {
    /// Which tests ran, beside those that run where nobody says which. Only of these a baseline comes.
    pub enum Selected {
        /// Just these.
        #[default]
        Whole = "whole",
        /// A part of them: what they cover says nothing of what all of them covered.
        Part = "part",
        /// More than these: what they cover the usual run would miss.
        More = "more",
    }
}

impl Selected {
    /// Why no baseline comes of it, where none does.
    #[must_use]
    pub const fn why_no_baseline(self) -> Option<&'static str> {
        match self {
            Self::Whole => None,
            Self::Part => Some("only a part of the workspace was tested"),
            Self::More => Some("more was tested than without a choice (ignored tests, or all targets)"),
        }
    }
}

/// What decides, beside the numbers, whether a figure may become a baseline, and which one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Circumstances {
    /// How many tests failed.
    pub failed_tests: u64,
    /// Tests whose processes were killed or aborted, and left no profile.
    pub lost: Vec<String>,
    /// Which of the workspace's tests ran.
    pub selected: Selected,
    /// What measured; `None` where that happened elsewhere.
    pub measurer: Option<String>,
    /// What was checked out.
    pub commit: Option<String>,
    /// The sources that were measured, relative to the workspace root, as hashes: line numbers are of these.
    pub sources: BTreeMap<Utf8PathBuf, ContentHash>,
    /// Those of them that are no longer what was measured. Found when it is judged again, never written down.
    #[serde(skip)]
    pub stale: Vec<Utf8PathBuf>,
}

impl Circumstances {
    /// Writes them down.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn save(&self, path: &Utf8Path) -> io::Result<()> {
        fs::replace(path.as_std_path(), &serde_json::to_vec(self)?)
    }

    /// Those that were written down; `None` where there are none, or none that can be understood.
    #[must_use]
    pub fn load(path: &Utf8Path) -> Option<Self> {
        serde_json::from_slice(&fs_err::read(path).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_down_is_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().join("circumstances.json");
        assert_eq!(Circumstances::load(&path), None);
        let written = Circumstances {
            failed_tests: 2,
            lost: vec!["app/app::aborts".to_owned()],
            selected: Selected::Part,
            measurer: Some("cargo-llvm-cov 0.9.1".to_owned()),
            commit: Some("1a2b3c4d".to_owned()),
            sources: [("src/lib.rs".into(), ContentHash([7; 16]))].into(),
            stale: Vec::new(),
        };
        written.save(&path).unwrap();
        assert_eq!(Circumstances::load(&path), Some(written));
        fs_err::write(&path, "{}").unwrap();
        assert_eq!(Circumstances::load(&path), None);
    }
}
