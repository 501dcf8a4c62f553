//! How text is written in a workflow command, so that GitHub reads no more into it than its characters.

use crate::report::inert::one_line;

/// A message: on one line, with what a command would read as an escape.
pub(super) fn message(text: &str) -> String {
    one_line(text).replace('%', "%25")
}

/// A message of several lines.
pub(super) fn message_of_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(message).collect();
    lines.join("%0A")
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
