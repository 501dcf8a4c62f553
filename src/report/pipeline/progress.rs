//! The live lines: how far the gate is, which steps run, for how long, and what each printed last.

use std::time::Duration;

use console::measure_text_width;
use jiff::Timestamp;

use crate::report::inert::{inert, one_line};
use crate::report::terminal::{Ink, MARGIN, Tone, status};
use crate::report::words;

/// How many running steps have a line of their own.
const SHOWN: usize = 8;
/// So much of a name tells it from others.
const NAME: usize = 24;
/// In less room nothing is aligned.
const NARROW: usize = 60;

/// How far a gate is.
#[derive(Debug, Default)]
pub(super) struct Flight {
    pub(super) total: usize,
    pub(super) done: usize,
    pub(super) failed: usize,
    pub(super) stopping: bool,
    /// When it began.
    pub(super) since: Option<Timestamp>,
    /// The steps that run, the first first.
    pub(super) running: Vec<Running>,
}

/// A step that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) name: String,
    pub(super) since: Timestamp,
    /// The last line it printed, inert.
    pub(super) last: String,
}

impl Flight {
    pub(super) fn started(&mut self, name: &str, at: Timestamp) {
        self.running.push(Running { name: name.to_owned(), since: at, last: String::new() });
    }

    pub(super) fn printed(&mut self, name: &str, line: &str) {
        // What overwrote its own line shows the last that stood there.
        let line = inert(line);
        let Some(last) = line.lines().map(str::trim).rfind(|line| !line.is_empty()) else { return };
        if let Some(running) = self.running.iter_mut().find(|running| running.name == name) {
            running.last = one_line(&last.replace('\t', " "));
        }
    }

    pub(super) fn ended(&mut self, name: &str) {
        self.running.retain(|running| running.name != name);
    }

    /// How long it has been going on.
    pub(super) fn elapsed(&self, now: Timestamp) -> Duration {
        self.since.map(|since| between(since, now)).unwrap_or_default()
    }

    /// The lines, each in at most `width` columns.
    pub(super) fn lines(&self, ink: Ink, elapsed: Duration, width: usize) -> String {
        let mut lines = vec![self.head(ink, elapsed, width)];
        for running in self.running.iter().take(SHOWN) {
            let head = self.since.map(|since| between(since, running.since)).unwrap_or_default();
            lines.push(running.line(ink, elapsed.saturating_sub(head), width));
        }
        if self.running.len() > SHOWN {
            let more = format!("and {} more", self.running.len() - SHOWN);
            lines.push(format!("{}{}", status(ink, Tone::Dim, "", margin(width)), ink.paint(Tone::Dim, &more)));
        }
        let cut = lines.iter().map(|line| console::truncate_str(line, width, "…"));
        cut.collect::<Vec<_>>().join("\n")
    }

    fn head(&self, ink: Ink, elapsed: Duration, width: usize) -> String {
        let (word, tone) = match (self.stopping, self.failed) {
            (true, _) => ("Stopping", Tone::Soft),
            (false, 0) => ("Running", Tone::Note),
            (false, _) => ("Running", Tone::Bad),
        };
        let mut line = status(ink, tone, word, margin(width));
        line.push_str(&format!("{} of {}", self.done, words::count(self.total as u64, "step", "steps")));
        if self.failed > 0 {
            line.push_str(", ");
            line.push_str(&ink.paint(Tone::Bad, &format!("{} failed", self.failed)));
        }
        line.push_str(&format!(", {}", words::rough(elapsed)));
        line
    }
}

impl Running {
    fn line(&self, ink: Ink, elapsed: Duration, width: usize) -> String {
        let name = words::middle(&one_line(&self.name), NAME);
        let head = status(ink, Tone::Strong, &name, margin(width));
        let line = format!("{head}{:>4} ", words::rough(elapsed));
        let room = width.saturating_sub(measure_text_width(&line));
        format!("{line}{}", ink.paint(Tone::Dim, &console::truncate_str(&self.last, room, "…")))
    }
}

const fn margin(width: usize) -> usize {
    if width < NARROW { 0 } else { MARGIN - 1 }
}

pub(super) fn between(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: Ink = Ink { color: false };

    fn flight(running: &[(&str, u64, &str)]) -> Flight {
        let since: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        let mut flight = Flight { total: 8, done: 3, failed: 1, since: Some(since), ..Flight::default() };
        for (name, second, printed) in running {
            flight.started(name, since + Duration::from_secs(*second));
            flight.printed(name, printed);
        }
        flight
    }

    #[test]
    fn each_running_step_shows_its_time_and_what_it_printed_last() {
        let flight = flight(&[
            ("clippy", 2, "    Checking tokio v1.38.0"),
            ("integration-tests-of-the-database", 8, "10%\r\x1b[32m20%\x1b[0m\r"),
        ]);
        assert_eq!(
            flight.lines(PLAIN, Duration::from_secs(14), 79),
            "     Running 3 of 8 steps, 1 failed, 14s\n      clippy  12s Checking tokio v1.38.0\n\
             integra…-of-the-database   6s 20%"
        );
        assert_eq!(
            flight.lines(PLAIN, Duration::from_secs(14), 24),
            "Running 3 of 8 steps, 1…\nclippy  12s Checking to…\nintegra…-of-the-databas…"
        );
    }

    #[test]
    fn many_steps_are_counted() {
        let names: Vec<String> = (0..11).map(|i| format!("s{i}")).collect();
        let running: Vec<(&str, u64, &str)> = names.iter().map(|name| (name.as_str(), 0, "")).collect();
        let lines = flight(&running).lines(PLAIN, Duration::from_secs(1), 80);
        assert_eq!((lines.lines().count(), lines.lines().last()), (10, Some("             and 3 more")));
    }

    proptest! {
        #[test]
        fn every_line_fits(
            name in "[a-z\u{4e00}-\u{4e20}]{1,60}",
            printed in "\\PC{0,200}|[\\x00-\\x9f]{0,40}",
            width in 1_usize..200,
            color in any::<bool>(),
        ) {
            let lines = flight(&[(&name, 1, &printed)]).lines(Ink { color }, Duration::from_secs(9), width);
            prop_assert_eq!(lines.lines().count(), 2);
            prop_assert!(lines.lines().all(|line| measure_text_width(line) <= width), "{lines}");
        }
    }
}
