//! The names a harness may report: those of its list, or whatever it reports where it gives none.

use std::collections::HashMap;

/// The names that may be reported.
#[derive(Clone, Debug)]
pub enum Names {
    /// These, and no others.
    Known(HashMap<String, usize>),
    /// Whatever is reported is a name (a harness that gives no list).
    Learnt(HashMap<String, usize>, Vec<String>),
}

impl Names {
    /// Names from a list.
    #[must_use]
    pub fn known<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Known(names.into_iter().enumerate().map(|(place, name)| (name.to_owned(), place)).collect())
    }

    /// No names yet.
    #[must_use]
    pub fn learnt() -> Self {
        Self::Learnt(HashMap::new(), Vec::new())
    }

    pub(super) fn place(&mut self, name: &str) -> Option<usize> {
        match self {
            Self::Known(places) => places.get(name).copied(),
            Self::Learnt(places, names) => Some(*places.entry(name.to_owned()).or_insert_with(|| {
                names.push(name.to_owned());
                names.len() - 1
            })),
        }
    }

    pub(super) fn known_place(&self, name: &str) -> Option<usize> {
        match self {
            Self::Known(places) | Self::Learnt(places, _) => places.get(name).copied(),
        }
    }

    /// The names that were learnt, in the order they came.
    #[must_use]
    pub fn into_learnt(self) -> Vec<String> {
        match self {
            Self::Known(_) => Vec::new(),
            Self::Learnt(_, names) => names,
        }
    }
}
