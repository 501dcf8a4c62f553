//! `test-report.md` of a whole gate: that of its tests, with its steps and smoke checks.

use std::fmt::Write as _;

use super::{PipelineReport, SmokeReport, steps as shown};
use crate::model::{CaseRecord, StepRecord, StepState};
use crate::report::Insights;
use crate::report::inert::inert;
use crate::report::markdown::{self, Verdict};
use crate::report::markup::{code, fenced, prose};
use crate::report::{view, words};

/// The report of a gate, with the tests that it ran.
#[must_use]
pub fn pipeline_report(report: &PipelineReport, cases: &[&CaseRecord], insights: &Insights) -> String {
    let verdict = Verdict {
        suite_code: report.suite_code(),
        gate_code: report.exit_code(),
        smoke: report.smoke_state(),
        run_id: &report.run_id,
        commit: report.commit.as_deref(),
        start: report.start,
        duration: report.duration,
        is_tool_error: report.is_tool_error(),
        shard: None,
    };
    let mut out = verdict.render("Gate", &report.judgement.reasons);
    let tests = report.totals.map(|totals| format!("{}; ", view::totals_line(&totals, report.not_run)));
    let count = words::count(report.steps.len() as u64, "step", "steps");
    let _ = writeln!(out, "{}{count} in {}.", tests.unwrap_or_default(), words::exact(report.duration));
    if !report.steps.is_empty() {
        let _ = write!(out, "\n## Steps\n\n{}", steps(report));
    }
    if let Some(smoke) = report.smoke.as_ref().filter(|smoke| !smoke.checks.is_empty()) {
        checks(&mut out, smoke);
    }
    outputs(&mut out, report);
    markdown::tests(&mut out, cases, insights);
    out
}

/// The table of the steps.
pub(in crate::report) fn steps(report: &PipelineReport) -> String {
    let mut out = "| step | kind | state | time | why |\n|---|---|---|---:|---|\n".to_owned();
    for step in &report.steps {
        let took = if shown::ran(step) { words::exact(step.took) } else { String::new() };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {took} | {} |",
            code(&step.name),
            step.kind,
            shown::word(step.state).0,
            prose(&step.why)
        );
    }
    out
}

fn checks(out: &mut String, smoke: &SmokeReport) {
    out.push_str(
        "\n## Smoke checks\n\n| asked for | result | status | time | tries | why |\n|---|---|---:|---:|---:|---|\n",
    );
    for check in &smoke.checks {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            code(&check.url),
            if check.ok { "PASS" } else { "FAIL" },
            check.status.map(|status| status.to_string()).unwrap_or_default(),
            words::exact(check.took),
            check.tries,
            prose(&check.why)
        );
    }
}

/// The end of what failing steps printed, where it lies, and what to call next.
fn outputs(out: &mut String, report: &PipelineReport) {
    let fails = |step: &&StepRecord| matches!(step.state, StepState::Failed | StepState::Warned | StepState::ToolError);
    for step in report.steps.iter().map(AsRef::as_ref).filter(fails) {
        let ways = [("Log", step.log.as_ref().map(|log| log.as_str())), ("Next", step.next.as_deref())];
        let ways: Vec<String> =
            ways.into_iter().filter_map(|(word, way)| Some(format!("{word}: {}", code(way?)))).collect();
        let text = inert(&step.tail);
        let text = markdown::tail(&text);
        if ways.is_empty() && text.trim().is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n## {} {}", shown::word(step.state).0, code(&step.name));
        for way in ways {
            let _ = writeln!(out, "\n{way}");
        }
        if !text.trim().is_empty() {
            let _ = write!(out, "\n{}", fenced(text));
        }
    }
}
