//! Output that does not sit still in a report: bytes that are no text, and text that means something elsewhere.

use std::io::{self, Write};

fn raw(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).unwrap();
    stdout.flush().unwrap();
}

#[test]
fn no_utf8_and_passes() {
    raw(b"\xff\xfe\x00 raw \xc3\x28\n");
}

#[test]
fn no_utf8_and_fails() {
    raw(b"\xff\xfe\x00 raw \xc3\x28\n");
    panic!("and then it fails");
}

#[test]
fn no_newline_at_the_end_and_passes() {
    raw(b"no newline follows");
}

#[test]
fn no_newline_at_the_end_and_fails() {
    print!("no newline follows");
    panic!("nor here");
}

#[test]
fn terminal_escapes_and_fails() {
    panic!("\x1b[2J\x1b]0;a new title\x07\x1b[31mred\x1b[0m \x1b]8;;http://example.invalid\x1b\\link\x1b]8;;\x1b\\ \u{202e}edoc");
}

#[test]
fn workflow_commands_and_fails() {
    println!("::error file=src/lib.rs,line=1::forged");
    println!("::stop-commands::forged");
    panic!("::warning::also forged%0A::error::and this");
}

#[test]
fn markup_and_fails() {
    panic!("<script>alert(1)</script> ]]> & \"quotes\" `ticks` | pipes | <!-- --> ```\n# heading\n---");
}
