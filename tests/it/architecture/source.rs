//! One source file, as far as the rules need to understand it: its code without tests, comments and texts.

use std::ops::Range;

/// A source file, parsed.
pub(super) struct Source {
    /// Its path below `src`, with slashes.
    pub(super) file: String,
    /// Lines before its tests.
    pub(super) lines: usize,
    /// Words and punctuation before its tests, without comments and texts.
    tokens: Vec<String>,
}

impl Source {
    pub(super) fn parse(file: &str, text: &str) -> Self {
        let text = before_tests(text);
        Self { file: file.to_owned(), lines: text.lines().count(), tokens: tokenize(text) }
    }

    /// The module's path: `["history", "sqlite"]` for `history/sqlite.rs`, `["history"]` for `history/mod.rs`, and
    /// nothing for the crate's roots.
    pub(super) fn module(&self) -> Vec<&str> {
        let path = self.file.strip_suffix(".rs").unwrap_or(&self.file);
        let mut module: Vec<&str> = path.split('/').collect();
        if module.last() == Some(&"mod") || matches!(module[..], ["lib" | "main"]) {
            module.pop();
        }
        module
    }

    /// Every path into this crate, from its root: `["runner", "libtest", "Line"]` for `crate::runner::libtest::Line`,
    /// also inside `use crate::{…}` and where `super::` climbs as far.
    pub(super) fn crate_paths(&self) -> Vec<Vec<&str>> {
        let depth = self.module().len();
        let mut paths = self.paths_from("crate");
        let mut at = 0;
        while at < self.tokens.len() {
            let climbed = self.tokens[at..].chunks(2).take_while(|pair| *pair == ["super", "::"]).count();
            if climbed > 0 && climbed == depth {
                self.collect(at + 2 * climbed, &mut Vec::new(), &mut paths);
            }
            at += (2 * climbed).max(1);
        }
        paths
    }

    /// Every path that begins with this word, without it.
    pub(super) fn paths_from(&self, root: &str) -> Vec<Vec<&str>> {
        let mut paths = Vec::new();
        for (at, pair) in self.tokens.windows(2).enumerate() {
            let begins = at == 0 || self.tokens[at - 1] != "::";
            if begins && pair == [root, "::"] {
                self.collect(at + 2, &mut Vec::new(), &mut paths);
            }
        }
        paths
    }

    /// Every two words joined by `::`.
    pub(super) fn joined_words(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tokens.windows(3).filter(|three| three[1] == "::").map(|three| (three[0].as_str(), three[2].as_str()))
    }

    /// Names of the modules, types and traits it declares.
    pub(super) fn declared_names(&self) -> impl Iterator<Item = &str> {
        const KEYWORDS: [&str; 6] = ["mod", "struct", "enum", "union", "trait", "type"];
        self.tokens.windows(2).filter(|pair| KEYWORDS.contains(&pair[0].as_str())).map(|pair| pair[1].as_str())
    }

    /// Reads one path, or one group of paths, that begins at a token; returns where it ends.
    fn collect<'a>(&'a self, mut at: usize, so_far: &mut Vec<&'a str>, paths: &mut Vec<Vec<&'a str>>) -> usize {
        let length = so_far.len();
        loop {
            match self.tokens.get(at).map(String::as_str) {
                Some("{") => {
                    at += 1;
                    while self.tokens.get(at).is_some_and(|token| token != "}") {
                        at = self.collect(at, so_far, paths).max(at + 1);
                        // `as name`, and the comma.
                        while self.tokens.get(at).is_some_and(|token| token != "," && token != "}") {
                            at += 1;
                        }
                        at += usize::from(self.tokens.get(at).is_some_and(|token| token == ","));
                    }
                    at += 1;
                    break;
                }
                Some(word) if is_word(word) => so_far.push(word),
                _ => {
                    paths.push(so_far.clone());
                    break;
                }
            }
            at += 1;
            if self.tokens.get(at).is_none_or(|token| token != "::") {
                paths.push(so_far.clone());
                break;
            }
            at += 1;
        }
        so_far.truncate(length);
        at
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c == '_' || c.is_alphabetic())
}

/// The part before the tests at the end of the file.
fn before_tests(text: &str) -> &str {
    let starts = ["#[cfg(test)]\nmod tests", "#[cfg(test)]\npub(crate) mod tests"];
    let cut = starts.iter().filter_map(|start| text.find(start)).min().unwrap_or(text.len());
    &text[..cut]
}

/// Words, `::`, and single other characters. Comments and white space are left out, texts too.
fn tokenize(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if let Some(skipped) = comment_or_text(rest) {
            skipped.end
        } else if first == '_' || first.is_alphanumeric() {
            let end = rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len());
            tokens.push(rest[..end].to_owned());
            end
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// The comment, text or character that this begins with.
fn comment_or_text(rest: &str) -> Option<Range<usize>> {
    let until = |from: usize, end: &str| 0..rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("//") {
        return Some(until(0, "\n"));
    }
    if rest.starts_with("/*") {
        return Some(until(2, "*/"));
    }
    let after_prefix = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'));
    if let Some(raw) = after_prefix {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let from = rest.len() - raw.len() + hashes + 1;
            return Some(until(from, &format!("\"{}", "#".repeat(hashes))));
        }
    }
    let bare = rest.strip_prefix('b').unwrap_or(rest);
    let opened = rest.len() - bare.len() + 1;
    if let Some(quoted) = bare.strip_prefix('"') {
        return Some(0..opened + end_of_quoted(quoted, '"')?);
    }
    // A lifetime is no character: `'a` has no closing quote behind its first letter.
    let quoted = bare.strip_prefix('\'')?;
    let mut chars = quoted.chars();
    if chars.next()? == '\\' || chars.next()? == '\'' {
        return Some(0..opened + end_of_quoted(quoted, '\'')?);
    }
    None
}

/// Where the closing quote ends.
fn end_of_quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[test]
fn paths_are_found_wherever_they_are_written() {
    let source = Source::parse(
        "history/sqlite.rs",
        r##"
        //! Not in comments: crate::comment.
        use crate::{event::Event, model::{self, key::TestKey as Key}, ratio};
        pub(crate) use crate::sys::fs;
        use super::super::report::View;
        use super::store;
        /* crate::block */
        fn f<'a>(x: &'a crate::plan::Plan) -> char {
            let text = "crate::text \" crate::still"; let raw = r#"crate::raw " "#; let quote = '"';
            crate::cargo::build::<u8>();
            '\''
        }
        #[cfg(test)]
mod tests { use crate::commands; }
        "##,
    );
    let paths: Vec<String> = source.crate_paths().iter().map(|path| path.join("::")).collect();
    assert_eq!(
        paths,
        [
            "event::Event",
            "model::self",
            "model::key::TestKey",
            "ratio",
            "sys::fs",
            "plan::Plan",
            "cargo::build",
            "report::View"
        ]
    );
    assert_eq!(source.module(), ["history", "sqlite"]);
}
