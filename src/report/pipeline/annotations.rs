//! GitHub's workflow commands: the steps that failed, and those that are only warned of.

use std::io::{self, Write};

use super::{PipelineReport, ending_words};
use crate::model::{StepRecord, StepState};
use crate::report::github::{capped, message, property};
use crate::report::words;

/// Writes the commands: an error for each step that failed or could not be executed, a warning for each that is warned
/// of; of a gate that is shut without such a step, an error with the reason.
///
/// # Errors
///
/// What the writer says.
pub fn write(report: &PipelineReport, out: &mut dyn Write) -> io::Result<()> {
    let is_error = |step: &&StepRecord| matches!(step.state, StepState::Failed | StepState::ToolError);
    let steps = || report.steps.iter().map(AsRef::as_ref);
    let mut errors: Vec<String> = steps().filter(is_error).map(|step| command("error", step)).collect();
    if errors.is_empty() && report.judgement.verdict.is_failure() {
        errors.push(format!("::error title=Gate::{}", message(report.judgement.sentence())));
    }
    let warnings: Vec<String> = report.steps_in(StepState::Warned).map(|step| command("warning", step)).collect();
    for (level, commands) in [("error", errors), ("warning", warnings)] {
        capped(out, &commands, |rest| {
            let more = words::count(rest, "more step", "more steps");
            format!("::{level} title=Gate::{more}, in the report")
        })?;
    }
    Ok(())
}

fn command(level: &str, step: &StepRecord) -> String {
    let why = if step.why.is_empty() { ending_words(step).unwrap_or_default() } else { step.why.clone() };
    let next = step.next.as_ref().map(|next| format!(" (next: {next})")).unwrap_or_default();
    format!("::{level} title={}::{}", property(&format!("Step {}", step.name)), message(&format!("{why}{next}")))
}
