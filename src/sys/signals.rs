//! What the user or the system asks of this process: an end, or a pause.
//!
//! Requests are looked at, not delivered: whoever waits for children looks a few times a second.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How pressing a request for an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// End in good order.
    Graceful,
    /// End now.
    AtOnce,
}

/// A request for an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupt {
    /// The signal's usual name.
    pub signal: &'static str,
    /// How pressing it is.
    pub urgency: Urgency,
}

#[derive(Debug, Default)]
struct Seen {
    interrupts: AtomicUsize,
    terminates: AtomicUsize,
    stop: AtomicBool,
    watching: Mutex<Watching>,
    watchers_changed: Condvar,
}

/// Who sees to children of its own, and how many of those have stopped theirs for a pause.
#[derive(Debug, Default)]
struct Watching {
    watchers: usize,
    ready: usize,
    pauses: u64,
}

/// The requests seen since the start.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    seen: Arc<Seen>,
}

impl Signals {
    /// Requests that never come: for callers that are not a whole process.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Starts to listen. Where that fails, signals keep their usual effect.
    #[must_use]
    pub fn listen() -> Self {
        let signals = Self::default();
        platform::listen(&signals.seen);
        signals
    }

    /// Asks for an end, as SIGINT would.
    #[cfg(test)]
    pub(crate) fn ask_for_an_end(&self) {
        self.seen.interrupts.fetch_add(1, Ordering::Relaxed);
    }

    /// The most pressing request for an end so far.
    #[must_use]
    pub fn interrupt(&self) -> Option<Interrupt> {
        let interrupts = self.seen.interrupts.load(Ordering::Relaxed);
        let terminates = self.seen.terminates.load(Ordering::Relaxed);
        let signal = if interrupts > 0 { "SIGINT" } else { "SIGTERM" };
        match interrupts + terminates {
            0 => None,
            1 => Some(Interrupt { signal, urgency: Urgency::Graceful }),
            _ => Some(Interrupt { signal, urgency: Urgency::AtOnce }),
        }
    }

    /// Waits so long; false where an end was asked for meanwhile, or before.
    #[must_use]
    pub fn wait(&self, delay: Duration) -> bool {
        const GLANCE: Duration = Duration::from_millis(50);
        let since = Instant::now();
        while self.interrupt().is_none() {
            match delay.checked_sub(since.elapsed()) {
                None | Some(Duration::ZERO) => return true,
                Some(left) => std::thread::sleep(left.min(GLANCE)),
            }
        }
        false
    }

    /// Was a pause asked for since the last look?
    #[must_use]
    pub fn take_pause(&self) -> bool {
        self.seen.stop.swap(false, Ordering::Relaxed)
    }

    /// Joins those who each see to children of their own, in threads of their own. While there are any, nobody else is
    /// to [`take_pause`](Self::take_pause).
    #[must_use]
    pub fn watch(&self) -> Watch<'_> {
        self.seen.watching().watchers += 1;
        Watch { seen: &self.seen }
    }

    /// Pauses this process, as the request would have done by itself; returns when it goes on.
    pub fn pause() {
        platform::pause();
    }
}

impl Seen {
    fn watching(&self) -> MutexGuard<'_, Watching> {
        self.watching.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of several who see to children at the same time. A pause of the process pauses all of its threads at once, so it
/// waits until each of them has stopped what is its own.
#[derive(Debug)]
pub struct Watch<'a> {
    seen: &'a Seen,
}

/// The others are waited for so long at a time: each looks a few times a second.
const GLANCE: Duration = Duration::from_millis(50);

impl Watch<'_> {
    /// Where a pause is asked for: calls `stop`, waits until all others have done the same, and pauses this process.
    /// Says how long that took, where there was a pause.
    pub fn pause_if_asked(&self, stop: impl FnOnce()) -> Option<Duration> {
        if !self.seen.stop.load(Ordering::Relaxed) {
            return None;
        }
        let since = Instant::now();
        stop();
        let mut watching = self.seen.watching();
        let pauses = watching.pauses;
        watching.ready += 1;
        while watching.pauses == pauses {
            if watching.ready >= watching.watchers {
                self.seen.stop.store(false, Ordering::Relaxed);
                Signals::pause();
                watching.ready = 0;
                watching.pauses += 1;
                self.seen.watchers_changed.notify_all();
            } else {
                let wait = self.seen.watchers_changed.wait_timeout(watching, GLANCE);
                watching = wait.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        Some(since.elapsed())
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.seen.watching().watchers -= 1;
        self.seen.watchers_changed.notify_all();
    }
}

#[cfg(unix)]
mod platform {
    use super::{Arc, Ordering, Seen};
    use signal_hook::consts::{SIGINT, SIGTERM, SIGTSTP};
    use signal_hook::iterator::Signals;

    pub(super) fn listen(seen: &Arc<Seen>) {
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGTSTP]) else { return };
        let seen = Arc::clone(seen);
        let note = move || {
            for signal in signals.forever() {
                match signal {
                    SIGINT => drop(seen.interrupts.fetch_add(1, Ordering::Relaxed)),
                    SIGTERM => drop(seen.terminates.fetch_add(1, Ordering::Relaxed)),
                    _ => seen.stop.store(true, Ordering::Relaxed),
                }
            }
        };
        let _ = std::thread::Builder::new().name("signals".into()).stack_size(64 * 1024).spawn(note);
    }

    pub(super) fn pause() {
        let _ = signal_hook::low_level::emulate_default_handler(SIGTSTP);
    }
}

#[cfg(not(unix))]
mod platform {
    use super::{Arc, Ordering, Seen};

    pub(super) fn listen(seen: &Arc<Seen>) {
        // Only whether, not how often: a second Ctrl-C ends the process by itself.
        let asked = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let _ = signal_hook::flag::register_conditional_shutdown(signal_hook::consts::SIGINT, 130, Arc::clone(&asked));
        let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&asked));
        let seen = Arc::clone(seen);
        let note = move || {
            while !asked.load(Ordering::Relaxed) {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            seen.interrupts.fetch_add(1, Ordering::Relaxed);
        };
        let _ = std::thread::Builder::new().name("signals".into()).spawn(note);
    }

    pub(super) fn pause() {}
}
