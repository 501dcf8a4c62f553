//! How the parts of a run stand in columns, the same for every store.

use jiff::Timestamp;

use super::store::{Result, StoreError};
use crate::exit_code::ExitCode;
use crate::model::{ContentHash, Judgement, Reason, Shard, Verdict};

/// Nanoseconds since 1970, as far as 64 bits reach (to the year 2262).
pub(super) fn nanos(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(if at < Timestamp::UNIX_EPOCH { i64::MIN } else { i64::MAX })
}

/// The moment of so many nanoseconds since 1970.
pub(super) fn timestamp(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(nanos.into()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A count as far as 63 bits reach.
pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count from its column, never negative (R25).
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A hash from its column; anything but 16 bytes is none.
pub(super) fn hash(bytes: Option<Vec<u8>>) -> Option<ContentHash> {
    bytes.and_then(|bytes| bytes.try_into().ok()).map(ContentHash)
}

/// Which part of a plan; what is no part is none.
pub(super) fn shard(text: Option<String>) -> Option<Shard> {
    text.and_then(|text| text.parse().ok())
}

/// The codes of a judgement, as they are written.
pub(super) fn codes(judgement: &Judgement) -> String {
    let codes: Vec<String> = judgement.codes.iter().map(ToString::to_string).collect();
    codes.join(",")
}

/// The reasons of a judgement, as they are written.
pub(super) fn reasons(judgement: &Judgement) -> Result<String> {
    serde_json::to_string(&judgement.reasons).map_err(|error| StoreError::Other(error.to_string()))
}

/// A judgement from its columns; none where no verdict is known.
pub(super) fn judgement(verdict: Option<&str>, codes: Option<&str>, reasons: Option<&str>) -> Option<Judgement> {
    let verdict = verdict.and_then(|text| Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == text))?;
    let codes: Vec<ExitCode> = codes
        .unwrap_or_default()
        .split(',')
        .filter_map(|number| ExitCode::ALL.into_iter().find(|code| code.to_string() == number))
        .collect();
    let reasons: Vec<Reason> = reasons.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    Some(Judgement { verdict, codes, reasons })
}
