//! Annotations: what is said beside a line of the change, or beside the whole run.

use std::io::{self, Write};

use super::escape::{message_of_lines, property};
use super::sources::Place;
use crate::model::Severity;
use crate::report::words;

/// GitHub shows so many of a step at each level.
const MOST: usize = 10;

/// How much it weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Error,
    Warning,
    Notice,
}

impl Level {
    const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Notice];

    /// The command, and what several of it are called.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Error => ("error", "errors"),
            Self::Warning => ("warning", "warnings"),
            Self::Notice => ("notice", "notices"),
        }
    }
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Block => Self::Error,
            Severity::Warn => Self::Warning,
            Severity::Ignore => Self::Notice,
        }
    }
}

/// One thing that is said: its words are found once it is known to be among those that GitHub shows.
pub(super) struct Annotation<'a> {
    pub(super) level: Level,
    /// The id of the reason that it tells, where it is one's.
    pub(super) reason: Option<&'static str>,
    words: Box<dyn Fn() -> Words + 'a>,
}

/// What is said, and where. Its texts are as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) title: String,
    pub(super) text: String,
    /// Beside which line; none: beside the run.
    pub(super) at: Option<Place>,
}

impl<'a> Annotation<'a> {
    pub(super) fn new(level: impl Into<Level>, words: impl Fn() -> Words + 'a) -> Self {
        Self { level: level.into(), reason: None, words: Box::new(words) }
    }

    pub(super) fn tells(self, reason: &'static str) -> Self {
        Self { reason: Some(reason), ..self }
    }
}

impl Words {
    /// Beside the run.
    pub(super) fn new(title: &str, text: &str) -> Self {
        Self { title: title.to_owned(), text: text.to_owned(), at: None }
    }

    /// Beside a line.
    pub(super) fn at(self, place: Option<Place>) -> Self {
        Self { at: place, ..self }
    }

    fn command(&self, level: Level) -> String {
        let mut out = format!("::{} ", level.words().0);
        if let Some(Place { file, line, end, column }) = &self.at {
            out.push_str(&format!("file={},line={line},", property(file.as_str())));
            for (name, value) in [("endLine", end), ("col", column)] {
                out.push_str(&value.map(|value| format!("{name}={value},")).unwrap_or_default());
            }
        }
        format!("{out}title={}::{}", property(&self.title), message_of_lines(&self.text))
    }
}

/// Writes them, the heaviest first. Where there are more of a level than GitHub shows, the last one says how many.
pub(super) fn write(annotations: &[Annotation<'_>], title: &str, out: &mut dyn Write) -> io::Result<()> {
    for level in Level::ALL {
        let of_level: Vec<&Annotation<'_>> = annotations.iter().filter(|one| one.level == level).collect();
        let shown = if of_level.len() > MOST { MOST - 1 } else { MOST };
        for one in of_level.iter().take(shown) {
            writeln!(out, "{}", (one.words)().command(level))?;
        }
        let rest = of_level.len().saturating_sub(shown) as u64;
        if rest > 0 {
            let (one, many) = level.words();
            let more = words::count(rest, &format!("more {one}"), &format!("more {many}"));
            writeln!(out, "{}", Words::new(title, &format!("{more}, in the report")).command(level))?;
        }
    }
    Ok(())
}
