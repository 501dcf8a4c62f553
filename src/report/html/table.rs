//! Tables that a screen reader can read, a finger can scroll, and the script can sort.

use maud::{Markup, Render, html};

/// A column's title, and how its values stand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    /// Text. The first of these names the row.
    Text(&'static str),
    /// Numbers and times, one below the other.
    Number(&'static str),
    /// A drawing, which cannot be sorted by.
    Drawing(&'static str),
}

impl Column {
    const fn title(self) -> &'static str {
        match self {
            Self::Text(title) | Self::Number(title) | Self::Drawing(title) => title,
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Number(_) => "number",
            Self::Drawing(_) => "drawing",
        }
    }
}

/// One value in a row.
#[derive(Debug)]
pub(super) struct Field {
    shown: Markup,
    /// What it is sorted by, where that is not its text.
    value: Option<u128>,
}

/// Sorted by its text.
pub(super) fn text(shown: impl Render) -> Field {
    Field { shown: shown.render(), value: None }
}

/// Sorted by a number.
pub(super) fn number(shown: impl Render, value: impl Into<u128>) -> Field {
    Field { shown: shown.render(), value: Some(value.into()) }
}

/// The head of a table, each sortable column with its button (which does nothing before the script wakes it).
pub(super) fn head(columns: &[Column]) -> Markup {
    html! {
        thead {
            tr {
                @for column in columns {
                    th scope="col" class=(column.class()) {
                        @if matches!(column, Column::Drawing(_)) {
                            (column.title())
                        } @else {
                            button.sort type="button" disabled { (column.title()) }
                        }
                    }
                }
            }
        }
    }
}

/// A table; `label` is what it is called where it cannot be seen.
pub(super) fn table(label: &str, columns: &[Column], rows: impl IntoIterator<Item = Vec<Field>>) -> Markup {
    let names_row = columns.iter().position(|column| matches!(column, Column::Text(_)));
    html! {
        div.scroll {
            table.sortable aria-label=(label) {
                (head(columns))
                tbody {
                    @for row in rows {
                        tr {
                            @for (at, (field, column)) in row.into_iter().zip(columns).enumerate() {
                                @if Some(at) == names_row {
                                    th scope="row" { (field.shown) }
                                } @else {
                                    td class=(column.class()) data-label=(column.title()) data-value=[field.value] {
                                        (field.shown)
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How many are left out below a table, where some are.
pub(super) fn more(all: usize, shown: usize) -> Markup {
    html! {
        @if all > shown {
            p.more { "and " (crate::report::words::thousands((all - shown) as u64)) " more, in the table of all tests" }
        }
    }
}
