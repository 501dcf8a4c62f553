//! What the history says after a run: the flaky and priority report.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::analytics::flaky::{Judged, State, Thresholds, classify};
use crate::analytics::priority::{Candidate, Tier, rank};
use crate::analytics::summary::Summary;
use crate::model::{Outcome, TestKey};
use crate::report::view::{FlakyLine, Insights, NextLine, StreakLine};

/// What is known after the run, as lines.
pub(super) fn insights(summaries: &HashMap<Arc<TestKey>, Summary>, now: Timestamp, by: &Thresholds) -> Insights {
    let risky: Vec<(&Arc<TestKey>, &Summary)> = summaries.iter().filter(|(_, summary)| summary.has_failed()).collect();
    Insights { flaky: flaky(&risky, now, by), streaks: streaks(&risky), next: next(&risky) }
}

/// The state of a test as it is written.
pub(super) fn state_of(
    summaries: &HashMap<Arc<TestKey>, Summary>,
    key: &TestKey,
    now: Timestamp,
    by: &Thresholds,
) -> Option<String> {
    let summary = summaries.get(key)?;
    Some(classify(summary, now, by).state.as_str().to_owned())
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

fn next(risky: &[(&Arc<TestKey>, &Summary)]) -> Vec<NextLine> {
    let current: Vec<&(&Arc<TestKey>, &Summary)> = risky
        .iter()
        .filter(|(_, summary)| summary.last().is_some_and(|last| last.outcome != Outcome::Skipped))
        .collect();
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
