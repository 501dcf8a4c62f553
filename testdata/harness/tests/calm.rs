//! Passes.

#[test]
fn one() {}

#[test]
fn two() {}

mod nested {
    #[test]
    fn three() {}
}
