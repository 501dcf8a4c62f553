//! Reads lcov's tracefiles (`lcov.info`), and puts several together line by line.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use camino::{Utf8Path, Utf8PathBuf};

use super::lines::LineHits;
use super::map::{Counting, CoverageMap, Figures, FileCoverage, relative_to};
use crate::ratio::{Ratio, RatioError};

/// A tracefile that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LcovError {
    /// A line that says nothing of use.
    #[error("line {line}: {why}")]
    Line {
        /// Which one, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The file ends where more should come.
    #[error("it ends within the record of `{0}`: is it cut off?")]
    CutOff(Utf8PathBuf),
    /// The numbers are too large.
    #[error(transparent)]
    Numbers(#[from] RatioError),
    /// It cannot be read at all.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads one tracefile.
///
/// # Errors
///
/// What is wrong with it, and where.
pub fn read(text: impl BufRead) -> Result<CoverageMap, LcovError> {
    let mut traces = Traces::default();
    traces.add(text)?;
    Ok(traces.into_map()?)
}

/// Rewrites a tracefile so that its paths are relative to this root, where they can be: on another machine the same
/// workspace has another root.
///
/// # Errors
///
/// What the reader and the writer say.
pub fn relocate(text: impl BufRead, root: &Utf8Path, out: &mut impl io::Write) -> io::Result<()> {
    for line in text.lines() {
        let line = line?;
        match line.strip_prefix("SF:") {
            Some(path) => writeln!(out, "SF:{}", relative_to(Utf8Path::new(path), root))?,
            None => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}

/// What tracefiles say of a source file.
#[derive(Debug, Default)]
struct Trace {
    lines: BTreeMap<u32, u64>,
    /// By the line they begin on: each instantiation of a generic function has a name of its own.
    functions: BTreeMap<u32, u64>,
    /// By line, block and branch.
    branches: BTreeMap<(u32, String, String), u64>,
}

/// One record while it is read.
#[derive(Debug)]
struct Record {
    path: Utf8PathBuf,
    /// The lines that named functions begin on.
    functions: BTreeMap<String, u32>,
}

/// What several tracefiles say together: hits of one line add up.
#[derive(Debug, Default)]
pub struct Traces {
    /// Paths are relative to this, where they can be: the same file has the same name whoever measured it.
    root: Utf8PathBuf,
    files: BTreeMap<Utf8PathBuf, Trace>,
}

impl Traces {
    /// Those of a workspace at this root.
    #[must_use]
    pub fn of(root: &Utf8Path) -> Self {
        Self { root: root.to_owned(), files: BTreeMap::new() }
    }

    /// Adds a tracefile.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where.
    pub fn add(&mut self, mut text: impl BufRead) -> Result<(), LcovError> {
        let mut record = None;
        let mut bytes = Vec::new();
        for number in 1.. {
            bytes.clear();
            if text.read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            let line = String::from_utf8_lossy(&bytes);
            self.read_line(line.trim(), &mut record).map_err(|why| LcovError::Line { line: number, why })?;
        }
        match record {
            Some(Record { path, .. }) => Err(LcovError::CutOff(path)),
            None => Ok(()),
        }
    }

    fn read_line(&mut self, line: &str, record: &mut Option<Record>) -> Result<(), String> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if line == "end_of_record" {
            return match record.take() {
                Some(_) => Ok(()),
                None => Err("`end_of_record` without an `SF:` before it".to_owned()),
            };
        }
        let (tag, rest) = line.split_once(':').ok_or_else(|| format!("{} is no record of lcov's", shown(line)))?;
        match (tag, record) {
            ("SF", record @ None) => {
                let path = relative_to(rest.into(), &self.root);
                self.files.entry(path.clone()).or_default();
                *record = Some(Record { path, functions: BTreeMap::new() });
                Ok(())
            }
            ("SF", Some(before)) => Err(format!("`SF:` within the record of `{}`", before.path)),
            ("DA" | "FN" | "FNDA" | "BRDA", None) => Err(format!("`{tag}:` without an `SF:` before it")),
            ("DA" | "FN" | "FNDA" | "BRDA", Some(record)) => {
                let trace = self.files.entry(record.path.clone()).or_default();
                trace.read(tag, rest, record).ok_or_else(|| format!("{} does not fit", shown(line)))
            }
            // Sums, checksums, versions, and what later versions may add.
            (tag, _) if !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') => Ok(()),
            _ => Err(format!("{} is no record of lcov's", shown(line))),
        }
    }

    /// The figures of all files.
    ///
    /// # Errors
    ///
    /// More than can be counted.
    pub fn into_map(self) -> Result<CoverageMap, RatioError> {
        let mut files = BTreeMap::new();
        for (path, trace) in self.files {
            let figures = Figures {
                lines: ratio(trace.lines.values())?,
                regions: Ratio::EMPTY,
                functions: ratio(trace.functions.values())?,
                branches: ratio(trace.branches.values())?,
            };
            files.insert(path, FileCoverage { figures, hits: Some(LineHits::from(&trace.lines)) });
        }
        CoverageMap::new(Counting::Lines, files)
    }
}

impl Trace {
    /// Reads a line of a record; `None` if it does not fit.
    fn read(&mut self, tag: &str, rest: &str, record: &mut Record) -> Option<()> {
        let mut fields = rest.split(',');
        match tag {
            "DA" => {
                let (line, hits) = (number(fields.next())?, number(fields.next())?);
                add(self.lines.entry(line).or_default(), hits);
            }
            "FN" => {
                let line = number(fields.next())?;
                let mut name = rest.split_once(',')?.1;
                // lcov 2 also writes where the function ends.
                if let Some((end, after)) = name.split_once(',')
                    && end.bytes().all(|byte| byte.is_ascii_digit())
                {
                    name = after;
                }
                record.functions.insert(name.to_owned(), line);
                self.functions.entry(line).or_default();
            }
            "FNDA" => {
                let hits = number(fields.next())?;
                // Of a function that was not announced nobody knows the line.
                if let Some(line) = record.functions.get(rest.split_once(',')?.1) {
                    add(self.functions.entry(*line).or_default(), hits);
                }
            }
            _ => {
                let (line, block, branch) = (number(fields.next())?, fields.next()?, fields.next()?);
                let hits = match fields.next()? {
                    "-" => 0,
                    hits => number(Some(hits))?,
                };
                add(self.branches.entry((line, block.to_owned(), branch.to_owned())).or_default(), hits);
            }
        }
        Some(())
    }
}

fn number<N: std::str::FromStr>(text: Option<&str>) -> Option<N> {
    text?.parse().ok()
}

fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}

fn ratio<'a>(hits: impl ExactSizeIterator<Item = &'a u64>) -> Result<Ratio, RatioError> {
    let total = hits.len() as u64;
    Ratio::new(hits.filter(|hits| **hits > 0).count() as u64, total)
}

/// The beginning of a line, quoted.
fn shown(line: &str) -> String {
    let beginning: String = line.chars().take(60).collect();
    format!("{beginning:?}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LCOV: &str = include_str!("../../testdata/coverage/lcov.info");

    fn of(covered: u64, total: u64) -> Ratio {
        Ratio::new(covered, total).unwrap()
    }

    #[test]
    fn what_llvm_cov_writes_is_read_line_by_line() {
        let map = read(LCOV.as_bytes()).unwrap();
        assert_eq!(map.counting(), Counting::Lines);
        // Two functions of one line, one in the other, count once here, and twice in llvm-cov's summary.
        assert_eq!((map.total().lines, map.total().functions), (of(32, 42), of(6, 8)));
        assert_eq!(map.total().regions, Ratio::EMPTY);
    }

    #[test]
    fn several_files_are_put_together_line_by_line() {
        let first = "TN:\nSF:a.rs\nFN:1,f\nFN:5,9,g\nFNDA:2,f\nFNDA:0,g\nBRDA:1,0,0,1\nBRDA:1,0,1,-\nDA:1,2\nDA:2,0,checksum\nLF:2\nend_of_record\n";
        let second = "# note\r\nSF:a.rs\r\nFN:5,g\r\nFNDA:1,g\r\nBRDA:1,0,1,4\r\nBRDA:9,0,0,-\r\nDA:2,3\r\nDA:3,0\r\nend_of_record\r\nSF:b.rs\nend_of_record\n";
        let mut traces = Traces::default();
        traces.add(first.as_bytes()).unwrap();
        traces.add(second.as_bytes()).unwrap();
        let map = traces.into_map().unwrap();
        let file = &map.files()[Utf8Path::new("a.rs")];
        assert_eq!((file.figures.lines, file.figures.functions, file.figures.branches), (of(2, 3), of(2, 2), of(2, 3)));
        assert_eq!([1, 2, 3].map(|line| file.hits.as_ref().unwrap().get(line)), [Some(2), Some(3), Some(0)]);
        assert!(map.files()[Utf8Path::new("b.rs")].figures.lines.is_empty());
    }

    #[test]
    fn r10_garbage_is_an_error_with_its_line() {
        for (text, why) in [
            ("garbage", r#"line 1: "garbage" is no record of lcov's"#),
            ("{\"data\": []}", r#"line 1: "{\"data\": []}" is no record of lcov's"#),
            ("\nDA:1,2\n", "line 2: `DA:` without an `SF:` before it"),
            ("end_of_record\n", "line 1: `end_of_record` without an `SF:` before it"),
            ("SF:a\nSF:b\n", "line 2: `SF:` within the record of `a`"),
            ("SF:a\nDA:x,1\n", r#"line 2: "DA:x,1" does not fit"#),
            ("SF:a\nDA:1,-1\n", r#"line 2: "DA:1,-1" does not fit"#),
            ("SF:a\nDA:1\n", r#"line 2: "DA:1" does not fit"#),
            ("SF:a\nDA:99999999999,1\n", r#"line 2: "DA:99999999999,1" does not fit"#),
            ("SF:a\nFNDA:x,f\n", r#"line 2: "FNDA:x,f" does not fit"#),
            ("SF:a\nDA:1,1\n", "it ends within the record of `a`: is it cut off?"),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap_err().to_string(), why, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(bytes in prop::collection::vec(any::<u8>(), 0..80), lines in "((SF|DA|FN|FNDA|BRDA|TN|end_of_record):?[0-9a,-]{0,6}\n){0,8}") {
            let _ = read(bytes.as_slice());
            let _ = read(lines.as_bytes());
        }

        #[test]
        fn the_order_of_files_does_not_matter(
            first in prop::collection::btree_map(0_u32..20, 0_u64..3, 0..10),
            second in prop::collection::btree_map(0_u32..20, 0_u64..3, 0..10),
        ) {
            let text = |lines: &BTreeMap<u32, u64>| {
                let lines: String = lines.iter().map(|(line, hits)| format!("DA:{line},{hits}\n")).collect();
                format!("SF:a.rs\n{lines}end_of_record\n")
            };
            let together = |texts: [String; 2]| {
                let mut traces = Traces::default();
                texts.iter().for_each(|text| traces.add(text.as_bytes()).unwrap());
                traces.into_map().unwrap()
            };
            let map = together([text(&first), text(&second)]);
            prop_assert_eq!(&map, &together([text(&second), text(&first)]));
            let mut sum = first;
            second.iter().for_each(|(line, hits)| *sum.entry(*line).or_default() += hits);
            prop_assert_eq!(map.files().values().next().unwrap().hits.clone(), Some(LineHits::from(&sum)));
        }
    }
}
