//! What people and machines read of a measurement of coverage.

mod made;

use std::fmt::Write as _;

use cargo_gate::exit_code::ExitCode;
use cargo_gate::model::{Judgement, Severity, Verdict};
use cargo_gate::report::coverage::{json, markdown, terminal};
use cargo_gate::report::frontmatter::{self, Artifact};
use cargo_gate::report::github::{CoverageFindings, Findings};
use cargo_gate::report::{CoverageReport, Look, Verbosity};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::github;
use crate::support::inert::{assert_inert, outside_fences};
use crate::support::retrospects;

fn page(report: &CoverageReport, columns: Option<usize>) -> String {
    terminal::page(report, Look { columns, ..Look::default() })
}

fn with(report: &CoverageReport, verbosity: Verbosity) -> String {
    terminal::page(report, Look { verbosity, columns: Some(80), ..Look::default() })
}

fn annotated(report: &CoverageReport) -> String {
    let (verdict, code) = match report.word {
        "FAIL" => (Verdict::Fail, ExitCode::CoverageFailed),
        _ => (Verdict::Pass, ExitCode::Pass),
    };
    let judgement = Judgement { verdict, codes: vec![code], reasons: report.reasons.clone() };
    github::annotated(&Findings {
        coverage: Some(CoverageFindings { report, severity: Severity::Block }),
        ..github::findings("Coverage", &judgement)
    })
}

fn document(report: &CoverageReport) -> Value {
    let mut line = Vec::new();
    cargo_gate::report::json::write_line(&mut line, &json::document(&made::head(report), report)).unwrap();
    serde_json::from_slice(&line).unwrap()
}

/// The documents of what there is to tell.
pub(crate) fn documents() -> impl Iterator<Item = Value> {
    let reports = [made::failing(), made::first(), made::open(), made::tests_failed(), made::switched_off()];
    reports.into_iter().map(|report| document(&report))
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
    a_fall_where_nobody_counts_columns: page(&made::failing(), None);
    a_fall_on_120_columns: page(&made::failing(), Some(120));
    a_fall_on_80_columns: page(&made::failing(), Some(80));
    a_fall_on_40_columns: page(&made::failing(), Some(40));
    a_fall_in_quiet: with(&made::failing(), Verbosity::Quiet);
    a_first_measurement: page(&made::first(), Some(80));
    no_measurement_and_an_open_gate: page(&made::open(), Some(80));
    a_figure_that_is_not_judged: page(&made::tests_failed(), Some(80));
    a_gate_that_is_switched_off: page(&made::switched_off(), Some(80));
    hostile_paths_and_source: page(&made::hostile("a\u{1b}[31m\u{202e}|`<b>\n::error::x"), Some(80));
    a_fall_as_markdown: markdown::coverage_report(&made::failing());
    a_first_measurement_as_markdown: markdown::coverage_report(&made::first());
    no_measurement_as_markdown: markdown::coverage_report(&made::open());
    hostile_paths_and_source_as_markdown: markdown::coverage_report(&made::hostile("a\u{1b}[31m\u{202e}|`<b>\n```\n::error::x"));
    a_fall_as_annotations: annotated(&made::failing());
    a_fall_as_json: serde_json::to_string_pretty(&without_most_files(document(&made::failing()))).unwrap();
}

fn without_most_files(mut document: Value) -> Value {
    document["coverage"]["files"].as_array_mut().unwrap().truncate(3);
    document
}

fn every_report() -> Vec<CoverageReport> {
    let all = [made::failing(), made::first(), made::open(), made::tests_failed(), made::switched_off()];
    all.into_iter().chain(retrospects::HOSTILE.map(made::hostile)).collect()
}

#[test]
fn the_verdict_is_the_first_line_and_the_way_on_the_last() {
    for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
        for (report, word) in [
            (made::failing(), "FAIL "),
            (made::first(), "PASS "),
            (made::open(), "PASS "),
            (made::switched_off(), "N/A "),
        ] {
            assert!(with(&report, verbosity).trim_start().starts_with(word));
        }
        let failing = with(&made::failing(), verbosity);
        let last = failing.rfind("\n        Next ").unwrap();
        assert!(failing[last..].contains("cargo gate report --open") && !failing[last..].contains('─'), "{failing}");
    }
}

#[test]
fn no_line_is_wider_than_its_window() {
    for report in [made::failing(), made::first(), made::open(), made::tests_failed(), made::hostile("a\u{1b}|b")] {
        for columns in [40, 60, 80, 120] {
            for line in page(&report, Some(columns)).lines() {
                assert!(console::measure_text_width(line) <= columns, "{columns}: {line}");
            }
        }
    }
}

#[test]
fn colours_only_repeat_what_is_said() {
    for report in every_report() {
        for columns in [None, Some(80), Some(40)] {
            let look = Look { color: true, columns, ..Look::default() };
            let colored = terminal::page(&report, look);
            assert!(colored.contains("\u{1b}["));
            assert_eq!(console::strip_ansi_codes(&colored), page(&report, columns));
        }
    }
}

#[test]
fn a_warning_is_in_every_output() {
    let report = made::open();
    let text = &report.warnings[0].text;
    for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
        let look = Look { verbosity, ..Look::default() };
        let page = terminal::page(&report, look);
        assert!(page.matches(text).count() == 1 && page.contains(&format!("WARNING {text}")), "{page}");
    }
    assert!(markdown::coverage_report(&report).contains(&format!("> **WARNING** {text}")));
    assert!(annotated(&report).contains(&format!("::warning title=Coverage::{text}")));
    assert_eq!(document(&report)["coverage"]["warnings"], json!([{"id": "no-measurement", "text": text}]));
}

#[test]
fn all_files_are_shown_to_those_who_ask() {
    let mut report = made::failing();
    let shown = |page: &str| page.lines().filter(|line| line.contains("src/steady/")).count();
    assert!(shown(&with(&report, Verbosity::Normal)) < 22);
    assert_eq!(shown(&with(&report, Verbosity::Verbose)), 22);
    // What falls short is never among those that are left out.
    report.files[24].falls_short = true;
    for (columns, mark, why) in [(80, "!97.56 %", ""), (100, "!97.56 %", "  below its baseline")] {
        let page = page(&report, Some(columns));
        let line = page.lines().find(|line| line.contains("module_19.rs")).unwrap();
        assert!(line.starts_with(mark) && line.ends_with(&format!("module_19.rs{why}")), "{page}");
    }
}

#[test]
fn the_artifact_begins_with_its_verdict() {
    for report in every_report() {
        let written = markdown::coverage_report(&report);
        let reading = frontmatter::read(&written);
        assert_eq!((reading.passes, reading.artifact), (report.head.passes, Artifact::Coverage), "{written}");
        let comment = markdown::comment(&report);
        assert!(comment.starts_with("# Coverage: ") && written.ends_with(&format!("---\n\n{comment}")), "{written}");
    }
}

#[test]
fn percentages_are_numbers_with_the_decimals_that_people_read() {
    let document = document(&made::failing());
    let coverage = &document["coverage"];
    for (field, want) in [
        ("/percent", json!(84.28)),
        ("/floor", json!(80.0)),
        ("/epsilon", json!(0.5)),
        ("/delta", json!(-1.22)),
        ("/baseline/percent", json!(85.50)),
        ("/totals/regions/percent", json!(77.92)),
        ("/files/0/delta", json!(-17.08)),
        ("/files/0/baseline", json!({"covered": 190, "total": 410, "percent": 46.34})),
        ("/files/4/percent", Value::Null),
        ("/patch/percent", json!(70.58)),
    ] {
        assert_eq!(coverage.pointer(field), Some(&want), "{field}");
    }
    let nothing = self::document(&made::open());
    assert_eq!(nothing["coverage"]["percent"], Value::Null);
    assert_eq!(nothing["coverage"]["baseline"], Value::Null);
}

/// A command as GitHub reads it: its word, and its properties.
fn read_command(line: &str) -> Option<(&str, Vec<(&str, String)>)> {
    let (word, rest) = line.strip_prefix("::")?.split_once(' ')?;
    let (properties, _) = rest.split_once("::")?;
    let decode = |text: &str| {
        let text = text.replace("%2C", ",").replace("%3A", ":").replace("%0A", "\n").replace("%0D", "\r");
        text.replace("%25", "%")
    };
    let property = |text| <str>::split_once(text, '=').map(|(name, value)| (name, decode(value)));
    Some((word, properties.split(',').map(property).collect::<Option<_>>()?))
}

#[test]
fn annotations_are_capped_and_say_so() {
    let mut report = made::failing();
    let patch = report.patch.as_mut().unwrap();
    patch.uncovered[0].lines = (1..100).map(|at| (at * 2, String::new())).collect();
    let text = annotated(&report);
    assert_eq!(text.lines().filter(|line| line.starts_with("::warning ")).count(), 10);
    assert!(text.lines().last().unwrap().ends_with("::93 more warnings, in the report"), "{text}");
    assert_eq!(annotated(&made::first()), "");
}

#[test]
fn what_a_command_would_read_is_escaped() {
    let mut report = made::failing();
    report.patch.as_mut().unwrap().uncovered[1].path = "src/a,b:c%0A=d\r\ne.rs".into();
    let text = annotated(&report);
    assert!(text.contains("::warning file=src/a%2Cb%3Ac%250A=d%0D%0Ae.rs,line=17,title=Not covered::"), "{text}");
}

#[test]
fn the_fields_of_the_document_are_the_documented_ones() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let section = readme.split("\n## ").find(|section| section.starts_with("Coverage\n")).unwrap();
    let codes = section.split('`').skip(1).step_by(2);
    let documented: Vec<&str> = codes.flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_')).collect();
    let mut found = Vec::new();
    fields(&document(&made::failing())["coverage"], &mut found);
    let missing: Vec<&String> = found.iter().filter(|field| !documented.contains(&field.as_str())).collect();
    assert!(missing.is_empty(), "the README does not say what these are: {missing:?}");
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

fn nasty() -> impl Strategy<Value = String> {
    "\\PC{1,20}|(::error::|##\\[|`{1,5}|\\||---\n|</b>|\x1b\\[31m|\x1b\\]|\r|\n|\t|,|:|%|%0A|\u{202e}|[\\x00-\\x9f]){1,12}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_is_more_than_text_at_a_terminal(text in nasty(), columns in prop::option::of(1_usize..200)) {
        assert_inert(&page(&made::hostile(&text), columns));
    }

    #[test]
    fn nothing_breaks_out_of_markdown(text in nasty()) {
        let (plain, hostile) = (made::hostile("x"), made::hostile(&text));
        let (plain, written) = (markdown::coverage_report(&plain), markdown::coverage_report(&hostile));
        assert_inert(&written);
        // The head ends where it ends, every table keeps its columns, and every block its place.
        let shape = |text: &str| {
            let mut shape = String::new();
            for line in outside_fences(text).skip_while(|line| !line.starts_with('#')) {
                let first = line.chars().next().filter(|c| "#>|*".contains(*c)).unwrap_or(' ');
                let _ = writeln!(shape, "{first}{}", line.matches('|').count());
            }
            shape
        };
        prop_assert_eq!(shape(&written), shape(&plain), "{}", written);
        for line in outside_fences(&written).skip_while(|line| !line.starts_with('#')) {
            let outside_code: String = line.split('`').step_by(2).collect();
            let outside_code = outside_code.strip_prefix('>').unwrap_or(&outside_code);
            prop_assert!(!outside_code.contains(['<', '>', '@', '[']), "{}", line);
        }
        prop_assert_eq!(frontmatter::read(&written).passes, false);
    }

    #[test]
    fn nothing_breaks_out_of_an_annotation(text in nasty()) {
        let written = annotated(&made::hostile(&text));
        prop_assert_eq!(written.lines().count(), annotated(&made::hostile("x")).lines().count(), "{}", written);
        prop_assert!(written.chars().all(|c| c == '\n' || !c.is_control()), "{}", written);
        for line in written.lines() {
            let (word, properties) = read_command(line).unwrap();
            prop_assert!(matches!(word, "error" | "warning"), "{}", line);
            let names: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
            prop_assert!(matches!(names[..], ["title"] | ["file", "line", "title"] | ["file", "line", "endLine", "title"]));
        }
    }

    #[test]
    fn a_document_holds_every_text_as_it_is(text in nasty()) {
        let document = document(&made::hostile(&text));
        for field in ["/reason", "/files/0/path", "/patch/files/0/uncovered/0/text", "/left_out/0/what"] {
            prop_assert_eq!(document["coverage"].pointer(field).and_then(Value::as_str), Some(text.as_str()));
        }
    }
}
