//! The shards that a run was put together from: a table, wherever that run is told of.

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::inert::one_line;
use super::markup::code;
use super::terminal::Look;
use super::terminal::{Page, Tone};
use super::words;
use crate::model::{Shard, Verdict, Word, words as worded};

worded! {
    /// How far a shard came.
    pub enum ShardState {
        /// To a verdict.
        #[default]
        Ended = "ended",
        /// It began, and never ended.
        Unfinished = "unfinished",
        /// It came to no run.
        Refused = "refused",
        /// It left nothing.
        Missing = "missing",
    }
}

/// One shard of a run, as every document has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardLine {
    /// `2/4`.
    pub shard: Shard,
    /// How far it came.
    pub state: ShardState,
    /// Its own run; none where it left nothing.
    pub run_id: Option<String>,
    /// The machine.
    pub host: Option<String>,
    /// Its own verdict; none where it came to none.
    pub verdict: Option<Verdict>,
    /// How many tests have an outcome.
    pub tests: u64,
    /// How many of those are failures.
    pub failed: u64,
    /// From its start to its verdict.
    pub duration_ms: Option<u64>,
}

impl ShardLine {
    /// One that left nothing.
    #[must_use]
    pub const fn missing(shard: Shard) -> Self {
        Self {
            shard,
            state: ShardState::Missing,
            run_id: None,
            host: None,
            verdict: None,
            tests: 0,
            failed: 0,
            duration_ms: None,
        }
    }

    fn word(&self) -> &'static str {
        match (self.state, self.verdict) {
            (ShardState::Ended, Some(verdict)) => verdict.as_str(),
            (state, _) => state.word(),
        }
    }

    fn took(&self) -> Option<String> {
        self.duration_ms.map(Duration::from_millis).map(words::exact)
    }
}

/// How the longest compares with the mean, where there are several.
fn balance(lines: &[ShardLine]) -> Option<String> {
    let times: Vec<Duration> = lines.iter().filter_map(|line| line.duration_ms).map(Duration::from_millis).collect();
    let longest = times.iter().max().filter(|_| times.len() > 1)?;
    let sum = times.iter().fold(Duration::ZERO, |sum, took| sum.saturating_add(*took));
    let mean = sum.checked_div(u32::try_from(times.len()).ok()?)?;
    let above = (longest.as_millis().saturating_mul(100)).checked_div(mean.as_millis()).map(|share| share - 100);
    let above = above.map(|above| format!(", {above} % above it")).unwrap_or_default();
    Some(format!("the longest took {}, the mean is {}{above}", words::exact(*longest), words::exact(mean)))
}

/// The table for a terminal; nothing where the run was one.
#[must_use]
pub fn page(lines: &[ShardLine], look: Look) -> String {
    let page = Page::of(look);
    let mut out = String::new();
    if lines.is_empty() {
        return out;
    }
    out.push_str(&page.rule("Shards"));
    for line in lines {
        let tone = match (line.state, line.verdict) {
            (ShardState::Ended, Some(Verdict::Pass)) => Tone::Good,
            (ShardState::Ended, Some(Verdict::Nothing | Verdict::Deferred)) => Tone::Soft,
            _ => Tone::Bad,
        };
        let tests = words::count(line.tests, "test", "tests");
        let failed =
            if line.failed > 0 { format!(", {} failed", words::thousands(line.failed)) } else { String::new() };
        let host = line.host.as_deref().map(|host| format!(" on {}", one_line(host))).unwrap_or_default();
        let text = match line.state {
            ShardState::Missing => format!("{} left nothing", line.shard),
            _ => format!("{}: {tests}{failed}{host}", line.shard),
        };
        let time = line.took().unwrap_or_else(|| "-".to_owned());
        out.push_str(&page.sentence(tone, line.word(), &format!("{} {text}", page.bracket(&time))));
    }
    if let Some(balance) = balance(lines) {
        out.push_str(&page.flow(&" ".repeat(page.indent()), &balance));
    }
    out
}

/// The table of a report; nothing where the run was one.
#[must_use]
pub fn markdown(lines: &[ShardLine]) -> String {
    if lines.is_empty() { String::new() } else { format!("\n## Shards\n\n{}", table(lines)) }
}

/// The table, and how evenly the work was shared out.
pub(super) fn table(lines: &[ShardLine]) -> String {
    let mut out = String::new();
    out.push_str("| shard | verdict | tests | failed | time | host |\n|---|---|---:|---:|---:|---|\n");
    for line in lines {
        let host = line.host.as_deref().map(code).unwrap_or_default();
        let (shard, word, tests, failed) = (line.shard, line.word(), line.tests, line.failed);
        let _ =
            writeln!(out, "| {shard} | {word} | {tests} | {failed} | {} | {host} |", line.took().unwrap_or_default());
    }
    if let Some(balance) = balance(lines) {
        let _ = writeln!(out, "\nOf {}, {balance}.", words::count(lines.len() as u64, "shard", "shards"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(shard: &str, took: Option<u64>) -> ShardLine {
        ShardLine {
            shard: shard.parse().unwrap(),
            state: if took.is_some() { ShardState::Ended } else { ShardState::Missing },
            run_id: took.map(|_| "run".to_owned()),
            host: took.map(|_| "a|b\u{1b}[2J".to_owned()),
            verdict: took.map(|_| Verdict::Fail),
            tests: 12,
            failed: 1,
            duration_ms: took,
        }
    }

    #[test]
    fn shards_are_a_table_and_the_longest_is_held_against_the_mean() {
        let lines = [line("1/3", Some(1500)), line("2/3", Some(500)), line("3/3", None)];
        let page = page(&lines, Look::default());
        assert!(page.contains("fail [   1.500s] 1/3: 12 tests, 1 failed on a|b"), "{page}");
        assert!(page.contains("missing [        -] 3/3 left nothing"), "{page}");
        assert!(page.contains("the longest took 1.500s, the mean is 1.000s, 50 % above it"), "{page}");
        let markdown = markdown(&lines);
        assert!(markdown.contains("| 2/3 | fail | 12 | 1 | 0.500s |"), "{markdown}");
        assert!(!page.contains('\u{1b}') && !markdown.contains('\u{1b}') && !markdown.contains("a|b"), "{markdown}");
        assert_eq!((super::page(&[], Look::default()), super::markdown(&[])), (String::new(), String::new()));
    }

    #[test]
    fn a_shard_without_a_time_stands_for_none() {
        assert_eq!(balance(&[line("1/2", None), line("2/2", Some(5))]), None);
        let none = [line("1/2", Some(0)), line("2/2", Some(0))];
        assert_eq!(balance(&none).unwrap(), "the longest took 0.000s, the mean is 0.000s");
    }
}
