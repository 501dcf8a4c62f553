//! The run as it goes, for machines: one JSON object a line (NDJSON).

use std::io;

use camino::Utf8Path;
use jiff::Timestamp;
use serde::Serialize;

use super::json::{Head, SCHEMA_VERSION, TestEntry, write_line};
use crate::event::{Event, Fact, Observer};
use crate::model::{AttemptOutcome, BinaryId, RunId, Shard, StepKind, StepRecord, StepState, TestKey, millis};

/// Writes each event as a line, flushed at once. A reader that is gone ends it quietly.
#[derive(Debug)]
pub struct EventStream<W> {
    writer: W,
    ended: Option<io::Error>,
}

impl<W: io::Write> EventStream<W> {
    /// A stream onto this writer.
    pub const fn new(writer: W) -> Self {
        Self { writer, ended: None }
    }

    /// Why the stream ended early, unless its reader just closed it.
    pub fn error(&self) -> Option<&io::Error> {
        self.ended.as_ref().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }
}

impl<W: io::Write> Observer for EventStream<W> {
    fn observe(&mut self, event: &Event) {
        if self.ended.is_none()
            && let Some(body) = Body::of(&event.fact)
            && let Err(error) =
                write_line(&mut self.writer, &Line { schema_version: SCHEMA_VERSION, at: event.at, body })
        {
            self.ended = Some(error);
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    schema_version: u32,
    /// RFC 3339, UTC.
    at: Timestamp,
    #[serde(flatten)]
    body: Body<'a>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Body<'a> {
    RunStarted {
        run_id: &'a str,
    },
    BuildFinished {
        success: bool,
        took_ms: u64,
    },
    TestFinished(TestEntry),
    AttemptFinished(AttemptLine<'a>),
    ProcessDied {
        #[serde(flatten)]
        binary: &'a BinaryId,
        ending: String,
        in_flight: Vec<String>,
    },
    StepFinished(StepLine<'a>),
    RunFinished(RunLine),
}

#[derive(Serialize)]
struct AttemptLine<'a> {
    #[serde(flatten)]
    key: &'a TestKey,
    attempt: u32,
    outcome: AttemptOutcome,
    ms: Option<u64>,
    why: Option<&'a str>,
    retry_in_ms: Option<u64>,
}

#[derive(Serialize)]
struct StepLine<'a> {
    name: &'a str,
    kind: StepKind,
    state: StepState,
    returncode: Option<i32>,
    ms: u64,
    cached: bool,
    why: &'a str,
    log: Option<&'a Utf8Path>,
    run_id: Option<&'a str>,
}

impl<'a> From<&'a StepRecord> for StepLine<'a> {
    fn from(step: &'a StepRecord) -> Self {
        Self {
            name: &step.name,
            kind: step.kind,
            state: step.state,
            returncode: step.returncode(),
            ms: millis(step.took),
            cached: step.state == StepState::Cached,
            why: &step.why,
            log: step.log.as_deref(),
            run_id: step.run_id.as_ref().map(RunId::as_str),
        }
    }
}

/// A run's head without the version that each line has already.
#[derive(Serialize)]
struct RunLine {
    run_id: String,
    verdict: crate::model::Verdict,
    exit_code: u8,
    codes: Vec<u8>,
    reasons: Vec<crate::model::Reason>,
    totals: crate::model::Totals,
    not_run: u64,
    duration_ms: u64,
    plan_digest: Option<String>,
    shard: Option<Shard>,
}

impl From<Head> for RunLine {
    fn from(head: Head) -> Self {
        let Head {
            schema_version: _,
            run_id,
            verdict,
            exit_code,
            codes,
            reasons,
            totals,
            not_run,
            duration_ms,
            plan_digest,
            shard,
        } = head;
        Self { run_id, verdict, exit_code, codes, reasons, totals, not_run, duration_ms, plan_digest, shard }
    }
}

impl<'a> Body<'a> {
    /// The facts that are part of the format; the others are the terminal's.
    fn of(fact: &'a Fact) -> Option<Self> {
        Some(match fact {
            Fact::RunStarted { run_id } => Self::RunStarted { run_id: run_id.as_str() },
            Fact::BuildFinished { success, took } => Self::BuildFinished { success: *success, took_ms: millis(*took) },
            Fact::TestFinished { case } => Self::TestFinished(TestEntry::new(case, None)),
            Fact::AttemptFinished { key, attempt, result, retry_in } => Self::AttemptFinished(AttemptLine {
                key,
                attempt: *attempt,
                outcome: result.outcome,
                ms: result.took.map(millis),
                why: result.why.as_deref(),
                retry_in_ms: retry_in.map(millis),
            }),
            Fact::ProcessDied { binary, ending, in_flight } => Self::ProcessDied {
                binary,
                ending: ending.to_string(),
                in_flight: in_flight.iter().map(ToString::to_string).collect(),
            },
            Fact::StepFinished { step } => Self::StepFinished(StepLine::from(&**step)),
            Fact::RunFinished { record, .. } => Self::RunFinished(Head::of(record).into()),
            Fact::Planned { .. }
            | Fact::TestStarted { .. }
            | Fact::TestSlow { .. }
            | Fact::FailureText { .. }
            | Fact::ProcessLeaked { .. }
            | Fact::Printed { .. }
            | Fact::Warned { .. }
            | Fact::ToolFailed { .. }
            | Fact::Interrupted { .. }
            | Fact::PipelineStarted { .. }
            | Fact::StepStarted { .. }
            | Fact::StepPrinted { .. } => return None,
        })
    }
}
