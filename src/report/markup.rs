//! Untrusted text inside other languages: XML, Markdown, a shell's command line.

use std::fmt::Write as _;

use super::inert::{inert, one_line};
use crate::model::TestKey;

/// Output as text that any XML document may hold. (The writer escapes `<`, `&` and `]]>`; no XML 1.0 document can hold
/// control characters or noncharacters, escaped or not. Tabs are widened, since quick-junit would drop them.)
#[must_use]
pub fn xml(text: &str) -> String {
    inert(text).replace('\t', "    ").replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// A fenced block that holds any text: its fence is longer than every run of backticks inside.
#[must_use]
pub fn fenced(text: &str) -> String {
    let text = inert(text);
    let fence = "`".repeat(longest_run(&text, '`').max(2) + 1);
    let newline = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    format!("{fence}text\n{text}{newline}{fence}\n")
}

/// A name in a Markdown line or table cell: as code where that is safe, else as text with everything escaped.
#[must_use]
pub fn code(name: &str) -> String {
    let name = one_line(name);
    // In a table, pipes split cells even inside code, and backslashes take part in that.
    if name.is_empty() || name.contains(['`', '|', '\\']) || name.starts_with(' ') || name.ends_with(' ') {
        return escape(&name, |c| !c.is_alphanumeric() && !" .,:;/-".contains(c));
    }
    format!("`{name}`")
}

/// A sentence in a Markdown line or table cell, without any markup of its own: no HTML, no links, no mentions.
#[must_use]
pub fn prose(sentence: &str) -> String {
    escape(&one_line(sentence), |c| "\\`*_[]<>&|~@#!$".contains(c))
}

/// Character references work everywhere in Markdown but in code, and mean nothing but their character.
fn escape(text: &str, is_special: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        // Within a word an underscore is no emphasis, and names are full of them.
        let in_word = c == '_' && before.is_alphanumeric() && chars.peek().is_some_and(|next| next.is_alphanumeric());
        if is_special(c) && !in_word {
            let _ = write!(out, "&#{};", c as u32);
        } else {
            out.push(c);
        }
        before = c;
    }
    out
}

fn longest_run(text: &str, wanted: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == wanted { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// The command that runs one test alone, to be copied into a shell.
#[must_use]
pub fn command_for(key: &TestKey) -> String {
    format!("cargo gate test --select {}", shell_quote(&glob(&key.to_string())))
}

/// A glob that matches this key. What cannot be typed or shown is matched by a wildcard.
fn glob(key: &str) -> String {
    let mut glob = String::with_capacity(key.len());
    for c in key.chars() {
        let mut utf8 = [0; 4];
        let typed: &str = c.encode_utf8(&mut utf8);
        match one_line(typed) == typed && c != '\\' {
            true => glob.push_str(&globset::escape(typed)),
            // Globs count bytes.
            false => glob.push(if c.is_ascii() { '?' } else { '*' }),
        }
    }
    // `##[` is a command to some CI services, and a class may make one.
    glob.replace("##[", "#?[")
}

/// One argument for a shell: in single quotes, or double ones where single ones mean nothing (cmd).
#[must_use]
pub fn shell_quote(argument: &str) -> String {
    if cfg!(windows) {
        format!("\"{}\"", argument.replace('"', "\\\""))
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

/// One word of a command line: as it is where no shell reads more into it, else quoted.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%".contains(c);
    if word.is_empty() || !word.chars().all(is_plain) { shell_quote(word) } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_code_where_that_is_safe() {
        for (name, want) in [
            ("app/test:db::slow_peer", "`app/test:db::slow_peer`"),
            ("a<b>::c", "`a<b>::c`"),
            ("a|b_c", "a&#124;b_c"),
            ("_a`b", "&#95;a&#96;b"),
            ("a\n| x", "a␊&#124; x"),
            ("a\\|b", "a&#92;&#124;b"),
            ("", ""),
        ] {
            assert_eq!(code(name), want.replace('␊', "&#9226;"), "{name:?}");
        }
    }

    #[test]
    fn sentences_have_no_markup() {
        assert_eq!(
            prose("2 of `x` failed: a_b, _c_ <b> @you"),
            "2 of &#96;x&#96; failed: a_b, &#95;c&#95; &#60;b&#62; &#64;you"
        );
    }

    #[test]
    fn fences_are_longer_than_what_they_hold() {
        assert_eq!(fenced("a\n"), "```text\na\n```\n");
        assert_eq!(fenced("a ```` b"), "`````text\na ```` b\n`````\n");
        assert_eq!(fenced(""), "```text\n```\n");
    }

    #[cfg(unix)]
    #[test]
    fn commands_can_be_copied() {
        let command = |name: &str| command_for(&format!("app/test:db::{name}").parse().unwrap());
        assert_eq!(command("slow"), "cargo gate test --select 'app/test:db::slow'");
        assert_eq!(command("it's"), r"cargo gate test --select 'app/test:db::it'\''s'");
        assert_eq!(command("a[0]*"), "cargo gate test --select 'app/test:db::a[[]0[]][*]'");
        assert_eq!(command("x\x1b\ny\\"), "cargo gate test --select 'app/test:db::x??y?'");
    }

    #[cfg(unix)]
    #[test]
    fn words_are_quoted_where_they_need_it() {
        for (word, want) in [
            ("--all-targets", "--all-targets"),
            ("a/b.rs", "a/b.rs"),
            ("", "''"),
            ("a b", "'a b'"),
            ("~", "'~'"),
            ("*", "'*'"),
        ] {
            assert_eq!(shell_word(word), want);
        }
    }

    proptest! {
        #[test]
        fn globs_match_their_key(name in "\\PC{1,30}|[\\x00-\\x7f]{1,20}|[#\\[*/\\u{2028}\\u{202e}]{1,9}") {
            let glob = globset::GlobBuilder::new(&glob(&name)).literal_separator(true).build().unwrap();
            prop_assert!(glob.compile_matcher().is_match(&name));
            prop_assert!(!shell_quote(glob.glob()).contains("##["));
        }

        #[test]
        fn no_line_inside_closes_a_fence(text in "(`|\n| |x|\x1b){0,40}") {
            let block = fenced(&text);
            let fence = block.split("text\n").next().unwrap();
            let closing = block.lines().filter(|line| line.trim().starts_with(fence)).count();
            prop_assert_eq!(closing, 2, "{}", block);
        }

        #[test]
        fn markdown_names_stay_in_their_cell(name in any::<String>()) {
            let cell = code(&name);
            let in_code = cell.starts_with('`');
            let inside = cell.trim_matches('`');
            prop_assert!(!inside.contains(['|', '`', '\n', '\\']));
            prop_assert!(in_code || !inside.contains(['<', '>', '*', '[']));
        }

        #[test]
        fn sentences_hold_no_html(text in any::<String>()) {
            prop_assert!(!prose(&text).contains(['<', '>', '|', '`', '@', '\n']));
        }

        #[test]
        fn xml_text_is_valid(text in any::<String>()) {
            let valid = |c: char| matches!(c, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
            prop_assert!(xml(&text).chars().all(valid));
        }

        #[cfg(unix)]
        #[test]
        fn a_quoted_argument_is_one_argument(text in "[^']{0,20}('[^']{0,5}){0,3}") {
            // What a POSIX shell does with single quotes and backslashed quotes, and nothing else.
            let quoted = shell_quote(&text);
            let parts: Vec<&str> = quoted.split(r"'\''").collect();
            prop_assert_eq!(parts.join("'"), format!("'{text}'"));
        }
    }
}
