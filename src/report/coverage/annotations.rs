//! What GitHub shows of coverage: the verdict, and uncovered changed lines beside the change they are in.

use std::ops::RangeInclusive;

use camino::{Utf8Path, Utf8PathBuf};

use super::{CoverageReport, PatchLines, figures};
use crate::report::github::{Annotation, Level, Place};

/// An error for a failed verdict, and a warning for each warning and for uncovered changed lines, those that follow each
/// other as one. `file` names a file of the workspace as the repository does.
pub(in crate::report) fn of(report: &CoverageReport, file: &dyn Fn(&Utf8Path) -> Utf8PathBuf) -> Vec<Annotation> {
    let mut all = Vec::new();
    if report.word == "FAIL" {
        all.push(Annotation::new(Level::Error, "Coverage", &figures::Why::of(report).sentence));
    }
    all.extend(report.warnings.iter().map(|warning| Annotation::new(Level::Warning, "Coverage", &warning.text)));
    for lines in report.patch.iter().flat_map(|patch| &patch.uncovered) {
        all.extend(runs(lines).into_iter().map(|run| uncovered(file(&lines.path), &run)));
    }
    all
}

fn uncovered(file: Utf8PathBuf, lines: &RangeInclusive<u32>) -> Annotation {
    let (first, last) = (*lines.start(), *lines.end());
    let (end, text) = if first == last {
        (None, "this changed line is not covered by any test".to_owned())
    } else {
        let count = u64::from(last - first) + 1;
        (Some(last), format!("these {count} changed lines are not covered by any test"))
    };
    let place = Place { file, line: first, end, column: None };
    Annotation::new(Level::Warning, "Not covered", &text).at(Some(place))
}

/// Lines that follow each other, as one.
fn runs(file: &PatchLines) -> Vec<RangeInclusive<u32>> {
    let numbers: Vec<u32> = file.lines.iter().map(|(number, _)| *number).collect();
    let follows = |a: &u32, b: &u32| a.checked_add(1) == Some(*b);
    numbers.chunk_by(follows).filter_map(|run| Some(*run.first()?..=*run.last()?)).collect()
}
