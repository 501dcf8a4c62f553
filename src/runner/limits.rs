//! Limits of tests, units and the whole run, and what the user asks of a run that goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::engine::{Engine, Stop};
use super::job::Purpose;
use super::live::{KillWhy, Live};
use crate::event::Fact;
use crate::model::TestKey;
use crate::plan::Plan;
use crate::sys::signals::{Signals, Urgency};

impl Engine<'_> {
    pub(super) fn look_at_signals(&mut self) {
        if self.signals.take_pause() {
            self.live.values().for_each(Live::pause);
            let since = Instant::now();
            Signals::pause();
            let paused = since.elapsed();
            self.live.values_mut().for_each(|live| live.go_on(paused));
            self.deadline = self.deadline.map(|deadline| deadline + paused);
        }
        if let Some(interrupt) = self.signals.interrupt() {
            if !matches!(self.stop, Some(Stop::Interrupted(_))) {
                self.ledger.emit(Fact::Interrupted { signal: interrupt.signal });
                self.stop_with(Stop::Interrupted(interrupt));
            }
            let (now, at_once) = (Instant::now(), interrupt.urgency == Urgency::AtOnce);
            self.live.values_mut().for_each(|live| live.press(now, at_once));
        }
    }

    pub(super) fn look_at_limits(&mut self, now: Instant) {
        if self.stop.is_none() && self.deadline.is_some_and(|deadline| now >= deadline) {
            let in_flight = self.live.values().flat_map(|live| self.keys_in_flight(live)).collect();
            self.stop_with(Stop::RunTimeout(in_flight));
        }
        let (plan, grace) = (self.plan, self.options.grace);
        let mut slow = Vec::new();
        for live in self.live.values_mut() {
            live.press(now, false);
            if !live.is_being_ended() {
                look_at_tests(plan, live, now, grace, &mut slow);
            }
        }
        for (key, running) in slow {
            self.ledger.emit(Fact::TestSlow { key, running });
        }
    }

    fn keys_in_flight(&self, live: &Live) -> Vec<String> {
        let Some(of) = self.plan.binaries.get(live.job.binary) else { return Vec::new() };
        match live.in_flight() {
            Some(flying) => {
                let tests = flying.iter().filter_map(|(place, _)| live.job.tests.get(*place));
                tests.filter_map(|test| of.tests.get(*test)).map(|test| test.key.to_string()).collect()
            }
            None => vec![of.id.to_string()],
        }
    }
}

/// The limits of the tests in flight; where those are not known, of the whole process since it last gave a result.
fn look_at_tests(
    plan: &Plan,
    live: &mut Live,
    now: Instant,
    grace: Duration,
    slow: &mut Vec<(Arc<TestKey>, Duration)>,
) {
    let Some(of) = plan.binaries.get(live.job.binary) else { return };
    if live.job.purpose == Purpose::Whole {
        if of.unit.timeout.is_some_and(|limit| now >= live.since() + limit) {
            live.end(KillWhy::UnitOverdue, grace, now);
        }
        return;
    }
    let planned = |live: &Live, place: usize| live.job.tests.get(place).and_then(|test| of.tests.get(*test));
    // Nothing in flight and not at its end: whatever it does there has no longer than a test.
    let Some(flying) = live.in_flight().filter(|flying| !flying.is_empty()).map(<[(usize, Instant)]>::to_vec) else {
        let limits = (0..live.job.tests.len()).filter_map(|place| planned(live, place)?.policy.timeout);
        if limits.min().is_some_and(|limit| now >= live.quiet_since() + limit) {
            live.end(KillWhy::Overdue(Vec::new()), grace, now);
        }
        return;
    };
    let mut overdue = Vec::new();
    for (place, start) in flying {
        let Some(test) = planned(live, place) else { continue };
        let running = now.saturating_duration_since(start);
        if test.policy.timeout.is_some_and(|limit| running >= limit) {
            overdue.push(place);
        } else if test.policy.slow.is_some_and(|mark| live.pass_slow_mark(place, running, mark)) {
            slow.push((Arc::clone(&test.key), running));
        }
    }
    if !overdue.is_empty() {
        live.end(KillWhy::Overdue(overdue), grace, now);
    }
}
