//! A document of TAP or a subtest in it: its points, and whether they are those of its plan.

use std::collections::HashSet;
use std::time::Duration;

use super::case::{attempt, of_attempts};
use super::results::Case;
use super::tap_line::{Directive, Point};
use super::text;
use crate::model::AttemptOutcome;

/// A document, or a subtest.
#[derive(Default)]
pub(super) struct Level {
    /// Where its lines begin.
    pub(super) indent: usize,
    /// Its name, where a comment gave it; a subtest gets its name from the point that sums it up at the latest.
    pub(super) name: Option<String>,
    pub(super) plan: Option<u64>,
    /// The highest number so far, and all of them where they did not come in order.
    pub(super) points: u64,
    pub(super) last: u64,
    pub(super) seen: HashSet<u64>,
    pub(super) cases: Vec<Case>,
    pub(super) problems: Vec<String>,
    pub(super) bailed_out: bool,
}

impl Level {
    /// Counts a point.
    pub(super) fn number(&mut self, point: &Point<'_>) {
        self.points += 1;
        self.last = point.number.unwrap_or_else(|| self.last.saturating_add(1));
        if !self.seen.insert(self.last) && self.problems.len() < 10 {
            self.problems.push(format!("number {} comes twice", self.last));
        }
    }

    /// Compares the plan with what came.
    pub(super) fn check(&mut self, needs_plan: bool) {
        let Some(plan) = self.plan else {
            if needs_plan && !self.bailed_out {
                self.problems.push("there is no plan, so that nobody knows whether all tests came".to_owned());
            }
            return;
        };
        if self.bailed_out {
            return;
        }
        let beyond = self.seen.iter().filter(|number| **number > plan || **number == 0).count();
        if beyond > 0 {
            self.problems.push(format!("{beyond} of {} points are not in the plan 1..{plan}", self.points));
        }
        let there = (self.seen.len() - beyond) as u64;
        if there < plan {
            let missing: Vec<String> = (1..=plan)
                .filter(|number| !self.seen.contains(number))
                .take(5)
                .map(|number| number.to_string())
                .collect();
            let more = if plan - there > 5 { ", …" } else { "" };
            let (of, missing) = (plan - there, missing.join(", "));
            self.problems.push(format!("{of} of {plan} tests in the plan did not come: {missing}{more}"));
        }
    }
}

/// The case of a point.
pub(super) fn case(name: String, point: &Point<'_>) -> Case {
    let took = match point.directive {
        Directive::Time(time) => match time.strip_suffix("ms") {
            Some(milli) => milliseconds(milli),
            None => text::seconds(time.trim_end_matches('s')),
        },
        _ => None,
    };
    let attempts = match (point.directive, point.ok) {
        // What is skipped and not ok all the same is not ok.
        (Directive::Skip(_), true) | (Directive::Todo(_), false) => Vec::new(),
        (_, true) => vec![attempt(AttemptOutcome::Passed, took, String::new())],
        (_, false) => vec![attempt(AttemptOutcome::Failed, took, String::new())],
    };
    of_attempts(vec![name], attempts)
}

/// bats writes a duration behind each name (`adds in 91ms`). Where all names end so, it is none of theirs.
pub(super) fn take_times(cases: &mut [Case]) {
    fn timed(case: &Case) -> Option<(String, Duration)> {
        let (name, time) = case.path.last()?.rsplit_once(" in ")?;
        let digits = time.strip_suffix("ms").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        Some((name.to_owned(), milliseconds(digits)?))
    }
    let times: Option<Vec<_>> = cases.iter().map(timed).collect();
    for (case, (name, took)) in cases.iter_mut().zip(times.unwrap_or_default()) {
        if let Some(last) = case.path.last_mut() {
            *last = name;
        }
        if let Some(attempt) = case.attempts.last_mut() {
            attempt.took = Some(took);
            case.took = Some(took);
        }
    }
}

/// A duration in milliseconds.
pub(super) fn milliseconds(text: &str) -> Option<Duration> {
    text::of_seconds(text.trim().parse::<f64>().ok()? / 1000.0)
}
