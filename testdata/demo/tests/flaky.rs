//! Same code, two answers: what the gate's memory is for.

use std::fs;

// Fails on the first of every two runs, passes on the second. Run the gate twice and it says `flaky`, with the proof.
#[test]
fn passes_every_second_time() {
    let counter = concat!(env!("CARGO_TARGET_TMPDIR"), "/runs-of-the-flaky-test");
    let runs = fs::read_to_string(counter).ok().and_then(|text| text.parse().ok()).unwrap_or(0_u32) + 1;
    fs::write(counter, runs.to_string()).unwrap();
    assert!(runs % 2 == 0, "run {runs} is an odd one");
}
