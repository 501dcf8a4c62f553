//! The state of a test, judged from its summary: flaky, broken, suspect, recovered, new or steady.
//!
//! The window is all there is to judge by: what has left it neither proves nor excuses anything. Only executions of
//! runs that count for states are looked at ([`Summary::judged`]); "passes" and "fails" below mean those.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::summary::{Entry, RunFacts, Summary};

/// The state of a test. The first that holds, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The same input both passed and failed it.
    Flaky,
    /// It fails, and nothing contradicts that.
    Broken,
    /// It fails or flips too often to be believed.
    Suspect,
    /// It was flaky or broken until lately.
    Recovered,
    /// It has hardly run yet.
    New,
    /// None of these.
    Steady,
}

impl State {
    /// Every state, in the order in which they are looked at.
    pub const ALL: [Self; 6] = [Self::Flaky, Self::Broken, Self::Suspect, Self::Recovered, Self::New, Self::Steady];

    /// The state as it is written in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flaky => "flaky",
            Self::Broken => "broken",
            Self::Suspect => "suspect",
            Self::Recovered => "recovered",
            Self::New => "new",
            Self::Steady => "steady",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where one state ends and another begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Flaky is left after so many passes since the last contradicted failure …
    pub flaky_passes: usize,
    /// … and so much time since it.
    pub flaky_quiet: Duration,
    /// So many failing episodes along one branch make a suspect.
    pub suspect_episodes: usize,
    /// So many flips in 1000 runs along one branch make a suspect; under half of them it is none any more.
    pub suspect_flips_permille: usize,
    /// A flip rate is one only from so many runs on.
    pub suspect_runs: usize,
    /// For so many runs a test that was flaky or broken is recovered.
    pub recovered_runs: usize,
    /// Under so many runs a test is new.
    pub new_runs: u64,
    /// After so many clean executions a test that aborted, hung or leaked may share a process again.
    pub clean_runs: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            flaky_passes: 30,
            flaky_quiet: Duration::from_secs(14 * 24 * 3600),
            suspect_episodes: 3,
            suspect_flips_permille: 200,
            suspect_runs: 20,
            recovered_runs: 20,
            new_runs: 5,
            clean_runs: 20,
        }
    }
}

/// A pass and a failure of the same input. Of attempts within one run, both are that run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The latest run whose failure is contradicted.
    pub failed: Arc<RunFacts>,
    /// A run that contradicts it.
    pub passed: Arc<RunFacts>,
    /// How many failures are contradicted.
    pub contradicted: usize,
}

/// What a label shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Failures within the window.
    pub failures: usize,
    /// Executions within the window.
    pub runs: usize,
    /// Changes between passing and failing along branches.
    pub flips: usize,
    /// Failing episodes along the branch that has the most of them.
    pub episodes: usize,
    /// The latest proof of flakiness.
    pub proof: Option<Proof>,
}

/// The state of a test and what speaks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The state.
    pub state: State,
    /// What speaks for it.
    pub evidence: Evidence,
}

/// Judges a test by its summary.
#[must_use]
pub fn classify(summary: &Summary, now: Timestamp, thresholds: &Thresholds) -> Judged {
    let entries: Vec<&Entry> = summary.judged().collect();
    let branches = Branches::along(&entries, thresholds);
    let contradicted = contradicted(&entries);
    let evidence = Evidence {
        failures: entries.iter().filter(|entry| entry.outcome.is_failure()).count(),
        runs: entries.len(),
        flips: branches.flips,
        episodes: branches.episodes,
        proof: proof(&entries, &contradicted),
    };
    let flaky = contradicted.last().map(|&last| Flakiness::since(&entries, last, now, thresholds));
    let last_failure = entries.iter().rposition(|entry| entry.outcome.is_failure());
    let left_broken = last_failure.map(|last| entries.len() - 1 - last);
    let state = if matches!(flaky, Some(Flakiness::Holds)) {
        State::Flaky
    } else if left_broken == Some(0) {
        // A contradicted failure in the latest run is flaky, so nothing contradicts this one.
        State::Broken
    } else if branches.suspect {
        State::Suspect
    } else if left_broken.is_some_and(|runs| runs <= thresholds.recovered_runs)
        || matches!(flaky, Some(Flakiness::Left { runs }) if runs <= thresholds.recovered_runs)
    {
        State::Recovered
    } else if (entries.len() as u64) + summary.older().runs() < thresholds.new_runs {
        State::New
    } else {
        State::Steady
    };
    Judged { state, evidence }
}

/// Where the contradicted failures are: a failure is contradicted by a pass of the same input, among the attempts of
/// its own run or in any other run of any branch.
fn contradicted(entries: &[&Entry]) -> Vec<usize> {
    let passes = |input| entries.iter().any(|entry| !entry.outcome.is_failure() && entry.run.input_key == Some(input));
    (0..entries.len())
        .filter(|&at| {
            entries.get(at).is_some_and(|entry| {
                entry.both || (entry.outcome.is_failure() && entry.run.input_key.is_some_and(passes))
            })
        })
        .collect()
}

fn proof(entries: &[&Entry], contradicted: &[usize]) -> Option<Proof> {
    let failed = entries.get(*contradicted.last()?)?;
    let passed = if failed.both {
        failed
    } else {
        entries.iter().rev().find(|entry| !entry.outcome.is_failure() && entry.run.input_key == failed.run.input_key)?
    };
    Some(Proof { failed: Arc::clone(&failed.run), passed: Arc::clone(&passed.run), contradicted: contradicted.len() })
}

/// Where a test stands that was flaky at some time.
enum Flakiness {
    /// It still is.
    Holds,
    /// It is no more, and ran so often since it left.
    Left { runs: usize },
}

impl Flakiness {
    /// Only contradicted failures count: one that nothing contradicts neither counts as a pass nor starts anew.
    fn since(entries: &[&Entry], last: usize, now: Timestamp, thresholds: &Thresholds) -> Self {
        let Some((failed, later)) = entries.get(last..).and_then(<[_]>::split_first) else { return Self::Holds };
        let quiet_from = failed.run.start.saturating_add(thresholds.flaky_quiet).unwrap_or(Timestamp::MAX);
        let passes = later.iter().enumerate().filter(|(_, entry)| !entry.outcome.is_failure());
        let enough = match thresholds.flaky_passes.checked_sub(1) {
            None => 0,
            Some(skip) => match { passes }.nth(skip) {
                Some((at, _)) => at,
                None => return Self::Holds,
            },
        };
        if now < quiet_from {
            return Self::Holds;
        }
        let left = later.iter().skip(enough).filter(|entry| entry.run.start >= quiet_from);
        Self::Left { runs: left.count() }
    }
}

/// Flips and failing episodes, each along one branch: changing to a branch where a test fails is no flip.
#[derive(Default)]
struct Branches {
    flips: usize,
    episodes: usize,
    suspect: bool,
}

#[derive(Default)]
struct Branch {
    runs: usize,
    flips: usize,
    episodes: usize,
    failing: Option<bool>,
    flipping: bool,
}

impl Branches {
    /// Walks the window from its oldest run on, so that a flip rate that was too high once makes a suspect until it is
    /// under half of that. Episodes only become fewer by leaving the window, and what has left it is forgotten.
    fn along(entries: &[&Entry], thresholds: &Thresholds) -> Self {
        if !entries.iter().any(|entry| entry.outcome.is_failure()) {
            return Self::default();
        }
        let mut branches: HashMap<Option<&str>, Branch> = HashMap::new();
        for entry in entries {
            branches.entry(entry.run.branch.as_deref()).or_default().step(entry.outcome.is_failure(), thresholds);
        }
        let of = branches.into_values();
        of.fold(Self::default(), |all, branch| Self {
            flips: all.flips + branch.flips,
            episodes: all.episodes.max(branch.episodes),
            suspect: all.suspect || branch.flipping || branch.episodes >= thresholds.suspect_episodes,
        })
    }
}

impl Branch {
    fn step(&mut self, failing: bool, thresholds: &Thresholds) {
        self.runs += 1;
        self.flips += usize::from(self.failing.is_some_and(|before| before != failing));
        self.episodes += usize::from(failing && self.failing != Some(true));
        self.failing = Some(failing);
        let (flips, limit) = (self.flips * 1000, thresholds.suspect_flips_permille * self.runs);
        self.flipping =
            if self.flipping { flips * 2 >= limit } else { self.runs >= thresholds.suspect_runs && flips >= limit };
    }
}

/// Why a test should run in a process of its own: it aborted, hung or leaked within its latest executions.
#[must_use]
pub fn isolation(summary: &Summary, thresholds: &Thresholds) -> Option<String> {
    let clean = summary.window().rev().filter(|entry| entry.is_executed()).position(|entry| entry.rough)?;
    (clean < thresholds.clean_runs).then(|| match clean {
        0 => "it aborted, hung or leaked in its last run".to_owned(),
        _ => format!("it aborted, hung or leaked {} runs ago", clean + 1),
    })
}
