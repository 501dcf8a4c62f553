//! Which test is meant: by its key, its name, a part of its key, or a glob.

use std::sync::Arc;

use crate::model::{KeyPattern, TestKey};

/// What a word turned out to mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// One test.
    One(Arc<TestKey>),
    /// Several, in order of their keys.
    Many(Vec<Arc<TestKey>>),
    /// None; these are the nearest, the nearest first.
    None(Vec<Arc<TestKey>>),
}

/// The least similarity of a name that is worth naming, between 0 and 1.
const SIMILAR: f64 = 0.7;
/// How many of them are named.
const NEAREST: usize = 5;

/// Finds a test by its exact key; else by its whole name, or the last part of that; else by a part of its written key;
/// else by a glob over it. A test that is there goes before those that were.
pub(super) fn find(wanted: &str, there: &[Arc<TestKey>], gone: &[Arc<TestKey>]) -> Found {
    let key: Option<TestKey> = wanted.parse().ok();
    let pattern = KeyPattern::new(wanted).ok();
    let ways: [&dyn Fn(&TestKey) -> bool; 4] = [
        &|test| key.as_ref() == Some(test),
        &|test| is_its_name(wanted, test),
        &|test| !wanted.is_empty() && test.to_string().contains(wanted),
        &|test| pattern.as_ref().is_some_and(|pattern| pattern.is_match(test)),
    ];
    for tests in [there, gone] {
        for fits in ways {
            let found: Vec<Arc<TestKey>> = tests.iter().filter(|test| fits(test)).cloned().collect();
            match <[Arc<TestKey>; 1]>::try_from(found) {
                Ok([one]) => return Found::One(one),
                Err(found) if found.is_empty() => {}
                Err(found) => return Found::Many(found),
            }
        }
    }
    Found::None(nearest(wanted, there.iter().chain(gone)))
}

fn is_its_name(wanted: &str, test: &TestKey) -> bool {
    test.name.strip_suffix(wanted).is_some_and(|path| path.is_empty() || path.ends_with("::"))
}

fn nearest<'a>(wanted: &str, tests: impl Iterator<Item = &'a Arc<TestKey>>) -> Vec<Arc<TestKey>> {
    let own = |name: &str| name.rsplit("::").next().unwrap_or(name).to_lowercase();
    let (whole, last) = (wanted.to_lowercase(), own(wanted));
    let similarity = |test: &TestKey| {
        let by_own_name = strsim::jaro_winkler(&last, &own(&test.name));
        by_own_name.max(strsim::jaro_winkler(&whole, &test.to_string().to_lowercase()))
    };
    let mut near: Vec<(f64, &Arc<TestKey>)> =
        tests.map(|test| (similarity(test), test)).filter(|(similarity, _)| *similarity >= SIMILAR).collect();
    near.sort_by(|(a, left), (b, right)| b.total_cmp(a).then_with(|| left.cmp(right)));
    near.into_iter().take(NEAREST).map(|(_, test)| Arc::clone(test)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Vec<Arc<TestKey>> {
        names.iter().map(|name| Arc::new(name.parse().unwrap())).collect()
    }

    fn found(wanted: &str) -> Vec<String> {
        let there = keys(&[
            "app/app::math::adds",
            "app/app::math::adds_more",
            "app/test:db::adds_rows",
            "app/test:db::case_[1]",
            "app/test:db::slow",
            "web/web::slow",
        ]);
        let gone = keys(&["app/app::old", "app/app::slow_before"]);
        let written = |keys: Vec<Arc<TestKey>>| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
        match find(wanted, &there, &gone) {
            Found::One(key) => vec![key.to_string()],
            Found::Many(keys) => [vec!["many".to_owned()], written(keys)].concat(),
            Found::None(keys) => [vec!["none".to_owned()], written(keys)].concat(),
        }
    }

    #[test]
    fn a_test_is_found_by_whatever_names_it() {
        for (wanted, want) in [
            ("app/app::math::adds", &["app/app::math::adds"][..]),
            ("app/lib:app::math::adds", &["app/app::math::adds"]),
            ("math::adds", &["app/app::math::adds"]),
            ("adds", &["app/app::math::adds"]),
            ("adds_r", &["app/test:db::adds_rows"]),
            ("case_[1]", &["app/test:db::case_[1]"]),
            ("web/**", &["web/web::slow"]),
            ("slow", &["many", "app/test:db::slow", "web/web::slow"]),
            ("*/test:db::a*", &["app/test:db::adds_rows"]),
            ("slow_", &["app/app::slow_before"]),
            ("old", &["app/app::old"]),
            ("sloow", &["none", "app/test:db::slow", "web/web::slow", "app/app::slow_before"]),
            ("zzz", &["none"]),
            ("", &["none"]),
        ] {
            assert_eq!(found(wanted), want, "{wanted}");
        }
    }
}
