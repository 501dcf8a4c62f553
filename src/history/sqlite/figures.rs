//! How much is on record: counters and sizes.

use rusqlite::Row;

use super::error;
use super::read::Reader;
use crate::history::columns::{self, Columns as _};
use crate::history::store::{Counters, Result, Size};

impl Reader<'_> {
    pub(super) fn counters(&self) -> Result<Counters> {
        let mut statement = self.connection.prepare_cached("SELECT name, value FROM counters").map_err(error)?;
        let read = |row: &Row<'_>| Ok((row.text("name")?, row.count("value")?));
        let named = statement.query_map([], read).and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>);
        Ok(columns::counters(named.map_err(error)?))
    }

    pub(super) fn size(&self) -> Result<Size> {
        let one = |sql: &str| self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(error);
        let count = |sql: &str| one(sql).map(|count| u64::try_from(count).unwrap_or(0));
        Ok(Size {
            runs: count("SELECT count(*) FROM runs WHERE pruned = 0")?,
            cases: count("SELECT coalesce(sum(tests), 0) FROM runs WHERE pruned = 0")?,
            summaries: count("SELECT count(*) FROM summaries")?,
            bytes: count("PRAGMA page_count")?.saturating_mul(count("PRAGMA page_size")?),
        })
    }
}
