//! A process that goes on beside the test: to be signalled, watched, and waited for.

use std::io::Read;
use std::process::{Child, Command, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Ended;

/// A process whose output is read as it comes. Dropped before its end, it is killed.
pub(crate) struct Running {
    command: Command,
    child: Option<Child>,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    begin: Instant,
}

impl Running {
    pub(super) fn start(mut command: Command) -> Self {
        fn read_to_end(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                pipe.read_to_end(&mut bytes).unwrap();
                bytes
            })
        }
        let begin = Instant::now();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = child.stdout.take().map(read_to_end);
        let stderr = child.stderr.take().map(read_to_end);
        Self { command, child: Some(child), stdout, stderr, begin }
    }

    /// The process's number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Has it ended? (Its output may still be held open by others.)
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    /// Sends it a signal.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.rustix_pid(), signal).unwrap();
    }

    /// Sends a signal to the whole group that it leads: see [`Invocation::in_own_group`](super::Invocation::in_own_group).
    #[cfg(unix)]
    pub(crate) fn signal_group(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process_group(self.rustix_pid(), signal).unwrap();
    }

    #[cfg(unix)]
    fn rustix_pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(self.child.as_ref().unwrap())
    }

    /// Waits for its end, and for the end of its output.
    pub(crate) fn wait(mut self) -> Ended {
        let status = self.child.take().unwrap().wait().unwrap();
        let took = self.begin.elapsed();
        let [stdout, stderr] = [self.stdout.take(), self.stderr.take()].map(|reader| reader.unwrap().join().unwrap());
        Ended::new(&self.command, Output { status, stdout, stderr }, took)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself, which is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until something holds, and panics when it does not within half a minute.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Has a process ended? What is dead but not waited for has.
#[cfg(unix)]
pub(crate) fn is_gone(pid: rustix::process::Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    rustix::process::test_kill_process(pid).is_err() || stat.is_ok_and(|stat| stat.contains(") Z"))
}
