//! Where the history of a workspace is kept, and how it is opened: no command chooses a store by itself.

use camino::Utf8Path;

use crate::config::StoreSettings;
use crate::history::sqlite::SqliteStore;
use crate::history::store::{Result, Store};

/// A history that is open, whatever keeps it.
pub(super) type History = Box<dyn Store>;

/// Opens it for recording; it begins where there is none.
pub(super) fn open(gate_dir: &Utf8Path, _settings: &StoreSettings) -> Result<History> {
    Ok(Box::new(SqliteStore::open(gate_dir)?))
}

/// Opens it for reading what is there; none where nothing ever was.
pub(super) fn open_existing(gate_dir: &Utf8Path, _settings: &StoreSettings) -> Result<Option<History>> {
    let store = SqliteStore::open_existing(gate_dir)?;
    Ok(store.map(|store| Box::new(store) as History))
}

/// A history with nothing in it, for a command that answers where nothing is on record.
pub(super) fn empty() -> Result<History> {
    Ok(Box::new(SqliteStore::empty()?))
}
