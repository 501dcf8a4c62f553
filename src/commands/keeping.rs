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
            last: Duration::from_secs(3),
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

/// Why a server is of no use to this build.
const NOT_BUILT_IN: &str =
    "this build has no PostgreSQL: `cargo install cargo-gate --features postgres` gets one that has";

/// Opens it for recording; it begins where there is none.
pub(super) fn open(gate_dir: &Utf8Path, settings: &StoreSettings, pace: Pace) -> Result<History> {
    match &settings.url {
        None => Ok(Box::new(SqliteStore::open(gate_dir)?)),
        Some(url) => Ok(Box::new(SharedStore::open(gate_dir, link(url, pace))?)),
    }
}

/// Opens it for reading what is there; none where nothing ever was.
pub(super) fn open_existing(gate_dir: &Utf8Path, settings: &StoreSettings, pace: Pace) -> Result<Option<History>> {
    match &settings.url {
        None => own(gate_dir),
        Some(url) => {
            let store = SharedStore::open_existing(gate_dir, link(url, pace))?;
            Ok(store.map(|store| Box::new(store) as History))
        }
    }
}

/// A history with nothing in it, for a command that answers where nothing is on record.
pub(super) fn empty() -> Result<History> {
    Ok(Box::new(SqliteStore::empty()?))
}

/// The line to the server, for those who have something to send; else why there is none.
pub(super) fn line(settings: &StoreSettings) -> std::result::Result<Link, String> {
    match &settings.url {
        None => {
            Err("no shared history is configured: `url` in `[store]`, or CARGO_GATE_STORE_URL, says where it is".into())
        }
        Some(_) if !cfg!(feature = "postgres") => Err(NOT_BUILT_IN.to_owned()),
        Some(url) => Ok(link(url, Pace::of_a_command())),
    }
}

/// The history that machines share, as people see it.
pub(super) struct Shared {
    /// Where it is, without the password.
    pub(super) url: String,
    /// Why it cannot be reached, if it cannot.
    pub(super) error: Option<StoreError>,
}

/// The shared history, where one is configured; looks whether it is there.
pub(super) fn shared(settings: &StoreSettings) -> Option<Shared> {
    let url = settings.url.as_deref()?;
    let error = link(url, Pace::of_a_command()).reach().err();
    Some(Shared { url: without_password(url), error })
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

fn link(url: &str, pace: Pace) -> Link {
    let url = url.to_owned();
    Link::new(Arc::new(move || connect(&url)), pace.limits, pace.hurry)
}

#[cfg(not(feature = "postgres"))]
fn connect(_: &str) -> Result<History> {
    Err(StoreError::Unreachable(NOT_BUILT_IN.to_owned()))
}
