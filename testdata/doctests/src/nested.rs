//! A module in a file of its own.
//!
//! ```
//! assert!(doctests::nested::answers());
//! ```

/// ```
/// assert!(doctests::nested::answers());
/// ```
pub fn answers() -> bool {
    true
}
