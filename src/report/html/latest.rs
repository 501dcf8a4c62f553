//! The verdict, and what failed.

use maud::{Markup, html};

use super::shown;
use crate::model::{CaseRecord, Verdict};
use crate::report::inert::inert;
use crate::report::retrospect::{PastRun, Retrospect};
use crate::report::words;

/// How many failing tests are listed.
const ROWS: usize = 200;
/// How many of them with what they printed, and how many characters of it.
const TEXTS: usize = 30;
const TEXT_TAIL: usize = 6_000;

/// The run that the verdict is of: the latest that came to one.
pub(super) fn judged(retrospect: &Retrospect) -> Option<&PastRun> {
    retrospect.runs.iter().rev().find(|run| run.verdict.is_some())
}

/// The verdict in a word and a sentence, and the figures beside it.
pub(super) fn verdict(retrospect: &Retrospect) -> Markup {
    let Some((run, verdict)) = judged(retrospect).and_then(|run| Some((run, run.verdict?))) else {
        return html! {
            div.verdict.idle {
                p.word { "No verdict yet" }
                p.sentence { "No run on record came to a verdict. " code { "cargo gate test" } " makes the first." }
            }
        };
    };
    let (class, word) = words_of(verdict);
    html! {
        div class={ "verdict " (class) } {
            p.word { (word) }
            @for (at, reason) in run.reasons.iter().enumerate() {
                p.sentence.further[at > 0] { (shown::sentence(&reason.text)) }
            }
            p.when {
                (shown::moment(run.start))
                @if let Some(took) = run.duration { " · took " (words::exact(took)) }
                @if let Some(checkout) = shown::checkout(run) { " · " span.key { (checkout) } }
                @if let Some(link) = run.link.as_deref().filter(|link| shown::is_web(link)) {
                    " · " a href=(link) rel="noreferrer" { "this run in CI" }
                }
            }
        }
    }
}

const fn words_of(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Pass => ("good", "Pass"),
        Verdict::Fail => ("bad", "Fail"),
        Verdict::ToolError => ("wavering", "Tool error"),
        Verdict::Deferred => ("wavering", "Deferred"),
        Verdict::Nothing => ("idle", "Nothing to judge"),
    }
}

/// The numbers that are asked for first.
pub(super) fn figures(retrospect: &Retrospect) -> Markup {
    let in_state = |state: &str| retrospect.tests.iter().filter(|test| test.state == state).count() as u64;
    let judged = retrospect.runs.iter().filter(|run| run.verdict.is_some());
    let passed = judged.clone().filter(|run| run.verdict == Some(Verdict::Pass)).count() as u64;
    let typical = words::median(retrospect.runs.iter().filter_map(|run| run.duration).collect());
    let figure = |number: String, label: &str, class: &str| {
        html! { div class={ "figure " (class) } { dt { (label) } dd { (number) } } }
    };
    let counted = |state: &'static str, class: &'static str| {
        let count = in_state(state);
        figure(words::thousands(count), state, if count > 0 { class } else { "" })
    };
    html! {
        dl.figures {
            (figure(words::thousands(retrospect.tests.len() as u64), "tests", ""))
            (counted("broken", "bad"))
            (counted("flaky", "wavering"))
            (counted("suspect", "wavering"))
            (figure(shown::whole_percent(passed, judged.count() as u64), "runs passed", ""))
            (figure(typical.map_or_else(|| "–".to_owned(), words::exact), "typical duration", ""))
        }
    }
}

/// What failed in the latest executed run, with what it printed.
pub(super) fn failing(cases: &[CaseRecord]) -> Markup {
    html! {
        ul.failures {
            @for (at, case) in cases.iter().take(ROWS).enumerate() {
                li { (failure(case, at < TEXTS)) }
            }
        }
        @if cases.len() > ROWS { p.more { "and " (words::thousands((cases.len() - ROWS) as u64)) " more" } }
    }
}

fn failure(case: &CaseRecord, with_text: bool) -> Markup {
    let line = html! {
        (shown::test(&case.key))
        " " span.outcome { (case.outcome) @if let Some(took) = case.took { " after " (words::exact(took)) } }
    };
    let why = case.attempts.iter().rev().find_map(|attempt| attempt.why.as_deref());
    let text = case.failure_text().filter(|text| with_text && !text.trim().is_empty());
    html! {
        @if text.is_some() || why.is_some() {
            details {
                summary { (line) }
                @if let Some(why) = why { p { (shown::sentence(why)) } }
                @if let Some(text) = text {
                    pre tabindex="0" aria-label="what it printed" { (tail(&inert(text))) }
                }
            }
        } @else {
            div.plain { (line) }
        }
    }
}

/// The last characters of a text.
fn tail(text: &str) -> &str {
    let text = text.trim_end();
    match text.char_indices().rev().nth(TEXT_TAIL - 1) {
        Some((start, _)) => text.get(start..).unwrap_or_default(),
        None => text,
    }
}
