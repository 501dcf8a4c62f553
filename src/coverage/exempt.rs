//! What is left out of the figures, and why: each choice is a value that reports can show.

use std::ops::RangeInclusive;

use camino::{Utf8Path, Utf8PathBuf};

use super::lines::length;
use super::map::{Counting, CoverageMap, Figures};
use super::test_code::TestCode;
use crate::config::Exempt;
use crate::ratio::RatioError;

/// Why something does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It tests, and is not tested.
    TestCode,
    /// A build wrote it.
    Generated,
    /// It comes from elsewhere.
    Vendored,
    /// The configuration says so, for this reason.
    Chosen(String),
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TestCode => "test code",
            Self::Generated => "generated",
            Self::Vendored => "vendored",
            Self::Chosen(reason) => reason,
        })
    }
}

/// A file, or lines of one, that do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Which file.
    pub path: Utf8PathBuf,
    /// Which of its lines, in order, and apart; `None`: all.
    pub lines: Option<Vec<RangeInclusive<u32>>>,
    /// Why.
    pub why: Why,
}

/// Where things lie; all paths relative to the workspace root where they are below it.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    /// The folders of the workspace's packages.
    pub packages: &'a [&'a Utf8Path],
    /// The target directory.
    pub target_dir: &'a Utf8Path,
}

/// Folders of a package that hold test code, and folders of a workspace that hold other people's.
const TEST_FOLDERS: [&str; 3] = ["tests", "benches", "examples"];
const VENDOR_FOLDERS: [&str; 2] = ["vendor", "third_party"];

/// Why a whole file is left out by what the configuration chose.
#[must_use]
pub fn chosen(path: &Utf8Path, exempt: &[Exempt]) -> Option<Why> {
    exempt.iter().find(|one| one.files.is_match(path)).map(|one| Why::Chosen(one.reason.clone()))
}

/// Why a whole file is no code of the workspace's that tests could cover: where it lies says so.
#[must_use]
pub fn by_place(path: &Utf8Path, layout: &Layout<'_>) -> Option<Why> {
    if path.starts_with(layout.target_dir) {
        return Some(Why::Generated);
    }
    let first = path.components().next().map_or("", |component| component.as_str());
    if path.is_absolute() || VENDOR_FOLDERS.contains(&first) {
        return Some(Why::Vendored);
    }
    let package =
        layout.packages.iter().filter(|folder| path.starts_with(folder)).max_by_key(|folder| folder.as_str().len())?;
    let inside = path.strip_prefix(package).ok()?.components().next()?;
    TEST_FOLDERS.contains(&inside.as_str()).then_some(Why::TestCode)
}

/// What the parsed sources say of the files that were measured: each with its test code.
#[must_use]
pub fn by_parsing(parsed: &[(Utf8PathBuf, TestCode)]) -> Vec<LeftOut> {
    let is_test_module = |path: &Utf8Path| {
        parsed.iter().any(|(_, code)| {
            code.files.iter().any(|file| file == path) || code.folders.iter().any(|folder| path.starts_with(folder))
        })
    };
    let of_file = |(path, code): &(Utf8PathBuf, TestCode)| {
        let lines = if is_test_module(path) { None } else { Some(code.lines.clone()) };
        let has_some = lines.as_ref().is_none_or(|lines| !lines.is_empty());
        has_some.then(|| LeftOut { path: path.clone(), lines, why: Why::TestCode })
    };
    parsed.iter().filter_map(of_file).collect()
}

/// Why something cannot be left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaveOutError {
    /// Lines are to be left out of a figure that knows no lines.
    #[error("`{0}` was measured without its lines, so that none of them can be left out")]
    NoLines(Utf8PathBuf),
    /// Test code is to be left out, and a source is there but cannot be read.
    #[error("test code cannot be left out of `{path}`: {why}")]
    Unreadable {
        /// Which file.
        path: Utf8PathBuf,
        /// What the system says.
        why: String,
    },
    /// The numbers are too large.
    #[error(transparent)]
    Numbers(#[from] RatioError),
}

/// The map without what is left out.
///
/// Where whole files go, figures stay as they were counted. Where lines go, what is left is counted line by line, and
/// there are no figures but of lines: nobody knows which region or branch lay on which.
///
/// # Errors
///
/// Lines are to go, and a file was measured without.
pub fn leave_out(map: CoverageMap, left_out: &[LeftOut]) -> Result<CoverageMap, LeaveOutError> {
    let by_line = left_out.iter().any(|one| one.lines.as_ref().is_some_and(|lines| length(lines) > 0));
    let counting = if by_line { Counting::Lines } else { map.counting() };
    let mut files = map.into_files();
    for one in left_out.iter().filter(|one| one.lines.is_none()) {
        files.remove(&one.path);
    }
    if by_line {
        for one in left_out {
            if let (Some(lines), Some(file)) = (&one.lines, files.get_mut(&one.path)) {
                file.hits = file.hits.take().map(|hits| hits.without(lines));
            }
        }
        for (path, file) in &mut files {
            let hits = file.hits.as_ref().ok_or_else(|| LeaveOutError::NoLines(path.clone()))?;
            file.figures = Figures { lines: hits.ratio()?, ..Figures::default() };
        }
    }
    Ok(CoverageMap::new(counting, files)?)
}

#[cfg(test)]
mod tests {
    use super::super::{lcov, llvm_json, test_code};
    use super::*;
    use crate::model::PathPatterns;
    use crate::ratio::Ratio;

    const EXPORT: &str = include_str!("../../testdata/coverage/export.json");
    const LCOV: &str = include_str!("../../testdata/coverage/lcov.info");
    const SOURCE: &str = include_str!("../../testdata/coverage/lib.rs");

    fn of(covered: u64, total: u64) -> Ratio {
        Ratio::new(covered, total).unwrap()
    }

    fn export() -> CoverageMap {
        llvm_json::read(EXPORT.as_bytes()).unwrap().relative_to("/home/ann/tally".into())
    }

    #[test]
    fn whole_files_go_and_the_counting_stays() {
        let all = LeftOut { path: "src/shelf.rs".into(), lines: None, why: Why::Generated };
        let map = leave_out(export(), &[all]).unwrap();
        assert_eq!(
            (map.counting(), map.total().lines, map.total().regions),
            (Counting::Summary, of(25, 34), of(30, 40))
        );
        assert_eq!(leave_out(export(), &[]).unwrap(), export());
    }

    #[test]
    fn test_code_goes_line_by_line_alike_from_every_source() {
        let code = test_code::find(SOURCE, "src/lib.rs".into(), test_code::Root::Crate).unwrap();
        let left_out = by_parsing(&[("src/lib.rs".into(), code)]);
        let lcov = lcov::read(LCOV.as_bytes()).unwrap().relative_to("/home/ann/tally".into());
        for map in [export(), lcov] {
            let map = leave_out(map, &left_out).unwrap();
            // 33 lines, 10 of them in the tests, one of these uncovered; and 9 of the other file.
            assert_eq!((map.counting(), map.total().lines), (Counting::Lines, of(23, 32)));
            assert!(map.total().regions.is_empty() && map.total().functions.is_empty());
        }
    }

    #[test]
    fn a_summary_without_lines_cannot_lose_some() {
        let mut json: serde_json::Value = serde_json::from_str(EXPORT).unwrap();
        json["data"][0]["files"][1].as_object_mut().unwrap().remove("segments");
        let map = llvm_json::read(json.to_string().as_bytes()).unwrap().relative_to("/home/ann/tally".into());
        let lines = LeftOut { path: "src/lib.rs".into(), lines: Some(vec![1..=20]), why: Why::TestCode };
        assert_eq!(leave_out(map, &[lines]), Err(LeaveOutError::NoLines("src/shelf.rs".into())));
    }

    #[test]
    fn a_files_place_may_say_why() {
        let packages: [&Utf8Path; 3] = ["".into(), "core".into(), "tests".into()];
        let layout = Layout { packages: &packages, target_dir: "target".into() };
        for (path, why) in [
            ("src/lib.rs", None),
            ("src/tests/a.rs", None),
            ("core/src/lib.rs", None),
            ("core/tests/a.rs", Some(Why::TestCode)),
            ("benches/a.rs", Some(Why::TestCode)),
            ("core/examples/a/main.rs", Some(Why::TestCode)),
            // A package may have such a name.
            ("tests/src/lib.rs", None),
            ("target/debug/build/core-1/out/gen.rs", Some(Why::Generated)),
            ("vendor/serde/src/lib.rs", Some(Why::Vendored)),
            ("/home/ann/.cargo/registry/src/x/lib.rs", Some(Why::Vendored)),
        ] {
            assert_eq!(by_place(path.into(), &layout), why, "{path}");
        }
        let outside = Layout { target_dir: "/shared/target".into(), ..layout };
        assert_eq!(by_place("/shared/target/debug/build/a/out/gen.rs".into(), &outside), Some(Why::Generated));
    }

    #[test]
    fn the_configuration_may_say_why() {
        let exempt =
            Exempt { files: PathPatterns::new(&["src/ffi/**", "**/tables.rs"]).unwrap(), reason: "by hand".to_owned() };
        let exempt = [exempt];
        for (path, is_exempt) in
            [("src/ffi/a/b.rs", true), ("core/src/tables.rs", true), ("tables.rs", true), ("src/lib.rs", false)]
        {
            assert_eq!(chosen(path.into(), &exempt), is_exempt.then(|| Why::Chosen("by hand".to_owned())), "{path}");
        }
    }

    #[test]
    fn modules_declared_for_tests_go_whole() {
        let parsed = |path: &str, source: &str| {
            (Utf8PathBuf::from(path), test_code::find(source, path.into(), test_code::Root::Module).unwrap())
        };
        let left_out = by_parsing(&[
            parsed("src/parse.rs", "fn a() {}\n#[cfg(test)]\nmod tests;"),
            parsed("src/parse/tests.rs", "fn a() {}\nmod deep;"),
            parsed("src/parse/tests/deep.rs", "fn a() {}"),
            parsed("src/other.rs", "fn a() {}"),
        ]);
        let told: Vec<_> = left_out.iter().map(|one| (one.path.as_str(), one.lines.clone())).collect();
        assert_eq!(
            told,
            [("src/parse.rs", Some(vec![2..=3])), ("src/parse/tests.rs", None), ("src/parse/tests/deep.rs", None)]
        );
    }
}
