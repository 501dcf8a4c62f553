//! From what is remembered to what a report shows.

use std::collections::HashMap;

use super::coverage;
use crate::analytics::flaky::{Judged, State, classify};
use crate::analytics::summary::{Entry, Summary};
use crate::analytics::{groups, trend};
use crate::commands::ordering;
use crate::commands::quarantine::{day, quarantine};
use crate::commands::remembered::Remembered;
use crate::history::store::{Page, RunFilter, StoreError, StoredRun, TestSummary};
use crate::model::{CaseRecord, RunId, RunState, WORKSPACE_SUITE};
use crate::report::Retrospect;
use crate::report::retrospect::{Cell, PastRun, PastTest};

/// How many of the latest runs are looked at.
const RUNS: u64 = 500;

/// All that a report shows.
pub(in crate::commands) fn gather(memory: &Remembered) -> Result<Retrospect, StoreError> {
    let runs = runs(memory)?;
    let mut columns = Columns::of(&runs);
    let present: Vec<&TestSummary> = memory.current().collect();
    let judged: Vec<Judged> = present.iter().map(|test| judge(memory, &test.summary)).collect();
    let states: Vec<(&Summary, State)> =
        present.iter().zip(&judged).map(|(test, judged)| (&test.summary, judged.state)).collect();
    let groups = groups::together(&states, &memory.thresholds);
    let order = ordering::next(memory, &present)?;
    let order = order.into_iter().map(|(index, placed)| (index, placed.ranked.reason.to_string())).collect();
    let tests =
        present.iter().zip(&judged).map(|(test, judged)| past_test(memory, test, judged, &mut columns)).collect();
    Ok(Retrospect {
        workspace: memory.place.workspace.root.file_name().unwrap_or("workspace").to_owned(),
        at: memory.now,
        context: memory.context.clone(),
        failing: failing(memory)?,
        tests,
        groups,
        vanished: memory.vanished().map(|test| test.key.clone()).collect(),
        order,
        coverage: coverage::over_time(memory)?,
        metric: memory.place.settings().coverage.metric,
        files: Vec::new(),
        runs: runs.into_iter().map(past_run).collect(),
    })
}

/// The latest runs, oldest first: of the workspace's own tests, or of whatever else there is where these never ran.
fn runs(memory: &Remembered) -> Result<Vec<StoredRun>, StoreError> {
    let of = |suite: Option<&str>| {
        let filter = RunFilter {
            context: Some(memory.context.clone()),
            suite: suite.map(str::to_owned),
            of_tests: true,
            ..RunFilter::default()
        };
        memory.store.runs(&filter, Page::first(RUNS))
    };
    let mut runs = of(Some(WORKSPACE_SUITE))?;
    if runs.is_empty() {
        runs = of(None)?;
    }
    // One that goes on has nothing to say yet.
    runs.retain(|run| run.state != RunState::Running);
    runs.reverse();
    Ok(runs)
}

/// The state of a test as it is judged now.
pub(in crate::commands) fn judge(memory: &Remembered, summary: &Summary) -> Judged {
    classify(summary, memory.now, &memory.thresholds)
}

/// The failing cases of the latest executed run, in order of their keys.
fn failing(memory: &Remembered) -> Result<Vec<CaseRecord>, StoreError> {
    let Some(last) = memory.store.last_executed(&memory.context)? else { return Ok(Vec::new()) };
    let cases = last.failing.iter().map(|key| memory.store.case(&last.run.head.id, key));
    cases.filter_map(Result::transpose).collect()
}

fn past_run(run: StoredRun) -> PastRun {
    let (verdict, reasons) = match run.judgement {
        Some(judgement) => (Some(judgement.verdict), judgement.reasons),
        None => (None, Vec::new()),
    };
    let head = run.head;
    PastRun {
        id: head.id,
        start: head.start,
        state: run.state,
        verdict,
        reasons,
        totals: run.totals,
        duration: run.duration,
        commit: head.commit,
        branch: head.branch,
        link: head.ci_link,
    }
}

fn past_test(memory: &Remembered, test: &TestSummary, judged: &Judged, columns: &mut Columns) -> PastTest {
    let summary = &test.summary;
    let counts = summary.counts();
    let cell = |entry: &Entry| {
        let run = columns.of_run(entry)?;
        Some(Cell { run, outcome: entry.outcome, took: entry.took() })
    };
    PastTest {
        key: test.key.clone(),
        state: judged.state.as_str(),
        evidence: judged.evidence.to_string(),
        quarantine: quarantine(memory.place.settings(), &test.key, day(memory.now)),
        executions: counts.runs(),
        failures: counts.failures + counts.flaky,
        streak: summary.streak(),
        cells: summary.window().filter_map(cell).collect(),
        mean: summary.mean(),
        recent: summary.recent(),
        slower: trend::slower(summary).map(|slower| (slower.before, slower.after)),
    }
}

/// Where a run stands among those that are shown.
struct Columns {
    by_name: HashMap<RunId, usize>,
    /// What was asked for before, by the store's number: every test asks for the same runs.
    by_number: HashMap<u64, Option<usize>>,
}

impl Columns {
    fn of(runs: &[StoredRun]) -> Self {
        let by_name = runs.iter().enumerate().map(|(index, run)| (run.head.id.clone(), index)).collect();
        Self { by_name, by_number: HashMap::new() }
    }

    fn of_run(&mut self, entry: &Entry) -> Option<usize> {
        let by_name = &self.by_name;
        *self.by_number.entry(entry.run.seq).or_insert_with(|| by_name.get(&entry.run.id).copied())
    }
}
