//! Figures of runs: folded in Rust, so that all stores give the same.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::store::StoredRun;
use crate::model::{RunState, Verdict};

/// Figures of some runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stats {
    /// Runs that are over.
    pub total: u64,
    /// Passed.
    pub successful: u64,
    /// Failed.
    pub failed: u64,
    /// successful / (successful + failed), or none where there is neither.
    pub success_rate: Option<f64>,
    /// The mean of the runs' pass rates, of those that have one.
    pub mean_pass_rate: Option<f64>,
    /// The mean duration of executed runs, in milliseconds, of those where it is known.
    pub mean_duration_ms: Option<u64>,
    /// When the latest run started.
    pub last_at: Option<Timestamp>,
    /// How far the latest run came.
    pub last_state: Option<RunState>,
    /// The latest run's verdict.
    pub last_verdict: Option<Verdict>,
    /// The version that the latest run tested.
    pub last_version: Option<String>,
}

/// Figures of runs, and of the parts they fall into.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Of all of them.
    #[serde(rename = "stats")]
    pub all: Stats,
    /// By suite.
    pub suites: BTreeMap<String, Stats>,
    /// By what set them off.
    pub triggers: BTreeMap<String, Stats>,
}

/// Takes in runs, newest first.
#[derive(Debug, Default)]
pub(super) struct Tally {
    all: Sums,
    suites: BTreeMap<String, Sums>,
    triggers: BTreeMap<String, Sums>,
}

impl Tally {
    pub(super) fn add(&mut self, run: &StoredRun) {
        self.all.add(run);
        self.suites.entry(run.head.suite.clone()).or_default().add(run);
        self.triggers.entry(run.head.trigger.clone()).or_default().add(run);
    }

    pub(super) fn figures(self) -> Figures {
        let parts = |sums: BTreeMap<String, Sums>| sums.into_iter().map(|(word, sums)| (word, sums.stats())).collect();
        Figures { all: self.all.stats(), suites: parts(self.suites), triggers: parts(self.triggers) }
    }
}

#[derive(Debug, Default)]
struct Sums {
    /// Its counts and what is known of the latest run; rates and means follow from the sums.
    stats: Stats,
    rates: f64,
    rated: u64,
    durations: Duration,
    timed: u128,
}

impl Sums {
    fn add(&mut self, run: &StoredRun) {
        let stats = &mut self.stats;
        let verdict = run.verdict();
        if stats.last_at.is_none() {
            (stats.last_at, stats.last_state, stats.last_verdict) = (Some(run.head.start), Some(run.state), verdict);
            stats.last_version.clone_from(&run.head.version);
        }
        if run.state == RunState::Running {
            return;
        }
        stats.total += 1;
        stats.successful += u64::from(verdict == Some(Verdict::Pass));
        stats.failed += u64::from(run.has_failed());
        if run.state != RunState::Executed {
            return;
        }
        if let Some(rate) = run.totals.pass_rate() {
            self.rates += rate;
            self.rated += 1;
        }
        if let Some(took) = run.duration {
            self.durations = self.durations.saturating_add(took);
            self.timed += 1;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of runs are far below 2^52")]
    fn stats(self) -> Stats {
        let rate = |sum: f64, count: u64| (count > 0).then(|| (sum / count as f64).clamp(0.0, 1.0));
        let Stats { successful, failed, .. } = self.stats;
        let mean = self.durations.as_millis().checked_div(self.timed);
        Stats {
            success_rate: rate(successful as f64, successful + failed),
            mean_pass_rate: rate(self.rates, self.rated),
            mean_duration_ms: mean.and_then(|ms| u64::try_from(ms).ok()),
            ..self.stats
        }
    }
}
