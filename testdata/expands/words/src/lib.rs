//! Words for build scripts and others.

/// Said while building.
pub fn greeting() -> &'static str {
    "hello"
}

/// Said by tests.
pub fn farewell() -> &'static str {
    "farewell"
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_of_farewell() {
        assert_eq!(super::farewell(), "farewell");
    }
}
