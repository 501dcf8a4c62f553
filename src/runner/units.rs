//! Processes that are judged as a whole: binaries without a list, a crate's doctests, and whatever dies when no test of
//! it is left to blame.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::aftermath::{error, noise_text};
use super::doctest;
use super::engine::Engine;
use super::libtest::Word;
use super::live::{KillWhy, Over};
use super::reconcile::{Fate, Whole, reconcile};
use crate::event::Fact;
use crate::model::{Attempt, AttemptOutcome, BinaryId, CaseRecord, Ending, Outcome, TestKey};
use crate::plan::Harness;

impl Engine<'_> {
    /// Everything passed, and then the process left as no harness does: it is red, and no test can be blamed.
    pub(super) fn blame_process(&mut self, binary: &BinaryId, over: &Over, when: &str) {
        self.ledger.emit(Fact::ProcessDied { binary: binary.clone(), ending: over.ending, in_flight: Vec::new() });
        let why = format!("the process {} {when}", over.ending);
        self.add_process(binary, error(over, why), over.leaked);
    }

    /// A case that stands for a whole process.
    pub(super) fn add_process(&mut self, binary: &BinaryId, attempt: Attempt, leaked: bool) {
        self.add(binary, TestKey::WHOLE_PROCESS, Outcome::Error, None, attempt, leaked, None);
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one record")]
    fn add(
        &mut self,
        binary: &BinaryId,
        name: &str,
        outcome: Outcome,
        took: Option<Duration>,
        attempt: Attempt,
        leaked: bool,
        line: Option<u32>,
    ) {
        let key = Arc::new(TestKey { binary: binary.clone(), name: name.to_owned() });
        // A unit without a list runs whole, whatever part of it was asked for. What stands for a process always counts.
        if name != TestKey::WHOLE_PROCESS && name != binary.binary && !self.plan.selection.accepts(&key) {
            return;
        }
        let attempts = if outcome == Outcome::Skipped { Vec::new() } else { vec![attempt] };
        self.ledger.add(CaseRecord { key, outcome, took, attempts, line, leaked, binary_hash: None });
    }

    /// A binary without a list: what it told as it came, and what its end says of the whole.
    pub(super) fn conclude_whole(&mut self, binary: &BinaryId, over: &Over, harness: Harness) {
        let (whole, fates) = reconcile(&over.claims, &over.closing, over.ending);
        let names: Vec<(String, Option<u32>)> = match harness {
            Harness::Doctests => {
                let all = self.plan.binaries.get(over.job.binary).map_or(&[][..], |of| of.doctests.as_slice());
                doctest::lasting_names(&over.learnt, all).into_iter().map(|named| (named.name, named.line)).collect()
            }
            _ => over.learnt.iter().map(|name| (name.clone(), None)).collect(),
        };
        let texts: BTreeMap<usize, &str> =
            over.closing.texts.iter().map(|(place, text)| (*place, text.as_str())).collect();
        for (place, ((name, line), fate)) in names.iter().zip(&fates).enumerate() {
            let Fate::Known(word) = fate else { continue };
            let took = over.times.get(place).copied().flatten();
            let text = (*word == Word::Failed).then(|| Arc::from(texts.get(&place).copied().unwrap_or_default()));
            let (attempt, outcome) = match word {
                Word::Failed => (AttemptOutcome::Failed, Outcome::Failed),
                Word::Ok => (AttemptOutcome::Passed, Outcome::Passed),
                Word::Ignored => (AttemptOutcome::Passed, Outcome::Skipped),
            };
            let took = took.filter(|_| *word != Word::Ignored);
            let attempt = Attempt { outcome: attempt, took, ending: None, why: None, text };
            self.add(binary, name, outcome, took, attempt, over.leaked, *line);
        }
        if over.killed.is_none() {
            self.units.push((binary.clone(), over.took, over.job.threads));
        }
        self.judge_unit(binary, over, whole, &fates, harness);
    }

    fn judge_unit(&mut self, binary: &BinaryId, over: &Over, whole: Whole, fates: &[Fate], harness: Harness) {
        let says_nothing = over.learnt.is_empty() && over.closing.summary.is_none();
        let opaque =
            if harness == Harness::Blind && says_nothing { binary.binary.as_str() } else { TestKey::WHOLE_PROCESS };
        let failed_by_name = fates.contains(&Fate::Known(Word::Failed));
        match &over.killed {
            Some(KillWhy::RunOver) => return,
            Some(_) => {
                let why = Some("ran into the limit of the whole".to_owned());
                let attempt = Attempt {
                    outcome: AttemptOutcome::Timeout,
                    took: Some(over.took),
                    ending: Some(over.ending),
                    why,
                    text: Some(noise_text(over)),
                };
                return self.add(binary, opaque, Outcome::Timeout, Some(over.took), attempt, over.leaked, None);
            }
            None => {}
        }
        if harness == Harness::Blind && says_nothing {
            // Its exit status is all there is.
            let (attempt, outcome) = match over.ending {
                Ending::Exited(0) => (AttemptOutcome::Passed, Outcome::Passed),
                Ending::Exited(_) => (AttemptOutcome::Failed, Outcome::Failed),
                _ => (AttemptOutcome::Error, Outcome::Error),
            };
            let why = (outcome == Outcome::Error).then(|| format!("the process {}", over.ending));
            let text = outcome.is_failure().then(|| noise_text(over));
            let attempt = Attempt { outcome: attempt, took: Some(over.took), ending: Some(over.ending), why, text };
            return self.add(binary, opaque, outcome, Some(over.took), attempt, over.leaked, None);
        }
        if over.learnt.is_empty()
            && over.closing.summary.is_some_and(|counts| counts.total() == 0)
            && over.ending.is_success()
        {
            // It says that it has no tests.
            return;
        }
        let is_sound = match (harness, whole) {
            (_, Whole::Sound) => !fates.contains(&Fate::Unknown),
            // A harness that prints results but no summary: its results and its exit status must agree.
            (Harness::Blind, Whole::Broken) if over.closing.summary.is_none() && !over.began => {
                matches!(over.ending, Ending::Exited(_)) && failed_by_name != over.ending.is_success()
            }
            _ => false,
        };
        if !is_sound {
            self.blame_process(binary, over, "in a way that does not fit what it said of its tests");
        }
    }
}
