//! A procedural macro with unit tests: a test binary that needs the compiler's own libraries to start.

use proc_macro::TokenStream;

/// The number.
///
/// ```
/// assert_eq!(mac::seven!(), 7);
/// ```
#[proc_macro]
pub fn seven(_: TokenStream) -> TokenStream {
    SEVEN.parse().unwrap()
}

const SEVEN: &str = "7";

#[cfg(test)]
mod tests {
    #[test]
    fn writes_its_surroundings() {
        envdump::write("lib-mac");
    }

    #[test]
    fn is_a_number() {
        assert_eq!(super::SEVEN.parse(), Ok(7));
    }
}
