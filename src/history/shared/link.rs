//! The line to the server. A thread of its own speaks with it, so that a server that is slow, hangs or is not there
//! costs whoever asks a bounded time, whatever the network does.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::history::store::{Result, RunFilter, Store, StoreError, StoredRun};
use crate::model::{millis, write_duration};

/// Connects to the server.
pub type Connect = Arc<dyn Fn() -> Result<Box<dyn Store>> + Send + Sync>;

/// What is asked of the store at the other end.
type Question = Box<dyn FnOnce(&mut dyn Store) + Send>;

/// How long is waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection.
    pub connect: Duration,
    /// For one by whoever is in a hurry.
    pub hurried: Duration,
    /// For one at the end of a run, which is over by then.
    pub last: Duration,
    /// For an answer.
    pub answer: Duration,
    /// For sending what waits in the outbox, each time there is an occasion.
    pub sending: Duration,
}

/// Tells whoever waits for a connection that it is getting late.
#[derive(Clone, Debug, Default)]
pub struct Hurry(Arc<(Mutex<Option<Instant>>, Condvar)>);

impl Hurry {
    /// It is late already.
    #[must_use]
    pub fn already() -> Self {
        let hurry = Self::default();
        hurry.up();
        hurry
    }

    /// From now on there is only a short while.
    pub fn up(&self) {
        self.since().get_or_insert_with(Instant::now);
        self.wake();
    }

    fn wake(&self) {
        // Whoever is about to wait holds the lock until they do.
        drop(self.since());
        self.0.1.notify_all();
    }

    fn since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For what a connection is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// For something that goes on without it if need be.
    Hurried,
    /// For the last thing that is done.
    Last,
}

/// A connection that may be on its way.
struct Call {
    came: Receiver<Result<()>>,
    questions: Sender<Question>,
    since: Instant,
}

/// The line.
pub struct Link {
    connect: Connect,
    pub(super) limits: Limits,
    hurry: Hurry,
    line: RefCell<Line>,
}

/// What became of it.
enum Line {
    /// Nobody speaks; the next one who asks calls.
    Idle,
    /// A connection may be on its way.
    Calling(Call),
    /// Questions are answered.
    Open(Sender<Question>),
    /// There is nobody at the other end, and this is why.
    Lost(String),
}

impl Link {
    /// A line that connects when something is asked.
    #[must_use]
    pub fn new(connect: Connect, limits: Limits, hurry: Hurry) -> Self {
        Self { connect, limits, hurry, line: RefCell::new(Line::Idle) }
    }

    /// Connects, in the time there is.
    pub fn reach(&self) -> Result<()> {
        self.questions(Wait::Hurried).map(drop)
    }

    /// Ends the conversation; what is asked later begins a new one. What there was to say is taken before.
    pub(super) fn hang_up(&self) {
        let mut line = self.line.borrow_mut();
        if matches!(*line, Line::Open(_)) {
            *line = Line::Idle;
        }
    }

    /// What the store at the other end has to say, where there is one.
    pub(super) fn take_warnings(&self) -> Vec<String> {
        let is_open = matches!(*self.line.borrow(), Line::Open(_));
        let said = is_open.then(|| self.ask(Wait::Last, |store| Ok(store.take_warnings())));
        said.and_then(Result::ok).unwrap_or_default()
    }

    /// Gives who did not answer another chance.
    pub(super) fn call_again(&self) {
        let mut line = self.line.borrow_mut();
        if matches!(*line, Line::Lost(_)) {
            *line = Line::Idle;
        }
    }

    /// Is somebody in a hurry?
    pub(super) fn is_late(&self) -> bool {
        self.hurry.since().is_some()
    }

    /// Is it known that there is nobody at the other end?
    pub(super) fn is_lost(&self) -> bool {
        matches!(*self.line.borrow(), Line::Lost(_))
    }

    /// Asks the store at the other end.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        wait: Wait,
        question: impl FnOnce(&mut dyn Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.ask_for(self.limits.answer, wait, question)
    }

    /// The same, for an answer within this time.
    pub(super) fn ask_for<T: Send + 'static>(
        &self,
        limit: Duration,
        wait: Wait,
        question: impl FnOnce(&mut dyn Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let questions = self.questions(wait)?;
        let (tell, told) = mpsc::channel();
        let asked = questions.send(Box::new(move |store| {
            // Whoever asked may have gone.
            let _ = tell.send(question(store));
        }));
        let answer = match asked {
            Ok(()) => told.recv_timeout(limit),
            Err(_) => Err(RecvTimeoutError::Disconnected),
        };
        self.heard(answer, limit)
    }

    /// Has runs handed over, until the visitor has seen enough.
    pub(super) fn visit(&self, filter: &RunFilter, visit: &mut dyn FnMut(StoredRun) -> ControlFlow<()>) -> Result<()> {
        let questions = self.questions(Wait::Hurried)?;
        let filter = filter.clone();
        // It reads no further ahead than this: most visitors have soon seen enough.
        let (give, given) = mpsc::sync_channel(64);
        let asked = questions.send(Box::new(move |store| {
            let all = store.visit(&filter, &mut |run| match give.send(Ok(Some(run))) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            });
            let _ = give.send(all.map(|()| None));
        }));
        loop {
            let next = match asked {
                Ok(()) => given.recv_timeout(self.limits.answer),
                Err(_) => Err(RecvTimeoutError::Disconnected),
            };
            let Some(run) = self.heard(next, self.limits.answer)? else { return Ok(()) };
            if visit(run).is_break() {
                return Ok(());
            }
        }
    }

    fn heard<T>(&self, answer: std::result::Result<Result<T>, RecvTimeoutError>, limit: Duration) -> Result<T> {
        let answer = answer.unwrap_or_else(|error| {
            Err(match error {
                RecvTimeoutError::Timeout => {
                    StoreError::Unreachable(format!("it gave no answer within {}", rounded(limit)))
                }
                RecvTimeoutError::Disconnected => broken(),
            })
        });
        if let Err(StoreError::Unreachable(why)) = &answer {
            *self.line.borrow_mut() = Line::Lost(why.clone());
        }
        answer
    }

    /// To whom questions are put, once there is a connection.
    fn questions(&self, wait: Wait) -> Result<Sender<Question>> {
        let mut line = self.line.borrow_mut();
        if matches!(*line, Line::Idle) {
            *line = Line::Calling(self.call());
        }
        if let Line::Calling(call) = &*line {
            *line = match self.await_connection(call, wait)? {
                Ok(()) => Line::Open(call.questions.clone()),
                Err(why) => Line::Lost(why),
            };
        }
        match &*line {
            Line::Open(questions) => Ok(questions.clone()),
            Line::Lost(why) => Err(StoreError::Unreachable(why.clone())),
            Line::Idle | Line::Calling(_) => Err(broken()),
        }
    }

    /// What became of a call: a connection, or why there will be none. An error where there is no more time, and the
    /// call goes on.
    fn await_connection(&self, call: &Call, wait: Wait) -> Result<std::result::Result<(), String>> {
        let asked = Instant::now();
        let mut late = self.hurry.since();
        loop {
            match call.came.try_recv() {
                Ok(Ok(())) => return Ok(Ok(())),
                Ok(Err(StoreError::Unreachable(why) | StoreError::Unreadable(why))) => return Ok(Err(why)),
                Ok(Err(error)) => return Ok(Err(error.to_string())),
                Err(TryRecvError::Disconnected) => return Ok(Err(BROKEN.to_owned())),
                Err(TryRecvError::Empty) => {}
            }
            let end = call.since + self.limits.connect;
            let enough = match wait {
                Wait::Hurried => late.map(|since| since.max(call.since) + self.limits.hurried),
                Wait::Last => Some(asked + self.limits.last),
            };
            let (now, until) = (Instant::now(), enough.map_or(end, |enough| enough.min(end)));
            if now >= until {
                let why = format!("there was no connection within {}", rounded(until - call.since));
                // Whoever waits last waits once.
                let is_over = until == end || wait == Wait::Last;
                return if is_over { Ok(Err(why)) } else { Err(StoreError::Unreachable(why)) };
            }
            let woken = self.hurry.0.1.wait_timeout(late, until - now);
            late = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Connects beside whatever goes on. A thread that hangs is left to itself: it has nothing that anybody needs.
    fn call(&self) -> Call {
        let (connect, hurry) = (Arc::clone(&self.connect), self.hurry.clone());
        let (questions, asked) = mpsc::channel::<Question>();
        let (tell, came) = mpsc::channel();
        std::thread::spawn(move || {
            let (store, told) = match connect() {
                Ok(store) => (Some(store), Ok(())),
                Err(error) => (None, Err(error)),
            };
            // Whoever waited may have gone: then nothing will be asked either.
            let _ = tell.send(told);
            hurry.wake();
            if let Some(mut store) = store {
                asked.iter().for_each(|question| question(&mut *store));
            }
        });
        Call { came, questions, since: Instant::now() }
    }
}

const BROKEN: &str = "the connection broke";

fn broken() -> StoreError {
    StoreError::Unreachable(BROKEN.to_owned())
}

fn rounded(time: Duration) -> String {
    write_duration(Duration::from_millis(millis(time)))
}
