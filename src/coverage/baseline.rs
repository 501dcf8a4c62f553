//! Numbers compared against: whose they are, and what is known of them.

use std::fmt;
use std::str::FromStr;

use camino::Utf8PathBuf;
use jiff::Timestamp;

use super::map::Counting;
use crate::ratio::Share;

/// Whose figure it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The workspace's.
    #[default]
    Workspace,
    /// A package's.
    Package(String),
    /// A file's, relative to the workspace root.
    File(Utf8PathBuf),
}

impl fmt::Display for Subject {
    /// `workspace`, `package:core`, `file:src/lib.rs`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workspace => f.write_str("workspace"),
            Self::Package(name) => write!(f, "package:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}

/// Text that names nobody who has a figure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of `workspace`, `package:NAME`, `file:PATH`")]
pub struct ParseSubjectError(String);

impl FromStr for Subject {
    type Err = ParseSubjectError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "workspace" => Ok(Self::Workspace),
            Some(("package", name)) if !name.is_empty() => Ok(Self::Package(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err(ParseSubjectError(text.to_owned())),
        }
    }
}

/// What measured: the figures of one compiler and the next may differ where no code does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    /// The compiler: `rustc 1.95.0`.
    pub toolchain: String,
    /// The measurer: `cargo-llvm-cov 0.9.1`.
    pub measurer: String,
}

impl Tools {
    /// Reads them back as they are shown.
    #[must_use]
    pub fn from_shown(text: &str) -> Option<Self> {
        let (toolchain, measurer) = text.split_once(", ")?;
        Some(Self { toolchain: toolchain.to_owned(), measurer: measurer.to_owned() })
    }
}

impl fmt::Display for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.toolchain, self.measurer)
    }
}

/// A figure to compare against, with its stamps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// The figure.
    pub share: Share,
    /// How it was counted, where that is known.
    pub counting: Option<Counting>,
    /// How many files it was counted over.
    pub files: Option<u64>,
    /// What measured it.
    pub tools: Option<Tools>,
    /// What was checked out.
    pub commit: Option<String>,
    /// When it was measured.
    pub at: Option<Timestamp>,
}

impl From<Share> for Baseline {
    /// A figure of which nothing else is known.
    fn from(share: Share) -> Self {
        Self { share, counting: None, files: None, tools: None, commit: None, at: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_written_and_read_back() {
        for subject in [
            Subject::Workspace,
            Subject::Package("core".to_owned()),
            Subject::File("src/a:b.rs".into()),
            Subject::File("workspace".into()),
        ] {
            assert_eq!(subject.to_string().parse(), Ok(subject));
        }
        for text in ["", "package:", "file:", "crate:x", "workspace:"] {
            assert!(text.parse::<Subject>().is_err(), "{text}");
        }
    }
}
