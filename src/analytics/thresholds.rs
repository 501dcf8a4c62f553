//! Where one state of a test ends and another begins.

use std::time::Duration;

use super::summary::WINDOW;
use crate::model::Percent;

/// By what tests are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// So many of the latest executions are judged by, at most [`WINDOW`].
    pub window: usize,
    /// Flaky is left after so many passes since the last contradicted failure …
    pub flaky_passes: usize,
    /// … and so much time since it.
    pub flaky_quiet: Duration,
    /// So many failing episodes along one branch make a suspect; under half of them it is none any more.
    pub suspect_episodes: usize,
    /// Flips along one branch, as a share of its runs, that make a suspect; under half of it it is none any more.
    pub suspect_flips: Percent,
    /// A flip rate is one only from so many runs on.
    pub suspect_runs: usize,
    /// For so many runs a test that was flaky or broken is recovered.
    pub recovered_runs: usize,
    /// Under so many runs a test is new.
    pub new_runs: u64,
    /// After so many clean executions a test that aborted, hung or leaked may share a process again.
    pub clean_runs: usize,
    /// Which runs say nothing about each of their tests.
    pub mass_failure: MassFailure,
}

/// When so much of a run failed that something else must be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MassFailure {
    /// So many tests were executed …
    pub tests: u64,
    /// … and such a share of them failed.
    pub share: Percent,
}

impl MassFailure {
    /// Is a run with so many executed tests and failures one?
    #[must_use]
    pub fn is_one(&self, executed: u64, failures: u64) -> bool {
        executed >= self.tests && reaches(failures, executed, self.share)
    }
}

/// Is `part` of `whole` at least this share? Exact: nothing is rounded.
pub(super) fn reaches(part: u64, whole: u64, share: Percent) -> bool {
    let of = |number: u64, by: Percent| u128::from(number) * u128::from(by.ten_thousandths());
    of(part, Percent::HUNDRED) >= of(whole, share)
}

/// A whole percentage.
const fn percent(points: u32) -> Percent {
    match Percent::from_ten_thousandths(points * 10_000) {
        Some(percent) => percent,
        None => Percent::HUNDRED,
    }
}

impl Default for MassFailure {
    fn default() -> Self {
        Self { tests: 20, share: percent(80) }
    }
}

impl Thresholds {
    /// Those of the executions, oldest first, that are judged by.
    #[must_use]
    pub fn window_of<'e, E>(&self, all: &'e [E]) -> &'e [E] {
        all.get(all.len().saturating_sub(self.window)..).unwrap_or_default()
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            window: WINDOW,
            flaky_passes: 30,
            flaky_quiet: Duration::from_secs(14 * 24 * 3600),
            suspect_episodes: 3,
            suspect_flips: percent(20),
            suspect_runs: 20,
            recovered_runs: 20,
            new_runs: 5,
            clean_runs: 20,
            mass_failure: MassFailure::default(),
        }
    }
}
