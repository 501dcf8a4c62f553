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
    let Turn::Ours(_lock) = await_turn(order.mutex, order.timeout, signals, &watch, &mut say)? else {
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
#[derive(Debug)]
pub enum Turn {
    /// Yes; its mutex is held for as long as this lives.
    Ours(Option<Lock>),
    /// An end was asked for before.
    Never,
}

/// Waits until nobody else holds a mutex: for steps that are no process of their own. It is waited for at most as long
/// as the step itself may take.
///
/// # Errors
///
/// That it cannot be had.
pub fn take_turn(
    mutex: Option<&Utf8Path>,
    timeout: Option<Duration>,
    signals: &Signals,
    say: &mut dyn FnMut(&str),
) -> Result<Turn, ExecError> {
    await_turn(mutex, timeout, signals, &signals.watch(), say)
}

fn await_turn(
    mutex: Option<&Utf8Path>,
    timeout: Option<Duration>,
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
        let Some(path) = mutex else { return Ok(Turn::Ours(None)) };
        let failed = |source| ExecError::Lock { lock: path.to_owned(), source };
        let patience = if is_said { GLANCE } else { Duration::ZERO };
        match fs::lock(path.as_std_path(), patience) {
            Ok(lock) => return Ok(Turn::Ours(Some(lock))),
            Err(error) if error.kind() != io::ErrorKind::TimedOut => return Err(failed(error)),
            Err(_) if timeout.is_some_and(|most| since.elapsed() >= most) => {
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
    /// Never, where the grace has no end.
    hard_at: Option<Instant>,
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
            (None, Some(kill)) => kill.hard_at.filter(|_| !kill.is_hard),
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
        if self.kill.as_ref().and_then(|kill| kill.hard_at).is_some_and(|hard_at| now >= hard_at) {
            self.press();
        }
    }

    /// Asks it to end.
    fn end(&mut self, now: Instant) {
        if self.kill.is_none() {
            self.ask(Ask::Terminate);
            // A group that was paused could not hear.
            self.ask(Ask::Continue);
            self.kill = Some(Kill { hard_at: now.checked_add(self.grace), is_hard: false });
        }
    }

    /// Ends it without asking.
    fn press(&mut self) {
        if let Some(kill) = self.kill.as_mut().filter(|kill| !kill.is_hard) {
            kill.is_hard = true;
            self.ask(Ask::Kill);
        }
    }

    /// It goes on after a pause.
    fn go_on(&mut self, paused: Duration) {
        self.since += paused;
        self.patience = Patience::from(Instant::now());
        if let Some(kill) = &mut self.kill {
            kill.hard_at = kill.hard_at.and_then(|hard_at| hard_at.checked_add(paused));
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

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;

    use super::*;
    use crate::sys::process::own_environment;

    /// Long enough for what is to end long before.
    const LONG: Duration = Duration::from_secs(60);

    struct Place {
        dir: tempfile::TempDir,
        log: Utf8PathBuf,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let log = Utf8PathBuf::from_path_buf(dir.path().join("logs/step.log")).unwrap();
            Self { dir, log }
        }

        fn path(&self, name: &str) -> Utf8PathBuf {
            Utf8PathBuf::from_path_buf(self.dir.path().join(name)).unwrap()
        }

        fn launch(&self, script: &str) -> Launch {
            Launch {
                program: "sh".into(),
                args: vec!["-c".into(), script.into()],
                cwd: self.dir.path().to_owned(),
                env: own_environment(),
            }
        }

        fn log(&self) -> String {
            String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned()
        }

        /// Runs a script with what a test changes of the order; also what it was heard to say.
        fn run<'a>(&'a self, script: &str, change: impl FnOnce(&mut Order<'a>)) -> (Executed, Vec<String>) {
            let (executed, lines) = self.try_run(script, &Signals::none(), change);
            (executed.unwrap(), lines)
        }

        fn try_run<'a>(
            &'a self,
            script: &str,
            signals: &Signals,
            change: impl FnOnce(&mut Order<'a>),
        ) -> (Result<Executed, ExecError>, Vec<String>) {
            let mut order = Order {
                launch: self.launch(script),
                log: &self.log,
                timeout: Some(LONG),
                grace: LONG,
                mutex: None,
                keeps_stdout: false,
            };
            change(&mut order);
            let mut lines = Vec::new();
            let executed = run(&order, signals, &mut |line| lines.push(line.to_owned()));
            (executed, lines)
        }
    }

    #[test]
    fn all_it_prints_is_logged_told_by_lines_and_kept_at_its_end() {
        let place = Place::new();
        let script = "echo one; sleep 0.2; echo two >&2; sleep 0.2; printf 'three\\nfour'; exit 3";
        let (executed, lines) = place.run(script, |order| order.keeps_stdout = true);
        assert_eq!(executed.ending, Ending::Exited(3));
        assert!(!executed.is_success() && !executed.timed_out && !executed.leaked && !executed.interrupted);
        assert_eq!(lines, ["one", "two", "three", "four"]);
        assert_eq!(executed.tail, "one\ntwo\nthree\nfour");
        assert_eq!(executed.stdout, b"one\nthree\nfour");
        let (head, rest) = place.log().split_once('\n').map(|(head, rest)| (head.to_owned(), rest.to_owned())).unwrap();
        assert!(
            head.starts_with("$ sh -c \"echo one; ") && head.ends_with(place.path("").as_str().trim_end_matches('/'))
        );
        assert_eq!(rest, "one\ntwo\nthree\nfour");
        assert!(executed.took >= Duration::from_millis(400), "{:?}", executed.took);
    }

    #[test]
    fn a_log_is_replaced_and_tells_nothing_of_the_environment() {
        let place = Place::new();
        let secret = |order: &mut Order<'_>| order.launch.env.push(("GATE_SECRET".into(), "hush".into()));
        place.run("echo first", |_| {});
        let (executed, _) = place.run("test \"$GATE_SECRET\" = hush && pwd", secret);
        assert!(executed.is_success(), "{executed:?}");
        let log = place.log();
        assert!(!log.contains("hush\n") && !log.contains("first"), "{log}");
        let cwd = std::fs::canonicalize(place.dir.path()).unwrap();
        assert_eq!(std::fs::canonicalize(executed.tail.trim_end()).unwrap(), cwd);
    }

    #[test]
    fn stdin_is_empty() {
        let (executed, _) = Place::new().run("read -r line && echo \"got $line\"; echo end", |_| {});
        assert_eq!(executed.tail, "end\n");
    }

    #[test]
    fn at_its_limit_it_is_asked_to_end_and_killed_where_it_does_not() {
        let limited = |script: &str, grace: Duration| {
            let limit = |order: &mut Order<'_>| (order.timeout, order.grace) = (Some(Duration::from_secs(1)), grace);
            Place::new().run(script, limit).0
        };
        let good = limited("trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done", LONG);
        assert_eq!((good.ending, good.timed_out, good.is_success()), (Ending::Exited(0), true, false));
        // The shell may tell of its child's end, too.
        assert!(good.tail.contains("bye\n"), "{good:?}");
        let bad = limited("trap '' TERM; echo here; while :; do sleep 0.05; done", Duration::from_millis(200));
        assert_eq!((bad.ending, bad.timed_out, bad.leaked), (Ending::Signaled(9), true, false));
        assert!(bad.tail.starts_with("here\n"), "{bad:?}");
        let group = limited("trap 'exit 1' TERM; (trap '' TERM; sleep 60) & wait", LONG);
        assert!(group.timed_out && !group.leaked, "nothing of it stays: {group:?}");
    }

    #[test]
    fn what_holds_its_pipes_is_reported_and_not_waited_for() {
        let begin = Instant::now();
        let (executed, _) = Place::new().run("sleep 60 & echo $!", |_| {});
        assert!(executed.is_success() && executed.leaked, "{executed:?}");
        assert!(begin.elapsed() < LONG / 2, "{:?}", begin.elapsed());
        let left: i32 = executed.tail.trim().parse().unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(left).unwrap(), rustix::process::Signal::KILL)
            .unwrap();
    }

    #[test]
    fn a_signal_is_how_it_left() {
        let (executed, _) = Place::new().run("kill -SEGV $$", |_| {});
        assert_eq!((executed.ending, executed.timed_out), (Ending::Signaled(11), false));
    }

    #[test]
    fn bytes_that_are_no_text_are_logged_as_they_are_and_told_as_far_as_they_can_be() {
        let place = Place::new();
        let (executed, lines) = place.run("printf 'a\\377b\\n'", |order| order.keeps_stdout = true);
        assert_eq!(executed.stdout, b"a\xffb\n");
        assert_eq!(lines, ["a\u{fffd}b"]);
        assert!(std::fs::read(&place.log).unwrap().ends_with(b"\na\xffb\n"));
    }

    #[test]
    fn a_hundred_megabytes_go_to_the_log_and_only_their_end_is_kept() {
        let place = Place::new();
        let (mut count, mut longest) = (0, 0);
        let log = place.path("big.log");
        let order = Order {
            launch: place.launch("yes 0123456789012345678901234567890 | head -c 100000000; printf x >&2"),
            log: &log,
            timeout: None,
            grace: LONG,
            mutex: None,
            keeps_stdout: true,
        };
        let executed = run(&order, &Signals::none(), &mut |line| {
            count += 1;
            longest = longest.max(line.len());
        });
        let executed = executed.unwrap();
        assert!(executed.is_success());
        assert!(std::fs::metadata(&log).unwrap().len() > 100_000_001);
        assert_eq!(executed.tail.len(), 1_500);
        assert!(executed.last_words.len() <= 16 * 1024 && executed.stdout.len() == 64 * 1024 * 1024);
        assert!(count > 3_000_000 && longest == 31, "{count} lines up to {longest}");
        let (executed, lines) = place.run("head -c 10000000 /dev/zero | tr '\\0' x", |_| {});
        assert!(executed.is_success());
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [4 * 1024], "a line without an end");
    }

    #[test]
    fn what_cannot_be_started_says_what_to_do() {
        let place = Place::new();
        std::fs::write(place.path("plain.sh"), "echo").unwrap();
        std::fs::write(place.path("odd.sh"), "#!/no/such/interpreter\n").unwrap();
        let chmod = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(place.path("odd.sh"), chmod).unwrap();
        for (program, is_missing, advice) in [
            ("no-such-program", true, "put it on PATH"),
            ("cargo fmt --check", true, "one word an item"),
            ("./none.sh", true, "there is no `"),
            ("./plain.sh", false, "chmod +x ./plain.sh"),
            ("./odd.sh", true, "interpreter that its first line names"),
        ] {
            let (failed, lines) = place.try_run("", &Signals::none(), |order| {
                order.launch.program = program.into();
                order.launch.args.clear();
            });
            let error = failed.unwrap_err();
            let sentence = error.to_string();
            assert!(sentence.contains(&format!("`{program}`")) && sentence.contains(advice), "{sentence}");
            assert_eq!((error.is_missing_program(), lines.len()), (is_missing, 0), "{sentence}");
        }
        let (failed, _) = place.try_run("", &Signals::none(), |order| order.launch.cwd.push("nowhere"));
        let error = failed.unwrap_err();
        assert!(error.to_string().contains("nowhere") && !error.is_missing_program(), "{error}");
    }

    #[test]
    fn one_mutex_is_had_by_one_at_a_time_and_waiting_is_no_running() {
        let place = Place::new();
        let mutex = place.path("locks/db.lock");
        let runs = || {
            let limit = Some(Duration::from_secs(20));
            let place = Place::new();
            // Whoever finds the other's mark was not alone.
            let script = format!("mkdir '{0}' || exit 1; sleep 0.5; rmdir '{0}'", mutex.with_extension("mark"));
            place.run(&script, |order| (order.mutex, order.timeout) = (Some(mutex.as_path()), limit))
        };
        let (first, second) = thread::scope(|scope| {
            let other = scope.spawn(runs);
            (runs(), other.join().unwrap())
        });
        let (early, late) = if first.0.waited < second.0.waited { (first, second) } else { (second, first) };
        assert!(early.0.is_success() && late.0.is_success(), "{early:?} {late:?}");
        assert!(early.1.is_empty(), "{early:?}");
        assert!(late.1.len() == 1 && late.1[0].contains("waiting for the lock"), "{late:?}");
    }

    #[test]
    fn the_time_in_which_it_waits_for_its_mutex_does_not_count() {
        let place = Place::new();
        let mutex = place.path("db.lock");
        let held = fs::lock(mutex.as_std_path(), Duration::ZERO).unwrap();
        let limit = Some(Duration::from_secs(3));
        let (executed, _) = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_secs(2));
                drop(held);
            });
            place.run("sleep 1.5", |order| (order.mutex, order.timeout) = (Some(mutex.as_path()), limit))
        });
        assert!(executed.is_success(), "{executed:?}");
        assert!(executed.waited + executed.took > Duration::from_secs(3), "{executed:?}");
    }

    #[test]
    fn a_mutex_that_stays_taken_is_waited_for_as_long_as_the_step_may_take() {
        let place = Place::new();
        let mutex = place.path("db.lock");
        let _held = fs::lock(mutex.as_std_path(), Duration::ZERO).unwrap();
        let limit = Some(Duration::from_millis(300));
        let (failed, lines) = place.try_run("echo ran", &Signals::none(), |order| {
            (order.mutex, order.timeout) = (Some(mutex.as_path()), limit)
        });
        assert!(matches!(failed, Err(ExecError::Busy { .. })), "{failed:?}");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(place.log().contains("waiting for the lock"));
    }

    /// Signals reach a whole process, so that what is told of them runs in one of its own: this test, called again.
    #[cfg(target_os = "linux")]
    mod signalled {
        use std::os::unix::process::CommandExt;
        use std::process::{Child as Process, Command, ExitStatus, Stdio};

        use rustix::process::{Pid, Signal, kill_process};

        use super::*;

        /// Tells a test where to run scripts, when it is the process that is signalled.
        const ROLE: &str = "GATE_TEST_SIGNALLED_IN";

        /// Runs a script twice at the same time, and once more when both are over.
        fn runs_of(dir: &str, script: &str) -> [Executed; 3] {
            let signals = Signals::listen();
            let run = |name: &str| {
                let script = format!(
                    "trap {script} TERM; echo $$ > '{dir}/{name}.tmp'; mv '{dir}/{name}.tmp' \
                                      '{dir}/{name}'; while :; do sleep 0.05; done"
                );
                Place::new().try_run(&script, &signals, |_| {}).0.unwrap()
            };
            let (a, b) = thread::scope(|scope| {
                let a = scope.spawn(|| run("a"));
                (run("b"), a.join().unwrap())
            });
            [a, b, run("never")]
        }

        struct Gate {
            process: Process,
            children: [Pid; 2],
        }

        impl Gate {
            fn start(test: &str, dir: &tempfile::TempDir) -> Self {
                let name = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
                let mut command = Command::new(std::env::current_exe().unwrap());
                let process = command
                    .args(["--exact", &name, "--nocapture"])
                    .env(ROLE, dir.path())
                    .stdout(Stdio::null())
                    .process_group(0)
                    .spawn()
                    .unwrap();
                let child = |name: &str| {
                    let file = dir.path().join(name);
                    wait_until("a script runs", || file.exists());
                    Pid::from_raw(std::fs::read_to_string(file).unwrap().trim().parse().unwrap()).unwrap()
                };
                Self { process, children: [child("a"), child("b")] }
            }

            fn signal(&self, signal: Signal) {
                let _ = kill_process(self.pid(), signal);
            }

            fn pid(&self) -> Pid {
                Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap()
            }

            fn ends_on(mut self, mut each_time: impl FnMut(&Self)) -> ExitStatus {
                loop {
                    if let Some(status) = self.process.try_wait().unwrap() {
                        return status;
                    }
                    each_time(&self);
                    thread::sleep(Duration::from_millis(200));
                }
            }
        }

        fn wait_until(what: &str, is_so: impl Fn() -> bool) {
            let begin = Instant::now();
            while !is_so() {
                assert!(begin.elapsed() < LONG, "{what}: waited for it in vain");
                thread::sleep(Duration::from_millis(10));
            }
        }

        /// R, S, T …
        fn state(pid: Pid) -> Option<char> {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
            stat.rsplit_once(") ")?.1.chars().next()
        }

        #[test]
        fn a_pause_reaches_all_that_runs_and_an_interrupt_ends_it_in_good_order() {
            if let Ok(dir) = std::env::var(ROLE) {
                let [a, b, never] = runs_of(&dir, "'exit 0'");
                for ended in [a, b] {
                    assert_eq!((ended.ending, ended.interrupted), (Ending::Exited(0), true), "{ended:?}");
                    assert!(!ended.is_success() && !ended.timed_out, "{ended:?}");
                }
                assert_eq!((never.ending, never.interrupted), (Ending::NotStarted, true), "{never:?}");
                return;
            }
            let dir = tempfile::tempdir().unwrap();
            let gate = Gate::start("a_pause_reaches_all_that_runs_and_an_interrupt_ends_it_in_good_order", &dir);
            gate.signal(Signal::TSTP);
            let all = || [gate.pid(), gate.children[0], gate.children[1]].map(state);
            wait_until("all pauses", || all() == [Some('T'); 3]);
            gate.signal(Signal::CONT);
            wait_until("all goes on", || !all().contains(&Some('T')));
            gate.signal(Signal::INT);
            assert!(gate.ends_on(|_| {}).success());
        }

        #[test]
        fn two_interrupts_wait_for_no_grace() {
            if let Ok(dir) = std::env::var(ROLE) {
                let [a, b, _] = runs_of(&dir, "''");
                for ended in [a, b] {
                    assert_eq!((ended.ending, ended.interrupted), (Ending::Signaled(9), true), "{ended:?}");
                    assert!(ended.took < LONG, "{ended:?}");
                }
                return;
            }
            let dir = tempfile::tempdir().unwrap();
            let gate = Gate::start("two_interrupts_wait_for_no_grace", &dir);
            assert!(gate.ends_on(|gate| gate.signal(Signal::INT)).success());
        }
    }
}
