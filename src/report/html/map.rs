//! The heat map: tests that matter × the latest runs.

use std::cmp::Reverse;
use std::io;

use maud::{Markup, html};

use super::{chart, shown, trend};
use crate::model::Outcome;
use crate::report::retrospect::{Cell, PastTest, Retrospect};
use crate::report::words;

/// How many tests the map shows.
const ROWS: usize = 50;

/// States, the most pressing first.
pub(super) const STATES: [&str; 6] = ["broken", "flaky", "suspect", "recovered", "new", "steady"];

/// How pressing a state is: the less the more.
pub(super) fn rank(state: &str) -> usize {
    STATES.iter().position(|known| *known == state).unwrap_or(STATES.len())
}

/// A row of the map.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) test: &'a PastTest,
    /// What became of it in each of the latest runs.
    pub(super) cells: Vec<Option<Cell>>,
}

/// What the map shows, and how many tests matter in all.
#[derive(Debug)]
pub(super) struct Map<'a> {
    pub(super) rows: Vec<Row<'a>>,
    all: usize,
    runs: usize,
}

impl<'a> Map<'a> {
    /// The tests that are not well, or lately were not.
    pub(super) fn of(retrospect: &'a Retrospect) -> Self {
        let runs = trend::latest(retrospect).len();
        let first = retrospect.runs.len() - runs;
        let fails = |cell: &&Cell| cell.run >= first && (cell.outcome.is_failure() || cell.outcome == Outcome::Flaky);
        let mut tests: Vec<(usize, &PastTest)> = retrospect
            .tests
            .iter()
            .map(|test| (test.cells.iter().filter(fails).count(), test))
            .filter(|(fails, test)| *fails > 0 || test.streak > 0 || rank(test.state) <= rank("recovered"))
            .collect();
        tests.sort_by_key(|(fails, test)| (rank(test.state), Reverse(*fails)));
        let all = tests.len();
        let row = |test: &'a PastTest| {
            let mut cells = vec![None; runs];
            for cell in &test.cells {
                if let Some(column) = cell.run.checked_sub(first).and_then(|column| cells.get_mut(column)) {
                    *column = Some(*cell);
                }
            }
            Row { test, cells }
        };
        Self { rows: tests.into_iter().take(ROWS).map(|(_, test)| row(test)).collect(), all, runs }
    }

    /// The map with its legend.
    pub(super) fn render(&self) -> io::Result<Markup> {
        let columns = chart::columns(self.runs);
        Ok(html! {
            ul.legend {
                @for outcome in Outcome::ALL { li { (chart::sample(outcome)?) (outcome) } }
                li { "blank: not in that run" }
            }
            p.hint #map-hint hidden { "Point at a mark for its run, or walk through the map with the arrow keys." }
            div.scroll {
                table.map aria-label="Outcomes of the tests that matter in the latest runs" {
                    thead { tr {
                        th scope="col" { "Test" }
                        th scope="col" { "State" }
                        th scope="col" {
                            @let runs = words::count(self.runs as u64, "run", "runs");
                            // A short history does not end at the right edge.
                            @if self.runs == columns {
                                span.ends { span { (runs) " ago" } span { "latest" } }
                            } @else {
                                "The latest " (runs)
                            }
                        }
                    } }
                    tbody {
                        @for (at, row) in self.rows.iter().enumerate() {
                            tr {
                                th scope="row" { (shown::test(&row.test.key)) }
                                td { span class={ "state " (row.test.state) } { (row.test.state) } }
                                td.strip-cell {
                                    @let label = row.words();
                                    div.strip role="img" aria-label=(label) data-strip=(at) data-columns=(columns) {
                                        (chart::strip(&row.outcomes())?)
                                    }
                                }
                            }
                        }
                    }
                }
            }
            (super::table::more(self.all, self.rows.len()))
        })
    }
}

impl Row<'_> {
    fn outcomes(&self) -> Vec<Option<Outcome>> {
        self.cells.iter().map(|cell| cell.map(|cell| cell.outcome)).collect()
    }

    /// `In 97 runs: 90 passed, 7 failed`.
    fn words(&self) -> String {
        let outcomes: Vec<Outcome> = self.outcomes().into_iter().flatten().collect();
        let counts: Vec<String> = Outcome::ALL
            .into_iter()
            .map(|outcome| (outcome, outcomes.iter().filter(|one| **one == outcome).count()))
            .filter(|(_, count)| *count > 0)
            .map(|(outcome, count)| format!("{count} {outcome}"))
            .collect();
        format!("In {}: {}", words::count(outcomes.len() as u64, "run", "runs"), counts.join(", "))
    }
}
