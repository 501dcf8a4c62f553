//! Runs that go elsewhere: what a store gives away, and how somebody else's file is read without changing it.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::OptionalExtension;

use super::read::Reader;
use super::rows;
use super::schema::{Format, Open};
use super::{SqliteStore, error};
use crate::history::columns::RUNS;
use crate::history::store::{FinishedRun, Result, StoreError};
use crate::model::{RunId, RunState};

impl SqliteStore {
    /// Opens a file for reading, wherever it is, and leaves it as it is; `None` where nothing is in it yet.
    ///
    /// A write that was cut off there would have to be undone first. That is done to a copy.
    pub fn open_untouched(file: &Utf8Path) -> Result<Option<Self>> {
        let store = match Self::open_file(file, Open::Untouched) {
            Err(StoreError::ReadOnly(_)) if journal(file).exists() => Self::open_copy(file)?,
            opened => opened?,
        };
        Ok(Some(store).filter(|store| store.format != Format::Unready))
    }

    fn open_copy(file: &Utf8Path) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(|error| StoreError::Other(error.to_string()))?;
        let copy = Utf8Path::from_path(folder.path())
            .map(|folder| folder.join(super::FILE_NAME))
            .ok_or_else(|| StoreError::Other("the temporary directory has a name that is no text".to_owned()))?;
        for (from, to) in [(file.to_owned(), copy.clone()), (journal(file), journal(&copy))] {
            fs_err::copy(from, to).map_err(|error| StoreError::Other(error.to_string()))?;
        }
        let mut store = Self::open_file(&copy, Open::Existing)?;
        store._copy = Some(folder);
        Ok(store)
    }
}

/// Where SQLite keeps what it needs to undo a write.
fn journal(file: &Utf8Path) -> Utf8PathBuf {
    format!("{file}-journal").into()
}

impl Reader<'_> {
    /// A run that is over, as it was at one moment.
    pub(super) fn finished(&self, id: &RunId) -> Result<Option<FinishedRun>> {
        // Somebody may prune between two statements, not within a transaction.
        let _moment = self.connection.unchecked_transaction().map_err(error)?;
        let sql = format!("{RUNS} WHERE runs.id = ?1 AND pruned = 0");
        let mut statement = self.connection.prepare_cached(&sql).map_err(error)?;
        let found = statement.query_row([id.as_str()], rows::run).optional().map_err(error)?.flatten();
        let Some((seq, run)) = found.filter(|(_, run)| run.state != RunState::Running) else { return Ok(None) };
        let cases = self.numbered_cases(seq)?.into_iter().map(|(_, case)| Arc::new(case)).collect();
        Ok(Some(FinishedRun { record: run.into_record(), cases, binaries: Vec::new() }))
    }
}
