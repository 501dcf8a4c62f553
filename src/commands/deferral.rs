//! What could not be executed is put off, and how often is counted in the store: by what was to be tested, so that a
//! restart gives no new budget and a change of the code does.

use jiff::Timestamp;

use crate::config::InfraSettings;
use crate::history::store::Store;
use crate::model::ContentHash;

/// What becomes of something that could not be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deferral {
    /// Come again.
    Deferred {
        /// Which try this was, from 1.
        attempt: u32,
        /// How many tries there are in all.
        of: u32,
    },
    /// It was tried as often as it may be.
    Exhausted {
        /// How many tries there were in all.
        of: u32,
    },
}

/// What deferrals of something are counted under. What is not the workspace's own tests has a count of its own: these may
/// execute each time and something else never.
pub(super) fn key(input: ContentHash, what: &str) -> ContentHash {
    let mut key = [0; 16];
    blake3::Hasher::new().update(&input.0).update(what.as_bytes()).finalize_xof().fill(&mut key);
    ContentHash(key)
}

/// Counts that something could not be executed. Where that cannot be counted it is not put off: nobody would ever know
/// when to stop.
pub(super) fn put_off(
    store: Option<&mut dyn Store>,
    key: Option<ContentHash>,
    infra: &InfraSettings,
    now: Timestamp,
) -> Deferral {
    let of = infra.retries + 1;
    let counted = store.zip(key).and_then(|(store, key)| store.defer(key, now).ok());
    match counted {
        Some(attempt) if attempt < of => Deferral::Deferred { attempt, of },
        _ => Deferral::Exhausted { of },
    }
}

/// It was executed: what is put off after this begins a new count.
pub(super) fn settle(store: &mut dyn Store, key: ContentHash, now: Timestamp) {
    if store.deferrals(key, now).is_ok_and(|count| count > 0) {
        // A count that stays is a try less for whoever comes next, and no more than that.
        let _ = store.clear_deferrals(key);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use camino::Utf8Path;

    use super::*;
    use crate::history::sqlite::SqliteStore;
    use crate::model::InfraMode;

    const INFRA: InfraSettings = InfraSettings { retries: 2, delay: Duration::ZERO, mode: InfraMode::Defer };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn r16_what_is_put_off_is_counted_until_the_budget_is_spent_or_it_is_executed() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = SqliteStore::open(Utf8Path::from_path(folder.path()).unwrap()).unwrap();
        let key = key(ContentHash([7; 16]), "setup");
        let mut once_more = |second| put_off(Some(&mut store), Some(key), &INFRA, at(second));
        assert_eq!(once_more(1), Deferral::Deferred { attempt: 1, of: 3 });
        assert_eq!(once_more(2), Deferral::Deferred { attempt: 2, of: 3 });
        assert_eq!(once_more(3), Deferral::Exhausted { of: 3 });
        assert_eq!(once_more(4), Deferral::Exhausted { of: 3 });
        settle(&mut store, key, at(5));
        let again = put_off(Some(&mut store), Some(key), &INFRA, at(6));
        assert_eq!(again, Deferral::Deferred { attempt: 1, of: 3 });
    }

    #[test]
    fn each_thing_that_is_put_off_has_a_count_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = SqliteStore::open(Utf8Path::from_path(folder.path()).unwrap()).unwrap();
        let input = ContentHash([7; 16]);
        let keys = [input, key(input, "setup"), key(input, "scripts"), key(ContentHash([8; 16]), "setup")];
        for key in keys {
            let first = put_off(Some(&mut store), Some(key), &INFRA, at(1));
            assert_eq!(first, Deferral::Deferred { attempt: 1, of: 3 });
        }
    }

    #[test]
    fn what_cannot_be_counted_is_not_put_off() {
        assert_eq!(put_off(None, Some(ContentHash([7; 16])), &INFRA, at(1)), Deferral::Exhausted { of: 3 });
        let mut store = SqliteStore::empty().unwrap();
        assert_eq!(put_off(Some(&mut store), None, &INFRA, at(1)), Deferral::Exhausted { of: 3 });
    }
}
