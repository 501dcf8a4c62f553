//! Compiles.

#[test]
fn would_pass() {}
