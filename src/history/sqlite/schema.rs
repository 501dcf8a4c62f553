//! The format of the file: its steps from one version to the next, and how a connection is set up.

use std::time::Duration;

use camino::Utf8Path;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error;
use crate::history::store::{Result, StoreError};

/// Says that a file is ours: "gate".
const APPLICATION_ID: i64 = 0x6761_7465;

/// One step for each format, from the one before.
const STEPS: &[&str] = &[include_str!("schema.sql"), SUITES, COVERAGE, SHARDS];

/// Format 2: a run is of a suite, and of a version of what was tested.
const SUITES: &str = "ALTER TABLE runs ADD COLUMN suite TEXT NOT NULL DEFAULT 'workspace';
                      ALTER TABLE runs ADD COLUMN version TEXT;";

/// Format 3: what a measured run reached.
const COVERAGE: &str = "CREATE TABLE coverage (
    run INTEGER PRIMARY KEY,
    lines_covered INTEGER NOT NULL,
    lines_total INTEGER NOT NULL,
    regions_covered INTEGER NOT NULL,
    regions_total INTEGER NOT NULL,
    functions_covered INTEGER NOT NULL,
    functions_total INTEGER NOT NULL,
    branches_covered INTEGER NOT NULL,
    branches_total INTEGER NOT NULL,
    counting TEXT NOT NULL,
    is_whole INTEGER NOT NULL,
    may_be_baseline INTEGER NOT NULL
);";

/// Format 4: a run may be of one part of a plan.
const SHARDS: &str = "ALTER TABLE runs ADD COLUMN shard TEXT;";

/// What each step but the first added, with its defaults, for a file that may not be changed: an earlier format reads
/// as if it were the latest.
const AS_ADDED: [&str; 3] = [
    "CREATE TEMP VIEW IF NOT EXISTS runs AS
        SELECT *, 'workspace' AS suite, NULL AS version, NULL AS shard FROM main.runs;",
    NO_COVERAGE,
    // Where the first one stands, it has this in it.
    "CREATE TEMP VIEW IF NOT EXISTS runs AS SELECT *, NULL AS shard FROM main.runs;",
];

/// Nothing that any run reached.
const NO_COVERAGE: &str = "CREATE TEMP VIEW IF NOT EXISTS coverage AS
    SELECT 0 AS run, 0 AS lines_covered, 0 AS lines_total, 0 AS regions_covered, 0 AS regions_total,
           0 AS functions_covered, 0 AS functions_total, 0 AS branches_covered, 0 AS branches_total,
           '' AS counting, 0 AS is_whole, 0 AS may_be_baseline WHERE 0;";

/// How long another process is waited for.
const BUSY: Duration = Duration::from_secs(30);

/// May a connection create the file, or must it be there, and may it be changed?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    /// It is created where it is not there.
    Create,
    /// It is there.
    Existing,
    /// It is there, and somebody else's: it stays as it is.
    Untouched,
}

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Of the latest format.
    Current,
    /// Of a later format, which is only read.
    Newer(i64),
    /// Of an earlier format that cannot be brought forward here: it is only read.
    Older,
    /// With nothing in it yet, and not to be written: there is nothing to read.
    Unready,
}

/// Opens the file and brings it to the latest format, where that is possible.
pub(super) fn open(file: &Utf8Path, open: Open) -> Result<(Connection, Format)> {
    let mut connection = connect(file, open)?;
    let format = migrate(&mut connection, file, STEPS)?;
    if format == Format::Older {
        show_as_latest(&connection)?;
    }
    Ok((connection, format))
}

/// Lets what reads find the latest format in a file of an earlier one, which stays as it is.
pub(super) fn show_as_latest(connection: &Connection) -> Result<()> {
    // A file without a format has nothing that could be shown.
    let Some(steps) = usize::try_from(read_format(connection)?.1).ok().and_then(|format| format.checked_sub(1)) else {
        return Ok(());
    };
    AS_ADDED.iter().skip(steps).try_for_each(|added| connection.execute_batch(added)).map_err(error)
}

/// Lets what reads find no coverage where its table is damaged: runs are read together with it, and are worth more.
/// Says whether it was.
pub(super) fn hide_damaged_coverage(connection: &Connection) -> Result<bool> {
    let read_all = || {
        let mut statement = connection.prepare("SELECT * FROM coverage")?;
        let mut found = statement.query([])?;
        while found.next()?.is_some() {}
        Ok::<_, rusqlite::Error>(())
    };
    let is_damaged = read_all().is_err();
    if is_damaged {
        connection.execute_batch(NO_COVERAGE).map_err(error)?;
    }
    Ok(is_damaged)
}

/// Opens the file as it is, with the settings every connection has.
pub(super) fn connect(file: &Utf8Path, open: Open) -> Result<Connection> {
    // A file that may not be written is opened for reading by SQLite itself.
    let access = match open {
        Open::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        Open::Existing => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Open::Untouched => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let refused = |refused| match (error(refused), open) {
        (StoreError::ReadOnly(why), Open::Existing | Open::Untouched) => StoreError::Unreadable(why),
        (other, _) => other,
    };
    let connection = Connection::open_with_flags(file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(refused)?;
    connection.busy_timeout(BUSY).map_err(error)?;
    connection.set_prepared_statement_cache_capacity(64);
    // The rollback journal (SQLite's default) can be read where nothing can be written, a write-ahead log cannot.
    // The cache holds all summaries of 20,000 tests, so that a transaction reaches the disk once.
    connection
        .execute_batch("PRAGMA synchronous = FULL; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;")
        .map_err(error)?;
    Ok(connection)
}

/// Applies the steps that are missing, in one transaction that others wait for.
pub(super) fn migrate(connection: &mut Connection, file: &Utf8Path, steps: &[&str]) -> Result<Format> {
    let latest = steps.len() as i64;
    let (application, version) = read_format(connection)?;
    if application != APPLICATION_ID && !(application == 0 && version == 0 && is_empty(connection)?) {
        return Err(StoreError::Foreign(file.to_owned()));
    }
    if version > latest {
        return Ok(Format::Newer(version));
    }
    if version == latest {
        return Ok(Format::Current);
    }
    if connection.is_readonly("main").map_err(error)? {
        return Ok(if version == 0 { Format::Unready } else { Format::Older });
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(error)?;
    // Another process may have been faster.
    let (_, version) = read_format(&transaction)?;
    let missing = steps.get(usize::try_from(version).unwrap_or(usize::MAX)..).unwrap_or_default();
    for step in missing {
        transaction.execute_batch(step).map_err(error)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(error)?;
    transaction.pragma_update(None, "user_version", latest.max(version)).map_err(error)?;
    transaction.commit().map_err(error)?;
    Ok(Format::Current)
}

fn read_format(connection: &Connection) -> Result<(i64, i64)> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0)).map_err(error);
    Ok((pragma("application_id")?, pragma("user_version")?))
}

fn is_empty(connection: &Connection) -> Result<bool> {
    connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0)).map_err(error)
}

/// The error of a store of a later format.
pub(super) const fn newer(found: i64) -> StoreError {
    StoreError::Newer { found, known: STEPS.len() as i64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEXT: &str = "ALTER TABLE runs ADD COLUMN colour TEXT NOT NULL DEFAULT 'green';";
    const LATEST: i64 = STEPS.len() as i64;

    fn with(next: &'static str) -> Vec<&'static str> {
        STEPS.iter().copied().chain([next]).collect()
    }

    #[test]
    fn each_step_is_applied_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let file = Utf8Path::from_path(folder.path()).unwrap().join("history.sqlite");
        let (first, format) = open(&file, Open::Create).unwrap();
        assert_eq!((format, read_format(&first).unwrap()), (Format::Current, (APPLICATION_ID, LATEST)));
        drop(first);
        for _ in 0..2 {
            let mut second = connect(&file, Open::Existing).unwrap();
            assert_eq!(migrate(&mut second, &file, &with(NEXT)).unwrap(), Format::Current);
            assert_eq!(read_format(&second).unwrap().1, LATEST + 1);
        }
        assert_eq!(open(&file, Open::Existing).unwrap().1, Format::Newer(LATEST + 1));
    }

    #[test]
    fn a_step_that_fails_leaves_the_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let file = Utf8Path::from_path(folder.path()).unwrap().join("history.sqlite");
        drop(open(&file, Open::Create).unwrap());
        let mut connection = connect(&file, Open::Existing).unwrap();
        assert!(migrate(&mut connection, &file, &with("CREATE TABLE x (y); CREATE TABLE runs (x);")).is_err());
        drop(connection);
        assert_eq!(open(&file, Open::Existing).unwrap().1, Format::Current);
    }

    #[test]
    fn the_database_of_another_program_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = Utf8Path::from_path(folder.path()).unwrap().join("history.sqlite");
        Connection::open(&file).unwrap().execute_batch("CREATE TABLE theirs (x);").unwrap();
        let before = fs_err::read(&file).unwrap();
        assert!(matches!(open(&file, Open::Create), Err(StoreError::Foreign(_))));
        assert_eq!(fs_err::read(&file).unwrap(), before);
    }
}
