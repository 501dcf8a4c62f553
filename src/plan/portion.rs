//! What one machine of several takes of a plan.

use crate::model::{ContentHash, Shard};

/// One part of a plan that was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portion {
    /// Which part.
    pub shard: Shard,
    /// [`Plan::digest`](super::Plan::digest) of the whole plan: the same on every machine.
    pub whole: ContentHash,
    /// Hash of who takes what: the same on every machine that obeys the same cut.
    pub cut: ContentHash,
    /// The keys of its tests, and the names of its binaries that give no list, sorted: what [`super::Plan::digest`] is
    /// made of. All parts together have each name of the whole once.
    pub names: Vec<String>,
}
