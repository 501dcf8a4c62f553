//! What the lines of the format look like, and how they stand for the model's values.
//!
//! These types are the format: they are apart from the model's, so that a new name there changes no file.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::coverage_line::CoverageLine;
use super::run_name;
use crate::exit_code::ExitCode;
use crate::model::{
    Attempt, AttemptOutcome, BinaryId, CaseRecord, ContentHash, Context, Ending, Judgement, Kind, Outcome, Reason,
    RunHead, RunRecord, RunState, Shard, TestKey, Totals, Verdict,
};

/// The word by which a file is known.
pub(super) const FORMAT: &str = "cargo-gate-history";

/// The version that is written, and the latest that is read.
pub(super) const VERSION: u64 = 1;

/// A line is never longer, nor the lines of one run together than [`MOST_BYTES`]: a few bytes of gzip may stand for
/// as much as there is memory.
pub(super) const MOST_LINE: u64 = 64 << 20;

/// The most bytes of one run.
pub(super) const MOST_BYTES: u64 = 256 << 20;

/// The most cases of one run.
pub(super) const MOST_CASES: usize = 1_000_000;

/// The most tests that a run may have counted: sums and percentages of so many are still whole numbers.
const MOST_TESTS: u64 = 1 << 48;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header<'a> {
    pub(super) format: Cow<'a, str>,
    pub(super) version: u64,
    #[serde(default)]
    pub(super) written_by: Cow<'a, str>,
}

/// Any other line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line<'a> {
    /// A run begins.
    #[serde(borrow)]
    Run(Box<RunLine<'a>>),
    /// Cases of the run that began last, of one binary.
    #[serde(borrow)]
    Cases(CasesLine<'a>),
    /// Nothing follows.
    End(EndLine),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RunLine<'a> {
    id: Cow<'a, str>,
    start: Timestamp,
    target: Cow<'a, str>,
    features: Cow<'a, str>,
    profile: Cow<'a, str>,
    suite: Cow<'a, str>,
    version: Option<Cow<'a, str>>,
    trigger: Cow<'a, str>,
    host: Cow<'a, str>,
    toolchain: Cow<'a, str>,
    commit: Option<Cow<'a, str>>,
    branch: Option<Cow<'a, str>>,
    dirty: Option<bool>,
    ci_link: Option<Cow<'a, str>>,
    input_key: Option<ContentHash>,
    instrumented: bool,
    full: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shard: Option<Shard>,
    pid: u32,
    boot_id: Option<Cow<'a, str>>,
    state: RunState,
    totals: TotalsLine,
    not_run: u64,
    us: u64,
    verdict: Verdict,
    codes: Vec<u8>,
    reasons: Vec<ReasonLine<'a>>,
    plan_digest: Option<ContentHash>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    coverage: Option<CoverageLine<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TotalsLine {
    tests: u64,
    passed: u64,
    failed: u64,
    errored: u64,
    timeout: u64,
    flaky: u64,
    skipped: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct ReasonLine<'a> {
    id: Cow<'a, str>,
    text: Cow<'a, str>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CasesLine<'a> {
    package: Cow<'a, str>,
    kind: Kind,
    binary: Cow<'a, str>,
    hash: Option<ContentHash>,
    #[serde(borrow)]
    pub(super) tests: Vec<CaseLine<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CaseLine<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    leaked: bool,
    /// Left out where they are what the outcome says: one with the same outcome and duration, none of a skipped test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempts: Option<Vec<AttemptLine<'a>>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct AttemptLine<'a> {
    outcome: AttemptOutcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ending: Option<Ending>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
}

/// The last line: how much there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EndLine {
    pub(super) runs: u64,
    pub(super) cases: u64,
}

/// Whole microseconds; more than a store holds is none.
fn micros(took: Duration) -> Option<u64> {
    i64::try_from(took.as_micros()).ok().map(i64::cast_unsigned)
}

/// The other way.
fn duration(us: u64) -> Result<Duration, String> {
    match i64::try_from(us) {
        Ok(_) => Ok(Duration::from_micros(us)),
        Err(_) => Err(format!("a duration of {us} microseconds is longer than a history holds")),
    }
}

fn borrowed(text: Option<&String>) -> Option<Cow<'_, str>> {
    text.map(|text| Cow::Borrowed(text.as_str()))
}

impl<'a> RunLine<'a> {
    /// The line of a run. Totals are counted where they were not.
    pub(super) fn of(record: &'a RunRecord, totals: &Totals) -> Self {
        let (head, judgement) = (&record.head, &record.judgement);
        let Totals { tests, passed, failed, errored, timeout, flaky, skipped } = *totals;
        Self {
            id: head.id.as_str().into(),
            start: head.start,
            target: head.context.target.as_str().into(),
            features: head.context.features.as_str().into(),
            profile: head.context.profile.as_str().into(),
            suite: head.suite.as_str().into(),
            version: borrowed(head.version.as_ref()),
            trigger: head.trigger.as_str().into(),
            host: head.host.as_str().into(),
            toolchain: head.toolchain.as_str().into(),
            commit: borrowed(head.commit.as_ref()),
            branch: borrowed(head.branch.as_ref()),
            dirty: head.dirty,
            ci_link: borrowed(head.ci_link.as_ref()),
            input_key: head.input_key,
            instrumented: head.instrumented,
            full: head.full,
            shard: head.shard,
            pid: head.pid,
            boot_id: borrowed(head.boot_id.as_ref()),
            state: record.state,
            totals: TotalsLine { tests, passed, failed, errored, timeout, flaky, skipped },
            not_run: record.not_run,
            us: micros(record.duration).unwrap_or(i64::MAX.cast_unsigned()),
            verdict: judgement.verdict,
            codes: judgement.codes.iter().map(|code| code.number()).collect(),
            reasons: judgement
                .reasons
                .iter()
                .map(|reason| ReasonLine { id: reason.id.as_str().into(), text: reason.text.as_str().into() })
                .collect(),
            plan_digest: record.plan_digest,
            coverage: record.coverage.as_ref().map(CoverageLine::of),
        }
    }

    /// The run, if there can be such a one; else what is wrong with it.
    pub(super) fn into_record(self) -> Result<RunRecord, String> {
        let id = run_name(&self.id)?;
        if i64::try_from(self.start.as_nanosecond()).is_err() {
            return Err(format!("run {} started at {}, which no history holds", self.id, self.start));
        }
        if self.state == RunState::Running {
            return Err(format!("run {} is not over", self.id));
        }
        let codes = self.codes.iter().map(|number| {
            let known = ExitCode::ALL.into_iter().find(|code| code.number() == *number);
            known.ok_or_else(|| format!("run {} has an exit code that is not known: {number}", self.id))
        });
        let judgement = Judgement {
            verdict: self.verdict,
            codes: codes.collect::<Result<_, _>>()?,
            reasons: self.reasons.iter().map(|reason| Reason::new(&reason.id, reason.text.as_ref())).collect(),
        };
        let totals = self.totals.into_totals().ok_or_else(|| format!("the totals of run {} do not add up", self.id))?;
        let coverage = self.coverage.map(CoverageLine::into_figures).transpose();
        let coverage = coverage.map_err(|why| format!("what run {} reached cannot be: {why}", self.id))?;
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let head = RunHead {
            id,
            start: self.start,
            context: Context {
                target: self.target.into_owned(),
                features: self.features.into_owned(),
                profile: self.profile.into_owned(),
            },
            suite: self.suite.into_owned(),
            version: owned(self.version),
            trigger: self.trigger.into_owned(),
            host: self.host.into_owned(),
            toolchain: self.toolchain.into_owned(),
            commit: owned(self.commit),
            branch: owned(self.branch),
            dirty: self.dirty,
            ci_link: owned(self.ci_link),
            input_key: self.input_key,
            instrumented: self.instrumented,
            full: self.full,
            shard: self.shard,
            pid: self.pid,
            boot_id: owned(self.boot_id),
        };
        Ok(RunRecord {
            head,
            state: self.state,
            totals,
            not_run: self.not_run,
            duration: duration(self.us)?,
            judgement,
            plan_digest: self.plan_digest,
            coverage,
        })
    }
}

impl TotalsLine {
    /// Disjoint, summing to `tests`, and no more than can be counted with.
    fn into_totals(self) -> Option<Totals> {
        let Self { tests, passed, failed, errored, timeout, flaky, skipped } = self;
        let sum = [passed, failed, errored, timeout, flaky, skipped].into_iter().try_fold(0, u64::checked_add)?;
        (sum == tests && tests <= MOST_TESTS).then_some(Totals {
            tests,
            passed,
            failed,
            errored,
            timeout,
            flaky,
            skipped,
        })
    }
}

impl<'a> CasesLine<'a> {
    /// A line that cases are put into.
    pub(super) fn of(binary: &'a BinaryId, hash: Option<ContentHash>) -> Self {
        let BinaryId { package, kind, binary } = binary;
        Self { package: package.into(), kind: *kind, binary: binary.into(), hash, tests: Vec::new() }
    }

    /// The binary, its content, and its tests.
    pub(super) fn into_parts(self) -> (BinaryId, Option<ContentHash>, Vec<CaseLine<'a>>) {
        let binary = BinaryId { package: self.package.into_owned(), kind: self.kind, binary: self.binary.into_owned() };
        (binary, self.hash, self.tests)
    }
}

impl<'a> CaseLine<'a> {
    /// What became of a test.
    pub(super) fn of(case: &'a CaseRecord) -> Self {
        let attempts = || case.attempts.iter().map(AttemptLine::of).collect();
        Self {
            name: case.key.name.as_str().into(),
            outcome: case.outcome,
            us: case.took.and_then(micros),
            line: case.line,
            leaked: case.leaked,
            attempts: (implied(case.outcome, case.took).as_ref() != Some(&case.attempts)).then(attempts),
        }
    }

    /// About how long it will be.
    pub(super) fn len(&self) -> usize {
        let of_attempt = |attempt: &AttemptLine<'_>| {
            let len = |text: &Option<Cow<'_, str>>| text.as_ref().map_or(0, |text| text.len());
            len(&attempt.why) + len(&attempt.text) + 80
        };
        self.name.len() + 60 + self.attempts.iter().flatten().map(of_attempt).sum::<usize>()
    }

    /// The test's name inside its binary.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The case of the test with this key.
    pub(super) fn into_case(self, key: Arc<TestKey>, hash: Option<ContentHash>) -> Result<CaseRecord, String> {
        let took = self.us.map(duration).transpose()?;
        let attempts = match self.attempts {
            Some(attempts) => attempts.into_iter().map(AttemptLine::into_attempt).collect::<Result<_, _>>()?,
            None => implied(self.outcome, took).ok_or_else(|| format!("the attempts of `{key}` are not there"))?,
        };
        Ok(CaseRecord {
            key,
            outcome: self.outcome,
            took,
            attempts,
            line: self.line,
            leaked: self.leaked,
            binary_hash: hash,
        })
    }
}

/// The attempts that need no words: of most tests there was one, and it was as the whole. None where there is no
/// such rule: a flaky test has several.
fn implied(outcome: Outcome, took: Option<Duration>) -> Option<Vec<Attempt>> {
    let outcome = match outcome {
        Outcome::Skipped => return Some(Vec::new()),
        Outcome::Flaky => return None,
        Outcome::Passed => AttemptOutcome::Passed,
        Outcome::Failed => AttemptOutcome::Failed,
        Outcome::Error => AttemptOutcome::Error,
        Outcome::Timeout => AttemptOutcome::Timeout,
    };
    Some(vec![Attempt { outcome, took, ending: None, why: None, text: None }])
}

impl<'a> AttemptLine<'a> {
    fn of(attempt: &'a Attempt) -> Self {
        Self {
            outcome: attempt.outcome,
            us: attempt.took.and_then(micros),
            ending: attempt.ending,
            why: borrowed(attempt.why.as_ref()),
            text: attempt.text.as_deref().map(Cow::Borrowed),
        }
    }

    fn into_attempt(self) -> Result<Attempt, String> {
        Ok(Attempt {
            outcome: self.outcome,
            took: self.us.map(duration).transpose()?,
            ending: self.ending,
            why: self.why.map(Cow::into_owned),
            text: self.text.map(|text| text.as_ref().into()),
        })
    }
}
