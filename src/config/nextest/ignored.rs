//! What nextest's file says and the gate has no use for, told in one note.

use std::collections::BTreeMap;

use super::load::NEXTEST_FILE;
use crate::config::error::printable;

/// Keys that were passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ignored(BTreeMap<(String, String), Vec<usize>>);

impl Ignored {
    /// Notes a key on a line. `why` is empty where the gate simply has nothing like it.
    pub(super) fn add(&mut self, key: impl Into<String>, line: usize, why: impl Into<String>) {
        self.0.entry((key.into(), why.into())).or_default().push(line);
    }

    /// One sentence for all of them, if there are any.
    pub(super) fn note(&self) -> Option<String> {
        let told: Vec<String> = self.0.iter().map(|((key, why), lines)| tell(key, why, lines)).collect();
        (!told.is_empty()).then(|| format!("ignored from {NEXTEST_FILE}: {}", told.join(", ")))
    }
}

fn tell(key: &str, why: &str, lines: &[usize]) -> String {
    let mut lines = lines.to_vec();
    lines.sort_unstable();
    lines.dedup();
    let word = if lines.len() == 1 { "line" } else { "lines" };
    let numbers: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let why = if why.is_empty() { String::new() } else { format!(": {}", printable(why)) };
    format!("`{}` ({word} {}{why})", printable(key), numbers.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_each_is_named_once_with_its_lines() {
        let mut ignored = Ignored::default();
        assert_eq!(ignored.note(), None);
        ignored.add("profile.ci.junit", 9, "");
        ignored.add("experimental", 1, "");
        ignored.add("profile.ci.junit", 3, "");
        ignored.add("profile.ci.overrides", 12, "deps() is\u{1b} unknown");
        assert_eq!(
            ignored.note().unwrap(),
            "ignored from .config/nextest.toml: `experimental` (line 1), `profile.ci.junit` (lines 3 and 9), \
             `profile.ci.overrides` (line 12: deps() is\\u{1b} unknown)"
        );
    }
}
