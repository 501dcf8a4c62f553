//! The loop: starts what fits into the slots, listens to what runs, and sees to limits, signals and ends.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::aftermath::Suspects;
use super::job::{Frame, Job, Purpose, first_jobs};
use super::ledger::{Ledger, TestRef};
use super::libtest::{Names, Word};
use super::live::{Heard, KillWhy, Live, Over};
use super::schedule::{Shape, schedule};
use crate::event::{Fact, Stream};
use crate::model::{Attempt, AttemptOutcome, BinaryId, CaseRecord, TestKey};
use crate::plan::{Harness, Plan};
use crate::sys::process::{Child, News, START_DELAY, START_TRIES, is_of_the_moment};
use crate::sys::signals::{Interrupt, Signals};

/// How a plan is executed.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many tests may run at once.
    pub slots: usize,
    /// One binary after the other?
    pub serial: bool,
    /// What all jobs share.
    pub frame: Frame,
    /// Stop after so many failures.
    pub most_failures: Option<usize>,
    /// Stop after so long.
    pub run_timeout: Option<Duration>,
    /// How long a process may take to end when it is asked to.
    pub grace: Duration,
    /// Is what children print for the user's eyes as it comes?
    pub shows_output: bool,
    /// How many threads a harness takes that is not told.
    pub cpus: usize,
}

/// Why a run stopped before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Enough failures.
    Failures,
    /// The user or the system asked for it.
    Interrupted(Interrupt),
    /// The whole run's limit; these tests were in flight.
    RunTimeout(Vec<String>),
}

/// What an execution of a plan came to.
#[derive(Debug)]
pub struct Finished {
    /// What became of each test, in order of the keys.
    pub cases: Vec<std::sync::Arc<CaseRecord>>,
    /// Planned tests without an outcome.
    pub not_run: Vec<std::sync::Arc<TestKey>>,
    /// Why it stopped early, if it did.
    pub stop: Option<Stop>,
    /// Binaries that could not be started, and why.
    pub unstarted: Vec<(BinaryId, String)>,
    /// How long binaries without a list took as a whole, and on how many threads.
    pub units: Vec<(BinaryId, Duration, usize)>,
}

/// Executes a plan.
pub fn execute(plan: &Plan, options: &Options, signals: &Signals, emit: &mut dyn FnMut(Fact)) -> Finished {
    let (sender, receiver) = sync_channel(256);
    let mut engine = Engine {
        plan,
        options,
        signals,
        ledger: Ledger::new(plan, emit),
        waiting: Vec::new(),
        live: BTreeMap::new(),
        suspects: Suspects::default(),
        stop: None,
        unstarted: Vec::new(),
        units: Vec::new(),
        next_process: 0,
        sender,
        receiver,
        deadline: options.run_timeout.map(|limit| Instant::now() + limit),
        looked: Instant::now(),
    };
    engine.waiting = engine.in_order(first_jobs(plan, &options.frame));
    engine.run();
    let (cases, not_run) = engine.ledger.close();
    Finished { cases, not_run, stop: engine.stop, unstarted: engine.unstarted, units: engine.units }
}

type ProcessId = u64;

pub(super) struct Engine<'a> {
    pub(super) plan: &'a Plan,
    pub(super) options: &'a Options,
    pub(super) signals: &'a Signals,
    pub(super) ledger: Ledger<'a>,
    waiting: Vec<Job>,
    pub(super) live: BTreeMap<ProcessId, Live>,
    pub(super) suspects: Suspects,
    pub(super) stop: Option<Stop>,
    unstarted: Vec<(BinaryId, String)>,
    pub(super) units: Vec<(BinaryId, Duration, usize)>,
    next_process: ProcessId,
    sender: SyncSender<(ProcessId, News)>,
    receiver: Receiver<(ProcessId, News)>,
    pub(super) deadline: Option<Instant>,
    /// When it was last looked at what is over.
    looked: Instant,
}

/// So many news are taken between two looks at limits and signals.
const MOST_AT_ONCE: usize = 64;

/// Signals are looked at so often.
const GLANCE: Duration = Duration::from_millis(100);

impl Engine<'_> {
    fn run(&mut self) {
        // An end may have been asked for before the first start.
        self.look_at_signals();
        loop {
            self.start_what_fits();
            if self.live.is_empty() && (self.waiting.is_empty() || self.stop.is_some()) {
                return;
            }
            match self.receiver.recv_timeout(self.patience()) {
                Ok((process, news)) => {
                    self.take(process, news);
                    // An end may wait in the queue before the last words of another.
                    for (process, news) in self.receiver.try_iter().take(MOST_AT_ONCE).collect::<Vec<_>>() {
                        self.take(process, news);
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            self.look_at_signals();
            self.look_at_limits(Instant::now());
            self.conclude_what_is_over(Instant::now());
        }
    }

    fn in_order(&self, mut jobs: Vec<Job>) -> Vec<Job> {
        let shapes: Vec<Shape> =
            jobs.iter().enumerate().map(|(place, job)| job.shape(self.plan, &self.options.frame, place)).collect();
        let schedule = schedule(&shapes, self.options.slots);
        for (job, allotment) in jobs.iter_mut().zip(&schedule.allotments) {
            job.threads = if self.options.serial { self.options.slots } else { allotment.threads };
            job.may_squeeze = allotment.may_squeeze;
        }
        let mut places: Vec<Option<Job>> = jobs.into_iter().map(Some).collect();
        schedule.order.iter().filter_map(|place| places.get_mut(*place)?.take()).collect()
    }

    /// A job comes up on the way. What belongs to work that is under way goes before what has not begun.
    pub(super) fn put_in_front(&mut self, jobs: Vec<Job>) {
        self.waiting.splice(0..0, jobs);
    }

    pub(super) fn put_behind(&mut self, job: Job) {
        self.waiting.push(job);
    }

    /// A retry that came of a line that does not stand is not made.
    pub(super) fn forget_waiting(&mut self, test: TestRef) {
        self.waiting.retain(|job| {
            !(job.purpose == Purpose::Alone && job.binary == test.binary && job.tests.as_slice() == [test.test])
        });
    }

    fn start_what_fits(&mut self) {
        if self.stop.is_some() {
            return;
        }
        let mut place = 0;
        while place < self.waiting.len() {
            let busy: usize = self.live.values().map(Live::busy).sum();
            let free = self.options.slots.saturating_sub(busy);
            if free == 0 {
                return;
            }
            match self.waiting.get(place).and_then(|job| self.threads_now(job, free)) {
                Some(threads) => {
                    let mut job = self.waiting.remove(place);
                    job.threads = threads;
                    self.start(job);
                }
                None => place += 1,
            }
        }
    }

    /// May a job start now, and on how many threads?
    fn threads_now(&self, job: &Job, free: usize) -> Option<usize> {
        let now = Instant::now();
        if job.not_before.is_some_and(|at| at > now) {
            return None;
        }
        if self.options.serial && !self.live.is_empty() {
            return None;
        }
        let of_binary = |live: &&Live| live.job.binary == job.binary && !(job.beside && live.job.beside);
        if self.live.values().any(|live| of_binary(&live)) {
            return None;
        }
        let useful = if job.purpose == Purpose::Whole { usize::MAX } else { job.tests.len().max(1) };
        let mut wanted = job.threads.min(useful);
        // Nobody else wants what is left.
        if self.waiting.len() == 1 && useful > 1 {
            wanted = wanted.max(free.min(useful));
        }
        if let Some(group) = &job.group {
            let most = self.options.frame.groups.get(group).copied().unwrap_or(usize::MAX).max(1);
            let taken: usize =
                self.live.values().filter(|live| live.job.group.as_ref() == Some(group)).map(Live::busy).sum();
            let left = most.saturating_sub(taken);
            if left == 0 || (left < wanted && taken > 0) {
                return None;
            }
            wanted = wanted.min(left);
        }
        let is_roomy = self.live.is_empty() || (job.may_squeeze && free * 4 >= self.options.slots * 3);
        match wanted <= free {
            true => Some(wanted),
            false if is_roomy => Some(free),
            false => None,
        }
    }

    fn start(&mut self, mut job: Job) {
        let Some(of) = self.plan.binaries.get(job.binary) else { return };
        let (id, sender) = (self.next_process, self.sender.clone());
        self.next_process += 1;
        let launch = job.launch(of, &self.options.frame);
        let spawned = Child::spawn(&launch, move |news| drop(sender.send((id, news))));
        let now = Instant::now();
        match spawned {
            Ok(child) => {
                let names = match job.purpose {
                    Purpose::Whole => Names::learnt(),
                    _ => {
                        let tests = job.tests.iter().filter_map(|test| of.tests.get(*test));
                        Names::known(tests.map(|test| test.key.name.as_str()))
                    }
                };
                // A harness of its own is not told how many threads it may have.
                let told = !matches!(
                    (of.harness, job.purpose),
                    (Harness::OwnLists, Purpose::Shared) | (Harness::Blind | Harness::Unlisted, _)
                );
                let threads = if told { job.threads } else { self.options.cpus };
                self.live.insert(id, Live::new(job, child, names, threads, self.options.shows_output, now));
            }
            Err(error) if is_of_the_moment(&error) && job.failed_starts < START_TRIES => {
                job.failed_starts += 1;
                job.not_before = Some(now + START_DELAY);
                self.waiting.push(job);
            }
            Err(error) => self.unstarted.push((of.id.clone(), error.to_string())),
        }
    }

    fn take(&mut self, process: ProcessId, news: News) {
        let Some(live) = self.live.get_mut(&process) else { return };
        match news {
            News::Output(stream, bytes, at) => {
                let mut heard = Vec::new();
                live.take(stream, &bytes, at, &mut |item| heard.push(item));
                let (binary, tests, is_real) =
                    (live.job.binary, live.job.tests.clone(), live.job.purpose != Purpose::ForText);
                let is_provisional = matches!(live.job.purpose, Purpose::Shared);
                let printed = live.take_printed();
                self.show(binary, printed);
                for item in heard {
                    self.note(binary, &tests, item, is_real, is_provisional);
                }
            }
            News::Closed(_) => live.close_stream(),
            News::Exited(at) => live.exited(at),
        }
    }

    fn show(&mut self, binary: usize, printed: Vec<(Stream, Vec<u8>)>) {
        let Some(of) = self.plan.binaries.get(binary).filter(|_| !printed.is_empty()) else { return };
        for (stream, bytes) in printed {
            self.ledger.emit(Fact::Printed { binary: of.id.clone(), stream, bytes });
        }
    }

    /// What is heard of a test counts at once; should the end of the process show otherwise, it is taken back.
    fn note(&mut self, binary: usize, tests: &[usize], heard: Heard, is_real: bool, is_provisional: bool) {
        let of = |place: usize| tests.get(place).map(|test| TestRef { binary, test: *test });
        match heard {
            Heard::Began => {}
            Heard::Started(place) => {
                if let Some(test) = of(place).filter(|_| is_real) {
                    self.ledger.start(test);
                }
            }
            // Of a process with one test, the end decides: it may still die after its test.
            Heard::Result(place, word, took) if is_provisional => {
                if let Some(test) = of(place) {
                    self.settle(test, word, took);
                    self.stop_after_failures();
                }
            }
            Heard::Result(..) => {}
        }
    }

    /// The harness's word on a test, from its own process with others.
    pub(super) fn settle(&mut self, test: TestRef, word: Word, took: Option<Duration>) {
        let outcome = match word {
            Word::Ignored => return self.ledger.skip(test),
            Word::Ok => AttemptOutcome::Passed,
            Word::Failed => AttemptOutcome::Failed,
        };
        self.record(test, Attempt { outcome, took, ending: None, why: None, text: None }, false);
    }

    /// An execution ended; a retry is put behind what waits.
    pub(super) fn record(&mut self, test: TestRef, attempt: Attempt, leaked: bool) {
        if let Some(delay) = self.ledger.record(test, attempt, leaked)
            && let Some(mut job) = Job::alone(self.plan, test.binary, test.test, Purpose::Alone)
        {
            job.not_before = Some(Instant::now() + delay);
            self.put_behind(job);
        }
    }

    pub(super) fn stop_after_failures(&mut self) {
        if self.stop.is_none() && self.options.most_failures.is_some_and(|most| self.ledger.failures() >= most) {
            self.stop_with(Stop::Failures);
        }
    }

    pub(super) fn stop_with(&mut self, stop: Stop) {
        self.stop = Some(stop);
        let (grace, now) = (self.options.grace, Instant::now());
        self.live.values_mut().for_each(|live| live.end(KillWhy::RunOver, grace, now));
    }

    fn conclude_what_is_over(&mut self, now: Instant) {
        if now.saturating_duration_since(self.looked) > GLANCE * 2 {
            self.live.values_mut().for_each(|live| live.was_not_heard(now));
        }
        self.looked = now;
        let over = |(process, live): (&ProcessId, &mut Live)| live.is_over(now).then_some(*process);
        let over: Vec<ProcessId> = self.live.iter_mut().filter_map(over).collect();
        for process in over {
            if let Some(live) = self.live.remove(&process) {
                let over: Over = live.conclude();
                self.conclude(over);
                self.stop_after_failures();
            }
        }
    }

    /// Until when there is nothing to do unless something happens.
    fn patience(&self) -> Duration {
        let now = Instant::now();
        let mut wake = now + GLANCE;
        for live in self.live.values() {
            wake = wake.min(live.wakes_at().unwrap_or(wake));
        }
        for job in &self.waiting {
            wake = wake.min(job.not_before.filter(|at| *at > now).unwrap_or(wake));
        }
        wake = wake.min(self.deadline.filter(|_| self.stop.is_none()).unwrap_or(wake));
        wake.saturating_duration_since(now)
    }
}
