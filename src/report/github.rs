//! GitHub's workflow commands: how what is said beside a change is written, and how much of it.

use std::io::{self, Write};

use super::inert::one_line;

/// GitHub shows so many of a step at each level.
const MOST: usize = 10;

/// Writes the commands of one level; where there are too many the last one shown says what is left.
pub(super) fn capped(out: &mut dyn Write, commands: &[String], more: impl Fn(u64) -> String) -> io::Result<()> {
    let shown = if commands.len() > MOST { MOST - 1 } else { MOST };
    for command in commands.iter().take(shown) {
        writeln!(out, "{command}")?;
    }
    match commands.len().saturating_sub(shown) {
        0 => Ok(()),
        rest => writeln!(out, "{}", more(rest as u64)),
    }
}

/// A message: on one line, with what a command would read as an escape.
pub(super) fn message(text: &str) -> String {
    one_line(text).replace('%', "%25")
}

/// A property: what would end it as well. What it holds is a path that GitHub looks up: every character of it counts.
pub(super) fn property(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%25"),
            '\r' => out.push_str("%0D"),
            '\n' => out.push_str("%0A"),
            ':' => out.push_str("%3A"),
            ',' => out.push_str("%2C"),
            c => one_line(c.encode_utf8(&mut [0; 4])).chars().for_each(|c| out.push(c)),
        }
    }
    // A second command in the middle of a line is none, but for this one of old.
    out.replace("##[", "## [")
}
