//! The words of the judge: each a phrase that a newcomer understands without having read about the rule.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::baseline::{Baseline, Subject, Tools};
use super::map::Counting;
use super::verdict::{Case, Counted, Rule};
use crate::config::Metric;
use crate::model::write_duration;
use crate::ratio::{Percent, Ratio, Share};

pub(super) const AFTER_NO_MEASUREMENT: &str = "`cargo gate doctor` says what the measurer lacks";

/// `850 of 1000 lines are covered (85.00 %)`.
fn have(rule: &Rule, subject: &Subject, ratio: Ratio) -> String {
    let whose = match subject {
        Subject::Workspace => String::new(),
        Subject::Package(name) => format!("package `{name}`: "),
        Subject::File(path) => format!("`{path}`: "),
    };
    let (covered, metric) = (of_total(ratio), rule.metric);
    let are = if ratio.covered() == 1 { "is" } else { "are" };
    format!("{whose}{covered} {metric} {are} covered ({ratio} %)")
}

fn of_total(ratio: Ratio) -> String {
    format!("{} of {}", ratio.covered(), ratio.total())
}

/// `the baseline of 85.00 %`, with what else is known of it where that helps.
fn the_baseline(baseline: &Baseline) -> String {
    format!("the baseline of {} %", baseline.share)
}

/// `85.00 % (850 of 1000, at 1a2b3c4d)`.
fn in_full(baseline: &Baseline) -> String {
    let counted = match baseline.share {
        Share::Counted(ratio) => Some(of_total(ratio)),
        Share::Percent(_) => None,
    };
    let commit = baseline.commit.as_deref().map(|commit| format!("at {}", commit.get(..8).unwrap_or(commit)));
    let known: Vec<String> = counted.into_iter().chain(commit).collect();
    match known.is_empty() {
        true => format!("{} %", baseline.share),
        false => format!("{} % ({})", baseline.share, known.join(", ")),
    }
}

fn tolerance(epsilon: Percent) -> String {
    if epsilon == Percent::ZERO { String::new() } else { format!(" less {epsilon} points of tolerance") }
}

/// `2 more lines must be covered`.
fn missing(metric: Metric, lacks: u64) -> String {
    format!("{lacks} more {} must be covered", if lacks == 1 { singular(metric) } else { metric.to_string() })
}

fn singular(metric: Metric) -> String {
    match metric {
        Metric::Branches => "branch".to_owned(),
        Metric::Lines | Metric::Regions | Metric::Functions => metric.to_string().trim_end_matches('s').to_owned(),
    }
}

pub(super) fn below_floor(rule: &Rule, case: &Case<'_>, counts: &Counted, floor: Percent, lacks: u64) -> String {
    let (have, tolerance) = (have(rule, case.subject, counts.ratio), tolerance(rule.epsilon));
    format!("{have}, and the floor asks for {floor} %{tolerance}: {}", missing(rule.metric, lacks))
}

pub(super) fn below_baseline(
    rule: &Rule,
    case: &Case<'_>,
    counts: &Counted,
    baseline: &Baseline,
    lacks: u64,
) -> String {
    let (have, tolerance) = (have(rule, case.subject, counts.ratio), tolerance(rule.epsilon));
    format!("{have}, and the baseline asks for {}{tolerance}: {}", in_full(baseline), missing(rule.metric, lacks))
}

pub(super) fn removal(rule: &Rule, case: &Case<'_>, counts: &Counted, baseline: &Baseline) -> String {
    let (have, metric) = (have(rule, case.subject, counts.ratio), rule.metric);
    let before = baseline.share.counted().map_or(0, Ratio::uncovered);
    format!(
        "{have}, below {}, and only because covered {metric} were deleted ({} are uncovered, {before} were): \
         that is allowed here",
        the_baseline(baseline),
        counts.ratio.uncovered(),
    )
}

pub(super) fn pass(rule: &Rule, case: &Case<'_>, counts: &Counted, baseline: Option<&Baseline>) -> String {
    let have = have(rule, case.subject, counts.ratio);
    let floor = rule.floor_in_force();
    let exact = |wanted: Ratio| counts.ratio.reaches(wanted, Percent::ZERO);
    let needs_tolerance = floor.is_some_and(|floor| !exact(floor.ratio()))
        || baseline.is_some_and(|baseline| !exact(baseline.share.ratio()));
    let within = if needs_tolerance { format!(" within {} points of tolerance", rule.epsilon) } else { String::new() };
    let asks_baseline = rule.policy != crate::config::CoveragePolicy::Absolute;
    let held = match (floor, baseline) {
        (Some(floor), Some(baseline)) => format!("the floor of {floor} % and {} hold{within}", the_baseline(baseline)),
        (None, Some(baseline)) => format!("{} holds{within}", the_baseline(baseline)),
        (Some(floor), None) if asks_baseline => {
            format!("the floor of {floor} % holds{within}, and there is no baseline yet")
        }
        (Some(floor), None) => format!("the floor of {floor} % holds{within}"),
        (None, None) if asks_baseline => "there is no baseline yet to hold it against (bootstrap)".to_owned(),
        (None, None) => "no floor is set".to_owned(),
    };
    format!("{have}: {held}")
}

pub(super) fn counting_changed(case: &Case<'_>, counts: &Counted, baseline: &Baseline) -> String {
    let was = baseline.counting.unwrap_or_default();
    let how = |counting| match counting {
        Counting::Summary => "function by function, by llvm-cov",
        Counting::Lines => "line by line, as lcov does",
    };
    format!(
        "the baseline of the {} was counted {}, and this figure {}: they cannot be compared",
        case.subject,
        how(was),
        how(counts.counting),
    )
}

pub(super) fn tools_changed(case: &Case<'_>, was: &Tools) -> String {
    let (now, flags) = (case.tools, case.flags);
    format!(
        "the tools changed since the baseline was measured ({was}; now {now}), which can move figures without any \
         change of code: if so, `cargo gate baseline reset{flags} --reason \"new tools\"` begins anew"
    )
}

/// What to do next, after this failure. The report of a measurement holds the workspace's figure alone.
pub(super) fn next(case: &Case<'_>, first: &str, measured: Ratio) -> String {
    let (subject, flags) = (case.subject, case.flags);
    let (of, figure) = match subject {
        Subject::Workspace => (flags.to_owned(), String::new()),
        Subject::Package(_) | Subject::File(_) => {
            (format!(" --subject '{subject}'{flags}"), format!(" {}/{}", measured.covered(), measured.total()))
        }
    };
    match first {
        "counting-changed" => {
            format!("`cargo gate baseline reset{of} --reason \"…\"` begins anew with the new counting, and keeps why")
        }
        "below-floor" => "`cargo gate report --open` shows what is uncovered; the floor is set by `coverage.floor`, \
                          `--floor` and `[[floor]]`"
            .to_owned(),
        _ => format!(
            "`cargo gate report --open` shows what is uncovered; `cargo gate baseline set{figure}{of} --reason \"…\"` accepts \
             the lower figure, and keeps why"
        ),
    }
}

pub(super) fn worst(metric: Metric, worst: &[(&Utf8Path, u64)]) -> Option<String> {
    let one = |(path, uncovered): &(&Utf8Path, u64)| {
        let what = if *uncovered == 1 { singular(metric) } else { metric.to_string() };
        format!("`{path}` ({uncovered} {what})")
    };
    let files: Vec<String> = worst.iter().map(one).collect();
    (!files.is_empty()).then(|| format!("most is uncovered in {}", files.join(", ")))
}

pub(super) fn nothing_to_cover(metric: Metric, counting: Counting) -> String {
    let hint = match (metric, counting) {
        (Metric::Branches, Counting::Summary) => {
            " (branches are measured with `--branch`, which needs a nightly compiler)"
        }
        (Metric::Regions | Metric::Functions | Metric::Branches, Counting::Lines) => {
            " (what is counted line by line may know none of them: use `--metric lines`)"
        }
        _ => "",
    };
    format!("there are no {metric} to cover{hint}")
}

pub(super) fn timed_out(limit: Duration) -> String {
    format!("the measurement took longer than {}", write_duration(limit))
}

pub(super) fn unreadable_ratchet(why: &str) -> String {
    format!("the baselines cannot be read, so nothing can be held against them: {why}")
}

pub(super) fn failed_tests(count: u64) -> String {
    format!("{} failed, so coverage is shown and not judged", number(count, "test"))
}

pub(super) fn incomplete(lost: &[String]) -> String {
    const NAMED: usize = 3;
    let mut names = lost.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if lost.len() > NAMED {
        names.push_str(&format!(" and {} more", lost.len() - NAMED));
    }
    format!(
        "the measurement is incomplete: {} left no profile because it was killed or aborted ({names}); this figure becomes \
         no baseline",
        number(lost.len() as u64, "process"),
    )
}

pub(super) fn fewer_files(case: &Case<'_>, now: u64, before: u64) -> String {
    let flags = case.flags;
    format!(
        "{} measured, and the baseline has {before}: this figure becomes no baseline by itself; if that is meant, \
         `cargo gate baseline set{flags} --reason \"…\"` takes it over",
        if now == 1 { "1 file was".to_owned() } else { format!("{now} files were") },
    )
}

/// Files that are none of the workspace's, of so many.
pub(super) fn foreign(foreign: &[Utf8PathBuf], files: u64) -> String {
    const NAMED: usize = 3;
    let mut names = foreign.iter().take(NAMED).map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
    if foreign.len() > NAMED {
        names.push_str(&format!(" and {} more", foreign.len() - NAMED));
    }
    let outside = foreign.len() as u64;
    if outside < files {
        let (lie, count) = if outside == 1 { ("lies", "counts") } else { ("lie", "count") };
        return format!(
            "{outside} of {files} files {lie} outside of this workspace ({names}) and {count} all the same, so this \
             figure becomes no baseline: `[[exempt]]` in the configuration leaves files out"
        );
    }
    let what = if outside == 1 { "the one file lies".to_owned() } else { format!("all {outside} files lie") };
    format!(
        "{what} outside of this workspace ({names}), so they were measured in another place: measure here, or hand over \
         files with paths relative to the workspace root"
    )
}

/// "`a` is", "`a`, `b` are".
pub(super) fn are(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("{} {}", quoted.join(", "), if names.len() == 1 { "is" } else { "are" })
}

fn number(count: u64, one: &str) -> String {
    match (count, one.ends_with('s')) {
        (1, _) => format!("1 {one}"),
        (_, true) => format!("{count} {one}es"),
        (_, false) => format!("{count} {one}s"),
    }
}
