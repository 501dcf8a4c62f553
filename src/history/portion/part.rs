//! What is known of one part of a run.

use std::path::PathBuf;

use crate::exit_code::ExitCode;
use crate::history::store::FinishedRun;
use crate::model::{ContentHash, RunHead, Shard};
use crate::plan::portion::Portion;

/// One part of a run, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Which part.
    pub shard: Shard,
    /// The part's run, as known from its start.
    pub head: RunHead,
    /// What it was to run; none before that is known.
    pub portion: Option<Portion>,
    /// What it measured; none where nothing was to be measured.
    pub measured: Option<MeasuredPart>,
    /// How far it came.
    pub end: End,
}

/// How far a part came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It goes on, or was killed.
    Begun,
    /// It came to a verdict: the names of what has no outcome.
    Ended(Vec<String>),
    /// It came to no run.
    Refused(ExitCode, String),
}

/// What a part says of what it covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasuredPart {
    /// Which of the workspace's tests ran, but for the shard: the word for it.
    pub selected: String,
    /// What measured.
    pub measurer: Option<String>,
    /// Why there are no figures, where there are none.
    pub why_not: Option<String>,
}

/// What a part left behind.
#[derive(Clone, Debug)]
pub struct Left {
    /// Where, in the words of whoever named it.
    pub place: String,
    /// What it says of itself.
    pub part: Part,
    /// The run with its cases; there wherever the part ended.
    pub run: Option<FinishedRun>,
    /// What it covered, as an lcov file whose content was verified.
    pub lcov: Option<PathBuf>,
}

/// A folder that says of itself that it is a shard's, and cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Where, in the words of whoever named it.
    pub place: String,
    /// What is wrong with it.
    pub why: String,
}

/// Files of a folder by their content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    /// Of the run.
    pub(super) run: Option<ContentHash>,
    /// Of what it covered.
    pub(super) lcov: Option<ContentHash>,
}
