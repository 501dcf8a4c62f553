//! `coverage-report.md`: the verdict for machines in its head, the figures for people in its body.

use std::fmt::Write as _;

use super::figures::{self, ROWS, Why};
use super::{CoverageReport, CoveredPart, PatchLines, PatchReport};
use crate::report::inert::{one_line, source_line};
use crate::report::markup::{code, fenced, prose};
use crate::report::words;

/// How many columns a bar takes.
const BAR: usize = 10;
/// How many characters of uncovered ranges a row has.
const RANGES: usize = 48;
/// How many uncovered changed lines are shown.
const LINES: usize = 100;
/// How many characters a line of source has.
const LINE: usize = 200;

/// The artifact.
#[must_use]
pub fn coverage_report(report: &CoverageReport) -> String {
    format!("{}\n{}", report.head.front_matter().render(), comment(report))
}

/// The artifact without its head, as a pull request's comment or a step's summary has it.
#[must_use]
pub fn comment(report: &CoverageReport) -> String {
    let why = Why::of(report);
    let loud = if why.is_warning { "> **WARNING** " } else { "" };
    let mut out = format!("# Coverage: {}\n\n{loud}{}\n", report.word, prose(&why.sentence));
    for reason in &why.further {
        let _ = writeln!(out, "\n{}", prose(&reason.text));
    }
    for warning in &why.warnings {
        let _ = writeln!(out, "\n> **WARNING** {}", prose(&warning.text));
    }
    for next in &why.next {
        let _ = writeln!(out, "\n**Next:** {}", prose(&next.text));
    }
    totals(&mut out, report);
    if let Some(ratchet) = &report.ratchet {
        let _ = writeln!(out, "\n{}", prose(ratchet));
    }
    if let Some(patch) = &report.patch {
        changed(&mut out, patch);
    }
    let files: Vec<&CoveredPart> = figures::worst_first(&report.files);
    table(&mut out, "Files", "file", &files, figures::have_changes(&report.files));
    if report.packages.len() > 1 {
        let packages: Vec<&CoveredPart> = report.packages.iter().collect();
        table(&mut out, "Packages", "package", &packages, figures::have_changes(&report.packages));
    }
    left_out(&mut out, report);
    out
}

fn totals(out: &mut String, report: &CoverageReport) {
    if !report.totals.is_empty() {
        out.push_str("\n| | covered | | |\n|---|---:|---:|---|\n");
    }
    for (metric, ratio) in &report.totals {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            prose(metric),
            figures::counts(*ratio),
            figures::percent(*ratio),
            code(&figures::bar(*ratio, BAR)),
        );
    }
    if !report.counted.is_empty() {
        let _ = writeln!(out, "\n{}", prose(&report.counted));
    }
}

/// A table of parts; none where there are none.
fn table(out: &mut String, title: &str, what: &str, parts: &[&CoveredPart], with_changes: bool) {
    if parts.is_empty() {
        return;
    }
    let count = words::thousands(parts.len() as u64);
    let lines = parts.iter().any(|part| !part.uncovered.is_empty());
    let head = |cell: &'static str, there: bool| if there { cell } else { "" };
    let _ = writeln!(
        out,
        "\n## {title} ({count})\n\n| {what} | covered | |{} |{}\n|---|---:|---:|{}---|{}",
        head(" change |", with_changes),
        head(" not covered |", lines),
        head("---:|", with_changes),
        head("---|", lines),
    );
    for part in parts.iter().take(ROWS) {
        let name = code(&part.name);
        let name = figures::shortfall(part).map_or_else(|| name.clone(), |why| format!("{name} **{}**", prose(&why)));
        let (counts, percent) = (figures::counts(part.ratio), figures::percent(part.ratio));
        let change = if with_changes { format!(" {} |", figures::change_cell(part)) } else { String::new() };
        let bar = code(&figures::bar(part.ratio, BAR));
        let ranges = if lines { format!(" {} |", figures::ranges(&part.uncovered, RANGES)) } else { String::new() };
        let _ = writeln!(out, "| {name} | {counts} | {percent} |{change} {bar} |{ranges}");
    }
    if let Some(more) = figures::more(parts, ROWS) {
        let _ = writeln!(out, "\n{more}");
    }
}

fn changed(out: &mut String, patch: &PatchReport) {
    let (base, word) = (code(&patch.base), figures::patch_word(patch));
    let _ = writeln!(out, "\n## Changed since {base}: {word}\n\n{}", prose(&patch.said));
    let mut room = LINES;
    for file in &patch.uncovered {
        if room == 0 {
            break;
        }
        let shown = file.lines.get(..room).unwrap_or(&file.lines);
        room -= shown.len();
        let _ = write!(out, "\n{}, not covered:\n\n{}", code(file.path.as_str()), fenced(&numbered(shown)));
    }
    let all: usize = patch.uncovered.iter().map(|file: &PatchLines| file.lines.len()).sum();
    if all > LINES {
        let more = words::count((all - LINES) as u64, "more line", "more lines");
        let _ = writeln!(out, "\nand {more} that {} not covered", if all - LINES == 1 { "is" } else { "are" });
    }
    if !patch.unmeasured.is_empty() {
        out.push_str("\nChanged, and not measured:\n\n");
    }
    for path in patch.unmeasured.iter().take(ROWS) {
        let _ = writeln!(out, "- {}", code(path.as_str()));
    }
    if patch.unmeasured.len() > ROWS {
        let _ = writeln!(out, "\nand {} more", words::thousands((patch.unmeasured.len() - ROWS) as u64));
    }
}

/// Lines with their numbers in front, right-aligned.
fn numbered(lines: &[(u32, String)]) -> String {
    let width = lines.iter().map(|(line, _)| line.to_string().len()).max().unwrap_or_default();
    let one = |(line, text): &(u32, String)| {
        let text = source_line(text);
        format!("{line:>width$} | {}", console::truncate_str(&text, LINE, "…")).trim_end().to_owned()
    };
    lines.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn left_out(out: &mut String, report: &CoverageReport) {
    if report.left_out.is_empty() {
        return;
    }
    out.push_str("\n## Left out\n\n");
    for (what, amount) in &report.left_out {
        let _ = writeln!(out, "- {}: {}", prose(what), prose(&one_line(amount)));
    }
}
