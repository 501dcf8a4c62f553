//! Job objects. Type-checked for every release, run by nobody here yet: the README says so.

use std::io;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use process_wrap::std::{ChildWrapper, CommandWrap, JobObject};

use super::Ask;
use crate::model::Ending;

type Shared = Arc<Mutex<Box<dyn ChildWrapper>>>;

#[derive(Debug)]
pub(super) struct Child {
    id: u32,
    child: Shared,
}

pub(super) struct Spawned {
    pub(super) child: Child,
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
}

pub(super) fn spawn(command: Command) -> io::Result<Spawned> {
    let mut child = CommandWrap::from(command).wrap(JobObject).spawn()?;
    let (stdin, stdout, stderr) = (child.stdin().take(), child.stdout().take(), child.stderr().take());
    let id = child.id();
    Ok(Spawned { child: Child { id, child: Arc::new(Mutex::new(child)) }, stdin, stdout, stderr })
}

impl Spawned {
    pub(super) fn wait_in_background(&self, exited: impl FnOnce(Instant) + Send + 'static) -> io::Result<()> {
        let child = Arc::clone(&self.child.child);
        let wait = move || {
            // The lock is taken only for a look, so that a kill is never kept waiting.
            while let Ok(None) = child.lock().unwrap_or_else(PoisonError::into_inner).try_wait() {
                thread::sleep(Duration::from_millis(5));
            }
            exited(Instant::now());
        };
        thread::Builder::new().name("wait".into()).spawn(wait).map(drop)
    }
}

impl Child {
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn ask(&self, ask: Ask) {
        match ask {
            // There is no gentle way to end a job.
            Ask::Terminate | Ask::Kill => {
                let _ = self.child.lock().unwrap_or_else(PoisonError::into_inner).start_kill();
            }
            Ask::Stop | Ask::Continue => {}
        }
    }

    /// Pipes tell nothing here.
    pub(super) const fn has_unread(&self) -> bool {
        false
    }

    pub(super) fn reap(&mut self) -> Ending {
        match self.child.lock().unwrap_or_else(PoisonError::into_inner).wait() {
            Ok(status) => status.code().map_or(Ending::NotStarted, Ending::Exited),
            Err(_) => Ending::NotStarted,
        }
    }
}
