//! One line of what Python's unittest prints: a test, what became of it, a block's heading, the summary.

use std::collections::HashMap;

/// What a word at the end of a line says of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    Failed,
    Error,
    Skipped,
    ExpectedFailure,
    UnexpectedSuccess,
}

impl Status {
    const WORDS: [(&'static str, Self); 5] = [
        ("unexpected success", Self::UnexpectedSuccess),
        ("expected failure", Self::ExpectedFailure),
        ("ERROR", Self::Error),
        ("FAIL", Self::Failed),
        ("ok", Self::Ok),
    ];

    /// A text that is nothing else.
    pub(super) fn exactly(text: &str) -> Option<Self> {
        let is_reason =
            |rest: &str| rest.len() >= 2 && matches!(rest.as_bytes(), [b'\'', .., b'\''] | [b'"', .., b'"']);
        if text.strip_prefix("skipped ").is_some_and(is_reason) || text == "skipped" {
            return Some(Self::Skipped);
        }
        Self::WORDS.iter().find(|(word, _)| *word == text).map(|(_, status)| *status)
    }

    /// A text that ends with it, behind what a test printed without ending its line.
    pub(super) fn at_end(text: &str) -> Option<Self> {
        if let Some(exact) = Self::exactly(text) {
            return Some(exact);
        }
        let skipped = text.rfind("skipped ").and_then(|at| text.get(at..));
        if skipped.is_some_and(|text| Self::exactly(text).is_some()) {
            return Some(Self::Skipped);
        }
        Self::WORDS.iter().find(|(word, _)| text.ends_with(word)).map(|(_, status)| *status)
    }
}

/// A test as its lines name it: its class, and its method.
pub(super) type Name = (String, String);

/// `test_x (mod.Class.test_x)`, with nothing else: the class, and the method.
pub(super) fn name_in(head: &str) -> Option<Name> {
    let (method, rest) = head.trim_end().split_once(" (")?;
    let class = rest.strip_suffix(')')?;
    let fits = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || matches!(c, '(' | ')'));
    if !fits(method) || !fits(class) {
        return None;
    }
    let class = class.strip_suffix(method).and_then(|class| class.strip_suffix('.')).unwrap_or(class);
    Some((class.to_owned(), method.to_owned()))
}

/// `FAIL: test_x (mod.Class.test_x) [message] (i=0)`.
pub(super) fn heading(line: &str) -> Option<(Status, Name)> {
    let (word, rest) = line.split_once(": ")?;
    let status = match word {
        "FAIL" => Status::Failed,
        "ERROR" => Status::Error,
        "UNEXPECTED SUCCESS" => Status::UnexpectedSuccess,
        _ => return None,
    };
    let end = rest.find(')').map_or(rest.len(), |at| at + 1);
    let name = rest.get(..end).and_then(name_in).unwrap_or_else(|| (String::new(), rest.to_owned()));
    Some((status, name))
}

/// `Ran 14 tests in 0.002s`.
pub(super) fn ran(line: &str) -> Option<(u64, f64)> {
    let mut words = line.strip_prefix("Ran ")?.split(' ');
    let count = words.next()?.parse().ok()?;
    let (what, within) = (words.next()?, words.next()?);
    let seconds = words.next()?.strip_suffix('s')?.parse().ok()?;
    (matches!(what, "test" | "tests") && within == "in").then_some((count, seconds))
}

/// `OK (skipped=1)`, `FAILED (failures=1, errors=2)`, `NO TESTS RAN`: is it a good one, and its counts.
pub(super) fn verdict(line: &str) -> Option<(bool, HashMap<String, u64>)> {
    let line = line.trim_end();
    let (word, rest) = line.split_once(" (").unwrap_or((line, ""));
    let is_ok = match word {
        "OK" | "NO TESTS RAN" => true,
        "FAILED" => false,
        _ => return None,
    };
    let mut counts = HashMap::new();
    let inner = if rest.is_empty() { "" } else { rest.strip_suffix(')')? };
    for part in inner.split(", ").filter(|part| !part.is_empty()) {
        let (what, count) = part.split_once('=')?;
        counts.insert(what.to_owned(), count.parse().ok()?);
    }
    Some((is_ok, counts))
}
