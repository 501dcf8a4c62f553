//! What the history says of a workspace and of a test: `cargo gate report` and `cargo gate explain`.

mod commands;
mod made;

use cargo_gate::model::Kind;
use cargo_gate::report::explanation::{self, terminal::Text};
use cargo_gate::report::{Explanation, Look, Retrospect, retrospect};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::inert::{assert_inert, outside_fences};
use crate::support::retrospects;

fn report(retrospect: &Retrospect, columns: Option<usize>) -> String {
    retrospect::terminal::page(retrospect, Look { columns, ..Look::default() })
}

fn explained(explanation: &Explanation, columns: Option<usize>) -> String {
    explanation::terminal::page(explanation, Text::Cause, Look { columns, ..Look::default() })
}

fn report_json(retrospect: &Retrospect) -> Value {
    let mut line = Vec::new();
    retrospect::json::write(&mut line, retrospect).unwrap();
    serde_json::from_slice(&line).unwrap()
}

fn explained_json(explanation: &Explanation) -> Value {
    let mut line = Vec::new();
    explanation::json::write(&mut line, explanation).unwrap();
    serde_json::from_slice(&line).unwrap()
}

macro_rules! people_see {
    ($($test:ident: $shown:expr;)*) => {
        $(#[test]
        fn $test() {
            insta::assert_snapshot!($shown);
        })*
    };
}

people_see! {
    a_workspace_where_nobody_counts_columns: report(&made::retrospect(), None);
    a_workspace_on_80_columns: report(&made::retrospect(), Some(80));
    a_workspace_on_40_columns: report(&made::retrospect(), Some(40));
    a_workspace_where_nothing_ran: report(&retrospects::empty(), Some(80));
    a_workspace_as_markdown: retrospect::markdown::document(&made::retrospect());
    a_workspace_where_nothing_ran_as_markdown: retrospect::markdown::document(&retrospects::empty());
    a_workspace_as_json: serde_json::to_string_pretty(&without_most_cells(report_json(&made::retrospect()))).unwrap();
    a_test_where_nobody_counts_columns: explained(&made::explanation(), None);
    a_test_on_80_columns: explained(&made::explanation(), Some(80));
    a_test_on_40_columns: explained(&made::explanation(), Some(40));
    a_test_that_is_hardly_known: explained(&made::hardly_known(), Some(80));
    a_test_with_all_of_its_text: explanation::terminal::page(&made::explanation(), Text::Full, Look::default());
    a_test_as_json: serde_json::to_string_pretty(&without_most_moments(explained_json(&made::explanation()))).unwrap();
    a_hostile_test: explained(&made::hostile("a\u{1b}[31m\u{202e}|`<b>\n::error::x"), Some(80));
}

fn without_most_cells(mut document: Value) -> Value {
    document["runs"].as_array_mut().unwrap().truncate(2);
    for test in document["tests"].as_array_mut().unwrap() {
        test["cells"].as_array_mut().unwrap().truncate(1);
    }
    document
}

fn without_most_moments(mut document: Value) -> Value {
    document["timeline"].as_array_mut().unwrap().truncate(2);
    document
}

#[test]
fn a_test_is_explained_on_one_screen() {
    for columns in [80, 100] {
        let page = explained(&made::explanation(), Some(columns));
        assert!(page.lines().count() <= 24, "{page}");
        let widest = page.lines().filter(|line| !line.contains("--select")).map(console::measure_text_width).max();
        assert!(widest.unwrap() <= columns, "{page}");
    }
}

#[test]
fn colours_only_repeat_what_is_said() {
    for columns in [None, Some(80), Some(40)] {
        let (plain, colored) = (Look { columns, ..Look::default() }, Look { columns, color: true, ..Look::default() });
        let retrospect = made::retrospect();
        let page = retrospect::terminal::page(&retrospect, colored);
        assert!(page.contains("\u{1b}[31m"));
        assert_eq!(console::strip_ansi_codes(&page), retrospect::terminal::page(&retrospect, plain));
        let explanation = made::explanation();
        let page = explanation::terminal::page(&explanation, Text::Cause, colored);
        assert!(page.contains("\u{1b}[31m"));
        assert_eq!(console::strip_ansi_codes(&page), explanation::terminal::page(&explanation, Text::Cause, plain));
    }
}

#[test]
fn what_the_next_run_leaves_out_has_no_command_that_runs_it_alone() {
    let page = |made: &Explanation| explanation::terminal::page(made, Text::Cause, Look::default());
    let mut made = made::explanation();
    assert!(page(&made).contains("cargo gate test --select"));
    made.place = None;
    assert!(!page(&made).contains("cargo gate test --select"), "it is gone or ignored");
    let mut other = made::explanation();
    let mut key = (*other.key).clone();
    key.binary.kind = Kind::Suite;
    other.key = key.into();
    assert!(!page(&other).contains("cargo gate test --select"), "another tool ran it");
}

#[test]
fn a_streak_of_one_is_the_last_run() {
    let mut made = made::explanation();
    made.streak = 1;
    let page = explanation::terminal::page(&made, Text::Cause, Look::default());
    assert!(page.contains("Streak failed in its last run, since "), "{page}");
}

#[test]
fn a_hostile_history_is_only_text() {
    let hostile = retrospects::hostile();
    for columns in [None, Some(80), Some(40)] {
        assert_inert(&report(&hostile, columns));
    }
    let markdown = retrospect::markdown::document(&hostile);
    assert_inert(&markdown);
    for line in outside_fences(&markdown) {
        let shown: String = line.replace("](<https://", "](").split('`').step_by(2).collect();
        assert!(!shown.contains('<') && !shown.contains("](javascript"), "{line:.300}");
    }
    let mut columns = 0;
    for line in outside_fences(&markdown).filter(|line| line.starts_with('|') || line.is_empty()) {
        let cells = line.matches('|').count();
        assert!(line.is_empty() || columns == 0 || cells == columns, "{line:.300}");
        columns = cells;
    }
    assert_eq!(report_json(&hostile)["tests"][0]["name"], retrospects::HOSTILE[0]);
}

proptest! {
    #[test]
    fn no_text_of_a_test_is_more_than_text(
        text in "\\PC{1,20}|(::error::|##\\[|\x1b\\[31m|\x1b\\]|\r|\n|\t|\u{202e}|[\\x00-\\x9f]){1,12}",
        columns in prop::option::of(1_usize..200),
    ) {
        let made = made::hostile(&text);
        for full in [Text::Cause, Text::Full] {
            let look = Look { columns, ..Look::default() };
            let page = explanation::terminal::page(&made, full, look);
            assert_inert(&page);
        }
        let document = explained_json(&made);
        prop_assert_eq!(document["name"].as_str(), Some(text.as_str()));
    }
}

/// Every field of a document, however deep.
fn fields(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| {
            found.push(name.clone());
            fields(value, found);
        }),
        Value::Array(array) => array.iter().for_each(|value| fields(value, found)),
        _ => {}
    }
}

#[test]
fn the_fields_of_the_documents_are_the_documented_ones() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let section = readme.split("\n## ").find(|section| section.starts_with("What the history says\n")).unwrap();
    let documented: Vec<&str> = section
        .split('`')
        .skip(1)
        .step_by(2)
        .flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .collect();
    let mut retrospect = made::retrospect();
    retrospect.coverage = retrospects::typical().coverage;
    retrospect.files = retrospects::typical().files;
    let mut found = Vec::new();
    for document in [report_json(&retrospect), explained_json(&made::explanation())] {
        assert_eq!(document["schema_version"], 1);
        fields(&document, &mut found);
    }
    found.sort();
    found.dedup();
    let missing: Vec<&String> = found.iter().filter(|field| !documented.contains(&field.as_str())).collect();
    assert!(missing.is_empty(), "the README does not say what these are: {missing:?}");
}
