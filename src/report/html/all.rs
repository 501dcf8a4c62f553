//! The table of all tests: its frame, which the script fills.

use maud::{Markup, html};

use super::map::STATES;
use super::table::{Column, head};
use crate::report::retrospect::PastTest;
use crate::report::words;

/// Filters, the table's head, and a place for the rows.
pub(super) fn frame(tests: &[PastTest]) -> Markup {
    let columns = [
        Column::Text("Test"),
        Column::Text("State"),
        Column::Number("Failed"),
        Column::Number("In a row"),
        Column::Number("Lately"),
        Column::Number("Mean"),
        Column::Number("Next run"),
        Column::Drawing("Outcomes"),
    ];
    let states = STATES.map(|state| (state, tests.iter().filter(|test| test.state == state).count() as u64));
    html! {
        noscript {
            p.lead {
                "The table of all " (words::count(tests.len() as u64, "test", "tests"))
                " needs JavaScript; everything above is complete without it."
            }
        }
        div #all-tests hidden {
            form.filters role="search" aria-label="Filter the tests" {
                label {
                    span { "Name contains" }
                    input #filter-text type="search" autocomplete="off" spellcheck="false";
                }
                label {
                    span { "State" }
                    select #filter-state {
                        option value="" { "any (" (words::thousands(tests.len() as u64)) ")" }
                        @for (state, count) in states {
                            @if count > 0 { option value=(state) { (state) " (" (words::thousands(count)) ")" } }
                        }
                        @if tests.iter().any(|test| test.quarantine.is_some()) {
                            option value="quarantined" { "in quarantine" }
                        }
                    }
                }
                p #matches role="status" {}
            }
            div.scroll {
                table #tests aria-label="All tests" { (head(&columns)) tbody {} }
            }
            p { button #more type="button" hidden { "Show more" } }
        }
    }
}
