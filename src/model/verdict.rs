//! A rule's judgement with its reasons.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::exit_code::ExitCode;

/// The one word of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The gate is open.
    Pass,
    /// The gate is shut, and the code is why.
    Fail,
    /// The suite could not be executed; no fault of the code.
    ToolError,
    /// The suite could not be executed; come again.
    Deferred,
    /// There was nothing to judge.
    Nothing,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 5] = [Self::Pass, Self::Fail, Self::ToolError, Self::Deferred, Self::Nothing];

    /// The verdict as it is written in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::ToolError => "tool-error",
            Self::Deferred => "deferred",
            Self::Nothing => "nothing",
        }
    }

    /// Is the gate shut for good: by the code, or by a suite that could not be executed any more?
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Fail | Self::ToolError)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why, for a machine and for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// A stable word, kebab-case.
    pub id: String,
    /// One sentence.
    pub text: String,
}

impl Reason {
    /// A reason.
    #[must_use]
    pub fn new(id: &str, text: impl Into<String>) -> Self {
        Self { id: id.to_owned(), text: text.into() }
    }

    /// Does it decide nothing? It stands beside those that do, so that nobody overlooks it.
    #[must_use]
    pub fn is_remark(&self) -> bool {
        ["archive-differs", "rerun", "soft-environment"].contains(&self.id.as_str())
    }
}

/// The verdict of a run with everything that led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// The one word.
    pub verdict: Verdict,
    /// Every code that holds, most pressing first; never empty.
    pub codes: Vec<ExitCode>,
    /// Why, most pressing first. The first one's text is the sentence that people read.
    pub reasons: Vec<Reason>,
}

impl Judgement {
    /// The process's code: the most pressing of all.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::most_pressing(self.codes.iter().copied())
    }

    /// The sentence that people read.
    #[must_use]
    pub fn sentence(&self) -> &str {
        self.reasons.first().map_or(self.verdict.as_str(), |reason| reason.text.as_str())
    }
}
