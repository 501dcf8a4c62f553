//! What the history says after a run: the flaky and priority report.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::analytics::flaky::{Judged, State, Thresholds, classify};
use crate::analytics::priority::{Candidate, Tier, rank};
use crate::analytics::summary::Summary;
use crate::commands::quarantine::{day, is_steady_again, quarantine};
use crate::commands::thresholds::thresholds;
use crate::config::Settings;
use crate::model::{CaseRecord, Outcome, RunRecord, TestKey};
use crate::report::TestDocument;
use crate::report::view::{FlakyLine, Insights, NextLine, QuarantineLine, StreakLine};

/// What the history knows of tests, at a moment and by the settings.
pub(in crate::commands) struct Knowing<'a> {
    summaries: &'a HashMap<Arc<TestKey>, Summary>,
    settings: &'a Settings,
    now: Timestamp,
    by: Thresholds,
}

impl<'a> Knowing<'a> {
    pub(in crate::commands) fn new(
        summaries: &'a HashMap<Arc<TestKey>, Summary>,
        settings: &'a Settings,
        now: Timestamp,
    ) -> Self {
        Self { summaries, settings, now, by: thresholds(settings) }
    }

    /// What is said of all tests, and of those of a run.
    pub(in crate::commands) fn insights(&self, cases: &[Arc<CaseRecord>], vanished: Vec<Arc<TestKey>>) -> Insights {
        let risky = self.risky();
        Insights {
            flaky: flaky(&risky, self.now, &self.by),
            streaks: streaks(&risky),
            next: next(self.summaries),
            quarantined: self.quarantined(cases),
            vanished,
            states: self.states(cases),
        }
    }

    /// The document of a run that was judged.
    pub(in crate::commands) fn document(
        &self,
        record: &RunRecord,
        cases: &[Arc<CaseRecord>],
        insights: &Insights,
    ) -> TestDocument {
        let word = |key: &TestKey| self.state_of(key).map(|state| state.to_string());
        TestDocument::new(record, cases.iter().map(|case| &**case), insights, word)
    }

    /// The tests that are flaky by evidence.
    pub(in crate::commands) fn flaky_tests(&self) -> HashSet<Arc<TestKey>> {
        let is_flaky = |summary: &Summary| classify(summary, self.now, &self.by).state == State::Flaky;
        self.risky().into_iter().filter(|(_, summary)| is_flaky(summary)).map(|(key, _)| Arc::clone(key)).collect()
    }

    fn risky(&self) -> Vec<(&'a Arc<TestKey>, &'a Summary)> {
        self.summaries.iter().filter(|(_, summary)| summary.has_failed()).collect()
    }

    /// The state of a test.
    fn state_of(&self, key: &TestKey) -> Option<State> {
        Some(classify(self.summaries.get(key)?, self.now, &self.by).state)
    }

    /// What the tests of a run that did not simply pass are called.
    fn states(&self, cases: &[Arc<CaseRecord>]) -> Vec<(Arc<TestKey>, String)> {
        let told = cases.iter().filter(|case| !matches!(case.outcome, Outcome::Passed | Outcome::Skipped));
        told.filter_map(|case| Some((Arc::clone(&case.key), self.state_of(&case.key)?.to_string()))).collect()
    }

    /// The tests of a run that are in quarantine, those that do not simply pass first.
    fn quarantined(&self, cases: &[Arc<CaseRecord>]) -> Vec<QuarantineLine> {
        if self.settings.quarantine.is_empty() {
            return Vec::new();
        }
        let today = day(self.now);
        let line = |case: &Arc<CaseRecord>| {
            let quarantine = quarantine(self.settings, &case.key, today).filter(|one| !one.is_expired)?;
            let state = self.state_of(&case.key);
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
