//! Which runs go when a history is pruned, the same for every store.

use std::collections::HashMap;

use super::store::{Pruned, Retention, RunFilter, Size, StoredRun};
use crate::model::{Context, RunState};

/// What a run costs beyond its cases is about that of so many more.
const ROWS_OF_A_RUN: u64 = 16;

/// About how many rows there are, cases and what stands beside them.
pub(super) const fn rows(size: &Size) -> u64 {
    size.cases.saturating_add(size.runs.saturating_mul(ROWS_OF_A_RUN))
}

/// Chooses runs that go, as they are shown to it, newest first.
#[derive(Debug)]
pub(super) struct Chooser<'k> {
    keep: &'k Retention,
    used: u64,
    all_rows: u64,
    kept: HashMap<(Context, String), u64>,
    kept_bytes: u128,
    pruned: Pruned,
}

impl<'k> Chooser<'k> {
    /// For a store of this size, of which so many bytes are in use.
    pub(super) fn new(keep: &'k Retention, size: &Size, used: u64) -> Self {
        let pruned = Pruned { bytes_before: size.bytes, bytes_after: size.bytes, ..Pruned::default() };
        Self { keep, used, all_rows: rows(size).max(1), kept: HashMap::new(), kept_bytes: 0, pruned }
    }

    /// The runs it wants to be shown.
    pub(super) fn filter(&self) -> RunFilter {
        RunFilter { context: self.keep.context.clone(), suite: self.keep.suite.clone(), ..RunFilter::default() }
    }

    /// Does this one go? A run that still goes on stays.
    pub(super) fn takes(&mut self, run: StoredRun) -> bool {
        let bytes = self.bytes(run.totals.tests);
        let of_its_kind = self.kept.entry((run.head.context, run.head.suite)).or_default();
        self.kept_bytes += bytes;
        let goes = self.keep.since.is_some_and(|since| run.head.start < since)
            || self.keep.count.is_some_and(|count| *of_its_kind >= count)
            || self.keep.bytes.is_some_and(|limit| self.kept_bytes > u128::from(limit));
        if run.state == RunState::Running || !goes {
            *of_its_kind += 1;
            return false;
        }
        let freed = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.pruned.bytes_after = self.pruned.bytes_after.saturating_sub(freed);
        self.pruned.cases += run.totals.tests;
        self.pruned.runs.push(run.head.id);
        true
    }

    /// What goes, oldest first.
    pub(super) fn pruned(mut self) -> Pruned {
        self.pruned.runs.reverse();
        self.pruned
    }

    /// Rows of cases are nearly all there is.
    fn bytes(&self, cases: u64) -> u128 {
        let rows = cases.saturating_add(ROWS_OF_A_RUN);
        u128::from(rows) * u128::from(self.used) / u128::from(self.all_rows)
    }
}
