//! Leaves with status 0 before the summary: green for whoever looks at the status alone.

#[test]
fn a_first() {}

#[test]
fn m_exits_with_success() {
    harness::sleep_ms(200);
    std::process::exit(0);
}

#[test]
fn z_fails_if_it_ever_runs() {
    harness::sleep_ms(400);
    panic!("a failure that the early exit hides");
}
