//! nextest's language of sets of tests, over test keys: `package(app) and not test(/^slow/)`.
//!
//! It is read as nextest reads it: the same predicates, matchers and their defaults, escapes, and precedence (`not`, then
//! `and` and `-`, then `or`). What only nextest can know of a test is told apart from what is wrong: see [`Refusal`].

mod evaluate;
mod matcher;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

use evaluate::Expr;

use crate::model::{Kind, TestKey};

/// A set of tests.
#[derive(Clone)]
pub struct Filterset {
    text: String,
    expr: Expr,
}

/// Why a text makes no set of tests here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is no filterset; what is wrong, in a few words.
    Wrong(String),
    /// It is one, and a test key does not tell whether this predicate holds.
    Unknowable(&'static str),
}

impl Filterset {
    /// Every test.
    pub(super) fn all() -> Self {
        Self { text: "all()".to_owned(), expr: Expr::ALL }
    }

    /// Reads an expression, in which `default()` stands for `default`, unless that is unknowable itself.
    pub(super) fn read(text: &str, default: Result<&Self, &'static str>) -> Result<Self, Refusal> {
        let parsed = parse::parse(text).map_err(Refusal::Wrong)?;
        let default = default.map(|filterset| &filterset.expr);
        Ok(Self { text: text.trim().to_owned(), expr: evaluate::compile(parsed, default)? })
    }

    /// Is this test in the set? nextest knows neither doctests nor suites of other languages, so no set has them.
    #[must_use]
    pub fn includes(&self, key: &TestKey) -> bool {
        !matches!(key.binary.kind, Kind::Doc | Kind::Suite) && self.expr.includes(key)
    }

    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Filterset {
    fn eq(&self, other: &Self) -> bool {
        self.expr == other.expr
    }
}

impl Eq for Filterset {}

impl fmt::Debug for Filterset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filterset({:?})", self.text)
    }
}
