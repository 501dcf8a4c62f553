//! The end of a run: failures again, by cause, each with the command that runs it alone; flaky and slow tests; what
//! the history says; the totals; the verdict.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::observer::{Verbosity, time};
use super::page::{MARGIN, Page, Tone};
use crate::model::{CaseRecord, Outcome, RunRecord, RunState, Verdict};
use crate::report::inert::one_line;
use crate::report::markup::command_for;
use crate::report::view::{self, FailureGroup, Insights};
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
        failures(&mut out, page, &view::failures(cases()));
        flaky(&mut out, page, &view::flaky(cases()));
        slowest(&mut out, page, &view::slowest(cases(), SLOW, LINES));
        history(&mut out, page, insights);
        summary(&mut out, page, record);
    }
    verdict(&mut out, page, record);
    out
}

fn rule<W: io::Write>(out: &mut String, page: &Page<W>, title: &str) {
    let dashes = page.ink.paint(Tone::Dim, &"─".repeat(MARGIN - 1));
    let _ = match title {
        "" => writeln!(out, "{dashes}"),
        title => writeln!(out, "{dashes} {}", page.ink.paint(Tone::Strong, title)),
    };
}

fn test_line<W: io::Write>(out: &mut String, page: &Page<W>, tone: Tone, word: &str, case: &CaseRecord, note: &str) {
    let status = page.ink.status(tone, word);
    let note = if note.is_empty() { String::new() } else { format!(" {}", page.ink.paint(Tone::Dim, note)) };
    let _ = writeln!(out, "{status}[{:>9}] {}{note}", time(case.took), page.ink.key(&case.key));
}

fn more<W: io::Write>(out: &mut String, page: &Page<W>, count: usize, advice: &str) {
    if count > 0 {
        let text = format!("and {} more{advice}", words::thousands(count as u64));
        let _ = writeln!(out, "{:13}{}", "", page.ink.paint(Tone::Dim, &text));
    }
}

fn failures<W: io::Write>(out: &mut String, page: &Page<W>, groups: &[FailureGroup<'_>]) {
    let all: usize = groups.iter().map(|group| group.cases.len()).sum();
    if all == 0 {
        return;
    }
    rule(out, page, &words::count(all as u64, "failure", "failures"));
    let indent = " ".repeat(page.indent());
    let mut room = FAILURES;
    for group in groups {
        let shown = &group.cases[..group.cases.len().min(room)];
        if shown.is_empty() {
            break;
        }
        room -= shown.len();
        for case in shown {
            test_line(out, page, Tone::Bad, view::word(case), case, "");
        }
        for line in &group.cause {
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
    rule(out, page, "Passed when tried again");
    for case in cases.iter().take(FLAKY) {
        let attempts: Vec<&str> = case.attempts.iter().map(|attempt| attempt.outcome.as_outcome().as_str()).collect();
        test_line(out, page, Tone::Soft, "FLAKY", case, &attempts.join(", "));
    }
    more(out, page, cases.len().saturating_sub(FLAKY), "");
}

fn slowest<W: io::Write>(out: &mut String, page: &Page<W>, cases: &[(&CaseRecord, Duration)]) {
    if cases.is_empty() {
        return;
    }
    rule(out, page, "Slowest");
    for (case, _) in cases {
        test_line(out, page, Tone::Dim, "", case, "");
    }
}

fn history<W: io::Write>(out: &mut String, page: &Page<W>, insights: &Insights) {
    type Lines<'a> = Vec<(&'a str, String)>;
    let flaky: Lines<'_> =
        insights.flaky.iter().map(|line| (line.key.as_str(), format!("{}: {}", line.state, line.evidence))).collect();
    let streaks: Lines<'_> = insights.streaks.iter().map(|line| (line.key.as_str(), line.words())).collect();
    let next: Lines<'_> = insights.next.iter().map(|line| (line.key.as_str(), line.reason.clone())).collect();
    let sections = [("Flaky, by evidence", flaky), ("Failing streaks", streaks), ("Next run starts with", next)];
    for (title, lines) in sections.iter().filter(|(_, lines)| !lines.is_empty()) {
        rule(out, page, title);
        for (key, text) in lines.iter().take(LINES) {
            let key = key.parse().map_or_else(|_| one_line(key), |key| page.ink.key(&key));
            out.push_str(&page.flow(&format!("{:13}{key}  ", ""), &one_line(text)));
        }
        more(out, page, lines.len().saturating_sub(LINES), "");
    }
}

fn summary<W: io::Write>(out: &mut String, page: &Page<W>, record: &RunRecord) {
    rule(out, page, "");
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
    let prefix = format!("{}[{:>9}] ", ink.status(Tone::Strong, "Summary"), words::exact(record.duration));
    out.push_str(&page.flow(&prefix, &text));
}

fn verdict<W: io::Write>(out: &mut String, page: &Page<W>, record: &RunRecord) {
    let (word, tone) = match (record.state, record.verdict()) {
        (RunState::Interrupted, _) => ("Interrupted", Tone::Soft),
        (_, Verdict::Pass) => ("Passed", Tone::Good),
        (_, Verdict::Fail) => ("Failed", Tone::Bad),
        (_, Verdict::ToolError) => ("Tool error", Tone::Bad),
        (_, Verdict::Deferred) => ("Deferred", Tone::Soft),
        (_, Verdict::Nothing) => ("Nothing", Tone::Soft),
    };
    out.push_str(&page.sentence(tone, word, &one_line(record.judgement.sentence())));
}
