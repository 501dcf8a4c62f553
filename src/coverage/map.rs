//! What was measured: the figures of each file, how they were counted, and their sums.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::lines::LineHits;
use crate::config::Metric;
use crate::model::words;
use crate::ratio::{Ratio, RatioError};

words! {
    /// How figures were counted. What was counted differently is never compared and never added.
    pub enum Counting {
        /// By llvm-cov's summary: function by function, so that a line of a closure counts with its function and by
        /// itself.
        #[default]
        Summary = "llvm-cov",
        /// Each line of a file once, as lcov does.
        Lines = "lcov",
    }
}

impl Counting {
    /// How figures were counted, in a sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Summary => "Counted function by function, as llvm-cov's own summary does",
            Self::Lines => "Counted line by line, as lcov does",
        }
    }
}

/// One file's or one sum's figures. What a source does not count is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Lines.
    pub lines: Ratio,
    /// Regions.
    pub regions: Ratio,
    /// Functions.
    pub functions: Ratio,
    /// Branches.
    pub branches: Ratio,
}

impl Figures {
    /// The figure of one metric.
    #[must_use]
    pub const fn get(&self, metric: Metric) -> Ratio {
        match metric {
            Metric::Lines => self.lines,
            Metric::Regions => self.regions,
            Metric::Functions => self.functions,
            Metric::Branches => self.branches,
        }
    }

    /// Both together.
    ///
    /// # Errors
    ///
    /// More than can be counted.
    pub fn plus(&self, other: &Self) -> Result<Self, RatioError> {
        Ok(Self {
            lines: self.lines.plus(other.lines)?,
            regions: self.regions.plus(other.regions)?,
            functions: self.functions.plus(other.functions)?,
            branches: self.branches.plus(other.branches)?,
        })
    }
}

/// What was measured of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileCoverage {
    /// Its figures.
    pub figures: Figures,
    /// How often each line ran, where the source tells.
    pub hits: Option<LineHits>,
}

/// What was measured of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoverageMap {
    counting: Counting,
    files: BTreeMap<Utf8PathBuf, FileCoverage>,
    total: Figures,
}

impl CoverageMap {
    /// Puts files together.
    ///
    /// # Errors
    ///
    /// More in all than can be counted.
    pub fn new(counting: Counting, files: BTreeMap<Utf8PathBuf, FileCoverage>) -> Result<Self, RatioError> {
        let total = sum(files.values())?;
        Ok(Self { counting, files, total })
    }

    /// How its figures were counted.
    #[must_use]
    pub const fn counting(&self) -> Counting {
        self.counting
    }

    /// The files, by path.
    #[must_use]
    pub const fn files(&self) -> &BTreeMap<Utf8PathBuf, FileCoverage> {
        &self.files
    }

    /// The figures of the whole.
    #[must_use]
    pub const fn total(&self) -> &Figures {
        &self.total
    }

    /// The files, ready to be put together otherwise.
    pub(super) fn into_files(self) -> BTreeMap<Utf8PathBuf, FileCoverage> {
        self.files
    }

    /// The same with paths relative to the workspace's root, and with slashes; a file elsewhere keeps its path, and so
    /// does one whose new path is taken.
    #[must_use]
    pub fn relative_to(self, root: &Utf8Path) -> Self {
        let named = self.files.into_iter().map(|(path, file)| (relative_to(&path, root), path, file));
        let (as_they_were, others): (Vec<_>, Vec<_>) = named.partition(|(relative, path, _)| relative == path);
        let mut files = BTreeMap::new();
        for (relative, path, file) in as_they_were.into_iter().chain(others) {
            let path = if files.contains_key(&relative) { path } else { relative };
            files.insert(path, file);
        }
        Self { files, ..self }
    }

    /// The package that a file belongs to: the one whose folder (relative to the root) is nearest.
    #[must_use]
    pub fn package_of<'a>(path: &Utf8Path, packages: &[(&'a str, &Utf8Path)]) -> Option<&'a str> {
        // A member may lie outside of the root. Whatever lies there begins with a root package's empty folder, too.
        let is_there = |folder: &Utf8Path| path.starts_with(folder) && (is_below_root(path) || folder.is_absolute());
        let around = packages.iter().filter(|(_, folder)| is_there(folder));
        around.max_by_key(|(_, folder)| folder.components().count()).map(|(name, _)| *name)
    }

    /// The files that lie neither below the workspace's root nor in a package of it.
    #[must_use]
    pub fn foreign(&self, packages: &[(&str, &Utf8Path)]) -> Vec<&Utf8Path> {
        let is_foreign = |path: &&Utf8Path| !is_below_root(path) && Self::package_of(path, packages).is_none();
        self.files.keys().map(Utf8PathBuf::as_path).filter(is_foreign).collect()
    }

    /// The figures of each package. A file that lies in none counts for the workspace alone.
    #[must_use]
    pub fn by_package<'a>(&self, packages: &[(&'a str, &Utf8Path)]) -> BTreeMap<&'a str, Figures> {
        let mut files: BTreeMap<&str, Vec<&FileCoverage>> = BTreeMap::new();
        for (path, file) in &self.files {
            if let Some(name) = Self::package_of(path, packages) {
                files.entry(name).or_default().push(file);
            }
        }
        // A part of a sum that fits, fits.
        files.into_iter().map(|(name, files)| (name, sum(files.into_iter()).unwrap_or_default())).collect()
    }

    /// The files with the most that is not covered, and how much that is.
    #[must_use]
    pub fn worst(&self, metric: Metric, most: usize) -> Vec<(&Utf8Path, u64)> {
        let uncovered = |file: &FileCoverage| file.figures.get(metric).uncovered();
        let mut files: Vec<_> = self.files.iter().map(|(path, file)| (path.as_path(), uncovered(file))).collect();
        files.retain(|(_, uncovered)| *uncovered > 0);
        files.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        files.truncate(most);
        files
    }
}

/// Is the path, written from the root, one of a file below it? An absolute one is not, whichever system wrote it.
fn is_below_root(path: &Utf8Path) -> bool {
    let has_drive = path.as_str().split_once(':').is_some_and(|(drive, _)| drive.len() == 1);
    path.is_relative() && !has_drive && !path.starts_with("..") && !path.as_str().starts_with('\\')
}

/// The path as it is written from the root, with slashes; that of a file elsewhere stays.
pub(super) fn relative_to(path: &Utf8Path, root: &Utf8Path) -> Utf8PathBuf {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let inside = inside.strip_prefix(".").unwrap_or(inside);
    if cfg!(windows) { Utf8PathBuf::from(inside.as_str().replace('\\', "/")) } else { inside.to_owned() }
}

fn sum<'a>(mut files: impl Iterator<Item = &'a FileCoverage>) -> Result<Figures, RatioError> {
    files.try_fold(Figures::default(), |sum, file| sum.plus(&file.figures))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(files: &[(&str, u64, u64)]) -> CoverageMap {
        let file = |covered, total| FileCoverage {
            figures: Figures { lines: Ratio::new(covered, total).unwrap(), ..Figures::default() },
            hits: None,
        };
        let files = files.iter().map(|(path, covered, total)| (Utf8PathBuf::from(path), file(*covered, *total)));
        CoverageMap::new(Counting::Summary, files.collect()).unwrap()
    }

    #[test]
    fn a_file_belongs_to_the_nearest_package() {
        let map = map(&[
            ("/w/src/lib.rs", 1, 2),
            ("/w/core/src/lib.rs", 3, 4),
            ("/w/core/net/src/lib.rs", 5, 6),
            ("/w/core-extra/src/lib.rs", 0, 1),
            ("/elsewhere/x.rs", 0, 7),
        ])
        .relative_to("/w".into());
        let packages = [("root", "".into()), ("core", "core".into()), ("net", "core/net".into())];
        let figures = map.by_package(&packages);
        let lines = |name| figures[name].lines;
        assert_eq!(lines("core"), Ratio::new(3, 4).unwrap());
        assert_eq!(lines("net"), Ratio::new(5, 6).unwrap());
        assert_eq!((map.total().lines.covered(), map.total().lines.total()), (9, 20));
        assert!(map.files().contains_key(Utf8Path::new("/elsewhere/x.rs")));
        let without_root = map.by_package(&packages[1..]);
        assert_eq!(without_root.keys().copied().collect::<Vec<_>>(), ["core", "net"]);
    }

    #[test]
    fn a_root_package_is_no_home_to_files_elsewhere() {
        let map = map(&[("/w/src/lib.rs", 1, 2), ("/elsewhere/x.rs", 0, 7)]).relative_to("/w".into());
        assert_eq!(map.by_package(&[("root", "".into())])["root"].lines, Ratio::new(1, 2).unwrap());
    }

    #[test]
    fn files_of_no_package_outside_of_the_root_are_foreign() {
        let packages = [("root", Utf8Path::new("")), ("beside", Utf8Path::new("/v/beside"))];
        let map = map(&[
            ("/w/src/lib.rs", 1, 1),
            ("build/made.rs", 1, 1),
            ("/v/beside/src/lib.rs", 1, 1),
            ("/v/other/src/lib.rs", 1, 1),
            ("../other/src/lib.rs", 1, 1),
            ("C:\\w\\src\\lib.rs", 1, 1),
        ]);
        let map = map.relative_to("/w".into());
        assert_eq!(map.foreign(&packages), ["/v/other/src/lib.rs", "../other/src/lib.rs", "C:\\w\\src\\lib.rs"]);
        let figures = map.by_package(&packages);
        assert_eq!((figures["root"].lines.total(), figures["beside"].lines.total()), (2, 1));
    }

    #[test]
    fn the_worst_files_have_the_most_to_cover() {
        let map = map(&[("a", 5, 5), ("b", 1, 3), ("c", 0, 2), ("d", 0, 9)]);
        let worst = map.worst(Metric::Lines, 2);
        assert_eq!(worst, [(Utf8Path::new("d"), 9), (Utf8Path::new("b"), 2)]);
        assert!(map.worst(Metric::Branches, 5).is_empty());
    }

    #[test]
    fn sums_that_cannot_be_counted_are_refused() {
        let most = FileCoverage {
            figures: Figures { lines: Ratio::new(0, Ratio::MOST).unwrap(), ..Figures::default() },
            hits: None,
        };
        let files = [("a", most.clone()), ("b", most)].map(|(path, file)| (Utf8PathBuf::from(path), file));
        assert!(CoverageMap::new(Counting::Lines, files.into_iter().collect()).is_err());
    }
}
