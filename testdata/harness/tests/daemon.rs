//! Leaves something behind that still holds the pipes.

use std::os::unix::process::CommandExt;

#[test]
fn leaves_a_child_behind() {
    harness::shell("sleep 5 &").status().unwrap();
}

#[test]
#[ignore = "a group of its own escapes a kill of ours for five seconds"]
fn leaves_a_child_in_a_group_of_its_own() {
    harness::shell("sleep 5 &").process_group(0).status().unwrap();
}
