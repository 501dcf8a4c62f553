//! Looks at no argument, prints lines as libtest does, and one of them is red.

use std::process::ExitCode;

fn main() -> ExitCode {
    custom::note_start("blind_with_a_failing_line");
    println!("test fixtures/one.txt ... ok");
    println!("test fixtures/two.txt ... FAILED");
    println!("two.txt differs from two.expected");
    ExitCode::FAILURE
}
