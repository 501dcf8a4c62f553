//! The retrospect for a pull request's comment or a step's summary.

use std::fmt::Write as _;

use super::glance::{Failing, Glance, Slow, times};
use super::{PastRun, PastTest, Retrospect};
use crate::model::{RunState, Verdict};
use crate::report::markup::{code, fenced, prose};
use crate::report::{timeline, view, words};

/// How many runs are shown.
const RUNS: usize = 40;
/// How many rows each table has.
const ROWS: usize = 20;
/// How many failures are shown with their cause.
const CAUSES: usize = 10;
/// How many tests of the next run's head are named.
const NEXT: usize = 10;
/// Of how many executions a test's bars are.
const BARS: usize = 20;

/// The document.
#[must_use]
pub fn document(retrospect: &Retrospect) -> String {
    let glance = Glance::of(retrospect);
    let mut out = String::new();
    head(&mut out, retrospect, &glance);
    runs(&mut out, retrospect);
    failing(&mut out, &glance.failing);
    flaky(&mut out, retrospect, &glance.flaky);
    slow(&mut out, "Slowest tests", &glance.slowest);
    slow(&mut out, "Tests that became slower", &glance.slower);
    list(&mut out, "Vanished since the latest full run", retrospect.vanished.iter().map(|key| code(&key.to_string())));
    let next = retrospect.order.iter().filter_map(|(index, why)| {
        let key = &retrospect.tests.get(*index)?.key;
        Some(format!("{}: {}", code(&key.to_string()), prose(why)))
    });
    list(&mut out, "The next run starts with", next.take(NEXT));
    out
}

fn head(out: &mut String, retrospect: &Retrospect, glance: &Glance<'_>) {
    let Some(run) = glance.latest else {
        let _ = writeln!(out, "# Tests of {}\n\nNo run has come to its end.", code(&retrospect.workspace));
        return;
    };
    let _ = writeln!(out, "# Tests of {}: {}\n", code(&retrospect.workspace), word(run));
    for reason in &run.reasons {
        let _ = writeln!(out, "{}\n", prose(&reason.text));
    }
    let mut parts = vec![words::moment(run.start)];
    let commit = run.commit.as_deref().map(words::short_commit);
    match (run.branch.as_deref(), commit) {
        (Some(branch), Some(commit)) => parts.push(format!("{} at {}", code(branch), code(commit))),
        (Some(one), None) | (None, Some(one)) => parts.push(code(one)),
        (None, None) => {}
    }
    parts.extend(run.duration.map(words::exact));
    parts.push(format!("run {}", code(run.id.as_str())));
    parts.extend(run.link.as_deref().and_then(link));
    let states: Vec<String> =
        glance.states.iter().map(|(state, count)| format!("{} {state}", words::thousands(*count as u64))).collect();
    let _ = writeln!(out, "{}. {}.", view::totals_line(&run.totals, 0), parts.join(", "));
    let _ =
        writeln!(out, "By the history: {}.", if states.is_empty() { "no tests".to_owned() } else { states.join(", ") });
    if let Some(coverage) = &glance.coverage {
        let _ = writeln!(out, "\nCoverage: {coverage}.");
    }
}

fn word(run: &PastRun) -> String {
    match (run.state, run.verdict) {
        (RunState::Executed, Some(verdict)) => verdict.as_str().to_uppercase(),
        (state, _) => state.as_str().to_uppercase(),
    }
}

/// A link to where CI shows a run; of anything but the web it is none.
fn link(target: &str) -> Option<String> {
    let web = target.starts_with("https://") || target.starts_with("http://");
    web.then(|| format!("[CI](<{}>)", prose(target)))
}

fn runs(out: &mut String, retrospect: &Retrospect) {
    let shown = retrospect.runs.get(retrospect.runs.len().saturating_sub(RUNS)..).unwrap_or_default();
    if shown.len() < 2 {
        return;
    }
    let squares: String = shown.iter().map(square).collect();
    let passed = shown.iter().filter(|run| run.verdict == Some(Verdict::Pass)).count();
    let _ =
        writeln!(out, "\n{squares}\n\n{passed} of the latest {} runs passed, the newest at the right.", shown.len());
    let times: Vec<_> = shown.iter().map(|run| run.duration).collect();
    if times.iter().any(Option::is_some) {
        let longest = times.iter().flatten().max().copied().unwrap_or_default();
        let _ =
            writeln!(out, "Their times: {}, at most {}.", code(timeline::bars(&times).trim()), words::exact(longest));
    }
}

const fn square(run: &PastRun) -> char {
    match (run.state, run.verdict) {
        (RunState::Executed, Some(Verdict::Pass)) => '🟩',
        (RunState::Executed | RunState::BuildFailed, Some(Verdict::Fail)) => '🟥',
        (RunState::Executed, Some(Verdict::Nothing)) => '⬜',
        _ => '🟨',
    }
}

fn failing(out: &mut String, failing: &[Failing<'_>]) {
    if failing.is_empty() {
        return;
    }
    out.push_str("\n## Failing tests\n\n| test | outcome | state | evidence |\n|---|---|---|---|\n");
    for one in failing.iter().take(ROWS) {
        let outcome = one.case.map_or("not in the latest run", |case| case.outcome.as_str());
        let (state, evidence) = one.test.map_or_else(Default::default, |test| (state(test), prose(&test.evidence)));
        let _ = writeln!(out, "| {} | {outcome} | {state} | {evidence} |", code(&one.key.to_string()));
    }
    more(out, failing.len(), ROWS);
    let cases: Vec<_> = failing.iter().filter_map(|one| one.case).collect();
    let groups = view::failures(cases);
    for group in groups.iter().filter(|group| !group.cause.lines.is_empty()).take(CAUSES) {
        let names: Vec<String> = group.cases.iter().map(|case| code(&case.key.to_string())).take(CAUSES).collect();
        let others = group.cases.len().saturating_sub(names.len());
        let others = if others > 0 { format!(" and {} more", words::thousands(others as u64)) } else { String::new() };
        let _ = write!(out, "\n{}{others}:\n\n{}", names.join(", "), fenced(&group.cause.lines.join("\n")));
    }
}

/// `flaky`, `broken, in quarantine`.
fn state(test: &PastTest) -> String {
    match &test.quarantine {
        Some(quarantine) if quarantine.is_expired => format!("{}, its quarantine is over", test.state),
        Some(quarantine) => format!("{}, in quarantine ({})", test.state, prose(&quarantine.reason)),
        None => test.state.to_owned(),
    }
}

fn flaky(out: &mut String, retrospect: &Retrospect, flaky: &[&PastTest]) {
    if flaky.is_empty() {
        return;
    }
    out.push_str("\n## Flaky, by evidence\n\n| test | state | failures | evidence |\n|---|---|---:|---|\n");
    for test in flaky.iter().take(ROWS) {
        let (key, evidence) = (code(&test.key.to_string()), prose(&test.evidence));
        let _ = writeln!(out, "| {key} | {} | {} of {} | {evidence} |", state(test), test.failures, test.executions);
    }
    more(out, flaky.len(), ROWS);
    let key = |index: &usize| retrospect.tests.get(*index).map(|test| code(&test.key.to_string()));
    let group = |group: &Vec<usize>| {
        let names: Vec<String> = group.iter().filter_map(key).take(ROWS).collect();
        let others = group.len().saturating_sub(names.len());
        if others > 0 { format!("{} and {others} more", names.join(", ")) } else { names.join(", ") }
    };
    list(out, "Tests that flake together", retrospect.groups.iter().map(group));
}

fn slow(out: &mut String, title: &str, slow: &[Slow<'_>]) {
    if slow.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## {title}\n\n| test | time | lately | trend |\n|---|---:|---|---|");
    for one in slow.iter().take(NEXT) {
        let bars = timeline::bars(&times(&one.test.cells, BARS));
        let trend = one.test.slower.map(|(from, to)| format!("slower: {} → {}", words::exact(from), words::exact(to)));
        let (key, time) = (code(&one.test.key.to_string()), words::exact(one.takes));
        let _ = writeln!(out, "| {key} | {time} | {} | {} |", code(bars.trim()), trend.unwrap_or_default());
    }
}

/// A section of lines; none where there are none.
fn list(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## {title}\n");
    for line in lines.iter().take(ROWS) {
        let _ = writeln!(out, "- {line}");
    }
    more(out, lines.len(), ROWS);
}

fn more(out: &mut String, all: usize, shown: usize) {
    if all > shown {
        let _ = writeln!(out, "\nand {} more", words::thousands((all - shown) as u64));
    }
}
