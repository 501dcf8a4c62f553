//! The judgements as one JSON document.

use std::io;

use jiff::Timestamp;
use serde::Serialize;

use super::{Evidence, JudgedTest, Judgements};
use crate::model::{Context, Reason, Verdict};
use crate::report::json::{SCHEMA_VERSION, write_line};
use crate::report::retrospect::json::{Key, Quarantine, Slower};

/// Writes the document of `cargo gate flaky --format json`.
///
/// # Errors
///
/// What the writer says.
pub fn write(writer: impl io::Write, judgements: &Judgements) -> io::Result<()> {
    write_line(writer, &document(judgements))
}

#[derive(Serialize)]
struct Document<'j> {
    schema_version: u32,
    at: Timestamp,
    context: Option<&'j Context>,
    verdict: Verdict,
    exit_code: u8,
    codes: Vec<u8>,
    reasons: &'j [Reason],
    tests: Vec<Test<'j>>,
    groups: Vec<Vec<String>>,
    slower: Vec<SlowerTest<'j>>,
    vanished: Vec<String>,
    unmatched_quarantines: &'j [String],
}

#[derive(Serialize)]
struct Test<'j> {
    #[serde(flatten)]
    key: Key<'j>,
    state: &'static str,
    reason: &'j str,
    evidence: &'j Evidence,
    quarantine: Option<Quarantine<'j>>,
    steady_again: bool,
}

#[derive(Serialize)]
struct SlowerTest<'j> {
    #[serde(flatten)]
    key: Key<'j>,
    #[serde(flatten)]
    slower: Slower,
}

fn document(judgements: &Judgements) -> Document<'_> {
    let judgement = &judgements.judgement;
    let slower = judgements.slower.iter();
    Document {
        schema_version: SCHEMA_VERSION,
        at: judgements.at,
        context: judgements.context.as_ref(),
        verdict: judgement.verdict,
        exit_code: judgement.exit_code().number(),
        codes: judgement.codes.iter().map(|code| code.number()).collect(),
        reasons: &judgement.reasons,
        tests: judgements.tests.iter().map(test).collect(),
        groups: judgements.groups.iter().map(|group| group.iter().map(ToString::to_string).collect()).collect(),
        slower: slower
            .map(|(key, from, to)| SlowerTest { key: Key::of(key), slower: Slower::of((*from, *to)) })
            .collect(),
        vanished: judgements.vanished.iter().map(ToString::to_string).collect(),
        unmatched_quarantines: &judgements.unmatched,
    }
}

fn test(test: &JudgedTest) -> Test<'_> {
    Test {
        key: Key::of(&test.key),
        state: test.state,
        reason: &test.reason,
        evidence: &test.evidence,
        quarantine: test.quarantine.as_ref().map(Quarantine::of),
        steady_again: test.is_steady_again,
    }
}
