//! Fails so many times, then passes; counted in `GATE_FIXTURE_DIR`.

#[test]
fn always_passes() {}

#[test]
fn fails_once() {
    let run = harness::nth_run("fails_once");
    assert!(run > 1, "run {run} of fails_once");
}

#[test]
fn fails_twice() {
    let run = harness::nth_run("fails_twice");
    assert!(run > 2, "run {run} of fails_twice");
}

#[test]
fn aborts_once() {
    if harness::nth_run("aborts_once") == 1 {
        harness::sleep_ms(200);
        std::process::abort();
    }
}
