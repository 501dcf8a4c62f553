//! What GitHub shows of a gate: the steps that failed, and those that are only warned of.

use super::{PipelineReport, ending_words};
use crate::model::{StepRecord, StepState};
use crate::report::github::{Annotation, Level};

/// An error for each step that failed or could not be executed, a warning for each that is warned of.
pub(in crate::report) fn of(report: &PipelineReport) -> Vec<Annotation> {
    let told = report.steps.iter().filter_map(|step| match step.state {
        StepState::Failed | StepState::ToolError => Some(of_step(Level::Error, step)),
        StepState::Warned => Some(of_step(Level::Warning, step)),
        _ => None,
    });
    told.collect()
}

fn of_step(level: Level, step: &StepRecord) -> Annotation {
    let why = if step.why.is_empty() { ending_words(step).unwrap_or_default() } else { step.why.clone() };
    let next = step.next.as_ref().map(|next| format!(" (next: {next})")).unwrap_or_default();
    Annotation::new(level, &format!("Step {}", step.name), &format!("{why}{next}"))
}
