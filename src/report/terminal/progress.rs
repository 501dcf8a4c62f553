//! The progress line: how far the run is, what fails, how long it takes yet, which tests it waits for.

use std::sync::Arc;
use std::time::Duration;

use console::measure_text_width;
use jiff::Timestamp;

use super::line::Shared;
use super::page::{Ink, MARGIN, Tone, status};
use crate::model::TestKey;
use crate::report::inert::one_line;
use crate::report::words;

/// How far a run is.
#[derive(Clone, Debug, Default)]
pub(super) struct Flight {
    pub(super) total: u64,
    pub(super) done: u64,
    pub(super) failing: u64,
    pub(super) expected: Option<Duration>,
    /// Why it is being stopped, if it is.
    pub(super) stopping: bool,
    /// When its tests began.
    pub(super) since: Option<Timestamp>,
    /// The tests in flight and when they started, the first first.
    pub(super) running: Vec<(Arc<TestKey>, Timestamp)>,
}

impl Flight {
    pub(super) fn started(&mut self, key: &Arc<TestKey>, at: Timestamp) {
        self.ended(key);
        self.running.push((Arc::clone(key), at));
    }

    pub(super) fn ended(&mut self, key: &TestKey) {
        self.running.retain(|(running, _)| **running != *key);
    }

    /// How long a test has been running when the tests have been for `elapsed`.
    fn running_for(&self, started: Timestamp, elapsed: Duration) -> Duration {
        let head = self.since.map(|since| started.duration_since(since)).unwrap_or_default();
        elapsed.saturating_sub(Duration::try_from(head).unwrap_or_default())
    }

    /// The line, in at most `width` columns: cargo's shape, the least important parts left out first.
    pub(super) fn line(&self, ink: Ink, elapsed: Duration, width: usize) -> String {
        let (word, tone) = match (self.stopping, self.failing) {
            (true, _) => ("Stopping", Tone::Soft),
            (false, 0) => ("Testing", Tone::Note),
            (false, _) => ("Testing", Tone::Bad),
        };
        let mut line = status(ink, tone, word, if width < 60 { 0 } else { MARGIN - 1 });
        // Where there is little room, names say more than a bar.
        if width >= 100 {
            line.push_str(&self.bar(20));
        }
        line.push_str(&format!("{}/{}", words::thousands(self.done), words::thousands(self.total)));
        if self.failing > 0 {
            line.push_str(", ");
            line.push_str(&ink.paint(Tone::Bad, &format!("{} failed", words::thousands(self.failing))));
        }
        let left = self.expected.and_then(|expected| expected.checked_sub(elapsed)).filter(|_| !self.stopping);
        for time in [Some(words::rough(elapsed)), left.map(|left| format!("{} left", words::rough(left)))] {
            let time = time.map(|time| format!(", {time}")).unwrap_or_default();
            if measure_text_width(&line) + time.len() <= width {
                line.push_str(&time);
            }
        }
        let room = width.saturating_sub(measure_text_width(&line));
        line.push_str(&self.waiting_for(ink, elapsed, room));
        console::truncate_str(&line, width, "…").into_owned()
    }

    fn bar(&self, width: usize) -> String {
        let filled = (self.done.min(self.total) * width as u64).checked_div(self.total).unwrap_or_default() as usize;
        let head = if filled < width { ">" } else { "" };
        format!("[{}{head}{}] ", "=".repeat(filled), " ".repeat(width - filled - head.len()))
    }

    /// `: app/test:db::slow 4s, app/test:net::peer 2s, +6`: as many as there is room for, the longest running first.
    fn waiting_for(&self, ink: Ink, elapsed: Duration, room: usize) -> String {
        /// Less of a key than this says nothing.
        const LEAST: usize = 12;
        let mut out = String::new();
        for (i, (key, started)) in self.running.iter().enumerate() {
            let time = self.running_for(*started, elapsed);
            let time = if time.as_secs() > 0 { format!(" {}", words::rough(time)) } else { String::new() };
            let separator = if i == 0 { ": " } else { ", " };
            let behind = self.running.len() - i - 1;
            let more = if behind > 0 { format!(", +{behind}") } else { String::new() };
            let taken = measure_text_width(&out) + separator.len() + time.len();
            let Some(free) = room.checked_sub(taken + more.len()).filter(|free| *free >= LEAST) else {
                if i > 0 {
                    out.push_str(&format!(", +{}", self.running.len() - i));
                }
                break;
            };
            let name = one_line(&key.to_string());
            // Only the first is cut: a second one that does not fit is counted instead.
            if i > 0 && measure_text_width(&name) > free {
                out.push_str(&format!(", +{}", self.running.len() - i));
                break;
            }
            out.push_str(separator);
            out.push_str(&ink.paint(Tone::Strong, &words::middle(&name, free)));
            out.push_str(&time);
        }
        out
    }
}

/// A flight that the drawing thread looks at, too.
pub(super) type SharedFlight = Shared<Flight>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: Ink = Ink { color: false };

    fn flight(failing: u64, running: &[(&str, u64)]) -> Flight {
        let since: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        let running = running
            .iter()
            .map(|(name, second)| (Arc::new(name.parse().unwrap()), since + Duration::from_secs(*second)))
            .collect();
        let expected = Some(Duration::from_secs(20));
        Flight { total: 1_204, done: 812, failing, expected, stopping: false, since: Some(since), running }
    }

    #[test]
    fn the_line_says_what_there_is_room_for() {
        let long = "storage-engine/test:net::reconnects_after_a_partition";
        let flight =
            flight(3, &[(long, 1), ("app/test:db::slow", 4), ("app/app::quick", 12), ("app/app::quicker", 12)]);
        let line = |width| flight.line(PLAIN, Duration::from_secs(12), width);
        assert_eq!(line(20), "Testing 812/1,204, …");
        assert_eq!(line(39), "Testing 812/1,204, 3 failed, 12s");
        assert_eq!(line(79), "     Testing 812/1,204, 3 failed, 12s, 8s left: storage…ter_a_partition 11s, +3");
        assert_eq!(
            line(119),
            "     Testing [=============>      ] 812/1,204, 3 failed, 12s, 8s left: \
             storage-engin…connects_after_a_partition 11s, +3"
        );
        assert_eq!(
            line(160),
            "     Testing [=============>      ] 812/1,204, 3 failed, 12s, 8s left: \
             storage-engine/test:net::reconnects_after_a_partition 11s, app/test:db::slow 8s, +2"
        );
    }

    #[test]
    fn a_run_that_takes_longer_than_expected_or_stops_promises_nothing() {
        let mut flight = flight(0, &[]);
        assert_eq!(flight.line(PLAIN, Duration::from_secs(65), 79), "     Testing 812/1,204, 1m 05s");
        flight.stopping = true;
        assert_eq!(flight.line(PLAIN, Duration::from_secs(2), 79), "    Stopping 812/1,204, 2s");
    }

    proptest! {
        #[test]
        fn the_line_fits(
            names in prop::collection::vec("[a-z\u{4e00}-\u{4e20}]{1,60}", 0..6),
            width in 1_usize..200,
            failing in 0_u64..3,
            color in any::<bool>(),
        ) {
            let names: Vec<String> = names.iter().map(|name| format!("app/app::{name}")).collect();
            let running: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
            let line = flight(failing, &running).line(Ink { color }, Duration::from_secs(9), width);
            prop_assert!(measure_text_width(&line) <= width, "{line}");
        }
    }
}
