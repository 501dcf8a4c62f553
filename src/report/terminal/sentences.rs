//! The sentences about what is no test's own: processes, tools, signals. Facts in, words out.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{BinaryId, Ending, Shard, TestKey};
use crate::report::inert::one_line;
use crate::report::words;

/// How many tests in flight are named; more would scroll the failures away.
pub(in crate::report) const NAMED: usize = 8;

/// `1,234 tests in 24 binaries, about 8s`.
pub(super) fn running(tests: u64, binaries: usize, expected: Option<Duration>) -> String {
    if tests == 0 && binaries > 0 {
        return without_list(binaries, expected);
    }
    in_binaries(&words::count(tests, "test", "tests"), binaries, expected)
}

/// `shard 2/4: 312 of 1,234 tests in 14 binaries, about 2s`.
pub(super) fn running_shard(
    (shard, of): (Shard, u64),
    tests: u64,
    binaries: usize,
    expected: Option<Duration>,
) -> String {
    let all = words::count(of, "test", "tests");
    match (tests, binaries) {
        (_, 0) => return format!("shard {shard}: nothing of {all}"),
        (0, _) => return format!("shard {shard}: {}", without_list(binaries, expected)),
        _ => {}
    }
    in_binaries(&format!("shard {shard}: {} of {all}", words::thousands(tests)), binaries, expected)
}

/// Nobody knows yet how many tests these have: a crate's doctests, a harness of its own.
fn without_list(binaries: usize, expected: Option<Duration>) -> String {
    in_binaries("all tests", binaries, expected)
}

fn in_binaries(tests: &str, binaries: usize, expected: Option<Duration>) -> String {
    let binaries = words::count(binaries as u64, "binary", "binaries");
    match expected.filter(|expected| expected.as_secs() > 0) {
        Some(expected) => format!("{tests} in {binaries}, about {}", words::rough(expected)),
        None => format!("{tests} in {binaries}"),
    }
}

/// The status of a process that died: its signal, where it was one.
pub(super) fn death(ending: Ending) -> &'static str {
    match ending {
        Ending::Signaled(signal) => Ending::signal_name(signal).unwrap_or("SIGNAL"),
        Ending::Exited(_) => "EXITED",
        Ending::NotStarted => "ERROR",
    }
}

/// `app/test:db died of signal 11 (SIGSEGV) in one of slow, fast`.
pub(super) fn died(binary: &BinaryId, ending: Ending, in_flight: &[Arc<TestKey>]) -> String {
    let names: Vec<String> = in_flight.iter().map(|key| one_line(&key.name)).collect();
    let under = match names.as_slice() {
        [] => ", with no test in flight".to_owned(),
        [one] => format!(" in {one}"),
        some if some.len() <= NAMED => format!(" in one of {}", some.join(", ")),
        some => format!(" in one of {} and {} more", some[..NAMED].join(", "), some.len() - NAMED),
    };
    format!("{} {ending}{under}", one_line(&binary.to_string()))
}

/// `app/test:db left a process behind that holds its output`.
pub(super) fn leaked(binary: &BinaryId) -> String {
    format!("{} left a process behind that holds its output", one_line(&binary.to_string()))
}

/// Why the suite could not be executed, whose fault that is not, and when it is tried again.
pub(in crate::report) fn tool_failed(why: &str, attempt: u32, of: u32, retry_in: Option<Duration>) -> String {
    let next = match retry_in {
        Some(delay) if delay.is_zero() => "next try now".to_owned(),
        Some(delay) => format!("next try in {}", words::rough(delay.max(Duration::from_secs(1)))),
        None if attempt < of => "the next call tries again".to_owned(),
        None => "no try is left".to_owned(),
    };
    let why = one_line(why.trim_end_matches('.'));
    format!("{why} (try {attempt} of {of}, {next}); this is no fault of the code")
}

/// What a signal stops.
pub(super) fn stopping(signal: &str, in_flight: usize) -> String {
    match in_flight {
        0 => format!("on {signal}: no test is in flight"),
        n => format!("on {signal}: {} in flight (once more kills at once)", words::count(n as u64, "test", "tests")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_says_of_how_much_it_is_a_shard() {
        let shard: Shard = "2/4".parse().unwrap();
        let about = Some(Duration::from_secs(2));
        assert_eq!(running(1234, 24, about), "1,234 tests in 24 binaries, about 2s");
        let said = running_shard((shard, 1234), 312, 14, about);
        assert_eq!(said, "shard 2/4: 312 of 1,234 tests in 14 binaries, about 2s");
        assert_eq!(running_shard((shard, 1), 0, 0, None), "shard 2/4: nothing of 1 test");
        assert_eq!(running_shard((shard, 8), 0, 1, about), "shard 2/4: all tests in 1 binary, about 2s");
        assert_eq!(running(0, 1, None), "all tests in 1 binary");
    }

    #[test]
    fn a_death_names_its_suspects() {
        let binary: BinaryId = "app/test:db".parse().unwrap();
        let keys = |n: usize| -> Vec<Arc<TestKey>> {
            (0..n).map(|i| Arc::new(format!("app/test:db::t{i}").parse().unwrap())).collect()
        };
        for (n, want) in [
            (0, "app/test:db died of signal 11 (SIGSEGV), with no test in flight"),
            (1, "app/test:db died of signal 11 (SIGSEGV) in t0"),
            (2, "app/test:db died of signal 11 (SIGSEGV) in one of t0, t1"),
            (10, "app/test:db died of signal 11 (SIGSEGV) in one of t0, t1, t2, t3, t4, t5, t6, t7 and 2 more"),
        ] {
            assert_eq!(died(&binary, Ending::Signaled(11), &keys(n)), want);
        }
        assert_eq!(death(Ending::Signaled(64)), "SIGNAL");
    }

    #[test]
    fn a_tool_error_says_what_comes_next() {
        let text =
            |attempt, retry_in: Option<u64>| tool_failed("no space.", attempt, 3, retry_in.map(Duration::from_millis));
        assert_eq!(text(1, Some(30_000)), "no space (try 1 of 3, next try in 30s); this is no fault of the code");
        assert_eq!(text(1, Some(0)), "no space (try 1 of 3, next try now); this is no fault of the code");
        assert_eq!(text(2, None), "no space (try 2 of 3, the next call tries again); this is no fault of the code");
        assert_eq!(text(3, None), "no space (try 3 of 3, no try is left); this is no fault of the code");
    }
}
