//! GitHub's workflow commands: the verdict and uncovered changed lines, shown beside the change they are about.

use std::io::{self, Write};
use std::ops::RangeInclusive;

use super::{CoverageReport, PatchLines, figures};
use crate::report::github::{capped, message, property};
use crate::report::words;

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
    capped(out, &warnings, |rest| {
        let more = words::count(rest, "more warning", "more warnings");
        format!("::warning title=Coverage::{more}, in the report")
    })
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
