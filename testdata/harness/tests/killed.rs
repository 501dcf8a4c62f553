//! Death by SIGKILL, as the kernel does it when memory runs out.

#[test]
fn a_first() {}

#[test]
fn m_is_killed() {
    harness::sleep_ms(100);
    harness::shell("kill -s KILL $PPID").status().unwrap();
    harness::hang();
}

#[test]
fn z_last() {}
