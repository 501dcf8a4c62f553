//! What is said of coverage: the verdict, and uncovered changed lines beside the change they are in.

use std::ops::RangeInclusive;

use camino::Utf8Path;

use super::annotations::{Annotation, Level, Words};
use super::findings::CoverageFindings;
use super::sources::{Place, Sources};
use crate::report::coverage::{PatchLines, figures};

/// A failed verdict as heavy as it weighs, and a warning for each warning and for uncovered changed lines, those that
/// follow each other as one.
pub(super) fn annotations<'a>(coverage: CoverageFindings<'a>, sources: &'a Sources<'a>) -> Vec<Annotation<'a>> {
    let CoverageFindings { report, severity } = coverage;
    let mut all = Vec::new();
    if report.word == "FAIL" {
        let words = || Words::new("Coverage", &figures::Why::of(report).sentence);
        all.push(Annotation::new(severity, words));
    }
    let warning = |text: &'a String| Annotation::new(Level::Warning, move || Words::new("Coverage", text));
    all.extend(report.warnings.iter().map(|warning_of| warning(&warning_of.text)));
    for lines in report.patch.iter().flat_map(|patch| &patch.uncovered) {
        let of = |run| Annotation::new(Level::Warning, move || uncovered(sources, &lines.path, &run));
        all.extend(runs(lines).into_iter().map(of));
    }
    all
}

fn uncovered(sources: &Sources<'_>, path: &Utf8Path, lines: &RangeInclusive<u32>) -> Words {
    let (first, last) = (*lines.start(), *lines.end());
    let (end, text) = if first == last {
        (None, "this changed line is not covered by any test".to_owned())
    } else {
        let count = u64::from(last - first) + 1;
        (Some(last), format!("these {count} changed lines are not covered by any test"))
    };
    let place = Place { file: sources.file(path), line: first, end, column: None };
    Words::new("Not covered", &text).at(Some(place))
}

/// Lines that follow each other, as one.
fn runs(file: &PatchLines) -> Vec<RangeInclusive<u32>> {
    let numbers: Vec<u32> = file.lines.iter().map(|(number, _)| *number).collect();
    let follows = |a: &u32, b: &u32| a.checked_add(1) == Some(*b);
    numbers.chunk_by(follows).filter_map(|run| Some(*run.first()?..=*run.last()?)).collect()
}
