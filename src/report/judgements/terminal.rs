//! The judgements for people.

use std::fmt::Write as _;

use super::{JudgedTest, Judgements};
use crate::model::Verdict;
use crate::report::inert::one_line;
use crate::report::retrospect::terminal::tone_of;
use crate::report::terminal::{Look, Page, Tone};
use crate::report::words;

/// How many lines the sections behind the states have.
const LINES: usize = 20;

/// The page.
#[must_use]
pub fn page(judgements: &Judgements, look: Look) -> String {
    let page = Page::of(look);
    let mut out = String::new();
    for test in &judgements.tests {
        out.push_str(&page.entry(tone_of(test.state), test.state, &test.key, &one_line(&test.reason)));
        quarantine(&mut out, &page, test);
    }
    groups(&mut out, &page, judgements);
    slower(&mut out, &page, judgements);
    vanished(&mut out, &page, judgements);
    unmatched(&mut out, &page, judgements);
    summary(&mut out, &page, judgements);
    out
}

/// A slip of the pen, or a test that is long gone: either way such a quarantine does nothing.
fn unmatched(out: &mut String, page: &Page<()>, judgements: &Judgements) {
    for pattern in &judgements.unmatched {
        let text = format!("`{}` matches no test on record", one_line(pattern));
        out.push_str(&page.sentence(Tone::Soft, "quarantine", &text));
    }
}

/// Why its failures fail nothing, or do so again.
fn quarantine(out: &mut String, page: &Page<()>, test: &JudgedTest) {
    let Some(quarantine) = &test.quarantine else { return };
    let indent = page.indent() + 2;
    let line = |out: &mut String, tone: Tone, text: &str| {
        out.push_str(&page.flow_at(&" ".repeat(indent), &page.ink.paint(tone, text), indent));
    };
    let reason = one_line(&quarantine.reason);
    match (quarantine.until, quarantine.is_expired) {
        (Some(until), true) => line(out, Tone::Bad, &format!("its quarantine ended on {until}: {reason}")),
        (Some(until), false) => line(out, Tone::Note, &format!("in quarantine until {until}: {reason}")),
        (None, _) => line(out, Tone::Note, &format!("in quarantine: {reason}")),
    }
    if test.is_steady_again {
        line(out, Tone::Good, "steady again: it may leave quarantine");
    }
}

fn groups(out: &mut String, page: &Page<()>, judgements: &Judgements) {
    if judgements.groups.is_empty() {
        return;
    }
    out.push_str(&page.rule("Flake together"));
    for group in judgements.groups.iter().take(LINES) {
        let names: Vec<String> = group.iter().take(LINES).map(|key| one_line(&key.to_string())).collect();
        let more = group.len() - names.len();
        let more = if more > 0 { format!(" and {} more", words::thousands(more as u64)) } else { String::new() };
        let count = words::count(group.len() as u64, "test", "tests");
        out.push_str(&page.sentence(Tone::Soft, &count, &format!("{}{more}", names.join(", "))));
    }
    more(out, page, judgements.groups.len());
}

fn slower(out: &mut String, page: &Page<()>, judgements: &Judgements) {
    if judgements.slower.is_empty() {
        return;
    }
    out.push_str(&page.rule("Became slower"));
    for (key, from, to) in judgements.slower.iter().take(LINES) {
        let text = format!("{} -> {}", words::exact(*from), words::exact(*to));
        out.push_str(&page.entry(Tone::Soft, "slower", key, &text));
    }
    more(out, page, judgements.slower.len());
}

fn vanished(out: &mut String, page: &Page<()>, judgements: &Judgements) {
    if judgements.vanished.is_empty() {
        return;
    }
    out.push_str(&page.rule("Vanished since the full run before the latest"));
    for key in judgements.vanished.iter().take(LINES) {
        out.push_str(&page.entry(Tone::Soft, "gone", key, ""));
    }
    more(out, page, judgements.vanished.len());
}

fn more(out: &mut String, page: &Page<()>, all: usize) {
    let rest = all.saturating_sub(LINES);
    if rest > 0 {
        let text = format!("and {} more: cargo gate flaky --format json", words::thousands(rest as u64));
        let _ = writeln!(out, "{:indent$}{}", "", page.ink.paint(Tone::Dim, &text), indent = page.indent());
    }
}

/// How many tests are in each state, and what the flags make of it.
fn summary(out: &mut String, page: &Page<()>, judgements: &Judgements) {
    if !out.is_empty() {
        out.push_str(&page.rule(""));
    }
    let all: usize = judgements.states.iter().map(|(_, count)| count).sum();
    let states = judgements.states.iter().map(|(state, count)| {
        let count = page.ink.paint(Tone::Strong, &words::thousands(*count as u64));
        format!("{count} {}", page.ink.paint(tone_of(state), state))
    });
    let states: Vec<String> = states.collect();
    let text = format!("{}: {}", words::count(all as u64, "test", "tests"), states.join(", "));
    out.push_str(&page.sentence(Tone::Strong, "Summary", if all == 0 { "no tests" } else { &text }));
    let (word, tone) = match judgements.judgement.verdict {
        Verdict::Pass => ("Passed", Tone::Good),
        Verdict::Fail => ("Failed", Tone::Bad),
        Verdict::Nothing => ("Nothing", Tone::Soft),
        Verdict::ToolError | Verdict::Deferred => return,
    };
    for reason in &judgements.judgement.reasons {
        out.push_str(&page.sentence(tone, word, &one_line(&reason.text)));
    }
}
