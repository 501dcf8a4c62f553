//! Believes only what adds up: the list of names, the results, the summary and the exit status of one process.

use std::collections::HashSet;

use super::libtest::{Closing, Word};
use crate::model::Ending;

/// What a process said of one test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// What it said last, exactly as libtest writes it and at a time when the test could have completed.
    pub clean: Option<Word>,
    /// It said different things, or in lines that are not exactly libtest's, or when the test could not have started.
    pub doubtful: bool,
}

impl Claims {
    /// One more result came.
    pub fn add(&mut self, word: Word, is_clean: bool) {
        if !is_clean || self.clean.is_some_and(|earlier| earlier != word) {
            self.doubtful = true;
        }
        if is_clean {
            self.clean = Some(word);
        }
    }
}

/// What is established of one test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// This, for certain.
    Known(Word),
    /// Nothing for certain.
    Unknown,
}

/// How the process as a whole came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// Summary, results and exit status agree.
    Sound,
    /// Everything agrees but the exit status: something went wrong after the last test.
    BadEnding,
    /// It left before its summary, or with one that does not add up.
    Broken,
}

/// Reconciles what one process said of its tests with how it ended.
#[must_use]
pub fn reconcile(claims: &[Claims], closing: &Closing, ending: Ending) -> (Whole, Vec<Fate>) {
    let Some(counts) = closing.summary.filter(|counts| counts.total() == claims.len() as u64) else {
        return (Whole::Broken, claims.iter().map(stands_alone).collect());
    };
    let failed: HashSet<usize> = closing.failures.iter().copied().filter(|test| *test < claims.len()).collect();
    let ignored = claims.iter().filter(|claims| claims.clean == Some(Word::Ignored)).count() as u64;
    // The counts leave one possibility for each test only where the lists of both exceptions are complete.
    if failed.len() as u64 != counts.failed || (counts.failed > 0 && ending.is_success()) {
        return (Whole::Broken, claims.iter().map(stands_alone).collect());
    }
    let fates = claims.iter().enumerate().map(|(test, claims)| match claims.clean {
        _ if failed.contains(&test) => Fate::Known(Word::Failed),
        Some(Word::Ignored) if ignored == counts.ignored => Fate::Known(Word::Ignored),
        _ if ignored == counts.ignored => Fate::Known(Word::Ok),
        Some(word) if !claims.doubtful => Fate::Known(word),
        _ => Fate::Unknown,
    });
    let whole = if counts.failed == 0 && !ending.is_success() { Whole::BadEnding } else { Whole::Sound };
    (whole, fates.collect())
}

/// What is left to believe of a test when its process did not come to a good end.
fn stands_alone(claims: &Claims) -> Fate {
    match claims.clean {
        Some(word) if !claims.doubtful => Fate::Known(word),
        _ => Fate::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::super::libtest::Counts;
    use super::*;
    use proptest::prelude::*;

    const OK: Claims = Claims { clean: Some(Word::Ok), doubtful: false };
    const FAILED: Claims = Claims { clean: Some(Word::Failed), doubtful: false };
    const IGNORED: Claims = Claims { clean: Some(Word::Ignored), doubtful: false };
    const NOTHING: Claims = Claims { clean: None, doubtful: false };
    const GARBLED: Claims = Claims { clean: None, doubtful: true };
    const CONTRADICTED: Claims = Claims { clean: Some(Word::Ok), doubtful: true };

    fn closing(passed: u64, failed: u64, ignored: u64, failures: &[usize]) -> Closing {
        let summary = Some(Counts { passed, failed, ignored, measured: 0 });
        Closing { summary, failures: failures.to_vec(), texts: Vec::new() }
    }

    #[test]
    fn only_what_adds_up_is_believed() {
        use Fate::{Known, Unknown};
        use Word::{Failed, Ignored, Ok};
        let red = Ending::Exited(101);
        let green = Ending::Exited(0);
        let none = Closing::default();
        type Row<'a> = (&'a str, &'a [Claims], Closing, Ending, Whole, &'a [Fate]);
        let cases: &[Row<'_>] = &[
            ("a sound pass", &[OK, IGNORED], closing(1, 0, 1, &[]), green, Whole::Sound, &[Known(Ok), Known(Ignored)]),
            ("a sound failure", &[OK, FAILED], closing(1, 1, 0, &[1]), red, Whole::Sound, &[Known(Ok), Known(Failed)]),
            (
                "a garbled line, told by the counts",
                &[OK, GARBLED],
                closing(2, 0, 0, &[]),
                green,
                Whole::Sound,
                &[Known(Ok), Known(Ok)],
            ),
            (
                "a forged ok of a failing test",
                &[CONTRADICTED, OK],
                closing(1, 1, 0, &[0]),
                red,
                Whole::Sound,
                &[Known(Failed), Known(Ok)],
            ),
            (
                "a garbled line that may be an ignored one",
                &[OK, GARBLED],
                closing(1, 0, 1, &[]),
                green,
                Whole::Sound,
                &[Known(Ok), Unknown],
            ),
            (
                "no summary",
                &[OK, NOTHING, GARBLED],
                none.clone(),
                Ending::Signaled(6),
                Whole::Broken,
                &[Known(Ok), Unknown, Unknown],
            ),
            ("left with 0 midway", &[OK, NOTHING], none, green, Whole::Broken, &[Known(Ok), Unknown]),
            (
                "a summary of another run",
                &[OK, NOTHING],
                closing(3, 0, 0, &[]),
                green,
                Whole::Broken,
                &[Known(Ok), Unknown],
            ),
            (
                "died after its summary",
                &[OK, OK],
                closing(2, 0, 0, &[]),
                Ending::Signaled(11),
                Whole::BadEnding,
                &[Known(Ok), Known(Ok)],
            ),
            (
                "failures that are not named",
                &[OK, FAILED],
                closing(1, 1, 0, &[]),
                red,
                Whole::Broken,
                &[Known(Ok), Known(Failed)],
            ),
            (
                "failures and status 0",
                &[OK, FAILED],
                closing(1, 1, 0, &[1]),
                green,
                Whole::Broken,
                &[Known(Ok), Known(Failed)],
            ),
        ];
        for (name, claims, closing, ending, whole, fates) in cases {
            assert_eq!(reconcile(claims, closing, *ending), (*whole, fates.to_vec()), "{name}");
        }
    }

    fn claims() -> impl Strategy<Value = Claims> {
        let word = prop_oneof![Just(Word::Ok), Just(Word::Failed), Just(Word::Ignored)];
        (proptest::option::of(word), any::<bool>()).prop_map(|(clean, doubtful)| Claims { clean, doubtful })
    }

    proptest! {
        /// The claim that matters most: a failure that the process names never comes out as a pass, and without a
        /// summary nothing passes that was not said to.
        #[test]
        fn there_is_no_false_green(
            claims in proptest::collection::vec(claims(), 0..8),
            failures in proptest::collection::btree_set(0usize..8, 0..4),
            with_summary: bool, ignored in 0u64..4, signal: bool,
        ) {
            let failures: Vec<usize> = failures.into_iter().filter(|test| *test < claims.len()).collect();
            let failed = failures.len() as u64;
            let passed = (claims.len() as u64).saturating_sub(failed + ignored);
            let mut closing = closing(passed, failed, ignored, &failures);
            if !with_summary {
                closing.summary = None;
            }
            let ending = if signal { Ending::Signaled(6) } else { Ending::Exited(if failed > 0 { 101 } else { 0 }) };
            let (whole, fates) = reconcile(&claims, &closing, ending);
            for (test, fate) in fates.iter().enumerate() {
                if *fate == Fate::Known(Word::Ok) {
                    prop_assert!(closing.summary.is_none() || whole == Whole::Broken || !failures.contains(&test));
                    prop_assert!(whole != Whole::Broken || claims[test] == OK);
                }
            }
            prop_assert!(whole != Whole::Sound || (closing.summary.is_some() && ending.is_success() == (failed == 0)));
        }
    }
}
