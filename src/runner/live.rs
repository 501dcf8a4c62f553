//! One live test process: what it has said so far, what is in flight, when it is overdue.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::capped::Capped;
use super::job::{Job, Purpose};
use super::libtest::{Closing, Names, Reader, Said, Word};
use super::reconcile::Claims;
use super::replay::{Completion, Replay};
use crate::event::Stream;
use crate::model::Ending;
use crate::sys::process::{Ask, Child};

/// Why a process is being ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KillWhy {
    /// These tests (places in the job) ran into their limits.
    Overdue(Vec<usize>),
    /// A whole unit ran into its limit.
    UnitOverdue,
    /// The run is over: enough failures, an interrupt, its own limit.
    RunOver,
}

/// A process being ended: asked first, killed when the grace is over.
#[derive(Clone, Debug)]
struct Kill {
    why: KillWhy,
    hard_at: Instant,
    hard: bool,
}

/// Something that a process let know, by places in its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// These many tests started first.
    Began,
    /// A test started.
    Started(usize),
    /// A result came that can be believed for now, with its duration where that is known.
    Result(usize, Word, Option<Duration>),
}

/// After the exit, this long is waited for the pipes to close; then somebody else holds them.
const LEAK_PATIENCE: Duration = Duration::from_millis(200);

/// What is kept of stderr and of lines that are not the harness's.
const KEPT_NOISE: usize = 64 * 1024;

/// One live test process.
pub struct Live {
    /// What it is to do.
    pub job: Job,
    child: Child,
    reader: Reader,
    replay: Option<Replay>,
    replay_threads: usize,
    claims: Vec<Claims>,
    times: Vec<Option<Duration>>,
    heard_at: Vec<(usize, Instant)>,
    noise: Capped,
    printed: Vec<(Stream, Vec<u8>)>,
    keeps_printed: bool,
    since: Instant,
    last_result: Instant,
    running_at: Option<Instant>,
    slow_marks: BTreeMap<usize, u32>,
    ending: Option<(Ending, Instant)>,
    open: u8,
    kill: Option<Kill>,
}

/// A process that is over.
#[derive(Debug)]
pub struct Over {
    /// What it was to do.
    pub job: Job,
    /// How it left.
    pub ending: Ending,
    /// Why it was ended, if it was.
    pub killed: Option<KillWhy>,
    /// Did it leave something behind that holds its pipes?
    pub leaked: bool,
    /// Did its harness announce that it begins?
    pub began: bool,
    /// What it said of each test, by places in the job (or among the learnt names).
    pub claims: Vec<Claims>,
    /// Durations, by the same places.
    pub times: Vec<Option<Duration>>,
    /// What stands at the end of its output.
    pub closing: Closing,
    /// The names it gave, if it was not known before.
    pub learnt: Vec<String>,
    /// The tests that may have been in flight, and whether that is known for certain.
    pub in_flight: (Vec<usize>, bool),
    /// What it printed beside its harness's words.
    pub noise: String,
    /// How long it ran.
    pub took: Duration,
}

impl Live {
    /// A process that has just been started. `names` are the job's tests', `threads` what its harness works on.
    #[must_use]
    pub fn new(job: Job, child: Child, names: Names, threads: usize, keeps_printed: bool, now: Instant) -> Self {
        let count = job.tests.len();
        Self {
            job,
            child,
            reader: Reader::new(names),
            replay: None,
            replay_threads: threads,
            claims: vec![Claims::default(); count],
            times: vec![None; count],
            heard_at: Vec::new(),
            noise: Capped::new(KEPT_NOISE),
            printed: Vec::new(),
            keeps_printed,
            since: now,
            last_result: now,
            running_at: None,
            slow_marks: BTreeMap::new(),
            ending: None,
            open: 2,
            kill: None,
        }
    }

    /// Takes what it printed.
    pub fn take(&mut self, stream: Stream, bytes: &[u8], at: Instant, tell: &mut dyn FnMut(Heard)) {
        if stream == Stream::Stderr {
            self.make_noise(stream, bytes.to_vec());
            return;
        }
        let mut said = Vec::new();
        self.reader.feed(bytes, &mut |item| said.push(item));
        for item in said {
            self.hear(item, at, tell);
        }
    }

    fn make_noise(&mut self, stream: Stream, bytes: Vec<u8>) {
        self.noise.push(&bytes);
        if self.keeps_printed {
            self.printed.push((stream, bytes));
        }
    }

    fn hear(&mut self, said: Said, at: Instant, tell: &mut dyn FnMut(Heard)) {
        match said {
            Said::Running(_) => {
                self.running_at.get_or_insert(at);
                self.begin(at, tell);
            }
            Said::Named(_) => {}
            Said::Raw(bytes) => {
                if bytes != b"\n" || self.keeps_printed {
                    self.make_noise(Stream::Stdout, bytes);
                }
            }
            Said::Result { test, word, clean } => {
                self.last_result = at;
                if self.job.purpose == Purpose::Whole {
                    self.hear_learnt(test, word, clean, at);
                    return;
                }
                self.begin(self.since, tell);
                self.claim(test, word, clean);
                match self.replay.as_mut().map(|replay| replay.complete(test, at)) {
                    Some(Completion::Expected { took, next }) => {
                        if clean {
                            self.put_time(test, took);
                            tell(Heard::Result(test, word, Some(took)));
                        }
                        next.into_iter().for_each(|next| tell(Heard::Started(next)));
                    }
                    // libtest keeps its order: either this line or one before it is not its own.
                    Some(Completion::Unexpected | Completion::Again) | None => self.claim(test, word, false),
                }
            }
        }
    }

    /// A harness without a list tells its tests as they come.
    fn hear_learnt(&mut self, test: usize, word: Word, clean: bool, at: Instant) {
        if test >= self.claims.len() {
            self.claims.resize(test + 1, Claims::default());
        }
        self.claim(test, word, clean);
        self.heard_at.push((test, at));
    }

    fn claim(&mut self, test: usize, word: Word, clean: bool) {
        if let Some(claims) = self.claims.get_mut(test) {
            claims.add(word, clean);
        }
    }

    fn put_time(&mut self, test: usize, took: Duration) {
        if let Some(time) = self.times.get_mut(test) {
            *time = Some(took);
        }
    }

    fn begin(&mut self, at: Instant, tell: &mut dyn FnMut(Heard)) {
        if self.replay.is_none() && self.job.purpose != Purpose::Whole {
            let replay = Replay::begin(self.job.tests.len(), self.replay_threads, at);
            let first: Vec<usize> = replay.may_be_in_flight();
            self.replay = Some(replay);
            tell(Heard::Began);
            first.into_iter().for_each(|test| tell(Heard::Started(test)));
        }
    }

    /// What it printed since the last call that is for the user's eyes.
    pub fn take_printed(&mut self) -> Vec<(Stream, Vec<u8>)> {
        std::mem::take(&mut self.printed)
    }

    /// One of its streams is closed.
    pub fn close_stream(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// It ended; what it started may still hold its pipes.
    pub fn exited(&mut self, at: Instant) {
        if self.kill.is_some() {
            // Nothing of it is to survive its end by force; its id is still ours until it is reaped.
            self.child.ask(Ask::Kill);
        }
        self.ending = Some((self.child.reap(), at));
    }

    /// How many threads of it can still have work.
    #[must_use]
    pub fn busy(&self) -> usize {
        let most = self.job.threads;
        match (&self.ending, &self.replay) {
            (Some(_), _) => 0,
            (None, Some(replay)) => replay.busy(most),
            (None, None) => most,
        }
    }

    /// Is it over, as far as it will ever be?
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        self.ending.is_some_and(|(_, at)| self.open == 0 || now >= at + LEAK_PATIENCE)
    }

    /// Tests in flight (places in the job) with their starts, where that is known.
    #[must_use]
    pub fn in_flight(&self) -> Option<&[(usize, Instant)]> {
        self.replay.as_ref()?.in_flight()
    }

    /// Since when nothing is known to have happened: for limits where it is not known which test is in flight.
    #[must_use]
    pub fn quiet_since(&self) -> Instant {
        self.last_result
    }

    /// When it was started.
    #[must_use]
    pub const fn since(&self) -> Instant {
        self.since
    }

    /// Which of a test's slow marks has been passed; the count is kept.
    pub fn pass_slow_mark(&mut self, test: usize, running: Duration, slow: Duration) -> bool {
        let mark = self.slow_marks.entry(test).or_insert(0);
        let due = slow.saturating_mul(mark.saturating_add(1));
        let passed = running >= due;
        *mark += u32::from(passed);
        passed
    }

    /// When a test's next slow mark is due.
    #[must_use]
    pub fn next_slow_mark(&self, test: usize, slow: Duration) -> Duration {
        slow.saturating_mul(self.slow_marks.get(&test).copied().unwrap_or(0).saturating_add(1))
    }

    /// Asks it to end, and again without asking when the grace is over.
    pub fn end(&mut self, why: KillWhy, grace: Duration, now: Instant) {
        if self.kill.is_none() && self.ending.is_none() {
            self.child.ask(Ask::Terminate);
            // A group that was paused could not hear.
            self.child.ask(Ask::Continue);
            self.kill = Some(Kill { why, hard_at: now + grace, hard: false });
        }
    }

    /// Is it being ended?
    #[must_use]
    pub const fn is_being_ended(&self) -> bool {
        self.kill.is_some()
    }

    /// Kills it if its grace is over, or at once.
    pub fn press(&mut self, now: Instant, at_once: bool) {
        if let (Some(kill), None) = (&mut self.kill, &self.ending)
            && !kill.hard
            && (at_once || now >= kill.hard_at)
        {
            kill.hard = true;
            self.child.ask(Ask::Kill);
        }
    }

    /// When it is to be looked at again, apart from its tests' limits.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Instant> {
        match (&self.ending, &self.kill) {
            (Some((_, at)), _) => Some(*at + LEAK_PATIENCE),
            (None, Some(kill)) if !kill.hard => Some(kill.hard_at),
            _ => None,
        }
    }

    /// Pauses it, or lets it go on after a pause of some length.
    pub fn pause(&self) {
        self.child.ask(Ask::Stop);
    }

    /// It goes on after a pause of some length.
    pub fn go_on(&mut self, paused: Duration) {
        self.since += paused;
        self.last_result += paused;
        if let Some(replay) = &mut self.replay {
            replay.shift(paused);
        }
        if let Some(kill) = &mut self.kill {
            kill.hard_at += paused;
        }
        self.child.ask(Ask::Continue);
    }

    /// Closes the book of this process.
    #[must_use]
    pub fn conclude(mut self) -> Over {
        let (ending, at) = self.ending.unwrap_or((Ending::NotStarted, Instant::now()));
        let mut last = Vec::new();
        let reader = std::mem::replace(&mut self.reader, Reader::new(Names::learnt()));
        let (closing, names) = reader.finish(&mut |item| last.push(item));
        for item in last {
            self.hear(item, at, &mut |_| {});
        }
        let learnt = names.into_learnt();
        if self.job.purpose == Purpose::Whole {
            self.claims.resize(learnt.len(), Claims::default());
            self.times = self.learnt_times(&learnt);
        }
        let trusted = self.replay.as_ref().is_none_or(Replay::is_trusted);
        if !trusted {
            self.times.iter_mut().for_each(|time| *time = None);
        }
        Over {
            ending,
            killed: self.kill.map(|kill| kill.why),
            leaked: self.open > 0,
            began: self.replay.is_some() || self.running_at.is_some(),
            claims: self.claims,
            times: self.times,
            closing,
            learnt,
            in_flight: (self.replay.as_ref().map(Replay::may_be_in_flight).unwrap_or_default(), trusted),
            noise: self.noise.to_text(),
            took: at.saturating_duration_since(self.since),
            job: self.job,
        }
    }

    /// The names are all known at the end, and harnesses start tests in their order: the replay comes late.
    fn learnt_times(&self, learnt: &[String]) -> Vec<Option<Duration>> {
        let mut order: Vec<usize> = (0..learnt.len()).collect();
        order.sort_by_key(|place| learnt.get(*place));
        let mut ranks = vec![0; learnt.len()];
        for (rank, place) in order.iter().enumerate() {
            if let Some(slot) = ranks.get_mut(*place) {
                *slot = rank;
            }
        }
        let mut times = vec![None; learnt.len()];
        let Some(start) = self.running_at else { return times };
        let mut replay = Replay::begin(learnt.len(), self.replay_threads, start);
        for (place, at) in &self.heard_at {
            let rank = ranks.get(*place).copied().unwrap_or(usize::MAX);
            if let (Completion::Expected { took, .. }, Some(time)) = (replay.complete(rank, *at), times.get_mut(*place))
            {
                *time = Some(took);
            }
        }
        if replay.is_trusted() { times } else { vec![None; learnt.len()] }
    }
}
