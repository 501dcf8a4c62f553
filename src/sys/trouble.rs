//! Troubles of the machine that pass: told from the words of the programs that had them.

/// What was in a program's way, and may not be there the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Another program held what it needed.
    Lock,
    /// No room was left.
    Disk,
    /// Somebody did not answer.
    Network,
}

impl Trouble {
    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Disk => "disk",
            Self::Network => "network",
        }
    }
}

use Trouble::{Disk, Lock, Network};

/// What cargo, git, npm, pip, apt, curl, docker and the C library say, in small letters.
const SIGNS: &[(&str, Trouble)] = &[
    ("could not get lock", Lock),
    ("is another process using it", Lock),
    ("another git process seems to be running", Lock),
    ("another process has held the lock", Lock),
    ("another app is currently holding", Lock),
    ("unable to lock database", Lock),
    ("database is locked", Lock),
    ("being used by another process", Lock),
    ("text file busy", Lock),
    ("no space left on device", Disk),
    ("(os error 28)", Disk),
    ("disk quota exceeded", Disk),
    ("not enough space on the disk", Disk),
    ("you don't have enough free space in", Disk),
    ("could not resolve host", Network),
    ("unable to resolve host address", Network),
    ("name or service not known", Network),
    ("nodename nor servname provided", Network),
    ("temporary failure in name resolution", Network),
    ("temporary failure resolving", Network),
    ("failed to lookup address information", Network),
    ("no such host", Network),
    ("eai_again", Network),
    ("getaddrinfo enotfound", Network),
    ("connection refused", Network),
    ("econnrefused", Network),
    ("couldn't connect to server", Network),
    ("connection reset", Network),
    ("econnreset", Network),
    ("connection timed out", Network),
    ("operation timed out", Network),
    ("etimedout", Network),
    ("read timed out", Network),
    ("timeout was reached", Network),
    ("err_socket_timeout", Network),
    ("i/o timeout", Network),
    ("tls handshake timeout", Network),
    ("client.timeout exceeded while awaiting headers", Network),
    ("network is unreachable", Network),
    ("no route to host", Network),
    ("socket hang up", Network),
    ("empty reply from server", Network),
    ("transfer closed with", Network),
    ("remote end closed connection without response", Network),
    ("spurious network error", Network),
    ("fatal: early eof", Network),
    ("too many requests", Network),
    ("toomanyrequests", Network),
    ("bad gateway", Network),
    ("service unavailable", Network),
    ("service temporarily unavailable", Network),
    ("gateway timeout", Network),
    ("gateway time-out", Network),
];

/// What stands before a status of HTTP.
const BEFORE_STATUS: [&str; 6] = ["returned error: ", ", got ", "http error ", "status code ", "status: ", "code e"];

/// Statuses of servers that are busy, not wrong.
const BUSY: [&str; 4] = ["429", "502", "503", "504"];

/// The last trouble that a program told of, if any. What it got over does not count: warnings are no reasons, except of
/// a last try, and who waited for a lock did so to the end only where nothing was said after it.
#[must_use]
pub fn told_by(words: &str) -> Option<Trouble> {
    let words = words.to_lowercase();
    let mut lines = words.lines().rev().filter(|line| !line.trim().is_empty()).peekable();
    if lines.peek().is_some_and(|line| line.contains("blocking waiting for file lock")) {
        return Some(Lock);
    }
    lines.filter(|line| !is_overcome(line)).find_map(of_line)
}

fn is_overcome(line: &str) -> bool {
    let line = line.trim_start();
    let warns = ["warning:", "npm warn"].iter().any(|start| line.starts_with(start));
    warns && !line.contains("retry(total=0")
}

fn of_line(line: &str) -> Option<Trouble> {
    let sign = SIGNS.iter().find(|(sign, _)| line.contains(sign)).map(|(_, trouble)| *trouble);
    sign.or_else(|| BEFORE_STATUS.iter().any(|before| is_busy(line, before)).then_some(Network))
}

fn is_busy(line: &str, before: &str) -> bool {
    line.match_indices(before).filter_map(|(at, _)| line.get(at + before.len()..)).any(|rest| {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).and_then(|end| rest.get(..end)).unwrap_or(rest);
        BUSY.contains(&digits)
    })
}
