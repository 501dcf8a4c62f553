//! The format of the tables: its steps from one version to the next, and who may write.
//!
//! A history is one PostgreSQL schema. Whoever migrates holds an advisory lock that all who write share, so that
//! nobody writes what has just been changed under them.

use tokio_postgres::Row;

use super::failure::{self, Failure, Result};
use super::question::Question;
use super::session::Session;
use crate::history::store::{Result as StoreResult, StoreError};

/// One step for each format, from the one before.
const STEPS: &[&str] = &[include_str!("schema.sql")];

/// The latest format that is known here.
pub(super) const LATEST: i64 = STEPS.len() as i64;

/// The format of the tables; none where there are none.
pub(super) const VERSION: &str = "SELECT version FROM schema_version WHERE program = 'cargo-gate'";

/// Creates the tables, or brings them to the latest format. Of several who come at once one does, the others wait.
pub(super) fn bring_forward(session: &Session, version: Option<i64>) -> StoreResult<()> {
    if version.is_some_and(|version| version >= LATEST) {
        return Ok(());
    }
    let done = migrate(session, STEPS);
    if done.is_err() {
        drop(session.script("ROLLBACK"));
    }
    done.map_err(Failure::into_error)
}

fn migrate(session: &Session, steps: &[&str]) -> Result<()> {
    let (schema, latest) = (session.schema(), steps.len());
    session.script(&format!("BEGIN; SELECT pg_advisory_xact_lock({})", lock_key(schema, None)))?;
    // Who may use a schema need not be allowed to make one.
    let make = format!(
        "DO $$ BEGIN IF to_regnamespace('\"{schema}\"') IS NULL THEN CREATE SCHEMA \"{schema}\"; END IF; END $$; \
         CREATE TABLE IF NOT EXISTS schema_version (program text PRIMARY KEY, version bigint NOT NULL)"
    );
    session.script(&make)?;
    let version = session.ask_for_format()?.unwrap_or(0);
    let missing = steps.get(usize::try_from(version).unwrap_or(usize::MAX)..).unwrap_or_default();
    for step in missing {
        session.script(step)?;
    }
    let note = format!(
        "INSERT INTO schema_version (program, version) VALUES ('cargo-gate', {latest}) ON CONFLICT (program) \
         DO UPDATE SET version = greatest(schema_version.version, excluded.version); COMMIT"
    );
    session.script(&note)
}

/// The format by the answer to [`VERSION`]; none where its table is not there.
pub(super) fn version(
    answered: std::result::Result<Vec<Row>, tokio_postgres::Error>,
    schema: &str,
) -> StoreResult<Option<i64>> {
    match answered {
        Ok(rows) => Ok(rows.first().and_then(|row| row.try_get(0).ok())),
        Err(error) => failure::no_format(error, schema).map(|()| None),
    }
}

/// What stands at the beginning of each transaction that writes.
pub(super) fn beginning(schema: &str) -> Vec<Question> {
    vec![
        Question::new("BEGIN"),
        Question::new(format!("SELECT pg_advisory_xact_lock_shared({})", lock_key(schema, None))),
        Question::new(format!("SELECT txid_current(), ({VERSION})")),
    ]
}

/// The number of a transaction, by the answer to its last beginning; an error where it must not write.
pub(super) fn check_beginning(answer: Option<&Vec<Row>>) -> Result<i64> {
    let row = answer.and_then(|rows| rows.first());
    let found: Option<i64> = row.and_then(|row| row.try_get(1).ok()).flatten();
    match (found, row.and_then(|row| row.try_get(0).ok())) {
        (Some(found), _) if found > LATEST => Err(StoreError::Newer { found, known: LATEST }.into()),
        (Some(_), Some(number)) => Ok(number),
        _ => Err(StoreError::Damaged("its tables name no format".to_owned()).into()),
    }
}

/// Which lock is meant: one of a schema as a whole, and one of each context in it.
pub(super) fn lock_key(schema: &str, context: Option<i64>) -> i64 {
    let name = match context {
        None => format!("cargo-gate {schema}"),
        Some(context) => format!("cargo-gate {schema} {context}"),
    };
    let hash = blake3::hash(name.as_bytes());
    hash.as_bytes().first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes))
}
