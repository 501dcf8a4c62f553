//! The summary of a step, in Markdown: the verdict in one sentence, and what a person asks next.

use std::fmt::Write as _;

use super::cases::in_short;
use super::findings::{Findings, TestFindings};
use crate::exit_code::ExitCode;
use crate::model::{CaseRecord, Reason, TestKey};
use crate::report::coverage::figures::Why;
use crate::report::markup::{code, prose};
use crate::report::shards::{self, ShardLine};
use crate::report::terminal::last_word;
use crate::report::{CoverageReport, PipelineReport, pipeline, view, words};

/// GitHub takes so much of a step, of all that its commands append together.
pub const MOST_BYTES: usize = 1024 * 1024;

/// How many tests a table has.
const ROWS: usize = 100;
/// How many lines a list has.
const LINES: usize = 20;
/// What stands where the rest has no room.
const CUT: &str = "\nThe rest is left out: GitHub takes no more of a step's summary. All of it is in the report.\n";

/// A piece with rows that may be left out from some row on.
#[derive(Default)]
struct Section {
    head: String,
    rows: Vec<String>,
}

/// The summary in at most so many bytes.
#[must_use]
pub fn summary(findings: &Findings<'_>, room: usize) -> String {
    let mut sections = vec![verdict(findings)];
    sections.extend(of_shards(findings.shards));
    sections.extend(findings.pipeline.filter(|report| !report.steps.is_empty()).map(steps));
    if let Some(tests) = &findings.tests {
        sections.extend([failures(tests), flaky(tests), quarantined(tests), vanished(tests)].into_iter().flatten());
    }
    sections.extend(findings.coverage.map(|of| coverage(of.report, &findings.judgement.reasons)));
    fitted(&sections, room)
}

fn fitted(sections: &[Section], room: usize) -> String {
    let mut out = String::new();
    for piece in sections.iter().flat_map(|section| [&section.head].into_iter().chain(&section.rows)) {
        if out.len() + piece.len() + CUT.len() > room {
            if out.len() + CUT.len() <= room {
                out.push_str(CUT);
            }
            break;
        }
        out.push_str(piece);
    }
    out
}

fn verdict(findings: &Findings<'_>) -> Section {
    let judgement = findings.judgement;
    let (word, _) = last_word(judgement.verdict, judgement.codes.contains(&ExitCode::Interrupted));
    let mut head = format!("## {}: {}\n", prose(findings.title), word.to_lowercase());
    for reason in &judgement.reasons {
        let _ = writeln!(head, "\n{}", prose(&reason.text));
    }
    let mut cells: Vec<(&str, String)> = Vec::new();
    if let Some(tests) = findings.tests.as_ref().filter(|tests| tests.totals.tests > 0) {
        cells.push(("tests", words::thousands(tests.totals.tests)));
        let counts = view::counts(&tests.totals).into_iter();
        cells.extend(counts.map(|(number, _, word)| (word, words::thousands(number))));
        cells.extend((tests.not_run > 0).then(|| ("not run", words::thousands(tests.not_run))));
    }
    cells.extend(findings.duration.map(|duration| ("time", words::exact(duration))));
    if !cells.is_empty() {
        let (names, values): (Vec<&str>, Vec<String>) = cells.into_iter().unzip();
        let rule = "---:|".repeat(names.len());
        let _ = writeln!(head, "\n| {} |\n|{rule}\n| {} |", names.join(" | "), values.join(" | "));
    }
    Section { head, ..Section::default() }
}

fn steps(report: &PipelineReport) -> Section {
    Section { head: format!("\n### Steps\n\n{}", pipeline::markdown::steps(report)), ..Section::default() }
}

fn name(key: &str) -> String {
    code(&words::middle(key, words::LONGEST_NAME))
}

/// Rows, and how many more there are.
fn rows(all: usize, most: usize, rows: impl Iterator<Item = String>) -> Vec<String> {
    let more = (all > most).then(|| format!("\nand {} more\n", words::thousands((all - most) as u64)));
    rows.take(most).chain(more).collect()
}

fn failures(tests: &TestFindings<'_>) -> Option<Section> {
    let is_spared = |case: &CaseRecord| tests.insights.quarantined.iter().any(|line| line.key == case.key);
    let counts = |case: &&CaseRecord| case.outcome.is_failure() && !is_spared(case);
    let failing: Vec<&CaseRecord> = tests.cases.iter().map(|told| told.case).filter(counts).collect();
    let state_of = |key: &TestKey| {
        let known = tests.insights.states.iter().find(|(of, _)| **of == *key);
        known.map(|(_, state)| state.as_str()).unwrap_or_default()
    };
    let row = |case: &&CaseRecord| {
        let (name, state) = (name(&case.key.to_string()), prose(state_of(&case.key)));
        format!("| {name} | {} | {state} | {} |\n", case.outcome, prose(&in_short(case)))
    };
    (!failing.is_empty()).then(|| Section {
        head: format!(
            "\n### Failures ({})\n\n| test | outcome | state | why |\n|---|---|---|---|\n",
            words::thousands(failing.len() as u64)
        ),
        rows: rows(failing.len(), ROWS, failing.iter().map(row)),
    })
}

/// A list of tests, each with what is said of it; none where there are none.
fn list(title: &str, lines: &[(String, String)]) -> Option<Section> {
    let row = |(key, said): &(String, String)| {
        let said = if said.is_empty() { String::new() } else { format!(": {}", prose(said)) };
        format!("- {}{said}\n", name(key))
    };
    (!lines.is_empty())
        .then(|| Section { head: format!("\n### {title}\n\n"), rows: rows(lines.len(), LINES, lines.iter().map(row)) })
}

/// What passed when tried again in this run, then what is flaky by what the history says.
fn flaky(tests: &TestFindings<'_>) -> Option<Section> {
    let evidence = |key: &str| {
        let line = tests.insights.flaky.iter().find(|line| line.key == key)?;
        Some(format!("{}: {}", line.state, line.evidence))
    };
    let now = view::flaky(tests.cases.iter().map(|told| told.case)).into_iter().map(|case| {
        let key = case.key.to_string();
        let said = format!("passed at try {}", case.attempts.len());
        let said = [Some(said), evidence(&key)].into_iter().flatten().collect::<Vec<_>>().join("; ");
        (key, said)
    });
    let mut lines: Vec<(String, String)> = now.collect();
    let known = tests.insights.flaky.iter().filter(|line| !lines.iter().any(|(key, _)| *key == line.key));
    let known: Vec<(String, String)> =
        known.map(|line| (line.key.clone(), format!("{}: {}", line.state, line.evidence))).collect();
    lines.extend(known);
    list("Flaky", &lines)
}

fn quarantined(tests: &TestFindings<'_>) -> Option<Section> {
    let lines = tests.insights.quarantined.iter().map(|line| (line.key.to_string(), line.words()));
    list("In quarantine: fail nothing", &lines.collect::<Vec<_>>())
}

fn vanished(tests: &TestFindings<'_>) -> Option<Section> {
    let lines = tests.insights.vanished.iter().map(|key| (key.to_string(), String::new()));
    list("Vanished since the full run before", &lines.collect::<Vec<_>>())
}

fn coverage(report: &CoverageReport, said: &[Reason]) -> Section {
    let (head, why) = (&report.head, Why::of(report));
    let percent = |of: Option<String>| of.map_or_else(|| "–".to_owned(), |of| format!("{of} %"));
    let mut text = format!("\n### Coverage: {}\n", report.word);
    // Where it shuts the gate the verdict has said it.
    if !report.reasons.first().is_some_and(|reason| said.contains(reason)) {
        let _ = writeln!(text, "\n{}", prose(&why.sentence));
    }
    for warning in &why.warnings {
        let _ = writeln!(text, "\n> **WARNING** {}", prose(&warning.text));
    }
    if let Some(measured) = head.measured {
        let _ = writeln!(
            text,
            "\n| measured | baseline | floor | delta | changed lines |\n|---:|---:|---:|---:|---|\n| {} | {} | {} | {} | {} |",
            percent(Some(measured.to_string())),
            percent(head.baseline.map(|baseline| baseline.to_string())),
            percent(Some(head.floor.to_string())),
            head.delta,
            report.patch.as_ref().map_or_else(|| "–".to_owned(), |patch| prose(&patch.said)),
        );
    }
    Section { head: text, ..Section::default() }
}

fn of_shards(lines: &[ShardLine]) -> Option<Section> {
    let head = || format!("\n### Shards\n\n{}", shards::table(lines));
    (!lines.is_empty()).then(|| Section { head: head(), ..Section::default() })
}
