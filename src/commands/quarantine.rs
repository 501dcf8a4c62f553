//! What the configuration says of a test's quarantine, as people are told.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::remembered::Remembered;
use super::test::Refused;
use crate::analytics::flaky::State;
use crate::config::Settings;
use crate::exit_code::ExitCode;
use crate::history::store::{StoreError, TestSummary};
use crate::model::{KeyPattern, TestKey};
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

/// The patterns of quarantines that match no test on record, in whatever context.
pub(super) fn unmatched(memory: &Remembered) -> Result<Vec<String>, StoreError> {
    let mut left: Vec<_> = memory.place.settings().quarantine.iter().map(|one| &one.test).collect();
    let strike_out = |left: &mut Vec<&KeyPattern>, tests: &[TestSummary]| {
        left.retain(|pattern| !tests.iter().any(|test| pattern.is_match(&test.key)));
    };
    strike_out(&mut left, &memory.tests);
    for context in memory.store.contexts()? {
        if left.is_empty() {
            break;
        }
        if context != memory.context {
            strike_out(&mut left, &memory.store.summaries(&context)?);
        }
    }
    Ok(left.into_iter().map(|pattern| pattern.as_str().to_owned()).collect())
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

/// What softens the gate, or once did, is warned of, and refused where the settings are strict.
pub(super) fn refuse_when_strict(settings: &Settings, text: &str, warn: impl FnOnce(&str)) -> Result<(), Refused> {
    if settings.test.strict_env {
        return Err(Refused::new(ExitCode::Config, format!("{text}, and `test.strict-env` refuses that")));
    }
    warn(text);
    Ok(())
}
