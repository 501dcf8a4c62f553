//! The retrospect on one screen, for people.

use std::fmt::Write as _;

use super::glance::{Failing, Glance, Slow, times};
use super::{PastRun, PastTest, Retrospect};
use crate::model::{TestKey, Verdict};
use crate::report::inert::one_line;
use crate::report::terminal::{Look, Page, Tone};
use crate::report::timeline::{self, Mark};
use crate::report::{view, words};

/// How many lines each section has.
const LINES: usize = 5;
/// How many tests of a group are named.
const MATES: usize = 3;
/// How many runs are shown where nothing limits them.
const RUNS: usize = 100;
/// Of how many executions a test's bars are.
const BARS: usize = 12;

/// The screen.
#[must_use]
pub fn page(retrospect: &Retrospect, look: Look) -> String {
    let page = Page::of(look);
    let glance = Glance::of(retrospect);
    let room = look.columns.map_or(usize::MAX, |columns| columns.saturating_sub(page.indent()));
    let mut out = page.rule(&words::middle(&one_line(&title(retrospect)), room));
    latest(&mut out, &page, retrospect, &glance);
    runs(&mut out, &page, retrospect);
    states(&mut out, &page, retrospect, &glance);
    failing(&mut out, &page, &glance.failing);
    flaky(&mut out, &page, retrospect, &glance.flaky);
    slow(&mut out, &page, "Slowest", &glance.slowest);
    slow(&mut out, &page, "Became slower", &beyond(&glance));
    vanished(&mut out, &page, retrospect);
    order(&mut out, &page, retrospect);
    out
}

fn title(retrospect: &Retrospect) -> String {
    let context = &retrospect.context;
    let parts = [&retrospect.workspace, &context.profile, &context.features, &context.target];
    parts.into_iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", ")
}

/// The verdict of the latest run, and which run that was.
fn latest(out: &mut String, page: &Page<()>, retrospect: &Retrospect, glance: &Glance<'_>) {
    let Some(run) = glance.latest else {
        out.push_str(&page.sentence(Tone::Soft, "Nothing", "no run has come to its end"));
        return;
    };
    let mark = timeline::of_run(run.state, run.verdict);
    let word = match run.verdict {
        Some(Verdict::Pass) => "Passed".to_owned(),
        _ => capital(mark.word),
    };
    let why = run.reasons.first().map(|reason| one_line(&reason.text));
    let counts = view::totals_line(&run.totals, 0);
    out.push_str(&page.sentence(mark.tone, &word, why.as_deref().unwrap_or(&counts)));
    let where_from = one_line(&place(run, retrospect));
    out.push_str(&page.flow(&" ".repeat(page.indent()), &page.ink.paint(Tone::Dim, &where_from)));
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `3 hours ago, main 4f1e2d3a5b, 11.900s, 20260131T120000000Z-1a2b3c4d`.
fn place(run: &PastRun, retrospect: &Retrospect) -> String {
    let mut parts = vec![words::ago_from(run.start, retrospect.at)];
    let commit = run.commit.as_deref().map(words::short_commit);
    let checkout: Vec<&str> = [run.branch.as_deref(), commit].into_iter().flatten().collect();
    if !checkout.is_empty() {
        parts.push(checkout.join(" "));
    }
    parts.extend(run.duration.map(words::exact));
    parts.push(run.id.to_string());
    parts.join(", ")
}

/// The latest runs as marks, and their times as bars below.
fn runs(out: &mut String, page: &Page<()>, retrospect: &Retrospect) {
    let room = page.columns.map_or(RUNS, |columns| columns.saturating_sub(page.row_indent())).max(1);
    let shown = retrospect.runs.get(retrospect.runs.len().saturating_sub(room)..).unwrap_or_default();
    let marks: Vec<Mark> = shown.iter().map(|run| timeline::of_run(run.state, run.verdict)).collect();
    let times: Vec<_> = shown.iter().map(|run| run.duration).collect();
    if marks.is_empty() {
        return;
    }
    out.push_str(&page.row("Runs", &timeline::row(page, &marks)));
    if times.iter().any(Option::is_some) {
        out.push_str(&page.row("Time", &page.ink.paint(Tone::Path, &timeline::bars(&times))));
    }
    let passed = shown.iter().filter(|run| run.verdict == Some(Verdict::Pass)).count() as u64;
    let mut text = format!("{}, {} passed", words::count(shown.len() as u64, "run", "runs"), words::thousands(passed));
    if let Some(median) = words::median(times.into_iter().flatten().collect()) {
        text.push_str(&format!(", median {}", words::exact(median)));
    }
    let earlier = retrospect.runs.len() - shown.len();
    if earlier > 0 {
        text.push_str(&format!(", {} earlier", words::thousands(earlier as u64)));
    }
    let legend = timeline::legend(&marks);
    if !legend.is_empty() {
        text.push_str(&format!(" ({legend})"));
    }
    out.push_str(&page.flow(&" ".repeat(page.row_indent()), &page.ink.paint(Tone::Dim, &text)));
}

fn states(out: &mut String, page: &Page<()>, retrospect: &Retrospect, glance: &Glance<'_>) {
    let parts: Vec<String> = glance
        .states
        .iter()
        .map(|(state, count)| {
            let count = page.ink.paint(Tone::Strong, &words::thousands(*count as u64));
            format!("{count} {}", page.ink.paint(tone_of(state), state))
        })
        .collect();
    let all = words::count(retrospect.tests.len() as u64, "test", "tests");
    let text = if parts.is_empty() { all } else { format!("{all}: {}", parts.join(", ")) };
    out.push_str(&page.sentence(Tone::Strong, "Tests", &text));
    if let Some(coverage) = &glance.coverage {
        out.push_str(&page.sentence(Tone::Strong, "Coverage", coverage));
    }
}

/// How a state is meant.
pub(in crate::report) fn tone_of(state: &str) -> Tone {
    match state {
        "broken" => Tone::Bad,
        "flaky" | "suspect" => Tone::Soft,
        "recovered" | "new" => Tone::Note,
        _ => Tone::Good,
    }
}

fn failing(out: &mut String, page: &Page<()>, failing: &[Failing<'_>]) {
    if failing.is_empty() {
        return;
    }
    out.push_str(&page.rule(&format!("Failing ({})", words::thousands(failing.len() as u64))));
    for one in failing.iter().take(LINES) {
        let word = one.case.map_or("BROKEN", view::word);
        out.push_str(&page.entry(Tone::Bad, word, one.key, &one.test.map_or_else(String::new, remark)));
        if let Some(cause) = one.case.and_then(first_line) {
            let cause = page.columns.map_or_else(
                || cause.clone(),
                |columns| words::middle(&cause, columns.saturating_sub(page.indent() + 2)),
            );
            let _ = writeln!(out, "{:indent$}{cause}", "", indent = page.indent() + 2);
        }
    }
    more(out, page, failing.len(), "cargo gate report --format json");
}

/// What the test said first, on one line.
fn first_line(case: &crate::model::CaseRecord) -> Option<String> {
    let groups = view::failures([case]);
    let cause = &groups.first()?.cause;
    let said = cause.lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
    // Where a panic was is less than what it said.
    let said = said.clone().find(|line| !line.starts_with("panicked at ")).or_else(|| { said }.next());
    cause.why.clone().or_else(|| said.map(str::to_owned))
}

/// `flaky: 3 of 20 runs failed; in quarantine: upstream bug`.
fn remark(test: &PastTest) -> String {
    let mut text = format!("{}: {}", test.state, test.evidence);
    if let Some(quarantine) = &test.quarantine {
        text.push_str(if quarantine.is_expired { "; quarantine is over: " } else { "; in quarantine: " });
        text.push_str(&quarantine.reason);
    }
    one_line(&text)
}

fn flaky(out: &mut String, page: &Page<()>, retrospect: &Retrospect, flaky: &[&PastTest]) {
    if flaky.is_empty() {
        return;
    }
    out.push_str(&page.rule(&format!("Flaky, by evidence ({})", words::thousands(flaky.len() as u64))));
    for test in flaky.iter().take(LINES) {
        let text = remark(test);
        let text = text.strip_prefix(test.state).and_then(|text| text.strip_prefix(": ")).unwrap_or(&text);
        out.push_str(&page.entry(tone_of(test.state), test.state, &test.key, text));
    }
    more(out, page, flaky.len(), "cargo gate flaky");
    for group in retrospect.groups.iter().take(LINES) {
        let names: Vec<String> = group
            .iter()
            .filter_map(|index| Some(one_line(&retrospect.tests.get(*index)?.key.name)))
            .take(MATES)
            .collect();
        let others = group.len() - names.len();
        let others = if others > 0 { format!(" and {others} more") } else { String::new() };
        out.push_str(&page.sentence(Tone::Soft, "together", &format!("{}{others}", names.join(", "))));
    }
}

/// Those that became slower, but for those that are among the slowest and said to be so there.
fn beyond<'r>(glance: &Glance<'r>) -> Vec<Slow<'r>> {
    let is_shown = |one: &&Slow<'_>| glance.slowest.iter().take(LINES).any(|shown| shown.test.key == one.test.key);
    glance.slower.iter().filter(|one| !is_shown(one)).copied().collect()
}

fn slow(out: &mut String, page: &Page<()>, title: &str, slow: &[Slow<'_>]) {
    if slow.is_empty() {
        return;
    }
    out.push_str(&page.rule(title));
    for one in slow.iter().take(LINES) {
        let bars = timeline::bars(&times(&one.test.cells, BARS));
        let room = if page.is_narrow() { 0 } else { BARS.saturating_sub(bars.chars().count()) };
        let trend = one.test.slower.map(|(from, to)| {
            page.ink.paint(Tone::Soft, &format!("  slower: {} -> {}", words::exact(from), words::exact(to)))
        });
        let time = format!("{:>width$}", words::exact(one.takes), width = if page.is_narrow() { 0 } else { 12 });
        let bars = format!("{}{}", " ".repeat(room), page.ink.paint(Tone::Path, &bars));
        let trend = trend.unwrap_or_default();
        let line = format!("{time} {bars} {}{trend}", page.ink.key(&one.test.key));
        if page.fits(&line) {
            let _ = writeln!(out, "{line}");
        } else {
            let indent = " ".repeat(page.indent());
            let _ = writeln!(out, "{time} {}\n{indent}{bars}{trend}", page.ink.key(&one.test.key));
        }
    }
}

fn vanished(out: &mut String, page: &Page<()>, retrospect: &Retrospect) {
    if retrospect.vanished.is_empty() {
        return;
    }
    out.push_str(&page.rule(&format!("Vanished ({})", words::thousands(retrospect.vanished.len() as u64))));
    for key in retrospect.vanished.iter().take(LINES) {
        out.push_str(&page.entry(Tone::Soft, "gone", key, ""));
    }
    more(out, page, retrospect.vanished.len(), "");
}

fn order(out: &mut String, page: &Page<()>, retrospect: &Retrospect) {
    let keys = retrospect.order.iter().filter_map(|(index, why)| Some((&retrospect.tests.get(*index)?.key, why)));
    let first: Vec<(&std::sync::Arc<TestKey>, &String)> = keys.take(LINES).collect();
    if first.is_empty() {
        return;
    }
    out.push_str(&page.rule("Next run starts with"));
    for (rank, (key, why)) in (1..).zip(first) {
        out.push_str(&page.entry(Tone::Dim, &rank.to_string(), key, &one_line(why)));
    }
    more(out, page, retrospect.order.len(), "cargo gate order");
}

fn more(out: &mut String, page: &Page<()>, all: usize, command: &str) {
    let rest = all.saturating_sub(LINES);
    if rest == 0 {
        return;
    }
    let of = if command.is_empty() { String::new() } else { format!(": {command}") };
    let text = format!("and {} more{of}", words::thousands(rest as u64));
    let _ = writeln!(out, "{:indent$}{}", "", page.ink.paint(Tone::Dim, &text), indent = page.indent());
}
