//! What is to be paid.

/// The sum.
pub fn sum(prices: &[u32]) -> u32 {
    prices.iter().sum()
}

/// The sum as other languages ask for it.
#[unsafe(no_mangle)]
pub extern "C" fn till_twice(price: u32) -> u32 {
    sum(&[price, price])
}
