//! Process groups and signals.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use std::thread;
use std::time::Instant;

use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::Ask;
use crate::model::Ending;

#[derive(Debug)]
pub(super) struct Child {
    child: std::process::Child,
    reaped: bool,
    /// Our ends of its outputs, once more: to see whether something is left in them.
    outputs: Vec<OwnedFd>,
}

pub(super) struct Spawned {
    pub(super) child: Child,
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
}

pub(super) fn spawn(mut command: Command) -> io::Result<Spawned> {
    let mut child = command.process_group(0).spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let ends = [stdout.as_ref().map(AsFd::as_fd), stderr.as_ref().map(AsFd::as_fd)];
    let outputs = ends.into_iter().flatten().filter_map(|end| end.try_clone_to_owned().ok()).collect();
    Ok(Spawned { child: Child { child, reaped: false, outputs }, stdin, stdout, stderr })
}

impl Spawned {
    /// Waits without reaping, so that the group's id stays ours until [`Child::reap`].
    pub(super) fn wait_in_background(&self, exited: impl FnOnce(Instant) + Send + 'static) -> io::Result<()> {
        let pid = self.child.pid();
        let wait = move || {
            if let Some(pid) = pid {
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
                while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), options) {}
            }
            exited(Instant::now());
        };
        thread::Builder::new().name("wait".into()).stack_size(64 * 1024).spawn(wait).map(drop)
    }
}

impl Child {
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    pub(super) fn ask(&self, ask: Ask) {
        let signal = match ask {
            Ask::Terminate => Signal::TERM,
            Ask::Kill => Signal::KILL,
            Ask::Stop => Signal::TSTP,
            Ask::Continue => Signal::CONT,
        };
        if let (false, Some(group)) = (self.reaped, self.pid()) {
            // A group that is gone is what was wanted.
            let _ = kill_process_group(group, signal);
        }
    }

    pub(super) fn has_unread(&self) -> bool {
        self.outputs.iter().any(|output| ioctl_fionread(output).is_ok_and(|bytes| bytes > 0))
    }

    pub(super) fn reap(&mut self) -> Ending {
        self.reaped = true;
        match self.child.wait() {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => Ending::Exited(code),
                (None, Some(signal)) => Ending::Signaled(signal),
                (None, None) => Ending::NotStarted,
            },
            Err(_) => Ending::NotStarted,
        }
    }
}
