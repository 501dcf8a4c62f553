//! The slowest tests, and the order of the next run.

use std::cmp::Reverse;
use std::io;
use std::time::Duration;

use maud::{Markup, html};

use super::table::{Column, number, table, text};
use super::{chart, shown};
use crate::report::retrospect::{PastTest, Retrospect};
use crate::report::words;

/// How many of the slowest are shown.
const SLOWEST: usize = 20;
/// How many that became slower are shown.
const SLOWER: usize = 20;
/// How far the head of the order goes.
const NEXT: usize = 25;

/// The slowest tests with their trend, where any duration is known.
pub(super) fn slowest(tests: &[PastTest]) -> io::Result<Option<Markup>> {
    let mut timed: Vec<(&PastTest, Duration)> =
        tests.iter().filter_map(|test| Some((test, test.recent.or(test.mean)?))).collect();
    timed.sort_by_key(|(_, took)| Reverse(*took));
    let mut slower: Vec<&PastTest> = timed.iter().skip(SLOWEST).map(|(test, _)| *test).collect();
    slower.retain(|test| test.slower.is_some());
    timed.truncate(SLOWEST);
    if timed.is_empty() {
        return Ok(None);
    }
    let slowest: Vec<&PastTest> = timed.into_iter().map(|(test, _)| test).collect();
    Ok(Some(html! {
        (timed_table("The slowest tests", &slowest)?)
        @if !slower.is_empty() {
            h3 { "Slower than before" }
            (timed_table("Tests that became slower", slower.get(..SLOWER).unwrap_or(&slower))?)
            @if slower.len() > SLOWER { p.more { "and " (words::thousands((slower.len() - SLOWER) as u64)) " more" } }
        }
    }))
}

fn timed_table(label: &str, tests: &[&PastTest]) -> io::Result<Markup> {
    let columns = [
        Column::Text("Test"),
        Column::Number("Lately"),
        Column::Number("Mean"),
        Column::Text("Change"),
        Column::Drawing("Trend"),
    ];
    let mut rows = Vec::with_capacity(tests.len());
    for test in tests {
        let millis = |took: Option<Duration>| took.unwrap_or_default().as_millis();
        rows.push(vec![
            text(shown::test(&test.key)),
            number(shown::time(test.recent), millis(test.recent)),
            number(shown::time(test.mean), millis(test.mean)),
            text(html! {
                @if let Some((from, to)) = test.slower {
                    span.state.slower { "slower" } " " (words::exact(from)) " → " (words::exact(to))
                } @else { "–" }
            }),
            text(sparkline(test)?),
        ]);
    }
    Ok(table(label, &columns, rows))
}

fn sparkline(test: &PastTest) -> io::Result<Markup> {
    let times: Vec<Duration> = test.cells.iter().filter_map(|cell| cell.took).collect();
    let (Some(least), Some(most)) = (times.iter().min(), times.iter().max()) else { return Ok(html! { "–" }) };
    let label = format!(
        "{}, between {} and {}",
        words::count(times.len() as u64, "duration", "durations"),
        words::exact(*least),
        words::exact(*most)
    );
    let values: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
    Ok(html! { div.spark role="img" aria-label=(label) { (chart::line(&values, (120, 24))?) } })
}

/// The head of the next run's order, with reasons.
pub(super) fn next(retrospect: &Retrospect) -> Markup {
    let columns = [Column::Number("Place"), Column::Text("Test"), Column::Text("Why there")];
    let order = retrospect.order.iter().filter_map(|(at, reason)| Some((retrospect.tests.get(*at)?, reason)));
    let rows = order.take(NEXT).zip(1_u64..).map(|((test, reason), place)| {
        vec![number(place.to_string(), place), text(shown::test(&test.key)), text(shown::sentence(reason))]
    });
    html! {
        (table("The order of the next run", &columns, rows))
        (super::table::more(retrospect.order.len(), NEXT))
    }
}
