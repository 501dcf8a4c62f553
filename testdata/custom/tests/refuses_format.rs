//! Strict about its arguments: it lists, but `--format` it has never heard of.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    custom::note_start("refuses_format");
    let args: Vec<String> = env::args().skip(1).collect();
    if let Some(flag) = args.iter().find(|arg| arg.starts_with('-') && !["--list", "--exact"].contains(&arg.as_str())) {
        eprintln!("error: Found argument '{flag}' which wasn't expected, or isn't valid in this context");
        return ExitCode::from(1);
    }
    if args.iter().any(|arg| arg == "--list") {
        println!("strict: test");
        return ExitCode::SUCCESS;
    }
    println!("running 1 test");
    println!("test strict ... ok");
    println!("\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
    ExitCode::SUCCESS
}
