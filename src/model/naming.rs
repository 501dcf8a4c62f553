//! Many names in one sentence, and large numbers.

use std::fmt::Display;

/// `a, b, c and 4 more`: so many of them by name.
pub fn some_of<T: Display>(names: impl ExactSizeIterator<Item = T>, most: usize) -> String {
    let more = names.len().saturating_sub(most);
    let named: Vec<String> = names.take(most).map(|name| name.to_string()).collect();
    match more {
        0 => named.join(", "),
        more => format!("{} and {} more", named.join(", "), thousands(more as u64)),
    }
}

/// `1,234,567`.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_counted() {
        let of = |most| some_of(["a", "b", "c"].iter(), most);
        assert_eq!([of(3), of(2), of(1)], ["a, b, c", "a, b and 1 more", "a and 2 more"]);
        assert_eq!(some_of([0; 0].iter(), 3), "");
    }
}
