//! An example that is tested too.

fn main() {}

#[test]
fn writes_its_surroundings() {
    envdump::write("example-shown");
}
