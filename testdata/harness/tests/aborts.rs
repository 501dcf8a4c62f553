//! A process that aborts under one of its tests.

#[test]
fn a_first() {}

#[test]
fn m_aborts() {
    // Late enough for `a_first` to be reported, early enough for `z_last` to be in flight or not begun.
    harness::sleep_ms(200);
    std::process::abort();
}

#[test]
fn z_last() {
    harness::sleep_ms(20);
}
