//! How much is on record: counters and sizes.

use super::error;
use super::read::Reader;
use super::rows;
use crate::history::store::{Counters, Result, Size};

impl Reader<'_> {
    pub(super) fn counters(&self) -> Result<Counters> {
        let mut statement = self.connection.prepare_cached("SELECT name, value FROM counters").map_err(error)?;
        let mut counters = Counters::default();
        let mut found = statement.query([]).map_err(error)?;
        while let Some(row) = found.next().map_err(error)? {
            let (name, value): (String, u64) =
                (row.get("name").map_err(error)?, rows::count(row, "value").map_err(error)?);
            match name.as_str() {
                "runs" => counters.runs = value,
                "pass" => counters.pass = value,
                "fail" => counters.fail = value,
                "tool_error" => counters.tool_error = value,
                "deferred" => counters.deferred = value,
                _ => {}
            }
        }
        Ok(counters)
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
