//! Tests that want someone's attention: flaky, broken, in quarantine, gone.

use std::cmp::Reverse;
use std::sync::Arc;

use maud::{Markup, html};

use super::map::rank;
use super::shown;
use super::table::{Column, more, number, table, text};
use crate::model::TestKey;
use crate::report::retrospect::{PastTest, Retrospect};
use crate::report::words;

/// How many rows a table has at most.
const ROWS: usize = 100;
/// How many groups, and how many tests of each, are named.
const GROUPS: usize = 20;
const MEMBERS: usize = 30;

/// The tests in these states, the most pressing first, with the evidence.
pub(super) fn in_states(tests: &[PastTest], states: &[&str], label: &str) -> Option<Markup> {
    let mut found: Vec<&PastTest> = tests.iter().filter(|test| states.contains(&test.state)).collect();
    found.sort_by_key(|test| (rank(test.state), Reverse(test.streak), Reverse(test.failures)));
    let mut columns =
        vec![Column::Text("Test"), Column::Text("Evidence"), Column::Number("Failed"), Column::Number("In a row")];
    if states.len() > 1 {
        columns.insert(1, Column::Text("State"));
    }
    let rows = found.iter().take(ROWS).map(|test| {
        let mut row = vec![
            text(html! {
                (shown::test(&test.key))
                @if test.quarantine.as_ref().is_some_and(|quarantine| !quarantine.is_expired) {
                    " " span.state { "quarantined" }
                }
            }),
            text(shown::sentence(&test.evidence)),
            number(failed_of(test), test.failures),
            number(if test.streak == 0 { "–".to_owned() } else { test.streak.to_string() }, test.streak as u64),
        ];
        if states.len() > 1 {
            row.insert(1, text(html! { span class={ "state " (test.state) } { (test.state) } }));
        }
        row
    });
    (!found.is_empty()).then(|| html! { (table(label, &columns, rows)) (more(found.len(), ROWS)) })
}

/// `3 of 20`.
fn failed_of(test: &PastTest) -> String {
    format!("{} of {}", words::thousands(test.failures), words::thousands(test.executions))
}

/// Tests that flake together, where there are such.
pub(super) fn groups(retrospect: &Retrospect) -> Option<Markup> {
    let members = |group: &[usize]| -> Vec<&TestKey> {
        group.iter().filter_map(|at| retrospect.tests.get(*at)).map(|test| test.key.as_ref()).collect()
    };
    let groups: Vec<Vec<&TestKey>> =
        retrospect.groups.iter().map(|group| members(group)).filter(|group| !group.is_empty()).collect();
    (!groups.is_empty()).then(|| {
        html! {
            p.lead { "Tests that fail in the same runs may have one cause." }
            ol.groups {
                @for group in groups.iter().take(GROUPS) {
                    li {
                        p { (words::count(group.len() as u64, "test", "tests")) }
                        ul { @for key in group.iter().take(MEMBERS) { li { (shown::test(key)) } } }
                        @if group.len() > MEMBERS { p.more { "and " (group.len() - MEMBERS) " more" } }
                    }
                }
            }
            @if groups.len() > GROUPS { p.more { "and " (groups.len() - GROUPS) " more groups" } }
        }
    })
}

/// Tests in quarantine, where there are such.
pub(super) fn quarantined(tests: &[PastTest]) -> Option<Markup> {
    let found: Vec<_> = tests.iter().filter_map(|test| Some((test, test.quarantine.as_ref()?))).collect();
    let columns = [Column::Text("Test"), Column::Text("Reason"), Column::Text("Until"), Column::Text("State")];
    let rows = found.iter().take(ROWS).map(|(test, quarantine)| {
        let until = quarantine.until.map_or_else(|| "no end".to_owned(), |day| day.to_string());
        vec![
            text(shown::test(&test.key)),
            text(shown::sentence(&quarantine.reason)),
            text(html! { (until) @if quarantine.is_expired { " " span.state.expired { "expired" } } }),
            text(html! { span class={ "state " (test.state) } { (test.state) } }),
        ]
    });
    (!found.is_empty()).then(|| {
        html! {
            p.lead { "They run and are recorded, and fail nothing until their day." }
            (table("Tests in quarantine", &columns, rows))
            (more(found.len(), ROWS))
        }
    })
}

/// Tests that are gone, where there are such.
pub(super) fn vanished(keys: &[Arc<TestKey>]) -> Option<Markup> {
    (!keys.is_empty()).then(|| {
        html! {
            p.lead { "On record, and not in the latest full run." }
            ul.names { @for key in keys.iter().take(ROWS) { li { (shown::test(key)) } } }
            @if keys.len() > ROWS { p.more { "and " (words::thousands((keys.len() - ROWS) as u64)) " more" } }
        }
    })
}
