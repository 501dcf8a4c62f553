//! Leaves with a status of its own before the summary.

#[test]
fn a_first() {}

#[test]
fn m_exits_with_three() {
    harness::sleep_ms(200);
    std::process::exit(3);
}

#[test]
fn z_last() {}
