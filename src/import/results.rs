//! The one shape that every format is read into.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;

use super::{csv_results, junit, libtest_json, simple, tap};
use crate::model::{Attempt, Outcome, Totals};

/// Larger files are refused: one is held in memory as a whole.
pub const MOST_BYTES: u64 = 512 << 20;

/// More cases than this in one file are no results.
pub(super) const MOST_CASES: usize = 1_000_000;

/// A format of test results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JUnit XML, as nextest, Surefire, pytest and many more write it.
    Junit,
    /// The Test Anything Protocol, versions 12 to 14, and what `prove -v` prints.
    Tap,
    /// The events of libtest's `--format json`, also as nextest writes them.
    LibtestJson,
    /// Lines with totals: `Total Tests: N`, `Passed: N`, `Failed: N`.
    Simple,
    /// A history of several runs: `run,test,duration,failed`.
    Csv,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Junit, Self::Tap, Self::LibtestJson, Self::Simple, Self::Csv];

    /// The format as flags and settings name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Junit => "junit",
            Self::Tap => "tap",
            Self::LibtestJson => "libtest-json",
            Self::Simple => "simple",
            Self::Csv => "csv",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|format| format.as_str() == text);
        known.ok_or_else(|| format!("`{text}` is no format of test results (junit, tap, libtest-json, simple, csv)"))
    }
}

/// Bytes that are not what they should be, and where. Lines and columns (of bytes) count from one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Unreadable {
    /// The line, where it is about one.
    pub line: Option<usize>,
    /// The byte within the line, where it is about one.
    pub column: Option<usize>,
    /// What is wrong there.
    pub why: String,
}

impl fmt::Display for Unreadable {
    /// `3:14: why`, to stand behind a file's name and a colon.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        if let Some(column) = self.column {
            write!(f, "{column}:")?;
        }
        let space = if self.line.is_some() { " " } else { "" };
        write!(f, "{space}{}", self.why)
    }
}

impl Unreadable {
    /// What is wrong at an offset.
    pub(super) fn at(bytes: &[u8], offset: usize, why: impl Into<String>) -> Self {
        let before = bytes.get(..offset.min(bytes.len())).unwrap_or_default();
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1) + 1;
        Self { line: Some(line), column: Some(column), why: why.into() }
    }

    /// What is wrong in a line, counted from one.
    pub(super) fn in_line(line: usize, why: impl Into<String>) -> Self {
        Self { line: Some(line), column: None, why: why.into() }
    }

    /// What is wrong with all of it.
    pub(super) fn whole(why: impl Into<String>) -> Self {
        Self { line: None, column: None, why: why.into() }
    }
}

/// What one run's results say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// What the document calls itself.
    pub name: Option<String>,
    /// When it began. A time without a zone is UTC.
    pub at: Option<Timestamp>,
    /// How long it took.
    pub took: Option<Duration>,
    /// Where it ran.
    pub host: Option<String>,
    /// Its suites.
    pub suites: Vec<Suite>,
    /// Cases without a name, which are left out (R19).
    pub nameless: u64,
}

impl Results {
    /// All its cases.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.suites.iter().flat_map(|suite| &suite.cases)
    }

    /// What does not add up.
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.suites.iter().flat_map(|suite| &suite.problems).map(String::as_str)
    }

    /// Several files that are parts of one run.
    #[must_use]
    pub fn joined(parts: Vec<Self>) -> Self {
        let mut whole = Self::default();
        for part in parts {
            whole.name = whole.name.or(part.name);
            whole.at = [whole.at, part.at].into_iter().flatten().min();
            whole.took = match (whole.took, part.took) {
                (Some(one), Some(other)) => Some(one.saturating_add(other)),
                (one, other) => one.or(other),
            };
            whole.host = whole.host.or(part.host);
            whole.suites.extend(part.suites);
            whole.nameless += part.nameless;
        }
        whole
    }
}

/// Cases that belong together: a class, a file, a test binary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suite {
    /// Its names, the outermost first; none where the format has no name for it.
    pub path: Vec<String>,
    /// Its cases.
    pub cases: Vec<Case>,
    /// The counts, of a format that tells no cases.
    pub counts: Option<Totals>,
    /// What does not add up, in sentences: such results are never green.
    pub problems: Vec<String>,
}

/// One test.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its names, the outermost first (package or class, then the test); none where it stands for its whole suite.
    pub path: Vec<String>,
    /// What became of it. A word that is not known is an error (R19).
    pub outcome: Outcome,
    /// How long its last attempt took, where the file says it.
    pub took: Option<Duration>,
    /// Its executions, the first first; none of a skipped test.
    pub attempts: Vec<Attempt>,
    /// The line of its source, where the file says it.
    pub line: Option<u32>,
}

/// Reads results in a format: of one run, or of several where a file is a history.
///
/// # Errors
///
/// What cannot be read as that format at all.
pub fn parse(format: Format, bytes: &[u8]) -> Result<Vec<Results>, Unreadable> {
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MOST_BYTES) {
        return Err(Unreadable::whole("it is larger than 512 MiB"));
    }
    let one = match format {
        Format::Junit => junit::parse(bytes),
        Format::Tap => tap::parse(bytes),
        Format::LibtestJson => libtest_json::parse(bytes),
        Format::Simple => simple::parse(bytes),
        Format::Csv => return csv_results::parse(bytes),
    };
    one.map(|results| vec![results])
}
