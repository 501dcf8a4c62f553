//! Counts, as far as its features let it.

/// The next number.
///
/// ```
/// assert_eq!(counter::next(1), 2);
/// ```
pub fn next(number: u64) -> u64 {
    number + 1
}

#[cfg(test)]
mod tests {
    #[test]
    fn counts() {
        assert_eq!(super::next(1), 2);
    }

    #[cfg(feature = "std")]
    #[test]
    fn counts_with_std() {}

    #[cfg(feature = "far")]
    #[test]
    fn counts_far() {}
}
