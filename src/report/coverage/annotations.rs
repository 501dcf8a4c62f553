//! GitHub's workflow commands: the verdict and uncovered changed lines, shown beside the change they are about.

use std::io::{self, Write};
use std::ops::RangeInclusive;

use super::{CoverageReport, PatchLines, figures};
use crate::report::words;

/// GitHub shows so many of a step at each level; the last of them says what is left.
const MOST: usize = 10;

/// Writes the commands: an error for a failed verdict, and a warning for each warning and for uncovered changed lines,
/// those that follow each other as one.
///
/// # Errors
///
/// What the writer says.
pub fn write(report: &CoverageReport, out: &mut dyn Write) -> io::Result<()> {
    if report.word == "FAIL" {
        let why = figures::Why::of(report);
        writeln!(out, "::error title=Coverage::{}", message(&why.sentence))?;
    }
    let mut warnings: Vec<String> =
        report.warnings.iter().map(|warning| format!("::warning title=Coverage::{}", message(&warning.text))).collect();
    for file in report.patch.iter().flat_map(|patch| &patch.uncovered) {
        warnings.extend(runs(file).into_iter().map(|lines| uncovered(file, &lines)));
    }
    let shown = if warnings.len() > MOST { MOST - 1 } else { MOST };
    for warning in warnings.iter().take(shown) {
        writeln!(out, "{warning}")?;
    }
    if let Some(rest) = warnings.len().checked_sub(shown).filter(|rest| *rest > 0) {
        let more = words::count(rest as u64, "more warning", "more warnings");
        writeln!(out, "::warning title=Coverage::{more}, in the report")?;
    }
    Ok(())
}

fn uncovered(file: &PatchLines, lines: &RangeInclusive<u32>) -> String {
    let (first, last) = (lines.start(), lines.end());
    let (end, text) = if first == last {
        (String::new(), "this changed line is not covered by any test".to_owned())
    } else {
        let count = u64::from(last - first) + 1;
        (format!(",endLine={last}"), format!("these {count} changed lines are not covered by any test"))
    };
    let path = property(file.path.as_str());
    format!("::warning file={path},line={first}{end},title=Not covered::{}", message(&text))
}

/// Lines that follow each other, as one.
fn runs(file: &PatchLines) -> Vec<RangeInclusive<u32>> {
    let numbers: Vec<u32> = file.lines.iter().map(|(number, _)| *number).collect();
    let follows = |a: &u32, b: &u32| a.checked_add(1) == Some(*b);
    numbers.chunk_by(follows).filter_map(|run| Some(*run.first()?..=*run.last()?)).collect()
}

/// A message: on one line, with what a command would read as an escape.
fn message(text: &str) -> String {
    crate::report::inert::one_line(text).replace('%', "%25")
}

/// A property: what would end it as well. What it holds is a path that GitHub looks up: every character of it counts.
fn property(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%25"),
            '\r' => out.push_str("%0D"),
            '\n' => out.push_str("%0A"),
            ':' => out.push_str("%3A"),
            ',' => out.push_str("%2C"),
            c => crate::report::inert::one_line(c.encode_utf8(&mut [0; 4])).chars().for_each(|c| out.push(c)),
        }
    }
    // A second command in the middle of a line is none, but for this one of old.
    out.replace("##[", "## [")
}
