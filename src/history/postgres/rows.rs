//! Rows as values: runs, cases, and what summaries know of runs. What does not decode is nothing.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::question::Text;
use crate::analytics::summary::RunFacts;
use crate::history::columns::{self, Columns, Read};
use crate::history::store::StoredRun;
use crate::model::{BinaryId, CaseRecord, Context, RunHead, TestKey};
use crate::sys::host;

/// A run on another machine, of which nobody here can tell whether it goes on, is taken to do so for this long.
const LONGEST_RUN: SignedDuration = SignedDuration::from_hours(24);

/// The value of a column.
pub(super) fn get<'r, T: FromSql<'r>>(row: &'r Row, column: &str) -> Option<T> {
    row.try_get(column).ok()
}

/// A text from its column.
pub(super) fn text(row: &Row, column: &str) -> Option<String> {
    row.text(column).ok()
}

/// A column does not hold what it is read as.
pub(in crate::history) struct Undecoded;

impl Columns for Row {
    type Error = Undecoded;

    fn empty(_: &str) -> Undecoded {
        Undecoded
    }

    fn maybe_number(&self, column: &str) -> Read<Option<i64>, Self> {
        let short = || get::<Option<i16>>(self, column).map(|number| number.map(i64::from));
        get(self, column).or_else(short).ok_or(Undecoded)
    }

    fn maybe_text(&self, column: &str) -> Read<Option<String>, Self> {
        get::<Option<Text>>(self, column).map(|text| text.map(Text::into_string)).ok_or(Undecoded)
    }

    fn maybe_flag(&self, column: &str) -> Read<Option<bool>, Self> {
        get(self, column).ok_or(Undecoded)
    }

    fn maybe_bytes(&self, column: &str) -> Read<Option<Vec<u8>>, Self> {
        get(self, column).ok_or(Undecoded)
    }
}

/// A run's row with its number.
pub(super) fn run(row: &Row) -> Option<(i64, StoredRun)> {
    columns::run(row, |head| goes_on(head, Timestamp::now())).ok().flatten()
}

/// What summaries know of a run.
pub(super) fn facts(row: &Row) -> Option<RunFacts> {
    columns::facts(row).ok()
}

/// The context that a row names.
pub(super) fn context(row: &Row) -> Option<Context> {
    columns::context(row).ok()
}

/// Does a run go on? A process can be looked for on its own machine alone.
fn goes_on(head: &RunHead, now: Timestamp) -> bool {
    match head.host == host::name() && head.boot_id.as_deref() == host::boot_id() {
        true => host::is_alive(head.pid, head.boot_id.as_deref()),
        false => now.duration_since(head.start) < LONGEST_RUN,
    }
}

/// A binary with its number.
pub(super) fn binary(row: &Row) -> Option<(i64, BinaryId)> {
    let kind = text(row, "kind")?.parse().ok()?;
    Some((get(row, "id")?, BinaryId { package: text(row, "package")?, kind, binary: text(row, "name")? }))
}

/// The case of a test, from `us`, `outcome` and `extra`.
pub(super) fn case(row: &Row, key: Arc<TestKey>) -> Option<CaseRecord> {
    columns::case(row, key).ok().flatten()
}
