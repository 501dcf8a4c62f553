//! Coverage of a change: of the lines that are new, which ran.

use std::ops::RangeInclusive;

use camino::{Utf8Path, Utf8PathBuf};

use super::diff::{ChangeKind, ChangedFile};
use super::lines::{joined, length, written};
use super::map::CoverageMap;
use crate::ratio::{Percent, Ratio, RatioError};

/// What is asked of a change. It passes if either holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PatchRule {
    /// The least share of its lines that is covered; 0 asks nothing.
    pub floor: Percent,
    /// So many uncovered lines are pardoned, however small the change is.
    pub max_uncovered: Option<u64>,
}

/// A file of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchFile {
    /// Its path.
    pub path: Utf8PathBuf,
    /// New lines that ran.
    pub covered: Vec<RangeInclusive<u32>>,
    /// New lines that can run and did not.
    pub uncovered: Vec<RangeInclusive<u32>>,
    /// How many new lines cannot run, as far as the measurer knows: comments, types, and code that was left out.
    pub unknown: u64,
}

/// The coverage of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchCoverage {
    /// The new lines that can run, and how many of them did.
    pub ratio: Ratio,
    /// The files that were measured, by path.
    pub files: Vec<PatchFile>,
    /// Changed Rust files that the measurer knows nothing of: not built, left out, or without anything that runs.
    pub unmeasured: Vec<Utf8PathBuf>,
}

/// What a change's coverage comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatchVerdict {
    /// Nothing is asked.
    NotAsked,
    /// It passes.
    Pass(String),
    /// It fails.
    Fail(String),
}

impl PatchCoverage {
    /// Which of the new lines ran. Paths of both are relative to the same root.
    ///
    /// # Errors
    ///
    /// More lines than can be counted.
    pub fn of(changes: &[ChangedFile], map: &CoverageMap) -> Result<Self, RatioError> {
        let mut patch = Self::default();
        for change in changes {
            if matches!(change.kind, ChangeKind::Deleted | ChangeKind::Binary) || change.lines.is_empty() {
                continue;
            }
            match map.files().get(&change.path).and_then(|file| file.hits.as_ref()) {
                Some(hits) => {
                    let file = PatchFile::of(change, hits);
                    let (covered, uncovered) = (length(&file.covered), length(&file.uncovered));
                    patch.ratio = patch.ratio.plus(Ratio::new(covered, covered.saturating_add(uncovered))?)?;
                    patch.files.push(file);
                }
                None if change.path.extension() == Some("rs") => patch.unmeasured.push(change.path.clone()),
                None => {}
            }
        }
        patch.files.sort_by(|a, b| a.path.cmp(&b.path));
        patch.unmeasured.sort();
        Ok(patch)
    }

    /// Judges it, by the same comparison as everything.
    #[must_use]
    pub fn judge(&self, rule: &PatchRule) -> PatchVerdict {
        let PatchRule { floor, max_uncovered } = *rule;
        let (ratio, uncovered) = (self.ratio, self.ratio.uncovered());
        if floor == Percent::ZERO && max_uncovered.is_none() {
            return PatchVerdict::NotAsked;
        }
        if ratio.is_empty() {
            return PatchVerdict::Pass("no changed line can be covered".to_owned());
        }
        let have = format!("{} of {} changed lines are covered ({ratio} %)", ratio.covered(), ratio.total());
        if floor > Percent::ZERO && ratio.reaches(floor.ratio(), Percent::ZERO) {
            return PatchVerdict::Pass(format!("{have}: the floor of {floor} % for changes holds"));
        }
        if let Some(most) = max_uncovered.filter(|most| uncovered <= *most) {
            return PatchVerdict::Pass(format!("{have}: {uncovered} uncovered of at most {most} that are pardoned"));
        }
        let mut asked = Vec::new();
        if floor > Percent::ZERO {
            asked.push(format!("{floor} %"));
        }
        asked.extend(max_uncovered.map(|most| format!("at most {most} uncovered")));
        PatchVerdict::Fail(format!(
            "{have}, and for changes {} are asked: {}",
            asked.join(" or "),
            self.where_uncovered()
        ))
    }

    /// `src/a.rs:3, 7-9; src/b.rs:1`, of the first files.
    fn where_uncovered(&self) -> String {
        const NAMED: usize = 3;
        let mut files = self.files.iter().filter(|file| !file.uncovered.is_empty());
        let named: Vec<String> =
            files.by_ref().take(NAMED).map(|file| format!("{}:{}", file.path, written(&file.uncovered))).collect();
        let rest = files.count();
        let more = if rest > 0 { format!("; and {rest} more files") } else { String::new() };
        format!("uncovered are {}{more}", named.join("; "))
    }

    /// A file of the change.
    #[must_use]
    pub fn file(&self, path: &Utf8Path) -> Option<&PatchFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

impl PatchFile {
    fn of(change: &ChangedFile, hits: &super::lines::LineHits) -> Self {
        let (mut covered, mut uncovered) = (Vec::new(), Vec::new());
        for (lines, count) in hits.iter() {
            for new in &change.lines {
                let both = *lines.start().max(new.start())..=*lines.end().min(new.end());
                if !both.is_empty() {
                    if count > 0 { &mut covered } else { &mut uncovered }.push(both);
                }
            }
        }
        let (covered, uncovered) = (joined(covered), joined(uncovered));
        let unknown = length(&change.lines) - length(&covered) - length(&uncovered);
        Self { path: change.path.clone(), covered, uncovered, unknown }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::super::lines::LineHits;
    use super::super::map::{Counting, FileCoverage};
    use super::*;

    fn map(files: &[(&str, &BTreeMap<u32, u64>)]) -> CoverageMap {
        let file = |lines| FileCoverage { hits: Some(LineHits::from(lines)), ..FileCoverage::default() };
        let files = files.iter().map(|(path, lines)| (Utf8PathBuf::from(path), file(*lines)));
        CoverageMap::new(Counting::Lines, files.collect()).unwrap()
    }

    fn change(path: &str, lines: &[RangeInclusive<u32>]) -> ChangedFile {
        ChangedFile { path: path.into(), lines: lines.to_vec(), ..ChangedFile::default() }
    }

    #[test]
    fn new_lines_are_covered_uncovered_or_unknown() {
        let lines = BTreeMap::from([(1, 5), (2, 5), (3, 0), (4, 0), (7, 1), (9, 0)]);
        let deleted = ChangedFile { kind: ChangeKind::Deleted, ..change("src/a.rs", &[1..=9]) };
        let changes = [
            change("src/a.rs", &[2..=3, 5..=8]),
            change("src/unbuilt.rs", &[1..=3]),
            change("README.md", &[1..=3]),
            change("src/renamed.rs", &[]),
            deleted,
        ];
        let patch = PatchCoverage::of(&changes, &map(&[("src/a.rs", &lines), ("src/b.rs", &lines)])).unwrap();
        let file = patch.file("src/a.rs".into()).unwrap();
        assert_eq!((written(&file.covered), written(&file.uncovered), file.unknown), ("2, 7".into(), "3".into(), 3));
        assert_eq!((patch.ratio, patch.files.len()), (Ratio::new(2, 3).unwrap(), 1));
        assert_eq!(patch.unmeasured, ["src/unbuilt.rs"]);
    }

    #[test]
    fn a_change_passes_by_its_floor_or_by_being_small() {
        let lines = BTreeMap::from([(1, 1), (2, 1), (3, 0), (5, 0)]);
        let patch = PatchCoverage::of(&[change("a.rs", &[1..=9])], &map(&[("a.rs", &lines)])).unwrap();
        let told: Vec<String> = [
            ("0", None),
            ("50", None),
            ("50.0001", None),
            ("80", Some(2)),
            ("80", Some(1)),
            ("0", Some(2)),
            ("0", Some(1)),
        ]
        .map(|(floor, max_uncovered)| {
            format!("{:?}", patch.judge(&PatchRule { floor: floor.parse().unwrap(), max_uncovered }))
        })
        .into();
        insta::assert_snapshot!(told.join("\n"), @r#"
        NotAsked
        Pass("2 of 4 changed lines are covered (50.00 %): the floor of 50 % for changes holds")
        Fail("2 of 4 changed lines are covered (50.00 %), and for changes 50.0001 % are asked: uncovered are a.rs:3, 5")
        Pass("2 of 4 changed lines are covered (50.00 %): 2 uncovered of at most 2 that are pardoned")
        Fail("2 of 4 changed lines are covered (50.00 %), and for changes 80 % or at most 1 uncovered are asked: uncovered are a.rs:3, 5")
        Pass("2 of 4 changed lines are covered (50.00 %): 2 uncovered of at most 2 that are pardoned")
        Fail("2 of 4 changed lines are covered (50.00 %), and for changes at most 1 uncovered are asked: uncovered are a.rs:3, 5")
        "#);
        let rule = PatchRule { floor: Percent::HUNDRED, max_uncovered: None };
        assert_eq!(
            PatchCoverage::default().judge(&rule),
            PatchVerdict::Pass("no changed line can be covered".to_owned())
        );
    }

    proptest! {
        #[test]
        fn every_new_line_is_one_of_the_three(
            lines in prop::collection::btree_map(0_u32..30, 0_u64..2, 0..30),
            new in prop::collection::btree_set(0_u32..30, 1..30),
        ) {
            let changes = [change("a.rs", &joined(new.iter().map(|line| *line..=*line).collect()))];
            let patch = PatchCoverage::of(&changes, &map(&[("a.rs", &lines)])).unwrap();
            let file = &patch.files[0];
            let each = |ranges: &[RangeInclusive<u32>]| ranges.iter().cloned().flatten().collect::<BTreeSet<u32>>();
            let with = |hits: u64| new.iter().copied().filter(|line| lines.get(line) == Some(&hits)).collect::<BTreeSet<u32>>();
            prop_assert_eq!(each(&file.covered), with(1));
            prop_assert_eq!(each(&file.uncovered), with(0));
            prop_assert_eq!(file.unknown as usize, new.iter().filter(|line| !lines.contains_key(line)).count());
        }
    }
}
