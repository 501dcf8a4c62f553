//! Foreign words on the page: inert, on one line, and of a bearable length.

use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::model::TestKey;
use crate::report::inert::one_line;
use crate::report::retrospect::PastRun;
use crate::report::words;

/// Names longer than this many columns lose their middle.
const LONGEST_NAME: usize = 300;
/// Sentences may be longer than names.
const LONGEST_SENTENCE: usize = 1000;

/// A name.
pub(super) fn name(text: &str) -> String {
    words::middle(&one_line(text), LONGEST_NAME)
}

/// A sentence.
pub(super) fn sentence(text: &str) -> String {
    words::middle(&one_line(text), LONGEST_SENTENCE)
}

/// A test: where it lives, quietly, and its name.
pub(super) fn test(key: &TestKey) -> Markup {
    html! {
        span.key { span.home { (name(&key.binary.to_string())) "::" } (name(&key.name)) }
    }
}

/// A moment, to the minute.
pub(super) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A moment that machines can read as well.
pub(super) fn moment(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (minute(at)) } }
}

/// How long, where that is known.
pub(super) fn time(took: Option<Duration>) -> String {
    took.map_or_else(|| "–".to_owned(), words::exact)
}

/// What was checked out: `4f1e2d3 on main`.
pub(super) fn checkout(run: &PastRun) -> Option<String> {
    let commit = run.commit.as_deref().map(|commit| name(&commit.chars().take(9).collect::<String>()));
    let branch = run.branch.as_deref().map(name);
    match (commit, branch) {
        (Some(commit), Some(branch)) => Some(format!("{commit} on {branch}")),
        (commit, branch) => commit.or(branch),
    }
}

/// A share in percent, floored to two decimals: what is not reached is not shown as reached.
pub(super) fn percent(part: u64, whole: u64) -> String {
    match (u128::from(part) * 10_000).checked_div(u128::from(whole)) {
        None => "–".to_owned(),
        Some(hundredths) => format!("{}.{:02}%", hundredths / 100, hundredths % 100),
    }
}

/// The same without decimals.
pub(super) fn whole_percent(part: u64, whole: u64) -> String {
    (u128::from(part) * 100).checked_div(u128::from(whole)).map_or_else(|| "–".to_owned(), |share| format!("{share}%"))
}

/// Is this an address that a reader may be sent to? (`javascript:` is one as well, to a browser.)
pub(super) fn is_web(link: &str) -> bool {
    link.starts_with("https://") || link.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_floored() {
        for (part, whole, want) in
            [(0, 0, "–"), (2, 3, "66.66%"), (9_999_999, 10_000_000, "99.99%"), (5, 5, "100.00%"), (0, 7, "0.00%")]
        {
            assert_eq!(percent(part, whole), want);
        }
    }

    #[test]
    fn readers_are_sent_to_the_web_only() {
        for (link, want) in [
            ("https://ci.example/1", true),
            ("http://ci.example/1", true),
            ("javascript:alert(1)", false),
            (" https://ci.example", false),
            ("data:text/html,x", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(is_web(link), want, "{link}");
        }
    }

    #[test]
    fn names_of_any_length_fit() {
        assert_eq!(name(&"x".repeat(10_000)).chars().count(), LONGEST_NAME);
        assert_eq!(name("a\u{202e}b\nc"), "a<U+202E>b␊c");
    }
}
