//! Another binary.

fn main() {}

#[test]
fn writes_its_surroundings() {
    envdump::write("bin-second");
}
