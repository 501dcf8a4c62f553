//! Rows as values: runs, and what summaries know of them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row};

use super::error;
use crate::analytics::summary::RunFacts;
use crate::history::columns::{self, Columns, FACTS};
use crate::history::store::{Result, StoredRun};
use crate::sys::host;

impl Columns for Row<'_> {
    type Error = rusqlite::Error;

    fn empty(column: &str) -> rusqlite::Error {
        rusqlite::Error::InvalidColumnName(column.to_owned())
    }

    fn maybe_number(&self, column: &str) -> rusqlite::Result<Option<i64>> {
        self.get(column)
    }

    fn maybe_text(&self, column: &str) -> rusqlite::Result<Option<String>> {
        self.get(column)
    }

    fn maybe_flag(&self, column: &str) -> rusqlite::Result<Option<bool>> {
        self.get(column)
    }

    fn maybe_bytes(&self, column: &str) -> rusqlite::Result<Option<Vec<u8>>> {
        self.get(column)
    }
}

/// A run's row with its number. `Ok(None)` where a later version wrote what is not known here.
pub(super) fn run(row: &Row<'_>) -> rusqlite::Result<Option<(i64, StoredRun)>> {
    columns::run(row, |head| host::is_alive(head.pid, head.boot_id.as_deref()))
}

/// What summaries know of runs, read as it is asked for.
pub(super) struct Facts<'c> {
    connection: &'c Connection,
    sql: String,
    known: RefCell<HashMap<u64, Option<Arc<RunFacts>>>>,
    /// The latest answers again, by number modulo their count: windows ask for the same runs in turn.
    latest: RefCell<Vec<Option<Arc<RunFacts>>>>,
    failure: Cell<Option<rusqlite::Error>>,
}

/// More than a window's runs, and a power of two.
const LATEST: usize = 256;

impl<'c> Facts<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            sql: format!("{FACTS} WHERE seq = ?1"),
            known: RefCell::default(),
            latest: RefCell::new(vec![None; LATEST]),
            failure: Cell::default(),
        }
    }

    /// The facts of a run, where its number is known.
    pub(super) fn get(&self, seq: u64) -> Option<Arc<RunFacts>> {
        let slot = usize::try_from(seq).unwrap_or(0) % LATEST;
        if let Some(Some(facts)) = self.latest.borrow().get(slot)
            && facts.seq == seq
        {
            return Some(Arc::clone(facts));
        }
        let facts = self.known.borrow_mut().entry(seq).or_insert_with(|| self.read(seq)).clone();
        if let Some(latest) = self.latest.borrow_mut().get_mut(slot) {
            latest.clone_from(&facts);
        }
        facts
    }

    /// Takes in a run that has no row any more.
    pub(super) fn know(&self, run: &Arc<RunFacts>) {
        self.known.borrow_mut().insert(run.seq, Some(Arc::clone(run)));
    }

    /// The error of the first run that could not be looked up, if there was any.
    pub(super) fn finish(&self) -> Result<()> {
        self.failure.take().map_or(Ok(()), |failure| Err(error(failure)))
    }

    fn read(&self, seq: u64) -> Option<Arc<RunFacts>> {
        let read = || {
            let mut statement = self.connection.prepare_cached(&self.sql)?;
            statement.query_row([seq.cast_signed()], |row| columns::facts(row)).optional()
        };
        match read() {
            Ok(facts) => facts.map(Arc::new),
            Err(failure) => {
                self.failure.set(Some(failure));
                None
            }
        }
    }
}
