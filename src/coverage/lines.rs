//! How often each line of a file ran.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::ratio::{Ratio, RatioError};

/// Consecutive lines that ran equally often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    first: u32,
    last: u32,
    hits: u64,
}

/// How often each line ran, for the lines that can run. Stretches of equal lines take no more room than one, so that
/// no line number, however large, costs memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineHits {
    /// In order, and apart.
    stretches: Vec<Stretch>,
}

impl LineHits {
    /// Adds lines after all others; what is not after them is left out.
    pub(super) fn push(&mut self, lines: RangeInclusive<u32>, hits: u64) {
        let (first, last) = lines.into_inner();
        let is_after = self.stretches.last().is_none_or(|before| before.last < first);
        if !is_after || first > last {
            return;
        }
        match self.stretches.last_mut() {
            Some(before) if before.hits == hits && before.last + 1 == first => before.last = last,
            _ => self.stretches.push(Stretch { first, last, hits }),
        }
    }

    /// How often a line ran; `None` if it cannot run, as far as the measurer knows.
    #[must_use]
    pub fn get(&self, line: u32) -> Option<u64> {
        let at = self.stretches.partition_point(|stretch| stretch.last < line);
        self.stretches.get(at).filter(|stretch| stretch.first <= line).map(|stretch| stretch.hits)
    }

    /// The lines in order, in stretches that ran equally often.
    pub fn iter(&self) -> impl Iterator<Item = (RangeInclusive<u32>, u64)> {
        self.stretches.iter().map(|stretch| (stretch.first..=stretch.last, stretch.hits))
    }

    /// How many of the lines that can run did.
    ///
    /// # Errors
    ///
    /// More lines than can be counted.
    pub fn ratio(&self) -> Result<Ratio, RatioError> {
        let (mut covered, mut total) = (0, 0);
        for stretch in &self.stretches {
            let length = u64::from(stretch.last - stretch.first) + 1;
            total += length;
            covered += if stretch.hits > 0 { length } else { 0 };
        }
        Ratio::new(covered, total)
    }

    /// The lines that can run and did not.
    #[must_use]
    pub fn uncovered(&self) -> Vec<RangeInclusive<u32>> {
        self.iter().filter(|(_, hits)| *hits == 0).map(|(lines, _)| lines).collect()
    }

    /// The same without some lines. These must be in order, and apart.
    #[must_use]
    pub fn without(&self, left_out: &[RangeInclusive<u32>]) -> Self {
        let mut rest = Self::default();
        for stretch in &self.stretches {
            let mut first = Some(stretch.first);
            let touching = left_out.partition_point(|lines| *lines.end() < stretch.first);
            for lines in left_out.iter().skip(touching).take_while(|lines| *lines.start() <= stretch.last) {
                if let (Some(from), Some(before)) = (first, lines.start().checked_sub(1)) {
                    rest.push(from..=before, stretch.hits);
                }
                first = lines.end().checked_add(1);
            }
            if let Some(from) = first {
                rest.push(from..=stretch.last, stretch.hits);
            }
        }
        rest
    }
}

impl From<&BTreeMap<u32, u64>> for LineHits {
    fn from(lines: &BTreeMap<u32, u64>) -> Self {
        let mut hits = Self::default();
        lines.iter().for_each(|(line, count)| hits.push(*line..=*line, *count));
        hits
    }
}

/// Ranges of lines as people read them: `3, 7-9`.
#[must_use]
pub fn written(ranges: &[RangeInclusive<u32>]) -> String {
    let one = |lines: &RangeInclusive<u32>| match (lines.start(), lines.end()) {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}-{last}"),
    };
    ranges.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// How many lines some ranges have.
#[must_use]
pub fn length(ranges: &[RangeInclusive<u32>]) -> u64 {
    ranges.iter().map(|lines| (u64::from(*lines.end()) + 1).saturating_sub(u64::from(*lines.start()))).sum()
}

/// The same lines in order, and apart: what overlaps or touches becomes one.
#[must_use]
pub fn joined(mut ranges: Vec<RangeInclusive<u32>>) -> Vec<RangeInclusive<u32>> {
    ranges.retain(|lines| !lines.is_empty());
    ranges.sort_by_key(|lines| *lines.start());
    let mut joined: Vec<RangeInclusive<u32>> = Vec::with_capacity(ranges.len());
    for lines in ranges {
        match joined.last_mut() {
            Some(before) if *lines.start() <= before.end().saturating_add(1) => {
                *before = *before.start()..=*lines.end().max(before.end());
            }
            _ => joined.push(lines),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hits(lines: &[(u32, u64)]) -> LineHits {
        LineHits::from(&lines.iter().copied().collect::<BTreeMap<_, _>>())
    }

    #[test]
    fn lines_are_counted_and_looked_up() {
        let hits = hits(&[(1, 0), (2, 0), (3, 7), (5, 7), (6, 7), (9, 0)]);
        assert_eq!(hits.iter().count(), 4);
        assert_eq!(
            [0, 1, 3, 4, 6, 9, 10].map(|line| hits.get(line)),
            [None, Some(0), Some(7), None, Some(7), Some(0), None]
        );
        assert_eq!(hits.ratio(), Ratio::new(3, 6));
        assert_eq!(written(&hits.uncovered()), "1-2, 9");
    }

    #[test]
    fn an_absurd_line_number_costs_no_memory_and_does_not_overflow() {
        let mut hits = LineHits::default();
        hits.push(1..=u32::MAX, 0);
        hits.push(u32::MAX..=u32::MAX, 1);
        assert_eq!(hits.ratio(), Ratio::new(0, u64::from(u32::MAX)));
        assert_eq!(hits.without(&[2..=u32::MAX]).ratio(), Ratio::new(0, 1));
        assert_eq!(length(&[0..=u32::MAX]), 1 << 32);
        assert_eq!(joined(vec![3..=u32::MAX, 5..=6]), [3..=u32::MAX]);
    }

    fn ranges() -> impl Strategy<Value = Vec<RangeInclusive<u32>>> {
        let range = (0_u32..40, 0_u32..6).prop_map(|(first, length)| first..=first + length);
        prop::collection::vec(range, 0..6)
    }

    proptest! {
        #[test]
        fn stretches_say_what_single_lines_would(
            lines in prop::collection::btree_map(0_u32..40, 0_u64..3, 0..40),
            left_out in ranges(),
        ) {
            let hits = LineHits::from(&lines);
            for line in 0..45 {
                prop_assert_eq!(hits.get(line), lines.get(&line).copied());
            }
            let left_out = joined(left_out);
            prop_assert!(left_out.is_sorted_by(|a, b| a.end() + 1 < *b.start()));
            let rest: BTreeMap<u32, u64> = lines
                .into_iter()
                .filter(|(line, _)| !left_out.iter().any(|range| range.contains(line)))
                .collect();
            prop_assert_eq!(hits.without(&left_out), LineHits::from(&rest));
        }
    }
}
