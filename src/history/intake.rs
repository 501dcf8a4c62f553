//! What is taken in of a run, the same for every store: as what it counts, which texts are kept and how long they may
//! be, and how many runs go into one write.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::codec;
use super::columns::nanos;
use super::store::{Appended, FinishedRun, Result};
use crate::model::{
    AttemptOutcome, BinaryId, CaseRecord, ContentHash, PIPELINE_SUITE, RunRecord, RunState, Totals, Verdict,
};

/// A failure's text is cut to so many bytes …
const TEXT_LIMIT: usize = 16 << 10;

/// … and to so many once a run has this many bytes of text.
const SHORT_TEXT_LIMIT: usize = 512;
const RUN_TEXT_LIMIT: usize = 8 << 20;

/// How many cases are appended in one transaction, about: others may write between two …
const CHUNK_CASES: usize = 200_000;

/// … and how many bytes of text: a database takes no more than so much at once.
const CHUNK_BYTES: usize = 64 << 20;

/// Deferrals lapse after a day without a further one.
const LAPSE: SignedDuration = SignedDuration::from_hours(24);

/// Deferrals at this moment or before have lapsed. A clock that went back lets none lapse.
pub(super) fn lapsed(now: Timestamp) -> i64 {
    nanos(now).saturating_sub(i64::try_from(LAPSE.as_nanos()).unwrap_or(i64::MAX))
}

/// Appends runs, as many in one transaction as go into one.
pub(super) fn in_chunks(
    runs: &mut dyn Iterator<Item = FinishedRun>,
    mut append: impl FnMut(Vec<FinishedRun>) -> Result<Appended>,
) -> Result<Appended> {
    let mut appended = Appended::default();
    loop {
        let chunk = chunk(runs);
        if chunk.is_empty() {
            return Ok(appended);
        }
        let some = append(chunk)?;
        appended.added += some.added;
        appended.known += some.known;
        appended.cases += some.cases;
    }
}

fn chunk(runs: &mut dyn Iterator<Item = FinishedRun>) -> Vec<FinishedRun> {
    let mut chunk = Vec::new();
    let (mut cases, mut bytes) = (0, 0);
    while cases < CHUNK_CASES
        && bytes < CHUNK_BYTES
        && let Some(run) = runs.next()
    {
        // A run without cases is not for nothing either.
        cases += run.cases.len() + 16;
        let texts = run.cases.iter().flat_map(|case| &case.attempts).filter_map(|attempt| attempt.text.as_deref());
        bytes += texts.map(|text| text.len().min(TEXT_LIMIT)).sum::<usize>();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sqlite::tests::run;
    use crate::model::{Attempt, Outcome};

    #[test]
    fn what_goes_into_one_transaction_is_bounded_by_cases_and_by_their_texts() {
        let text: Arc<str> = "x".repeat(2 * TEXT_LIMIT).into();
        let failed = Attempt { outcome: AttemptOutcome::Failed, took: None, ending: None, why: None, text: Some(text) };
        let case = |case: &Arc<CaseRecord>| {
            Arc::new(CaseRecord { outcome: Outcome::Failed, attempts: vec![failed.clone()], ..(**case).clone() })
        };
        let long = |number| {
            let (record, cases) = run(number, 3000);
            FinishedRun { record, cases: cases.iter().map(case).collect(), binaries: Vec::new() }
        };
        let short = |number| {
            let (record, cases) = run(number, 3000);
            FinishedRun { record, cases, binaries: Vec::new() }
        };
        let chunks = |runs: &mut dyn Iterator<Item = FinishedRun>| {
            let mut sizes = Vec::new();
            let all = in_chunks(runs, |chunk| {
                sizes.push(chunk.len());
                Ok(Appended { added: chunk.len() as u64, ..Appended::default() })
            });
            (all.unwrap().added, sizes)
        };
        assert_eq!(chunks(&mut (0..5).map(long)), (5, vec![2, 2, 1]));
        assert_eq!(chunks(&mut (0..70).map(short)), (70, vec![67, 3]));
    }
}
