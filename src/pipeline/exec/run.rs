//! One step's process, from its mutex to its end.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use camino::Utf8Path;

use super::failure::ExecError;
use super::transcript::{Transcript, last_chars};
use crate::model::Ending;
use crate::runner::patience::Patience;
use crate::sys::fs::{self, Lock};
use crate::sys::process::{Ask, Child, Launch, News, START_DELAY, START_TRIES, is_of_the_moment};
use crate::sys::signals::{Signals, Urgency, Watch};

/// What is to be run, and within which limits.
#[derive(Debug)]
pub struct Order<'a> {
    /// The program.
    pub launch: Launch,
    /// Where all it prints goes; what lies there is replaced.
    pub log: &'a Utf8Path,
    /// How long it may run.
    pub timeout: Option<Duration>,
    /// How long it may take to end when it is asked to.
    pub grace: Duration,
    /// The file that is locked while it runs. It is waited for at most as long as the step itself may take.
    pub mutex: Option<&'a Utf8Path>,
    /// Is its standard output wanted as a whole?
    pub keeps_stdout: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Executed {
    /// How it left. A process that was asked to end may leave with 0: see [`Executed::is_success`].
    pub ending: Ending,
    /// It ran into its limit and was ended.
    pub timed_out: bool,
    /// An end was asked for while it ran, or before: then it never started.
    pub interrupted: bool,
    /// How long it ran.
    pub took: Duration,
    /// How long another one was waited for that held its mutex.
    pub waited: Duration,
    /// The last 1,500 characters it printed, on both streams as they came, raw.
    pub tail: String,
    /// The same, but more of it: what [`classify`](super::classify) may look at.
    pub last_words: String,
    /// Its standard output, up to 64 MiB, where that was wanted.
    pub stdout: Vec<u8>,
    /// It left something behind that holds its pipes.
    pub leaked: bool,
    /// Why its log is not whole, where it is not.
    pub log_trouble: Option<io::Error>,
}

impl Executed {
    /// Did it run to its end, of its own accord, and succeed?
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.ending.is_success() && !self.timed_out && !self.interrupted
    }
}

/// Characters at the end of what was printed that are shown and kept.
const TAIL: usize = 1_500;

/// Signals and limits are looked at so often.
const GLANCE: Duration = Duration::from_millis(100);

/// Runs a program to its end or its limit; `on_line` hears every line it prints, as it comes.
///
/// # Errors
///
/// That it could not be started, or its log or mutex be had.
pub fn run(order: &Order<'_>, signals: &Signals, on_line: &mut dyn FnMut(&str)) -> Result<Executed, ExecError> {
    let watch = signals.watch();
    let log_failed = |source| ExecError::Log { log: order.log.to_owned(), source };
    let mut transcript = Transcript::begin(order.log, &order.launch, order.keeps_stdout).map_err(log_failed)?;
    let begin = Instant::now();
    let mut say = |line: &str| {
        transcript.note(line);
        on_line(line);
    };
    let Turn::Ours(_lock) = wait_for_turn(order, signals, &watch, &mut say)? else {
        return Ok(Life::unlived(order).conclude(transcript, begin.elapsed()));
    };
    let waited = if order.mutex.is_some() { begin.elapsed() } else { Duration::ZERO };

    // A bounded channel: who prints faster than the disk takes it is slowed down, and fills no memory.
    let (sender, news) = sync_channel(16);
    let hear = move |item| drop(sender.send(item));
    let Some(child) = start(&order.launch, signals, hear)? else {
        return Ok(Life::unlived(order).conclude(transcript, waited));
    };
    let mut life = Life::of(child, order);
    while !life.is_over(Instant::now()) {
        match news.recv_timeout(life.attention(Instant::now())) {
            Ok(News::Output(stream, bytes, _)) => {
                life.patience.hear(Instant::now());
                transcript.take(stream, &bytes, on_line);
            }
            Ok(News::Closed(_)) => life.open = life.open.saturating_sub(1),
            Ok(News::Exited(at)) => life.exited(at),
            Err(RecvTimeoutError::Timeout) => {}
            // Nobody is left who could tell of more.
            Err(RecvTimeoutError::Disconnected) => break,
        }
        life.look_at_signals(signals, &watch);
        life.look_at_limits(Instant::now());
    }
    transcript.flush(on_line);
    Ok(life.conclude(transcript, waited))
}

/// Is it this step's turn?
enum Turn {
    /// Yes; its mutex is held for as long as this lives.
    Ours(Option<Lock>),
    /// An end was asked for before.
    Never,
}

fn wait_for_turn(
    order: &Order<'_>,
    signals: &Signals,
    watch: &Watch<'_>,
    say: &mut dyn FnMut(&str),
) -> Result<Turn, ExecError> {
    let (mut since, mut is_said) = (Instant::now(), false);
    loop {
        if let Some(paused) = watch.pause_if_asked(|| {}) {
            since += paused;
        }
        if signals.interrupt().is_some() {
            return Ok(Turn::Never);
        }
        let Some(path) = order.mutex else { return Ok(Turn::Ours(None)) };
        let failed = |source| ExecError::Lock { lock: path.to_owned(), source };
        let patience = if is_said { GLANCE } else { Duration::ZERO };
        match fs::lock(path.as_std_path(), patience) {
            Ok(lock) => return Ok(Turn::Ours(Some(lock))),
            Err(error) if error.kind() != io::ErrorKind::TimedOut => return Err(failed(error)),
            Err(_) if order.timeout.is_some_and(|most| since.elapsed() >= most) => {
                return Err(ExecError::Busy { lock: path.to_owned(), waited: since.elapsed() });
            }
            Err(_) if !is_said => {
                say(&format!("waiting for the lock `{path}`, which another step holds"));
                is_said = true;
            }
            Err(_) => {}
        }
    }
}

/// Starts a program; none where an end is asked for before that works.
fn start(
    launch: &Launch,
    signals: &Signals,
    hear: impl Fn(News) + Clone + Send + 'static,
) -> Result<Option<Child>, ExecError> {
    let mut tries = 0;
    loop {
        match Child::spawn(launch, hear.clone()) {
            Ok(child) => return Ok(Some(child)),
            Err(_) if signals.interrupt().is_some() => return Ok(None),
            Err(error) if is_of_the_moment(&error) && tries < START_TRIES => {
                tries += 1;
                thread::sleep(START_DELAY);
            }
            Err(error) => return Err(ExecError::of_start(launch, error)),
        }
    }
}

/// A process being ended: asked first, killed when the grace is over.
struct Kill {
    hard_at: Instant,
    is_hard: bool,
}

/// A process from its start to the end of its pipes.
struct Life {
    child: Option<Child>,
    timeout: Option<Duration>,
    grace: Duration,
    since: Instant,
    ending: Option<(Ending, Instant)>,
    patience: Patience,
    /// How many of its streams are open.
    open: u8,
    kill: Option<Kill>,
    timed_out: bool,
    interrupted: bool,
}

impl Life {
    fn of(child: Child, order: &Order<'_>) -> Self {
        let now = Instant::now();
        Self {
            child: Some(child),
            timeout: order.timeout,
            grace: order.grace,
            since: now,
            ending: None,
            patience: Patience::from(now),
            open: 2,
            kill: None,
            timed_out: false,
            interrupted: false,
        }
    }

    /// One that was not begun, since an end was asked for.
    fn unlived(order: &Order<'_>) -> Self {
        let now = Instant::now();
        Self {
            child: None,
            timeout: order.timeout,
            grace: order.grace,
            since: now,
            ending: Some((Ending::NotStarted, now)),
            patience: Patience::from(now),
            open: 0,
            kill: None,
            timed_out: false,
            interrupted: true,
        }
    }

    fn ask(&self, ask: Ask) {
        if let Some(child) = &self.child {
            child.ask(ask);
        }
    }

    fn exited(&mut self, at: Instant) {
        if self.kill.is_some() {
            // Nothing of it is to survive its end by force; its id is still ours until it is reaped.
            self.ask(Ask::Kill);
        }
        self.patience = Patience::from(Instant::now());
        self.ending = Some((self.child.as_mut().map_or(Ending::NotStarted, Child::reap), at));
    }

    /// Is it over, as far as it will ever be?
    fn is_over(&mut self, now: Instant) -> bool {
        if self.child.as_ref().is_some_and(Child::has_unread) {
            self.patience.hear(now);
        }
        self.ending.is_some() && (self.open == 0 || self.patience.is_over(now))
    }

    /// How long nothing needs to be looked at unless something is heard.
    fn attention(&self, now: Instant) -> Duration {
        let due = match (&self.ending, &self.kill) {
            (Some(_), _) => Some(self.patience.ends_at()),
            (None, Some(kill)) => (!kill.is_hard).then_some(kill.hard_at),
            (None, None) => self.timeout.and_then(|timeout| self.since.checked_add(timeout)),
        };
        due.map_or(GLANCE, |due| due.saturating_duration_since(now).min(GLANCE))
    }

    fn look_at_signals(&mut self, signals: &Signals, watch: &Watch<'_>) {
        if let Some(paused) = watch.pause_if_asked(|| self.ask(Ask::Stop)) {
            self.go_on(paused);
        }
        let Some(interrupt) = signals.interrupt().filter(|_| self.ending.is_none()) else { return };
        self.interrupted = true;
        self.end(Instant::now());
        if interrupt.urgency == Urgency::AtOnce {
            self.press();
        }
    }

    fn look_at_limits(&mut self, now: Instant) {
        if self.ending.is_some() {
            return;
        }
        let runs = now.saturating_duration_since(self.since);
        if self.kill.is_none() && self.timeout.is_some_and(|timeout| runs >= timeout) {
            self.timed_out = true;
            self.end(now);
        }
        if self.kill.as_ref().is_some_and(|kill| now >= kill.hard_at) {
            self.press();
        }
    }

    /// Asks it to end.
    fn end(&mut self, now: Instant) {
        if self.kill.is_none() {
            self.ask(Ask::Terminate);
            // A group that was paused could not hear.
            self.ask(Ask::Continue);
            self.kill = Some(Kill { hard_at: now + self.grace, is_hard: false });
        }
    }

    /// Ends it without asking.
    fn press(&mut self) {
        if self.kill.as_ref().is_some_and(|kill| !kill.is_hard) {
            self.ask(Ask::Kill);
            self.kill.as_mut().into_iter().for_each(|kill| kill.is_hard = true);
        }
    }

    /// It goes on after a pause.
    fn go_on(&mut self, paused: Duration) {
        self.since += paused;
        self.patience = Patience::from(Instant::now());
        if let Some(kill) = &mut self.kill {
            kill.hard_at += paused;
        }
        self.ask(Ask::Continue);
    }

    fn conclude(self, transcript: Transcript, waited: Duration) -> Executed {
        let (ending, at) = self.ending.unwrap_or((Ending::NotStarted, self.since));
        let last_words = transcript.last_words();
        Executed {
            ending,
            timed_out: self.timed_out,
            interrupted: self.interrupted,
            took: at.saturating_duration_since(self.since),
            waited,
            tail: last_chars(&last_words, TAIL).to_owned(),
            last_words,
            stdout: transcript.stdout,
            leaked: self.open > 0,
            log_trouble: transcript.log_trouble,
        }
    }
}
