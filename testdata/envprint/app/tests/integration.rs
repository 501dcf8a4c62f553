//! An integration test: it knows where the package's binaries are.

use std::process::Command;

#[test]
fn writes_its_surroundings() {
    envdump::write("test-integration");
}

#[test]
fn runs_the_binary_of_its_package() {
    let output = Command::new(env!("CARGO_BIN_EXE_app")).output().unwrap();
    assert_eq!(output.stdout, b"app says hello\n");
    assert!(std::path::Path::new(env!("CARGO_BIN_EXE_second")).exists());
}

#[test]
fn has_a_directory_for_its_files() {
    assert!(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).is_dir());
}
