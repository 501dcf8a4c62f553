//! A damaged file: it is set aside under a new name, and what can be read of it is copied to a fresh one.

use std::cell::Cell;
use std::fs::File;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use rusqlite::Connection;

use super::read::Reader;
use super::rows;
use super::schema::{self, Open};
use super::{append, error, transact};
use crate::history::columns::RUNS;
use crate::history::intake;
use crate::history::store::{FinishedRun, Result, StoreError, StoredRun};
use crate::model::RunState;

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

impl Identity {
    /// Of the file that has this name now.
    #[cfg(unix)]
    pub(super) fn of(file: &Utf8Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        fs_err::metadata(file).ok().map(|metadata| Self(metadata.dev(), metadata.ino()))
    }

    /// Of the file that has this name now: when it was created.
    #[cfg(not(unix))]
    pub(super) fn of(file: &Utf8Path) -> Option<Self> {
        let created = fs_err::metadata(file).ok()?.created().ok()?;
        let since = created.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(Self(since.as_secs(), u64::from(since.subsec_nanos())))
    }
}

/// Sets a damaged file aside and copies what can be read of it, unless another process has done so already: then the
/// file is not the one any more that was found damaged. Gives what the user should know.
pub(super) fn set_aside_and_copy(file: &Utf8Path, found: Option<Identity>, why: &str) -> Result<Option<String>> {
    let folder = file.parent().unwrap_or(Utf8Path::new("."));
    let unwritable = |error: std::io::Error| StoreError::ReadOnly(error.to_string());
    let lock = File::create(folder.join("history.rescue.lock")).map_err(unwritable)?;
    lock.lock().map_err(unwritable)?;
    if Identity::of(file) != found {
        return Ok(None);
    }
    let aside = set_aside(file).map_err(unwritable)?;
    let copied = copy(&aside, file);
    let name = aside.file_name().unwrap_or_default();
    Ok(Some(match copied {
        Ok((runs, 0)) => format!("the history was damaged ({why}): it is now `{name}`, its {runs} runs were copied"),
        Ok((runs, lost)) => format!(
            "the history was damaged ({why}): it is now `{name}`, {runs} runs were copied, {lost} rows could not be read"
        ),
        Err(error) => format!("the history was damaged ({why}): it is now `{name}`, its runs were not copied: {error}"),
    }))
}

/// Renames the file and its journal, which belong together.
fn set_aside(file: &Utf8Path) -> std::io::Result<Utf8PathBuf> {
    let stamp = Timestamp::now().strftime("%Y%m%dT%H%M%S");
    let name = |count: u32| match count {
        0 => Utf8PathBuf::from(format!("{file}.damaged-{stamp}Z")),
        _ => Utf8PathBuf::from(format!("{file}.damaged-{stamp}Z-{count}")),
    };
    let aside = (0..).map(name).find(|aside| !aside.exists()).unwrap_or_else(|| name(0));
    let journal = |file: &Utf8Path| format!("{file}-journal");
    fs_err::rename(file, &aside)?;
    match fs_err::rename(journal(file), journal(&aside)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(aside),
    }
}

/// Copies all runs that can be read, and gives how many those were and how many rows could not be read.
fn copy(from: &Utf8Path, to: &Utf8Path) -> Result<(u64, u64)> {
    let old = schema::connect(from, Open::Existing)?;
    schema::show_as_latest(&old)?;
    let hidden = schema::hide_damaged_coverage(&old)?;
    let runs = readable_runs(&old)?;
    let (mut fresh, _) = schema::open(to, Open::Create)?;
    let lost = Cell::new(u64::from(hidden));
    let reader = Reader { connection: &old, skipped: &lost };
    let mut finished = runs.into_iter().filter(|(_, run)| run.state != RunState::Running).map(|(seq, run)| {
        // A run whose cases cannot be read is still one that took place.
        let cases = reader.numbered_cases(seq).unwrap_or_else(|_| {
            lost.set(lost.get() + run.totals.tests);
            Vec::new()
        });
        let binaries = Vec::new();
        FinishedRun {
            record: run.into_record(),
            cases: cases.into_iter().map(|(_, case)| Arc::new(case)).collect(),
            binaries,
        }
    });
    let appended = intake::in_chunks(&mut finished, |chunk| {
        transact(&mut fresh, |transaction| append::append(transaction, &chunk))
    })?;
    drop(finished);
    raise_counters(&reader, &fresh)?;
    Ok((appended.added, lost.get()))
}

/// From both ends, since one bad page stops each way.
fn readable_runs(old: &Connection) -> Result<Vec<(i64, StoredRun)>> {
    let mut runs: Vec<(i64, StoredRun)> = Vec::new();
    for direction in ["ASC", "DESC"] {
        let sql = format!("{RUNS} WHERE pruned = 0 ORDER BY runs.seq {direction}");
        let mut statement = old.prepare(&sql).map_err(error)?;
        let mut found = statement.query([]).map_err(error)?;
        let mut whole = false;
        loop {
            match found.next() {
                Ok(Some(row)) => runs.extend(rows::run(row).ok().flatten()),
                Ok(None) => {
                    whole = true;
                    break;
                }
                Err(_) => break,
            }
        }
        if whole {
            break;
        }
    }
    runs.sort_by_key(|(seq, _)| *seq);
    runs.dedup_by_key(|(seq, _)| *seq);
    Ok(runs)
}

/// Counters know of runs that were pruned too: where the old ones can be read, the fresh ones are not below them.
fn raise_counters(old: &Reader<'_>, fresh: &Connection) -> Result<()> {
    let Ok(counters) = old.counters() else { return Ok(()) };
    let values = [
        ("runs", counters.runs),
        ("pass", counters.pass),
        ("fail", counters.fail),
        ("tool_error", counters.tool_error),
        ("deferred", counters.deferred),
    ];
    for (name, value) in values {
        let sql = "INSERT INTO counters (name, value) VALUES (?1, ?2) \
                   ON CONFLICT (name) DO UPDATE SET value = max(value, ?2)";
        fresh.execute(sql, rusqlite::params![name, i64::try_from(value).unwrap_or(i64::MAX)]).map_err(error)?;
    }
    Ok(())
}
