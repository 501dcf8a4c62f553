//! Tests that share a file under a lock of their process: two processes of this binary at once would break them.

use std::fs::{self, File};
use std::sync::Mutex;

static FILE: Mutex<()> = Mutex::new(());

fn use_the_file() {
    let _guard = FILE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let path = harness::scratch().join("held");
    File::create_new(&path).expect("another process holds the file");
    harness::sleep_ms(60);
    fs::remove_file(path).unwrap();
}

#[test]
fn a_uses_the_file() {
    use_the_file();
}

#[test]
fn b_uses_the_file() {
    use_the_file();
}

#[test]
fn c_uses_the_file() {
    use_the_file();
}

#[test]
fn d_uses_the_file() {
    use_the_file();
}
