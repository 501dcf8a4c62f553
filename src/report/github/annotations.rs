//! Annotations: what is said beside a line of the change, or beside the whole run.

use std::io::{self, Write};

use super::escape::{message_of_lines, property};
use super::sources::Place;
use crate::report::words;

/// GitHub shows so many of a step at each level.
const MOST: usize = 10;

/// How much it weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Level {
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

/// One thing that is said. Its texts are as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::report) struct Annotation {
    pub(in crate::report) level: Level,
    pub(in crate::report) title: String,
    pub(in crate::report) text: String,
    /// Beside which line; none: beside the run.
    pub(in crate::report) at: Option<Place>,
}

impl Annotation {
    /// Beside the run.
    pub(in crate::report) fn new(level: Level, title: &str, text: &str) -> Self {
        Self { level, title: title.to_owned(), text: text.to_owned(), at: None }
    }

    /// Beside a line.
    pub(in crate::report) fn at(self, place: Option<Place>) -> Self {
        Self { at: place, ..self }
    }

    fn command(&self) -> String {
        let mut out = format!("::{} ", self.level.words().0);
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
pub(super) fn write(annotations: &[Annotation], title: &str, out: &mut dyn Write) -> io::Result<()> {
    for level in Level::ALL {
        let of_level: Vec<&Annotation> = annotations.iter().filter(|one| one.level == level).collect();
        let shown = if of_level.len() > MOST { MOST - 1 } else { MOST };
        for one in of_level.iter().take(shown) {
            writeln!(out, "{}", one.command())?;
        }
        let rest = of_level.len().saturating_sub(shown) as u64;
        if rest > 0 {
            let (one, many) = level.words();
            let more = words::count(rest, &format!("more {one}"), &format!("more {many}"));
            writeln!(out, "{}", Annotation::new(level, title, &format!("{more}, in the report")).command())?;
        }
    }
    Ok(())
}
