//! The `cargo-gate` executable: everything is in the library.

fn main() -> std::process::ExitCode {
    cargo_gate::commands::main(std::env::args_os().collect())
}
