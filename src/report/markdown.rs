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
use crate::model::{CaseRecord, Reason, RunId, RunRecord, RunState, Shard};

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

/// What the head of a report says of whoever wrote it.
pub(super) struct Verdict<'a> {
    /// The suite's own code; none where it did not come to an end.
    pub(super) suite_code: Option<i32>,
    pub(super) gate_code: ExitCode,
    pub(super) smoke: Smoke,
    pub(super) run_id: &'a RunId,
    pub(super) commit: Option<&'a str>,
    pub(super) start: Timestamp,
    pub(super) duration: Duration,
    pub(super) is_tool_error: bool,
    /// Of what it is only a part.
    pub(super) shard: Option<Shard>,
}

impl Verdict<'_> {
    fn passes(&self) -> bool {
        self.gate_code == ExitCode::Pass && self.smoke != Smoke::Failed
    }

    fn front_matter(&self) -> FrontMatter {
        let passes = self.passes();
        let front = FrontMatter::new()
            .with("result", if passes { "PASS" } else { "FAIL" })
            .with("status", if passes { "success" } else { "failed" })
            .with("exit_code", self.suite_code.map(|code| code.to_string()).unwrap_or_default())
            .with("gate_exit_code", self.gate_code)
            .with("smoke", self.smoke.as_str())
            .with("run_id", self.run_id)
            .with("commit", self.commit.unwrap_or_default())
            .with("created_at", self.start.checked_add(self.duration).unwrap_or(self.start))
            .with("tool_error", self.is_tool_error);
        match self.shard {
            Some(shard) => front.with("shard", shard),
            None => front,
        }
    }

    /// The head, and the first lines for people: the verdict and why.
    pub(super) fn render(&self, title: &str, reasons: &[Reason]) -> String {
        let mut out = self.front_matter().render();
        let _ = writeln!(out, "\n# {}: {}\n", prose(title), if self.passes() { "PASS" } else { "FAIL" });
        if let Some(shard) = self.shard {
            let _ = writeln!(out, "This is shard {shard} alone: `cargo gate join` gives the verdict of all.\n");
        }
        for reason in reasons {
            let _ = writeln!(out, "{}\n", prose(&reason.text));
        }
        if self.is_tool_error {
            out.push_str("The suite did not execute: this is not a code fault.\n\n");
        }
        out
    }
}

/// The report of a run.
#[must_use]
pub fn test_report(record: &RunRecord, cases: &[&CaseRecord], smoke: Smoke, insights: &Insights) -> String {
    let verdict = Verdict {
        suite_code: suite_code(record).map(|code| code.number().into()),
        gate_code: record.exit_code(),
        smoke,
        run_id: &record.head.id,
        commit: record.head.commit.as_deref(),
        start: record.head.start,
        duration: record.duration,
        is_tool_error: is_tool_error(record),
        shard: record.head.shard,
    };
    let mut out = verdict.render("Tests", &record.judgement.reasons);
    let totals = view::totals_line(&record.totals, record.not_run);
    let _ = writeln!(out, "{totals}, in {}.", words::exact(record.duration));
    tests(&mut out, cases, insights);
    out
}

/// The report of a run that never began, for this reason: whoever reads reports takes no earlier one for this one's.
#[must_use]
pub fn report_without_run(code: ExitCode, why: &str, at: Timestamp) -> String {
    let verdict = Verdict {
        suite_code: None,
        gate_code: code,
        smoke: Smoke::Skipped,
        run_id: &RunId::from_stored(""),
        commit: None,
        start: at,
        duration: Duration::ZERO,
        is_tool_error: code != ExitCode::Interrupted,
        shard: None,
    };
    verdict.render("Tests", &[Reason::new("refused", why)])
}

/// All that is said of tests: which failed and with what words, which are flaky or slow, what the history says.
pub(super) fn tests(out: &mut String, cases: &[&CaseRecord], insights: &Insights) {
    failing(out, cases);
    flaky(out, cases);
    slowest(out, cases);
    history(out, insights);
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
pub(super) fn tail(text: &str) -> &str {
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
