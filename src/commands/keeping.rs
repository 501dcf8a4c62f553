//! Where the history of a workspace is kept, and how it is opened: no command chooses a store by itself.

use std::sync::Arc;
use std::time::Duration;

use camino::Utf8Path;

use crate::config::StoreSettings;
use crate::history::shared::{Hurry, Limits, Link, Outbox, SharedStore};
use crate::history::sqlite::SqliteStore;
use crate::history::store::{Result, Store, StoreError};

/// A history that is open, whatever keeps it.
pub(super) type History = Box<dyn Store>;

/// How long a server is waited for: people wait with us.
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    hurried: Duration::from_millis(400),
    last: Duration::from_secs(3),
    answer: Duration::from_secs(10),
    sending: Duration::from_secs(2),
};

/// The same for what is the command's whole business: there may be much to read or to remove.
const PATIENT: Limits = Limits { last: LIMITS.connect, answer: Duration::from_secs(600), ..LIMITS };

/// Why a server is of no use to this build.
const NOT_BUILT_IN: &str =
    "this build has no PostgreSQL: `cargo install cargo-gate --features postgres` gets one that has";

/// Opens it for recording; it begins where there is none.
pub(super) fn open(gate_dir: &Utf8Path, settings: &StoreSettings) -> Result<History> {
    match &settings.url {
        None => Ok(Box::new(SqliteStore::open(gate_dir)?)),
        Some(url) => Ok(Box::new(SharedStore::open(gate_dir, link(url, PATIENT, Hurry::default()))?)),
    }
}

/// Opens it for recording a run, which goes on without a server once there is hurry.
pub(super) fn open_for_run(gate_dir: &Utf8Path, settings: &StoreSettings, hurry: &Hurry) -> Result<History> {
    match &settings.url {
        None => open(gate_dir, settings),
        Some(url) => Ok(Box::new(SharedStore::open(gate_dir, link(url, LIMITS, hurry.clone()))?)),
    }
}

/// Opens it for reading what is there; none where nothing ever was.
pub(super) fn open_existing(gate_dir: &Utf8Path, settings: &StoreSettings, hurry: &Hurry) -> Result<Option<History>> {
    match &settings.url {
        None => own(gate_dir),
        Some(url) => {
            let store = SharedStore::open_existing(gate_dir, link(url, PATIENT, hurry.clone()))?;
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
        None => Err("no shared history is configured: `url` in `[store]`, or CARGO_GATE_STORE_URL, says where it is".into()),
        Some(_) if !cfg!(feature = "postgres") => Err(NOT_BUILT_IN.to_owned()),
        Some(url) => Ok(link(url, PATIENT, Hurry::default())),
    }
}

/// Does the server answer, where there is one?
pub(super) fn reach(settings: &StoreSettings) -> Option<Result<()>> {
    settings.url.as_deref().map(|url| link(url, PATIENT, Hurry::default()).reach())
}

/// Where runs wait for the server; none where none ever did.
pub(super) fn outbox(gate_dir: &Utf8Path) -> Result<Option<Outbox>> {
    Outbox::existing(gate_dir)
}

/// This machine's own history, whatever else there is.
pub(super) fn own(gate_dir: &Utf8Path) -> Result<Option<History>> {
    Ok(SqliteStore::open_existing(gate_dir)?.map(|store| Box::new(store) as History))
}

fn link(url: &str, limits: Limits, hurry: Hurry) -> Link {
    let url = url.to_owned();
    Link::new(Arc::new(move || connect(&url)), limits, hurry)
}

#[cfg(not(feature = "postgres"))]
fn connect(_: &str) -> Result<History> {
    Err(StoreError::Unreachable(NOT_BUILT_IN.to_owned()))
}
