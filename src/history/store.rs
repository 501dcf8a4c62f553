//! What any store does, and the values it takes and gives.
//!
//! SQLite implements it for one machine, PostgreSQL for many, `shared` for one of them. Summaries are folded by [`crate::analytics::summary`] whatever the store is,
//! so that all stores give the same answers. Recording never decides a run: whoever calls a store turns its errors
//! into warnings.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use serde::Serialize;

pub use super::error::{Result, StoreError};
use super::figures::{Figures, Tally};
pub use super::filter::{Page, RunFilter};
use crate::analytics::summary::Summary;
use crate::model::{
    BinaryId, CaseRecord, ContentHash, Context, CoverageFigures, Judgement, Reason, RunHead, RunId, RunRecord,
    RunState, TestKey, Totals, Verdict,
};

/// A run with its cases, as it is appended.
#[derive(Clone, Debug)]
pub struct FinishedRun {
    /// The run.
    pub record: RunRecord,
    /// What became of each of its tests; a key that comes twice counts once, the last.
    pub cases: Vec<Arc<CaseRecord>>,
    /// The binaries that ran.
    pub binaries: Vec<BinaryStamp>,
}

/// What became of many runs that were appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Appended {
    /// New runs.
    pub added: u64,
    /// Runs that were on record already, pruned ones included.
    pub known: u64,
    /// Cases of the new runs.
    pub cases: u64,
}

/// A test binary as it was when it was last recorded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct BinaryStamp {
    /// Which binary.
    pub binary: BinaryId,
    /// Its file.
    pub path: Utf8PathBuf,
    /// The file's size.
    pub size: u64,
    /// When the file was last modified, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Its content.
    pub hash: Option<ContentHash>,
}

impl BinaryStamp {
    /// Is this the file that was recorded, as far as path, size and time tell?
    #[must_use]
    pub fn is_same_file(&self, other: &Self) -> bool {
        (&self.path, self.size, self.mtime_ns) == (&other.path, other.size, other.mtime_ns)
    }
}

/// What is remembered of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestSummary {
    /// Which.
    pub key: Arc<TestKey>,
    /// What.
    pub summary: Summary,
}

/// A run as it is on record.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRun {
    /// What was known from its start.
    pub head: RunHead,
    /// How far it came. A run whose process is gone reads interrupted.
    pub state: RunState,
    /// Counts by outcome.
    pub totals: Totals,
    /// Planned tests without an outcome.
    pub not_run: u64,
    /// From the start to the verdict; none while it runs, where it was cut off, and where nobody told.
    pub duration: Option<Duration>,
    /// The verdict with its reasons; none while it runs, and where it was cut off.
    pub judgement: Option<Judgement>,
    /// Hash of the planned tests' sorted keys.
    pub plan_digest: Option<ContentHash>,
    /// What it reached, where that was measured.
    pub coverage: Option<CoverageFigures>,
}

impl StoredRun {
    /// The one word, where it came to one.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.judgement.as_ref().map(|judgement| judgement.verdict)
    }

    /// Runs are in order of their start, then of their names.
    #[must_use]
    pub const fn order(&self) -> (Timestamp, &RunId) {
        (self.head.start, &self.head.id)
    }

    /// Does it count as failed?
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.verdict().is_some_and(Verdict::is_failure)
    }

    /// The run as it can be recorded elsewhere; one that was cut off stays so.
    #[must_use]
    pub fn into_record(self) -> RunRecord {
        let cut_off = || Judgement {
            verdict: Verdict::Nothing,
            codes: Vec::new(),
            reasons: vec![Reason::new("interrupted", "the run was cut off")],
        };
        RunRecord {
            head: self.head,
            state: self.state,
            totals: self.totals,
            not_run: self.not_run,
            duration: self.duration.unwrap_or_default(),
            judgement: self.judgement.unwrap_or_else(cut_off),
            plan_digest: self.plan_digest,
            coverage: self.coverage,
        }
    }
}

/// The latest executed run of the workspace's own tests in a context.
#[derive(Clone, Debug, PartialEq)]
pub struct LastRun {
    /// The run.
    pub run: StoredRun,
    /// Its tests that failed, in order of their keys.
    pub failing: Vec<TestKey>,
}

/// Counters that only rise, except where a run is taken back: pruning lowers none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Runs that began.
    pub runs: u64,
    /// Runs that passed.
    pub pass: u64,
    /// Runs that failed, those whose retry budget was spent included.
    pub fail: u64,
    /// Runs whose suite could not be executed.
    pub tool_error: u64,
    /// Those of them that are to be tried again.
    pub deferred: u64,
}

/// What a store holds, and how large it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Runs on record.
    pub runs: u64,
    /// Cases of those runs.
    pub cases: u64,
    /// Tests with a summary, in all contexts.
    pub summaries: u64,
    /// Bytes on the disk.
    pub bytes: u64,
}

/// What to keep; everything else may go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Runs that started at this time or later.
    pub since: Option<Timestamp>,
    /// The latest so many runs (of each suite and context).
    pub count: Option<u64>,
    /// As many of the latest runs as fit into so many bytes.
    pub bytes: Option<u64>,
    /// Look at this context only.
    pub context: Option<Context>,
    /// Look at this suite only.
    pub suite: Option<String>,
}

impl Retention {
    /// Nothing is asked for?
    #[must_use]
    pub const fn keeps_everything(&self) -> bool {
        self.since.is_none() && self.count.is_none() && self.bytes.is_none()
    }
}

/// Shall it be done, or only be said?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prune {
    /// Say what would go.
    Plan,
    /// Remove it.
    Delete,
}

/// What goes, or would go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// The runs, oldest first.
    pub runs: Vec<RunId>,
    /// Their cases.
    pub cases: u64,
    /// The store's size before.
    pub bytes_before: u64,
    /// Its size after; of a plan, what is expected.
    pub bytes_after: u64,
}

/// The memory of a workspace.
///
/// Reading takes `&self` and sees what was committed last; writing is one transaction each.
pub trait Store: Send {
    /// Puts a run on record as running, and counts it.
    fn begin(&mut self, head: &RunHead) -> Result<()>;

    /// Records what became of a run: itself, its cases, counters, binaries and summaries, all or nothing. A run that
    /// never began here is put on record whole.
    fn finish(&mut self, record: &RunRecord, cases: &[Arc<CaseRecord>], binaries: &[BinaryStamp]) -> Result<()>;

    /// Takes a run that began off the record: it turned out to be none (no tests matched, only listed).
    fn abandon(&mut self, id: &RunId) -> Result<()>;

    /// Records a run that was put together from parts which were runs themselves. The parts are taken back where they
    /// are on record (not those that still go on), and are never taken in again: nothing counts twice. A run that is
    /// on record already is [`StoreError::Known`].
    fn adopt(&mut self, whole: &FinishedRun, parts: &[RunHead]) -> Result<()>;

    /// Appends runs that are over, from elsewhere; those on record already are left as they are.
    fn append(&mut self, runs: &mut dyn Iterator<Item = FinishedRun>) -> Result<Appended>;

    /// What is remembered of every test of a context, in order of the keys.
    fn summaries(&self, context: &Context) -> Result<Vec<TestSummary>>;

    /// Every context on record.
    fn contexts(&self) -> Result<Vec<Context>>;

    /// Every suite that ever ran, also where its runs are pruned, in order of their words.
    fn suites(&self) -> Result<Vec<String>>;

    /// Hands over runs, newest first, until the visitor has seen enough.
    fn visit(&self, filter: &RunFilter, visit: &mut dyn FnMut(StoredRun) -> ControlFlow<()>) -> Result<()>;

    /// Runs, newest first.
    fn runs(&self, filter: &RunFilter, page: Page) -> Result<Vec<StoredRun>> {
        let mut runs = Vec::new();
        let mut skip = page.skip;
        if page.limit == 0 {
            return Ok(runs);
        }
        self.visit(filter, &mut |run| {
            if skip > 0 {
                skip -= 1;
                return ControlFlow::Continue(());
            }
            runs.push(run);
            if runs.len() as u64 >= page.limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(runs)
    }

    /// The latest measured runs of a context, oldest first: what coverage was over time.
    fn coverage(&self, context: &Context, limit: u64) -> Result<Vec<StoredRun>> {
        let measured = RunFilter { context: Some(context.clone()), measured: true, ..RunFilter::default() };
        let mut runs = self.runs(&measured, Page::first(limit))?;
        runs.reverse();
        Ok(runs)
    }

    /// The latest run of each suite that has one, newest first.
    fn latest(&self, filter: &RunFilter) -> Result<Vec<StoredRun>> {
        let mut latest: Vec<StoredRun> = Vec::new();
        self.visit(filter, &mut |run| {
            if !latest.iter().any(|newer| newer.head.suite == run.head.suite) {
                latest.push(run);
            }
            ControlFlow::Continue(())
        })?;
        Ok(latest)
    }

    /// One run, by its name or the beginning of it that no other shares.
    fn run(&self, id: &str) -> Result<StoredRun>;

    /// The names of the runs that are over, in order of the names.
    fn names(&self, filter: &RunFilter) -> Result<Vec<RunId>> {
        let mut names = Vec::new();
        self.visit(filter, &mut |run| {
            if run.state != RunState::Running {
                names.push(run.head.id);
            }
            ControlFlow::Continue(())
        })?;
        names.sort();
        Ok(names)
    }

    /// A run that is over, with its cases, as another store takes it in; none where it is not there any more. Its
    /// binaries are files of this machine and stay behind.
    fn finished(&self, id: &RunId) -> Result<Option<FinishedRun>>;

    /// What became of the tests of a run, in order of their keys.
    fn cases(&self, id: &RunId) -> Result<Vec<CaseRecord>>;

    /// What became of one test in a run, with the texts of its failures.
    fn case(&self, id: &RunId, key: &TestKey) -> Result<Option<CaseRecord>>;

    /// The latest executed run of the workspace's own tests in a context, with those that failed.
    fn last_executed(&self, context: &Context) -> Result<Option<LastRun>>;

    /// The binaries of a context as they were last recorded.
    fn stamps(&self, context: &Context) -> Result<Vec<BinaryStamp>>;

    /// The content hash of a file that was hashed before and has the same path, size and time.
    fn known_hash(&self, path: &Utf8Path, size: u64, mtime_ns: i64) -> Result<Option<ContentHash>>;

    /// How often the suite could not be executed for this input key, within a day of each other.
    fn deferrals(&self, input: ContentHash, now: Timestamp) -> Result<u32>;

    /// Counts one more deferral and gives the new count.
    fn defer(&mut self, input: ContentHash, now: Timestamp) -> Result<u32>;

    /// Forgets the deferrals of an input key: it was executed.
    fn clear_deferrals(&mut self, input: ContentHash) -> Result<()>;

    /// The counters.
    fn counters(&self) -> Result<Counters>;

    /// Figures of the runs on record.
    fn figures(&self, filter: &RunFilter) -> Result<Figures> {
        let mut tally = Tally::default();
        self.visit(filter, &mut |run| {
            tally.add(&run);
            ControlFlow::Continue(())
        })?;
        Ok(tally.figures())
    }

    /// How much is on record.
    fn size(&self) -> Result<Size>;

    /// Removes runs with their cases. Counters and summaries keep what they learnt; a test that no run on record
    /// knows any more is forgotten. A run that still goes on stays.
    fn prune(&mut self, keep: &Retention, prune: Prune) -> Result<Pruned>;

    /// Takes one run back as if it had never been, and recomputes what it touched.
    fn undo(&mut self, id: &RunId) -> Result<StoredRun>;

    /// Was all that was read since the start read of all that is on record? Not where a server is away, and what this
    /// machine knows stands for it.
    fn knows_all(&self) -> bool {
        true
    }

    /// What the user should know that happened on the way, once.
    fn take_warnings(&mut self) -> Vec<String>;
}
