//! Three lines with totals, as scripts print them at their end: `Total Tests: N`, `Passed: N`, `Failed: N`, and at
//! will `Skipped: N`. They may be padded, coloured, and have other output around them.
//!
//! No case has a name here, so that the whole suite is one. A line that is missing, or said twice with different
//! numbers, and totals that do not sum up, make it an error.

use super::case::{attempt, of_attempts};
use super::results::{Results, Suite, Unreadable};
use super::text;
use crate::model::{AttemptOutcome, Totals};

/// What the lines begin with, in lower case.
const LABELS: [&str; 4] = ["total tests", "passed", "failed", "skipped"];

/// No suite has more tests: sums of such numbers never overflow.
const MOST_TESTS: u64 = 1 << 40;

/// Reads the output of a script.
pub(super) fn parse(bytes: &[u8]) -> Result<Results, Unreadable> {
    let text = text::lossy(bytes);
    let mut said: [Option<u64>; 4] = [None; 4];
    let mut problems = Vec::new();
    for line in text::lines(&text) {
        let Some((label, number)) = total_in(line) else { continue };
        for (known, slot) in LABELS.into_iter().zip(&mut said).filter(|(known, _)| *known == label) {
            match *slot {
                Some(before) if before != number && problems.is_empty() => {
                    problems.push(format!("`{known}` is said twice: {before} and {number}"));
                }
                _ => *slot = Some(number),
            }
        }
    }
    if said[..3].iter().all(Option::is_none) {
        return Err(Unreadable::whole("there is none of the lines `Total Tests: N`, `Passed: N`, `Failed: N` in it"));
    }
    problems.extend(missing(&said));
    let [total, passed, failed, skipped] = said.map(Option::unwrap_or_default);
    let sum = passed.saturating_add(failed).saturating_add(skipped);
    if problems.is_empty() && sum != total {
        let skips = if skipped > 0 { format!(" and {skipped} skipped") } else { String::new() };
        problems.push(format!("{passed} passed and {failed} failed{skips} are not {total} tests"));
    }
    Ok(Results {
        suites: vec![suite(Totals { tests: total, passed, failed, skipped, ..Totals::default() }, problems)],
        ..Results::default()
    })
}

fn missing(said: &[Option<u64>; 4]) -> Option<String> {
    let missing: Vec<&str> =
        LABELS.into_iter().zip(said).take(3).filter(|(_, said)| said.is_none()).map(|(label, _)| label).collect();
    (!missing.is_empty()).then(|| format!("there is no line `{}`", missing.join("`, `")))
}

fn suite(counts: Totals, problems: Vec<String>) -> Suite {
    let outcome = match counts {
        _ if !problems.is_empty() => return Suite { problems, ..Suite::default() },
        Totals { tests: 0, .. } => return Suite::default(),
        Totals { failed: 1.., .. } => Some(AttemptOutcome::Failed),
        Totals { passed: 1.., .. } => Some(AttemptOutcome::Passed),
        _ => None,
    };
    let text = match counts.failed {
        0 => String::new(),
        failed => format!("{failed} of {} tests failed", counts.tests),
    };
    let attempts = outcome.map(|outcome| attempt(outcome, None, text)).into_iter().collect();
    Suite { cases: vec![of_attempts(Vec::new(), attempts)], counts: Some(counts), ..Suite::default() }
}

/// A total in a line: its label in lower case, and the number.
fn total_in(line: &str) -> Option<(String, u64)> {
    // Most lines are output that says nothing of totals.
    if !line.contains(':') || line.len() > 1000 {
        return None;
    }
    let plain = console::strip_ansi_codes(line);
    let (label, rest) = plain.split_once(':')?;
    let is_frame = |c: char| !c.is_alphanumeric();
    let label = label.trim_matches(is_frame).to_ascii_lowercase();
    let digits = rest.trim_matches(is_frame);
    LABELS.contains(&label.as_str()).then_some(())?;
    // A sign before the number would be cut off with the padding.
    if rest.trim_start().starts_with('-') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((label, digits.parse().ok().filter(|number| *number <= MOST_TESTS)?))
}

/// Is there a total in a line?
pub(super) fn is_total(line: &str) -> bool {
    total_in(line).is_some()
}
