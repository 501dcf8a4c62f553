//! The retrospect as one JSON document: all of it.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Serialize, Serializer};

use super::{Cell, CoveredFile, PastQuarantine, PastRun, PastTest, Retrospect};
use crate::model::{Context, Kind, Metric, Outcome, Reason, RunId, RunState, TestKey, Totals, Verdict, millis};
use crate::report::json::{SCHEMA_VERSION, TestEntry, write_line};

/// Writes the document of `cargo gate report --format json`.
///
/// # Errors
///
/// What the writer says.
pub fn write(writer: impl io::Write, retrospect: &Retrospect) -> io::Result<()> {
    write_line(writer, &document(retrospect))
}

#[derive(Serialize)]
struct Document<'r> {
    schema_version: u32,
    workspace: &'r str,
    at: Timestamp,
    #[serde(flatten)]
    context: &'r Context,
    runs: Vec<Run<'r>>,
    failing: Vec<TestEntry>,
    tests: Vec<Test<'r>>,
    groups: Vec<Vec<String>>,
    vanished: Vec<String>,
    order: Vec<Place<'r>>,
    metric: Metric,
    coverage: Vec<Coverage<'r>>,
    files: Vec<File<'r>>,
}

#[derive(Serialize)]
struct Run<'r> {
    id: &'r RunId,
    start: Timestamp,
    state: RunState,
    verdict: Option<Verdict>,
    reasons: &'r [Reason],
    totals: Totals,
    duration_ms: Option<u64>,
    commit: Option<&'r str>,
    branch: Option<&'r str>,
    ci_link: Option<&'r str>,
}

#[derive(Serialize)]
struct Test<'r> {
    #[serde(flatten)]
    key: Key<'r>,
    state: &'static str,
    evidence: &'r str,
    quarantine: Option<Quarantine<'r>>,
    executions: u64,
    failures: u64,
    streak: usize,
    mean_ms: Option<u64>,
    recent_ms: Option<u64>,
    slower: Option<Slower>,
    cells: Vec<CellEntry>,
}

/// A test's identity, written and in its parts.
#[derive(Serialize)]
pub(in crate::report) struct Key<'r> {
    #[serde(serialize_with = "written")]
    test: &'r TestKey,
    package: &'r str,
    kind: Kind,
    binary: &'r str,
    name: &'r str,
}

fn written<S: Serializer>(key: &&TestKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(key)
}

impl<'r> Key<'r> {
    pub(in crate::report) fn of(key: &'r TestKey) -> Self {
        let binary = &key.binary;
        Self { test: key, package: &binary.package, kind: binary.kind, binary: &binary.binary, name: &key.name }
    }
}

/// A quarantine as every document has it.
#[derive(Serialize)]
pub(in crate::report) struct Quarantine<'r> {
    reason: &'r str,
    until: Option<Date>,
    expired: bool,
}

impl<'r> Quarantine<'r> {
    pub(in crate::report) fn of(quarantine: &'r PastQuarantine) -> Self {
        Self { reason: &quarantine.reason, until: quarantine.until, expired: quarantine.is_expired }
    }
}

/// From which median to which.
#[derive(Serialize)]
pub(in crate::report) struct Slower {
    from_ms: u64,
    to_ms: u64,
}

impl Slower {
    pub(in crate::report) fn of((from, to): (Duration, Duration)) -> Self {
        Self { from_ms: millis(from), to_ms: millis(to) }
    }
}

#[derive(Serialize)]
struct CellEntry {
    run: usize,
    outcome: Outcome,
    ms: Option<u64>,
}

#[derive(Serialize)]
struct Place<'r> {
    rank: usize,
    test: String,
    reason: &'r str,
}

#[derive(Serialize)]
struct Coverage<'r> {
    at: Timestamp,
    covered: u64,
    total: u64,
    commit: Option<&'r str>,
}

#[derive(Serialize)]
struct File<'r> {
    path: &'r str,
    covered: u64,
    total: u64,
    /// First and last line of each range.
    uncovered: Vec<(u32, u32)>,
}

fn document(retrospect: &Retrospect) -> Document<'_> {
    let key = |index: &usize| Some(retrospect.tests.get(*index)?.key.to_string());
    let state_of = |key: &TestKey| {
        let at = retrospect.tests.binary_search_by(|test| (*test.key).cmp(key)).ok()?;
        retrospect.tests.get(at).map(|test| test.state.to_owned())
    };
    let order = (1..).zip(&retrospect.order);
    Document {
        schema_version: SCHEMA_VERSION,
        workspace: &retrospect.workspace,
        at: retrospect.at,
        context: &retrospect.context,
        runs: retrospect.runs.iter().map(run).collect(),
        failing: retrospect.failing.iter().map(|case| TestEntry::new(case, state_of(&case.key))).collect(),
        tests: retrospect.tests.iter().map(test).collect(),
        groups: retrospect.groups.iter().map(|group| group.iter().filter_map(key).collect()).collect(),
        vanished: retrospect.vanished.iter().map(ToString::to_string).collect(),
        order: order.filter_map(|(rank, (index, reason))| Some(Place { rank, test: key(index)?, reason })).collect(),
        metric: retrospect.metric,
        coverage: retrospect
            .coverage
            .iter()
            .map(|point| Coverage {
                at: point.at,
                covered: point.covered,
                total: point.total,
                commit: point.commit.as_deref(),
            })
            .collect(),
        files: retrospect.files.iter().map(file).collect(),
    }
}

fn run(run: &PastRun) -> Run<'_> {
    Run {
        id: &run.id,
        start: run.start,
        state: run.state,
        verdict: run.verdict,
        reasons: &run.reasons,
        totals: run.totals,
        duration_ms: run.duration.map(millis),
        commit: run.commit.as_deref(),
        branch: run.branch.as_deref(),
        ci_link: run.link.as_deref(),
    }
}

fn test(test: &PastTest) -> Test<'_> {
    let cell = |cell: &Cell| CellEntry { run: cell.run, outcome: cell.outcome, ms: cell.took.map(millis) };
    Test {
        key: Key::of(&test.key),
        state: test.state,
        evidence: &test.evidence,
        quarantine: test.quarantine.as_ref().map(Quarantine::of),
        executions: test.executions,
        failures: test.failures,
        streak: test.streak,
        mean_ms: test.mean.map(millis),
        recent_ms: test.recent.map(millis),
        slower: test.slower.map(Slower::of),
        cells: test.cells.iter().map(cell).collect(),
    }
}

fn file(file: &CoveredFile) -> File<'_> {
    let uncovered = file.uncovered.iter().map(|lines| (*lines.start(), *lines.end())).collect();
    File { path: &file.path, covered: file.covered, total: file.total, uncovered }
}
