//! A process is over: what is established of its tests, who is to blame if it came to a bad end, and what runs again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::engine::Engine;
use super::job::{Job, Purpose};
use super::ledger::TestRef;
use super::libtest::Word;
use super::live::{KillWhy, Over};
use super::reconcile::{Fate, Whole, reconcile};
use crate::event::Fact;
use crate::model::{Attempt, AttemptOutcome, BinaryId, Ending, Outcome};

/// Tests that were in flight together when their process died. Each runs alone; if none of them dies again, all are
/// to blame, since a pass alone does not make the death undone. (A status that a mere failure explains is no death.)
#[derive(Debug)]
struct Group {
    binary: usize,
    ending: Ending,
    why: String,
    open: usize,
    reproduced: bool,
    /// Those that had said nothing of their end yet; the others had, in a line that may be made up.
    flying: Vec<TestRef>,
    passed: Vec<(TestRef, Attempt, bool)>,
}

/// All such groups.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    groups: BTreeMap<usize, Group>,
    next: usize,
}

/// libtest's own status when a test failed.
const fn is_explained_by_a_failure(ending: Ending) -> bool {
    matches!(ending, Ending::Exited(101))
}

impl Engine<'_> {
    pub(super) fn conclude(&mut self, over: Over) {
        let Some(of) = self.plan.binaries.get(over.job.binary) else { return };
        if over.leaked {
            self.ledger.emit(Fact::ProcessLeaked { binary: of.id.clone() });
        }
        match over.job.purpose {
            Purpose::Whole => self.conclude_whole(&of.id, &over, of.harness),
            Purpose::Shared => self.conclude_shared(&of.id, &over),
            Purpose::Alone | Purpose::ForText | Purpose::Suspect(_) => self.conclude_alone(&over),
        }
    }

    fn conclude_shared(&mut self, binary: &BinaryId, over: &Over) {
        let (whole, fates) = reconcile(&over.claims, &over.closing, over.ending);
        let test_at =
            |place: usize| over.job.tests.get(place).map(|test| TestRef { binary: over.job.binary, test: *test });
        let mut unknown = Vec::new();
        for (place, fate) in fates.iter().enumerate() {
            let Some(test) = test_at(place) else { continue };
            match *fate {
                Fate::Known(word) => self.establish(test, word, over.times.get(place).copied().flatten()),
                Fate::Unknown => {
                    self.withdraw(test);
                    unknown.push(place);
                }
            }
        }
        if !over.in_flight.1 {
            (0..fates.len()).filter_map(test_at).for_each(|test| self.ledger.forget_time(test));
        }
        self.hand_out_texts(over);
        // Who left something behind is known only where one test ran.
        let ran = |place: &usize| fates.get(*place).is_some_and(|fate| *fate != Fate::Known(Word::Ignored));
        let mut ran = (0..fates.len()).filter(ran);
        if let (true, Some(test), None) = (over.leaked, ran.next().and_then(test_at), ran.next()) {
            self.ledger.mark_leaked(test);
        }
        if whole == Whole::Sound && unknown.is_empty() {
            return;
        }
        match (&over.killed, whole) {
            (Some(KillWhy::RunOver), _) => {}
            (_, _) if unknown.is_empty() => self.blame_process(binary, over, "after its last test"),
            (None, Whole::BadEnding) => {
                self.blame_process(binary, over, "after its last test");
                self.run_alone(unknown.iter().copied().filter_map(test_at), Purpose::Alone);
            }
            // It came to a good end; of these it only was not understood.
            (None, Whole::Sound) => self.run_alone(unknown.iter().copied().filter_map(test_at), Purpose::Alone),
            _ => self.recover(binary, over, &unknown),
        }
    }

    /// Settles a test unless it was settled the same way as its line came.
    fn establish(&mut self, test: TestRef, word: Word, took: Option<std::time::Duration>) {
        let already = match (self.ledger.outcome(test), word) {
            (Some(Outcome::Skipped), Word::Ignored) => true,
            (Some(outcome), Word::Ok) => !outcome.is_failure() && outcome != Outcome::Skipped,
            (Some(outcome), Word::Failed) => outcome.is_failure(),
            (Some(_), Word::Ignored) => false,
            // A failure that is tried again is on record without an outcome.
            (None, Word::Failed) => self.ledger.attempt_number(test) > 1,
            (None, _) => false,
        };
        if !already {
            self.withdraw(test);
            self.settle(test, word, took);
        }
    }

    /// Takes back what was settled from a line that does not stand.
    fn withdraw(&mut self, test: TestRef) {
        if self.ledger.outcome(test).is_some() || self.ledger.attempt_number(test) > 1 {
            if let Some(key) = self.ledger.key(test) {
                let text = format!("what was said of {key} does not add up and is taken back");
                self.ledger.emit(Fact::Warned { id: "taken-back", text });
            }
            self.ledger.take_back(test);
            self.forget_waiting(test);
        }
    }

    fn hand_out_texts(&mut self, over: &Over) {
        let mut noise = (!over.noise.is_empty()).then_some(over.noise.as_str());
        let printed: BTreeMap<usize, &str> =
            over.closing.texts.iter().map(|(place, text)| (*place, text.as_str())).collect();
        let is_sound = over.closing.summary.is_some();
        for (place, test) in over.job.tests.iter().enumerate() {
            let test = TestRef { binary: over.job.binary, test: *test };
            let said_failed = over.claims.get(place).is_some_and(|claims| claims.clean == Some(Word::Failed));
            if !said_failed && !over.closing.failures.contains(&place) {
                continue;
            }
            match printed.get(&place) {
                Some(text) => self.ledger.put_text(test, with_noise(text, noise.take()).into()),
                // It printed nothing: libtest then leaves its block out.
                None if is_sound => self.ledger.put_text(test, with_noise("", noise.take()).into()),
                None if self.ledger.wants_text(test) && self.stop.is_none() => {
                    let job = Job::alone(self.plan, test.binary, test.test, Purpose::ForText);
                    job.into_iter().for_each(|job| self.put_behind(job));
                }
                None => {}
            }
        }
    }

    /// The process left some tests without an outcome.
    fn recover(&mut self, binary: &BinaryId, over: &Over, unknown: &[usize]) {
        let at = over.job.binary;
        let of_job = |place: &usize| over.job.tests.get(*place).map(|test| TestRef { binary: at, test: *test });
        let (flying, is_certain) = &over.in_flight;
        let flying: Vec<usize> = flying.iter().copied().filter(|place| unknown.contains(place)).collect();
        if let Some(KillWhy::Overdue(overdue)) = &over.killed {
            for test in overdue.iter().filter(|place| unknown.contains(place)).filter_map(of_job) {
                self.time_out(test, over);
            }
            let left: Vec<usize> = unknown.iter().copied().filter(|place| !overdue.contains(place)).collect();
            if overdue.is_empty() {
                // Which of them hangs is not known: each is asked alone.
                self.run_alone(left.iter().filter_map(of_job), Purpose::Alone);
            } else {
                self.run_again(over, &left);
            }
            return;
        }
        let in_flight = flying.iter().filter_map(of_job).filter_map(|test| self.ledger.key(test)).collect();
        self.ledger.emit(Fact::ProcessDied { binary: binary.clone(), ending: over.ending, in_flight });
        if !over.began {
            let why = format!("its process {} before its first test", over.ending);
            for test in unknown.iter().filter_map(of_job) {
                self.record(test, error(over, why.clone()), over.leaked);
            }
            return;
        }
        // A result that came in a line which is not the harness's own may be made up: its test may still run.
        let (doubtful, rest): (Vec<usize>, Vec<usize>) = unknown
            .iter()
            .copied()
            .filter(|place| !flying.contains(place))
            .partition(|place| over.claims.get(*place).is_some_and(|claims| claims.doubtful));
        match (flying.as_slice(), *is_certain && doubtful.is_empty()) {
            ([culprit], true) => {
                if let Some(test) = of_job(culprit) {
                    self.record(test, error(over, died_under_it(over.ending)), over.leaked);
                }
            }
            _ => {
                let [flying, doubtful] = [&flying, &doubtful].map(|places| places.iter().filter_map(of_job).collect());
                self.suspect(over, flying, doubtful);
            }
        }
        self.run_again(over, &rest);
    }

    fn suspect(&mut self, over: &Over, flying: Vec<TestRef>, doubtful: Vec<TestRef>) {
        let tests: Vec<TestRef> = flying.iter().chain(&doubtful).copied().collect();
        if tests.is_empty() {
            return;
        }
        let group = self.suspects.next;
        self.suspects.next += 1;
        let why = died_under_it(over.ending);
        let (binary, ending) = (over.job.binary, over.ending);
        let failed = over.claims.iter().any(|claims| claims.clean == Some(Word::Failed) && !claims.doubtful);
        let reproduced = failed && is_explained_by_a_failure(ending);
        let suspects = Group { binary, ending, why, open: tests.len(), reproduced, flying, passed: Vec::new() };
        self.suspects.groups.insert(group, suspects);
        self.run_alone(tests.into_iter(), Purpose::Suspect(group));
    }

    fn run_alone(&mut self, tests: impl Iterator<Item = TestRef>, purpose: Purpose) {
        let plan = self.plan;
        let jobs = tests.filter_map(|test| Job::alone(plan, test.binary, test.test, purpose)).collect();
        self.put_in_front(jobs);
    }

    /// The rest goes on in a fresh process.
    fn run_again(&mut self, over: &Over, places: &[usize]) {
        let tests: Vec<usize> = places.iter().filter_map(|place| over.job.tests.get(*place)).copied().collect();
        if tests.is_empty() {
            return;
        }
        let mut jobs = Job::shared(self.plan, over.job.binary, &tests, &self.options.frame, over.job.group.as_deref());
        for job in jobs.iter_mut().filter(|job| job.purpose == Purpose::Shared) {
            job.threads = over.job.threads;
        }
        self.put_in_front(jobs);
    }

    fn time_out(&mut self, test: TestRef, over: &Over) {
        let limit = self.ledger.planned(test).and_then(|planned| planned.policy.timeout);
        let attempt = Attempt {
            outcome: AttemptOutcome::Timeout,
            took: limit,
            ending: Some(over.ending),
            why: limit.map(|limit| format!("ran into its limit of {}", crate::model::write_duration(limit))),
            text: Some(noise_text(over)),
        };
        self.record(test, attempt, over.leaked);
    }

    fn conclude_alone(&mut self, over: &Over) {
        let Some(test) = over.job.tests.first().map(|test| TestRef { binary: over.job.binary, test: *test }) else {
            return;
        };
        if over.killed == Some(KillWhy::RunOver) {
            return;
        }
        let (whole, fates) = reconcile(&over.claims, &over.closing, over.ending);
        let said = match fates.first() {
            Some(Fate::Known(word)) => Some(*word),
            _ => None,
        };
        let took = over.times.first().copied().flatten();
        let attempt = match (whole, said, &over.killed) {
            (_, _, Some(KillWhy::Overdue(_))) if over.job.purpose != Purpose::ForText => {
                self.resolve(over, true);
                return self.time_out(test, over);
            }
            (Whole::Sound, Some(Word::Ignored), _) => {
                self.resolve(over, false);
                return self.ledger.skip(test);
            }
            (Whole::Sound, Some(Word::Ok), _) => {
                Attempt { outcome: AttemptOutcome::Passed, took, ending: None, why: None, text: None }
            }
            (_, Some(Word::Failed), _) => {
                let text = over.closing.texts.first().map_or("", |(_, text)| text);
                let text = with_noise(text, Some(over.noise.as_str()).filter(|noise| !noise.is_empty()));
                Attempt { outcome: AttemptOutcome::Failed, took, ending: None, why: None, text: Some(text.into()) }
            }
            (Whole::BadEnding, ..) => error(over, format!("its process {} after it had passed", over.ending)),
            _ if !over.began => error(over, format!("its process {} before it started", over.ending)),
            _ if over.closing.summary.is_some() => error(over, "its binary does not know it any more".to_owned()),
            _ => error(over, died_under_it(over.ending)),
        };
        match over.job.purpose {
            Purpose::ForText => self.ledger.record_for_text(test, attempt),
            Purpose::Suspect(group) if attempt.outcome == AttemptOutcome::Passed => {
                if let Some(group) = self.suspects.groups.get_mut(&group) {
                    group.passed.push((test, attempt, over.leaked));
                }
                self.resolve(over, false);
            }
            _ => {
                let of_group = match over.job.purpose {
                    Purpose::Suspect(group) => self.suspects.groups.get(&group).map(|group| group.ending),
                    _ => None,
                };
                let explains = match attempt.outcome {
                    AttemptOutcome::Failed => of_group.is_some_and(is_explained_by_a_failure),
                    outcome => outcome == AttemptOutcome::Error,
                };
                self.record(test, attempt, over.leaked);
                self.resolve(over, explains);
            }
        }
    }

    /// One of a group of suspects has been heard; after the last, those that passed are judged.
    fn resolve(&mut self, over: &Over, reproduced: bool) {
        let Purpose::Suspect(number) = over.job.purpose else { return };
        let Some(group) = self.suspects.groups.get_mut(&number) else { return };
        group.open -= 1;
        group.reproduced |= reproduced;
        if group.open > 0 {
            return;
        }
        let Some(group) = self.suspects.groups.remove(&number) else { return };
        let died = |why: String| Attempt {
            outcome: AttemptOutcome::Error,
            took: None,
            ending: Some(group.ending),
            why: Some(why),
            text: Some("".into()),
        };
        let together = group.passed.iter().filter(|(test, ..)| group.flying.contains(test)).count();
        if together == 0 && !group.reproduced && !group.passed.is_empty() {
            // All had said how they ended, and nobody dies alone: it is the process's.
            if let Some(of) = self.plan.binaries.get(group.binary) {
                let why = format!("the process {}, and none of its tests does so alone", group.ending);
                self.add_process(&of.id, died(why), false);
            }
        }
        for (test, passed, leaked) in &group.passed {
            if group.reproduced || !group.flying.contains(test) {
                self.record(*test, passed.clone(), *leaked);
                continue;
            }
            let others = if together == 1 { String::new() } else { format!(" with {} others in flight", together - 1) };
            let why = format!("{}{others}; alone it passes", group.why);
            self.record(*test, died(why), *leaked);
        }
    }
}

pub(super) fn error(over: &Over, why: String) -> Attempt {
    Attempt {
        outcome: AttemptOutcome::Error,
        took: None,
        ending: Some(over.ending),
        why: Some(why),
        text: Some(noise_text(over)),
    }
}

fn died_under_it(ending: Ending) -> String {
    match ending {
        Ending::Exited(0) => "its process exited with 0 before the end of its tests".to_owned(),
        ending => format!("its process {ending}"),
    }
}

pub(super) fn noise_text(over: &Over) -> Arc<str> {
    over.noise.as_str().into()
}

/// What a process printed beside its harness's words cannot be told apart by test: it goes with the first failure.
fn with_noise(text: &str, noise: Option<&str>) -> String {
    match noise {
        Some(noise) if text.trim().is_empty() => noise.to_owned(),
        Some(noise) => format!("{text}\n---- printed around the harness ----\n{noise}"),
        None => text.to_owned(),
    }
}
