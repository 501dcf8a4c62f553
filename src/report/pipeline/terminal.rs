//! The end of a gate for people: its steps once more, the totals, where everything lies, why, and what to call next.

use super::steps::{self, COUNTED};
use super::{PipelineReport, SmokeReport};
use crate::model::{StepRecord, StepState};
use crate::report::inert::one_line;
use crate::report::markdown::Smoke;
use crate::report::markup::shell_word;
use crate::report::terminal::{Look, Page, Tone, Verbosity, last_word};
use crate::report::{view, words};

/// The page: in quiet why and what to call next.
#[must_use]
pub fn page(report: &PipelineReport, look: Look) -> String {
    let page = Page::of(look);
    let mut out = String::new();
    if look.verbosity > Verbosity::Quiet {
        if report.steps.iter().filter(|step| step.state.is_executed()).count() > 1 {
            table(&mut out, &page, report);
        }
        out.push_str(&page.rule(""));
        summary(&mut out, &page, report);
        if let Some(smoke) = &report.smoke {
            checks(&mut out, &page, smoke);
        }
        places(&mut out, &page, report);
    }
    why(&mut out, &page, report);
    if let Some(next) = report.next() {
        out.push_str(&page.sentence(Tone::Note, "Next", &one_line(&next)));
    }
    out
}

fn table(out: &mut String, page: &Page<()>, report: &PipelineReport) {
    out.push_str(&page.rule("Steps"));
    let is_left = |step: &&StepRecord| step.state != StepState::NotRun;
    for step in report.steps.iter().map(AsRef::as_ref).filter(is_left) {
        out.push_str(&steps::row(page, step));
    }
    // Those that were not reached have nothing to tell but their names.
    let names: Vec<String> = report.steps_in(StepState::NotRun).map(|step| one_line(&step.name)).collect();
    if !names.is_empty() {
        let (word, tone) = steps::word(StepState::NotRun);
        let status = format!("{}{}", page.status(tone, word), steps::no_time(page));
        out.push_str(&page.flow_at(&status, &names.join(", "), page.indent() + steps::no_time(page).len()));
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

fn checks(out: &mut String, page: &Page<()>, smoke: &SmokeReport) {
    let failed = smoke.checks.iter().filter(|check| !check.ok);
    match smoke.state {
        Smoke::Skipped => {}
        Smoke::Ok => {
            let count = words::count(smoke.checks.len() as u64, "answer is", "answers are");
            out.push_str(&page.sentence(Tone::Strong, "Smoke", &format!("{count} as asked for")));
        }
        Smoke::Failed => {
            for check in failed {
                let text = format!("{}: {}{}", one_line(&check.url), one_line(&check.why), tries(check.tries));
                out.push_str(&page.sentence(Tone::Bad, "Smoke", &text));
            }
        }
    }
}

fn tries(tries: u32) -> String {
    if tries > 1 { format!(" ({tries} tries)") } else { String::new() }
}

fn places(out: &mut String, page: &Page<()>, report: &PipelineReport) {
    let artifacts = &report.artifacts;
    let rows = [
        ("Manifest", artifacts.complete.as_ref().or(artifacts.manifest.as_ref())),
        ("Logs", artifacts.logs.as_ref()),
        ("Report", artifacts.report.as_ref()),
    ];
    for (word, path) in rows {
        if let Some(path) = path {
            out.push_str(&page.sentence(Tone::Strong, word, &page.ink.paint(Tone::Path, &one_line(path.as_str()))));
        }
    }
    if let Some(worktree) = &report.worktree {
        let command = format!("git worktree remove --force {}", shell_word(worktree.as_str()));
        let text = format!("kept at {}; to remove it: {}", one_line(worktree.as_str()), one_line(&command));
        out.push_str(&page.sentence(Tone::Soft, "Worktree", &text));
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
