//! Reads llvm-cov's JSON, as `cargo llvm-cov --json` writes it.
//!
//! It is read as a stream: the functions, which are most of it, are passed over, and a file's segments become hits of
//! lines as they come. Lenient as to keys that are new; in tests every key must be a known one.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use camino::Utf8PathBuf;
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::lines::LineHits;
use super::map::{Counting, CoverageMap, Figures, FileCoverage};
use crate::ratio::{Ratio, RatioError};

/// Reads one export.
///
/// # Errors
///
/// What is wrong with it, and where.
pub fn read(json: impl Read) -> Result<CoverageMap, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_reader(json);
    let export = Export::deserialize(&mut reader)?;
    reader.end()?;
    let mut files = BTreeMap::new();
    for file in export.data.into_iter().flat_map(|data| data.files) {
        let figures = file.summary.figures().map_err(|why| wrong(format!("`{}`: {why}", file.filename)))?;
        let coverage = FileCoverage { figures, hits: file.segments.map(|Segments(hits)| hits) };
        if let Some(twice) = files.insert(file.filename.clone(), coverage) {
            drop(twice);
            return Err(wrong(format!("`{}` is in it twice: such exports cannot be put together", file.filename)));
        }
    }
    CoverageMap::new(Counting::Summary, files).map_err(wrong)
}

fn wrong(why: impl fmt::Display) -> serde_json::Error {
    de::Error::custom(why)
}

#[derive(Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
struct Export {
    data: Vec<ExportOfBinaries>,
    #[serde(rename = "type")]
    _kind: Kind,
    #[serde(rename = "version", default)]
    _version: IgnoredAny,
    #[serde(rename = "cargo_llvm_cov", default)]
    _cargo_llvm_cov: IgnoredAny,
}

/// Says that this is such an export and no other JSON.
#[derive(Deserialize)]
enum Kind {
    #[serde(rename = "llvm.coverage.json.export")]
    Export,
}

#[derive(Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
struct ExportOfBinaries {
    files: Vec<File>,
    #[serde(rename = "functions", default)]
    _functions: IgnoredAny,
    #[serde(rename = "totals", default)]
    _totals: IgnoredAny,
}

#[derive(Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
struct File {
    filename: Utf8PathBuf,
    summary: Summary,
    /// Not there in an export of summaries alone.
    segments: Option<Segments>,
    #[serde(rename = "branches", default)]
    _branches: IgnoredAny,
    #[serde(rename = "mcdc_records", default)]
    _mcdc_records: IgnoredAny,
    #[serde(rename = "expansions", default)]
    _expansions: IgnoredAny,
}

#[derive(Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
struct Summary {
    lines: Count,
    regions: Count,
    functions: Count,
    #[serde(default)]
    branches: Count,
    #[serde(rename = "instantiations", default)]
    _instantiations: IgnoredAny,
    #[serde(rename = "mcdc", default)]
    _mcdc: IgnoredAny,
}

impl Summary {
    fn figures(&self) -> Result<Figures, RatioError> {
        Ok(Figures {
            lines: self.lines.ratio()?,
            regions: self.regions.ratio()?,
            functions: self.functions.ratio()?,
            branches: self.branches.ratio()?,
        })
    }
}

#[derive(Default, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
struct Count {
    count: u64,
    covered: u64,
    #[serde(rename = "notcovered", default)]
    _notcovered: IgnoredAny,
    #[serde(rename = "percent", default)]
    _percent: IgnoredAny,
}

impl Count {
    const fn ratio(&self) -> Result<Ratio, RatioError> {
        Ratio::new(self.covered, self.count)
    }
}

/// Where the count of a file's text changes.
#[derive(Clone, Copy)]
struct Segment {
    line: u32,
    column: u64,
    count: u64,
    has_count: bool,
    is_region_entry: bool,
    is_gap: bool,
}

impl Segment {
    /// Does a region of its own begin here?
    const fn begins_region(&self) -> bool {
        self.has_count && self.is_region_entry && !self.is_gap
    }
}

impl<'de> Deserialize<'de> for Segment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tuple;

        impl<'de> Visitor<'de> for Tuple {
            type Value = Segment;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a segment: line, column, count, has count, is region entry, is gap region")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut tuple: A) -> Result<Segment, A::Error> {
                let short = |length| de::Error::invalid_length(length, &self);
                let line = tuple.next_element()?.ok_or_else(|| short(0))?;
                let column = tuple.next_element()?.ok_or_else(|| short(1))?;
                let count = tuple.next_element()?.ok_or_else(|| short(2))?;
                let has_count = tuple.next_element()?.ok_or_else(|| short(3))?;
                let is_region_entry = tuple.next_element()?.ok_or_else(|| short(4))?;
                // Older formats know no gaps.
                let is_gap = tuple.next_element()?.unwrap_or(false);
                while tuple.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Segment { line, column, count, has_count, is_region_entry, is_gap })
            }
        }

        deserializer.deserialize_seq(Tuple)
    }
}

/// A file's segments, as the hits of lines that llvm-cov makes of them.
struct Segments(LineHits);

impl<'de> Deserialize<'de> for Segments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Segments;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of segments")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Segments, A::Error> {
                let mut lines = Lines::default();
                while let Some(segment) = list.next_element()? {
                    lines.read(segment).map_err(de::Error::custom)?;
                }
                Ok(Segments(lines.finish()))
            }
        }

        deserializer.deserialize_seq(InOrder)
    }
}

/// Turns segments into lines, as llvm's `LineCoverageIterator` does: a line's count is the largest of the regions that
/// begin on it and of the segment that reaches into it from above.
#[derive(Default)]
struct Lines {
    hits: LineHits,
    /// The last segment before the line that is read.
    wrapped: Option<Segment>,
    /// The segments of that line.
    on_line: Vec<Segment>,
}

impl Lines {
    fn read(&mut self, segment: Segment) -> Result<(), String> {
        if let Some(before) = self.on_line.last() {
            if (segment.line, segment.column) < (before.line, before.column) {
                return Err(format!("the segment at {}:{} is out of order", segment.line, segment.column));
            }
            if segment.line > before.line {
                let line = before.line;
                self.end_line(line);
                self.fill(line, segment.line);
            }
        }
        self.on_line.push(segment);
        Ok(())
    }

    fn finish(mut self) -> LineHits {
        if let Some(line) = self.on_line.last().map(|segment| segment.line) {
            self.end_line(line);
        }
        self.hits
    }

    fn end_line(&mut self, line: u32) {
        if let Some(count) = self.count() {
            self.hits.push(line..=line, count);
        }
        self.wrapped = self.on_line.last().copied();
        self.on_line.clear();
    }

    /// The lines between two that have segments have what reaches into them.
    fn fill(&mut self, above: u32, below: u32) {
        let (Some(first), Some(last)) = (above.checked_add(1), below.checked_sub(1)) else { return };
        if let Some(wrapped) = self.wrapped.filter(|wrapped| wrapped.has_count && first <= last) {
            self.hits.push(first..=last, wrapped.count);
        }
    }

    /// How often the line ran; `None` if there is nothing on it to run.
    fn count(&self) -> Option<u64> {
        let begun = self.on_line.iter().filter(|segment| segment.begins_region()).map(|segment| segment.count).max();
        let skipped_begins = self.on_line.first().is_some_and(|first| !first.has_count && first.is_region_entry);
        let reaches_in = self.wrapped.is_some_and(|wrapped| wrapped.has_count);
        let entered = self.on_line.iter().any(|segment| segment.is_region_entry && segment.has_count);
        let is_mapped = entered || (!skipped_begins && (reaches_in || begun.is_some()));
        is_mapped.then(|| self.wrapped.map_or(0, |wrapped| wrapped.count).max(begun.unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::lcov;
    use super::super::lines::written;
    use super::*;
    use proptest::prelude::*;

    const EXPORT: &str = include_str!("../../testdata/coverage/export.json");
    const LCOV: &str = include_str!("../../testdata/coverage/lcov.info");

    fn read_text(text: &str) -> Result<CoverageMap, String> {
        read(text.as_bytes()).map_err(|error| error.to_string())
    }

    /// An export of one file with these segments.
    fn with_segments(segments: &str) -> String {
        let count = r#"{"count":1,"covered":1}"#;
        format!(
            r#"{{"data":[{{"files":[{{"filename":"a.rs","segments":{segments},
            "summary":{{"lines":{count},"regions":{count},"functions":{count}}}}}]}}],"type":"llvm.coverage.json.export"}}"#
        )
    }

    #[test]
    fn what_cargo_llvm_cov_writes_is_read_with_its_totals() {
        let map = read_text(EXPORT).unwrap();
        let of = |covered, total| Ratio::new(covered, total).unwrap();
        assert_eq!(map.counting(), Counting::Summary);
        assert_eq!(
            *map.total(),
            Figures { lines: of(32, 44), regions: of(43, 61), functions: of(6, 9), branches: Ratio::EMPTY }
        );
        let map = map.relative_to("/home/ann/tally".into());
        assert_eq!(map.files().keys().map(|path| path.as_str()).collect::<Vec<_>>(), ["src/lib.rs", "src/shelf.rs"]);
        let uncovered =
            |path: &str| written(&map.files()[camino::Utf8Path::new(path)].hits.as_ref().unwrap().uncovered());
        // As `cargo llvm-cov --show-missing-lines` has it.
        assert_eq!(
            (uncovered("src/lib.rs").as_str(), uncovered("src/shelf.rs").as_str()),
            ("30-34, 36-37, 53", "13, 21")
        );
    }

    #[test]
    fn its_segments_are_the_lines_that_llvm_cov_itself_makes_of_them() {
        let (ours, theirs) = (read_text(EXPORT).unwrap(), lcov::read(LCOV.as_bytes()).unwrap());
        assert_eq!(ours.files().len(), 2);
        for (path, file) in ours.files() {
            assert_eq!(file.hits, theirs.files()[path].hits, "{path}");
        }
    }

    #[test]
    fn an_export_of_summaries_alone_has_no_lines() {
        let mut export: serde_json::Value = serde_json::from_str(EXPORT).unwrap();
        for file in export["data"][0]["files"].as_array_mut().unwrap() {
            file.as_object_mut().unwrap().remove("segments");
        }
        export["data"][0].as_object_mut().unwrap().remove("functions");
        let map = read_text(&export.to_string()).unwrap();
        assert_eq!(map.total().lines, Ratio::new(32, 44).unwrap());
        assert!(map.files().values().all(|file| file.hits.is_none()));
    }

    #[test]
    fn gaps_skipped_regions_and_old_forms_are_read_as_llvm_reads_them() {
        for (segments, lines) in [
            ("[]", &[][..]),
            // Without the sixth field, and with a seventh.
            ("[[1,1,3,true,true],[3,2,0,false,false]]", &[(1, 3), (2, 3), (3, 3)]),
            ("[[1,1,3,true,true,false,9],[1,9,0,false,false,false]]", &[(1, 3)]),
            // A gap's count reaches on, but does not begin a line.
            (
                "[[1,1,3,true,true,false],[2,5,0,true,true,true],[4,1,3,true,false,false],[5,1,0,false,false,false]]",
                &[(1, 3), (2, 3), (3, 0), (4, 0), (5, 3)],
            ),
            // A region that is skipped is no line, whatever reaches into it.
            (
                "[[1,1,3,true,true,false],[2,1,0,false,true,false],[4,1,3,true,false,false],[4,5,0,false,false,false]]",
                &[(1, 3)],
            ),
            // The largest region of a line counts.
            ("[[7,1,0,true,true,false],[7,9,5,true,true,false],[7,12,0,false,false,false]]", &[(7, 5)]),
        ] {
            let map = read_text(&with_segments(segments)).unwrap();
            let hits = map.files().values().next().unwrap().hits.clone().unwrap();
            let read: Vec<(u32, u64)> = (0..20).filter_map(|line| Some((line, hits.get(line)?))).collect();
            assert_eq!(read, lines, "{segments}");
        }
    }

    #[test]
    fn r10_garbage_is_an_error_with_its_place() {
        let covered_more = EXPORT.replacen(r#""count":34,"covered":25"#, r#""count":3,"covered":25"#, 1);
        let too_many = EXPORT.replacen(r#""count":34,"covered":25"#, r#""count":9007199254740993,"covered":25"#, 1);
        let twice = EXPORT.replace("shelf.rs", "lib.rs");
        for (text, why) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("null", "invalid type: null, expected struct Export at line 1 column 4"),
            ("[]", "invalid length 0"),
            ("{\"data\":[]}", "missing field `type` at line 1 column 11"),
            (
                "{\"data\":[],\"type\":\"x\"}",
                "unknown variant `x`, expected `llvm.coverage.json.export` at line 1 column 21",
            ),
            (&EXPORT[..EXPORT.len() / 2], "EOF while parsing"),
            (&format!("{EXPORT}{{}}"), "trailing characters"),
            (&covered_more, "`/home/ann/tally/src/lib.rs`: 25 of 3 are covered, which is more than there are"),
            (&too_many, "9007199254740993 are more than any workspace has"),
            (&twice, "`/home/ann/tally/src/lib.rs` is in it twice"),
            (
                &with_segments("[[2,1,0,true,true,false],[1,1,0,true,true,false]]"),
                "the segment at 1:1 is out of order at line 1",
            ),
            (&with_segments("[[1,1]]"), "invalid length 2, expected a segment"),
            (&with_segments("[[-1,1,0,true,true,false]]"), "invalid value: integer `-1`, expected u32"),
            (&with_segments("[[1,1,0.5,true,true,false]]"), "invalid type: floating point `0.5`, expected u64"),
        ] {
            let error = read_text(text).unwrap_err();
            assert!(error.contains(why), "{error}\n{why}");
        }
    }

    #[test]
    fn an_absurd_line_costs_nothing() {
        let map = read_text(&with_segments("[[1,1,0,true,true,false],[4294967295,1,0,false,false,false]]")).unwrap();
        let hits = map.files().values().next().unwrap().hits.clone().unwrap();
        assert_eq!(hits.ratio(), Ratio::new(0, u64::from(u32::MAX)));
    }

    proptest! {
        #[test]
        fn no_damage_panics(at in 0..EXPORT.len(), length in 0_usize..40, with in "[\\[\\]{}\",:0-9a-z-]{0,8}") {
            let mut damaged = EXPORT.to_owned();
            damaged.replace_range(at..(at + length).min(EXPORT.len()), &with);
            let _ = read_text(&damaged);
        }

        #[test]
        fn segments_are_read_as_the_definition_says(
            segments in prop::collection::vec((1_u32..12, 1_u64..4, 0_u64..3, any::<bool>(), any::<bool>(), any::<bool>()), 0..14),
        ) {
            let mut segments = segments;
            segments.sort_by_key(|segment| (segment.0, segment.1));
            let json = serde_json::to_string(&segments).unwrap();
            let map = read_text(&with_segments(&json)).unwrap();
            let hits = map.files().values().next().unwrap().hits.clone().unwrap();
            for line in 0..14 {
                prop_assert_eq!(hits.get(line), by_definition(&segments, line), "{}", line);
            }
        }
    }

    /// One line's count by llvm's definition, without anything remembered from the line before.
    fn by_definition(segments: &[(u32, u64, u64, bool, bool, bool)], line: u32) -> Option<u64> {
        let (first, last) = (segments.first()?.0, segments.last()?.0);
        if line < first || line > last {
            return None;
        }
        let wrapped = segments.iter().rfind(|segment| segment.0 < line);
        let own: Vec<_> = segments.iter().filter(|segment| segment.0 == line).collect();
        let starts: Vec<_> = own.iter().filter(|(.., has_count, entry, gap)| *has_count && *entry && !gap).collect();
        let skipped = own.first().is_some_and(|(.., has_count, entry, _)| !has_count && *entry);
        let mut mapped = !skipped && (wrapped.is_some_and(|wrapped| wrapped.3) || !starts.is_empty());
        mapped |= own.iter().any(|(.., has_count, entry, _)| *has_count && *entry);
        let counts = starts.iter().map(|segment| segment.2).chain(wrapped.map(|wrapped| wrapped.2));
        mapped.then(|| counts.max().unwrap_or(0))
    }
}
