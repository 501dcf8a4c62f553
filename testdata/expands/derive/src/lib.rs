//! A macro with two ways to go.

use proc_macro::TokenStream;

/// A number: with an argument that, without any 7.
#[proc_macro]
pub fn number(input: TokenStream) -> TokenStream {
    if input.is_empty() {
        return seven();
    }
    input
}

fn seven() -> TokenStream {
    "7".parse().unwrap()
}
