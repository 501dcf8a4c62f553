//! A test on one screen, for people.

use std::fmt::Write as _;

use super::{Explanation, LastFailure, Moment, Tally, Times};
use crate::model::{CaseRecord, Kind};
use crate::report::inert::{inert, one_line};
use crate::report::markup::command_for;
use crate::report::retrospect::terminal::tone_of;
use crate::report::terminal::{Look, Page, Tone};
use crate::report::timeline::{self, Mark};
use crate::report::{view, words};

/// How many tests that flake together with it are named.
const MATES: usize = 5;

/// How much of the last failure's text is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Text {
    /// The lines that say why.
    #[default]
    Cause,
    /// All that is on record.
    Full,
}

/// The screen.
#[must_use]
pub fn page(explanation: &Explanation, text: Text, look: Look) -> String {
    let page = Page::of(look);
    let mut out = format!("{}\n", page.ink.key(&explanation.key));
    standing(&mut out, &page, explanation);
    rows(&mut out, &page, &explanation.timeline);
    if let Some(times) = &explanation.times {
        out.push_str(&page.sentence(Tone::Strong, "Times", &times_line(times)));
    }
    counts(&mut out, &page, explanation);
    failure(&mut out, &page, explanation, text);
    if let Some(pass) = &explanation.last_pass {
        out.push_str(&page.sentence(Tone::Good, "Last pass", &moment(pass, explanation)));
    }
    company(&mut out, &page, explanation);
    // What the next run leaves out does not run alone either, nor does what another tool ran.
    if explanation.place.is_some() && explanation.key.binary.kind != Kind::Suite {
        let command = page.ink.paint(Tone::Path, &command_for(&explanation.key));
        let _ = writeln!(out, "{}{command}", page.status(Tone::Strong, "Alone"));
    }
    out
}

/// What it is said to be.
fn standing(out: &mut String, page: &Page<()>, explanation: &Explanation) {
    let prefix = format!(
        "{}{}: ",
        page.status(Tone::Strong, "State"),
        page.ink.paint(tone_of(explanation.state), explanation.state)
    );
    out.push_str(&page.flow(&prefix, &one_line(&explanation.evidence)));
    if !explanation.is_there {
        out.push_str(&page.sentence(Tone::Soft, "Gone", "the latest full run did not have it any more"));
    }
    if let Some(quarantine) = &explanation.quarantine {
        let until = match (quarantine.until, quarantine.is_expired) {
            (Some(until), false) => format!(", until {until}"),
            (Some(until), true) => format!("; it was over after {until}: its failures count again"),
            (None, _) => ", without an end".to_owned(),
        };
        let again = if explanation.state == "steady" && !quarantine.is_expired { "; it is steady again" } else { "" };
        let text = format!("{}{until}{again}", one_line(&quarantine.reason));
        out.push_str(&page.sentence(Tone::Soft, "Quarantine", &text));
    }
}

/// The timeline: outcomes, durations, where the code changed, and the branches.
fn rows(out: &mut String, page: &Page<()>, timeline: &[Moment]) {
    let room = page.columns.map_or(timeline.len(), |columns| columns.saturating_sub(page.row_indent())).max(1);
    let shown = timeline.get(timeline.len().saturating_sub(room)..).unwrap_or_default();
    if shown.is_empty() {
        return;
    }
    let marks: Vec<Mark> = shown.iter().map(|moment| timeline::of_outcome(moment.outcome)).collect();
    let legend = page.ink.paint(Tone::Dim, &timeline::legend(&marks));
    let row = timeline::row(page, &marks);
    let with_legend = format!("{row}  {legend}");
    let fits =
        page.columns.is_none_or(|columns| page.row_indent() + console::measure_text_width(&with_legend) <= columns);
    out.push_str(&page.row("Outcomes", if fits { with_legend.trim_end() } else { &row }));
    let times: Vec<_> = shown.iter().map(|moment| moment.took).collect();
    if times.iter().any(Option::is_some) {
        out.push_str(&page.row("Durations", &page.ink.paint(Tone::Path, &timeline::bars(&times))));
    }
    let edges: String =
        shown.iter().enumerate().map(|(at, moment)| if at > 0 && !moment.is_same_code { '╵' } else { ' ' }).collect();
    // Where no code is known to be the same, ticks say nothing.
    if edges.contains('╵') && shown.iter().skip(1).any(|moment| moment.is_same_code) {
        out.push_str(&page.row("New code", &page.ink.paint(Tone::Dim, edges.trim_end())));
    }
    let branches: Vec<Option<&str>> = shown.iter().map(|moment| moment.branch.as_deref()).collect();
    if branches.windows(2).any(|pair| pair.first() != pair.last()) {
        out.push_str(&page.row("Branch", &page.ink.paint(Tone::Dim, &timeline::segments(&branches))));
    }
    if !fits {
        out.push_str(&page.flow(&" ".repeat(page.row_indent()), &legend));
    }
}

/// `1.400s to 2.100s, median 1.500s, lately 1.501s, slower than 1.100s`.
fn times_line(times: &Times) -> String {
    let [least, most, median, recent] = [times.least, times.most, times.median, times.recent].map(words::exact);
    let slower = times.slower.map(|(from, _)| format!(", slower than {}", words::exact(from))).unwrap_or_default();
    format!("{least} to {most}, median {median}, lately {recent}{slower}")
}

/// `100 passed, 17 failed, 3 flaky, 2 skipped`.
fn tally(tally: &Tally) -> String {
    let Tally { passed, failed, flaky, skipped } = *tally;
    let parts = [(passed, "passed"), (failed, "failed"), (flaky, "flaky"), (skipped, "skipped")];
    let there = parts.into_iter().filter(|(number, _)| *number > 0);
    there.map(|(number, word)| format!("{} {word}", words::thousands(number))).collect::<Vec<_>>().join(", ")
}

fn counts(out: &mut String, page: &Page<()>, explanation: &Explanation) {
    let mut line = format!("{}: {}", words::count(explanation.all.all(), "run", "runs"), tally(&explanation.all));
    if explanation.window != explanation.all {
        let latest = words::thousands(explanation.timeline.len() as u64);
        line.push_str(&format!("; of the latest {latest}: {}", tally(&explanation.window)));
    }
    out.push_str(&page.sentence(Tone::Strong, "On record", &line));
    if explanation.streak > 0 {
        let first = explanation.timeline.iter().rev().nth(explanation.streak - 1);
        let since = first.map_or_else(String::new, |first| format!(", since {}", state_of(first, explanation)));
        let runs = match explanation.streak {
            1 => "run".to_owned(),
            more => words::count(more as u64, "run", "runs"),
        };
        out.push_str(&page.sentence(Tone::Bad, "Streak", &format!("failed in its last {runs}{since}")));
    }
}

/// `3 hours ago, main 4f1e2d3a5b, run 20260131T120000000Z-1a2b3c4d`. Runs of ours tell by their name when they started.
fn moment(moment: &Moment, explanation: &Explanation) -> String {
    let ours = moment.run.as_str().starts_with(&moment.start.strftime("%Y%m%dT%H%M%S").to_string());
    let at = if ours { String::new() } else { format!(", {}", words::moment(moment.start)) };
    one_line(&format!("{}{at}, run {}", state_of(moment, explanation), moment.run))
}

/// `3 hours ago, main 4f1e2d3a5b`.
fn state_of(moment: &Moment, explanation: &Explanation) -> String {
    let commit = moment.commit.as_deref().map(words::short_commit);
    let checkout: Vec<&str> = [moment.branch.as_deref(), commit].into_iter().flatten().collect();
    let ago = words::ago_from(moment.start, explanation.at);
    one_line(&if checkout.is_empty() { ago } else { format!("{ago}, {}", checkout.join(" ")) })
}

fn failure(out: &mut String, page: &Page<()>, explanation: &Explanation, text: Text) {
    let Some(LastFailure { moment: when, case }) = &explanation.last_failure else { return };
    out.push_str(&page.sentence(Tone::Bad, "Last failure", &moment(when, explanation)));
    let indent = " ".repeat(page.indent());
    let Some(case) = case else {
        out.push_str(&page.flow(&indent, "what it said is no longer on record"));
        return;
    };
    let attempts: Vec<&str> = case.attempts.iter().map(|attempt| attempt.outcome.as_outcome().as_str()).collect();
    if attempts.len() > 1 {
        out.push_str(&page.flow(&indent, &format!("attempts: {}", attempts.join(", "))));
    }
    let lines = match text {
        Text::Full => full(case),
        Text::Cause => cause(case, page),
    };
    for line in lines {
        let _ = writeln!(out, "{}", format!("{indent}{line}").trim_end());
    }
}

/// The few lines that say why; one that is too long goes on below itself.
fn cause(case: &CaseRecord, page: &Page<()>) -> Vec<String> {
    let why = case.attempts.iter().rev().find_map(|attempt| attempt.why.as_deref()).map(one_line);
    let said = case.failure_text().map(view::cause).unwrap_or_default();
    let room = page.columns.map_or(usize::MAX, |columns| columns.saturating_sub(page.indent()).max(20));
    let fit = |line: String| match console::measure_text_width(&line) <= room {
        true => vec![line],
        false => words::wrap(&line, room, room),
    };
    why.into_iter().chain(said).flat_map(fit).collect()
}

/// All that every failing attempt said.
fn full(case: &CaseRecord) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, attempt) in (1..).zip(&case.attempts).filter(|(_, one)| one.text.is_some() || one.why.is_some()) {
        if case.attempts.len() > 1 {
            lines.push(format!("attempt {number}:"));
        }
        lines.extend(attempt.why.as_deref().map(one_line));
        lines.extend(attempt.text.as_deref().map(inert).unwrap_or_default().lines().map(str::to_owned));
    }
    lines
}

/// Whom it flakes with, and how it will run.
fn company(out: &mut String, page: &Page<()>, explanation: &Explanation) {
    if !explanation.mates.is_empty() {
        let mut names: Vec<String> =
            explanation.mates.iter().take(MATES).map(|key| one_line(&key.to_string())).collect();
        let others = explanation.mates.len().saturating_sub(MATES);
        if others > 0 {
            names.push(format!("and {} more", words::thousands(others as u64)));
        }
        out.push_str(&page.sentence(Tone::Soft, "Flakes with", &names.join(", ")));
    }
    let place = match &explanation.place {
        Some(place) => {
            let (rank, of) = (words::thousands(place.rank as u64), words::thousands(place.of as u64));
            format!("{rank} of {of}: {}", one_line(&place.why))
        }
        None => "not part of the next run".to_owned(),
    };
    out.push_str(&page.sentence(Tone::Strong, "Next run", &place));
    if let Some(why) = &explanation.isolation {
        out.push_str(&page.sentence(Tone::Soft, "Isolated", &format!("in a process of its own: {}", one_line(why))));
    }
}
