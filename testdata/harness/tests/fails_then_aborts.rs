//! The text of a failure is lost when the process dies before its summary.

#[test]
fn a_fails_with_words() {
    println!("words that only a second run can bring back");
    panic!("the failure before the crash");
}

#[test]
fn m_aborts() {
    harness::sleep_ms(200);
    std::process::abort();
}

#[test]
fn z_last() {}
