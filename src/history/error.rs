//! Why a store could not do what it was asked.

use camino::Utf8PathBuf;

use crate::model::RunId;

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It was written by a later version.
    #[error("the history was written by a newer cargo gate (format {found}, known here {known}): read, never written")]
    Newer {
        /// The format of the store.
        found: i64,
        /// The latest format that is known here.
        known: i64,
    },
    /// The file belongs to another program.
    #[error("`{0}` is a database of another program")]
    Foreign(Utf8PathBuf),
    /// Another process held it for longer than is waited for.
    #[error("the history is busy: another process has been writing it for too long")]
    Busy,
    /// It cannot be written here.
    #[error("the history cannot be written: {0}")]
    ReadOnly(String),
    /// The disk is full.
    #[error("the history cannot be written: the disk is full")]
    Full,
    /// It cannot be understood.
    #[error("the history is damaged: {0}")]
    Damaged(String),
    /// It is there, and cannot be opened.
    #[error("the history cannot be read: {0}")]
    Unreadable(String),
    /// The server that keeps it cannot be reached, or nothing is to be had of it. No password is part of the reason.
    #[error("the shared history cannot be reached: {0}")]
    Unreachable(String),
    /// A run with this name is finished already.
    #[error("run {0} is on record already")]
    Known(RunId),
    /// There is no such run.
    #[error("there is no run `{0}`")]
    NoSuchRun(String),
    /// Several runs have names that begin so.
    #[error("several runs begin with `{0}`: name more of the one that is meant")]
    Ambiguous(String),
    /// Anything else.
    #[error("the history cannot be used: {0}")]
    Other(String),
}

impl StoreError {
    /// Is nothing to be had of it, whoever asks and however long they wait?
    #[must_use]
    pub const fn is_unreadable(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Unreadable(_) | Self::Unreachable(_))
    }
}

/// What a store gives back.
pub type Result<T> = std::result::Result<T, StoreError>;
