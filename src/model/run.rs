//! All of one invocation: what a store keeps of it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CoverageFigures, Judgement, ParseKeyError, Shard, Totals, Verdict};
use crate::exit_code::ExitCode;

/// A run's name: its start to the millisecond and a random tail, so that names sort by time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// `20260131T235959123Z-1a2b3c4d`.
    #[must_use]
    pub fn new(start: Timestamp, random: u32) -> Self {
        let zoned = start.to_zoned(jiff::tz::TimeZone::UTC);
        Self(format!("{}{:03}Z-{random:08x}", zoned.strftime("%Y%m%dT%H%M%S"), zoned.millisecond()))
    }

    /// A name from a store or an import, taken as it is.
    #[must_use]
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A hash of some content: the first 16 bytes of its BLAKE3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 16]);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

impl FromStr for ContentHash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "a content hash is 32 hexadecimal digits";
        let mut bytes = [0; 16];
        if text.len() != 32 || !text.is_ascii() {
            return Err(WANTED);
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| WANTED)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| WANTED)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for ContentHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Under what a test key means the same test: (target triple, features, profile).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Context {
    /// The target triple, or several joined by commas.
    pub target: String,
    /// The features asked for: empty for the default ones, else as canonical flags.
    pub features: String,
    /// cargo's profile.
    pub profile: String,
}

/// The suite of the workspace's own Rust tests.
pub const WORKSPACE_SUITE: &str = "workspace";

/// The suite under which a pipeline is on record as a whole: it has no tests, the runs within it do.
pub const PIPELINE_SUITE: &str = "pipeline";

/// What is known when a run starts (or soon after: git and hashes are read beside the tests).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHead {
    /// The run's name.
    pub id: RunId,
    /// When it started.
    pub start: Timestamp,
    /// Under what its test keys are meant.
    pub context: Context,
    /// Which suite it is of: [`WORKSPACE_SUITE`], [`PIPELINE_SUITE`], or the word of another.
    pub suite: String,
    /// The version of what was tested, where it has one.
    pub version: Option<String>,
    /// What set it off: `manual`, `ci`, `pre-push`, `schedule`, or any word.
    pub trigger: String,
    /// The machine's name.
    pub host: String,
    /// `rustc -V`'s one line.
    pub toolchain: String,
    /// The commit that is checked out.
    pub commit: Option<String>,
    /// The branch, also from CI's variables.
    pub branch: Option<String>,
    /// Are there changed or untracked files that git does not ignore?
    pub dirty: Option<bool>,
    /// Where CI shows this run.
    pub ci_link: Option<String>,
    /// What was tested, as one hash: runs with the same input key ran the same thing.
    pub input_key: Option<ContentHash>,
    /// Was this run instrumented (its durations do not count)?
    pub instrumented: bool,
    /// Did it take in every test of the workspace (no filter, package or shard)?
    pub full: bool,
    /// Which part of the plan it took, where that was cut.
    #[serde(default)]
    pub shard: Option<Shard>,
    /// The process that records it.
    pub pid: u32,
    /// The boot of the machine that process runs in, so that a reused pid is not mistaken for it.
    pub boot_id: Option<String>,
}

/// How far a run came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It goes on; of a process that is gone this reads [`RunState::Interrupted`].
    Running,
    /// Its tests were executed.
    Executed,
    /// The build failed.
    BuildFailed,
    /// It was interrupted.
    Interrupted,
    /// The suite could not be executed.
    ToolError,
    /// The suite could not be executed, and is to be tried again by the next call.
    Deferred,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Running, Self::Executed, Self::BuildFailed, Self::Interrupted, Self::ToolError, Self::Deferred];

    /// The state as it is written in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Executed => "executed",
            Self::BuildFailed => "build-failed",
            Self::Interrupted => "interrupted",
            Self::ToolError => "tool-error",
            Self::Deferred => "deferred",
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RunState {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| ParseKeyError::new(text, "a run's state"))
    }
}

/// All of one invocation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunRecord {
    /// What was known from the start.
    pub head: RunHead,
    /// How far it came.
    pub state: RunState,
    /// Counts by outcome.
    pub totals: Totals,
    /// Planned tests without an outcome.
    pub not_run: u64,
    /// From the start to the verdict; zero where that is not known.
    pub duration: Duration,
    /// The verdict with its reasons.
    pub judgement: Judgement,
    /// Hash of the planned tests' sorted keys; of a shard, of the whole plan that was cut.
    pub plan_digest: Option<ContentHash>,
    /// What it reached, where that was measured.
    pub coverage: Option<CoverageFigures>,
}

impl RunRecord {
    /// The one word.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.judgement.verdict
    }

    /// The process's code.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        self.judgement.exit_code()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_sort_by_time() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let early = RunId::new(at("2026-01-31T23:59:59.123Z"), 0xffff_ffff);
        let late = RunId::new(at("2026-02-01T00:00:00.004Z"), 1);
        assert_eq!(early.as_str(), "20260131T235959123Z-ffffffff");
        assert_eq!(late.as_str(), "20260201T000000004Z-00000001");
        assert!(early < late);
    }

    #[test]
    fn hashes_are_written_and_read_back() {
        let hash = ContentHash(std::array::from_fn(|i| u8::try_from(i * 17).unwrap()));
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for text in ["", "12", "zz112233445566778899aabbccddeeff", "é0112233445566778899aabbccddeef"] {
            assert!(text.parse::<ContentHash>().is_err(), "{text}");
        }
    }
}
