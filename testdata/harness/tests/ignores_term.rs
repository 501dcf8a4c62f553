//! A child that shrugs at TERM, holding its parent's pipes: only KILL to the whole group ends it.

#[test]
fn a_first() {}

#[test]
fn m_hangs_with_a_stubborn_child() {
    let script = "trap '' TERM; echo $$ > \"$GATE_FIXTURE_DIR/stubborn.pid\"; sleep 300; sleep 300";
    harness::shell(script).status().unwrap();
    harness::hang();
}
