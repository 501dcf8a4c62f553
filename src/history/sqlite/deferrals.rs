//! How often a suite could not be executed, by what was to be tested: the count outlives the process that gave up.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::error;
use crate::history::columns::nanos;
use crate::history::intake::lapsed;
use crate::history::store::Result;
use crate::model::ContentHash;

/// Deferrals of an input key that have not lapsed.
pub(super) fn count(connection: &Connection, input: ContentHash, now: Timestamp) -> Result<u32> {
    let sql = "SELECT count FROM deferrals WHERE input_key = ?1 AND last_ns > ?2";
    let found = connection.query_row(sql, params![input.0, lapsed(now)], |row| row.get(0)).optional().map_err(error)?;
    Ok(found.unwrap_or(0))
}

/// Counts one more deferral; one of a day ago or more is forgotten first.
pub(super) fn defer(transaction: &Transaction<'_>, input: ContentHash, now: Timestamp) -> Result<u32> {
    let deferrals = count(transaction, input, now)?.saturating_add(1);
    let sql = "INSERT OR REPLACE INTO deferrals (input_key, count, last_ns) VALUES (?1, ?2, ?3)";
    transaction.execute(sql, params![input.0, deferrals, nanos(now)]).map_err(error)?;
    Ok(deferrals)
}

/// Forgets the deferrals of an input key.
pub(super) fn clear(transaction: &Transaction<'_>, input: ContentHash) -> Result<()> {
    transaction.execute("DELETE FROM deferrals WHERE input_key = ?1", [input.0]).map_err(error)?;
    Ok(())
}
