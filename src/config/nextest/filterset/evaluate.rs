//! What a filterset says of a test key.

use super::Refusal;
use super::matcher::Matcher;
use super::parse::{Parsed, Part, Word};
use crate::model::{BinaryId, Kind, TestKey};

/// A tree of which a test key tells everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expr {
    Any(Vec<Self>),
    Every(Vec<Self>),
    Not(Box<Self>),
    Match(Part, Matcher),
}

/// Puts the default set in its place, and refuses what a test key does not tell.
pub(super) fn compile(parsed: Parsed, default: Result<&Expr, &'static str>) -> Result<Expr, Refusal> {
    let each = |parts: Vec<Parsed>| parts.into_iter().map(|part| compile(part, default)).collect::<Result<_, _>>();
    match parsed {
        Parsed::Any(parts) => each(parts).map(Expr::Any),
        Parsed::Every(parts) => each(parts).map(Expr::Every),
        Parsed::Not(inner) => compile(*inner, default).map(|inner| Expr::Not(Box::new(inner))),
        Parsed::Plain(Word::All) => Ok(Expr::ALL),
        Parsed::Plain(Word::None) => Ok(Expr::Any(Vec::new())),
        Parsed::Plain(Word::Default) => default.cloned().map_err(Refusal::Unknowable),
        Parsed::Plain(Word::Deps) => Err(Refusal::Unknowable("deps()")),
        Parsed::Plain(Word::Rdeps) => Err(Refusal::Unknowable("rdeps()")),
        Parsed::Plain(Word::Platform) => Err(Refusal::Unknowable("platform()")),
        // A key says `lib` of both.
        Parsed::Match(Part::Kind, matcher) if matcher.is_match("proc-macro") && !matcher.is_match("lib") => {
            Err(Refusal::Unknowable("kind(proc-macro)"))
        }
        Parsed::Match(part, matcher) => Ok(Expr::Match(part, matcher)),
    }
}

impl Expr {
    /// Every test.
    pub(super) const ALL: Self = Self::Every(Vec::new());

    pub(super) fn includes(&self, key: &TestKey) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.includes(key)),
            Self::Every(parts) => parts.iter().all(|part| part.includes(key)),
            Self::Not(inner) => !inner.includes(key),
            Self::Match(part, matcher) => match part {
                Part::Test => matcher.is_match(&key.name),
                Part::Package => matcher.is_match(&key.binary.package),
                Part::Binary => matcher.is_match(&key.binary.binary),
                Part::BinaryId => matcher.is_match(&binary_id(&key.binary)),
                Part::Kind => matcher.is_match(key.binary.kind.as_str()),
            },
        }
    }
}

/// nextest's name of a test binary.
fn binary_id(binary: &BinaryId) -> String {
    match binary.kind {
        Kind::Lib => binary.package.clone(),
        Kind::Test => format!("{}::{}", binary.package, binary.binary),
        kind => format!("{}::{kind}/{}", binary.package, binary.binary),
    }
}
