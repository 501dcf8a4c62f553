//! The `cargo-gate` executable: everything is in the library.
fn main() {}
