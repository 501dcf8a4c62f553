//! A plain program that is not content.

use std::process::ExitCode;

fn main() -> ExitCode {
    custom::note_start("opaque_and_fails");
    eprintln!("checked everything, found something");
    ExitCode::from(7)
}
