//! Two functions, one of which the tests cover.

/// Covered.
pub fn size(number: u32) -> &'static str {
    if number > 9 {
        return "large";
    }
    "small"
}

/// Not covered.
pub fn parity(number: u32) -> &'static str {
    if number % 2 == 0 {
        return "even";
    }
    "odd"
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes() {
        assert_eq!(super::size(3), "small");
        assert_eq!(super::size(12), "large");
    }
}
