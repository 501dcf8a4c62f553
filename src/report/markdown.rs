//! `test-report.md`: the verdict for machines in its head, the reasons for people in its body.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use super::frontmatter::FrontMatter;
use super::inert::inert;
use super::markup::{code, fenced, prose};
use super::view::{self, FlakyLine, Insights};
use super::words;
use crate::exit_code::ExitCode;
use crate::model::{CaseRecord, RunRecord, RunState};

/// What became of the smoke checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Smoke {
    /// There are none, or they were not reached.
    #[default]
    Skipped,
    /// All passed.
    Ok,
    /// One failed.
    Failed,
}

impl Smoke {
    /// The word in the report's head.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Failed => "failed",
        }
    }
}

/// How many characters of a test's output are shown.
const OUTPUT_TAIL: usize = 1_500;
/// How many failing tests are shown with their output.
const OUTPUTS: usize = 20;
/// How many failing tests are listed.
const ROWS: usize = 200;

/// The report of a run.
#[must_use]
pub fn test_report(record: &RunRecord, cases: &[&CaseRecord], smoke: Smoke, insights: &Insights) -> String {
    let mut out = front_matter(record, smoke).render();
    let passed = record.exit_code() == ExitCode::Pass && smoke != Smoke::Failed;
    let _ = writeln!(out, "\n# Tests: {}\n", if passed { "PASS" } else { "FAIL" });
    for reason in &record.judgement.reasons {
        let _ = writeln!(out, "{}\n", prose(&reason.text));
    }
    if is_tool_error(record) {
        out.push_str("The suite did not execute: this is not a code fault.\n\n");
    }
    let _ =
        writeln!(out, "{}, in {}.", view::totals_line(&record.totals, record.not_run), words::exact(record.duration));
    failing(&mut out, cases);
    flaky(&mut out, cases);
    slowest(&mut out, cases);
    history(&mut out, insights);
    out
}

/// The report of a run that never began, for this reason: whoever reads reports takes no earlier one for this one's.
#[must_use]
pub fn report_without_run(code: ExitCode, why: &str, at: Timestamp) -> String {
    let head = Head {
        passed: false,
        suite_code: None,
        code,
        smoke: Smoke::Skipped,
        run_id: "",
        commit: "",
        created: at,
        tool_error: code != ExitCode::Interrupted,
    };
    format!("{}\n# Tests: FAIL\n\n{}\n\nThe suite did not execute.\n", head.front_matter().render(), prose(why))
}

/// What the front matter says.
struct Head<'a> {
    passed: bool,
    suite_code: Option<ExitCode>,
    code: ExitCode,
    smoke: Smoke,
    run_id: &'a str,
    commit: &'a str,
    created: Timestamp,
    tool_error: bool,
}

impl Head<'_> {
    fn front_matter(&self) -> FrontMatter {
        FrontMatter::new()
            .with("result", if self.passed { "PASS" } else { "FAIL" })
            .with("status", if self.passed { "success" } else { "failed" })
            .with("exit_code", self.suite_code.map(|code| code.to_string()).unwrap_or_default())
            .with("gate_exit_code", self.code)
            .with("smoke", self.smoke.as_str())
            .with("run_id", self.run_id)
            .with("commit", self.commit)
            .with("created_at", self.created)
            .with("tool_error", self.tool_error)
    }
}

fn front_matter(record: &RunRecord, smoke: Smoke) -> FrontMatter {
    let head = Head {
        passed: record.exit_code() == ExitCode::Pass && smoke != Smoke::Failed,
        suite_code: suite_code(record),
        code: record.exit_code(),
        smoke,
        run_id: record.head.id.as_str(),
        commit: record.head.commit.as_deref().unwrap_or_default(),
        created: record.head.start.checked_add(record.duration).unwrap_or(record.head.start),
        tool_error: is_tool_error(record),
    };
    head.front_matter()
}

const fn is_tool_error(record: &RunRecord) -> bool {
    matches!(record.state, RunState::ToolError | RunState::Deferred)
}

/// The suite's own code: what `cargo test` would have said, none where it did not come to an end.
fn suite_code(record: &RunRecord) -> Option<ExitCode> {
    match record.state {
        RunState::Executed if record.judgement.codes.contains(&ExitCode::TestsFailed) => Some(ExitCode::TestsFailed),
        RunState::Executed => Some(ExitCode::Pass),
        RunState::BuildFailed => Some(ExitCode::BuildFailed),
        RunState::Running | RunState::Interrupted | RunState::ToolError | RunState::Deferred => None,
    }
}

fn failing(out: &mut String, cases: &[&CaseRecord]) {
    let failing: Vec<&CaseRecord> = cases.iter().copied().filter(|case| case.outcome.is_failure()).collect();
    if failing.is_empty() {
        return;
    }
    out.push_str("\n## Failing tests\n\n| test | outcome | time | attempts |\n|---|---|---:|---:|\n");
    for case in failing.iter().take(ROWS) {
        let took = case.took.map_or_else(|| "unknown".to_owned(), words::exact);
        let _ =
            writeln!(out, "| {} | {} | {took} | {} |", code(&case.key.to_string()), case.outcome, case.attempts.len());
    }
    more(out, failing.len(), ROWS);
    for case in failing.iter().filter(|case| case.failure_text().is_some()).take(OUTPUTS) {
        let text = inert(case.failure_text().unwrap_or_default());
        let _ = write!(out, "\n### {}\n\n{}", code(&case.key.to_string()), fenced(tail(&text)));
    }
}

/// The last characters of a text.
fn tail(text: &str) -> &str {
    let text = text.trim_end();
    match text.char_indices().rev().nth(OUTPUT_TAIL - 1) {
        Some((start, _)) => &text[start..],
        None => text,
    }
}

fn flaky(out: &mut String, cases: &[&CaseRecord]) {
    let flaky = view::flaky(cases.iter().copied());
    if flaky.is_empty() {
        return;
    }
    out.push_str("\n## Passed when tried again\n\n");
    for case in flaky.iter().take(ROWS) {
        let attempts: Vec<&str> = case.attempts.iter().map(|attempt| attempt.outcome.as_outcome().as_str()).collect();
        let _ = writeln!(out, "- {}: {}", code(&case.key.to_string()), attempts.join(", "));
    }
    more(out, flaky.len(), ROWS);
}

fn slowest(out: &mut String, cases: &[&CaseRecord]) {
    let slowest = view::slowest(cases.iter().copied(), Duration::from_millis(100), 10);
    if slowest.is_empty() {
        return;
    }
    out.push_str("\n## Slowest tests\n\n| test | time |\n|---|---:|\n");
    for (case, took) in slowest {
        let _ = writeln!(out, "| {} | {} |", code(&case.key.to_string()), words::exact(took));
    }
}

fn history(out: &mut String, insights: &Insights) {
    type Lines = Vec<(String, String)>;
    let flaky = |line: &FlakyLine| (line.key.clone(), format!("{}: {}", line.state, line.evidence));
    let sections: [(&str, Lines); 5] = [
        (
            "In quarantine: fail nothing",
            insights.quarantined.iter().map(|line| (line.key.to_string(), line.words())).collect(),
        ),
        (
            "Vanished since the full run before",
            insights.vanished.iter().map(|key| (key.to_string(), "gone".to_owned())).collect(),
        ),
        ("Flaky, by evidence", insights.flaky.iter().map(flaky).collect()),
        ("Failing streaks", insights.streaks.iter().map(|line| (line.key.clone(), line.words())).collect()),
        (
            "The next run starts with",
            insights.next.iter().map(|line| (line.key.clone(), line.reason.clone())).collect(),
        ),
    ];
    for (title, lines) in sections.iter().filter(|(_, lines)| !lines.is_empty()) {
        let _ = writeln!(out, "\n## {title}\n");
        for (key, words) in lines.iter().take(OUTPUTS) {
            let _ = writeln!(out, "- {}: {}", code(key), prose(words));
        }
        more(out, lines.len(), OUTPUTS);
    }
}

fn more(out: &mut String, all: usize, shown: usize) {
    if all > shown {
        let _ = writeln!(out, "\nand {} more", words::thousands((all - shown) as u64));
    }
}
