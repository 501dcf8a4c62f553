//! How long the pipes of a process that has ended are listened to, before somebody else is said to hold them.

use std::time::{Duration, Instant};

/// Until nothing has come out of them for so long.
const SILENCE: Duration = Duration::from_millis(200);

/// And never for longer than this: who holds them may go on printing.
const MOST: Duration = Duration::from_secs(5);

/// The patience with one process's pipes.
///
/// It is not counted from the exit's own time: of a busy machine's many news, the end may be told long after it came,
/// and before the last words.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    silent_since: Instant,
    given_up_at: Instant,
}

impl Patience {
    /// Begins, or begins anew after a while in which nobody listened: what came meanwhile is still to be heard.
    #[must_use]
    pub fn from(now: Instant) -> Self {
        Self { silent_since: now, given_up_at: now + MOST }
    }

    /// Something came, or is there to be read.
    pub const fn hear(&mut self, now: Instant) {
        self.silent_since = now;
    }

    /// Is it over?
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.ends_at()
    }

    /// When it is over if nothing comes.
    #[must_use]
    pub fn ends_at(&self) -> Instant {
        (self.silent_since + SILENCE).min(self.given_up_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_as_long_as_something_comes_but_not_for_ever() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut patience = Patience::from(start);
        assert!(!patience.is_over(at(199)) && patience.is_over(at(200)));
        patience.hear(at(150));
        assert!(!patience.is_over(at(349)) && patience.is_over(at(350)));
        patience.hear(at(4_900));
        assert!(!patience.is_over(at(4_999)) && patience.is_over(at(5_000)));
        assert!(!Patience::from(at(60_000)).is_over(at(60_100)), "nobody listened for a minute");
    }
}
