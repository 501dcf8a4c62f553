//! The page as a whole.

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::map::Map;
use super::{all, concerns, embedded, files, latest, shown, slow, trend};
use crate::report::retrospect::Retrospect;
use crate::report::words;

const STYLE: &str = include_str!("page.css");
const THEME: &str = include_str!("theme.js");
const SCRIPT: &str = include_str!("page.js");

/// Writes what the history says as one HTML page, which needs nothing but itself.
///
/// # Errors
///
/// What the writer says.
pub fn write(retrospect: &Retrospect, out: &mut dyn Write) -> io::Result<()> {
    let map = Map::of(retrospect);
    let json = embedded::json(retrospect, &map)?;
    out.write_all(page(retrospect, &map, &json)?.0.as_bytes())
}

/// A part of the page that can be gone to.
struct Section {
    id: &'static str,
    title: &'static str,
    body: Markup,
}

fn section(id: &'static str, title: &'static str, body: Markup) -> Section {
    Section { id, title, body }
}

/// What there is to show, in the order in which it is asked for.
fn sections(retrospect: &Retrospect, map: &Map<'_>) -> io::Result<Vec<Section>> {
    let tests = &retrospect.tests;
    let mut sections = Vec::new();
    if !retrospect.failing.is_empty() {
        sections.push(section("failing", "Failing", latest::failing(&retrospect.failing)));
    }
    if !retrospect.runs.is_empty() {
        sections.push(section("runs", "Runs", trend::runs(retrospect)?));
    }
    if !map.rows.is_empty() {
        sections.push(section("map", "Heat map", map.render()?));
    }
    let found = [
        ("flaky", "Flaky", concerns::in_states(tests, &["flaky"], "Flaky tests")),
        ("broken", "Broken", concerns::in_states(tests, &["broken"], "Broken tests")),
        (
            "suspect",
            "Suspect and recovered",
            concerns::in_states(tests, &["suspect", "recovered"], "Suspect and recovered tests"),
        ),
        ("groups", "Flaking together", concerns::groups(retrospect)),
        ("quarantine", "Quarantine", concerns::quarantined(tests)),
        ("vanished", "Vanished", concerns::vanished(&retrospect.vanished)),
        ("slowest", "Slowest", slow::slowest(tests)?),
    ];
    sections.extend(found.into_iter().filter_map(|(id, title, body)| Some(section(id, title, body?))));
    if !retrospect.coverage.is_empty() {
        sections.push(section("coverage", "Coverage", trend::coverage(&retrospect.coverage)?));
    }
    if !retrospect.files.is_empty() {
        sections.push(section("files", "Files", files::render(&retrospect.files)));
    }
    if !retrospect.order.is_empty() {
        sections.push(section("next", "Next run", slow::next(retrospect)));
    }
    if !tests.is_empty() {
        sections.push(section("all", "All tests", all::frame(tests)));
    }
    Ok(sections)
}

/// What the page may do: show itself, and run the two scripts that carry this word. A hash of everything that is
/// shown cannot be known to whoever chose a name in it.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'"
    )
}

fn page(retrospect: &Retrospect, map: &Map<'_>, json: &str) -> io::Result<Markup> {
    let nonce = blake3::hash(json.as_bytes()).to_hex();
    let workspace = shown::name(&retrospect.workspace);
    let sections = sections(retrospect, map)?;
    Ok(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy(&nonce));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (workspace) ": tests" }
                style nonce=(nonce) { (PreEscaped(STYLE)) }
                script nonce=(nonce) { (PreEscaped(THEME)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                (header(retrospect, &workspace))
                @if sections.len() > 1 {
                    nav.contents aria-label="Sections" {
                        ul { @for section in &sections { li { a href={ "#" (section.id) } { (section.title) } } } }
                    }
                }
                main #main tabindex="-1" {
                    section.summary aria-label="Verdict" { (latest::verdict(retrospect)) (latest::figures(retrospect)) }
                    @for section in &sections {
                        section #(section.id) aria-labelledby={ (section.id) "-title" } {
                            h2 #{ (section.id) "-title" } { (section.title) }
                            (section.body)
                        }
                    }
                }
                footer {
                    p { "Written by cargo gate at " (shown::moment(retrospect.at)) ", from the history on record." }
                }
                div #tip hidden {}
                script #data type="application/json" { (PreEscaped(json)) }
                script nonce=(nonce) { (PreEscaped(SCRIPT)) }
            }
        }
    })
}

fn header(retrospect: &Retrospect, workspace: &str) -> Markup {
    let context = &retrospect.context;
    let features = if context.features.is_empty() { "default features" } else { &context.features };
    html! {
        header {
            div {
                h1.key { (workspace) }
                p.context {
                    (words::count(retrospect.tests.len() as u64, "test", "tests")) " · "
                    (words::count(retrospect.runs.len() as u64, "run", "runs")) " · "
                    span.key { (shown::name(&context.target)) } " · "
                    span.key { (shown::name(features)) } " · "
                    span.key { (shown::name(&context.profile)) }
                }
            }
            button #theme type="button" hidden {}
        }
    }
}
