use std::process::Command;

#[test]
fn it_says_the_sum() {
    let output = Command::new(env!("CARGO_BIN_EXE_till")).args(["2", "3"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "5\n");
}
