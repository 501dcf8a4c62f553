//! The measurement as one JSON document.
//!
//! Percentages are numbers with at most four decimals, floored as people read them; whoever compares takes `covered`
//! and `total`, which are exact.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use camino::Utf8Path;
use serde::Serialize;

use super::{CoverageReport, CoveredPart, PatchReport, figures};
use crate::model::Reason;
use crate::ratio::{Percent, Points, Ratio, Share};
use crate::report::json::Head;

/// The document of `cargo gate coverage --format json`.
#[derive(Clone, Debug, Serialize)]
pub struct CoverageDocument<'r> {
    #[serde(flatten)]
    head: &'r Head,
    coverage: Coverage<'r>,
}

/// The document of a run and of what it covered.
#[must_use]
pub fn document<'r>(head: &'r Head, report: &'r CoverageReport) -> CoverageDocument<'r> {
    CoverageDocument { head, coverage: Coverage::of(report) }
}

/// What that document says of what was covered, for whoever says it among other things.
#[must_use]
pub fn section(report: &CoverageReport) -> impl Serialize + '_ {
    Coverage::of(report)
}

#[derive(Clone, Debug, Serialize)]
struct Coverage<'r> {
    status: &'r str,
    reason: &'r str,
    policy: &'r str,
    metric: &'r str,
    covered: Option<u64>,
    total: Option<u64>,
    percent: Option<f64>,
    floor: f64,
    epsilon: f64,
    baseline: Option<Baseline<'r>>,
    delta: f64,
    reasons: &'r [Reason],
    warnings: &'r [Reason],
    counting: Option<&'r str>,
    totals: BTreeMap<&'r str, Figure>,
    packages: Vec<Package<'r>>,
    files: Vec<File<'r>>,
    patch: Option<Patch<'r>>,
    left_out: Vec<LeftOut<'r>>,
    ratchet: Option<&'r str>,
    commit: Option<&'r str>,
    tools: &'r str,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Figure {
    covered: u64,
    total: u64,
    percent: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
struct Baseline<'r> {
    #[serde(flatten)]
    was: Was,
    commit: Option<&'r str>,
}

/// A figure of which possibly only the percentage is known.
#[derive(Clone, Copy, Debug, Serialize)]
struct Was {
    covered: Option<u64>,
    total: Option<u64>,
    percent: f64,
}

#[derive(Clone, Debug, Serialize)]
struct Package<'r> {
    name: &'r str,
    #[serde(flatten)]
    part: Part,
}

#[derive(Clone, Debug, Serialize)]
struct File<'r> {
    path: &'r str,
    #[serde(flatten)]
    part: Part,
    /// First and last line of each range.
    uncovered: Vec<(u32, u32)>,
}

#[derive(Clone, Debug, Serialize)]
struct Part {
    #[serde(flatten)]
    figure: Figure,
    baseline: Option<Was>,
    delta: Option<f64>,
    floor: Option<f64>,
    falls_short: bool,
}

#[derive(Clone, Debug, Serialize)]
struct Patch<'r> {
    base: &'r str,
    status: &'static str,
    reason: &'r str,
    #[serde(flatten)]
    figure: Figure,
    files: Vec<PatchFile<'r>>,
    unmeasured: Vec<&'r Utf8Path>,
}

#[derive(Clone, Debug, Serialize)]
struct PatchFile<'r> {
    path: &'r Utf8Path,
    uncovered: Vec<Line<'r>>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Line<'r> {
    line: u32,
    text: &'r str,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct LeftOut<'r> {
    what: &'r str,
    amount: &'r str,
}

impl<'r> Coverage<'r> {
    fn of(report: &'r CoverageReport) -> Self {
        let head = &report.head;
        let counted = head.measured.and_then(Share::counted);
        Self {
            status: report.word,
            reason: &head.reason,
            policy: &head.policy,
            metric: &head.metric,
            covered: counted.map(Ratio::covered),
            total: counted.map(Ratio::total),
            percent: head.measured.map(share),
            floor: percent(head.floor),
            epsilon: percent(head.epsilon),
            baseline: report.baseline.as_ref().map(|(share, commit)| Baseline::of(*share, commit.as_deref())),
            delta: points(head.delta),
            reasons: &report.reasons,
            warnings: &report.warnings,
            counting: head.counting.as_deref(),
            totals: report.totals.iter().map(|(metric, ratio)| (*metric, Figure::of(*ratio))).collect(),
            packages: report
                .packages
                .iter()
                .map(|package| Package { name: &package.name, part: Part::of(package) })
                .collect(),
            files: report.files.iter().map(File::of).collect(),
            patch: report.patch.as_ref().map(Patch::of),
            left_out: report.left_out.iter().map(|(what, amount)| LeftOut { what, amount }).collect(),
            ratchet: report.ratchet.as_deref(),
            commit: head.commit.as_deref(),
            tools: &head.tools,
        }
    }
}

impl Figure {
    fn of(ratio: Ratio) -> Self {
        Self { covered: ratio.covered(), total: ratio.total(), percent: floored(ratio) }
    }
}

impl<'r> Baseline<'r> {
    fn of(share: Share, commit: Option<&'r str>) -> Self {
        Self { was: Was::of(share), commit }
    }
}

impl Was {
    fn of(share: Share) -> Self {
        let counted = share.counted();
        let percent = self::share(share);
        Self { covered: counted.map(Ratio::covered), total: counted.map(Ratio::total), percent }
    }
}

impl<'r> File<'r> {
    fn of(part: &'r CoveredPart) -> Self {
        let ends = |lines: &RangeInclusive<u32>| (*lines.start(), *lines.end());
        Self { path: &part.name, part: Part::of(part), uncovered: part.uncovered.iter().map(ends).collect() }
    }
}

impl Part {
    fn of(part: &CoveredPart) -> Self {
        Self {
            figure: Figure::of(part.ratio),
            baseline: part.before.map(Was::of),
            delta: figures::change(part).map(points),
            floor: part.floor.map(percent),
            falls_short: part.falls_short,
        }
    }
}

impl<'r> Patch<'r> {
    fn of(patch: &'r PatchReport) -> Self {
        let lines = |lines: &'r [(u32, String)]| lines.iter().map(|(line, text)| Line { line: *line, text }).collect();
        let files = patch.uncovered.iter();
        Self {
            base: &patch.base,
            status: figures::patch_word(patch),
            reason: &patch.said,
            figure: Figure::of(patch.ratio),
            files: files.map(|file| PatchFile { path: &file.path, uncovered: lines(&file.lines) }).collect(),
            unmeasured: patch.unmeasured.iter().map(AsRef::as_ref).collect(),
        }
    }
}

/// A quotient of two integers is the nearest float to its decimals, and is written with just these.
fn percent(percent: Percent) -> f64 {
    f64::from(percent.ten_thousandths()) / 10_000.0
}

fn points(points: Points) -> f64 {
    f64::from(points.hundredths()) / 100.0
}

/// Of nothing there is no share.
fn floored(ratio: Ratio) -> Option<f64> {
    (!ratio.is_empty()).then(|| percent(ratio.floored()))
}

/// Counts floored to two decimals; a bare percentage with all that it was given with.
fn share(share: Share) -> f64 {
    percent(match share {
        Share::Counted(ratio) => ratio.floored(),
        Share::Percent(percent) => percent,
    })
}
