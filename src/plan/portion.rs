//! What one machine of several takes of a plan.

use std::collections::HashSet;

use super::{Plan, digest};
use crate::model::{ContentHash, Shard, TestKey};

/// One part of a plan that was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portion {
    /// Which part.
    pub shard: Shard,
    /// [`Plan::digest`] of the whole plan: the same on every machine.
    pub whole: ContentHash,
    /// Do all parts together take in every test of the workspace?
    pub is_of_full: bool,
    /// Hash of who takes what: the same on every machine that obeys the same cut.
    pub cut: ContentHash,
    /// The keys of its tests, and the names of its binaries that give no list, sorted: what [`Plan::digest`] is made of. All parts together have each name of the whole once.
    pub names: Vec<String>,
}

impl Portion {
    /// Was there nothing to be cut?
    #[must_use]
    pub fn is_of_nothing(&self) -> bool {
        self.whole == digest(&[])
    }

    /// The name under which it has a test: the test's own, or its binary's where that gives no list; none where it is not
    /// one of its tests.
    #[must_use]
    pub fn name_of(&self, key: &TestKey) -> Option<String> {
        let both = [key.to_string(), key.binary.to_string()];
        both.into_iter().find(|name| self.names.binary_search(name).is_ok())
    }
}

impl Plan {
    /// Leaves only what a portion names.
    pub fn keep(&mut self, portion: &Portion) {
        let names: HashSet<&str> = portion.names.iter().map(String::as_str).collect();
        for binary in &mut self.binaries {
            binary.tests.retain(|test| names.contains(test.key.to_string().as_str()));
        }
        self.binaries.retain(|binary| match binary.harness.gives_list() {
            true => !binary.tests.is_empty(),
            false => names.contains(binary.id.to_string().as_str()),
        });
    }
}
