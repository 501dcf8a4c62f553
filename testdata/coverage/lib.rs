//! A small crate of which some lines run.

mod shelf;

pub use shelf::Shelf;

/// How many are even.
pub fn evens(numbers: &[u32]) -> usize {
    numbers
        .iter()
        .filter(|number| {
            let rest = *number % 2;
            rest == 0
        })
        .count()
}

/// Says what a number is.
pub fn say<T: PartialOrd + From<u8>>(number: T) -> &'static str {
    if number > T::from(9) {
        "many"
    } else if number > T::from(1) {
        "some"
    } else {
        "few"
    }
}

/// Nobody calls it.
pub fn forgotten(number: i64) -> i64 {
    let mut sum = 0;
    for one in 0..number {
        sum += one;
    }

    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evens_are_counted() {
        assert_eq!(evens(&[1, 2, 4]), 2);
    }

    #[test]
    fn numbers_are_said() {
        assert_eq!(say(10_u32), "many");
        assert_eq!(say(0_u64), "few");
        if say(5_u32) == "few" {
            unreachable!();
        }
    }
}
