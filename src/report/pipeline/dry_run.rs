//! What a gate would run, and why or why not: for people and as a document.

use console::measure_text_width;
use serde::Serialize;

use super::steps;
use crate::model::StepKind;
use crate::report::inert::one_line;
use crate::report::json::SCHEMA_VERSION;
use crate::report::terminal::{Look, Page, Tone};
use crate::report::words;

/// A gate that is only looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DryRun {
    /// The pipeline's name.
    pub pipeline: String,
    /// What it would be run for: `full`, `changed:REF`, `packages:…`.
    pub scope: String,
    /// Would it run at all?
    pub runs: bool,
    /// Why, or why not, in one sentence.
    pub why: String,
    /// The patterns that say whether a change concerns it, as far as changes are looked at.
    pub patterns: Vec<PatternLine>,
    /// Its steps in the order of the plan.
    pub steps: Vec<PlanLine>,
}

/// A pattern, and what it matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PatternLine {
    /// As it is written.
    pub pattern: String,
    /// How many changed files it matches; none where no changes are looked at.
    pub files: Option<usize>,
    /// One of them.
    pub example: Option<String>,
}

/// A step that is only looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PlanLine {
    /// Its name.
    pub name: String,
    /// What sort it is.
    pub kind: StepKind,
    /// What would become of it.
    pub will: Will,
    /// Why, in one sentence.
    pub why: String,
    /// What would be run, as words.
    pub command: Vec<String>,
    /// What it depends on; none: every file.
    pub inputs: Vec<PatternLine>,
    /// The steps that come before it.
    pub needs: Vec<String>,
}

/// What would become of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Will {
    /// It would run.
    #[default]
    Run,
    /// It passed on the same content before.
    Cached,
    /// It would be left out.
    Skip,
}

impl Will {
    const fn word(self) -> (&'static str, Tone) {
        match self {
            Self::Run => ("RUN", Tone::Good),
            Self::Cached => ("CACHED", Tone::Note),
            Self::Skip => ("SKIP", Tone::Dim),
        }
    }
}

/// The document of `cargo gate run --dry-run --format json`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct DryRunDocument<'r> {
    schema_version: u32,
    pipeline: &'r str,
    scope: &'r str,
    runs: bool,
    why: &'r str,
    patterns: &'r [PatternLine],
    steps: &'r [PlanLine],
}

/// The document of a gate that is only looked at.
#[must_use]
pub fn document(plan: &DryRun) -> DryRunDocument<'_> {
    DryRunDocument {
        schema_version: SCHEMA_VERSION,
        pipeline: &plan.pipeline,
        scope: &plan.scope,
        runs: plan.runs,
        why: &plan.why,
        patterns: &plan.patterns,
        steps: &plan.steps,
    }
}

/// The page for people: the gate, what the changes say of it, and each step with the reason.
#[must_use]
pub fn page(plan: &DryRun, look: Look) -> String {
    let page = Page::of(look);
    let (word, tone) = if plan.runs { ("Plan", Tone::Strong) } else { ("SKIP", Tone::Soft) };
    let mut out = page.sentence(tone, word, &sentence(plan));
    if !plan.why.is_empty() {
        out.push_str(&page.flow(&" ".repeat(page.indent()), &one_line(&plan.why)));
    }
    patterns(&mut out, &page, "", &plan.patterns);
    if !plan.steps.is_empty() {
        out.push_str(&page.rule("Steps"));
    }
    for step in &plan.steps {
        self::step(&mut out, &page, step);
    }
    out
}

/// `default, full: 3 of 5 steps would run, 1 is cached, 1 is left out`.
fn sentence(plan: &DryRun) -> String {
    let count = |will| plan.steps.iter().filter(|step| step.will == will).count();
    let of = words::count(plan.steps.len() as u64, "step", "steps");
    let mut text =
        format!("{}, {}: {} of {of} would run", one_line(&plan.pipeline), one_line(&plan.scope), count(Will::Run));
    for (will, word) in [(Will::Cached, "cached"), (Will::Skip, "left out")] {
        if count(will) > 0 {
            text.push_str(&format!(", {} {word}", count(will)));
        }
    }
    text
}

fn step(out: &mut String, page: &Page<()>, step: &PlanLine) {
    let (word, tone) = step.will.word();
    let head = format!("{}{}", page.status(tone, word), steps::name(page, &step.name, step.kind));
    let indent = " ".repeat(page.indent());
    let why = one_line(&step.why);
    let whole = format!("{head}  {why}");
    match (why.is_empty(), page.fits(&whole)) {
        (true, _) => out.push_str(&format!("{head}\n")),
        (false, true) => out.push_str(&format!("{whole}\n")),
        (false, false) => out.push_str(&format!("{head}\n{}", page.flow(&indent, &why))),
    }
    if !step.command.is_empty() {
        // It is there to be copied: it is never broken.
        let command = one_line(&steps::command_line(&step.command));
        out.push_str(&format!("{indent}{}\n", page.ink.paint(Tone::Path, &command)));
    }
    if !step.needs.is_empty() {
        let needs: Vec<String> = step.needs.iter().map(|name| one_line(name)).collect();
        let text = format!("after {}", needs.join(", "));
        out.push_str(&page.flow(&indent, &page.ink.paint(Tone::Dim, &text)));
    }
    patterns(out, page, "inputs ", &step.inputs);
}

/// Below each other: the pattern, how many changed files it matches, and one of them.
fn patterns(out: &mut String, page: &Page<()>, label: &str, patterns: &[PatternLine]) {
    /// A longer pattern does not move the others.
    const WIDEST: usize = 32;
    let shown: Vec<String> = patterns.iter().map(|line| one_line(&line.pattern)).collect();
    let widths = shown.iter().map(|pattern| measure_text_width(pattern)).filter(|width| *width <= WIDEST);
    let column = widths.max().unwrap_or_default();
    for (i, (line, pattern)) in patterns.iter().zip(&shown).enumerate() {
        let label = if i == 0 { page.ink.paint(Tone::Dim, label) } else { " ".repeat(label.len()) };
        let head = format!("{}{label}{pattern}", " ".repeat(page.indent()));
        let files = match (line.files, &line.example) {
            (None, _) => {
                out.push_str(&format!("{head}\n"));
                continue;
            }
            (Some(0), _) => page.ink.paint(Tone::Dim, "no changed file"),
            (Some(1), Some(example)) => one_line(example),
            (Some(files), example) => {
                let example = example.as_ref().map(|example| format!(", such as {}", one_line(example)));
                let count = words::count(files as u64, "file", "files");
                format!("{count}{}", example.unwrap_or_default())
            }
        };
        let padding = " ".repeat(column.saturating_sub(measure_text_width(pattern)));
        out.push_str(&page.flow_at(&format!("{head}{padding}  "), &files, page.indent() + 2));
    }
}
