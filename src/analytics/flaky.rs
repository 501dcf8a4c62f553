//! The state of a test, judged from its summary: flaky, broken, suspect, recovered, new or steady.
//!
//! Only executions of runs that say something about each of their tests are looked at ([`Summary::telling`]); "passes"
//! and "fails" below mean those. The latest of them are the window that is judged by. A proof of flakiness is not
//! forgotten with the window, and a suspect stays one while later windows hold half of what made it one; but both only
//! as far as a summary remembers outcomes one by one. Beyond that nothing is proven: that a failure was contradicted
//! can show in any order of arrival, so remembering it for certain would take every input that ever passed.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::summary::{Entry, RunFacts, Summary};
use super::thresholds::reaches;
use crate::model::Outcome;

pub use super::thresholds::Thresholds;

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
    /// Executions that failed at first and passed when tried again, which are no failures.
    pub retried: usize,
    /// Executions within the window.
    pub runs: usize,
    /// Changes between passing and failing along branches.
    pub flips: usize,
    /// Failing episodes along the branch that has the most of them.
    pub episodes: usize,
    /// The latest proof of flakiness.
    pub proof: Option<Proof>,
}

impl fmt::Display for Evidence {
    /// The label, in one place for every format: "3 of 20 runs failed, 5 flips; the same code (4f1e2d3a9b) failed in
    /// 20261121T… and passed in 20261121T…". Names of commits come from outside and are as they are on record.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        match (self.failures, self.runs) {
            (_, 0) => return f.write_str("never executed"),
            (0, runs) => write!(f, "none of {runs} run{} failed", plural(runs))?,
            (failures, runs) => write!(f, "{failures} of {runs} run{} failed", plural(runs))?,
        }
        if self.retried > 0 {
            write!(f, ", {} passed only when tried again", self.retried)?;
        }
        if self.flips > 0 {
            write!(f, ", {} flip{}", self.flips, plural(self.flips))?;
        }
        match &self.proof {
            Some(proof) => write!(f, "; {proof}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failed, passed) = (&self.failed, &self.passed);
        let short =
            |run: &RunFacts| run.commit.as_deref().map(|name| name.chars().take(COMMIT_CHARS).collect::<String>());
        let at = |commit: Option<String>| commit.map(|commit| format!(" ({commit})")).unwrap_or_default();
        if failed.id == passed.id {
            return write!(f, "it failed and passed within run {}{}", failed.id, at(short(failed)));
        }
        if failed.commit == passed.commit {
            let at = at(short(failed));
            return write!(f, "the same code{at} failed in {} and passed in {}", failed.id, passed.id);
        }
        let (of_failed, of_passed) = (at(short(failed)), at(short(passed)));
        write!(f, "the same code failed in {}{of_failed} and passed in {}{of_passed}", failed.id, passed.id)
    }
}

/// So much of a commit's name tells it from others.
const COMMIT_CHARS: usize = 10;

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
    let remembered: Vec<&Entry> = summary.telling(thresholds).collect();
    let entries = thresholds.window_of(&remembered);
    let branches = Branches::of(&remembered, thresholds);
    let contradicted = contradicted(&remembered);
    let evidence = Evidence {
        failures: entries.iter().filter(|entry| entry.outcome.is_failure()).count(),
        retried: entries.iter().filter(|entry| entry.outcome == Outcome::Flaky).count(),
        runs: entries.len(),
        flips: branches.flips,
        episodes: branches.episodes,
        proof: proof(&remembered, &contradicted),
    };
    let flaky = contradicted.last().map(|&last| Flakiness::since(&remembered, last, now, thresholds));
    let left_broken = remembered.iter().rev().position(|entry| entry.outcome.is_failure());
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
    } else if (remembered.len() as u64) + summary.older().runs() < thresholds.new_runs {
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
    /// Those of the window, after all windows before it that are remembered whole: episodes become fewer by leaving
    /// the window, and under half of what made a suspect unmakes it.
    fn of(remembered: &[&Entry], thresholds: &Thresholds) -> Self {
        if !remembered.iter().any(|entry| entry.outcome.is_failure()) {
            return Self::default();
        }
        let mut latest = Self::default();
        let mut failing = false;
        for end in remembered.len().min(thresholds.window)..=remembered.len() {
            let until = remembered.get(..end).unwrap_or_default();
            latest = Self::along(thresholds.window_of(until), thresholds);
            let episodes = if failing { latest.episodes * 2 } else { latest.episodes };
            failing = episodes >= thresholds.suspect_episodes;
        }
        Self { suspect: latest.suspect || failing, ..latest }
    }

    /// Walks a window from its oldest run on, so that a flip rate that was too high once makes a suspect until it is
    /// under half of that.
    fn along(entries: &[&Entry], thresholds: &Thresholds) -> Self {
        let mut branches: HashMap<Option<&str>, Branch> = HashMap::new();
        for entry in entries {
            branches.entry(entry.run.branch.as_deref()).or_default().step(entry.outcome.is_failure(), thresholds);
        }
        let of = branches.into_values();
        of.fold(Self::default(), |all, branch| Self {
            flips: all.flips + branch.flips,
            episodes: all.episodes.max(branch.episodes),
            suspect: all.suspect || branch.flipping,
        })
    }
}

impl Branch {
    fn step(&mut self, failing: bool, thresholds: &Thresholds) {
        self.runs += 1;
        self.flips += usize::from(self.failing.is_some_and(|before| before != failing));
        self.episodes += usize::from(failing && self.failing != Some(true));
        self.failing = Some(failing);
        let (flips, runs) = (self.flips as u64, self.runs as u64);
        let often = |flips| flips > 0 && reaches(flips, runs, thresholds.suspect_flips);
        self.flipping =
            if self.flipping { often(flips * 2) } else { self.runs >= thresholds.suspect_runs && often(flips) };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::summary::{fold, tests::run};
    use proptest::prelude::*;

    const DAY: i64 = 24 * 3600;

    /// One execution: day, input, branch, and P, F, `~` (failed, then passed), S (skipped) or X (failed in a run that
    /// counts for no state).
    type Step = (i64, u8, &'static str, char);

    fn summary(steps: &[Step]) -> Summary {
        let mut summary = Summary::default();
        for (at, (day, input, branch, what)) in (0_i64..).zip(steps) {
            let second = day * DAY + at;
            let mut facts = run(second, *input);
            facts.seq = at.unsigned_abs();
            facts.branch = Some((*branch).to_owned());
            facts.extent = facts.extent.filter(|_| *what != 'X');
            let outcome = match what {
                'P' => Outcome::Passed,
                '~' => Outcome::Flaky,
                'S' => Outcome::Skipped,
                _ => Outcome::Failed,
            };
            summary = fold(summary, Entry::new(Arc::new(facts), outcome, None));
        }
        summary
    }

    /// Letters on `main`, one a day, each of an input of its own.
    fn daily(letters: &str) -> Vec<Step> {
        (0_i64..)
            .zip(letters.chars())
            .map(|(day, what)| (day, u8::try_from(day % 250).unwrap(), "main", what))
            .collect()
    }

    fn state_at(steps: &[Step], day: i64) -> State {
        let now = Timestamp::from_second(day * DAY + 3600).unwrap();
        classify(&summary(steps), now, &Thresholds::default()).state
    }

    fn state(steps: &[Step]) -> State {
        state_at(steps, steps.last().map_or(0, |step| step.0))
    }

    #[test]
    fn the_table_of_states_holds() {
        use State::{Broken, Flaky, New, Recovered, Steady, Suspect};
        let passes = |count: usize| "P".repeat(count);
        for (letters, expected) in [
            (String::new(), New),
            (passes(4), New),
            (passes(5), Steady),
            ("SSSSSS".to_owned(), New),
            ("F".to_owned(), Broken),
            (passes(10) + "F", Broken),
            (passes(10) + "FFF", Broken),
            (passes(10) + "~", Flaky),
            // The first pass of a later input leaves broken; 20 runs later it is forgotten.
            (passes(10) + "FP", Recovered),
            (passes(10) + "F" + &passes(20), Recovered),
            (passes(10) + "F" + &passes(21), Steady),
            // Flaky until 30 passes and 14 days, then recovered for 20 runs.
            (passes(10) + "~" + &passes(29), Flaky),
            (passes(10) + "~" + &passes(30), Recovered),
            (passes(10) + "~" + &passes(49), Recovered),
            (passes(10) + "~" + &passes(50), Steady),
            // A failure that nothing contradicts neither keeps it flaky nor hides that it was.
            (passes(10) + "~" + &passes(20) + "F" + &passes(9), Flaky),
            // Three episodes make a suspect, two do not.
            (passes(10) + "FPPFPP" + &passes(30), Steady),
            (passes(10) + "FPPFPPFPP" + &passes(30), Suspect),
            (passes(10) + "FFFFFFFFF" + &passes(30), Steady),
            // A run that counts for no state is not looked at.
            (passes(10) + "X", Steady),
            (passes(4) + "X", New),
        ] {
            assert_eq!(state(&daily(&letters)), expected, "{letters}");
        }
    }

    #[test]
    fn the_same_input_contradicts_a_failure_on_any_branch_and_in_any_order() {
        for (first, second) in [('P', 'F'), ('F', 'P')] {
            let steps = [(0, 7, "main", first), (1, 7, "topic", second)];
            assert_eq!(state(&steps), State::Flaky);
            let judged = classify(&summary(&steps), Timestamp::UNIX_EPOCH, &Thresholds::default());
            let proof = judged.evidence.proof.unwrap();
            assert_eq!((proof.failed.input_key, proof.contradicted), (proof.passed.input_key, 1));
            assert_ne!(proof.failed.id, proof.passed.id);
        }
        assert_eq!(state(&[(0, 7, "main", 'P'), (1, 8, "main", 'F')]), State::Broken);
    }

    #[test]
    fn a_label_shows_what_speaks_for_it() {
        let label = |steps: &[Step]| {
            classify(&summary(steps), Timestamp::UNIX_EPOCH, &Thresholds::default()).evidence.to_string()
        };
        assert_eq!(label(&[]), "never executed");
        assert_eq!(label(&daily("P")), "none of 1 run failed");
        assert_eq!(label(&daily("PFP")), "1 of 3 runs failed, 2 flips");
        assert_eq!(
            label(&[(0, 7, "main", 'P'), (1, 7, "main", 'F'), (2, 8, "main", 'P')]),
            "1 of 3 runs failed, 2 flips; the same code (commit-7) failed in run-0000086401 and passed in \
             run-0000000000"
        );
        assert_eq!(
            label(&[(0, 7, "main", '~')]),
            "none of 1 run failed, 1 passed only when tried again; it failed and passed within run run-0000000000 \
             (commit-7)"
        );
        let mut differing = summary(&[(0, 7, "main", 'P')]);
        let facts = RunFacts { commit: Some("a1b2c3d4e5f6a7b8".to_owned()), ..run(9, 7) };
        differing.insert(Entry::new(Arc::new(facts), Outcome::Failed, None));
        let judged = classify(&differing, Timestamp::UNIX_EPOCH, &Thresholds::default());
        assert_eq!(
            judged.evidence.to_string(),
            "1 of 2 runs failed, 1 flip; the same code failed in run-0000000009 (a1b2c3d4e5) and passed in \
             run-0000000000 (commit-7)"
        );
    }

    #[test]
    fn an_unknown_input_contradicts_nothing() {
        let mut summary = Summary::default();
        for (at, outcome) in [(0, Outcome::Passed), (1, Outcome::Failed)] {
            let facts = RunFacts { input_key: None, ..run(at, 0) };
            summary.insert(Entry::new(Arc::new(facts), outcome, None));
        }
        let judged = classify(&summary, Timestamp::UNIX_EPOCH, &Thresholds::default());
        assert_eq!((judged.state, judged.evidence.proof), (State::Broken, None));
    }

    #[test]
    fn thirty_passes_within_a_day_leave_it_flaky_until_fourteen_days_are_quiet() {
        let mut steps = vec![(0, 0, "main", '~')];
        steps.extend((1..=40).map(|input| (0, input, "main", 'P')));
        assert_eq!(state_at(&steps, 13), State::Flaky);
        assert_eq!(state_at(&steps, 14), State::Recovered);
    }

    #[test]
    fn a_test_that_fails_on_one_branch_only_does_not_flip() {
        let mut steps = Vec::new();
        for day in 0_i64..30 {
            let input = u8::try_from(day).unwrap();
            steps.extend([(day, input, "main", 'P'), (day, input + 100, "topic", 'F')]);
        }
        steps.push((30, 99, "main", 'P'));
        assert_eq!(state(&steps), State::Recovered);
        let judged = classify(&summary(&steps), Timestamp::UNIX_EPOCH, &Thresholds::default());
        assert_eq!((judged.evidence.flips, judged.evidence.episodes), (0, 1));
    }

    #[test]
    fn a_flip_rate_makes_a_suspect_and_half_of_it_unmakes_it() {
        let thresholds = Thresholds { suspect_episodes: 99, recovered_runs: 0, ..Thresholds::default() };
        let of = |letters: &str| classify(&summary(&daily(letters)), Timestamp::UNIX_EPOCH, &thresholds).state;
        let noisy = "FPFPP".to_owned() + &"P".repeat(15);
        assert_eq!(of(&noisy), State::Steady, "3 flips in 20 runs");
        let noisy = "PFPFP".to_owned() + &"P".repeat(15);
        assert_eq!(of(&noisy), State::Suspect, "4 flips in 20 runs");
        assert_eq!(of(&(noisy.clone() + &"P".repeat(20))), State::Suspect, "4 in 40: half, not under it");
        assert_eq!(of(&(noisy + &"P".repeat(21))), State::Steady, "4 in 41");
    }

    #[test]
    fn a_suspect_stays_one_while_later_windows_hold_half_of_its_episodes() {
        let by = Thresholds { window: 30, recovered_runs: 0, ..Thresholds::default() };
        let of = |letters: &str| classify(&summary(&daily(letters)), Timestamp::UNIX_EPOCH, &by).state;
        // Episodes on the days 10, 20 and 30.
        let three = format!("{0}F{0}F{0}F", "P".repeat(9));
        assert_eq!(of(&(three.clone() + "P")), State::Suspect, "three within thirty runs");
        assert_eq!(of(&(three.clone() + &"P".repeat(15))), State::Suspect, "two are left");
        assert_eq!(of(&(three + &"P".repeat(25))), State::Steady, "one is left");
        let two = format!("{0}F{0}F{0}P", "P".repeat(9));
        assert_eq!(of(&two), State::Steady, "there were never three");
    }

    #[test]
    fn a_proof_outlives_a_small_window() {
        let by = Thresholds { window: 10, ..Thresholds::default() };
        let at_day = |letters: &str, day: i64| {
            let now = Timestamp::from_second(day * DAY).unwrap();
            classify(&summary(&daily(letters)), now, &by)
        };
        let calm = |days: usize| "~".to_owned() + &"P".repeat(days);
        let judged = at_day(&calm(29), 40);
        assert_eq!((judged.state, judged.evidence.runs, judged.evidence.proof.is_some()), (State::Flaky, 10, true));
        assert_eq!(at_day(&calm(30), 40).state, State::Recovered);
    }

    #[test]
    fn a_regression_that_was_mended_is_never_flaky() {
        // Broken over several inputs, run more than once each, on two branches; then mended.
        let mut steps: Vec<Step> = (0..10).map(|input| (0, input, "main", 'P')).collect();
        for input in 10..14 {
            steps.extend([(1, input, "main", 'F'), (1, input, "topic", 'F'), (1, input, "main", 'F')]);
        }
        assert_eq!(state(&steps), State::Broken);
        for input in 20..80 {
            steps.extend([(2, input, "main", 'P'), (2, input, "main", 'P')]);
            let state = state(&steps);
            assert!(matches!(state, State::Recovered | State::Steady), "{input}: {state}");
        }
        assert_eq!(state(&steps), State::Steady);
    }

    #[test]
    fn a_test_is_isolated_until_twenty_clean_runs() {
        let rough = |clean: i64| {
            let mut summary = Summary::default();
            summary.insert(Entry::new(Arc::new(run(0, 0)), Outcome::Error, None).marked(false, true));
            for at in 1..=clean {
                summary.insert(Entry::new(Arc::new(run(at * 2, 0)), Outcome::Passed, None));
                summary.insert(Entry::new(Arc::new(run(at * 2 + 1, 0)), Outcome::Skipped, None));
            }
            isolation(&summary, &Thresholds::default()).is_some()
        };
        assert_eq!([rough(0), rough(1), rough(19), rough(20)], [true, true, true, false]);
        assert_eq!(isolation(&Summary::default(), &Thresholds::default()), None);
    }

    /// The table of states, read row by row as it is written, with no eye to speed.
    mod literal {
        use super::*;

        pub(super) fn state(summary: &Summary, now: Timestamp, t: &Thresholds) -> State {
            let all: Vec<&Entry> = summary.telling(t).collect();
            if (0..all.len()).any(|at| is_contradicted(&all, at)) && !has_left_flaky(&all, now, t) {
                return State::Flaky;
            }
            if all.last().is_some_and(|last| {
                last.outcome.is_failure()
                    && all.iter().filter(|entry| same_input(entry, last)).all(|entry| entry.outcome.is_failure())
            }) {
                return State::Broken;
            }
            if is_suspect(&all, t) {
                return State::Suspect;
            }
            if (0..=t.recovered_runs).any(|back| has_left_within(&all, back, now, t)) {
                return State::Recovered;
            }
            let runs = all.len() as u64 + summary.older().runs();
            if runs < t.new_runs { State::New } else { State::Steady }
        }

        fn same_input(a: &Entry, b: &Entry) -> bool {
            a.run.id == b.run.id || (a.run.input_key.is_some() && a.run.input_key == b.run.input_key)
        }

        fn is_contradicted(all: &[&Entry], at: usize) -> bool {
            all[at].both
                || (all[at].outcome.is_failure()
                    && all.iter().any(|entry| !entry.outcome.is_failure() && same_input(entry, all[at])))
        }

        /// When flaky was left: the first moment with enough passes and enough quiet since the last contradicted one.
        fn left_flaky_at(all: &[&Entry], t: &Thresholds) -> Option<(usize, Timestamp)> {
            let last = (0..all.len()).rev().find(|at| is_contradicted(all, *at))?;
            let quiet = all[last].run.start.checked_add(t.flaky_quiet).ok()?;
            let mut passes = 0;
            for (at, entry) in all.iter().enumerate().skip(last + 1) {
                passes += usize::from(!entry.outcome.is_failure());
                if passes >= t.flaky_passes {
                    return Some((at, quiet));
                }
            }
            None
        }

        fn has_left_flaky(all: &[&Entry], now: Timestamp, t: &Thresholds) -> bool {
            left_flaky_at(all, t).is_some_and(|(_, quiet)| now >= quiet)
        }

        /// Did it leave flaky or broken exactly so many runs ago?
        fn has_left_within(all: &[&Entry], back: usize, now: Timestamp, t: &Thresholds) -> bool {
            let broken = all.len().checked_sub(back + 1).is_some_and(|at| {
                back > 0
                    && all[at].outcome.is_failure()
                    && all[at + 1..].iter().all(|entry| !entry.outcome.is_failure())
            });
            let flaky = left_flaky_at(all, t).is_some_and(|(at, quiet)| {
                now >= quiet && all[at..].iter().filter(|entry| entry.run.start >= quiet).count() == back
            });
            broken || flaky
        }

        /// What was a suspect in the window before stays one at half of the episodes.
        fn is_suspect(all: &[&Entry], t: &Thresholds) -> bool {
            let windows: Vec<&[&Entry]> =
                if all.len() <= t.window { vec![all] } else { all.windows(t.window).collect() };
            let mut failing = false;
            for window in &windows {
                let most = branches(window).map(|failing| episodes(&failing)).max().unwrap_or(0);
                let limit = if failing { t.suspect_episodes as f64 / 2.0 } else { t.suspect_episodes as f64 };
                failing = most as f64 >= limit;
            }
            failing || branches(windows[windows.len() - 1]).any(|failing| is_flipping(&failing, t))
        }

        /// Of each branch whether its runs failed.
        fn branches(all: &[&Entry]) -> impl Iterator<Item = Vec<bool>> {
            let names: std::collections::BTreeSet<_> = all.iter().map(|entry| &entry.run.branch).collect();
            names.into_iter().map(|name| {
                let of = all.iter().filter(|entry| &entry.run.branch == name);
                of.map(|entry| entry.outcome.is_failure()).collect()
            })
        }

        fn episodes(failing: &[bool]) -> usize {
            (0..failing.len()).filter(|at| failing[*at] && (*at == 0 || !failing[at - 1])).count()
        }

        fn is_flipping(failing: &[bool], t: &Thresholds) -> bool {
            let rate =
                |runs: usize| (1..runs).filter(|at| failing[*at] != failing[at - 1]).count() as f64 / runs as f64 * 1e6;
            let limit = f64::from(t.suspect_flips.ten_thousandths());
            let mut flipping = false;
            for runs in 1..=failing.len() {
                let enters = runs >= t.suspect_runs && rate(runs) > limit - 1e-6;
                let leaves = rate(runs) < limit / 2.0 - 1e-6;
                flipping = enters || (flipping && !leaves);
            }
            flipping
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn the_fast_judgement_is_the_literal_one(
            steps in prop::collection::vec(
                (
                    0_i64..2,
                    prop_oneof![3 => 0_u8..60, 1 => 0_u8..4],
                    prop_oneof![4 => Just("main"), 1 => Just("topic")],
                    prop_oneof![12 => Just('P'), 2 => Just('F'), 1 => Just('~'), 1 => Just('S'), 1 => Just('X')],
                ),
                0..140,
            ),
            calm in 0_usize..60,
            later in 0_i64..20,
            passes in 0_usize..40,
            window in prop_oneof![Just(100_usize), 1_usize..101],
            suspect_episodes in 1_usize..6,
        ) {
            let mut day = 0;
            let mut steps: Vec<Step> = steps;
            for step in &mut steps {
                day += step.0;
                step.0 = day;
            }
            steps.extend((0_u8..).take(calm).map(|input| (day + i64::from(input), 100 + input, "main", 'P')));
            let now = Timestamp::from_second((day + later) * DAY).unwrap();
            let thresholds = Thresholds { flaky_passes: passes, window, suspect_episodes, ..Thresholds::default() };
            let summary = summary(&steps);
            prop_assert_eq!(
                classify(&summary, now, &thresholds).state,
                literal::state(&summary, now, &thresholds)
            );
        }
    }
}
