//! What there is.

/// So many.
pub fn dozen() -> u32 {
    12
}

/// Many more.
#[cfg(feature = "bulk")]
pub fn gross() -> u32 {
    if dozen() > 20 {
        return 0;
    }
    dozen() * dozen()
}

/// Nothing.
pub fn none() -> u32 {
    0
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_dozen() {
        assert_eq!(super::dozen(), 12);
    }

    #[cfg(feature = "bulk")]
    #[test]
    fn a_gross() {
        assert_eq!(super::gross(), 144);
    }
}
