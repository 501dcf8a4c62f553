//! Does not compile.

#[test]
fn never_runs() {
    let number: u32 = "words";
}
