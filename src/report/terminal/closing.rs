//! The end of a run: failures again, by cause, each with the command that runs it alone; flaky and slow tests; what
//! the history says; the totals; the verdict.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::observer::{Verbosity, time};
use super::page::{Page, Tone};
use crate::exit_code::ExitCode;
use crate::model::{CaseRecord, Outcome, RunRecord, RunState, Verdict};
use crate::report::inert::one_line;
use crate::report::markup::command_for;
use crate::report::view::{self, FailureGroup, Insights, QuarantineLine};
use crate::report::words;

/// How many failing tests are shown again.
const FAILURES: usize = 20;
/// How many lines each of the other sections has.
const LINES: usize = 5;
/// How many flaky tests are shown again.
const FLAKY: usize = 10;
/// What takes less is not worth a line at the end.
const SLOW: Duration = Duration::from_secs(1);

/// Everything behind the last test's line.
pub(super) fn report<W: io::Write>(
    page: &Page<W>,
    verbosity: Verbosity,
    record: &RunRecord,
    cases: &[Arc<CaseRecord>],
    insights: &Insights,
) -> String {
    let mut out = String::new();
    if verbosity > Verbosity::Quiet && record.totals.tests > 0 {
        let cases = || cases.iter().map(Arc::as_ref);
        failures(&mut out, page, &view::failures(cases()), &insights.quarantined);
        flaky(&mut out, page, &view::flaky(cases()));
        slowest(&mut out, page, &view::slowest(cases(), SLOW, LINES));
        history(&mut out, page, insights);
        summary(&mut out, page, record);
    }
    verdict(&mut out, page, record);
    out
}

fn more<W: io::Write>(out: &mut String, page: &Page<W>, count: usize, advice: &str) {
    if count > 0 {
        let text = format!("and {} more{advice}", words::thousands(count as u64));
        let _ = writeln!(out, "{:indent$}{}", "", page.ink.paint(Tone::Dim, &text), indent = page.indent());
    }
}

fn failures<W: io::Write>(
    out: &mut String,
    page: &Page<W>,
    groups: &[FailureGroup<'_>],
    quarantined: &[QuarantineLine],
) {
    let all: usize = groups.iter().map(|group| group.cases.len()).sum();
    if all == 0 {
        return;
    }
    out.push_str(&page.rule(&words::count(all as u64, "failure", "failures")));
    let indent = " ".repeat(page.indent());
    let mut room = FAILURES;
    for group in groups {
        let shown = &group.cases[..group.cases.len().min(room)];
        if shown.is_empty() {
            break;
        }
        room -= shown.len();
        for case in shown {
            let spared = quarantined.iter().any(|line| line.key == case.key);
            let (tone, remark) = if spared { (Tone::Soft, "in quarantine") } else { (Tone::Bad, "") };
            out.push_str(&page.test(tone, view::word(case), &time(case.took), &case.key, remark));
        }
        if let Some(why) = &group.cause.why {
            out.push_str(&page.flow(&indent, why));
        }
        for line in &group.cause.lines {
            let _ = writeln!(out, "{}", format!("{indent}{line}").trim_end());
        }
        for case in shown {
            let _ = writeln!(out, "{indent}{}", page.ink.paint(Tone::Path, &command_for(&case.key)));
        }
        out.push('\n');
    }
    let shown = FAILURES - room;
    if all > shown {
        more(out, page, all - shown, "; all of them again: cargo gate test --failed");
    } else if all > 1 {
        let command = page.ink.paint(Tone::Path, "cargo gate test --failed");
        let _ = writeln!(out, "{indent}all of them: {command}");
    }
}

fn flaky<W: io::Write>(out: &mut String, page: &Page<W>, cases: &[&CaseRecord]) {
    if cases.is_empty() {
        return;
    }
    out.push_str(&page.rule("Passed when tried again"));
    for case in cases.iter().take(FLAKY) {
        let attempts: Vec<&str> = case.attempts.iter().map(|attempt| attempt.outcome.as_outcome().as_str()).collect();
        out.push_str(&page.test(Tone::Soft, "FLAKY", &time(case.took), &case.key, &attempts.join(", ")));
    }
    more(out, page, cases.len().saturating_sub(FLAKY), "");
}

fn slowest<W: io::Write>(out: &mut String, page: &Page<W>, cases: &[(&CaseRecord, Duration)]) {
    if cases.is_empty() {
        return;
    }
    out.push_str(&page.rule("Slowest"));
    for (case, took) in cases {
        out.push_str(&page.test(Tone::Dim, "", &time(Some(*took)), &case.key, ""));
    }
}

fn history<W: io::Write>(out: &mut String, page: &Page<W>, insights: &Insights) {
    type Lines = Vec<(String, String)>;
    let flaky: Lines =
        insights.flaky.iter().map(|line| (line.key.clone(), format!("{}: {}", line.state, line.evidence))).collect();
    let streaks: Lines = insights.streaks.iter().map(|line| (line.key.clone(), line.words())).collect();
    let next: Lines = insights.next.iter().map(|line| (line.key.clone(), line.reason.clone())).collect();
    let quarantined: Lines = insights.quarantined.iter().map(|line| (line.key.to_string(), line.words())).collect();
    let vanished: Lines = insights.vanished.iter().map(|key| (key.to_string(), String::new())).collect();
    let sections = [
        ("In quarantine: fail nothing", quarantined),
        ("Vanished since the full run before", vanished),
        ("Flaky, by evidence", flaky),
        ("Failing streaks", streaks),
        ("Next run starts with", next),
    ];
    for (title, lines) in sections.iter().filter(|(_, lines)| !lines.is_empty()) {
        out.push_str(&page.rule(title));
        for (key, text) in lines.iter().take(LINES) {
            out.push_str(&evidence(page, key, &one_line(text)));
        }
        more(out, page, lines.len().saturating_sub(LINES), "");
    }
}

/// A test and what is said of it: on one line where there is room, else below it.
fn evidence<W: io::Write>(page: &Page<W>, key: &str, text: &str) -> String {
    let indent = " ".repeat(page.indent());
    let key = key.parse().map_or_else(|_| one_line(key), |key| page.ink.key(&key));
    let line = format!("{}\n", format!("{indent}{key}  {text}").trim_end());
    if page.columns.is_none_or(|columns| console::measure_text_width(line.trim_end()) <= columns) {
        return line;
    }
    format!("{indent}{key}\n{}", page.flow_at(&format!("{indent}  "), text, indent.len() + 2))
}

fn summary<W: io::Write>(out: &mut String, page: &Page<W>, record: &RunRecord) {
    out.push_str(&page.rule(""));
    let ink = page.ink;
    let mut text = format!("{}:", words::count(record.totals.tests, "test", "tests"));
    let mut parts: Vec<String> = view::counts(&record.totals)
        .into_iter()
        .map(|(number, outcome, word)| {
            let tone = match outcome {
                Outcome::Passed => Tone::Good,
                Outcome::Flaky | Outcome::Skipped => Tone::Soft,
                Outcome::Failed | Outcome::Error | Outcome::Timeout => Tone::Bad,
            };
            let words: Vec<String> = word.split(' ').map(|word| ink.paint(tone, word)).collect();
            format!("{} {}", ink.paint(Tone::Strong, &words::thousands(number)), words.join(" "))
        })
        .collect();
    if record.not_run > 0 {
        let number = ink.paint(Tone::Strong, &words::thousands(record.not_run));
        let words: Vec<String> = ["not", "run"].iter().map(|word| ink.paint(Tone::Soft, word)).collect();
        if let Some(last) = parts.last_mut() {
            last.push_str(&format!("; {number} {}", words.join(" ")));
        }
    }
    text.push(' ');
    text.push_str(&parts.join(", "));
    let prefix = format!("{}{} ", page.status(Tone::Strong, "Summary"), page.bracket(&words::exact(record.duration)));
    out.push_str(&page.flow(&prefix, &text));
}

/// The word that the last sentence begins with.
pub(in crate::report) const fn last_word(verdict: Verdict, is_interrupted: bool) -> (&'static str, Tone) {
    match (is_interrupted, verdict) {
        (true, _) => ("Stopped", Tone::Soft),
        (false, Verdict::Pass) => ("Passed", Tone::Good),
        (false, Verdict::Fail) => ("Failed", Tone::Bad),
        (false, Verdict::ToolError) => ("Tool error", Tone::Bad),
        (false, Verdict::Deferred) => ("Deferred", Tone::Soft),
        (false, Verdict::Nothing) => ("Nothing", Tone::Soft),
    }
}

fn verdict<W: io::Write>(out: &mut String, page: &Page<W>, record: &RunRecord) {
    let (word, tone) = last_word(record.verdict(), record.state == RunState::Interrupted);
    let sentence = match record.exit_code() {
        // Its page comes next, and begins with the reason.
        ExitCode::CoverageFailed => "the tests pass, and coverage does not".to_owned(),
        _ => one_line(record.judgement.sentence()),
    };
    out.push_str(&page.sentence(tone, word, &sentence));
}
