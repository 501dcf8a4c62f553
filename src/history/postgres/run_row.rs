//! The rows of runs that are of themselves, not of their tests.

use super::failure::Result;
use super::names;
use super::question::{Question, Scalar, Text};
use crate::history::columns::{self, nanos, number};
use crate::model::{CoverageFigures, RunHead, RunRecord, RunState, Totals};

/// The state of a run that is being put down whole: it never stays.
pub(super) const ARRIVING: &str = "arriving";

/// How heads are put down where the run may be on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It is left as it is.
    Stays,
    /// One that runs is told what became known of it since; where it was pruned as one that was cut off nothing was
    /// learnt from it, and it comes back.
    Running,
}

fn each<'h, H, T: Scalar>(heads: &[&'h H], column: impl Fn(&'h H) -> T) -> Vec<T> {
    heads.iter().map(|head| column(head)).collect()
}

/// Puts down what is known of runs from their start, in order of their names; answers with `id`, `seq` and `state` of
/// each that was put down. Contexts are there already.
pub(super) fn put_heads(heads: &[&RunHead], state: &str, known: Known) -> Question {
    let known = match known {
        Known::Stays => "NOTHING",
        Known::Running => {
            "UPDATE SET start_ns = excluded.start_ns, context = excluded.context, suite = excluded.suite, \
             version = excluded.version, run_trigger = excluded.run_trigger, host = excluded.host, \
             toolchain = excluded.toolchain, commit_id = excluded.commit_id, branch = excluded.branch, \
             dirty = excluded.dirty, ci_link = excluded.ci_link, input_key = excluded.input_key, \
             instrumented = excluded.instrumented, whole = excluded.whole, shard = excluded.shard, \
             pid = excluded.pid, boot_id = excluded.boot_id, pruned = false \
             WHERE runs.state = 'running'"
        }
    };
    let sql = format!(
        "INSERT INTO runs (id, start_ns, context, state, suite, version, run_trigger, host, toolchain, commit_id, \
         branch, dirty, ci_link, input_key, instrumented, whole, shard, pid, boot_id) \
         SELECT h.id, h.start_ns, contexts.id, $1, suite, version, run_trigger, host, toolchain, commit_id, \
         branch, dirty, ci_link, input_key, instrumented, whole, shard, pid, boot_id \
         FROM unnest($2::text[], $3::bigint[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::text[], \
         $9::text[], $10::text[], $11::text[], $12::boolean[], $13::text[], $14::bytea[], $15::boolean[], \
         $16::boolean[], $17::text[], $18::bigint[], $19::text[]) \
         AS h (id, start_ns, context, suite, version, run_trigger, host, toolchain, commit_id, branch, dirty, \
         ci_link, input_key, instrumented, whole, shard, pid, boot_id) \
         JOIN contexts ON contexts.digest = h.context ORDER BY h.id \
         ON CONFLICT (id) DO {known} RETURNING id, seq, state"
    );
    let maybe = |text: &Option<String>| Text::maybe(text.as_deref());
    Question::new(sql)
        .with(Text::of(state))
        .with_each(each(heads, |head| Text::of(head.id.as_str())))
        .with_each(each(heads, |head| nanos(head.start)))
        .with_each(each(heads, |head| names::of_context(&head.context)))
        .with_each(each(heads, |head| Text::of(&head.suite)))
        .with_each(each(heads, |head| maybe(&head.version)))
        .with_each(each(heads, |head| Text::of(&head.trigger)))
        .with_each(each(heads, |head| Text::of(&head.host)))
        .with_each(each(heads, |head| Text::of(&head.toolchain)))
        .with_each(each(heads, |head| maybe(&head.commit)))
        .with_each(each(heads, |head| maybe(&head.branch)))
        .with_each(each(heads, |head| head.dirty))
        .with_each(each(heads, |head| maybe(&head.ci_link)))
        .with_each(each(heads, |head| head.input_key.map(|key| key.0.to_vec())))
        .with_each(each(heads, |head| head.instrumented))
        .with_each(each(heads, |head| head.full))
        .with_each(each(heads, |head| head.shard.map(|shard| Text::of(&shard.to_string()))))
        .with_each(each(heads, |head| i64::from(head.pid)))
        .with_each(each(heads, |head| maybe(&head.boot_id)))
}

/// A run with its number and what its tests came to.
pub(super) type Counted<'r> = (i64, &'r RunRecord, Totals);

/// Puts down what came of runs.
pub(super) fn put_results(runs: &[Counted<'_>]) -> Result<Question> {
    let sql = "UPDATE runs SET state = r.state, tests = r.tests, passed = r.passed, failed = r.failed, \
               errored = r.errored, timeout = r.timeout, flaky = r.flaky, skipped = r.skipped, not_run = r.not_run, \
               duration_us = r.duration_us, verdict = r.verdict, codes = r.codes, reasons = r.reasons, \
               plan_digest = r.plan_digest \
               FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], \
               $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::text[], \
               $14::text[], $15::bytea[]) AS r (seq, state, tests, passed, failed, errored, timeout, flaky, skipped, \
               not_run, duration_us, verdict, codes, reasons, plan_digest) WHERE runs.seq = r.seq";
    let counts =
        |count: fn(&Totals) -> u64| runs.iter().map(|(_, _, totals)| number(count(totals))).collect::<Vec<_>>();
    let mut reasons = Vec::with_capacity(runs.len());
    for (_, record, _) in runs {
        reasons.push(Text::of(&columns::reasons(&record.judgement)?));
    }
    let records: Vec<&RunRecord> = runs.iter().map(|(_, record, _)| *record).collect();
    Ok(Question::new(sql)
        .with_each(runs.iter().map(|(seq, ..)| *seq).collect::<Vec<_>>())
        .with_each(each(&records, |record| Text::of(record.state.as_str())))
        .with_each(counts(|totals| totals.tests))
        .with_each(counts(|totals| totals.passed))
        .with_each(counts(|totals| totals.failed))
        .with_each(counts(|totals| totals.errored))
        .with_each(counts(|totals| totals.timeout))
        .with_each(counts(|totals| totals.flaky))
        .with_each(counts(|totals| totals.skipped))
        .with_each(each(&records, |record| number(record.not_run)))
        .with_each(each(&records, columns::duration))
        .with_each(each(&records, |record| Text::of(record.verdict().as_str())))
        .with_each(each(&records, |record| Text::of(&columns::codes(&record.judgement))))
        .with_each(reasons)
        .with_each(each(&records, |record| record.plan_digest.map(|digest| digest.0.to_vec()))))
}

/// Puts down what a run reached.
pub(super) fn put_coverage(seq: i64, figures: &CoverageFigures) -> Question {
    let sql = "INSERT INTO coverage (run, lines_covered, lines_total, regions_covered, regions_total, \
               functions_covered, functions_total, branches_covered, branches_total, counting, is_whole, \
               may_be_baseline) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let counts = figures.all().map(|(_, ratio)| [ratio.covered().cast_signed(), ratio.total().cast_signed()]);
    counts
        .into_iter()
        .flatten()
        .fold(Question::new(sql).with(seq), Question::with)
        .with(Text::of(&figures.counting))
        .with(figures.is_whole)
        .with(figures.may_be_baseline)
}

/// Runs are over, whatever they were.
pub(super) fn end(ids: Vec<Text>) -> Question {
    let sql = "UPDATE runs SET state = $2 WHERE id = ANY($1)";
    Question::new(sql).with_each(ids).with(Text::of(RunState::Executed.as_str()))
}

/// Runs that keep nothing but their names: those that are over are never taken in again.
pub(super) fn bury(ids: Vec<Text>) -> Question {
    let sql = "UPDATE runs SET pruned = true, host = '', toolchain = '', ci_link = NULL, boot_id = NULL, \
               codes = NULL, reasons = NULL, plan_digest = NULL WHERE id = ANY($1)";
    Question::new(sql).with_each(ids)
}
