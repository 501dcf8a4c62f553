//! One execution of a suite: the old results go, the process runs, what it printed is kept.

use std::ffi::OsString;
use std::io;
use std::time::{Duration, Instant};

use camino::Utf8Path;

use super::SuiteRun;
use crate::model::{Ending, Runner};
use crate::pipeline::suite::{Found, NodeVersion, Planned};
use crate::sys::process::{self, Launch};

/// What one execution left.
pub(super) struct Execution {
    pub(super) ending: Ending,
    /// Why it never started.
    pub(super) unstarted: Option<String>,
    /// The limit that it ran into.
    pub(super) timed_out: Option<Duration>,
    pub(super) interrupted: bool,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// The end of what it printed.
    pub(super) tail: String,
    pub(super) took: Duration,
    /// Why results of an earlier run may still stand where this one's belong.
    pub(super) stale: Option<String>,
    /// What the user should know that decides nothing.
    pub(super) warning: Option<String>,
}

/// Without a limit, a limit that nobody lives to see.
const FOR_EVER: Duration = Duration::from_secs(366 * 86_400);

/// So many characters of what it printed are its last words.
const TAIL: usize = 1500;

/// How long node may take to say what it is.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs a suite once.
pub(super) fn execute(planned: &Planned, timeout: Option<Duration>, log: &Utf8Path, site: &SuiteRun<'_>) -> Execution {
    let stale = planned.writes.file().and_then(|file| remove_old(file).err()).map(|error| error.to_string());
    let since = Instant::now();
    let deadline = since + timeout.unwrap_or(FOR_EVER);
    let finished = process::run_with_grace(&launch(planned, site), deadline, site.settings.test.grace, site.signals);
    let took = since.elapsed();
    let mut execution = Execution {
        ending: Ending::NotStarted,
        unstarted: None,
        timed_out: None,
        interrupted: false,
        stdout: Vec::new(),
        stderr: Vec::new(),
        tail: String::new(),
        took,
        stale,
        warning: None,
    };
    match finished {
        Ok(finished) => {
            execution.ending = finished.ending;
            execution.timed_out = timeout.filter(|_| finished.timed_out);
            execution.stdout = finished.stdout;
            execution.stderr = finished.stderr;
        }
        Err(error) if error.kind() == io::ErrorKind::Interrupted => execution.interrupted = true,
        Err(error) => execution.unstarted = Some(error.to_string()),
    }
    let printed = [execution.stdout.as_slice(), execution.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&printed);
    let from = text.char_indices().rev().nth(TAIL - 1).map_or(0, |(at, _)| at);
    text.get(from..).unwrap_or_default().clone_into(&mut execution.tail);
    let written = log.parent().map_or(Ok(()), fs_err::create_dir_all).and_then(|()| fs_err::write(log, &printed));
    execution.warning = written.err().map(|error| format!("the log of a suite cannot be written: {error}"));
    execution
}

/// Results of an earlier run must never be read as this one's.
fn remove_old(file: &Utf8Path) -> io::Result<()> {
    match fs_err::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn launch(planned: &Planned, site: &SuiteRun<'_>) -> Launch {
    let invocation = &planned.invocation;
    let mut words: Vec<OsString> = invocation.command.iter().map(OsString::from).collect();
    if invocation.shell {
        let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        words.splice(0..0, [OsString::from(shell), OsString::from(flag)]);
    }
    let mut words = words.into_iter();
    let mut env = site.env.to_vec();
    for (name, value) in &invocation.env {
        env.retain(|(known, _)| known != name.as_str());
        env.push((name.into(), value.into()));
    }
    let cwd = invocation.cwd.as_deref().unwrap_or(site.root);
    Launch { program: words.next().unwrap_or_default(), args: words.collect(), cwd: cwd.as_std_path().to_owned(), env }
}

/// What `node --version` says where node is to run.
pub(super) fn node_version(found: &Found, site: &SuiteRun<'_>) -> Option<NodeVersion> {
    let suite = &found.suite;
    if suite.runner != Runner::Node {
        return None;
    }
    let is_node = |word: &&String| Utf8Path::new(word).file_stem() == Some("node");
    let node = suite.invocation.command.iter().find(is_node).map_or("node", String::as_str);
    let mut invocation = suite.invocation.clone();
    invocation.command = vec![node.to_owned(), "--version".to_owned()];
    invocation.shell = false;
    invocation.cwd = None;
    let planned = Planned { invocation, writes: crate::pipeline::suite::Writes::Nothing };
    let deadline = Instant::now() + VERSION_TIMEOUT;
    let finished = process::run(&launch(&planned, site), deadline, site.signals).ok()?;
    NodeVersion::parse(&String::from_utf8_lossy(&finished.stdout))
}
