//! The plan: which tests run, in which order, under which limits.

pub mod list;
pub mod portion;
pub mod select;
pub mod selection;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{BinaryId, ContentHash, KeyPattern, TestKey, TestPolicy};
use crate::sys::process::Launch;

/// Everything that is to run.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// In cargo's order; tests inside in their harness's.
    pub binaries: Vec<TestBinary>,
    /// What was asked for beyond filters: it also holds for tests that are not known before they run.
    pub selection: selection::Selection,
    /// Failures of these tests fail nothing.
    pub spared: Vec<KeyPattern>,
}

/// One thing that cargo would launch.
#[derive(Clone, Debug)]
pub struct TestBinary {
    /// Its identity.
    pub id: BinaryId,
    /// Its file, where it is one (of doctests there is none).
    pub file: Option<PathBuf>,
    /// How it is launched, without arguments that select or format.
    pub launch: Launch,
    /// What cargo would have put behind that.
    pub recorded_args: Vec<OsString>,
    /// What it understands.
    pub harness: Harness,
    /// All tests that the user's filters leave, as the harness lists them. Empty where it gives no list.
    pub listed: Vec<Arc<TestKey>>,
    /// Those of them that are to run, in the same order.
    pub tests: Vec<PlannedTest>,
    /// Every doctest as rustdoc reports it, where the user's filters may leave some of an item out: their places in
    /// the item are their names.
    pub doctests: Vec<String>,
    /// How it runs as a whole, where it gives no list.
    pub unit: TestPolicy,
    /// How long it takes as a whole on one thread, where it gives no list and history knows.
    pub unit_expected: Option<Duration>,
}

/// What a test binary understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harness {
    /// libtest's command line; it lists its tests.
    Lists,
    /// Enough of libtest's command line to list its tests and to run one of them (`NAME --exact`).
    OwnLists,
    /// Nothing that is known: it runs as a whole, with what cargo would have given it.
    Blind,
    /// libtest's, but it could not be asked for its list: it runs as a whole, and must say everything that libtest says.
    Unlisted,
    /// rustdoc's: it runs as a whole, with libtest's command line behind `--test-args`.
    Doctests,
}

impl Harness {
    /// Does it say what tests it has?
    #[must_use]
    pub const fn gives_list(self) -> bool {
        matches!(self, Self::Lists | Self::OwnLists)
    }
}

/// A test that is to run.
#[derive(Clone, Debug)]
pub struct PlannedTest {
    /// Which.
    pub key: Arc<TestKey>,
    /// Under which limits.
    pub policy: TestPolicy,
    /// Where it stands.
    pub standing: Standing,
    /// How long it should take.
    pub expected: Option<Duration>,
    /// History says that it aborts, hangs or leaks: it runs in a process of its own.
    pub alone: bool,
}

/// Where a test stands in the order of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Likely to fail, or put first by hand; the number is its place among those.
    Head(usize),
    /// Never recorded, or its binary changed.
    Fresh,
    /// Nothing is against it.
    Rest,
    /// Put last by hand.
    Last,
}

impl Plan {
    /// Does a failure of this test fail nothing?
    #[must_use]
    pub fn spares(&self, key: &TestKey) -> bool {
        self.spared.iter().any(|pattern| pattern.is_match(key))
    }

    /// All planned tests.
    pub fn tests(&self) -> impl Iterator<Item = &PlannedTest> {
        self.binaries.iter().flat_map(|binary| &binary.tests)
    }

    /// The keys of the planned tests, and the names of the binaries that give no list, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.tests().map(|test| test.key.to_string()).collect();
        let whole = self.binaries.iter().filter(|binary| !binary.harness.gives_list());
        names.extend(whole.map(|binary| binary.id.to_string()));
        names.sort_unstable();
        names
    }

    /// Hash of [`Plan::names`].
    #[must_use]
    pub fn digest(&self) -> ContentHash {
        digest(&self.names())
    }
}

/// Hash of the names of what is planned, which are sorted.
#[must_use]
pub fn digest(names: &[String]) -> ContentHash {
    let mut hasher = blake3::Hasher::new();
    for name in names {
        hasher.update(name.as_bytes());
        hasher.update(b"\n");
    }
    let mut hash = [0; 16];
    hasher.finalize_xof().fill(&mut hash);
    ContentHash(hash)
}
