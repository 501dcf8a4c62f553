//! Built only with the feature `far`.

#[test]
fn counts_very_far() {}
