//! Numbers, times and names as people read them.

use std::time::Duration;

use console::measure_text_width;
use jiff::Timestamp;

pub use crate::model::thousands;
use crate::model::{TestKey, some_of};

/// `1 test`, `1,234 tests`, `24 binaries`.
#[must_use]
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// How many names a sentence holds.
const NAMED: usize = 3;

/// `a, b, c and 4 more`.
#[must_use]
pub fn names<T: AsRef<TestKey>>(keys: &[T]) -> String {
    some_of(keys.iter().map(AsRef::as_ref), NAMED)
}

/// Says which tests are gone.
#[must_use]
pub fn vanished<T: AsRef<TestKey>>(keys: &[T]) -> String {
    let count = count(keys.len() as u64, "test", "tests");
    format!("{count} of the full run before vanished: {}", names(keys))
}

/// `0.012s`, `59.999s`, `1m 05s`, `2h 03m`.
#[must_use]
pub fn exact(time: Duration) -> String {
    if time.as_secs() < 60 { format!("{}.{:03}s", time.as_secs(), time.subsec_millis()) } else { rough(time) }
}

/// `12s`, `1m 05s`, `2h 03m`.
#[must_use]
pub fn rough(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// The time in the middle; of an even number of times, the mean of the two that are.
#[must_use]
pub fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort_unstable();
    let upper = times.get(times.len() / 2)?;
    let lower = times.get((times.len() - 1) / 2)?;
    Some(*lower + (*upper - *lower) / 2)
}

/// `12 seconds ago`, `5 minutes ago`, `2 hours ago`, `3 days ago`.
#[must_use]
pub fn ago(time: Duration) -> String {
    let seconds = time.as_secs();
    let (number, one, many) = match seconds {
        0..60 => (seconds, "second", "seconds"),
        60..3600 => (seconds / 60, "minute", "minutes"),
        // Up to two days hours say more.
        3600..172_800 => (seconds / 3600, "hour", "hours"),
        _ => (seconds / 86_400, "day", "days"),
    };
    format!("{} ago", count(number, one, many))
}

/// How long before `now` something was. Clocks of several machines differ: what is to come is now.
#[must_use]
pub fn ago_from(at: Timestamp, now: Timestamp) -> String {
    ago(Duration::try_from(now.duration_since(at)).unwrap_or_default())
}

/// `2026-01-31 23:59Z`.
#[must_use]
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// Enough of a commit's name to know it by.
#[must_use]
pub fn short_commit(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

/// So many columns of a name tell it from any other; people are shown no more.
pub const LONGEST_NAME: usize = 240;

/// The text in at most `width` columns: what is too long loses its middle, since names differ at both ends.
#[must_use]
pub fn middle(text: &str, width: usize) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    if width == 0 {
        return String::new();
    }
    let chars: Vec<char> = text.chars().collect();
    // More room for the end: that is where a test's own name is.
    let head = take((width - 1) / 3, chars.iter());
    let tail = take(width - 1 - measure_text_width(&head), chars.iter().rev());
    format!("{head}…{}", tail.chars().rev().collect::<String>())
}

fn take<'a>(width: usize, chars: impl Iterator<Item = &'a char>) -> String {
    let mut out = String::new();
    for c in chars {
        out.push(*c);
        if measure_text_width(&out) > width {
            out.pop();
            break;
        }
    }
    out
}

/// The words of a sentence in lines: the first of at most `first` columns, the others of at most `width` (a longer
/// word has a line of its own).
#[must_use]
pub fn wrap(text: &str, first: usize, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let room = if lines.len() == 1 { first } else { width };
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if measure_text_width(line) + 1 + measure_text_width(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            // A line that begins with `::` is a command to some CI services.
            _ => lines.push(word.strip_prefix("::").map_or_else(|| word.to_owned(), |rest| format!(": :{rest}"))),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        for (number, want) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), want);
        }
        assert_eq!(count(1, "test", "tests"), "1 test");
        assert_eq!(count(1200, "test", "tests"), "1,200 tests");
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        for (times, want) in
            [(&[][..], None), (&[7], Some(7)), (&[9, 1], Some(5)), (&[9, 1, 2], Some(2)), (&[8, 1, 2, 6], Some(4))]
        {
            let of = |ms: u64| Duration::from_millis(ms);
            assert_eq!(median(times.iter().copied().map(of).collect()), want.map(of), "{times:?}");
        }
    }

    #[test]
    fn times_read_as_people_say_them() {
        for (ms, precise, coarse) in [
            (0, "0.000s", "0s"),
            (12, "0.012s", "0s"),
            (59_999, "59.999s", "59s"),
            (65_400, "1m 05s", "1m 05s"),
            (3_599_999, "59m 59s", "59m 59s"),
            (7_380_000, "2h 03m", "2h 03m"),
        ] {
            let time = Duration::from_millis(ms);
            assert_eq!((exact(time).as_str(), rough(time).as_str()), (precise, coarse));
        }
    }

    #[test]
    fn what_is_past_is_told_in_the_largest_unit_that_says_enough() {
        for (seconds, want) in [
            (0, "0 seconds ago"),
            (1, "1 second ago"),
            (59, "59 seconds ago"),
            (60, "1 minute ago"),
            (3599, "59 minutes ago"),
            (3600, "1 hour ago"),
            (172_799, "47 hours ago"),
            (172_800, "2 days ago"),
            (86_400 * 1500, "1,500 days ago"),
        ] {
            assert_eq!(ago(Duration::from_secs(seconds)), want);
        }
        let second = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(ago_from(second(60), second(180)), "2 minutes ago");
        assert_eq!(ago_from(second(180), second(60)), "0 seconds ago");
    }

    #[test]
    fn moments_and_commits_are_short() {
        assert_eq!(moment(Timestamp::from_second(1_000_000_000).unwrap()), "2001-09-09 01:46Z");
        assert_eq!((short_commit("0123456789abcdef"), short_commit("012")), ("0123456789", "012"));
    }

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(middle("app/test:db::slow", 17), "app/test:db::slow");
        assert_eq!(middle("app/test:db::slow", 10), "app…::slow");
        assert_eq!(middle("app", 1), "…");
        assert_eq!(middle("app", 0), "");
    }

    #[test]
    fn sentences_wrap_between_words() {
        assert_eq!(wrap("one two three", 7, 7), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible it is so", 16, 5), ["incomprehensible", "it is", "so"]);
        assert_eq!(wrap("", 5, 5), [""]);
        assert_eq!(wrap("no ::error::x", 5, 5), ["no", ": :error::x"]);
    }

    proptest! {
        #[test]
        fn what_is_cut_fits(text in "\\PC{0,40}", width in 0_usize..50) {
            prop_assert!(measure_text_width(&middle(&text, width)) <= width);
        }
    }
}
