//! Names of doctests that outlive an edit above them: `path - item #k`, the k-th of the item, instead of the line.

/// A doctest as rustdoc reports it, and under its lasting name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// `path - item #k`.
    pub name: String,
    /// The line that rustdoc gives.
    pub line: Option<u32>,
}

/// Gives each reported name, `path - item (line N)`, its lasting one. The order of the reports does not matter.
#[must_use]
pub fn lasting_names(reported: &[String]) -> Vec<Named> {
    let parts: Vec<(&str, Option<u32>)> = reported.iter().map(|name| split(name)).collect();
    let place =
        |(item, line): (&str, Option<u32>)| 1 + parts.iter().filter(|other| other.0 == item && other.1 < line).count();
    parts.iter().map(|part| Named { name: format!("{} #{}", part.0, place(*part)), line: part.1 }).collect()
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
        let named = lasting_names(&reported.map(str::to_owned));
        let pairs: Vec<(&str, Option<u32>)> = named.iter().map(|named| (named.name.as_str(), named.line)).collect();
        let wanted = [
            ("src/lib.rs - q #2", Some(30)),
            ("src/lib.rs - q #1", Some(6)),
            ("src/lib.rs - #1", Some(1)),
            ("odd #1", None),
        ];
        assert_eq!(pairs, wanted);
    }
}
