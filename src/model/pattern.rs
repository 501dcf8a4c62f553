//! Globs over written test keys, over package names, and over paths.

use std::fmt;

use camino::Utf8Path;
use globset::{Glob, GlobBuilder, GlobMatcher};

use super::{Kind, TestKey};

/// Text that is no pattern, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

impl From<globset::Error> for PatternError {
    fn from(error: globset::Error) -> Self {
        Self(error.kind().to_string())
    }
}

/// A glob over the written test key `package/kind:binary::path`.
///
/// `*` crosses `::` but not `/`, `**` crosses both; `?`, `[…]` and `{a,b}` as usual. The `lib:` of a library's tests
/// may be written or left out. The default pattern matches nothing.
#[derive(Clone, Default)]
pub struct KeyPattern {
    text: String,
    matcher: Option<GlobMatcher>,
}

impl KeyPattern {
    /// Compiles a pattern.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let any_depth = text.contains("**");
        if !text.contains('/') && !any_depth {
            // It could match nothing: every key has its package before a `/`, and `*` stops there.
            return Err(PatternError("no `/`: a test key reads `package/kind:binary::path`".to_owned()));
        }
        let matcher = compile(&spell_out(text))?;
        Ok(Self { text: text.to_owned(), matcher: Some(matcher) })
    }

    /// Does it match this test?
    #[must_use]
    pub fn is_match(&self, key: &TestKey) -> bool {
        let Some(matcher) = &self.matcher else { return false };
        matcher.is_match(key.to_string())
            || (key.binary.kind == Kind::Lib
                && matcher.is_match(format!("{}/lib:{}::{}", key.binary.package, key.binary.binary, key.name)))
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for KeyPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for KeyPattern {}

impl fmt::Debug for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPattern({:?})", self.text)
    }
}

impl fmt::Display for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

fn compile(text: &str) -> Result<GlobMatcher, PatternError> {
    let glob: Glob = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build()?;
    Ok(glob.compile_matcher())
}

/// globset knows `**` only as a whole component of a path, and test keys are no paths: each `**` is spelled out as
/// "no `/`, or some".
fn spell_out(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut in_class = false;
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                spelled.push(c);
                spelled.extend(rest.next());
            }
            '*' if !in_class && rest.peek() == Some(&'*') => {
                while rest.next_if_eq(&'*').is_some() {}
                spelled.push_str("{*,*/**/*}");
            }
            _ => {
                in_class = (in_class || c == '[') && c != ']';
                spelled.push(c);
            }
        }
    }
    spelled
}

/// Globs over package names; a package matches if any of them does.
#[derive(Clone, Debug, Default)]
pub struct PackagePatterns(Vec<GlobMatcher>);

impl PackagePatterns {
    /// Compiles the patterns.
    pub fn new<S: AsRef<str>>(texts: &[S]) -> Result<Self, PatternError> {
        texts.iter().map(|text| compile(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Does any of them match this package?
    #[must_use]
    pub fn is_match(&self, package: &str) -> bool {
        self.0.iter().any(|matcher| matcher.is_match(package))
    }

    /// The patterns as they were written.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|matcher| matcher.glob().glob())
    }
}

impl PartialEq for PackagePatterns {
    fn eq(&self, other: &Self) -> bool {
        self.texts().eq(other.texts())
    }
}

/// Globs over the paths of files, relative to the workspace root and with slashes: `*` stops at `/`, `**` does not. A
/// file matches if any of them does.
#[derive(Clone, Debug, Default)]
pub struct PathPatterns(Vec<GlobMatcher>);

impl PathPatterns {
    /// Compiles the patterns.
    pub fn new<S: AsRef<str>>(texts: &[S]) -> Result<Self, PatternError> {
        texts.iter().map(|text| compile(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Does any of them match this file?
    #[must_use]
    pub fn is_match(&self, path: &Utf8Path) -> bool {
        self.0.iter().any(|matcher| matcher.is_match(path))
    }

    /// Those of them that match this file, as they were written.
    pub fn matching(&self, path: &Utf8Path) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |matcher| matcher.is_match(path)).map(|matcher| matcher.glob().glob())
    }

    /// Is there none?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The patterns as they were written.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|matcher| matcher.glob().glob())
    }
}

impl PartialEq for PathPatterns {
    fn eq(&self, other: &Self) -> bool {
        self.texts().eq(other.texts())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_written_keys() {
        for (pattern, key, matches) in [
            ("app/test:db::*", "app/test:db::a::b", true),
            ("app/test:db::*", "app/test:web::a", false),
            ("app/app::*", "app/app::tests::adds", true),
            ("app/lib:app::*", "app/app::tests::adds", true),
            ("app/*", "app/app::tests::adds", true),
            ("app/*", "app/test:db::slow", true),
            ("*/*::slow_*", "app/test:db::slow_peer", true),
            ("app/doc:*", "app/doc:doc::src/lib.rs - add #1", false),
            ("app/doc:**", "app/doc:doc::src/lib.rs - add #1", true),
            ("**", "app/doc:doc::src/lib.rs - add #1", true),
            ("**slow**", "app/test:db::slow_peer", true),
            ("**slow", "app/test:db::slow_peer", false),
            ("**/*::adds", "app/app::adds", true),
            ("{app,web}/bin:**", "web/bin:web::starts", true),
            ("app/test:db::case_[0-9]", "app/test:db::case_7", true),
            ("app/test:db::case_?", "app/test:db::case_77", false),
            ("app/app::", "app/app::tests", false),
        ] {
            let key: TestKey = key.parse().unwrap();
            assert_eq!(KeyPattern::new(pattern).unwrap().is_match(&key), matches, "{pattern} {key}");
        }
    }

    #[test]
    fn a_pattern_that_could_match_nothing_is_refused() {
        for text in ["", "*", "db::*", "app/[", "app/{a"] {
            assert!(KeyPattern::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn packages_match_any_of_their_patterns() {
        let patterns = PackagePatterns::new(&["app", "core-*"]).unwrap();
        assert!(patterns.is_match("app") && patterns.is_match("core-net"));
        assert!(!patterns.is_match("web"));
        assert!(!PackagePatterns::default().is_match("app"));
        assert!(PackagePatterns::new(&["["]).is_err());
    }

    #[test]
    fn paths_match_any_of_their_patterns() {
        let patterns = PathPatterns::new(&["src/*.rs", "core/**"]).unwrap();
        assert!(patterns.is_match("src/lib.rs".into()) && patterns.is_match("core/src/a/b.rs".into()));
        assert!(!patterns.is_match("src/a/lib.rs".into()) && !PathPatterns::default().is_match("src/lib.rs".into()));
        assert!(PathPatterns::new(&["src/["]).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_panics(text in "[a-z*?\\[\\]{},/:\\\\!^-]{0,24}") {
            if let Ok(pattern) = KeyPattern::new(&text) {
                let _ = pattern.is_match(&"app/test:db::slow".parse().unwrap());
            }
        }
    }
}
