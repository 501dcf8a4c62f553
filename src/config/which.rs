//! Which tests something in the configuration is about: a glob of the gate's own, or an expression of nextest's.

use super::nextest::Filterset;
use crate::model::{KeyPattern, TestKey};

/// Which tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those whose written key matches a glob.
    Keys(KeyPattern),
    /// Those that a filterset of nextest's includes.
    Filterset(Filterset),
}

impl Which {
    /// Is it about this test?
    #[must_use]
    pub fn is_match(&self, key: &TestKey) -> bool {
        match self {
            Self::Keys(pattern) => pattern.is_match(key),
            Self::Filterset(filterset) => filterset.includes(key),
        }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Keys(pattern) => pattern.as_str(),
            Self::Filterset(filterset) => filterset.as_str(),
        }
    }
}

impl Default for Which {
    /// No test.
    fn default() -> Self {
        Self::Keys(KeyPattern::default())
    }
}
