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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_that_pass_are_told_by_what_programs_say_of_them() {
        for (words, want) in [
            // cargo
            ("    Blocking waiting for file lock on package cache", Some(Lock)),
            ("    Blocking waiting for file lock on build directory\nerror: could not compile `a`", None),
            (
                "error: failed to get `x` as a dependency of package `a`\n\nCaused by:\n  \
                 [6] Could not resolve hostname (Could not resolve host: example.org)",
                Some(Network),
            ),
            ("  failed to get successful HTTP response from `https://example.org/config.json`, got 503", Some(Network)),
            ("  failed to get successful HTTP response from `https://example.org/config.json`, got 404", None),
            (
                "warning: spurious network error (3 tries remaining): [28] Timeout was reached\nerror: expected `;`",
                None,
            ),
            ("error: failed to write `/t/x`\n\nCaused by:\n  No space left on device (os error 28)", Some(Disk)),
            ("error[E0425]: cannot find value `x` in this scope", None),
            // git
            ("fatal: unable to access 'https://example.org/x/': Could not resolve host: example.org", Some(Network)),
            ("fatal: unable to access 'https://example.org/x/': The requested URL returned error: 502", Some(Network)),
            ("fatal: unable to access 'https://example.org/x/': The requested URL returned error: 403", None),
            ("ssh: connect to host example.org port 22: Connection timed out", Some(Network)),
            ("git@example.org: Permission denied (publickey).\nfatal: Could not read from remote repository.", None),
            (
                "fatal: Unable to create '/x/.git/index.lock': File exists.\n\n\
                 Another git process seems to be running in this repository",
                Some(Lock),
            ),
            // npm
            ("npm ERR! code EAI_AGAIN\nnpm ERR! syscall getaddrinfo", Some(Network)),
            ("npm error code E503\nnpm error 503 Service Unavailable - GET https://example.org/x", Some(Network)),
            ("npm error code E404\nnpm error 404 Not Found - GET https://example.org/x", None),
            ("npm warn network ECONNRESET, retrying\nnpm error Missing script: \"build\"", None),
            ("Error: ENOSPC: System limit for number of file watchers reached", None),
            ("npm ERR! nospc ENOSPC: no space left on device, write", Some(Disk)),
            // pip
            (
                "WARNING: Retrying (Retry(total=0, connect=None, read=None)) after connection broken by \
                 'NewConnectionError: [Errno -3] Temporary failure in name resolution': /simple/x/\n\
                 ERROR: No matching distribution found for x",
                Some(Network),
            ),
            (
                "WARNING: Retrying (Retry(total=3, connect=None, read=None)) after connection broken by \
                 'ReadTimeoutError(\"Read timed out.\")': /simple/x/\nERROR: Invalid requirement: 'x=='",
                None,
            ),
            ("ERROR: No matching distribution found for no-such-thing", None),
            ("ERROR: Could not install packages due to an OSError: [Errno 122] Disk quota exceeded", Some(Disk)),
            // apt
            ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 71 (apt-get)", Some(Lock)),
            ("E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)", None),
            ("E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?", None),
            (
                "W: Failed to fetch http://example.org/InRelease  Temporary failure resolving 'example.org'\n\
                 E: Unable to locate package x",
                Some(Network),
            ),
            ("E: Unable to locate package x", None),
            // curl
            (
                "curl: (7) Failed to connect to example.org port 80 after 1 ms: Couldn't connect to server",
                Some(Network),
            ),
            ("curl: (56) Recv failure: Connection reset by peer", Some(Network)),
            ("curl: (22) The requested URL returned error: 429", Some(Network)),
            ("curl: (22) The requested URL returned error: 4290", None),
            ("curl: (60) SSL certificate problem: self-signed certificate", None),
            // docker
            ("dial tcp: lookup example.org on 127.0.0.11:53: no such host", Some(Network)),
            ("Error response from daemon: toomanyrequests: You have reached your pull rate limit.", Some(Network)),
            ("error pulling image: received unexpected HTTP status: 504 Gateway Time-out", Some(Network)),
            ("Error response from daemon: manifest for x:y not found: manifest unknown", None),
            // others
            ("sqlite3.OperationalError: database is locked", Some(Lock)),
            ("make: *** [Makefile:2: all] Error 1", None),
            ("", None),
        ] {
            assert_eq!(told_by(words), want, "{words}");
        }
    }

    #[test]
    fn the_last_of_several_is_told() {
        assert_eq!(told_by("Connection refused\nNo space left on device\n"), Some(Disk));
    }
}
