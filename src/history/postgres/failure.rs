//! What an error of the database means for us, and what may be done about it.
//!
//! Nothing said here has the address in it: the words are the server's, the system's or our own.

use std::error::Error as _;
use std::io;

use tokio_postgres::error::{DbError, SqlState};

use crate::history::store::StoreError;

/// Why a question had no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// Somebody else was in the way: the same transaction may succeed another time.
    Conflict(StoreError),
    /// The connection is gone, and with it all that was not committed.
    Lost(StoreError),
    /// The connection is gone, and nobody knows whether the commit was heard.
    Unsure(StoreError),
    /// It would be the same another time.
    Final(StoreError),
}

/// What is asked within a transaction.
pub(super) type Result<T> = std::result::Result<T, Failure>;

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Final(error)
    }
}

impl Failure {
    /// What there is to say of it.
    pub(super) fn into_error(self) -> StoreError {
        let (Self::Conflict(error) | Self::Lost(error) | Self::Unsure(error) | Self::Final(error)) = self;
        error
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(answer) = error.as_db_error() {
            return of_server(answer);
        }
        let is_gone = error.is_closed() || error.source().is_some_and(|source| source.is::<io::Error>());
        match is_gone {
            true => Self::Lost(StoreError::Unreachable(words(&error))),
            false => Self::Final(StoreError::Other(words(&error))),
        }
    }
}

/// What the server's error means.
fn of_server(error: &DbError) -> Failure {
    let code = error.code();
    let said = error.message().to_owned();
    match *code {
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Failure::Conflict(StoreError::Busy),
        SqlState::LOCK_NOT_AVAILABLE => Failure::Final(StoreError::Busy),
        SqlState::QUERY_CANCELED => Failure::Final(StoreError::Other(format!("it took too long ({said})"))),
        SqlState::DISK_FULL => Failure::Final(StoreError::Full),
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => Failure::Final(StoreError::Damaged(said)),
        SqlState::READ_ONLY_SQL_TRANSACTION | SqlState::INSUFFICIENT_PRIVILEGE => {
            Failure::Final(StoreError::ReadOnly(said))
        }
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => {
            Failure::Lost(StoreError::Unreachable(said))
        }
        _ => Failure::Final(StoreError::Other(said)),
    }
}

/// Why nobody let us in.
pub(super) fn refused(error: &tokio_postgres::Error) -> StoreError {
    let said = error.as_db_error().map_or_else(|| words(error), |answer| answer.message().to_owned());
    StoreError::Unreachable(said)
}

/// What it means that the format could not be read: no table, so there is none; or a table that is not ours.
pub(super) fn no_format(error: tokio_postgres::Error, schema: &str) -> std::result::Result<(), StoreError> {
    match error.code() {
        Some(code) if *code == SqlState::UNDEFINED_TABLE => Ok(()),
        Some(code) if *code == SqlState::UNDEFINED_COLUMN => Err(of_another_program(schema)),
        _ => Err(Failure::from(error).into_error()),
    }
}

/// What it means that the tables could not be made: there are some that are not ours.
pub(super) fn not_made(error: tokio_postgres::Error, schema: &str) -> Failure {
    match error.code() {
        Some(code) if *code == SqlState::DUPLICATE_TABLE => of_another_program(schema).into(),
        _ => error.into(),
    }
}

fn of_another_program(schema: &str) -> StoreError {
    let why = format!("the schema `{schema}` is of another program: `?schema=…` in the address names another");
    StoreError::Unreadable(why)
}

/// The error with all that stands behind it.
fn words(error: &tokio_postgres::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(behind) = source {
        let more = behind.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        source = behind.source();
    }
    words
}
