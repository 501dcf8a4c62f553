//! One test takes the whole process down. The gate names the culprit, and its neighbours keep their outcomes.

#[test]
fn a_neighbour_before_the_crash() {}

// Aborts: the process is gone before anyone can say `FAILED`.
#[test]
fn crashes() {
    std::process::abort();
}

#[test]
fn the_neighbour_after_the_crash() {}
