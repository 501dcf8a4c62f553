//! Where the history of a workspace is kept, and how it is opened: no command chooses a store by itself.

use std::sync::Arc;
use std::time::Duration;

use camino::Utf8Path;

use crate::config::StoreSettings;
use crate::config::without_password;
use crate::history::shared::{Hurry, Limits, Link, Outbox, SharedStore};
use crate::history::sqlite::SqliteStore;
use crate::history::store::{Result, Store, StoreError};
use crate::report::words;

/// A history that is open, whatever keeps it.
pub(super) type History = Box<dyn Store>;

/// How long a server is waited for, and with what hurry.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    limits: Limits,
    hurry: Hurry,
}

impl Pace {
    /// For a run, which goes on without a server once there is hurry.
    pub(super) const fn of_a_run(hurry: Hurry) -> Self {
        let limits = Limits {
            connect: Duration::from_secs(5),
            hurried: Duration::from_millis(400),
            last: Duration::from_secs(2),
            answer: Duration::from_secs(10),
            sending: Duration::from_secs(2),
        };
        Self { limits, hurry }
    }

    /// For what is the whole business of a command: there may be much to read or to remove.
    pub(super) fn of_a_command() -> Self {
        let Self { limits, hurry } = Self::of_a_run(Hurry::default());
        Self { limits: Limits { last: limits.connect, answer: Duration::from_secs(600), ..limits }, hurry }
    }
}

/// What there is to do where no server is named.
const NOT_CONFIGURED: &str =
    "no shared history is configured: `url` in `[store]`, or CARGO_GATE_STORE_URL, says where it is";

/// Why a server is of no use to this build.
const NOT_BUILT_IN: &str = "this build has no PostgreSQL: `cargo install --locked --path . --features postgres` in the \
     gate's sources gets one that has";

/// Whose history it is, and what says where it is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of<'a> {
    /// The gate directory.
    pub(super) gate_dir: &'a Utf8Path,
    /// What stands for the workspace, on every machine: several may share a database.
    pub(super) workspace: &'a str,
    pub(super) settings: &'a StoreSettings,
}

impl Of<'_> {
    /// Opens it for recording; it begins where there is none.
    pub(super) fn open(self, pace: Pace) -> Result<History> {
        match self.link(pace) {
            None => Ok(Box::new(SqliteStore::open(self.gate_dir)?)),
            Some(link) => Ok(Box::new(SharedStore::open(self.gate_dir, link)?)),
        }
    }

    /// Opens it for reading what is there; none where nothing ever was.
    pub(super) fn open_existing(self, pace: Pace) -> Result<Option<History>> {
        match self.link(pace) {
            None => own(self.gate_dir),
            Some(link) => {
                let store = SharedStore::open_existing(self.gate_dir, link)?;
                Ok(store.map(|store| Box::new(store) as History))
            }
        }
    }

    /// The line to the server, for those who have something to send; else why there is none.
    pub(super) fn line(self) -> std::result::Result<Link, String> {
        let link = self.link(Pace::of_a_command()).ok_or(NOT_CONFIGURED)?;
        if cfg!(feature = "postgres") { Ok(link) } else { Err(NOT_BUILT_IN.to_owned()) }
    }

    /// The shared history, where there is one: looks whether it is there.
    pub(super) fn shared(self) -> Option<Shared> {
        let error = self.link(Pace::of_a_command())?.reach().err();
        Some(Shared { url: without_password(self.settings.url.as_deref()?), error })
    }

    /// The line to the server, where one is configured.
    fn link(self, pace: Pace) -> Option<Link> {
        let (url, workspace) = (self.settings.url.clone()?, self.workspace.to_owned());
        Some(Link::new(Arc::new(move || connect(&url, &workspace)), pace.limits, pace.hurry))
    }
}

/// A history with nothing in it, for a command that answers where nothing is on record.
pub(super) fn empty() -> Result<History> {
    Ok(Box::new(SqliteStore::empty()?))
}

/// The history that machines share, as people see it.
pub(super) struct Shared {
    /// Where it is, without the password.
    pub(super) url: String,
    /// Why it cannot be reached, if it cannot.
    pub(super) error: Option<StoreError>,
}

/// How many runs wait for the server.
pub(super) fn waiting(gate_dir: &Utf8Path) -> Result<u64> {
    let outbox = outbox(gate_dir)?;
    outbox.map_or(Ok(0), |outbox| Ok(outbox.waiting()?.len() as u64))
}

/// The sentence about runs that wait, where some do.
pub(super) fn told_of_waiting(waiting: u64) -> Option<String> {
    let runs = match waiting {
        0 => return None,
        1 => "1 run waits to be sent".to_owned(),
        _ => format!("{} wait to be sent", words::count(waiting, "run", "runs")),
    };
    Some(format!("{runs}: `cargo gate history push` sends what waits"))
}

/// Where runs wait for the server; none where none ever did.
pub(super) fn outbox(gate_dir: &Utf8Path) -> Result<Option<Outbox>> {
    Outbox::existing(gate_dir)
}

/// This machine's own history, whatever else there is.
pub(super) fn own(gate_dir: &Utf8Path) -> Result<Option<History>> {
    Ok(SqliteStore::open_existing(gate_dir)?.map(|store| Box::new(store) as History))
}

#[cfg(not(feature = "postgres"))]
fn connect(_: &str, _: &str) -> Result<History> {
    Err(StoreError::Unreachable(NOT_BUILT_IN.to_owned()))
}

/// Connects, unless that was in vain a moment ago: a pipeline has many runs, and waits once.
#[cfg(feature = "postgres")]
fn connect(url: &str, workspace: &str) -> Result<History> {
    use std::sync::{Mutex, PoisonError};
    use std::time::Instant;

    use crate::history::postgres::{Patience, PostgresStore, of_workspace};

    const NOT_AGAIN: Duration = Duration::from_secs(30);
    static IN_VAIN: Mutex<Option<(Instant, String, String)>> = Mutex::new(None);
    let in_vain = || IN_VAIN.lock().unwrap_or_else(PoisonError::into_inner);

    let address = of_workspace(url, workspace);
    if let Some((at, whom, why)) = &*in_vain()
        && *whom == address
        && at.elapsed() < NOT_AGAIN
    {
        return Err(StoreError::Unreachable(why.clone()));
    }
    let patience = Patience { connect: Duration::from_millis(4500), ..Patience::default() };
    let connected = PostgresStore::connect(&address, patience);
    *in_vain() = match &connected {
        Err(StoreError::Unreachable(why)) => Some((Instant::now(), address, why.clone())),
        _ => None,
    };
    Ok(Box::new(connected?))
}
