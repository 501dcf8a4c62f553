//! More than one culprit in a binary.

#[test]
fn a_first() {}

#[test]
fn b_aborts() {
    harness::sleep_ms(50);
    std::process::abort();
}

#[test]
fn m_between() {}

#[test]
fn y_aborts_too() {
    harness::sleep_ms(50);
    std::process::abort();
}

#[test]
fn z_last() {}
