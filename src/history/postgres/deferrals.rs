//! How often a suite could not be executed, by what was to be tested.

use jiff::Timestamp;

use super::failure::Result;
use super::question::Question;
use super::rows::get;
use super::session::{Session, Transaction};
use crate::history::columns::nanos;
use crate::history::intake::lapsed;
use crate::history::store::Result as StoreResult;
use crate::model::ContentHash;

/// Deferrals of an input key that have not lapsed.
pub(super) fn count(session: &Session, input: ContentHash, now: Timestamp) -> StoreResult<u32> {
    let sql = "SELECT count FROM deferrals WHERE input_key = $1 AND last_ns > $2";
    let rows = session.ask(Question::new(sql).with(input.0.to_vec()).with(lapsed(now)))?;
    Ok(rows.first().map_or(0, |row| clamped(get(row, "count"))))
}

/// Counts one more deferral; one of a day ago or more is forgotten first.
pub(super) fn defer(transaction: &Transaction<'_>, input: ContentHash, now: Timestamp) -> Result<u32> {
    let sql = "INSERT INTO deferrals AS d (input_key, count, last_ns) VALUES ($1, 1, $2) \
               ON CONFLICT (input_key) DO UPDATE SET last_ns = $2, \
               count = CASE WHEN d.last_ns > $3 THEN d.count + 1 ELSE 1 END RETURNING count";
    let question = Question::new(sql).with(input.0.to_vec()).with(nanos(now)).with(lapsed(now));
    let rows = transaction.ask_one(question)?;
    Ok(rows.first().map_or(0, |row| clamped(get(row, "count"))))
}

/// Forgets the deferrals of an input key.
pub(super) fn clear(transaction: &Transaction<'_>, input: ContentHash) {
    let sql = "DELETE FROM deferrals WHERE input_key = $1";
    transaction.put(Question::new(sql).with(input.0.to_vec()));
}

fn clamped(count: Option<i64>) -> u32 {
    u32::try_from(count.unwrap_or(0).max(0)).unwrap_or(u32::MAX)
}
