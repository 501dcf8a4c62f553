//! Untrusted text made inert: nothing that a test prints or is called moves a cursor, hides text, or speaks to a CI
//! service.
//!
//! Output loses its terminal escapes (colours included); names keep every character, made visible. Either way control
//! characters become pictures and characters that reorder or hide text become `<U+202E>`.

/// A filter for a stream of bytes: escapes and characters may be cut anywhere between two chunks.
#[derive(Clone, Debug)]
pub struct Inert {
    state: State,
    /// The beginning of a character whose rest is still to come.
    partial: Vec<u8>,
    /// A carriage return was read whose successor decides what it is.
    carriage: bool,
    lead: Lead,
    hashes: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ground,
    Escape,
    /// After an escape's intermediate characters.
    Intermediate,
    /// A control sequence: `ESC [ … final`.
    Control,
    /// A string (title, hyperlink, device control) up to its terminator.
    Text,
    /// An escape within a string: its terminator, or the next sequence.
    TextEscape,
}

/// What the line began with so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lead {
    Blank,
    Colon,
    Body,
}

impl Default for Inert {
    fn default() -> Self {
        Self { state: State::Ground, partial: Vec::new(), carriage: false, lead: Lead::Blank, hashes: 0 }
    }
}

impl Inert {
    /// The inert text of the next bytes. Invalid UTF-8 becomes U+FFFD.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        let joined;
        let bytes = if self.partial.is_empty() {
            bytes
        } else {
            joined = [std::mem::take(&mut self.partial).as_slice(), bytes].concat();
            &joined
        };
        let mut out = String::with_capacity(bytes.len());
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            chunk.valid().chars().for_each(|c| self.read(c, &mut out));
            let invalid = chunk.invalid();
            let unfinished = std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if unfinished && chunks.peek().is_none() {
                self.partial = invalid.to_vec();
            } else if !invalid.is_empty() {
                self.read(char::REPLACEMENT_CHARACTER, &mut out);
            }
        }
        out
    }

    /// What is left at the end of the stream. The filter is as new afterwards.
    pub fn finish(&mut self) -> String {
        let mut out = String::new();
        if !self.partial.is_empty() {
            self.read(char::REPLACEMENT_CHARACTER, &mut out);
        }
        *self = Self::default();
        out
    }

    fn read(&mut self, c: char, out: &mut String) {
        self.state = match (self.state, c) {
            (State::Ground, '\x1b') | (State::Escape, '\x1b') => State::Escape,
            (State::Ground, '\u{9b}') | (State::Escape, '[') => State::Control,
            (State::Ground, '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}') => State::Text,
            (State::Ground, _) => {
                self.settle(c, out);
                State::Ground
            }
            (State::Escape, ']' | 'P' | 'X' | '^' | '_') => State::Text,
            (State::Escape | State::Intermediate, ' '..='/') => State::Intermediate,
            (State::Escape | State::Intermediate, '0'..='~') => State::Ground,
            (State::Control, ' '..='?') => State::Control,
            (State::Control, '@'..='~') => State::Ground,
            (State::Text, '\x07' | '\u{9c}') | (State::TextEscape, '\\') => State::Ground,
            (State::Text, '\x1b') => State::TextEscape,
            // A string that nobody ended ends with its line, or it would swallow the rest of the output.
            (State::Text, c) if c != '\n' => State::Text,
            (State::TextEscape, _) => {
                self.state = State::Escape;
                return self.read(c, out);
            }
            // Whatever else breaks a sequence off is read as if the sequence had not been.
            _ => {
                self.state = State::Ground;
                return self.read(c, out);
            }
        };
    }

    /// Line ends: `\r\n` is one, and so is a `\r` that would have overwritten its line.
    fn settle(&mut self, c: char, out: &mut String) {
        if c == '\r' {
            self.carriage = true;
            return;
        }
        if std::mem::take(&mut self.carriage) && c != '\n' {
            self.put('\n', out);
        }
        self.put(c, out);
    }

    /// CI services read lines as commands: GitHub those that begin with `::` or hold `##[`, Azure `##vso[`, TeamCity
    /// `##teamcity[`. A space breaks them.
    fn put(&mut self, c: char, out: &mut String) {
        let commands =
            self.lead == Lead::Colon && c == ':' || self.hashes >= 2 && (c == '[' || c.is_ascii_alphabetic());
        if commands {
            out.push(' ');
        }
        self.lead = match (self.lead, c) {
            (_, '\n') => Lead::Blank,
            (Lead::Blank, c) if c.is_whitespace() => Lead::Blank,
            (Lead::Blank, ':') => Lead::Colon,
            _ => Lead::Body,
        };
        self.hashes = if c == '#' { self.hashes.saturating_add(1) } else { 0 };
        match c {
            '\n' | '\t' => out.push(c),
            _ => visible(c, out),
        }
    }
}

/// The inert text of what a test printed.
#[must_use]
pub fn inert(text: &str) -> String {
    inert_bytes(text.as_bytes())
}

/// The inert text of what a test printed, which may be no UTF-8.
#[must_use]
pub fn inert_bytes(bytes: &[u8]) -> String {
    let mut filter = Inert::default();
    let mut out = filter.push(bytes);
    out.push_str(&filter.finish());
    out
}

/// A name on one line, every character of it visible: two names that differ stay different.
#[must_use]
pub fn one_line(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    name.chars().for_each(|c| visible(c, &mut shown));
    let mut out = String::with_capacity(shown.len());
    let mut filter = Inert::default();
    shown.chars().for_each(|c| filter.put(c, &mut out));
    out
}

/// A line of a source file, every character of it visible. It is shown behind its number, where `::` is no command.
#[must_use]
pub fn source_line(text: &str) -> String {
    let line = one_line(&format!("1{}", text.trim_end().replace('\t', "    ")));
    line.strip_prefix('1').map(str::to_owned).unwrap_or_default()
}

/// Writes a character that has an effect of its own as a picture or a number.
fn visible(c: char, out: &mut String) {
    match c {
        '\0'..='\x1f' => out.push(char::from_u32(0x2400 + c as u32).unwrap_or(char::REPLACEMENT_CHARACTER)),
        '\x7f' => out.push('\u{2421}'),
        _ if deceives(c) => out.push_str(&format!("<U+{:04X}>", c as u32)),
        _ => out.push(c),
    }
}

/// C1 controls, what reorders text (bidi), what ends lines unseen, what cannot be seen at all, and noncharacters.
pub(super) const fn deceives(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_go_and_controls_show() {
        for (text, want) in [
            ("plain\ttext\n", "plain\ttext\n"),
            ("\x1b[31mred\x1b[0m", "red"),
            ("\x1b[2J\x1b[1;1Hhome", "home"),
            ("\x1b]0;title\x07after", "after"),
            ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
            ("\x1b]0;never ended\nnext", "\nnext"),
            ("\x1bPdevice\x1b\\x", "x"),
            ("\x1b(Bascii", "ascii"),
            ("\x1b\x1b[1mbold", "bold"),
            ("\x1b[31é", "é"),
            ("\u{9b}31mred", "red"),
            ("bell\x07 back\x08 del\x7f", "bell␇ back␈ del␡"),
            ("a\r\nb\r\r\nc", "a\nb\nc"),
            ("10%\r20%\r", "10%\n20%"),
            ("safe\u{202e}txt.exe", "safe<U+202E>txt.exe"),
            ("next\u{85}line", "next<U+0085>line"),
        ] {
            assert_eq!(inert(text), want, "{text:?}");
        }
        assert_eq!(inert_bytes(b"a\xffb\xe2\x82"), "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn commands_to_ci_services_are_broken() {
        for (text, want) in [
            ("::error file=x::boo", ": :error file=x::boo"),
            ("  \t::stop-commands::t", "  \t: :stop-commands::t"),
            (":\x1b[0m:set-output", ": :set-output"),
            ("a::b", "a::b"),
            ("x ##[error]boo", "x ## [error]boo"),
            ("###[group]", "### [group]"),
            ("##vso[task.complete]", "## vso[task.complete]"),
            ("##teamcity[x]", "## teamcity[x]"),
            ("## Title", "## Title"),
        ] {
            assert_eq!(inert(text), want, "{text:?}");
        }
    }

    #[test]
    fn names_keep_every_character() {
        assert_eq!(one_line("a\x1b[31m\nb\t\u{202e}"), "a␛[31m␊b␉<U+202E>");
        assert_eq!(one_line("::error::##[group]"), ": :error::## [group]");
    }

    #[test]
    fn source_stays_as_it_is_written() {
        for (text, want) in [
            ("\t::std::mem::swap(a, b);\r", "    ::std::mem::swap(a, b);"),
            ("// \x1b[31m \u{202e}", "// ␛[31m <U+202E>"),
            ("##[group]", "## [group]"),
            ("", ""),
        ] {
            assert_eq!(source_line(text), want, "{text:?}");
        }
    }

    fn nasty() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            any::<Vec<u8>>(),
            any::<String>().prop_map(String::into_bytes),
            prop::sample::select(vec![
                "\x1b",
                "[",
                "]",
                "\x07",
                "\r",
                "\n",
                ":",
                "#",
                "##[",
                "::error::",
                "\u{9b}",
                "\u{202e}",
                "31m",
                "\\",
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn what_comes_out_has_no_power(bytes in nasty()) {
            let text = inert_bytes(&bytes);
            prop_assert!(text.chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control() && !deceives(c)));
            for line in text.lines() {
                prop_assert!(!line.trim_start().starts_with("::"), "{line:?}");
                prop_assert!(!line.contains("##[") && !line.contains("##vso["), "{line:?}");
            }
            prop_assert_eq!(inert(&text), text);
        }

        #[test]
        fn chunks_make_no_difference(bytes in nasty(), cut in any::<prop::sample::Index>()) {
            let (head, tail) = bytes.split_at(cut.index(bytes.len() + 1));
            let mut filter = Inert::default();
            let parts = [filter.push(head), filter.push(tail), filter.finish()].concat();
            prop_assert_eq!(parts, inert_bytes(&bytes));
        }

        #[test]
        fn names_are_one_visible_line(name in any::<String>()) {
            let line = one_line(&name);
            prop_assert!(line.chars().all(|c| !c.is_control() && !deceives(c)));
            prop_assert_eq!(one_line(&line), line);
        }
    }
}
