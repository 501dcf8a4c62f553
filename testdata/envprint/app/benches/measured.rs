//! A benchmark with the usual harness, which `cargo test --benches` runs as tests.

#[test]
fn writes_its_surroundings() {
    envdump::write("bench-measured");
}
