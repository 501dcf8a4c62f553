//! Known durations, in milliseconds, in the names.

#[test]
fn a_0100() {
    harness::sleep_ms(100);
}

#[test]
fn b_0400() {
    harness::sleep_ms(400);
}

#[test]
fn c_0050() {
    harness::sleep_ms(50);
}

#[test]
fn d_0200() {
    harness::sleep_ms(200);
}

#[test]
#[ignore = "takes no time at all, and starts nothing"]
fn e_ignored() {}

#[test]
fn f_0300() {
    harness::sleep_ms(300);
}

#[test]
fn g_0000() {}

#[test]
fn h_0800() {
    harness::sleep_ms(800);
}
