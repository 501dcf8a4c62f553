//! Programs run to their end or their limit: for who wants to know only what they printed and how they left.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use super::{Ask, Child, Launch, News};
use crate::event::Stream;
use crate::model::Ending;
use crate::sys::signals::Signals;

/// What a program printed and how it left, for short programs whose output fits the memory.
#[derive(Debug)]
pub struct Finished {
    /// How it left.
    pub ending: Ending,
    /// Everything on stdout, up to the limit.
    pub stdout: Vec<u8>,
    /// Everything on stderr, up to the limit.
    pub stderr: Vec<u8>,
    /// It was killed at its deadline.
    pub timed_out: bool,
}

/// Signals are looked at so often.
const GLANCE: Duration = Duration::from_millis(100);

/// A pipe that outlives its process is read for so long, whatever still comes.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The most of each stream that [`run`] keeps.
const KEPT: usize = 64 * 1024 * 1024;

/// Runs a short program to its end or its deadline, whichever comes first. When the user asks for an end meanwhile, it
/// is killed, and the error is [`io::ErrorKind::Interrupted`].
pub fn run(launch: &Launch, deadline: Instant, signals: &Signals) -> io::Result<Finished> {
    run_with_grace(launch, deadline, Duration::ZERO, signals)
}

/// The same for a program that has processes of its own to end: it is asked to, and killed where that takes longer than
/// its grace.
pub fn run_with_grace(launch: &Launch, deadline: Instant, grace: Duration, signals: &Signals) -> io::Result<Finished> {
    let (sender, news) = sync_channel(16);
    let child = Child::spawn(launch, move |item| drop(sender.send(item)))?;
    collect(|hear| attend(child, &news, Some(deadline), grace, signals, hear))
}

/// The same as [`run`], with this on stdin.
pub fn run_with_input(launch: &Launch, input: Vec<u8>, deadline: Instant, signals: &Signals) -> io::Result<Finished> {
    let (sender, news) = sync_channel(16);
    let child = Child::spawn_with_input(launch, input, move |item| drop(sender.send(item)))?;
    collect(|hear| attend(child, &news, Some(deadline), Duration::ZERO, signals, hear))
}

/// Keeps what is heard, up to the limit.
fn collect(attend: impl FnOnce(&mut Hear<'_>) -> io::Result<Followed>) -> io::Result<Finished> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let followed = attend(&mut |stream, bytes| {
        let kept = if stream == Stream::Stdout { &mut stdout } else { &mut stderr };
        let room = KEPT.saturating_sub(kept.len());
        kept.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
    })?;
    Ok(Finished { ending: followed.ending, stdout, stderr, timed_out: followed.timed_out })
}

/// How a program left that was listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    /// How it left.
    pub ending: Ending,
    /// It was ended at its deadline.
    pub timed_out: bool,
}

/// Who hears what a program prints, as it comes.
type Hear<'a> = dyn FnMut(Stream, &[u8]) + 'a;

/// The same for a program that is listened to as it goes, and that may have no deadline.
pub fn follow(
    launch: &Launch,
    deadline: Option<Instant>,
    grace: Duration,
    signals: &Signals,
    hear: &mut Hear<'_>,
) -> io::Result<Followed> {
    let (sender, news) = sync_channel(16);
    let child = Child::spawn(launch, move |item| drop(sender.send(item)))?;
    attend(child, &news, deadline, grace, signals, hear)
}

/// Takes a child to its end.
fn attend(
    mut child: Child,
    news: &Receiver<News>,
    deadline: Option<Instant>,
    grace: Duration,
    signals: &Signals,
    hear: &mut Hear<'_>,
) -> io::Result<Followed> {
    let mut finished = Followed { ending: Ending::NotStarted, timed_out: false };
    let left = || deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
    let (mut exited, mut open) = (None, 2);
    while exited.is_none() || open > 0 {
        // A pipe that outlives its process is somebody else's: half a second is enough to read what was in it.
        let patience = if exited.is_some() { Duration::from_millis(500) } else { left().min(GLANCE) };
        let mut is_deaf = false;
        match news.recv_timeout(patience) {
            Ok(News::Output(stream, bytes, _)) => hear(stream, &bytes),
            Ok(News::Closed(_)) => open -= 1,
            Ok(News::Exited(_)) => {
                exited = Some(Instant::now());
                finished.ending = child.reap();
            }
            Err(RecvTimeoutError::Timeout) if exited.is_none() || child.has_unread() => {}
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => is_deaf = true,
        }
        // Who never stops talking is no reason to look at nothing else.
        match exited {
            Some(at) if is_deaf || at.elapsed() >= LAST_WORDS => break,
            None if is_deaf || left().is_zero() || signals.interrupt().is_some() => {
                finished.timed_out = true;
                if grace.is_zero() || !leaves_when_asked(&child, news, grace, hear) {
                    child.ask(Ask::Kill);
                    // The kill cannot be refused, so the next news is the exit, or output that came before it.
                    while !matches!(news.recv(), Ok(News::Exited(_)) | Err(_)) {}
                }
                finished.ending = child.reap();
                break;
            }
            _ => {}
        }
    }
    if finished.timed_out && signals.interrupt().is_some() {
        Err(io::ErrorKind::Interrupted.into())
    } else {
        Ok(finished)
    }
}

/// Asks a child to end; says whether it did so within its grace.
fn leaves_when_asked(
    child: &Child,
    news: &Receiver<News>,
    grace: Duration,
    hear: &mut dyn FnMut(Stream, &[u8]),
) -> bool {
    child.ask(Ask::Terminate);
    let until = Instant::now() + grace;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match news.recv_timeout(left) {
            Ok(News::Exited(_)) => return true,
            Ok(_) if left.is_zero() => return false,
            Ok(News::Output(stream, bytes, _)) => hear(stream, &bytes),
            Ok(News::Closed(_)) => {}
            Err(_) => return false,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::sys::process::own_environment;

    fn sh(script: &str) -> Launch {
        Launch {
            program: "sh".into(),
            args: vec!["-c".into(), script.into()],
            cwd: std::env::temp_dir(),
            env: own_environment(),
        }
    }

    #[test]
    fn a_short_program_is_run_to_its_end() {
        let finished =
            run(&sh("echo out; echo err >&2; exit 3"), Instant::now() + Duration::from_secs(20), &Signals::none())
                .unwrap();
        assert_eq!((finished.stdout.as_slice(), finished.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
        assert_eq!(finished.ending, Ending::Exited(3));
        assert!(!finished.timed_out);
    }

    #[test]
    fn a_deadline_ends_the_whole_group() {
        let finished =
            run(&sh("trap '' TERM; sleep 60 & wait"), Instant::now() + Duration::from_millis(50), &Signals::none())
                .unwrap();
        assert!(finished.timed_out);
        assert_eq!(finished.ending, Ending::Signaled(9));
    }

    #[test]
    fn a_program_with_a_grace_may_end_in_good_order_and_is_killed_where_it_does_not() {
        let soon = || Instant::now() + Duration::from_millis(200);
        let run = |script, grace| run_with_grace(&sh(script), soon(), grace, &Signals::none()).unwrap();
        let good = run("trap 'exit 7' TERM; while :; do sleep 0.05; done", Duration::from_secs(20));
        assert_eq!((good.ending, good.timed_out), (Ending::Exited(7), true));
        let bad = run("trap '' TERM; while :; do sleep 0.05; done", Duration::from_millis(200));
        assert_eq!((bad.ending, bad.timed_out), (Ending::Signaled(9), true));
    }

    #[test]
    fn what_is_put_in_is_read_as_far_as_the_program_cares_to() {
        let run = |script, input: Vec<u8>| {
            run_with_input(&sh(script), input, Instant::now() + Duration::from_secs(20), &Signals::none()).unwrap()
        };
        let input = vec![b'x'; 1_000_000];
        assert_eq!(run("cat", input.clone()).stdout, input);
        assert_eq!(run("head -c 3", input.clone()).stdout, b"xxx");
        assert_eq!(run("exec <&-; exit 4", input).ending, Ending::Exited(4));
        assert_eq!(run("cat", Vec::new()).stdout, b"");
    }

    #[test]
    fn a_pipe_that_outlives_its_process_is_not_waited_for() {
        let start = Instant::now();
        let finished = run(&sh("sleep 30 & echo done"), start + Duration::from_secs(20), &Signals::none()).unwrap();
        assert_eq!(finished.stdout, b"done\n");
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn who_never_stops_talking_is_ended_all_the_same() {
        // Faster than it is heard, so that no look for news ever finds none.
        let flood = |script: &str, grace, signals: &Signals| {
            let mut slowly = |_, _: &[u8]| std::thread::sleep(Duration::from_millis(5));
            let deadline = Some(Instant::now() + Duration::from_millis(300));
            follow(&sh(script), deadline.filter(|_| signals.interrupt().is_none()), grace, signals, &mut slowly)
        };
        let grace = Duration::from_millis(200);
        let followed = flood("trap '' TERM; yes & while :; do echo on; done", grace, &Signals::none()).unwrap();
        assert_eq!((followed.ending, followed.timed_out), (Ending::Signaled(9), true));
        // What is left behind goes on talking, to nobody.
        let followed = flood("yes & p=$!; (sleep 7; kill $p) & sleep 0.1", grace, &Signals::none()).unwrap();
        assert_eq!((followed.ending, followed.timed_out), (Ending::Exited(0), false));
        let signals = Signals::none();
        signals.ask_for_an_end();
        let error = flood("yes", grace, &signals).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let mut launch = sh("");
        launch.program = "no-such-program-anywhere".into();
        assert!(run(&launch, Instant::now(), &Signals::none()).is_err());
    }
}
