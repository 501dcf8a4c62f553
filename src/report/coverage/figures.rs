//! What every format writes alike: figures, changes, bars, lines.

use std::ops::RangeInclusive;

use super::{CoverageReport, CoveredPart, PatchReport};
use crate::model::Reason;
use crate::ratio::{Percent, Points, Ratio};
use crate::report::inert::one_line;
use crate::report::words;

/// How many files and packages a report shows to people.
pub(super) const ROWS: usize = 20;

/// The id of the reason that says how to go on.
const NEXT: &str = "next";
/// The id of the reason that names the worst files, which a table says better.
const WORST: &str = "worst-files";
/// The id of the reason under which a figure is shown and not judged.
const NOT_JUDGED: &str = "tests-failed";

/// Why, in the order in which a person asks.
pub(in crate::report) struct Why<'r> {
    /// The sentence that people read.
    pub(in crate::report) sentence: String,
    /// Is that a warning as well, so that nobody takes it for less?
    pub(in crate::report) is_warning: bool,
    /// What else there is to say.
    pub(in crate::report) further: Vec<&'r Reason>,
    /// What stops nothing, but for what the sentence says.
    pub(in crate::report) warnings: Vec<&'r Reason>,
    /// How to go on.
    pub(in crate::report) next: Vec<&'r Reason>,
}

impl<'r> Why<'r> {
    pub(in crate::report) fn of(report: &'r CoverageReport) -> Self {
        let (next, mut further): (Vec<&Reason>, Vec<&Reason>) =
            report.reasons.iter().partition(|reason| reason.id == NEXT);
        further.retain(|reason| reason.id != WORST || report.files.is_empty());
        let first = (!further.is_empty()).then(|| further.remove(0));
        let text = first.map_or(report.head.reason.as_str(), |reason| reason.text.as_str());
        // Some sentences begin with the word that stands before them already.
        let text = text.strip_prefix(report.word).and_then(|text| text.strip_prefix(": ")).unwrap_or(text);
        let judged = first.is_none_or(|reason| reason.id != NOT_JUDGED);
        let delta = judged.then(|| delta(report)).flatten();
        let sentence = one_line(text) + &delta.map_or_else(String::new, |delta| format!(" ({delta} points)"));
        let (said, warnings): (Vec<&Reason>, Vec<&Reason>) =
            report.warnings.iter().partition(|warning| Some(*warning) == first);
        Self { sentence, is_warning: !said.is_empty(), further, warnings, next }
    }
}

/// How far the figure is from what it was held against, where it was held against anything.
fn delta(report: &CoverageReport) -> Option<Points> {
    let head = &report.head;
    let is_held = head.baseline.is_some() || head.floor > Percent::ZERO;
    (head.measured.is_some() && is_held).then_some(head.delta)
}

/// The parts with those that fall short in front, else in the order in which they came.
pub(super) fn worst_first(parts: &[CoveredPart]) -> Vec<&CoveredPart> {
    let mut parts: Vec<&CoveredPart> = parts.iter().collect();
    parts.sort_by_key(|part| !part.falls_short);
    parts
}

/// `and 12 more, 3 of them wholly covered`; none where nothing is left.
pub(super) fn more(parts: &[&CoveredPart], shown: usize) -> Option<String> {
    let rest = parts.get(shown..).filter(|rest| !rest.is_empty())?;
    let whole = rest.iter().filter(|part| part.ratio.uncovered() == 0 && !part.ratio.is_empty()).count();
    let of_them = match whole {
        0 => String::new(),
        whole if whole == rest.len() => ", wholly covered".to_owned(),
        whole => format!(", {} of them wholly covered", words::thousands(whole as u64)),
    };
    Some(format!("and {} more{of_them}", words::thousands(rest.len() as u64)))
}

/// `1,234/5,678`.
pub(super) fn counts(ratio: Ratio) -> String {
    format!("{}/{}", words::thousands(ratio.covered()), words::thousands(ratio.total()))
}

/// `85.00 %`; of nothing there is no share.
pub(super) fn percent(ratio: Ratio) -> String {
    if ratio.is_empty() { "–".to_owned() } else { format!("{ratio} %") }
}

/// `85.00 % (850 of 1,000)`.
pub(super) fn in_full(ratio: Ratio) -> String {
    let (covered, total) = (words::thousands(ratio.covered()), words::thousands(ratio.total()));
    format!("{} ({covered} of {total})", percent(ratio))
}

/// Against the baseline that is kept for it; none where none is.
pub(super) fn change(part: &CoveredPart) -> Option<Points> {
    part.before.map(|before| part.ratio.minus(before.ratio()))
}

/// Is a baseline kept for any of them?
pub(super) fn have_changes(parts: &[CoveredPart]) -> bool {
    parts.iter().any(|part| part.before.is_some())
}

/// The change as a table has it: a part without a baseline, among others that have one, is new.
pub(super) fn change_cell(part: &CoveredPart) -> String {
    change(part).map_or_else(|| "new".to_owned(), |change| change.to_string())
}

/// What a part falls short of, where it does.
pub(super) fn shortfall(part: &CoveredPart) -> Option<String> {
    part.falls_short.then(|| match part.floor {
        Some(floor) if !part.ratio.reaches(floor.ratio(), Percent::ZERO) => {
            format!("below its floor of {floor} %")
        }
        _ => "below its baseline".to_owned(),
    })
}

/// The eighths of a block.
const BLOCKS: [char; 8] = ['·', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// A bar of so many columns. It is full only where all is covered, and empty only where nothing is.
pub(super) fn bar(ratio: Ratio, width: usize) -> String {
    let steps = u128::from(ratio.covered()) * (width as u128) * 8 / u128::from(ratio.total().max(1));
    let steps = usize::try_from(steps).unwrap_or_default().max(usize::from(ratio.covered() > 0));
    let part = BLOCKS.get(steps % 8).copied().filter(|_| steps % 8 > 0);
    let full: String = "█".repeat(steps / 8);
    full.chars().chain(part).chain(std::iter::repeat(BLOCKS[0])).take(width).collect()
}

/// `3-14, 20`, in at most so many columns: `3-14 … 40 more`. Nothing where not even one fits.
pub(in crate::report) fn ranges(lines: &[RangeInclusive<u32>], room: usize) -> String {
    let mut out = String::new();
    let mut fits = String::new();
    for (rest, range) in (0..lines.len()).rev().zip(lines) {
        let separator = if out.is_empty() { "" } else { ", " };
        out.push_str(&format!("{separator}{}", span(range)));
        if out.len() > room {
            return fits;
        }
        // What is said of the rest must fit as well.
        let cut = if rest > 0 { format!("{out} … {rest} more") } else { out.clone() };
        if cut.chars().count() <= room {
            fits = cut;
        }
    }
    out
}

/// `3-14`, `20`.
pub(in crate::report) fn span(lines: &RangeInclusive<u32>) -> String {
    let (first, last) = (lines.start(), lines.end());
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// The word of a change's coverage.
pub(super) const fn patch_word(patch: &PatchReport) -> &'static str {
    match (patch.fails, patch.ratio.is_empty()) {
        (true, _) => "FAIL",
        (false, true) => "N/A",
        (false, false) => "PASS",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(covered: u64, total: u64) -> Ratio {
        Ratio::new(covered, total).unwrap()
    }

    #[test]
    fn a_bar_is_full_only_where_all_is_covered_and_empty_only_where_nothing_is() {
        for (ratio, want) in [
            (of(0, 10), "····"),
            (of(1, 100_000), "▏···"),
            (of(1, 2), "██··"),
            (of(9, 16), "██▎·"),
            (of(99_999, 100_000), "███▉"),
            (of(1, 1), "████"),
            (Ratio::EMPTY, "····"),
            (of(Ratio::MOST, Ratio::MOST), "████"),
        ] {
            assert_eq!(bar(ratio, 4), want, "{ratio:?}");
        }
    }

    #[test]
    fn ranges_that_do_not_fit_are_counted() {
        let lines = [3..=14, 20..=20, 31..=90];
        for (room, want) in [(99, "3-14, 20, 31-90"), (15, "3-14, 20, 31-90"), (14, "3-14 … 2 more"), (12, ""), (0, "")]
        {
            assert_eq!(ranges(&lines, room), want, "{room}");
        }
        assert_eq!(ranges(&[], 10), "");
    }

    #[test]
    fn what_is_left_out_of_a_table_is_said() {
        let part = |covered| CoveredPart { ratio: of(covered, 2), ..CoveredPart::default() };
        let parts = [part(0), part(1), part(2), part(2)];
        let parts: Vec<&CoveredPart> = parts.iter().collect();
        for (shown, want) in [
            (1, Some("and 3 more, 2 of them wholly covered")),
            (2, Some("and 2 more, wholly covered")),
            (4, None),
            (9, None),
        ] {
            assert_eq!(more(&parts, shown).as_deref(), want, "{shown}");
        }
    }

    proptest! {
        #[test]
        fn ranges_and_bars_fit(
            starts in prop::collection::vec(0_u32..99_999, 0..20),
            room in 0_usize..80,
            covered in 0_u64..=1000,
        ) {
            let lines: Vec<RangeInclusive<u32>> = starts.iter().map(|start| *start..=start + start % 3).collect();
            prop_assert!(ranges(&lines, room).chars().count() <= room);
            prop_assert_eq!(bar(of(covered, 1000), room).chars().count(), room);
        }
    }
}
