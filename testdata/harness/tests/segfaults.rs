//! Death by SIGSEGV.

#[test]
fn a_first() {}

#[test]
fn m_segfaults() {
    harness::sleep_ms(100);
    // The first one from outside only resets Rust's handler: insist.
    harness::shell("while kill -s SEGV $PPID 2>/dev/null; do sleep 0.02; done").status().unwrap();
    harness::hang();
}

#[test]
fn z_last() {}
