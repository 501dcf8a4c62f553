//! What the script reads: JSON inside the page.

use std::collections::HashMap;
use std::hash::Hash;

use serde::{Serialize, Serializer};

use super::map::{Map, Row, STATES, rank};
use super::{shown, trend};
use crate::model::{BinaryId, Outcome, millis};
use crate::report::retrospect::{PastRun, PastTest, Retrospect};

/// How many of a test's latest outcomes the table of all tests shows.
const OUTCOMES: usize = 30;

#[derive(Serialize)]
struct Embedded {
    states: [&'static str; 6],
    /// Letters of outcomes, and their words.
    outcomes: [(char, &'static str); 6],
    runs: Vec<Run>,
    /// The rows of the map: the test, a letter for each run, milliseconds for each run.
    map: Vec<(String, String, Vec<Option<u64>>)>,
    binaries: Vec<String>,
    /// Evidence; most tests share theirs.
    texts: Vec<String>,
    tests: Vec<Test>,
}

/// What a pointer into the charts says of a run.
#[derive(Serialize)]
struct Run {
    start: String,
    word: &'static str,
    totals: String,
    checkout: Option<String>,
    ms: Option<u64>,
}

/// A row of the table of all tests.
struct Test {
    binary: usize,
    name: String,
    state: usize,
    text: usize,
    failures: u64,
    executions: u64,
    streak: usize,
    recent: Option<u64>,
    mean: Option<u64>,
    /// Its place in the next run.
    place: Option<usize>,
    /// The latest outcomes, as runs of a letter: `27p1f2p`.
    outcomes: String,
    quarantined: u8,
}

/// Ten thousand rows do without the names of their fields.
impl Serialize for Test {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (
            self.binary,
            &self.name,
            self.state,
            self.text,
            self.failures,
            self.executions,
            self.streak,
            self.recent,
            self.mean,
            self.place,
            &self.outcomes,
            self.quarantined,
        )
            .serialize(serializer)
    }
}

/// All of it, as JSON that means nothing to HTML: every character that could is written as a number.
pub(super) fn json(retrospect: &Retrospect, map: &Map<'_>) -> serde_json::Result<String> {
    let json = serde_json::to_string(&embedded(retrospect, map))?;
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            _ => out.push(c),
        }
    }
    Ok(out)
}

fn embedded(retrospect: &Retrospect, map: &Map<'_>) -> Embedded {
    let mut places = vec![None; retrospect.tests.len()];
    for (place, (at, _)) in (1..).zip(&retrospect.order) {
        if let Some(slot) = places.get_mut(*at) {
            *slot = Some(place);
        }
    }
    let mut binaries = Interned::default();
    let mut texts = Interned::default();
    let tests =
        retrospect.tests.iter().zip(places).map(|(test, place)| row(test, place, &mut binaries, &mut texts)).collect();
    Embedded {
        states: STATES,
        outcomes: Outcome::ALL.map(|outcome| (letter(outcome), outcome.as_str())),
        runs: trend::latest(retrospect).iter().map(run).collect(),
        map: map.rows.iter().map(map_row).collect(),
        binaries: binaries.texts,
        texts: texts.texts,
        tests,
    }
}

fn run(run: &PastRun) -> Run {
    Run {
        start: shown::minute(run.start),
        word: trend::word(run),
        totals: trend::totals(run),
        checkout: shown::checkout(run),
        ms: run.duration.map(millis),
    }
}

fn map_row(row: &Row<'_>) -> (String, String, Vec<Option<u64>>) {
    let letters = row.cells.iter().map(|cell| cell.map_or('.', |cell| letter(cell.outcome))).collect();
    let times = row.cells.iter().map(|cell| cell.and_then(|cell| cell.took).map(millis)).collect();
    (shown::name(&row.test.key.to_string()), letters, times)
}

fn row<'a>(
    test: &'a PastTest,
    place: Option<usize>,
    binaries: &mut Interned<&'a BinaryId>,
    texts: &mut Interned<&'a str>,
) -> Test {
    let binary = &test.key.binary;
    Test {
        binary: binaries.number(binary, || shown::name(&binary.to_string())),
        name: shown::name(&test.key.name),
        state: rank(test.state),
        text: texts.number(&test.evidence, || shown::sentence(&test.evidence)),
        failures: test.failures,
        executions: test.executions,
        streak: test.streak,
        recent: test.recent.map(millis),
        mean: test.mean.map(millis),
        place,
        outcomes: run_lengths(test.cells.iter().rev().take(OUTCOMES).rev().map(|cell| letter(cell.outcome))),
        quarantined: u8::from(test.quarantine.is_some()),
    }
}

const fn letter(outcome: Outcome) -> char {
    match outcome {
        Outcome::Passed => 'p',
        Outcome::Failed => 'f',
        Outcome::Error => 'e',
        Outcome::Timeout => 't',
        Outcome::Skipped => 's',
        Outcome::Flaky => 'y',
    }
}

/// `ppf` as `2p1f`.
fn run_lengths(letters: impl Iterator<Item = char>) -> String {
    let mut runs: Vec<(char, usize)> = Vec::new();
    for letter in letters {
        match runs.last_mut() {
            Some((last, length)) if *last == letter => *length += 1,
            _ => runs.push((letter, 1)),
        }
    }
    runs.iter().map(|(letter, length)| format!("{length}{letter}")).collect()
}

/// Texts that many rows share, each once.
struct Interned<K> {
    numbers: HashMap<K, usize>,
    texts: Vec<String>,
}

impl<K> Default for Interned<K> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), texts: Vec::new() }
    }
}

impl<K: Eq + Hash> Interned<K> {
    fn number(&mut self, key: K, text: impl FnOnce() -> String) -> usize {
        *self.numbers.entry(key).or_insert_with(|| {
            self.texts.push(text());
            self.texts.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_outcomes_are_counted() {
        for (letters, want) in [("", ""), ("p", "1p"), ("pppfpp", "3p1f2p")] {
            assert_eq!(run_lengths(letters.chars()), want);
        }
    }
}
