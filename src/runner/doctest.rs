//! Names of doctests that outlive an edit above them: `path - item #k`, the k-th of the item, instead of the line.

use std::collections::BTreeSet;

/// A doctest as rustdoc reports it, and under its lasting name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// `path - item #k`.
    pub name: String,
    /// The line that rustdoc gives.
    pub line: Option<u32>,
}

/// Gives each reported name, `path - item (line N)`, its lasting one among all of the crate; the order of neither
/// matters. Where `all` leaves out what is reported, that counts too.
#[must_use]
pub fn lasting_names(reported: &[String], all: &[String]) -> Vec<Named> {
    let places: BTreeSet<(&str, Option<u32>)> = all.iter().chain(reported).map(|name| split(name)).collect();
    let place = |(item, line): (&str, Option<u32>)| 1 + places.range((item, None)..(item, line)).count();
    let name = |part: (&str, Option<u32>)| Named { name: format!("{} #{}", part.0, place(part)), line: part.1 };
    reported.iter().map(|reported| name(split(reported))).collect()
}

fn split(name: &str) -> (&str, Option<u32>) {
    let parsed = name.strip_suffix(')').and_then(|start| {
        let (item, line) = start.rsplit_once(" (line ")?;
        Some((item, Some(line.parse().ok()?)))
    });
    parsed.unwrap_or((name, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_within_the_item_replaces_the_line() {
        let reported = ["src/lib.rs - q (line 30)", "src/lib.rs - q (line 6)", "src/lib.rs - (line 1)", "odd"];
        let named = lasting_names(&reported.map(str::to_owned), &[]);
        let pairs: Vec<(&str, Option<u32>)> = named.iter().map(|named| (named.name.as_str(), named.line)).collect();
        let wanted = [
            ("src/lib.rs - q #2", Some(30)),
            ("src/lib.rs - q #1", Some(6)),
            ("src/lib.rs - #1", Some(1)),
            ("odd #1", None),
        ];
        assert_eq!(pairs, wanted);
    }

    #[test]
    fn a_filter_changes_no_name() {
        let all = ["a - q (line 6)", "a - q (line 30)", "a - q (line 9)", "a - r (line 1)"].map(str::to_owned);
        let names = |reported: &[&str]| -> Vec<String> {
            let reported: Vec<String> = reported.iter().map(|name| (*name).to_owned()).collect();
            lasting_names(&reported, &all).into_iter().map(|named| named.name).collect()
        };
        assert_eq!(names(&["a - q (line 30)", "a - r (line 1)"]), ["a - q #3", "a - r #1"]);
        assert_eq!(names(&["a - q (line 9)"]), ["a - q #2"]);
    }
}
