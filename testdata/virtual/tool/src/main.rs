//! A program.

fn main() {
    println!("{}", counter::next(41));
}

#[test]
fn the_tool_counts() {
    assert_eq!(counter::next(41), 42);
}
