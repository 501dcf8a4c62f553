//! What the configuration says of a test's quarantine, as people are told.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::analytics::flaky::State;
use crate::config::Settings;
use crate::model::TestKey;
use crate::report::retrospect::PastQuarantine;

/// The day at a moment, as quarantines count it (UTC).
pub(super) fn day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// The quarantine that holds for a test, or else one that is over.
pub(super) fn quarantine(settings: &Settings, key: &TestKey, today: Date) -> Option<PastQuarantine> {
    let expired = || settings.quarantine.iter().find(|one| one.test.is_match(key));
    let found = settings.quarantine_of(key, today).or_else(expired)?;
    Some(PastQuarantine { reason: found.reason.clone(), until: found.until, is_expired: found.is_expired(today) })
}

/// Is a test in quarantine for nothing?
pub(super) fn is_steady_again(quarantine: Option<&PastQuarantine>, state: State) -> bool {
    state == State::Steady && quarantine.is_some_and(|quarantine| !quarantine.is_expired)
}

/// A sentence about each quarantine that is over.
pub(super) fn expired(settings: &Settings, today: Date) -> Vec<String> {
    let over = settings.quarantine.iter().filter(|one| one.is_expired(today));
    over.map(|one| {
        let until = one.until.map(|day| day.to_string()).unwrap_or_default();
        format!("the quarantine of `{}` ended on {until} and has no effect any more", one.test.as_str())
    })
    .collect()
}
