//! What a step prints: all of it in its log, the rest within bounds.

use std::borrow::Cow;
use std::io::{self, Write};

use camino::Utf8Path;
use fs_err::File;
use memchr::memchr2;

use crate::config::word_without_passwords;
use crate::event::Stream;
use crate::sys::process::Launch;

/// The most of stdout that is kept for who reads it.
const KEPT_STDOUT: usize = 64 * 1024 * 1024;

/// The last so many bytes are kept.
const KEPT_END: usize = 16 * 1024;

/// A longer line is told up to here.
const LONGEST_LINE: usize = 4 * 1024;

/// Takes down what one process prints.
#[derive(Debug)]
pub(super) struct Transcript {
    log: File,
    /// Why the log is not whole.
    pub(super) log_trouble: Option<io::Error>,
    stdout_lines: Lines,
    stderr_lines: Lines,
    end: Vec<u8>,
    pub(super) stdout: Vec<u8>,
    keeps_stdout: bool,
}

impl Transcript {
    /// Begins a log, in the place of what was there, with what runs and where; the environment is nobody's business.
    pub(super) fn begin(log: &Utf8Path, launch: &Launch, keeps_stdout: bool) -> io::Result<Self> {
        if let Some(dir) = log.parent() {
            fs_err::create_dir_all(dir)?;
        }
        let mut log = File::create(log)?;
        log.write_all(head(launch).as_bytes())?;
        Ok(Self {
            log,
            log_trouble: None,
            stdout_lines: Lines::default(),
            stderr_lines: Lines::default(),
            end: Vec::new(),
            stdout: Vec::new(),
            keeps_stdout,
        })
    }

    /// Takes what was printed. A log that cannot be written any more does not end the step.
    pub(super) fn take(&mut self, stream: Stream, bytes: &[u8], on_line: &mut dyn FnMut(&str)) {
        if self.log_trouble.is_none() {
            self.log_trouble = self.log.write_all(bytes).err();
        }
        self.end.extend_from_slice(bytes);
        if self.end.len() > 2 * KEPT_END {
            self.end.drain(..self.end.len() - KEPT_END);
        }
        match stream {
            Stream::Stdout => {
                if self.keeps_stdout {
                    let room = KEPT_STDOUT.saturating_sub(self.stdout.len());
                    self.stdout.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
                }
                self.stdout_lines.feed(bytes, on_line);
            }
            Stream::Stderr => self.stderr_lines.feed(bytes, on_line),
        }
    }

    /// Adds a line of the gate's own to the log.
    pub(super) fn note(&mut self, line: &str) {
        if self.log_trouble.is_none() {
            self.log_trouble = writeln!(self.log, "{line}").err();
        }
    }

    /// Tells lines that were not ended.
    pub(super) fn flush(&mut self, on_line: &mut dyn FnMut(&str)) {
        self.stdout_lines.flush(on_line);
        self.stderr_lines.flush(on_line);
    }

    /// The last of what was printed, on both streams, as it came.
    pub(super) fn last_words(&self) -> String {
        let from = self.end.len().saturating_sub(KEPT_END);
        String::from_utf8_lossy(self.end.get(from..).unwrap_or_default()).into_owned()
    }
}

/// The log's first line.
fn head(launch: &Launch) -> String {
    let word = |word: &std::ffi::OsString| {
        let word = word_without_passwords(&word.to_string_lossy());
        let is_plain = !word.is_empty() && word.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '"');
        if is_plain { word } else { format!("{word:?}") }
    };
    let argv: Vec<String> = std::iter::once(&launch.program).chain(&launch.args).map(word).collect();
    format!("$ {}  # in {}\n", argv.join(" "), word(&launch.cwd.clone().into_os_string()))
}

/// The last so many characters of a text.
pub(super) fn last_chars(text: &str, count: usize) -> &str {
    let from = text.char_indices().rev().nth(count.saturating_sub(1)).map_or(0, |(at, _)| at);
    text.get(from..).unwrap_or_default()
}

/// Cuts one stream into lines. What redraws a line by `\r` has ended it.
#[derive(Debug, Default)]
struct Lines {
    pending: Vec<u8>,
    follows_return: bool,
}

impl Lines {
    fn feed(&mut self, mut bytes: &[u8], on_line: &mut dyn FnMut(&str)) {
        while let Some(at) = memchr2(b'\n', b'\r', bytes) {
            let (line, rest) = bytes.split_at(at);
            self.extend(line);
            let is_return = rest.first() == Some(&b'\r');
            // `\r\n` ends one line, and a `\r` that nothing was drawn before ends none.
            if !(self.pending.is_empty() && (is_return || self.follows_return)) {
                self.tell(on_line);
            }
            self.follows_return = is_return;
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.extend(bytes);
    }

    fn flush(&mut self, on_line: &mut dyn FnMut(&str)) {
        if !self.pending.is_empty() {
            self.tell(on_line);
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.follows_return = false;
            let room = LONGEST_LINE.saturating_sub(self.pending.len());
            self.pending.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
        }
    }

    fn tell(&mut self, on_line: &mut dyn FnMut(&str)) {
        let line: Cow<'_, str> = String::from_utf8_lossy(&self.pending);
        on_line(&line);
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut told) = (Lines::default(), Vec::new());
        let mut tell = |line: &str| told.push(line.to_owned());
        pieces.iter().for_each(|piece| lines.feed(piece, &mut tell));
        lines.flush(&mut tell);
        told
    }

    #[test]
    fn lines_end_where_a_terminal_would_begin_anew() {
        for (text, want) in [
            ("a\nb\n", &["a", "b"][..]),
            ("a\n\nb", &["a", "", "b"]),
            ("a\r\nb\r\n\r\n", &["a", "b"]),
            ("\r 1%\r 2%\r\n", &[" 1%", " 2%"]),
            ("", &[]),
        ] {
            assert_eq!(lines(&[text.as_bytes()]), want, "{text:?}");
        }
        assert_eq!(lines(&[&[b'x'; 3 * LONGEST_LINE], b"\nnext"]), [&"x".repeat(LONGEST_LINE), "next"]);
        assert_eq!(lines(&[b"\xff\xfe"]), ["\u{fffd}\u{fffd}"]);
    }

    #[test]
    fn the_last_characters_are_whole_ones() {
        assert_eq!(last_chars("añb", 2), "ñb");
        assert_eq!(last_chars("ab", 5), "ab");
        assert_eq!(last_chars("", 5), "");
    }

    proptest! {
        #[test]
        fn lines_are_the_same_whatever_the_pieces(
            pieces in proptest::collection::vec("[ab\r\n]{0,6}", 0..8)
        ) {
            let whole = pieces.concat();
            let pieces: Vec<&[u8]> = pieces.iter().map(String::as_bytes).collect();
            prop_assert_eq!(lines(&pieces), lines(&[whole.as_bytes()]));
        }
    }
}
