//! The measurement for people at a terminal.

use std::fmt::Write as _;

use console::measure_text_width;

use super::figures::{self, ROWS, Why};
use super::{CoverageReport, CoveredPart, PatchReport};
use crate::ratio::Points;
use crate::report::inert::{one_line, source_line};
use crate::report::terminal::{Look, Page, Tone, Verbosity};
use crate::report::words;

/// How many columns a bar takes.
const BAR: usize = 10;
/// Columns of a percentage.
const PERCENT: usize = 8;
/// Columns of a change.
const CHANGE: usize = 7;
/// How many columns of uncovered ranges a row has where nothing limits it.
const RANGES: usize = 60;
/// Less room for ranges is none.
const LEAST: usize = 12;
/// How many uncovered changed lines are shown.
const LINES: usize = 60;

/// The page: in quiet the verdict and what a failure needs, in verbose every file and every line.
#[must_use]
pub fn page(report: &CoverageReport, look: Look) -> String {
    let page = Page::of(look);
    let why = Why::of(report);
    let loud = if why.is_warning { page.ink.paint(Tone::Soft, "WARNING ") } else { String::new() };
    let mut out = page.flow(&format!("{}{loud}", page.status(tone(report.word), report.word)), &why.sentence);
    for reason in &why.further {
        out.push_str(&page.flow(&" ".repeat(page.indent()), &one_line(&reason.text)));
    }
    for warning in &why.warnings {
        out.push_str(&page.sentence(Tone::Soft, "WARNING", &one_line(&warning.text)));
    }
    if look.verbosity > Verbosity::Quiet {
        figures_of(&mut out, &page, report, look);
    }
    if let Some(patch) = &report.patch {
        changed(&mut out, &page, patch, look);
    }
    if look.verbosity > Verbosity::Quiet {
        beside(&mut out, &page, report);
    }
    for next in &why.next {
        out.push_str(&page.sentence(Tone::Note, "Next", &one_line(&next.text)));
    }
    out
}

fn tone(word: &str) -> Tone {
    match word {
        "PASS" => Tone::Good,
        "FAIL" => Tone::Bad,
        _ => Tone::Soft,
    }
}

fn figures_of(out: &mut String, page: &Page<()>, report: &CoverageReport, look: Look) {
    let totals: Vec<String> =
        report.totals.iter().map(|(metric, ratio)| format!("{metric} {}", figures::in_full(*ratio))).collect();
    if !totals.is_empty() {
        out.push_str(&page.sentence(Tone::Strong, "Covered", &totals.join(", ")));
    }
    if !report.counted.is_empty() {
        let counted = page.ink.paint(Tone::Dim, &one_line(&report.counted));
        out.push_str(&page.flow(&" ".repeat(page.indent()), &counted));
    }
    let most = if look.verbosity == Verbosity::Verbose { usize::MAX } else { ROWS };
    Table::of(&report.files, most).render(out, page, "Files");
    if report.packages.len() > 1 {
        Table::of(&report.packages, most).render(out, page, "Packages");
    }
}

/// Files or packages, a line each.
struct Table<'r> {
    all: Vec<&'r CoveredPart>,
    most: usize,
    with_changes: bool,
    /// Columns of the counts.
    counts: usize,
    /// Columns of the names.
    names: usize,
}

impl<'r> Table<'r> {
    fn of(parts: &'r [CoveredPart], most: usize) -> Self {
        let all = figures::worst_first(parts);
        let widest = |width: &dyn Fn(&CoveredPart) -> usize| all.iter().take(most).map(|part| width(part)).max();
        Self {
            counts: widest(&|part| figures::counts(part.ratio).len()).unwrap_or_default(),
            names: widest(&|part| measure_text_width(&one_line(&part.name))).unwrap_or_default(),
            with_changes: figures::have_changes(parts),
            most,
            all,
        }
    }

    fn render(&self, out: &mut String, page: &Page<()>, title: &str) {
        if self.all.is_empty() {
            return;
        }
        let count = words::thousands(self.all.len() as u64);
        let lines = self.all.iter().any(|part| !part.uncovered.is_empty()) && !page.is_narrow();
        let lines = if lines { ", worst first, and uncovered lines" } else { "" };
        out.push_str(&page.rule(&format!("{title} ({count}){lines}")));
        for part in self.all.iter().take(self.most) {
            if page.is_narrow() {
                self.card(out, page, part);
            } else {
                self.row(out, page, part);
            }
        }
        if let Some(more) = figures::more(&self.all, self.most) {
            let indent = " ".repeat(page.indent());
            out.push_str(&page.flow(&indent, &page.ink.paint(Tone::Dim, &format!("{more} (-v shows all)"))));
        }
    }

    /// ` 85.00 %   -0.10  ████████▌·  850/1,000  src/lib.rs  3-14, 20`.
    fn row(&self, out: &mut String, page: &Page<()>, part: &CoveredPart) {
        let percent = share(page, part, PERCENT);
        let change = if self.with_changes { format!(" {}", change(page, part, CHANGE)) } else { String::new() };
        let bar = page.ink.paint(Tone::Path, &figures::bar(part.ratio, BAR));
        let counts = format!("{:>width$}", figures::counts(part.ratio), width = self.counts);
        let head = format!("{percent}{change}  {bar}  {counts}  ");
        let taken = measure_text_width(&head);
        let room = page.columns.map_or(usize::MAX, |columns| columns.saturating_sub(taken).max(LEAST));
        let name = words::middle(&one_line(&part.name), room);
        let width = measure_text_width(&name);
        // Below each other where there is room for that, else directly behind the name.
        let column = if self.names.saturating_add(2 + LEAST) <= room { self.names } else { width };
        let note = note(page, part, room.saturating_sub(column.saturating_add(2)).min(RANGES));
        let padding = " ".repeat(if note.is_empty() { 0 } else { column.saturating_sub(width) + 2 });
        let _ = writeln!(out, "{head}{name}{padding}{note}");
    }

    /// The same where there is no room for columns: the name, and the figures below it.
    fn card(&self, out: &mut String, page: &Page<()>, part: &CoveredPart) {
        let columns = page.columns.unwrap_or(usize::MAX);
        let _ = writeln!(out, "{}", words::middle(&one_line(&part.name), columns));
        let indent = " ".repeat(page.indent());
        let percent = share(page, part, PERCENT);
        let change = if self.with_changes { format!(" {}", change(page, part, CHANGE)) } else { String::new() };
        let counts = format!("{:>width$}", figures::counts(part.ratio), width = self.counts);
        let bar = page.ink.paint(Tone::Path, &figures::bar(part.ratio, BAR));
        let line = format!("{percent}{change}  {counts}");
        let with_bar = format!("{indent}{bar} {line}");
        let _ = if page.fits(&with_bar) { writeln!(out, "{with_bar}") } else { writeln!(out, "{indent}{line}") };
        let note = note(page, part, columns.saturating_sub(indent.len()));
        if !note.is_empty() {
            let _ = writeln!(out, "{indent}{note}");
        }
    }
}

fn share<W>(page: &Page<W>, part: &CoveredPart, width: usize) -> String {
    let text = format!("{:>width$}", figures::percent(part.ratio));
    // Where there is no room to say why, a mark says that.
    if part.falls_short { page.ink.paint(Tone::Bad, &text.replacen(' ', "!", 1)) } else { text }
}

fn change<W>(page: &Page<W>, part: &CoveredPart, width: usize) -> String {
    let text = format!("{:>width$}", figures::change_cell(part));
    let tone = match figures::change(part) {
        Some(points) if points < Points::ZERO => Tone::Soft,
        Some(points) if points > Points::ZERO => Tone::Good,
        _ => Tone::Dim,
    };
    page.ink.paint(tone, &text)
}

/// What a part falls short of, else its uncovered lines, as far as there is room.
fn note<W>(page: &Page<W>, part: &CoveredPart, room: usize) -> String {
    if let Some(why) = figures::shortfall(part).filter(|why| why.chars().count() <= room) {
        return page.ink.paint(Tone::Bad, &why);
    }
    let ranges = if room < LEAST { String::new() } else { figures::ranges(&part.uncovered, room) };
    if ranges.is_empty() { ranges } else { page.ink.paint(Tone::Dim, &ranges) }
}

fn changed(out: &mut String, page: &Page<()>, patch: &PatchReport, look: Look) {
    if look.verbosity == Verbosity::Quiet && !patch.fails {
        return;
    }
    let room = page.columns.map_or(usize::MAX, |columns| columns.saturating_sub(page.indent()));
    out.push_str(&page.rule(&words::middle(&one_line(&format!("Changed since {}", patch.base)), room)));
    let word = figures::patch_word(patch);
    out.push_str(&page.sentence(tone(word), word, &one_line(&patch.said)));
    let most = if look.verbosity == Verbosity::Verbose { usize::MAX } else { LINES };
    let mut room = most;
    for file in &patch.uncovered {
        if room == 0 {
            break;
        }
        let path = words::middle(&one_line(file.path.as_str()), page.columns.unwrap_or(usize::MAX));
        let _ = writeln!(out, "{}", page.ink.paint(Tone::Path, &path));
        for (number, text) in file.lines.iter().take(room) {
            changed_line(out, page, *number, text);
        }
        room = room.saturating_sub(file.lines.len());
    }
    let all: usize = patch.uncovered.iter().map(|file| file.lines.len()).sum();
    let indent = " ".repeat(page.indent());
    if all > most {
        let more = format!("and {} (-v shows all)", words::count((all - most) as u64, "more line", "more lines"));
        out.push_str(&page.flow(&indent, &page.ink.paint(Tone::Dim, &more)));
    }
    for path in patch.unmeasured.iter().take(ROWS) {
        out.push_str(&page.sentence(Tone::Soft, "Unmeasured", &one_line(path.as_str())));
    }
    if patch.unmeasured.len() > ROWS {
        let more = format!("and {} more", words::thousands((patch.unmeasured.len() - ROWS) as u64));
        out.push_str(&page.flow(&indent, &page.ink.paint(Tone::Dim, &more)));
    }
}

/// `        12 │ let x = 1;`.
fn changed_line(out: &mut String, page: &Page<()>, number: u32, text: &str) {
    let width = page.indent().saturating_sub(1).max(5);
    let head = format!("{number:>width$} {} ", page.ink.paint(Tone::Bad, "│"));
    let room = page.columns.map_or(usize::MAX, |columns| columns.saturating_sub(measure_text_width(&head)));
    let text = source_line(text);
    let line = format!("{head}{}", console::truncate_str(&text, room, "…"));
    let _ = writeln!(out, "{}", line.trim_end());
}

/// What does not count, and what became of the ratchet.
fn beside(out: &mut String, page: &Page<()>, report: &CoverageReport) {
    let has_more = !report.left_out.is_empty() || report.ratchet.is_some();
    if has_more && (!report.files.is_empty() || report.patch.is_some()) {
        out.push_str(&page.rule(""));
    }
    for (what, amount) in &report.left_out {
        out.push_str(&page.sentence(Tone::Strong, "Left out", &one_line(&format!("{what}: {amount}"))));
    }
    if let Some(ratchet) = &report.ratchet {
        out.push_str(&page.sentence(Tone::Strong, "Ratchet", &one_line(ratchet)));
    }
}
