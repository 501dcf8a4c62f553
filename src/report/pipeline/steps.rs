//! A step on a line: what became of it, after how long, which, what sort it is, and why.

use super::ending_words;
use crate::model::{StepKind, StepRecord, StepState};
use crate::report::inert::{inert, one_line};
use crate::report::markup::shell_word;
use crate::report::terminal::{Page, Tone};
use crate::report::words;

/// How many lines of a failing step's output are shown.
const TAIL: usize = 30;

/// The status of a step, as its line says it.
pub(super) const fn word(state: StepState) -> (&'static str, Tone) {
    match state {
        StepState::Passed => ("PASS", Tone::Good),
        StepState::Failed => ("FAIL", Tone::Bad),
        StepState::Warned => ("WARN", Tone::Soft),
        StepState::Ignored => ("IGNORE", Tone::Dim),
        StepState::Cached => ("CACHED", Tone::Note),
        StepState::Skipped => ("SKIP", Tone::Dim),
        StepState::NotRun => ("NOT RUN", Tone::Dim),
        StepState::ToolError => ("ERROR", Tone::Bad),
    }
}

/// The states in the order in which they are counted, and the words of the count.
pub(super) const COUNTED: [(StepState, &str); 8] = [
    (StepState::Passed, "passed"),
    (StepState::Cached, "cached"),
    (StepState::Failed, "failed"),
    (StepState::ToolError, "not executed"),
    (StepState::Warned, "warned"),
    (StepState::Ignored, "ignored"),
    (StepState::Skipped, "skipped"),
    (StepState::NotRun, "not run"),
];

/// A step's name, and what sort it is where the name does not say so.
pub(super) fn name<W>(page: &Page<W>, name: &str, kind: StepKind) -> String {
    let shown = page.ink.paint(Tone::Strong, &words::middle(&one_line(name), words::LONGEST_NAME));
    let kind = kind.to_string();
    if name == kind { shown } else { format!("{shown}{}", page.ink.paint(Tone::Dim, &format!(" ({kind})"))) }
}

/// Did it take its time in this very run?
pub(super) fn ran(step: &StepRecord) -> bool {
    step.state.is_executed() && step.state != StepState::Cached
}

/// What became of it and after how long, and its name behind that.
fn head<W>(page: &Page<W>, step: &StepRecord) -> String {
    let (word, tone) = word(step.state);
    let time = if ran(step) { format!("{} ", page.bracket(&words::exact(step.took))) } else { no_time(page) };
    format!("{}{time}{}", page.status(tone, word), name(page, &step.name, step.kind))
}

/// As wide as a time, where times stand in a column.
pub(super) fn no_time<W>(page: &Page<W>) -> String {
    if page.is_narrow() { String::new() } else { " ".repeat(page.bracket("").len() + 1) }
}

/// The line alone.
pub(super) fn row<W>(page: &Page<W>, step: &StepRecord) -> String {
    format!("{}\n", head(page, step))
}

/// The line and why: behind it where there is room, else below.
pub(super) fn line<W>(page: &Page<W>, step: &StepRecord) -> String {
    let head = head(page, step);
    let why = match (step.state, step.why.is_empty()) {
        (StepState::Passed, _) => String::new(),
        (StepState::ToolError, false) => format!("{}; this is no fault of the code", step.why.trim_end_matches('.')),
        (_, false) => step.why.clone(),
        (_, true) => ending_words(step).unwrap_or_default(),
    };
    let why = one_line(&why);
    let whole = format!("{head}  {why}");
    if why.is_empty() {
        format!("{head}\n")
    } else if page.fits(&whole) {
        format!("{whole}\n")
    } else {
        format!("{head}\n{}", page.flow(&" ".repeat(page.indent()), &why))
    }
}

/// The last of what it printed, set off from everything else; nothing where it printed nothing.
pub(super) fn output(step: &StepRecord) -> String {
    let text = inert(&step.tail);
    let lines: Vec<&str> = text.trim_matches('\n').lines().collect();
    if text.trim().is_empty() {
        return String::new();
    }
    let left_out = lines.len().saturating_sub(TAIL);
    let mut out = String::from("\n");
    if left_out > 0 {
        out.push_str(&format!("    … {} before\n", words::count(left_out as u64, "line", "lines")));
    }
    for line in &lines[left_out..] {
        out.push_str(format!("    {line}").trim_end());
        out.push('\n');
    }
    out.push('\n');
    out
}

/// Where all that it printed lies.
pub(super) fn log<W>(page: &Page<W>, step: &StepRecord) -> Option<String> {
    step.log
        .as_ref()
        .map(|log| page.sentence(Tone::Strong, "Log", &page.ink.paint(Tone::Path, &one_line(log.as_str()))))
}

/// What to call next.
pub(super) fn next<W>(page: &Page<W>, next: &str) -> String {
    page.sentence(Tone::Note, "Next", &one_line(next))
}

/// A command as it would be typed.
pub(super) fn command_line(command: &[String]) -> String {
    let words: Vec<String> = command.iter().map(|word| shell_word(word)).collect();
    words.join(" ")
}
