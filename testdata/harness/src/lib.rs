//! What the test binaries of this fixture share.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::{env, fs, thread};

/// A directory of this test run's own: `GATE_FIXTURE_DIR`.
pub fn scratch() -> PathBuf {
    PathBuf::from(env::var_os("GATE_FIXTURE_DIR").expect("GATE_FIXTURE_DIR names a directory"))
}

/// Which run of the test `name` this is, from 1, counted in [`scratch`].
pub fn nth_run(name: &str) -> u32 {
    let counter = scratch().join(name);
    let runs = fs::read_to_string(&counter).ok().and_then(|text| text.parse().ok()).unwrap_or(0) + 1;
    fs::write(&counter, runs.to_string()).unwrap();
    runs
}

/// How much the talkative tests print: `GATE_FIXTURE_BYTES`, else a megabyte.
pub fn bytes_to_print() -> usize {
    env::var("GATE_FIXTURE_BYTES").map_or(1_000_000, |bytes| bytes.parse().expect("GATE_FIXTURE_BYTES is a number"))
}

/// A shell that inherits this process's streams: what it prints, no harness captures.
pub fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// Sleeps for so many milliseconds.
pub fn sleep_ms(milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
}

/// Sleeps for longer than any test of ours waits, but leaves in the end if nobody kills it.
pub fn hang() {
    thread::sleep(Duration::from_secs(300));
}
