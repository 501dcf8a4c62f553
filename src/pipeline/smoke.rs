//! Smoke checks: read-only requests to what runs, in order, the first failure ends.
//!
//! Who cannot be reached may still be starting, and is tried three times, a second apart. Who answers, and not as it
//! should, has had its say.

mod request;

use std::time::{Duration, Instant};

use crate::config::{SmokeCheck, without_password};
use crate::model::RetryPolicy;
use request::{Client, Reply};

/// How often, and how far apart, it is tried again to reach somebody.
const REACH: RetryPolicy = RetryPolicy::fixed(2, Duration::from_secs(1));

/// Whether an end was asked for is looked at so often.
const GLANCE: Duration = Duration::from_millis(50);

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// What was asked for, without its password.
    pub url: String,
    /// Was the answer the one that must come?
    pub ok: bool,
    /// The status of the answer, where one came.
    pub status: Option<u16>,
    /// From the first try to the end of the last.
    pub took: Duration,
    /// How often it was tried.
    pub tries: u32,
    /// What came, in words that go on after the address: "answers 503 in place of 200".
    pub why: String,
}

/// Asks for one after the other, and tells of each as it is known. The first failure ends, and so does an interrupt: the
/// check under way then counts as failed.
pub fn run(checks: &[SmokeCheck], interrupted: &dyn Fn() -> bool, tell: &mut dyn FnMut(&Answered)) -> Vec<Answered> {
    run_as(&Client::default(), checks, interrupted, tell)
}

fn run_as(
    client: &Client,
    checks: &[SmokeCheck],
    interrupted: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(&Answered),
) -> Vec<Answered> {
    let mut all = Vec::new();
    for check in checks {
        let since = Instant::now();
        let pause = |delay| wait(delay, interrupted);
        let (reply, tries) = insist(&REACH, || client.ask(check, interrupted), pause);
        let (ok, status, why) = match reply {
            Reply::Good { status, why } => (true, Some(status), why),
            Reply::Wrong { status, why } => (false, status, why),
            Reply::Unreachable(why) => (false, None, format!("{why} ({tries} tries)")),
            Reply::Interrupted => (false, None, "was not waited for: an end was asked for".to_owned()),
        };
        let answered = Answered { url: without_password(&check.url), ok, status, took: since.elapsed(), tries, why };
        tell(&answered);
        all.push(answered);
        if !ok {
            break;
        }
    }
    all
}

/// Asks until somebody is reached, at most as often as the policy says. Gives the last reply, and how often it was
/// asked. `pause` says whether to go on.
fn insist(
    policy: &RetryPolicy,
    mut ask: impl FnMut() -> Reply,
    mut pause: impl FnMut(Duration) -> bool,
) -> (Reply, u32) {
    let mut tries = 1;
    loop {
        let reply = ask();
        let Some(delay) = policy.delay_before(tries, 0.0).filter(|_| matches!(reply, Reply::Unreachable(_))) else {
            return (reply, tries);
        };
        if !pause(delay) {
            return (Reply::Interrupted, tries);
        }
        tries += 1;
    }
}

/// Waits; says whether nobody asked for an end meanwhile.
fn wait(delay: Duration, interrupted: &dyn Fn() -> bool) -> bool {
    let until = Instant::now() + delay;
    while !interrupted() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(GLANCE));
    }
    false
}
