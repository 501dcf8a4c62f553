//! Child processes in groups of their own: started, listened to, and ended for good.
//!
//! What a child prints and its end come as [`News`] through a callback, called from threads of its own, so that a
//! bounded channel behind the callback slows the child down instead of filling the memory.

mod run;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::event::Stream;
use crate::model::Ending;

pub use run::{Finished, Followed, follow, run, run_with_grace, run_with_input};
#[cfg(unix)]
use unix as platform;
#[cfg(windows)]
use windows as platform;

/// How to start a program: everything that decides what it sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// What to start.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Where.
    pub cwd: PathBuf,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
}

impl Launch {
    /// The same with more arguments at the end.
    #[must_use]
    pub fn with_args<A: Into<OsString>>(&self, args: impl IntoIterator<Item = A>) -> Self {
        let mut launch = self.clone();
        launch.args.extend(args.into_iter().map(Into::into));
        launch
    }

    fn command(&self, stdin: Stdio) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(&self.cwd).env_clear();
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// What became known of a child, and when.
#[derive(Debug)]
pub enum News {
    /// It printed something.
    Output(Stream, Vec<u8>, Instant),
    /// A stream came to its end: nobody holds its other side any more.
    Closed(Stream),
    /// The process itself ended; others may still hold its streams. Time to call [`Child::reap`].
    Exited(Instant),
}

/// What is asked of a whole process group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Please end.
    Terminate,
    /// End.
    Kill,
    /// Pause.
    Stop,
    /// Go on.
    Continue,
}

/// A started child, the leader of its own process group.
#[derive(Debug)]
pub struct Child {
    inner: platform::Child,
}

impl Child {
    /// Starts a program with empty stdin, both outputs piped, in a process group of its own.
    pub fn spawn(launch: &Launch, news: impl Fn(News) + Clone + Send + 'static) -> io::Result<Self> {
        Self::watch(platform::spawn(launch.command(Stdio::null()))?, news)
    }

    /// The same with this on stdin, as far as the program cares to read.
    pub fn spawn_with_input(
        launch: &Launch,
        input: Vec<u8>,
        news: impl Fn(News) + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let mut spawned = platform::spawn(launch.command(Stdio::piped()))?;
        if let Some(stdin) = spawned.stdin.take() {
            feed(stdin, input);
        }
        Self::watch(spawned, news)
    }

    fn watch(mut spawned: platform::Spawned, news: impl Fn(News) + Clone + Send + 'static) -> io::Result<Self> {
        if let Some(stdout) = spawned.stdout.take() {
            listen(stdout, Stream::Stdout, news.clone());
        }
        if let Some(stderr) = spawned.stderr.take() {
            listen(stderr, Stream::Stderr, news.clone());
        }
        if let Err(error) = spawned.wait_in_background(move |at| news(News::Exited(at))) {
            // Nobody would learn of its end, so it is not begun.
            spawned.child.ask(Ask::Kill);
            spawned.child.reap();
            return Err(error);
        }
        Ok(Self { inner: spawned.child })
    }

    /// The process's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.inner.id()
    }

    /// Asks something of the whole group. A group that is gone is no error.
    pub fn ask(&self, ask: Ask) {
        self.inner.ask(ask);
    }

    /// Is there output in its pipes that nobody has read yet? On a busy machine its end may be known before its words.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        self.inner.has_unread()
    }

    /// Takes note of how the child left; call after [`News::Exited`]. From here on its id may belong to another.
    pub fn reap(&mut self) -> Ending {
        self.inner.reap()
    }
}

const CHUNK: usize = 64 * 1024;

fn listen(mut source: impl Read + Send + 'static, stream: Stream, news: impl Fn(News) + Send + 'static) {
    let read = move || {
        let mut buffer = vec![0; CHUNK];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    news(News::Output(stream, buffer.get(..count).unwrap_or_default().to_vec(), Instant::now()))
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        news(News::Closed(stream));
    };
    // Where no thread can be had, the stream is dropped: the child sees a closed pipe rather than a full one.
    let _ = thread::Builder::new().name("listen".into()).stack_size(128 * 1024).spawn(read);
}

fn feed(mut stdin: impl Write + Send + 'static, input: Vec<u8>) {
    // Who does not read to the end has read enough. Without a thread the program sees an empty input.
    let write = move || drop(stdin.write_all(&input));
    let _ = thread::Builder::new().name("feed".into()).stack_size(64 * 1024).spawn(write);
}

/// A program that cannot be started for want of something is tried again so often.
pub const START_TRIES: u32 = 20;

/// And this far apart.
pub const START_DELAY: Duration = Duration::from_millis(100);

/// Would the same start have worked at another moment?
#[must_use]
pub fn is_of_the_moment(error: &io::Error) -> bool {
    use io::ErrorKind::{ExecutableFileBusy, OutOfMemory, ResourceBusy, WouldBlock};
    const TOO_MANY_FILES: [i32; 2] = [23, 24];
    matches!(error.kind(), ExecutableFileBusy | OutOfMemory | ResourceBusy | WouldBlock)
        || error.raw_os_error().is_some_and(|code| cfg!(unix) && TOO_MANY_FILES.contains(&code))
}

/// The environment of this process, as a child would inherit it.
#[must_use]
pub fn own_environment() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}

/// Is this the variable's name? Windows does not tell capitals apart.
#[must_use]
pub fn is_variable(name: &OsStr, wanted: &str) -> bool {
    if cfg!(windows) { name.eq_ignore_ascii_case(wanted) } else { name == wanted }
}
