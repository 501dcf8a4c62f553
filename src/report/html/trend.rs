//! How the runs went, and how coverage did.

use std::io;

use maud::{Markup, html};

use super::table::{Column, number, table, text};
use super::{chart, shown};
use crate::model::{Outcome, RunState, Verdict};
use crate::report::retrospect::{CoveragePoint, PastRun, Retrospect};
use crate::report::words;

/// How many runs the charts go back.
pub(super) const RUNS: usize = 100;
/// How many runs are listed.
const ROWS: usize = 25;

/// The runs that the charts show, oldest first.
pub(super) fn latest(retrospect: &Retrospect) -> &[PastRun] {
    let first = retrospect.runs.len().saturating_sub(RUNS);
    retrospect.runs.get(first..).unwrap_or_default()
}

/// The mark of a run: the shape of the outcome that its verdict is most like.
const fn mark(run: &PastRun) -> Outcome {
    match run.verdict {
        Some(Verdict::Pass) => Outcome::Passed,
        Some(Verdict::Fail) => Outcome::Failed,
        // No fault of the code, and no good sign.
        Some(Verdict::ToolError | Verdict::Deferred) => Outcome::Flaky,
        Some(Verdict::Nothing) | None => Outcome::Skipped,
    }
}

/// What became of a run, in a word.
pub(super) const fn word(run: &PastRun) -> &'static str {
    match (run.verdict, run.state) {
        (Some(Verdict::Fail), RunState::BuildFailed) | (None, _) => run.state.as_str(),
        (Some(verdict), _) => verdict.as_str(),
    }
}

/// `1,204 tests, 2 failed, 1 flaky`.
pub(super) fn totals(run: &PastRun) -> String {
    let mut words = words::count(run.totals.tests, "test", "tests");
    for (count, what) in
        [(run.totals.failures(), "failed"), (run.totals.flaky, "flaky"), (run.totals.skipped, "skipped")]
    {
        if count > 0 {
            words.push_str(&format!(", {} {what}", words::thousands(count)));
        }
    }
    words
}

/// The trend of the latest runs: a chart, and the latest of them as a table.
pub(super) fn runs(retrospect: &Retrospect) -> io::Result<Markup> {
    let runs = latest(retrospect);
    let marked: Vec<_> = runs.iter().map(|run| (run.duration, mark(run))).collect();
    let failed = runs.iter().filter(|run| run.verdict == Some(Verdict::Fail)).count() as u64;
    let shown = words::count(runs.len() as u64, "run", "runs");
    let longest = runs.iter().filter_map(|run| run.duration).max();
    let label = format!(
        "Durations and verdicts of the latest {shown}: {} failed, the longest took {}",
        words::thousands(failed),
        longest.map_or_else(|| "an unknown time".to_owned(), words::exact)
    );
    Ok(html! {
        figure.chart {
            p.scale { (longest.map_or_else(|| "–".to_owned(), words::exact)) }
            div.strip.runs role="img" aria-label=(label) data-strip="runs" data-columns=(chart::columns(runs.len())) {
                (chart::bars(&marked)?)
            }
            @let is_short = runs.len() < chart::columns(runs.len());
            figcaption.ends.short[is_short] {
                @if let (Some(first), Some(last)) = (runs.first(), runs.last()) {
                    span { (shown::moment(first.start)) }
                    @if is_short { span { "to" } }
                    span { (shown::moment(last.start)) }
                }
            }
        }
        ul.legend {
            @for (outcome, what) in [
                (Outcome::Passed, "pass"),
                (Outcome::Failed, "fail"),
                (Outcome::Flaky, "tool error, deferred"),
                (Outcome::Skipped, "no verdict"),
            ] {
                li { (chart::sample(outcome)?) (what) }
            }
            li { "height: how long it took" }
        }
        details {
            summary { "The latest runs as a table" }
            (listed(runs))
        }
    })
}

fn listed(runs: &[PastRun]) -> Markup {
    let columns = [
        Column::Text("Started"),
        Column::Text("Verdict"),
        Column::Text("Tests"),
        Column::Number("Took"),
        Column::Text("Checked out"),
    ];
    let rows = runs.iter().rev().take(ROWS).map(|run| {
        let link = run.link.as_deref().filter(|link| shown::is_web(link));
        let started = html! {
            @if let Some(link) = link { a href=(link) rel="noreferrer" { (shown::moment(run.start)) } }
            @else { (shown::moment(run.start)) }
        };
        let reason = run.reasons.first().filter(|_| run.verdict != Some(Verdict::Pass));
        vec![
            text(started),
            text(html! {
                span class={ "state " (word(run)) } { (word(run)) }
                @if let Some(reason) = reason { span.because { (shown::sentence(&reason.text)) } }
            }),
            text(totals(run)),
            number(shown::time(run.duration), run.duration.unwrap_or_default().as_millis()),
            text(html! { span.key { (shown::checkout(run).unwrap_or_else(|| "–".to_owned())) } }),
        ]
    });
    table("The latest runs", &columns, rows)
}

/// Coverage over time.
pub(super) fn coverage(points: &[CoveragePoint]) -> io::Result<Markup> {
    let share = |point: &CoveragePoint| shown::percent(point.covered, point.total);
    #[expect(clippy::cast_precision_loss, reason = "a place on a chart")]
    let values: Vec<f64> =
        points.iter().filter(|point| point.total > 0).map(|point| point.covered as f64 / point.total as f64).collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Ok(Markup::default()) };
    let by_share = |a: &&CoveragePoint, b: &&CoveragePoint| {
        let cross = |one: &CoveragePoint, other: &CoveragePoint| u128::from(one.covered) * u128::from(other.total);
        cross(a, b).cmp(&cross(b, a))
    };
    let most = points.iter().filter(|point| point.total > 0).max_by(by_share);
    let least = points.iter().filter(|point| point.total > 0).min_by(by_share);
    let label = format!("Coverage went from {} to {} over {} measurements", share(first), share(last), points.len());
    let columns = [Column::Text("Measured"), Column::Number("Covered"), Column::Number("Of"), Column::Text("Commit")];
    let rows = points.iter().rev().take(ROWS).map(|point| {
        vec![
            text(shown::moment(point.at)),
            number(
                html! { (share(point)) " (" (words::thousands(point.covered)) ")" },
                (u128::from(point.covered) * 1_000_000).checked_div(u128::from(point.total)).unwrap_or_default(),
            ),
            number(words::thousands(point.total), point.total),
            text(html! { span.key {
                (point.commit.as_deref().map_or_else(|| "–".to_owned(), shown::name))
            } }),
        ]
    });
    Ok(html! {
        p.lead { strong { (share(last)) } " of " (words::thousands(last.total)) " is covered." }
        figure.chart {
            @if let Some(most) = most { p.scale { (share(most)) } }
            div.area role="img" aria-label=(label) { (chart::area(&values, (1000, 120))?) }
            @if let Some(least) = least { p.scale { (share(least)) } }
            figcaption.ends { span { (shown::moment(first.at)) } span { (shown::moment(last.at)) } }
        }
        details {
            summary { "The latest measurements" }
            (table("The latest measurements of coverage", &columns, rows))
        }
    })
}
