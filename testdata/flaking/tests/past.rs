//! One that is steady, one that is broken, one that breaks with the code, and four that flake, two of them together.

use flaking::{is_sound, nth_run};

#[test]
fn steady() {}

#[test]
fn broken() {
    panic!("as ever");
}

#[test]
fn breaks_with_the_code() {
    assert!(is_sound());
}

#[test]
fn flakes() {
    assert_ne!(nth_run("flakes") % 7, 3);
}

#[test]
fn flakes_once() {
    assert_ne!(nth_run("flakes_once"), 42);
}

#[test]
fn flakes_with_another() {
    assert_ne!(nth_run("flakes_with_another") % 11, 5);
}

#[test]
fn flakes_with_the_other() {
    let run = nth_run("flakes_with_the_other");
    assert!(run % 11 != 5 && run != 8);
}
