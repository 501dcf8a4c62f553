//! Reads what it is given.

use std::io::Read;

#[test]
fn finds_the_end_of_stdin() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    assert_eq!(text, "");
}
