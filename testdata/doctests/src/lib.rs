//! A crate may begin with one.
//!
//! ```
//! assert_eq!(doctests::double(2), 4);
//! ```

pub mod nested;

/// Twice as much.
///
/// ```
/// assert_eq!(doctests::double(1), 2);
/// ```
///
/// ```
/// assert_eq!(doctests::double(0), 0);
/// ```
///
/// This one is wrong:
///
/// ```
/// println!("printed before the failure");
/// assert_eq!(doctests::double(3), 7);
/// ```
pub fn double(number: u32) -> u32 {
    number * 2
}

/// What rustdoc can be asked to check.
///
/// ```compile_fail
/// let wrong: u32 = "words";
/// ```
///
/// ```compile_fail
/// let right: u32 = 1; // so this one fails
/// ```
///
/// ```should_panic
/// panic!("as said");
/// ```
///
/// ```should_panic
/// // so this one fails
/// ```
///
/// ```no_run
/// loop {}
/// ```
///
/// ```ignore
/// this is no Rust at all
/// ```
///
/// ```standalone_crate
/// assert!(true);
/// ```
///
/// ```
/// fn no_rust_either( {
/// ```
pub struct Kinds;

impl Kinds {
    /// ```
    /// doctests::Kinds.method();
    /// ```
    pub fn method(&self) {}
}

/// ```
/// let one: Vec<u32> = doctests::Generic::<u32>::one();
/// assert_eq!(one, []);
/// ```
pub struct Generic<T>(T);

impl<T: Copy> Generic<T> {
    /// ```
    /// assert!(doctests::Generic::<u8>::one().is_empty());
    /// ```
    pub fn one() -> Vec<T> {
        Vec::new()
    }
}
