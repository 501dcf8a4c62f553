//! One execution of a suite: the old results go, the process runs, what it printed is kept.

use std::io;
use std::time::{Duration, Instant};

use camino::Utf8Path;

use super::SuiteRun;
use crate::config::Invocation;
use crate::exit_code::ExitCode;
use crate::model::{Ending, Runner};
use crate::pipeline::exec::{self, ExecError, Executed, Order, SetupFailure, command_line};
use crate::pipeline::suite::{Found, NodeVersion, Planned, Source, Writes};
use crate::sys::process;

/// What one execution left.
#[derive(Clone)]
pub(super) struct Execution {
    pub(super) ending: Ending,
    /// Why it never started.
    pub(super) unstarted: Option<Unstarted>,
    /// The limit that it ran into.
    pub(super) timed_out: Option<Duration>,
    pub(super) interrupted: bool,
    pub(super) stdout: Vec<u8>,
    /// All lines, where they are wanted.
    pub(super) lines: String,
    /// The end of what it printed.
    pub(super) tail: String,
    pub(super) took: Duration,
    /// Why results of an earlier run may still stand where this one's belong.
    pub(super) stale: Option<String>,
    /// What the user should know that decides nothing.
    pub(super) warning: Option<String>,
}

/// Why a suite never started.
#[derive(Clone)]
pub(super) struct Unstarted {
    pub(super) why: String,
    /// What it means where no other try would help.
    pub(super) code: Option<ExitCode>,
}

impl Unstarted {
    fn by(error: &ExecError) -> Self {
        let code = match (error.as_setup_failure(), error) {
            (SetupFailure::Retriable(_), _) => None,
            (SetupFailure::Final, ExecError::Log { .. } | ExecError::Lock { .. }) => Some(ExitCode::Internal),
            (SetupFailure::Final, _) => Some(ExitCode::Config),
        };
        Self { why: error.to_string(), code }
    }
}

/// How long node may take to say what it is.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// The most of its lines that is kept.
const MOST_LINES: usize = 64 << 20;

/// Runs a suite once; `on_line` hears every line it prints.
pub(super) fn execute(
    planned: &Planned,
    timeout: Option<Duration>,
    log: &Utf8Path,
    site: &SuiteRun<'_>,
    on_line: &mut dyn FnMut(&str),
) -> Execution {
    let stale = planned.writes.file().and_then(|file| remove_old(file).err()).map(|error| error.to_string());
    let nothing = Execution {
        ending: Ending::NotStarted,
        unstarted: None,
        timed_out: None,
        interrupted: false,
        stdout: Vec::new(),
        lines: String::new(),
        tail: String::new(),
        took: Duration::ZERO,
        stale,
        warning: None,
    };
    let unstarted = |error: &ExecError| Execution { unstarted: Some(Unstarted::by(error)), ..nothing.clone() };
    let Some(launch) = command_line(&planned.invocation, site.root, site.env.to_vec(), &site.told) else {
        return unstarted(&ExecError::NoCommand);
    };
    let keeps_lines = matches!(planned.writes, Writes::Unittest(Source::Lines));
    let grace = site.settings.test.grace;
    let order = Order { launch, log, timeout, grace, mutex: site.mutex, keeps_stdout: reads_stdout(&planned.writes) };
    let mut lines = String::new();
    let mut hear = |line: &str| {
        if keeps_lines && lines.len() < MOST_LINES {
            lines.push_str(line);
            lines.push('\n');
        }
        on_line(line);
    };
    let executed = exec::run(&order, site.signals, &mut hear);
    match executed {
        Ok(executed) => Execution {
            ending: executed.ending,
            timed_out: timeout.filter(|_| executed.timed_out),
            interrupted: executed.interrupted,
            took: executed.took,
            warning: log_trouble(&executed, log),
            stdout: executed.stdout,
            tail: executed.tail,
            lines,
            ..nothing
        },
        Err(error) => unstarted(&error),
    }
}

const fn reads_stdout(writes: &Writes) -> bool {
    matches!(writes, Writes::Results(_, Source::Stdout) | Writes::Unittest(Source::Stdout))
}

fn log_trouble(executed: &Executed, log: &Utf8Path) -> Option<String> {
    executed.log_trouble.as_ref().map(|error| format!("the log `{log}` is not whole: {error}"))
}

/// Results of an earlier run must never be read as this one's.
fn remove_old(file: &Utf8Path) -> io::Result<()> {
    match fs_err::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What `node --version` says where node is to run.
pub(super) fn node_version(found: &Found, site: &SuiteRun<'_>) -> Option<NodeVersion> {
    let suite = &found.suite;
    if suite.runner != Runner::Node {
        return None;
    }
    let is_node = |word: &&String| Utf8Path::new(word).file_stem() == Some("node");
    let node = suite.invocation.command.iter().find(is_node).map_or("node", String::as_str);
    let command = vec![node.to_owned(), "--version".to_owned()];
    let asks = Invocation { command, shell: false, ..suite.invocation.clone() };
    let launch = command_line(&asks, site.root, site.env.to_vec(), &site.told)?;
    let finished = process::run(&launch, Instant::now() + VERSION_TIMEOUT, site.signals).ok()?;
    NodeVersion::parse(&String::from_utf8_lossy(&finished.stdout))
}
