//! The paper: statuses in a right-aligned column, colours, lines that never tear.

use std::io;

use console::Style;
use indicatif::MultiProgress;

use super::Look;
use crate::model::TestKey;
use crate::report::inert::one_line;
use crate::report::words;

/// Columns of the status, and the space behind it.
pub(in crate::report) const MARGIN: usize = 13;
/// In a window that is narrower, nothing is aligned: the room is for the names.
const NARROW: usize = 60;
/// Columns of a row's name there, and the space behind it.
const ROW: usize = 10;

/// How something is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Tone {
    Good,
    Bad,
    Soft,
    Note,
    Dim,
    Strong,
    Package,
    Path,
}

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub(in crate::report) struct Ink {
    pub(in crate::report) color: bool,
}

impl Ink {
    pub(in crate::report) fn paint(self, tone: Tone, text: &str) -> String {
        let style = match tone {
            Tone::Good => Style::new().green().bold(),
            Tone::Bad => Style::new().red().bold(),
            Tone::Soft => Style::new().yellow().bold(),
            Tone::Note => Style::new().cyan().bold(),
            Tone::Dim => Style::new().dim(),
            Tone::Strong => Style::new().bold(),
            Tone::Package => Style::new().magenta(),
            Tone::Path => Style::new().cyan(),
        };
        style.force_styling(self.color).apply_to(text).to_string()
    }

    /// A key, whole unless it is absurdly long, with the test's own name standing out.
    pub(in crate::report) fn key(self, key: &TestKey) -> String {
        let binary = one_line(&key.binary.to_string());
        // Only what begins a line speaks to a CI service: behind its binary a name stays as it is.
        let whole = one_line(&key.to_string());
        let name = whole.strip_prefix(&format!("{binary}::")).unwrap_or(&whole);
        let name = words::middle(name, words::LONGEST_NAME);
        let (path, own) = name.rfind("::").map_or(("", name.as_str()), |at| name.split_at(at + 2));
        let (path, own) = if key.binary.kind == crate::model::Kind::Doc { ("", name.as_str()) } else { (path, own) };
        let path = if path.is_empty() { String::new() } else { self.paint(Tone::Path, path) };
        format!("{}::{path}{}", self.paint(Tone::Package, &binary), self.paint(Tone::Strong, own))
    }
}

/// A status at the right of so many columns, with the space behind it.
pub(in crate::report) fn status(ink: Ink, tone: Tone, word: &str, columns: usize) -> String {
    // Padded before it is painted: escapes have no width.
    let padding = " ".repeat(columns.saturating_sub(word.chars().count()));
    let word = if word.is_empty() { String::new() } else { ink.paint(tone, word) };
    format!("{padding}{word}{}", if columns == 0 && word.is_empty() { "" } else { " " })
}

/// Where lines go. Each [`Page::print`] is one piece: the progress line makes room for it and comes back below.
pub(in crate::report) struct Page<W> {
    pub(in crate::report) ink: Ink,
    pub(in crate::report) columns: Option<usize>,
    writer: W,
    bars: Option<MultiProgress>,
}

impl<W: io::Write> Page<W> {
    pub(in crate::report) const fn new(writer: W, ink: Ink, columns: Option<usize>) -> Self {
        Self { ink, columns, writer, bars: None }
    }

    pub(in crate::report) fn share_with(&mut self, bars: MultiProgress) {
        self.bars = Some(bars);
    }

    /// Prints whole lines. A terminal that is gone is nobody's failure: the verdict stands without its readers.
    pub(in crate::report) fn print(&mut self, lines: &str) {
        let writer = &mut self.writer;
        let mut write = || {
            let _ = writer.write_all(lines.as_bytes()).and_then(|()| writer.flush());
        };
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }
}

impl Page<()> {
    /// A page that is only laid out: what it gives is printed elsewhere.
    pub(in crate::report) const fn of(look: Look) -> Self {
        Self { ink: Ink { color: look.color }, columns: look.columns, writer: (), bars: None }
    }
}

impl<W> Page<W> {
    pub(in crate::report) fn is_narrow(&self) -> bool {
        self.columns.is_some_and(|columns| columns < NARROW)
    }

    /// How far text stands in: below the statuses, or at the left where there is no room.
    pub(in crate::report) fn indent(&self) -> usize {
        if self.is_narrow() { 4 } else { MARGIN }
    }

    /// A status in its column, with the space behind it.
    pub(in crate::report) fn status(&self, tone: Tone, word: &str) -> String {
        status(self.ink, tone, word, if self.is_narrow() { 0 } else { MARGIN - 1 })
    }

    /// A test's line: what became of it, after how long, and a remark.
    pub(in crate::report) fn test(&self, tone: Tone, word: &str, time: &str, key: &TestKey, remark: &str) -> String {
        let remark = if remark.is_empty() { String::new() } else { self.ink.paint(Tone::Dim, &format!(" ({remark})")) };
        format!("{}{} {}{remark}\n", self.status(tone, word), self.bracket(time), self.ink.key(key))
    }

    /// A time in its column.
    pub(in crate::report) fn bracket(&self, time: &str) -> String {
        let width = if self.is_narrow() { 0 } else { 9 };
        format!("[{time:>width$}]")
    }

    /// A line that begins something new.
    pub(in crate::report) fn rule(&self, title: &str) -> String {
        let dashes = self.ink.paint(Tone::Dim, &"─".repeat(self.indent() - 1));
        if title.is_empty() {
            format!("{dashes}\n")
        } else {
            format!("{dashes} {}\n", self.ink.paint(Tone::Strong, title))
        }
    }

    /// A status and a sentence that goes on below itself where it is too long.
    pub(in crate::report) fn sentence(&self, tone: Tone, word: &str, text: &str) -> String {
        self.flow(&self.status(tone, word), text)
    }

    /// A test and what is said of it: on one line where there is room, else below it.
    pub(in crate::report) fn entry(&self, tone: Tone, word: &str, key: &TestKey, text: &str) -> String {
        let head = format!("{}{}", self.status(tone, word), self.ink.key(key));
        let line = if text.is_empty() { head.clone() } else { format!("{head}  {text}") };
        if text.is_empty() || self.fits(&line) {
            return format!("{line}\n");
        }
        let indent = self.indent() + 2;
        format!("{head}\n{}", self.flow_at(&" ".repeat(indent), text, indent))
    }

    /// Does it fit on one line?
    pub(in crate::report) fn fits(&self, line: &str) -> bool {
        self.columns.is_none_or(|columns| console::measure_text_width(line) <= columns)
    }

    /// How far a row of marks stands in: so far that rows of several names begin in one column.
    pub(in crate::report) fn row_indent(&self) -> usize {
        if self.is_narrow() { ROW } else { MARGIN }
    }

    /// A row of marks or bars, which is as wide as it is.
    pub(in crate::report) fn row(&self, word: &str, row: &str) -> String {
        format!("{}{row}\n", status(self.ink, Tone::Strong, word, self.row_indent() - 1))
    }

    /// Text behind a prefix, wrapped between words.
    pub(in crate::report) fn flow(&self, prefix: &str, text: &str) -> String {
        self.flow_at(prefix, text, self.indent())
    }

    /// The same, with the column at which the further lines begin.
    pub(in crate::report) fn flow_at(&self, prefix: &str, text: &str, indent: usize) -> String {
        let Some(columns) = self.columns else {
            return format!("{prefix}{text}\n");
        };
        let first = columns.saturating_sub(console::measure_text_width(prefix)).max(12);
        let lines = words::wrap(text, first, columns.saturating_sub(indent).max(20));
        format!("{prefix}{}\n", lines.join(&format!("\n{}", " ".repeat(indent))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_as_it_is_written_unless_it_is_absurdly_long() {
        let shown = |key: &str| Ink { color: false }.key(&key.parse().unwrap());
        for key in ["app/app::math::adds", "app/test:db::::error::boo"] {
            assert_eq!(shown(key), key);
        }
        let long = shown(&format!("app/app::{}", "x".repeat(10_000)));
        assert_eq!(console::measure_text_width(&long), "app/app::".len() + words::LONGEST_NAME);
    }
}
