//! Uses what runs while it is built.

/// The macro's number.
pub fn number() -> u32 {
    derive::number!(5)
}

/// The build script's word.
pub fn greeting() -> &'static str {
    env!("GREETING")
}

#[cfg(test)]
mod tests {
    #[test]
    fn both() {
        assert_eq!((super::number(), super::greeting()), (5, "hello"));
    }
}
