//! One name against one matcher: `=x`, `~x`, `/x/`, `#x`.

use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;

/// What a name is compared with.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    /// The whole name.
    Equal(String),
    /// A part of it.
    Contains(String),
    /// A pattern, anywhere in it.
    Regex(Regex),
    /// A pattern for the whole of it, in which `*` stops nowhere.
    Glob(GlobMatcher),
}

impl Matcher {
    /// The error says in a few words what is wrong with the pattern.
    pub(super) fn regex(pattern: &str) -> Result<Self, String> {
        let last_line = |error: regex::Error| error.to_string().lines().last().unwrap_or_default().trim().to_owned();
        let regex = Regex::new(pattern).map_err(|error| format!("/{pattern}/ is no regex: {}", last_line(error)))?;
        Ok(Self::Regex(regex))
    }

    /// The error says in a few words what is wrong with the pattern.
    pub(super) fn glob(pattern: &str) -> Result<Self, String> {
        let glob = GlobBuilder::new(pattern).backslash_escape(false).empty_alternates(true).build();
        let glob = glob.map_err(|error| format!("{pattern:?} is no glob: {}", error.kind()))?;
        Ok(Self::Glob(glob.compile_matcher()))
    }

    pub(super) fn is_match(&self, name: &str) -> bool {
        match self {
            Self::Equal(text) => name == text,
            Self::Contains(text) => name.contains(text.as_str()),
            Self::Regex(regex) => regex.is_match(name),
            Self::Glob(glob) => glob.is_match(name),
        }
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Equal(a), Self::Equal(b)) | (Self::Contains(a), Self::Contains(b)) => a == b,
            (Self::Regex(a), Self::Regex(b)) => a.as_str() == b.as_str(),
            (Self::Glob(a), Self::Glob(b)) => a.glob() == b.glob(),
            _ => false,
        }
    }
}

impl Eq for Matcher {}
