//! Prints `GATE_FIXTURE_BYTES`: what the harness captures, and what it does not.

use std::io::{self, Write};

const LINE: &str = "sixty-three characters to a line, and then there is the newline";

fn lines() -> usize {
    harness::bytes_to_print().div_ceil(LINE.len() + 1)
}

#[test]
fn captured_and_passes() {
    (0..lines()).for_each(|_| println!("{LINE}"));
}

#[test]
fn captured_and_fails() {
    (0..lines()).for_each(|_| println!("{LINE}"));
    panic!("after much talk");
}

#[test]
fn raw_and_passes() {
    let mut stdout = io::stdout().lock();
    (0..lines()).for_each(|_| writeln!(stdout, "{LINE}").unwrap());
}

#[test]
fn raw_and_fails() {
    let mut stderr = io::stderr().lock();
    (0..lines()).for_each(|_| writeln!(stderr, "{LINE}").unwrap());
    panic!("after much talk");
}

#[test]
fn raw_in_one_line_and_passes() {
    let mut stdout = io::stdout().lock();
    (0..lines()).for_each(|_| stdout.write_all(LINE.as_bytes()).unwrap());
    stdout.write_all(b"\n").unwrap();
}
