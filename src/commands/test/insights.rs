//! What the history says after a run: the flaky and priority report.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::analytics::flaky::{Judged, State, Thresholds, classify};
use crate::analytics::priority::{Candidate, Tier, rank};
use crate::analytics::summary::Summary;
use crate::commands::quarantine::{is_steady_again, quarantine};
use crate::config::Settings;
use crate::model::{CaseRecord, Outcome, TestKey};
use crate::report::view::{FlakyLine, Insights, NextLine, QuarantineLine, StreakLine};

/// What is known after the run, as lines.
pub(super) fn insights(summaries: &HashMap<Arc<TestKey>, Summary>, now: Timestamp, by: &Thresholds) -> Insights {
    let risky: Vec<(&Arc<TestKey>, &Summary)> = summaries.iter().filter(|(_, summary)| summary.has_failed()).collect();
    Insights { flaky: flaky(&risky, now, by), streaks: streaks(&risky), next: next(summaries), ..Insights::default() }
}

/// The state of a test.
pub(super) fn state_of(
    summaries: &HashMap<Arc<TestKey>, Summary>,
    key: &TestKey,
    now: Timestamp,
    by: &Thresholds,
) -> Option<State> {
    Some(classify(summaries.get(key)?, now, by).state)
}

/// The tests that are flaky by evidence.
pub(super) fn flaky_tests(
    summaries: &HashMap<Arc<TestKey>, Summary>,
    now: Timestamp,
    by: &Thresholds,
) -> HashSet<Arc<TestKey>> {
    let risky = summaries.iter().filter(|(_, summary)| summary.has_failed());
    let flaky = risky.filter(|(_, summary)| classify(summary, now, by).state == State::Flaky);
    flaky.map(|(key, _)| Arc::clone(key)).collect()
}

/// What the tests of a run that did not simply pass are called.
pub(super) fn states(
    cases: &[Arc<CaseRecord>],
    state_of: impl Fn(&TestKey) -> Option<State>,
) -> Vec<(Arc<TestKey>, String)> {
    let told = cases.iter().filter(|case| !matches!(case.outcome, Outcome::Passed | Outcome::Skipped));
    told.filter_map(|case| Some((Arc::clone(&case.key), state_of(&case.key)?.to_string()))).collect()
}

/// The tests of a run that are in quarantine, those that do not simply pass first.
pub(super) fn quarantined(
    cases: &[Arc<CaseRecord>],
    settings: &Settings,
    today: Date,
    state_of: impl Fn(&TestKey) -> Option<State>,
) -> Vec<QuarantineLine> {
    if settings.quarantine.is_empty() {
        return Vec::new();
    }
    let line = |case: &Arc<CaseRecord>| {
        let quarantine = quarantine(settings, &case.key, today).filter(|one| !one.is_expired)?;
        let state = state_of(&case.key);
        Some(QuarantineLine {
            key: Arc::clone(&case.key),
            outcome: case.outcome,
            is_steady_again: state.is_some_and(|state| is_steady_again(Some(&quarantine), state)),
            reason: quarantine.reason,
            until: quarantine.until,
        })
    };
    let mut lines: Vec<QuarantineLine> = cases.iter().filter_map(line).collect();
    lines.sort_by_key(|line| matches!(line.outcome, Outcome::Passed | Outcome::Skipped));
    lines
}

fn flaky(risky: &[(&Arc<TestKey>, &Summary)], now: Timestamp, by: &Thresholds) -> Vec<FlakyLine> {
    let mut judged: Vec<(&Arc<TestKey>, Judged)> = risky
        .iter()
        .map(|(key, summary)| (*key, classify(summary, now, by)))
        .filter(|(_, judged)| matches!(judged.state, State::Flaky | State::Suspect))
        .collect();
    judged.sort_by(|(a, left), (b, right)| {
        left.state.cmp(&right.state).then(right.evidence.failures.cmp(&left.evidence.failures)).then_with(|| a.cmp(b))
    });
    judged
        .into_iter()
        .map(|(key, judged)| FlakyLine {
            key: key.to_string(),
            state: judged.state.to_string(),
            evidence: judged.evidence.to_string(),
        })
        .collect()
}

fn streaks(risky: &[(&Arc<TestKey>, &Summary)]) -> Vec<StreakLine> {
    let mut streaks: Vec<(usize, &Arc<TestKey>, &Summary)> = risky
        .iter()
        .map(|(key, summary)| (summary.streak(), *key, *summary))
        .filter(|(streak, ..)| *streak > 1)
        .collect();
    streaks.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let since = |summary: &Summary, streak: usize| {
        let first = summary.window().rev().nth(streak - 1)?;
        let commit = first.run.commit.as_deref()?;
        Some(commit.get(..10).unwrap_or(commit).to_owned())
    };
    streaks
        .into_iter()
        .map(|(streak, key, summary)| StreakLine {
            key: key.to_string(),
            runs: streak as u64,
            since: since(summary, streak),
        })
        .collect()
}

fn next(summaries: &HashMap<Arc<TestKey>, Summary>) -> Vec<NextLine> {
    let runs = |summary: &Summary| summary.last().is_some_and(|last| last.outcome != Outcome::Skipped);
    let current: Vec<(&Arc<TestKey>, &Summary)> = summaries.iter().filter(|(_, summary)| runs(summary)).collect();
    let candidates: Vec<Candidate<'_>> = current
        .iter()
        .map(|(key, summary)| Candidate { key, summary: Some(summary), changed: false, priority: 0 })
        .collect();
    let ranked = rank(&candidates).into_iter().filter(|ranked| ranked.tier == Tier::Risky);
    ranked
        .filter_map(|ranked| {
            let candidate = candidates.get(ranked.index)?;
            Some(NextLine { key: candidate.key.to_string(), reason: ranked.reason.to_string() })
        })
        .collect()
}
