//! Never ends.

#[test]
fn a_first() {}

#[test]
fn m_hangs() {
    println!("about to hang");
    harness::hang();
}

#[test]
fn z_last() {}
