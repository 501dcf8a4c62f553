//! From the first step to the last: what may start is started, what is over is told.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use super::engine::{self, Stream};
use super::judge::Settled;
use super::site::Site;
use super::step::{self, Covered, Done, Tests, blank};
use crate::event::{Event, Fact, Observer};
use crate::exit_code::ExitCode;
use crate::model::{StepKind, StepRecord, StepState};
use crate::pipeline::plan::{Planned, Work};
use crate::pipeline::schedule::{Came, Schedule, Unit, Weight, Why};
use crate::report::pipeline::SmokeReport;

/// What came of all steps.
#[derive(Default)]
pub(super) struct Walked {
    /// In the order of the plan.
    pub(super) settled: Vec<Settled>,
    pub(super) tests: Vec<Tests>,
    pub(super) smoke: Option<SmokeReport>,
    pub(super) coverage: Vec<Covered>,
    /// The signal that ended it, where one did.
    pub(super) interrupted: Option<&'static str>,
}

/// Everyone who is told.
pub(super) struct Observers {
    pub(super) terminal: Box<dyn Observer>,
    pub(super) stream: Option<Stream>,
}

impl Observers {
    pub(super) fn tell(&mut self, fact: Fact) {
        let event = Event { at: Timestamp::now(), fact };
        if let Some(stream) = &self.stream {
            stream.borrow_mut().observe(&event);
        }
        self.terminal.observe(&event);
    }

    fn warn(&mut self, id: &'static str, texts: Vec<String>) {
        texts.into_iter().for_each(|text| self.tell(Fact::Warned { id, text }));
    }
}

/// What a step's thread says.
enum News {
    Line(usize, String),
    Over(usize, Box<Done>),
}

/// Signals are looked at so often.
const GLANCE: Duration = Duration::from_millis(100);

/// Runs the steps.
pub(super) fn walk(site: &Site<'_>, planned: &[Planned<'_>], keep_going: bool, observers: &mut Observers) -> Walked {
    let steps = planned.iter().map(|step| (step.name.clone(), step.kind)).collect();
    observers.tell(Fact::PipelineStarted { name: site.asked.args.pipeline.clone(), steps });
    let mut walk = Walk {
        site,
        planned,
        schedule: Schedule::new(units(planned), site.slots(), keep_going),
        settled: vec![None; planned.len()],
        running: 0,
        walked: Walked::default(),
    };
    let (sender, news) = sync_channel(1024);
    thread::scope(|scope| {
        // It goes with this closure, also by a panic: a step's thread that waits to be heard would be waited for here.
        let news = news;
        loop {
            walk.look_at_signals(observers);
            let started = walk.schedule.start();
            for place in &started {
                walk.begin(*place, scope, &sender, observers);
            }
            if walk.schedule.is_over() {
                break;
            }
            if walk.running == 0 {
                continue;
            }
            match news.recv_timeout(GLANCE) {
                Ok(News::Line(place, line)) => {
                    if let Some(step) = planned.get(place) {
                        observers.tell(Fact::StepPrinted { name: step.name.clone(), line });
                    }
                }
                Ok(News::Over(place, done)) => {
                    walk.running -= 1;
                    walk.end(place, *done, observers);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    });
    walk.conclude(observers)
}

fn units(planned: &[Planned<'_>]) -> Vec<Unit> {
    let place_of = |name: &String| planned.iter().position(|step| step.name == *name);
    let unit = |step: &Planned<'_>| Unit {
        group: step.kind.group(),
        needs: step.needs.iter().filter_map(place_of).collect(),
        slots: if let Work::Engine(_) = step.work { Weight::All } else { Weight::One },
        mutex: match step.work {
            Work::Command(step) | Work::Engine(step) => step.mutex.clone(),
            Work::Suite(suite) => suite.mutex.clone(),
            Work::Smoke(_) => None,
        },
    };
    planned.iter().map(unit).collect()
}

/// That a step's thread says how it ended, however it ends.
struct Promise {
    sender: SyncSender<News>,
    place: usize,
    done: Option<Done>,
}

impl Drop for Promise {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            drop(self.sender.send(News::Over(self.place, Box::new(done))));
        }
    }
}

/// What becomes of a step whose thread did not come to its end.
fn defect(step: &Planned<'_>) -> Done {
    let why = "the gate itself failed while it ran: this is a defect of cargo gate".to_owned();
    let record = StepRecord { state: StepState::Failed, why, ..blank(step) };
    Settled { record, codes: vec![ExitCode::Internal], reasons: Vec::new() }.into()
}

struct Walk<'s> {
    site: &'s Site<'s>,
    planned: &'s [Planned<'s>],
    schedule: Schedule,
    settled: Vec<Option<Settled>>,
    /// Threads of steps.
    running: usize,
    walked: Walked,
}

impl<'s> Walk<'s> {
    fn look_at_signals(&mut self, observers: &mut Observers) {
        if let Some(interrupt) = self.site.signals().interrupt()
            && self.walked.interrupted.is_none()
        {
            self.walked.interrupted = Some(interrupt.signal);
            self.schedule.abandon();
            observers.tell(Fact::Interrupted { signal: interrupt.signal });
        }
    }

    fn begin<'scope>(
        &mut self,
        place: usize,
        scope: &'scope thread::Scope<'scope, '_>,
        sender: &SyncSender<News>,
        observers: &mut Observers,
    ) where
        's: 'scope,
    {
        let (site, planned) = (self.site, self.planned);
        let Some(step) = planned.get(place) else { return self.schedule.settle(place, Came::GoesOn) };
        if let Some(record) = self.left_out(step) {
            return self.end(place, Settled::not_begun(record).into(), observers);
        }
        let is_engine = matches!(step.work, Work::Engine(_));
        observers.tell(Fact::StepStarted { name: step.name.clone(), kind: step.kind, is_engine });
        if let Work::Engine(own) = step.work {
            // Nothing else runs, so that this thread has nothing else to do.
            let done = engine::engine(site, step, own, observers.stream.as_ref());
            self.look_at_signals(observers);
            return self.end(place, done, observers);
        }
        let sender = sender.clone();
        self.running += 1;
        scope.spawn(move || {
            let mut say = |line: &str| drop(sender.send(News::Line(place, line.to_owned())));
            let mut promise = Promise { sender: sender.clone(), place, done: Some(defect(step)) };
            let done = match step.work {
                Work::Suite(suite) => engine::suite(site, step, suite, &mut say),
                Work::Smoke(checks) => engine::smoke(site, step, checks, &mut say),
                Work::Command(own) | Work::Engine(own) => step::command(site, step, own, &mut say),
            };
            promise.done = Some(done);
        });
    }

    /// The record of a step that is not to run.
    fn left_out(&self, step: &Planned<'_>) -> Option<StepRecord> {
        if !step.runs {
            return Some(step::skipped(step));
        }
        if step.kind != StepKind::Smoke {
            return None;
        }
        // R15: what runs is looked at only where its tests are green. Their turn is over; what has no end never began.
        let is_green = |settled: &Option<Settled>| settled.as_ref().is_some_and(|it| it.record.state.lets_go_on());
        let are_tests = |step: &Planned<'_>| [StepKind::Test, StepKind::Coverage, StepKind::E2e].contains(&step.kind);
        let mut steps = self.planned.iter().zip(&self.settled);
        let (red, _) = steps.find(|(step, settled)| step.runs && are_tests(step) && !is_green(settled))?;
        let why = format!("the tests are not green: {}", red.name);
        Some(StepRecord { state: StepState::NotRun, why, ..blank(step) })
    }

    fn end(&mut self, place: usize, done: Done, observers: &mut Observers) {
        let Done { settled, tests, smoke, coverage, warnings } = done;
        observers.warn("step", warnings);
        observers.tell(Fact::StepFinished { step: Arc::new(settled.record.clone()) });
        self.schedule.settle(place, Came::of(settled.record.state));
        self.walked.tests.extend(tests);
        self.walked.coverage.extend(coverage);
        self.walked.smoke = self.walked.smoke.take().or(smoke);
        if let Some(slot) = self.settled.get_mut(place) {
            *slot = Some(settled);
        }
    }

    fn conclude(mut self, observers: &mut Observers) -> Walked {
        self.look_at_signals(observers);
        for (place, why) in self.schedule.not_run() {
            let Some(step) = self.planned.get(place) else { continue };
            let name = |place: usize| self.planned.get(place).map_or("", |step| step.name.as_str());
            let why = match why {
                _ if !step.runs => step.why.clone(),
                Why::Needs(other) => format!("it needs {}, which did not pass", name(other)),
                Why::GroupBefore(other) | Why::EarlierFailure(other) => format!("{} did not pass", name(other)),
                Why::Interrupted => "an end was asked for before its turn".to_owned(),
                Why::NeverReady => "what it needs comes after it".to_owned(),
            };
            let state = if step.runs { StepState::NotRun } else { StepState::Skipped };
            let record = StepRecord { state, why, ..blank(step) };
            observers.tell(Fact::StepFinished { step: Arc::new(record.clone()) });
            if let Some(slot) = self.settled.get_mut(place) {
                *slot = Some(Settled::not_begun(record));
            }
        }
        self.walked.settled = self.settled.into_iter().flatten().collect();
        self.walked
    }
}
