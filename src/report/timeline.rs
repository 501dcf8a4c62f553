//! Rows of marks, one column a run, the newest at the right: what became of it, how long it took, on which branch.

use std::time::Duration;

use console::measure_text_width;

use super::inert::one_line;
use super::terminal::{Page, Tone};
use crate::model::{Outcome, RunState, Verdict};

/// How one run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// One column wide; colours only repeat what it says.
    pub(super) sign: char,
    /// How it is meant.
    pub(super) tone: Tone,
    /// What a legend says of it; empty for what goes without saying.
    pub(super) word: &'static str,
}

const fn mark(sign: char, tone: Tone, word: &'static str) -> Mark {
    Mark { sign, tone, word }
}

/// The mark of a test's outcome.
pub(super) const fn of_outcome(outcome: Outcome) -> Mark {
    match outcome {
        Outcome::Passed => mark('■', Tone::Good, ""),
        Outcome::Failed => mark('F', Tone::Bad, "failed"),
        Outcome::Error => mark('E', Tone::Bad, "error"),
        Outcome::Timeout => mark('T', Tone::Bad, "timeout"),
        Outcome::Skipped => mark('s', Tone::Dim, "skipped"),
        Outcome::Flaky => mark('~', Tone::Soft, "flaky"),
    }
}

/// The mark of a whole run.
pub(super) const fn of_run(state: RunState, verdict: Option<Verdict>) -> Mark {
    match (state, verdict) {
        (RunState::Running, _) => mark('…', Tone::Note, "running"),
        (RunState::Interrupted, _) => mark('I', Tone::Soft, "interrupted"),
        (RunState::BuildFailed, _) => mark('B', Tone::Bad, "build failed"),
        (RunState::Deferred, _) | (_, Some(Verdict::Deferred)) => mark('D', Tone::Soft, "deferred"),
        (RunState::ToolError, _) | (_, Some(Verdict::ToolError)) => mark('E', Tone::Bad, "tool error"),
        (_, Some(Verdict::Fail)) => mark('F', Tone::Bad, "failed"),
        (_, Some(Verdict::Nothing) | None) => mark('·', Tone::Dim, "nothing"),
        (_, Some(Verdict::Pass)) => mark('■', Tone::Good, ""),
    }
}

/// A row of marks.
pub(super) fn row<W>(page: &Page<W>, marks: &[Mark]) -> String {
    let same = marks.chunk_by(|a, b| a.tone == b.tone);
    same.map(|marks| {
        let signs: String = marks.iter().map(|mark| mark.sign).collect();
        marks.first().map_or_else(String::new, |mark| page.ink.paint(mark.tone, &signs))
    })
    .collect()
}

/// What the signs of a row mean, as far as they need saying: `F failed, ~ flaky`.
pub(super) fn legend(marks: &[Mark]) -> String {
    let mut said: Vec<String> = Vec::new();
    for mark in marks.iter().filter(|mark| !mark.word.is_empty()) {
        let text = format!("{} {}", mark.sign, mark.word);
        if !said.contains(&text) {
            said.push(text);
        }
    }
    said.join(", ")
}

/// The heights of bars, from none to the longest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A row of bars: times in proportion to the longest, a space where one is not known. Times that are all the same
/// are bars of half the height: nothing stands out.
pub(super) fn bars(times: &[Option<Duration>]) -> String {
    let known = || times.iter().flatten();
    let (least, most) = (known().min().copied().unwrap_or_default(), known().max().copied().unwrap_or_default());
    let height = |time: &Duration| {
        let steps = time.as_nanos() * 8;
        let height = if least == most { 4 } else { steps.div_ceil(most.as_nanos().max(1)).max(1) };
        usize::try_from(height).ok().and_then(|height| BARS.get(height - 1)).copied().unwrap_or('█')
    };
    times.iter().map(|time| time.as_ref().map_or(' ', height)).collect()
}

/// A row of names, each below the columns it is for: `main        │topic  │main`. Names that do not fit are cut.
pub(super) fn segments(names: &[Option<&str>]) -> String {
    let mut out = String::new();
    for (number, same) in names.chunk_by(|a, b| a == b).enumerate() {
        let edge = if number == 0 { "" } else { "│" };
        let room = same.len() - usize::from(number > 0);
        let name = same.first().copied().flatten().map(one_line).unwrap_or_default();
        let name = console::truncate_str(&name, room, if room == 0 { "" } else { "…" });
        out.push_str(&format!("{edge}{name}{}", " ".repeat(room - measure_text_width(&name).min(room))));
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(times: &[u64]) -> Vec<Option<Duration>> {
        times.iter().map(|ms| Some(Duration::from_millis(*ms))).collect()
    }

    #[test]
    fn bars_are_in_proportion_to_the_longest() {
        assert_eq!(bars(&ms(&[1, 2, 4, 8])), "▁▂▄█");
        assert_eq!(bars(&ms(&[0, 1000])), "▁█");
        assert_eq!(bars(&ms(&[5, 5])), "▄▄");
        assert_eq!(bars(&[None, Some(Duration::from_millis(1)), None]), " ▄ ");
        assert_eq!(bars(&[]), "");
    }

    #[test]
    fn names_stand_below_their_columns() {
        let names = |text: &'static str| -> Vec<Option<&str>> {
            text.chars()
                .map(|c| match c {
                    'm' => Some("main"),
                    't' => Some("a-long-topic"),
                    _ => None,
                })
                .collect()
        };
        assert_eq!(segments(&names("mmmmmmttttttmmmmmm")), "main  │a-lo…│main");
        assert_eq!(segments(&names("mmtm")), "m…││");
        assert_eq!(segments(&names("--mmmmmm")), "  │main");
        assert_eq!(segments(&[]), "");
    }

    #[test]
    fn a_legend_names_each_sign_once_and_no_pass() {
        let marks: Vec<Mark> =
            [Outcome::Passed, Outcome::Failed, Outcome::Flaky, Outcome::Failed].into_iter().map(of_outcome).collect();
        assert_eq!(legend(&marks), "F failed, ~ flaky");
    }

    proptest! {
        #[test]
        fn every_row_has_a_column_a_run(
            micros in prop::collection::vec(prop::option::of(any::<u64>()), 0..40),
            names in prop::collection::vec(prop::option::of("[a-c]{0,9}|\\PC{0,5}"), 0..40),
        ) {
            let times: Vec<Option<Duration>> = micros.iter().map(|us| us.map(Duration::from_micros)).collect();
            prop_assert_eq!(bars(&times).chars().count(), times.len());
            let names: Vec<Option<&str>> = names.iter().map(Option::as_deref).collect();
            prop_assert!(measure_text_width(&segments(&names)) <= names.len());
        }
    }
}
