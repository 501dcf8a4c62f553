//! Figures of what is on record: counters, rates, sizes.

use std::time::Duration;

use super::error;
use super::read::{Reader, Visit};
use super::rows;
use crate::history::store::{Counters, Result, RunFilter, Size, Stats};
use crate::model::{RunState, Verdict};

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

    pub(super) fn stats(&self, filter: &RunFilter) -> Result<Stats> {
        let mut stats = Stats::default();
        let (mut rates, mut durations) = (Vec::new(), Vec::new());
        self.visit(filter, |_, run| {
            let verdict = run.judgement.as_ref().map(|judgement| judgement.verdict);
            if stats.last_at.is_none() {
                (stats.last_at, stats.last_state, stats.last_verdict) =
                    (Some(run.head.start), Some(run.state), verdict);
            }
            if run.state == RunState::Running {
                return Visit::Next;
            }
            stats.total += 1;
            match verdict {
                Some(Verdict::Pass) => stats.successful += 1,
                Some(Verdict::Fail | Verdict::ToolError) => stats.failed += 1,
                Some(Verdict::Deferred | Verdict::Nothing) | None => {}
            }
            if run.state == RunState::Executed {
                rates.extend(run.totals.pass_rate());
                durations.extend(run.duration);
            }
            Visit::Next
        })?;
        stats.success_rate = mean(&[stats.successful as f64], (stats.successful + stats.failed) as usize);
        stats.mean_pass_rate = mean(&rates, rates.len()).map(|rate| rate.clamp(0.0, 1.0));
        let sum: Duration = durations.iter().sum();
        stats.mean_duration_ms =
            sum.as_millis().checked_div(durations.len() as u128).and_then(|ms| u64::try_from(ms).ok());
        Ok(stats)
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

fn mean(values: &[f64], count: usize) -> Option<f64> {
    (count > 0).then(|| values.iter().sum::<f64>() / count as f64)
}
