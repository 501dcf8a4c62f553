//! The one JSON document of `test`, and how JSON is written so that it is inert on a terminal, too.

use std::collections::HashMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::inert::{deceives, inert};
use super::shards::ShardLine;
use super::view::Insights;
use crate::exit_code::ExitCode;
use crate::model::{CaseRecord, Kind, Outcome, Reason, RunRecord, Shard, TestKey, Totals, Verdict, millis};

/// The version of the document's and of the events' shape.
pub const SCHEMA_VERSION: u32 = 1;

/// What every document begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The run's name.
    pub run_id: String,
    /// The one word.
    pub verdict: Verdict,
    /// The process's code.
    pub exit_code: u8,
    /// Every code that holds, most pressing first.
    pub codes: Vec<u8>,
    /// Why, most pressing first.
    pub reasons: Vec<Reason>,
    /// Counts by outcome, disjoint.
    pub totals: Totals,
    /// Planned tests without an outcome.
    pub not_run: u64,
    /// From the start to the verdict.
    pub duration_ms: u64,
    /// Hash of the planned tests' sorted keys; of a shard, of the whole plan that was cut.
    pub plan_digest: Option<String>,
    /// Which part of the plan ran, where it was cut: `2/4`.
    #[serde(default)]
    pub shard: Option<Shard>,
}

impl Head {
    /// The head of a document of which no run is on record: something was judged that ran elsewhere, or before.
    #[must_use]
    pub fn without_run(verdict: Verdict, code: ExitCode, reasons: Vec<Reason>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            run_id: String::new(),
            verdict,
            exit_code: code.number(),
            codes: vec![code.number()],
            reasons,
            totals: Totals::default(),
            not_run: 0,
            duration_ms: 0,
            plan_digest: None,
            shard: None,
        }
    }

    /// The head of a run's document.
    #[must_use]
    pub fn of(record: &RunRecord) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            run_id: record.head.id.to_string(),
            verdict: record.verdict(),
            exit_code: record.exit_code().number(),
            codes: record.judgement.codes.iter().map(|code| code.number()).collect(),
            reasons: record.judgement.reasons.clone(),
            totals: record.totals,
            not_run: record.not_run,
            duration_ms: millis(record.duration),
            plan_digest: record.plan_digest.map(|digest| digest.to_string()),
            shard: record.head.shard,
        }
    }
}

/// The document of `cargo gate test --format json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestDocument {
    /// The run.
    #[serde(flatten)]
    pub head: Head,
    /// Each test, in order of the keys.
    pub tests: Vec<TestEntry>,
    /// Tests of the full run before that this full run did not have any more, by their written keys.
    pub vanished: Vec<String>,
    /// Of a run that was put together from shards: each of them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub shards: Vec<ShardLine>,
}

/// One test of the document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestEntry {
    /// Its package.
    pub package: String,
    /// The target's name; `doc` for doctests.
    pub binary: String,
    /// What sort of target it is.
    pub kind: Kind,
    /// Its path inside its binary.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// How long its last attempt took; null where that is not known for certain.
    pub ms: Option<u64>,
    /// How often it was executed.
    pub attempts: u32,
    /// What the history says of it; null without a history.
    pub state: Option<String>,
    /// Why its failures fail nothing, where they do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quarantine: Option<String>,
    /// The line of its source, where its harness says it (doctests).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u32>,
    /// Did it leave a process behind that held its output?
    #[serde(skip_serializing_if = "is_false", default)]
    pub leaked: bool,
    /// Failing and flaky tests only: what the last failing attempt printed, or why it failed; inert.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl TestDocument {
    /// The document of a run, with what the history says of all, and by `state_of` of each test.
    #[must_use]
    pub fn new<'a>(
        record: &RunRecord,
        cases: impl IntoIterator<Item = &'a CaseRecord>,
        insights: &Insights,
        state_of: impl Fn(&TestKey) -> Option<String>,
    ) -> Self {
        let quarantined: HashMap<&TestKey, &str> =
            insights.quarantined.iter().map(|line| (&*line.key, line.reason.as_str())).collect();
        let entry = |case: &CaseRecord| {
            let quarantine = quarantined.get(&*case.key).map(|reason| (*reason).to_owned());
            TestEntry { quarantine, ..TestEntry::new(case, state_of(&case.key)) }
        };
        let vanished = insights.vanished.iter().map(ToString::to_string).collect();
        Self { head: Head::of(record), tests: cases.into_iter().map(entry).collect(), vanished, shards: Vec::new() }
    }
}

impl TestEntry {
    /// One test's entry.
    #[must_use]
    pub fn new(case: &CaseRecord, state: Option<String>) -> Self {
        let fails = case.outcome.is_failure() || case.outcome == Outcome::Flaky;
        let why = || case.attempts.iter().rev().find_map(|attempt| attempt.why.as_deref());
        Self {
            package: case.key.binary.package.clone(),
            binary: case.key.binary.binary.clone(),
            kind: case.key.binary.kind,
            name: case.key.name.clone(),
            outcome: case.outcome,
            ms: case.ms(),
            attempts: u32::try_from(case.attempts.len()).unwrap_or(u32::MAX),
            state,
            quarantine: None,
            line: case.line,
            leaked: case.leaked,
            message: fails.then(|| case.failure_text().or_else(why).map(inert)).flatten(),
        }
    }
}

/// Writes a value as one line of JSON.
///
/// # Errors
///
/// What the writer says.
pub fn write_line<T: Serialize + ?Sized>(mut writer: impl io::Write, value: &T) -> io::Result<()> {
    // In one piece, so that lines of two writers never mix.
    let mut line = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut line, Inert))?;
    line.push(b'\n');
    writer.write_all(&line)?;
    writer.flush()
}

/// serde_json escapes ASCII's control characters; this one escapes the rest of what a terminal acts upon as well.
struct Inert;

impl serde_json::ser::Formatter for Inert {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|c| c == '\x7f' || deceives(c)) {
            let (plain, tail) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut chars = tail.chars();
            for unit in chars.next().unwrap_or_default().encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn strings_survive_and_show_nothing(text in any::<String>()) {
            let mut line = Vec::new();
            write_line(&mut line, &text).unwrap();
            let line = String::from_utf8(line).unwrap();
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
            prop_assert!(line.trim_end_matches('\n').chars().all(|c| !c.is_control() && !deceives(c)));
        }
    }
}
