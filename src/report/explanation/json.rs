//! All that is known of one test, as one JSON document.

use std::io;

use jiff::Timestamp;
use serde::Serialize;

use super::{Explanation, LastFailure, Moment, Tally, Times};
use crate::model::{AttemptOutcome, CaseRecord, Context, Outcome, RunId, millis};
use crate::report::inert::inert;
use crate::report::json::{SCHEMA_VERSION, write_line};
use crate::report::retrospect::json::{Key, Quarantine, Slower};

/// Writes the document of `cargo gate explain --format json`.
///
/// # Errors
///
/// What the writer says.
pub fn write(writer: impl io::Write, explanation: &Explanation) -> io::Result<()> {
    write_line(writer, &document(explanation))
}

#[derive(Serialize)]
struct Document<'e> {
    schema_version: u32,
    at: Timestamp,
    #[serde(flatten)]
    context: &'e Context,
    #[serde(flatten)]
    key: Key<'e>,
    current: bool,
    state: &'static str,
    evidence: &'e str,
    quarantine: Option<Quarantine<'e>>,
    counts: Counts,
    window: Counts,
    streak: usize,
    times: Option<Durations>,
    timeline: Vec<Entry<'e>>,
    last_failure: Option<Failure<'e>>,
    last_pass: Option<Entry<'e>>,
    group: Vec<String>,
    order: Option<Order<'e>>,
    isolation: Option<&'e str>,
}

#[derive(Serialize)]
struct Counts {
    runs: u64,
    passed: u64,
    failed: u64,
    flaky: u64,
    skipped: u64,
}

#[derive(Serialize)]
struct Durations {
    min_ms: u64,
    median_ms: u64,
    max_ms: u64,
    recent_ms: u64,
    mean_ms: u64,
    slower: Option<Slower>,
}

#[derive(Serialize)]
struct Entry<'e> {
    run: &'e RunId,
    start: Timestamp,
    outcome: Outcome,
    ms: Option<u64>,
    commit: Option<&'e str>,
    branch: Option<&'e str>,
    same_code: bool,
}

#[derive(Serialize)]
struct Failure<'e> {
    #[serde(flatten)]
    entry: Entry<'e>,
    /// Null where the run is no longer on record.
    attempts: Option<Vec<Tried<'e>>>,
}

#[derive(Serialize)]
struct Tried<'e> {
    outcome: AttemptOutcome,
    ms: Option<u64>,
    ending: Option<String>,
    why: Option<&'e str>,
    text: Option<String>,
}

#[derive(Serialize)]
struct Order<'e> {
    rank: usize,
    of: usize,
    reason: &'e str,
}

fn document(explanation: &Explanation) -> Document<'_> {
    Document {
        schema_version: SCHEMA_VERSION,
        at: explanation.at,
        context: &explanation.context,
        key: Key::of(&explanation.key),
        current: explanation.is_there,
        state: explanation.state,
        evidence: &explanation.evidence,
        quarantine: explanation.quarantine.as_ref().map(Quarantine::of),
        counts: counts(&explanation.all),
        window: counts(&explanation.window),
        streak: explanation.streak,
        times: explanation.times.as_ref().map(durations),
        timeline: explanation.timeline.iter().map(entry).collect(),
        last_failure: explanation.last_failure.as_ref().map(failure),
        last_pass: explanation.last_pass.as_ref().map(entry),
        group: explanation.mates.iter().map(ToString::to_string).collect(),
        order: explanation.place.as_ref().map(|place| Order { rank: place.rank, of: place.of, reason: &place.why }),
        isolation: explanation.isolation.as_deref(),
    }
}

const fn counts(tally: &Tally) -> Counts {
    let Tally { passed, failed, flaky, skipped } = *tally;
    Counts { runs: tally.executed(), passed, failed, flaky, skipped }
}

fn durations(times: &Times) -> Durations {
    Durations {
        min_ms: millis(times.least),
        median_ms: millis(times.median),
        max_ms: millis(times.most),
        recent_ms: millis(times.recent),
        mean_ms: millis(times.mean),
        slower: times.slower.map(Slower::of),
    }
}

fn entry(moment: &Moment) -> Entry<'_> {
    Entry {
        run: &moment.run,
        start: moment.start,
        outcome: moment.outcome,
        ms: moment.took.map(millis),
        commit: moment.commit.as_deref(),
        branch: moment.branch.as_deref(),
        same_code: moment.is_same_code,
    }
}

fn failure(failure: &LastFailure) -> Failure<'_> {
    Failure { entry: entry(&failure.moment), attempts: failure.case.as_ref().map(attempts) }
}

fn attempts(case: &CaseRecord) -> Vec<Tried<'_>> {
    case.attempts
        .iter()
        .map(|attempt| Tried {
            outcome: attempt.outcome,
            ms: attempt.took.map(millis),
            ending: attempt.ending.map(|ending| ending.to_string()),
            why: attempt.why.as_deref(),
            text: attempt.text.as_deref().map(inert),
        })
        .collect()
}
