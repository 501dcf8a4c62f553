//! The forms of nextest's values: how each is read, and what would have done.

use std::time::Duration;

use toml::de::{DeTable, DeValue};

use crate::config::shape::Raw;
use crate::model::{Backoff, FlakyResult, RetryPolicy, Word};

/// How a value is read; the error says in a few words what is wrong with it.
pub(super) struct Form<T> {
    /// What would do, after "wanted:".
    pub(super) wanted: &'static str,
    /// Reads it.
    pub(super) read: fn(Raw<'_>) -> Result<T, String>,
}

/// `slow-timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlowTimeout {
    /// After how long a test is slow.
    pub(super) period: Duration,
    /// After how many periods it is killed.
    pub(super) terminate_after: Option<u32>,
    /// How long it has between TERM and KILL.
    pub(super) grace: Option<Duration>,
    /// Is a killed test a pass?
    pub(super) passes: bool,
}

/// `test-threads` and `max-threads`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threads {
    /// As many as there are CPUs.
    Cpus,
    /// So many.
    Count(usize),
    /// As many as there are CPUs, but so many.
    CpusBut(usize),
}

impl Threads {
    /// How many that is; `None`: as many as there are CPUs.
    pub(super) fn of(self, cpus: usize) -> Option<usize> {
        match self {
            Self::Cpus => None,
            Self::Count(count) => Some(count),
            Self::CpusBut(count) => Some(cpus.saturating_sub(count).max(1)),
        }
    }
}

/// A text.
pub(super) const TEXT: Form<String> =
    Form { wanted: "a text that is not empty", read: |raw| Ok(raw.text()?.to_owned()).and_then(not_empty) };

/// A duration above zero.
pub(super) const LIMIT: Form<Duration> =
    Form { wanted: "a duration such as \"60s\" or \"2m 30s\"", read: |raw| above_zero(duration(raw.text()?)?) };

/// `slow-timeout`.
pub(super) const SLOW_TIMEOUT: Form<SlowTimeout> = Form {
    wanted: "a duration such as \"60s\", or { period = \"60s\", terminate-after = 2, grace-period = \"10s\" }",
    read: |raw| match raw {
        Raw::Toml(DeValue::Table(table)) => slow_timeout(table),
        _ => {
            let period = (LIMIT.read)(raw)?;
            Ok(SlowTimeout { period, terminate_after: None, grace: None, passes: false })
        }
    },
};

/// `retries`.
pub(super) const RETRIES: Form<RetryPolicy> = Form {
    wanted: "a whole number, 0 or more, or { backoff = \"fixed\" or \"exponential\", count = 2, delay = \"1s\", \
             jitter = true, max-delay = \"10s\" }",
    read: |raw| match raw {
        Raw::Toml(DeValue::Table(table)) => retries(table),
        _ => Ok(RetryPolicy::fixed(count(raw)?, Duration::ZERO)),
    },
};

/// `flaky-result`.
pub(super) const FLAKY_RESULT: Form<FlakyResult> = Form {
    wanted: "\"pass\" or \"fail\"",
    read: |raw| FlakyResult::from_word(raw.text()?).ok_or_else(|| raw.misfit()),
};

/// `test-threads`, `max-threads`.
pub(super) const THREADS: Form<Threads> = Form {
    wanted: "a whole number other than 0, or \"num-cpus\"",
    read: |raw| match raw.text() {
        Ok("num-cpus") => Ok(Threads::Cpus),
        Ok(text) => Err(format!("{text:?} is no number of threads")),
        Err(_) => match raw.integer()? {
            0 => Err("0 threads run nothing".to_owned()),
            count => {
                let size = usize::try_from(count.unsigned_abs()).map_err(|_| format!("{count} is too large"))?;
                Ok(if count > 0 { Threads::Count(size) } else { Threads::CpusBut(size) })
            }
        },
    },
};

/// `priority`.
pub(super) const PRIORITY: Form<i64> = Form {
    wanted: "a whole number from -100 to 100",
    read: |raw| match raw.integer()? {
        priority @ -100..=100 => Ok(priority),
        other => Err(format!("{other} is out of range")),
    },
};

/// `fail-fast`: does it ever end a run early?
pub(super) const FAIL_FAST: Form<bool> = Form {
    wanted: "true, false, or { max-fail = 5 } or { max-fail = \"all\" }",
    read: |raw| match raw {
        Raw::Toml(DeValue::Boolean(stops)) => Ok(*stops),
        Raw::Toml(DeValue::Table(table)) => match table.get("max-fail").map(|value| value.get_ref()) {
            Some(DeValue::String(word)) if word.as_ref() == "all" => Ok(false),
            Some(value @ DeValue::Integer(_)) => match Raw::Toml(value).integer()? {
                1.. => Ok(true),
                other => Err(format!("`max-fail`: {other} is not above zero")),
            },
            Some(other) => Err(format!("`max-fail`: {}", Raw::Toml(other).misfit())),
            None => Err("`max-fail` is missing".to_owned()),
        },
        _ => Err(raw.misfit()),
    },
};

fn not_empty(text: String) -> Result<String, String> {
    if text.is_empty() { Err("empty".to_owned()) } else { Ok(text) }
}

fn above_zero(duration: Duration) -> Result<Duration, String> {
    if duration.is_zero() { Err("not above zero".to_owned()) } else { Ok(duration) }
}

fn count(raw: Raw<'_>) -> Result<u32, String> {
    let count = raw.integer()?;
    u32::try_from(count).map_err(|_| format!("{count} is out of range"))
}

fn flag(raw: Raw<'_>) -> Result<bool, String> {
    match raw {
        Raw::Toml(DeValue::Boolean(value)) => Ok(*value),
        _ => Err(raw.misfit()),
    }
}

/// Reads each key of a table; the error names the key.
fn each_key(table: &DeTable<'_>, mut read: impl FnMut(&str, Raw<'_>) -> Result<(), String>) -> Result<(), String> {
    for (key, value) in table {
        read(key.get_ref(), Raw::Toml(value.get_ref())).map_err(|why| format!("`{}`: {why}", key.get_ref()))?;
    }
    Ok(())
}

fn no_such_key() -> Result<(), String> {
    Err("no such key".to_owned())
}

fn slow_timeout(table: &DeTable<'_>) -> Result<SlowTimeout, String> {
    let mut period = None;
    let mut rest = SlowTimeout { period: Duration::ZERO, terminate_after: None, grace: None, passes: false };
    each_key(table, |key, raw| match key {
        "period" => (LIMIT.read)(raw).map(|value| period = Some(value)),
        "terminate-after" => match count(raw)? {
            0 => Err("not above zero".to_owned()),
            count => {
                rest.terminate_after = Some(count);
                Ok(())
            }
        },
        "grace-period" => duration(raw.text()?).map(|value| rest.grace = Some(value)),
        "on-timeout" => match raw.text()? {
            word @ ("pass" | "fail") => {
                rest.passes = word == "pass";
                Ok(())
            }
            other => Err(format!("{other:?} is neither \"pass\" nor \"fail\"")),
        },
        _ => no_such_key(),
    })?;
    Ok(SlowTimeout { period: period.ok_or("`period` is missing")?, ..rest })
}

fn retries(table: &DeTable<'_>) -> Result<RetryPolicy, String> {
    let (mut times, mut backoff) = (None, None);
    let mut policy = RetryPolicy::NEVER;
    each_key(table, |key, raw| match key {
        "count" => count(raw).map(|value| times = Some(value)),
        "backoff" => {
            let word = raw.text()?;
            backoff = Some(Backoff::from_word(word).ok_or_else(|| format!("{word:?} is none"))?);
            Ok(())
        }
        "delay" => duration(raw.text()?).map(|value| policy.delay = value),
        "max-delay" => duration(raw.text()?).map(|value| policy.max_delay = Some(value)),
        "jitter" => flag(raw).map(|value| policy.jitter = value),
        _ => no_such_key(),
    })?;
    policy.count = times.ok_or("`count` is missing")?;
    policy.backoff = backoff.ok_or("`backoff` is missing")?;
    match (policy.backoff, policy.max_delay) {
        (Backoff::Exponential, _) if policy.delay.is_zero() => Err("exponential `backoff` needs a `delay`".to_owned()),
        (Backoff::Fixed, Some(_)) => Err("`max-delay` is for exponential `backoff`".to_owned()),
        (_, Some(most)) if most < policy.delay => Err("`max-delay` is below `delay`".to_owned()),
        _ if policy.jitter && policy.delay.is_zero() => Err("`jitter` needs a `delay`".to_owned()),
        _ => Ok(policy),
    }
}

/// The units of nextest's durations, in nanoseconds; a month has 30.44 days, a year 365.25.
const UNITS: [(&[&str], u128); 10] = [
    (&["ns", "nsec", "nanos"], 1),
    (&["us", "µs", "usec"], 1_000),
    (&["ms", "msec", "millis"], 1_000_000),
    (&["s", "sec", "secs", "second", "seconds"], 1_000_000_000),
    (&["m", "min", "mins", "minute", "minutes"], 60_000_000_000),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600_000_000_000),
    (&["d", "day", "days"], 86_400_000_000_000),
    (&["w", "wk", "wks", "week", "weeks"], 604_800_000_000_000),
    (&["M", "month", "months"], 2_630_016_000_000_000),
    (&["y", "yr", "yrs", "year", "years"], 31_557_600_000_000_000),
];

/// Reads a duration as nextest does: whole numbers with units, in a row.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration");
    let mut rest = text.trim();
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let end_of_digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (digits, after) = rest.split_at(end_of_digits);
        let after = after.trim_start();
        let (unit, after) = after.split_at(after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len()));
        let (_, length) = UNITS.iter().find(|(names, _)| names.contains(&unit)).ok_or_else(wrong)?;
        let count: u64 = digits.parse().map_err(|_| wrong())?;
        nanos = nanos.checked_add(u128::from(count) * length).ok_or_else(wrong)?;
        rest = after.trim_start();
    }
    let seconds = u64::try_from(nanos / 1_000_000_000).map_err(|_| wrong())?;
    let below = u32::try_from(nanos % 1_000_000_000).map_err(|_| wrong())?;
    if text.trim().is_empty() { Err(wrong()) } else { Ok(Duration::new(seconds, below)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_nextest_reads_them() {
        for (text, millis) in [
            ("60s", 60_000),
            ("2m 30s", 150_000),
            ("2 hours", 7_200_000),
            ("100ms", 100),
            ("1min30sec", 90_000),
            ("0s", 0),
            ("30y", 946_728_000_000),
        ] {
            assert_eq!(duration(text).map(|read| read.as_millis()), Ok(millis), "{text}");
        }
        for text in ["", " ", "60", "s", "1.5s", "-1s", "1s2", "1fortnight", "99999999999999999999s", "1s,2s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn negative_threads_are_counted_down_from_the_cpus_and_one_remains() {
        for (threads, count) in [
            (Threads::Cpus, None),
            (Threads::Count(3), Some(3)),
            (Threads::CpusBut(2), Some(6)),
            (Threads::CpusBut(20), Some(1)),
        ] {
            assert_eq!(threads.of(8), count);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_duration_panics(text in "[0-9a-zµ -.]{0,40}") {
            let _ = duration(&text);
        }
    }
}
