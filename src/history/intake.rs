//! What is taken in of a run, the same for every store: as what it counts, which texts are kept and how long they may
//! be, and how many runs go into one write.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::codec;
use super::store::FinishedRun;
use crate::model::{
    AttemptOutcome, BinaryId, CaseRecord, ContentHash, PIPELINE_SUITE, RunRecord, RunState, Totals, Verdict,
};

/// A failure's text is cut to so many bytes …
const TEXT_LIMIT: usize = 16 << 10;

/// … and to so many once a run has this many bytes of text.
const SHORT_TEXT_LIMIT: usize = 512;
const RUN_TEXT_LIMIT: usize = 8 << 20;

/// How many cases are appended in one transaction, about: others may write between two.
const CHUNK_CASES: usize = 200_000;

/// As many runs as go into one transaction.
pub(super) fn chunk(runs: &mut dyn Iterator<Item = FinishedRun>) -> Vec<FinishedRun> {
    let mut chunk = Vec::new();
    let mut cases = 0;
    while cases < CHUNK_CASES
        && let Some(run) = runs.next()
    {
        // A run without cases is not for nothing either.
        cases += run.cases.len() + 16;
        chunk.push(run);
    }
    chunk
}

/// Is a run counted from its start? A pipeline is not, since it may come to be counted by the runs within it.
pub(super) fn counts_at_begin(suite: &str) -> bool {
    suite != PIPELINE_SUITE
}

/// Does a finished run count? A pipeline does by the runs of tests within it, not once more by itself; but what could not
/// be executed before it came to any counts as its own.
pub(super) fn counts(suite: &str, state: RunState) -> bool {
    counts_at_begin(suite) || matches!(state, RunState::ToolError | RunState::Deferred)
}

/// Which counters a finished run that counts touches, `runs` aside (R18): an exhausted budget is a failure too.
pub(super) const fn counters_of(state: RunState, verdict: Verdict) -> &'static [&'static str] {
    match (state, verdict) {
        (RunState::Interrupted | RunState::Running, _) | (_, Verdict::Nothing) => &[],
        (_, Verdict::Pass) => &["pass"],
        (_, Verdict::Fail) => &["fail"],
        (_, Verdict::ToolError) => &["tool_error", "fail"],
        (_, Verdict::Deferred) => &["tool_error", "deferred"],
    }
}

/// The totals of a run. An older store or an import may know the cases and not their sums (R19).
pub(super) fn totals<'c>(record: &RunRecord, cases: impl Iterator<Item = &'c CaseRecord>) -> Totals {
    match record.totals.tests {
        0 => Totals::of(cases),
        _ => record.totals,
    }
}

/// Cases with the numbers of their tests, in order of those. A key is unique within a run; where one comes twice all
/// the same, the last one counts.
pub(super) fn in_order(mut numbered: Vec<(i64, &CaseRecord)>) -> Vec<(i64, &CaseRecord)> {
    numbered.reverse();
    numbered.sort_by_key(|(test, _)| *test);
    numbered.dedup_by_key(|(test, _)| *test);
    numbered
}

/// The texts of a run's failures, as they are kept: the test, the number of the attempt from 1, the text.
pub(super) fn texts(cases: &[(i64, &CaseRecord)]) -> Vec<(i64, i64, String)> {
    let mut texts = Vec::new();
    let mut written = 0;
    for (test, case) in cases {
        for (number, attempt) in (1_i64..).zip(&case.attempts) {
            let Some(text) = attempt.text.as_deref().filter(|_| attempt.outcome != AttemptOutcome::Passed) else {
                continue;
            };
            let limit = if written < RUN_TEXT_LIMIT { TEXT_LIMIT } else { SHORT_TEXT_LIMIT };
            let text = codec::cut(text, limit).into_owned();
            written += text.len();
            texts.push((*test, number, text));
        }
    }
    texts
}

/// The content of each binary that the cases name one of.
pub(super) fn contents<'c>(cases: &[(i64, &'c CaseRecord)]) -> BTreeMap<&'c BinaryId, ContentHash> {
    let mut hashes: BTreeMap<&BinaryId, ContentHash> = BTreeMap::new();
    let mut latest: Option<(&BinaryId, ContentHash)> = None;
    for (_, case) in cases {
        let Some(hash) = case.binary_hash.filter(|hash| latest != Some((&case.key.binary, *hash))) else {
            continue;
        };
        latest = Some((&case.key.binary, hash));
        // All cases of a binary have the same; should they not, no order of them decides.
        let there = hashes.entry(&case.key.binary).or_insert(hash);
        *there = hash.max(*there);
    }
    hashes
}

/// Puts kept texts, each with the number of its attempt from 1, back into a case.
pub(super) fn add_texts(case: &mut CaseRecord, texts: impl IntoIterator<Item = (i64, Arc<str>)>) {
    for (number, text) in texts {
        let attempt = usize::try_from(number).ok().and_then(|number| case.attempts.get_mut(number.checked_sub(1)?));
        if let Some(attempt) = attempt {
            attempt.text = Some(text);
        }
    }
}
