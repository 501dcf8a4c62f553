//! One `testcase` of JUnit XML, while it is read.

use std::time::Duration;

use super::case::{attempt, of_attempts, outcome_of_word};
use super::junit::Attributes;
use super::results::Case;
use super::text;
use crate::model::{Attempt, AttemptOutcome, Outcome};

/// An element that says what became of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// `failure`.
    Failure,
    /// `error`.
    Error,
    /// `rerunFailure` and `rerunError`: tried again in vain.
    Rerun(Tried),
    /// `flakyFailure` and `flakyError`: tried before it passed.
    Flaky(Tried),
    /// `skipped`.
    Skipped,
    /// `system-out` and `system-err`.
    Output,
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    Failed,
    Error,
}

impl Part {
    /// By the element's name.
    pub(super) fn of(element: &[u8]) -> Option<Self> {
        Some(match element {
            b"failure" => Self::Failure,
            b"error" => Self::Error,
            b"rerunFailure" => Self::Rerun(Tried::Failed),
            b"rerunError" => Self::Rerun(Tried::Error),
            b"flakyFailure" => Self::Flaky(Tried::Failed),
            b"flakyError" => Self::Flaky(Tried::Error),
            b"skipped" | b"disabled" => Self::Skipped,
            b"system-out" | b"system-err" => Self::Output,
            _ => return None,
        })
    }

    /// What became of a try, by its element and its type as nextest writes it.
    fn outcome(self, kind: &str) -> AttemptOutcome {
        match (self, kind) {
            (_, "test timeout") => AttemptOutcome::Timeout,
            (_, "test abort") => AttemptOutcome::Error,
            (Self::Error | Self::Rerun(Tried::Error) | Self::Flaky(Tried::Error), _) => AttemptOutcome::Error,
            _ => AttemptOutcome::Failed,
        }
    }
}

/// A try, or a part of one, with its text so far.
struct Shot {
    part: Part,
    outcome: AttemptOutcome,
    took: Option<Duration>,
    message: String,
    body: String,
}

impl Shot {
    /// The message, and the body where it says more.
    fn text(&self) -> String {
        let (message, body) = (self.message.trim(), self.body.trim());
        let mut whole = String::new();
        if !body.contains(message) {
            text::add(&mut whole, message);
            if !body.is_empty() {
                text::add(&mut whole, "\n");
            }
        }
        text::add(&mut whole, body);
        whole
    }
}

/// A case that has begun.
pub(super) struct OpenCase {
    path: Vec<String>,
    class: Option<String>,
    took: Option<Duration>,
    line: Option<u32>,
    word: Option<Outcome>,
    shots: Vec<Shot>,
    /// Is it skipped, and of what type?
    skipped: Option<String>,
    output: String,
    /// What is open within it.
    open: Option<Part>,
}

impl OpenCase {
    pub(super) fn new(attributes: &Attributes) -> Self {
        let class = attributes.get("classname").or_else(|| attributes.get("class")).and_then(text::name);
        let name = attributes.name();
        let path = name.map(|name| class.clone().into_iter().chain([name]).collect()).unwrap_or_default();
        let mut words = ["status", "result"].into_iter().filter_map(|word| attributes.get(word));
        Self {
            path,
            class,
            took: attributes.get("time").and_then(text::seconds),
            line: attributes.get("line").and_then(|line| line.trim().parse().ok()),
            word: words.find_map(outcome_of_word),
            shots: Vec::new(),
            skipped: None,
            output: String::new(),
            open: None,
        }
    }

    pub(super) fn begin(&mut self, part: Part, attributes: &Attributes) {
        let kind = attributes.get("type").unwrap_or_default();
        self.open = Some(part);
        match part {
            Part::Skipped => self.skipped = Some(kind.to_owned()),
            Part::Output => {}
            _ => {
                let mut message = String::new();
                text::add(&mut message, attributes.get("message").unwrap_or_default());
                let took = attributes.get("time").and_then(text::seconds);
                let shot = Shot { part, outcome: part.outcome(kind), took, message, body: String::new() };
                self.begin_shot(shot);
            }
        }
    }

    /// Several failures of one case are several things that went wrong in one try.
    fn begin_shot(&mut self, shot: Shot) {
        let first = matches!(shot.part, Part::Failure | Part::Error);
        match self.shots.iter_mut().find(|known| first && matches!(known.part, Part::Failure | Part::Error)) {
            Some(known) => {
                text::add(&mut known.body, "\n\n");
                text::add(&mut known.body, &shot.message);
                text::add(&mut known.body, "\n");
            }
            None => self.shots.push(shot),
        }
    }

    pub(super) fn add(&mut self, piece: &str) {
        let is_first = |shot: &&mut Shot| matches!(shot.part, Part::Failure | Part::Error);
        let shot = match self.open {
            None | Some(Part::Skipped) => return,
            Some(Part::Output) => return text::add(&mut self.output, piece),
            Some(Part::Failure | Part::Error) => self.shots.iter_mut().find(is_first),
            Some(Part::Rerun(_) | Part::Flaky(_)) => self.shots.last_mut(),
        };
        if let Some(shot) = shot {
            text::add(&mut shot.body, piece);
        }
    }

    pub(super) const fn end_part(&mut self) {
        self.open = None;
    }

    /// The case, and its class.
    pub(super) fn end(self) -> (Case, Option<String>) {
        let mut case = self.outcome();
        case.line = self.line;
        (Case { path: self.path, ..case }, self.class)
    }

    fn outcome(&self) -> Case {
        let is_excused = self.skipped.as_deref() == Some("todo");
        let is_first = |shot: &&Shot| matches!(shot.part, Part::Failure | Part::Error);
        let first = self.shots.iter().find(is_first);
        let attempts = match (first, self.shots.as_slice()) {
            // node writes so that a test is known to fail.
            _ if is_excused => Vec::new(),
            (None, []) if self.skipped.is_some() => Vec::new(),
            (None, []) => match self.word {
                Some(Outcome::Skipped) => Vec::new(),
                word => vec![attempt(attempt_of(word), self.took, self.output_of(word))],
            },
            (first, shots) => self.tries(first, shots),
        };
        of_attempts(Vec::new(), attempts)
    }

    fn tries(&self, first: Option<&Shot>, shots: &[Shot]) -> Vec<Attempt> {
        let of = |shot: &Shot, took: Option<Duration>| {
            let text = shot.text();
            let text = if text.is_empty() { self.output.clone() } else { text };
            attempt(shot.outcome, took, text)
        };
        let mut tries: Vec<Attempt> = first.map(|shot| of(shot, self.took)).into_iter().collect();
        let again = shots.iter().filter(|shot| matches!(shot.part, Part::Rerun(_) | Part::Flaky(_)));
        tries.extend(again.map(|shot| of(shot, shot.took)));
        let passed_in_the_end = first.is_none() && shots.iter().all(|shot| matches!(shot.part, Part::Flaky(_)));
        if passed_in_the_end {
            tries.push(attempt(AttemptOutcome::Passed, self.took, String::new()));
        }
        tries
    }

    /// What was printed, where the word alone says that it went wrong.
    fn output_of(&self, word: Option<Outcome>) -> String {
        if word.is_some_and(Outcome::is_failure) { self.output.clone() } else { String::new() }
    }
}

const fn attempt_of(word: Option<Outcome>) -> AttemptOutcome {
    match word {
        None | Some(Outcome::Passed | Outcome::Flaky | Outcome::Skipped) => AttemptOutcome::Passed,
        Some(Outcome::Failed) => AttemptOutcome::Failed,
        Some(Outcome::Timeout) => AttemptOutcome::Timeout,
        Some(Outcome::Error) => AttemptOutcome::Error,
    }
}
