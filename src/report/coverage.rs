//! What a measurement of coverage came to: what every report of it shows, before any format.
//!
//! Whoever judges fills it in; a report only chooses words and places. Texts are as they came: each format makes them
//! inert in its own way.

pub(super) mod figures;
pub mod json;
pub mod markdown;
pub mod terminal;

use std::ops::RangeInclusive;

use camino::Utf8PathBuf;

use super::CoverageHead;
use crate::model::Reason;
use crate::ratio::{Percent, Ratio, Share};

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CoverageReport {
    /// The one figure and what it was held against, as the head of the artifact has it.
    pub head: CoverageHead,
    /// The one word of the judge: `PASS`, `FAIL` or `N/A`.
    pub word: &'static str,
    /// Why, the most pressing first.
    pub reasons: Vec<Reason>,
    /// What stops nothing and belongs into every output.
    pub warnings: Vec<Reason>,
    /// What the baseline was: its figure, and the commit it was measured at.
    pub baseline: Option<(Share, Option<String>)>,
    /// The figures of the workspace by what was counted: lines, regions, functions, branches; empty ones left out.
    pub totals: Vec<(&'static str, Ratio)>,
    /// What of the ratchet: a sentence on what the figure did to it, or why nothing.
    pub ratchet: Option<String>,
    /// The packages, by name.
    pub packages: Vec<CoveredPart>,
    /// The files, the one with the most that is uncovered first.
    pub files: Vec<CoveredPart>,
    /// The change since a revision, where one was asked about.
    pub patch: Option<PatchReport>,
    /// What does not count, and why, each with how many lines or files that is, in words.
    pub left_out: Vec<(String, String)>,
    /// Package, file or line: how it was counted, a sentence.
    pub counted: String,
}

/// A package or a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CoveredPart {
    /// Its name, or its path relative to the workspace root.
    pub name: String,
    /// What is covered of it.
    pub ratio: Ratio,
    /// What was, where a baseline is kept for it.
    pub before: Option<Share>,
    /// The least that is asked of it, where something is.
    pub floor: Option<Percent>,
    /// Does it fall short of what is asked?
    pub falls_short: bool,
    /// Lines that can run and did not, in order.
    pub uncovered: Vec<RangeInclusive<u32>>,
}

/// The coverage of a change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PatchReport {
    /// Since what, as it was named.
    pub base: String,
    /// The changed lines that can run, and how many of them did.
    pub ratio: Ratio,
    /// What was said of it, a sentence.
    pub said: String,
    /// Does it fail?
    pub fails: bool,
    /// Uncovered changed lines with their source, by file.
    pub uncovered: Vec<PatchLines>,
    /// Changed Rust files that the measurer knows nothing of.
    pub unmeasured: Vec<Utf8PathBuf>,
}

/// Uncovered changed lines of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PatchLines {
    /// The file, relative to the workspace root.
    pub path: Utf8PathBuf,
    /// Number and text of each.
    pub lines: Vec<(u32, String)>,
}
