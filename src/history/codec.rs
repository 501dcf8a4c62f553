//! How summaries and unusual cases are written compactly: little bytes, the same for every store.
//!
//! Numbers are LEB128 varints. What cannot be decoded gives `None`: a store skips it and says so.

use std::sync::Arc;
use std::time::Duration;

use crate::analytics::summary::{Counts, Entry, RunFacts, Summary};
use crate::model::{Attempt, AttemptOutcome, CaseRecord, Ending, Outcome};

/// The first byte of a written summary.
const SUMMARY_FORMAT: u8 = 1;

/// A sentence about an attempt is cut after so many bytes.
const WHY_LIMIT: usize = 1024;

/// An outcome as a small number. Passed is 0, which costs SQLite no byte at all.
pub(super) const fn outcome_code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Passed => 0,
        Outcome::Failed => 1,
        Outcome::Error => 2,
        Outcome::Timeout => 3,
        Outcome::Skipped => 4,
        Outcome::Flaky => 5,
    }
}

/// The outcome of a number; one that is not known is an error (R19).
pub(super) const fn outcome_of(code: i64) -> Outcome {
    match code {
        0 => Outcome::Passed,
        1 => Outcome::Failed,
        3 => Outcome::Timeout,
        4 => Outcome::Skipped,
        5 => Outcome::Flaky,
        _ => Outcome::Error,
    }
}

/// Whole microseconds, where they are known and can be written.
pub(super) fn micros(took: Option<Duration>) -> Option<i64> {
    took.and_then(|took| i64::try_from(took.as_micros()).ok())
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Small negative numbers are small numbers too.
fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.number()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn bytes(&mut self, len: u64) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }
}

const BOTH: u8 = 0x08;
const ROUGH: u8 = 0x10;
const TIMED: u8 = 0x20;

/// Writes a summary: the older counts, then the window, oldest first: run (as the difference to the one before),
/// outcome with flags, duration.
pub(super) fn write_summary(summary: &Summary) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + summary.window().len() * 5);
    out.push(SUMMARY_FORMAT);
    let Counts { passes, failures, flaky, skips, timed, micros } = *summary.older();
    for count in [passes, failures, flaky, skips, timed, micros] {
        put(&mut out, count);
    }
    let mut before = 0;
    for entry in summary.window() {
        let seq = entry.run.seq.cast_signed();
        put_signed(&mut out, seq.wrapping_sub(before));
        before = seq;
        let took = entry.took();
        let flag = |on: bool, flag: u8| if on { flag } else { 0 };
        out.push(
            outcome_code(entry.outcome)
                | flag(entry.both, BOTH)
                | flag(entry.rough, ROUGH)
                | flag(took.is_some(), TIMED),
        );
        if let Some(took) = took {
            put(&mut out, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
    }
    out
}

/// Reads a summary. Entries of runs that are not known any more are left out.
pub(super) fn read_summary(bytes: &[u8], mut facts: impl FnMut(u64) -> Option<Arc<RunFacts>>) -> Option<Summary> {
    let mut reader = Reader(bytes);
    if reader.byte()? != SUMMARY_FORMAT {
        return None;
    }
    let mut number = || reader.number();
    let older = Counts {
        passes: number()?,
        failures: number()?,
        flaky: number()?,
        skips: number()?,
        timed: number()?,
        micros: number()?,
    };
    let mut entries = Vec::with_capacity(reader.0.len() / 4 + 1);
    let mut seq: i64 = 0;
    while !reader.0.is_empty() {
        seq = seq.wrapping_add(reader.signed()?);
        let flags = reader.byte()?;
        let took = if flags & TIMED == 0 { None } else { Some(Duration::from_micros(reader.number()?)) };
        if let Some(run) = facts(seq.cast_unsigned()) {
            let entry = Entry::new(run, outcome_of(i64::from(flags & 7)), took);
            entries.push(entry.marked(flags & BOTH != 0, flags & ROUGH != 0));
        }
    }
    Some(Summary::from_parts(older, entries))
}

const LEAKED: u8 = 1;
const LINE: u8 = 2;

/// What a case has beyond its outcome and duration, texts aside; `None` for the ordinary one.
pub(super) fn write_extra(case: &CaseRecord) -> Option<Vec<u8>> {
    if is_ordinary(case) {
        return None;
    }
    let mut out = vec![if case.leaked { LEAKED } else { 0 } | if case.line.is_some() { LINE } else { 0 }];
    if let Some(line) = case.line {
        put(&mut out, u64::from(line));
    }
    for attempt in &case.attempts {
        let code = match attempt.outcome {
            AttemptOutcome::Passed => 0,
            AttemptOutcome::Failed => 1,
            AttemptOutcome::Error => 2,
            AttemptOutcome::Timeout => 3,
        };
        let took = micros(attempt.took);
        let has = |is: bool, bit: u8| if is { bit } else { 0 };
        out.push(code | has(took.is_some(), 4) | has(attempt.ending.is_some(), 8) | has(attempt.why.is_some(), 16));
        if let Some(took) = took {
            put(&mut out, took.cast_unsigned());
        }
        match attempt.ending {
            None => {}
            Some(Ending::Exited(code)) => put_signed(&mut out, i64::from(code) * 4),
            Some(Ending::Signaled(signal)) => put_signed(&mut out, i64::from(signal) * 4 + 1),
            Some(Ending::NotStarted) => put_signed(&mut out, 2),
        }
        if let Some(why) = &attempt.why {
            let why = head(why, WHY_LIMIT);
            put(&mut out, why.len() as u64);
            out.extend_from_slice(why.as_bytes());
        }
    }
    Some(out)
}

/// Can a case be told from its outcome and duration alone?
fn is_ordinary(case: &CaseRecord) -> bool {
    let attempts = match case.attempts.as_slice() {
        [] => case.outcome == Outcome::Skipped,
        [only] => {
            only.outcome.as_outcome() == case.outcome
                && micros(only.took) == micros(case.took)
                && only.ending.is_none()
                && only.why.is_none()
        }
        _ => false,
    };
    attempts && !case.leaked && case.line.is_none()
}

/// Puts what [`write_extra`] wrote into a case whose key, outcome and duration are known.
pub(super) fn read_extra(case: &mut CaseRecord, extra: Option<&[u8]>) -> Option<()> {
    let Some(bytes) = extra else {
        let outcome = match case.outcome {
            Outcome::Skipped => return Some(()),
            Outcome::Passed | Outcome::Flaky => AttemptOutcome::Passed,
            Outcome::Failed => AttemptOutcome::Failed,
            Outcome::Error => AttemptOutcome::Error,
            Outcome::Timeout => AttemptOutcome::Timeout,
        };
        case.attempts = vec![Attempt { outcome, took: case.took, ending: None, why: None, text: None }];
        return Some(());
    };
    let mut reader = Reader(bytes);
    let head = reader.byte()?;
    case.leaked = head & LEAKED != 0;
    case.line = if head & LINE == 0 { None } else { Some(u32::try_from(reader.number()?).ok()?) };
    while !reader.0.is_empty() {
        case.attempts.push(read_attempt(&mut reader)?);
    }
    Some(())
}

fn read_attempt(reader: &mut Reader<'_>) -> Option<Attempt> {
    let head = reader.byte()?;
    let outcome = match head & 3 {
        0 => AttemptOutcome::Passed,
        1 => AttemptOutcome::Failed,
        2 => AttemptOutcome::Error,
        _ => AttemptOutcome::Timeout,
    };
    let took = if head & 4 == 0 { None } else { Some(Duration::from_micros(reader.number()?)) };
    let ending = if head & 8 == 0 {
        None
    } else {
        let value = reader.signed()?;
        let number = i32::try_from(value.div_euclid(4)).ok()?;
        Some(match value.rem_euclid(4) {
            0 => Ending::Exited(number),
            1 => Ending::Signaled(number),
            _ => Ending::NotStarted,
        })
    };
    let why = if head & 16 == 0 {
        None
    } else {
        let len = reader.number()?;
        Some(std::str::from_utf8(reader.bytes(len)?).ok()?.to_owned())
    };
    Some(Attempt { outcome, took, ending, why, text: None })
}

/// Cuts a text to about so many bytes, keeping its head and its tail.
pub(super) fn cut(text: &str, limit: usize) -> std::borrow::Cow<'_, str> {
    if text.len() <= limit {
        return text.into();
    }
    let (head, tail) = (head(text, limit / 2), tail(text, limit / 2));
    format!("{head}\n… {} bytes left out …\n{tail}", text.len() - head.len() - tail.len()).into()
}

/// The longest beginning of so many bytes at most that does not cut a character.
fn head(text: &str, most: usize) -> &str {
    (0..=most.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// The longest end of so many bytes at most that does not cut a character.
fn tail(text: &str, most: usize) -> &str {
    (text.len().saturating_sub(most)..=text.len()).find_map(|start| text.get(start..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RunId, TestKey};
    use proptest::prelude::*;

    fn facts(seq: u64) -> Arc<RunFacts> {
        Arc::new(RunFacts {
            seq,
            id: RunId::from_stored(format!("{seq:020}")),
            start: jiff::Timestamp::UNIX_EPOCH,
            input_key: None,
            commit: None,
            branch: None,
            extent: None,
            instrumented: false,
        })
    }

    fn took() -> impl Strategy<Value = Option<Duration>> {
        prop::option::of((0..u64::MAX / 2000).prop_map(Duration::from_micros))
    }

    fn attempt() -> impl Strategy<Value = Attempt> {
        use AttemptOutcome::{Error, Failed, Passed, Timeout};
        let ending = prop_oneof![
            Just(Ending::NotStarted),
            any::<i32>().prop_map(Ending::Exited),
            any::<i32>().prop_map(Ending::Signaled)
        ];
        let outcome = prop::sample::select(vec![Passed, Failed, Error, Timeout]);
        (outcome, took(), prop::option::of(ending), prop::option::of(".{0,40}"))
            .prop_map(|(outcome, took, ending, why)| Attempt { outcome, took, ending, why, text: None })
    }

    proptest! {
        #[test]
        fn summaries_are_read_as_they_were_written(
            entries in prop::collection::vec((any::<u32>(), 0_u8..6, took(), any::<bool>(), any::<bool>()), 0..150),
        ) {
            let mut summary = Summary::default();
            for (seq, code, took, both, rough) in entries {
                let entry = Entry::new(facts(seq.into()), outcome_of(code.into()), took);
                summary.insert(entry.marked(both, rough));
            }
            let bytes = write_summary(&summary);
            prop_assert_eq!(read_summary(&bytes, |seq| Some(facts(seq))), Some(summary));
        }

        #[test]
        fn no_bytes_are_too_strange_to_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_summary(&bytes, |seq| Some(facts(seq)));
            let mut case = case(Outcome::Failed);
            let _ = read_extra(&mut case, Some(&bytes));
        }

        #[test]
        fn cases_are_read_as_they_were_written(
            code in 0_i64..6, took in took(), attempts in prop::collection::vec(attempt(), 0..4),
            line in prop::option::of(any::<u32>()), leaked: bool,
        ) {
            let written = CaseRecord { took, attempts, line, leaked, ..case(outcome_of(code)) };
            let mut read = CaseRecord { took, ..case(written.outcome) };
            prop_assert!(read_extra(&mut read, write_extra(&written).as_deref()).is_some());
            prop_assert_eq!(read, written);
        }

        #[test]
        fn cut_texts_keep_head_and_tail_within_the_limit(text in ".{0,300}", limit in 0_usize..100) {
            let short = cut(&text, limit);
            if text.len() <= limit {
                prop_assert_eq!(&*short, &*text);
            } else {
                prop_assert!(short.len() <= limit + 40, "{}", short);
            }
        }
    }

    fn case(outcome: Outcome) -> CaseRecord {
        let key: TestKey = "app/app::a".parse().unwrap();
        CaseRecord {
            key: Arc::new(key),
            outcome,
            took: None,
            attempts: Vec::new(),
            line: None,
            leaked: false,
            binary_hash: None,
        }
    }

    #[test]
    fn an_ordinary_case_needs_no_extra_byte() {
        let took = Some(Duration::from_micros(1500));
        for outcome in [AttemptOutcome::Passed, AttemptOutcome::Failed, AttemptOutcome::Error] {
            let attempts = vec![Attempt { outcome, took, ending: None, why: None, text: None }];
            let case = CaseRecord { took, attempts, ..case(outcome.as_outcome()) };
            assert_eq!(write_extra(&case), None);
        }
        assert_eq!(write_extra(&case(Outcome::Skipped)), None);
    }

    #[test]
    fn r19_an_unknown_outcome_is_an_error() {
        assert_eq!(outcome_of(77), Outcome::Error);
        assert_eq!(outcome_of(-1), Outcome::Error);
        for outcome in Outcome::ALL {
            assert_eq!(outcome_of(outcome_code(outcome).into()), outcome);
        }
    }
}
