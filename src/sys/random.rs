//! Numbers that nobody else draws, as good as the seed of a hash map.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Good enough to tell two runs of one millisecond apart; no secret hangs on it.
#[must_use]
pub fn random() -> u32 {
    let bits = RandomState::new().build_hasher().finish();
    u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0)
}

/// A number from 0 to 1.
#[must_use]
pub fn roll() -> f64 {
    f64::from(random()) / f64::from(u32::MAX)
}
