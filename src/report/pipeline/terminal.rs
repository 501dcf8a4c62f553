//! The end of a gate for people: its steps once more, the totals, where everything lies, why, and what to call next.

use super::PipelineReport;
use super::steps::{self, COUNTED};
use crate::exit_code::ExitCode;
use crate::model::{StepKind, StepState};
use crate::report::inert::one_line;
use crate::report::markup::shell_word;
use crate::report::terminal::{Look, Page, Tone, Verbosity, last_word};
use crate::report::{view, words};

/// The page: in quiet why and what to call next.
#[must_use]
pub fn page(report: &PipelineReport, look: Look) -> String {
    let page = Page::of(look);
    let mut out = String::new();
    if look.verbosity > Verbosity::Quiet {
        if report.steps.iter().filter(|step| steps::ran(step)).count() > 1 {
            table(&mut out, &page, report);
        }
        out.push_str(&page.rule(""));
        summary(&mut out, &page, report);
        checks(&mut out, &page, report, look.verbosity);
        places(&mut out, &page, report);
    }
    why(&mut out, &page, report);
    if let Some(next) = report.next() {
        out.push_str(&steps::next(&page, &next));
    }
    out
}

/// What ran, a line each; of what did not, nothing is to tell but the names.
fn table(out: &mut String, page: &Page<()>, report: &PipelineReport) {
    out.push_str(&page.rule("Steps"));
    for step in report.steps.iter().filter(|step| steps::ran(step)) {
        out.push_str(&steps::row(page, step));
    }
    for state in [StepState::Cached, StepState::Skipped, StepState::NotRun] {
        let names: Vec<String> = report.steps_in(state).map(|step| one_line(&step.name)).collect();
        if !names.is_empty() {
            let (word, tone) = steps::word(state);
            let no_time = steps::no_time(page);
            let prefix = format!("{}{no_time}", page.status(tone, word));
            out.push_str(&page.flow_at(&prefix, &names.join(", "), page.indent() + no_time.len()));
        }
    }
}

/// `Summary [   6.234s] 8 steps: 5 passed, 1 cached, 1 failed, 1 not run`.
fn summary(out: &mut String, page: &Page<()>, report: &PipelineReport) {
    let parts: Vec<String> = COUNTED
        .iter()
        .filter_map(|(state, word)| {
            let count = report.steps_in(*state).count() as u64;
            let (_, tone) = steps::word(*state);
            let words: Vec<String> = word.split(' ').map(|word| page.ink.paint(tone, word)).collect();
            (count > 0)
                .then(|| format!("{} {}", page.ink.paint(Tone::Strong, &words::thousands(count)), words.join(" ")))
        })
        .collect();
    let count = words::count(report.steps.len() as u64, "step", "steps");
    let text = if parts.is_empty() { count } else { format!("{count}: {}", parts.join(", ")) };
    let prefix = format!("{}{} ", page.status(Tone::Strong, "Summary"), page.bracket(&words::exact(report.duration)));
    out.push_str(&page.flow(&prefix, &text));
    if let Some(totals) = report.totals.filter(|totals| totals.tests > 0) {
        out.push_str(&page.flow(&" ".repeat(page.indent()), &view::totals_line(&totals, report.not_run)));
    }
}

/// Each answer, where somebody wants to know, or where no step tells of the wrong one.
fn checks(out: &mut String, page: &Page<()>, report: &PipelineReport, verbosity: Verbosity) {
    let is_told = report.steps.iter().any(|step| step.kind == StepKind::Smoke);
    let checks = report.smoke.iter().flat_map(|smoke| &smoke.checks);
    for check in checks.filter(|check| verbosity == Verbosity::Verbose || !check.ok && !is_told) {
        let (word, tone) = if check.ok { ("PASS", Tone::Good) } else { ("FAIL", Tone::Bad) };
        let tries = if check.tries > 1 { format!(" ({} tries)", check.tries) } else { String::new() };
        let text = format!("{}  {}{tries}", one_line(&check.url), one_line(&check.why));
        let prefix = format!("{}{} ", page.status(tone, word), page.bracket(&words::exact(check.took)));
        out.push_str(&page.flow(&prefix, &text));
    }
}

fn places(out: &mut String, page: &Page<()>, report: &PipelineReport) {
    let mut row = |word: &str, path: &str| {
        out.push_str(&page.sentence(Tone::Strong, word, &page.ink.paint(Tone::Path, &one_line(path))));
    };
    let artifacts = &report.artifacts;
    let manifest = artifacts.complete.as_ref().or(artifacts.manifest.as_ref());
    if let Some(manifest) = manifest {
        row("Manifest", manifest.as_str());
    }
    // Where they lie beside each other the first line has said where.
    let folder = manifest.and_then(|manifest| manifest.parent());
    if let Some(logs) =
        artifacts.logs.as_ref().filter(|logs| report.exit_code() != ExitCode::Pass || logs.parent() != folder)
    {
        row("Logs", logs.as_str());
    }
    if let Some(path) = &artifacts.report {
        row("Report", path.as_str());
    }
    if let Some(worktree) = &report.worktree {
        let text = format!("kept at {}, to remove it:", one_line(worktree.as_str()));
        out.push_str(&page.sentence(Tone::Soft, "Worktree", &text));
        // It is there to be copied: it is never broken.
        let command = one_line(&format!("git worktree remove -f -f {}", shell_word(worktree.as_str())));
        out.push_str(&format!("{}{}\n", " ".repeat(page.indent()), page.ink.paint(Tone::Path, &command)));
    }
}

fn why(out: &mut String, page: &Page<()>, report: &PipelineReport) {
    let (word, tone) = last_word(report.judgement.verdict, report.is_interrupted());
    out.push_str(&page.sentence(tone, word, &one_line(report.judgement.sentence())));
    let indent = " ".repeat(page.indent());
    for reason in report.judgement.reasons.iter().skip(1) {
        out.push_str(&page.flow(&indent, &one_line(&reason.text)));
    }
    if report.is_tool_error() && !report.judgement.reasons.iter().any(|reason| reason.text.contains("fault")) {
        out.push_str(&page.flow(&indent, "this is no fault of the code"));
    }
}
