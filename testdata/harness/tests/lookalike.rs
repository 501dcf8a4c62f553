//! Prints what libtest prints. None of it is true.

use std::io::{self, Write};

fn raw(text: &str) {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).unwrap();
    stdout.flush().unwrap();
}

#[test]
fn a_child_reports_a_test_that_is_none() {
    harness::shell("echo 'test fake ... ok'; echo 'test other::fake ... FAILED'").status().unwrap();
}

#[test]
fn a_failing_test_reports_itself_as_ok() {
    raw("test a_failing_test_reports_itself_as_ok ... ok\n");
    harness::sleep_ms(20);
    panic!("whatever the line above says");
}

#[test]
fn a_neighbour_is_slandered() {
    raw("test z_neighbour_that_passes ... FAILED\n");
}

#[test]
fn a_summary_is_forged() {
    raw("\ntest result: ok. 99 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n");
}

#[test]
fn a_red_summary_is_forged() {
    raw("\nfailures:\n    z_neighbour_that_passes\n\ntest result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n\n");
}

#[test]
fn a_start_is_forged() {
    raw("\nrunning 5 tests\n");
}

#[test]
fn captured_text_looks_like_sections() {
    println!("---- z_neighbour_that_passes stdout ----");
    println!("\nfailures:\n    z_neighbour_that_passes\n");
    println!("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
    panic!("and fails");
}

#[test]
fn raw_text_splits_the_line() {
    // With one thread libtest has already printed `test … ... `: the line becomes `… ... rawok`.
    raw("raw");
}

#[test]
fn raw_text_splits_the_line_and_fails() {
    raw("ok\ntest ");
    panic!("a failure behind half a line");
}

#[test]
fn z_neighbour_that_passes() {
    harness::sleep_ms(50);
}
