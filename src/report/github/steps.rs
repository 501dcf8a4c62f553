//! What is said of a gate: the steps that failed, and those that are only warned of.

use super::annotations::{Annotation, Level, Words};
use crate::model::{Reason, StepRecord, StepState};
use crate::report::PipelineReport;
use crate::report::pipeline::ending_words;

/// An error for each step that failed or could not be executed, a warning for each that is warned of.
pub(super) fn annotations(report: &PipelineReport) -> Vec<Annotation<'_>> {
    let told = report.steps.iter().filter_map(|step| Some(Annotation::new(level_of(step)?, move || words(step))));
    told.collect()
}

/// Does the error of a step say it? It says all but what is of the gate as a whole.
pub(super) fn tell(report: &PipelineReport, reason: &Reason) -> bool {
    let is_of_the_whole = ["interrupted", "not-run"].contains(&reason.id.as_str());
    !is_of_the_whole && report.steps.iter().any(|step| level_of(step) == Some(Level::Error))
}

const fn level_of(step: &StepRecord) -> Option<Level> {
    match step.state {
        StepState::Failed | StepState::ToolError => Some(Level::Error),
        StepState::Warned => Some(Level::Warning),
        _ => None,
    }
}

fn words(step: &StepRecord) -> Words {
    let why = if step.why.is_empty() { ending_words(step).unwrap_or_default() } else { step.why.clone() };
    let next = step.next.as_ref().map(|next| format!(" (next: {next})")).unwrap_or_default();
    Words::new(&format!("Step {}", step.name), &format!("{why}{next}"))
}
