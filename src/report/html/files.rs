//! What is covered of each file, and the source of those that are not wholly covered.

use std::cmp::Reverse;
use std::ops::RangeInclusive;

use maud::{Markup, html};

use super::shown;
use super::table::{Column, number, table, text};
use crate::report::coverage::figures;
use crate::report::inert::source_line;
use crate::report::retrospect::CoveredFile;
use crate::report::words;

/// How many files the table has.
const ROWS: usize = 500;
/// How many characters of uncovered ranges a row has.
const RANGES: usize = 60;
/// How many uncovered ranges of a file can be gone to.
const LINKS: usize = 40;
/// How many bytes all sources may take: with the largest history that a page must bear, it stays below 5 MB.
const ALL_SOURCES: usize = 2_500_000;
/// How many of them one file may take: one that was generated leaves room for those that were written.
const ONE_SOURCE: usize = 300_000;
/// Longer lines are cut.
const LONGEST_LINE: usize = 400;

/// The table of files, the one with the most that is uncovered first, and their sources.
pub(super) fn render(files: &[CoveredFile]) -> Markup {
    let mut files: Vec<&CoveredFile> = files.iter().collect();
    files.sort_by_key(|file| (Reverse(file.total.saturating_sub(file.covered)), &file.path));
    let sources = Sources::of(&files);
    let unfinished = files.iter().filter(|file| file.covered < file.total).count() as u64;
    html! {
        p.lead {
            (words::count(files.len() as u64, "file was", "files were")) " measured last; "
            @if unfinished == 0 { "all are wholly covered." }
            @else { (words::thousands(unfinished)) @if unfinished == 1 { " is" } @else { " are" } " not wholly covered." }
        }
        (listed(&files, &sources))
        @if !sources.shown.is_empty() {
            h3 { "Source" }
            p.hint { "A cross and a bar mark the lines that no test ran." }
            ul.sources {
                @for (at, source) in &sources.shown {
                    @if let Some(file) = files.get(*at) { li { (opened(*at, file, source)) } }
                }
            }
        }
        @if sources.left_out > 0 {
            p.more {
                "The source of " (words::count(sources.left_out, "more file", "more files"))
                " is left out, so that this page stays small."
            }
        }
    }
}

/// The sources that there is room for, by their files' places.
struct Sources {
    shown: Vec<(usize, Markup)>,
    left_out: u64,
}

impl Sources {
    /// The worst files come first, and the room is theirs.
    fn of(files: &[&CoveredFile]) -> Self {
        let mut sources = Self { shown: Vec::new(), left_out: 0 };
        let mut room = ALL_SOURCES;
        for (at, file) in files.iter().enumerate() {
            let worth_a_look = |lines: &&Vec<String>| !lines.is_empty() && !file.uncovered.is_empty();
            let Some(lines) = file.source.as_ref().filter(worth_a_look) else { continue };
            // Escaping makes no text shorter: what cannot fit is not written at all.
            let least: usize = lines.iter().map(|line| line.len().min(LONGEST_LINE)).sum();
            let source = (least <= room.min(ONE_SOURCE)).then(|| marked(at, lines, &file.uncovered));
            match source.filter(|source| source.0.len() <= room.min(ONE_SOURCE)) {
                Some(source) => {
                    room -= source.0.len();
                    sources.shown.push((at, source));
                }
                None => sources.left_out += 1,
            }
        }
        sources
    }

    fn has(&self, at: usize) -> bool {
        self.shown.binary_search_by_key(&at, |(at, _)| *at).is_ok()
    }
}

fn listed(files: &[&CoveredFile], sources: &Sources) -> Markup {
    let columns = [
        Column::Text("File"),
        Column::Number("Covered"),
        Column::Number("Not covered"),
        Column::Number("Of"),
        Column::Drawing("Share"),
    ];
    let rows = files.iter().enumerate().take(ROWS).map(|(at, file)| {
        let uncovered = file.total.saturating_sub(file.covered);
        let share = (u128::from(file.covered) * 1_000_000).checked_div(u128::from(file.total));
        let ranges = figures::ranges(&file.uncovered, RANGES);
        let path = shown::name(&file.path);
        vec![
            text(html! {
                @if sources.has(at) { a.key href={ "#file-" (at) } { (path) } } @else { span.key { (path) } }
                @if !ranges.is_empty() { span.because { "lines " (ranges) } }
            }),
            number(shown::percent(file.covered, file.total), share.unwrap_or(1_000_000)),
            number(words::thousands(uncovered), uncovered),
            number(words::thousands(file.total), file.total),
            text(bar(file)),
        ]
    });
    html! {
        (table("What is covered of each file", &columns, rows))
        @if files.len() > ROWS {
            p.more { "and " (words::thousands((files.len() - ROWS) as u64)) " more, with less that is not covered" }
        }
    }
}

/// A bar as long as the share: never full where a line is missing.
fn bar(file: &CoveredFile) -> Markup {
    let width = (u128::from(file.covered) * 100).checked_div(u128::from(file.total)).unwrap_or_default().min(100);
    html! {
        svg.share viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            path.rest d="M0 3h100v2h-100z" {}
            path.passed d={ "M0 0h" (width) "v8h-" (width) "z" } {}
        }
    }
}

fn opened(at: usize, file: &CoveredFile, source: &Markup) -> Markup {
    html! {
        details {
            summary {
                span.key { (shown::name(&file.path)) }
                " " span.outcome {
                    (words::thousands(file.total.saturating_sub(file.covered))) " of " (words::thousands(file.total))
                    " not covered"
                }
            }
            // What an address leads to inside of it opens it.
            p.lines #{ "file-" (at) } {
                "Not covered: "
                @for (number, lines) in file.uncovered.iter().take(LINKS).enumerate() {
                    @if number > 0 { ", " }
                    a href={ "#file-" (at) "-" (lines.start()) } { (figures::span(lines)) }
                }
                @if file.uncovered.len() > LINKS {
                    " and " (words::thousands((file.uncovered.len() - LINKS) as u64)) " more"
                }
            }
            pre.source role="group" tabindex="0" aria-label={ "source of " (shown::name(&file.path)) } { code { (source) } }
        }
    }
}

/// The lines with their numbers, each uncovered range as one mark. What is drawn as a bar is written as a cross too.
fn marked(at: usize, lines: &[String], uncovered: &[RangeInclusive<u32>]) -> Markup {
    let start_of_range = |number: u32| {
        let range = uncovered.get(uncovered.partition_point(|range| *range.end() < number))?;
        range.contains(&number).then_some(*range.start())
    };
    let numbered: Vec<(u32, &String)> = (1..).zip(lines).collect();
    let width = lines.len().to_string().len();
    html! {
        @for run in numbered.chunk_by(|(a, _), (b, _)| start_of_range(*a) == start_of_range(*b)) {
            @match run.first().and_then(|(number, _)| start_of_range(*number)) {
                Some(start) => mark id={ "file-" (at) "-" (start) } { (text_of(run, width, '✗')) }
                None => (text_of(run, width, ' ')),
            }
        }
    }
}

fn text_of(lines: &[(u32, &String)], width: usize, sign: char) -> String {
    let mut out = String::new();
    for (number, line) in lines {
        let line = source_line(line);
        let line =
            if line.len() > LONGEST_LINE { console::truncate_str(&line, LONGEST_LINE, "…") } else { line.into() };
        out.push_str(format!("{number:>width$} {sign} {line}").trim_end());
        out.push('\n');
    }
    out
}
