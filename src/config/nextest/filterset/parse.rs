//! From the text of a filterset to its tree.

use super::matcher::Matcher;

/// How deep parentheses and negations may lie in each other: more is nobody's configuration.
const DEEPEST: usize = 100;

/// A tree, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// At least one of them.
    Any(Vec<Self>),
    /// All of them.
    Every(Vec<Self>),
    /// What is not in it.
    Not(Box<Self>),
    /// A predicate without a matcher, or one whose matcher decides nothing here.
    Plain(Word),
    /// A predicate with its matcher.
    Match(Part, Matcher),
}

/// What a predicate without a matcher says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    All,
    None,
    Default,
    Deps,
    Rdeps,
    Platform,
}

/// The part of a test's identity that a matcher looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Test,
    Package,
    Binary,
    BinaryId,
    Kind,
}

/// The strategy of a matcher without a sign.
#[derive(Clone, Copy)]
enum Implicit {
    Equal,
    Contains,
    Glob,
}

/// Reads a whole expression. The error says in a few words what is wrong, and where.
pub(super) fn parse(text: &str) -> Result<Parsed, String> {
    let mut parser = Parser { text, rest: text };
    let parsed = parser.either(0)?;
    parser.skip_spaces();
    if parser.rest.is_empty() { Ok(parsed) } else { Err(parser.expected("the end, or an operator")) }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Parser<'_> {
    /// `a or b + c | d`: binds the least.
    fn either(&mut self, depth: usize) -> Result<Parsed, String> {
        let mut parts = vec![self.both(depth)?];
        while self.operator("or", &["|", "+"])?.is_some() {
            parts.push(self.both(depth)?);
        }
        Ok(one_or(parts, Parsed::Any))
    }

    /// `a and b & c - d`.
    fn both(&mut self, depth: usize) -> Result<Parsed, String> {
        let mut parts = vec![self.basic(depth)?];
        while let Some(operator) = self.operator("and", &["&", "-"])? {
            let part = self.basic(depth)?;
            parts.push(if operator == "-" { Parsed::Not(Box::new(part)) } else { part });
        }
        Ok(one_or(parts, Parsed::Every))
    }

    /// `not a`, `!a`, `(a)`, or a predicate.
    fn basic(&mut self, depth: usize) -> Result<Parsed, String> {
        if depth > DEEPEST {
            return Err(format!("deeper than {DEEPEST} levels"));
        }
        self.skip_spaces();
        if self.take("!") || self.take_word("not") {
            return Ok(Parsed::Not(Box::new(self.basic(depth + 1)?)));
        }
        if self.take("(") {
            let inner = self.either(depth + 1)?;
            self.close()?;
            return Ok(inner);
        }
        self.predicate()
    }

    fn predicate(&mut self) -> Result<Parsed, String> {
        let before = self.rest;
        let name = self.word();
        let plain = |word| Ok(Parsed::Plain(word));
        let (part, implicit) = match name {
            "all" => return self.nothing_between().and_then(|()| plain(Word::All)),
            "none" => return self.nothing_between().and_then(|()| plain(Word::None)),
            "default" => return self.nothing_between().and_then(|()| plain(Word::Default)),
            "platform" => {
                let platform = self.between(Self::text)?;
                return match platform.trim() {
                    "host" | "target" => plain(Word::Platform),
                    other => Err(format!("platform({other}): expected host or target")),
                };
            }
            "deps" => return self.between(|parser| parser.matcher(Implicit::Glob)).and_then(|_| plain(Word::Deps)),
            "rdeps" => return self.between(|parser| parser.matcher(Implicit::Glob)).and_then(|_| plain(Word::Rdeps)),
            "test" => (Part::Test, Implicit::Contains),
            "package" => (Part::Package, Implicit::Glob),
            "binary" => (Part::Binary, Implicit::Glob),
            "binary_id" => (Part::BinaryId, Implicit::Glob),
            "kind" => (Part::Kind, Implicit::Equal),
            "group" => return Err("group() can only be used on nextest's command line".to_owned()),
            _ => {
                self.rest = before;
                return Err(self.expected("a predicate such as test(name)"));
            }
        };
        self.between(|parser| parser.matcher(implicit)).map(|matcher| Parsed::Match(part, matcher))
    }

    fn nothing_between(&mut self) -> Result<(), String> {
        self.between(|_| Ok(()))
    }

    fn between<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.skip_spaces();
        if !self.take("(") {
            return Err(self.expected("`(`"));
        }
        self.skip_spaces();
        let read = inner(self)?;
        self.close()?;
        Ok(read)
    }

    fn close(&mut self) -> Result<(), String> {
        self.skip_spaces();
        if self.take(")") { Ok(()) } else { Err(self.expected("`)`")) }
    }

    fn matcher(&mut self, implicit: Implicit) -> Result<Matcher, String> {
        if self.take("/") {
            return Matcher::regex(&self.regex()?);
        }
        let strategy = match () {
            () if self.take("#") => Implicit::Glob,
            () if self.take("=") => Implicit::Equal,
            () if self.take("~") => Implicit::Contains,
            () => implicit,
        };
        let text = self.text()?;
        match strategy {
            Implicit::Equal => Ok(Matcher::Equal(text)),
            Implicit::Contains => Ok(Matcher::Contains(text)),
            Implicit::Glob => Matcher::glob(&text),
        }
    }

    /// Up to the closing `/`, in which only `\/` is an escape of this language: the others are the regex's own.
    fn regex(&mut self) -> Result<String, String> {
        let mut pattern = String::new();
        loop {
            if self.take("\\/") {
                pattern.push('/');
            } else if self.take("/") {
                return Ok(pattern);
            } else {
                match self.next() {
                    Some(c) => pattern.push(c),
                    None => return Err(self.expected("`/` at the end of the regex")),
                }
            }
        }
    }

    /// Up to the `)` that ends it, spaces before it included.
    fn text(&mut self) -> Result<String, String> {
        let mut text = String::new();
        while !self.rest.is_empty() && !self.rest.starts_with([')', ',']) {
            let c = if self.take("\\") { Some(self.escaped()?) } else { self.next() };
            text.extend(c);
        }
        if text.is_empty() { Err(self.expected("a name")) } else { Ok(text) }
    }

    fn escaped(&mut self) -> Result<char, String> {
        const WANTED: &str = "an escape sequence such as `\\)`, `\\n` or `\\u{7F}` after `\\`";
        let wrong = self.expected(WANTED);
        match self.next() {
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some('b') => Ok('\u{8}'),
            Some('f') => Ok('\u{c}'),
            Some(c @ ('\\' | '/' | ')' | ',')) => Ok(c),
            Some('u') => {
                let (digits, rest) =
                    self.rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).ok_or_else(|| wrong.clone())?;
                let is_hex = (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                let code = is_hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten();
                self.rest = rest;
                code.and_then(char::from_u32).ok_or(wrong)
            }
            _ => Err(wrong),
        }
    }

    /// An operator, as a word or as a sign. Those of other languages are refused with the right ones.
    fn operator(&mut self, word: &'static str, signs: &[&'static str]) -> Result<Option<&'static str>, String> {
        self.skip_spaces();
        let first = signs.first().copied().unwrap_or_default();
        let doubled = self.rest.strip_prefix(first).is_some_and(|rest| rest.starts_with(first));
        if doubled || self.word_ahead() == word.to_uppercase() {
            return Err(self.expected(&format!("`{first}` or `{word}`")));
        }
        if self.take_word(word) {
            return Ok(Some(word));
        }
        Ok(signs.iter().copied().find(|sign| self.take(sign)))
    }

    /// Spaces and ends of lines: an expression may be a text of several lines.
    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\n', '\r']);
    }

    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.word_ahead() == word && self.take(word)
    }

    fn word_ahead(&self) -> &str {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        self.rest.get(..end).unwrap_or_default()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    fn expected(&self, what: &str) -> String {
        let at = self.text.len() - self.rest.len();
        let column = self.text.get(..at).unwrap_or_default().chars().count() + 1;
        format!("expected {what} at character {column}")
    }
}

impl<'a> Parser<'a> {
    fn word(&mut self) -> &'a str {
        let rest = self.rest;
        let word = rest.get(..self.word_ahead().len()).unwrap_or_default();
        self.rest = rest.get(word.len()..).unwrap_or_default();
        word
    }
}

/// A list of one says no more than the one.
fn one_or(mut parts: Vec<Parsed>, list: fn(Vec<Parsed>) -> Parsed) -> Parsed {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            list(parts)
        }
    }
}
