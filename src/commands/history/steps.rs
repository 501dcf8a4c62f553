//! The steps of a pipeline that is on record, as its manifests tell of them.

use std::io::Write;

use camino::{Utf8Component, Utf8Path};
use console::Style;

use super::verbs::{Result, is_pipeline};
use crate::commands::complain;
use crate::history::store::StoredRun;
use crate::model::{RunState, StepState};
use crate::pipeline::manifest::{self, Kept, Manifest, StepDone};
use crate::report::inert::one_line;
use crate::report::words;

/// What the run meant to do and what it did, as far as its folder is here: one that was merged has none.
pub(super) fn kept(gate_dir: &Utf8Path, run: &StoredRun) -> Kept {
    let name = Utf8Path::new(run.head.id.as_str());
    // A name may come from another machine, and is a folder's here only where it is nothing else.
    let is_folder = matches!(name.components().collect::<Vec<_>>()[..], [Utf8Component::Normal(_)]);
    if !is_pipeline(run) || !is_folder {
        return Kept::default();
    }
    manifest::load(&gate_dir.join("runs").join(name)).unwrap_or_else(|error| {
        complain("warning", &format!("the steps are not known: {error}"));
        Kept::default()
    })
}

/// `2 of 5 executed, scope full`.
pub(super) fn counted(kept: &Kept) -> String {
    let Some(meant) = &kept.meant else { return "not known: no manifest of it is here to be read".to_owned() };
    let count = match &kept.done {
        Some(done) => format!("{} of {} executed", done.commands_executed, done.commands_expected),
        None => format!("{} meant", meant.ids.len()),
    };
    format!("{count}, scope {}", meant.scope)
}

/// Each step: what was meant, what became of it, and why.
pub(super) fn show(run: &StoredRun, kept: &Kept, out: &mut dyn Write) -> Result<()> {
    match kept {
        Kept { done: Some(done), meant } => done.steps.iter().try_for_each(|step| show_done(step, meant.as_ref(), out)),
        Kept { done: None, meant: Some(meant) } => {
            let told = match run.state {
                RunState::Running => "it goes on; these steps are meant:",
                _ => "it was killed before it could say what it ran; these steps were meant:",
            };
            writeln!(out, "{:<10} {told}", "")?;
            meant.ids.iter().try_for_each(|name| show_meant(name, meant, out))
        }
        Kept { done: None, meant: None } => Ok(()),
    }
}

fn show_meant(name: &str, meant: &Manifest, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{:<10} {:>7}  {}", "meant", "", one_line(name))?;
    command(name, meant, out)
}

fn show_done(step: &StepDone, meant: Option<&Manifest>, out: &mut dyn Write) -> Result<()> {
    let StepDone { state, name, why, .. } = step;
    let style = match state {
        StepState::Passed | StepState::Cached => Style::new().green(),
        StepState::Failed | StepState::ToolError => Style::new().red(),
        StepState::Warned => Style::new().yellow(),
        StepState::Ignored | StepState::Skipped | StepState::NotRun => Style::new().dim(),
    };
    let ran = state.is_executed() && !step.cached;
    let time = if ran { words::exact(step.took()) } else { String::new() };
    // Why something passed nobody asks.
    let why = if *state == StepState::Passed { "" } else { why.as_str() };
    let colon = if why.is_empty() { "" } else { ": " };
    let state = format!("{state:<10}");
    writeln!(out, "{} {time:>7}  {}{colon}{}", style.apply_to(state), one_line(name), one_line(why))?;
    if let (false, Some(meant)) = (step.ok, meant) {
        command(name, meant, out)?;
    }
    let log = step.log.as_ref().filter(|_| ran && !step.ok);
    log.map_or(Ok(()), |log| writeln!(out, "    log {}", one_line(log.as_str())))?;
    let tests = step.run_id.as_ref();
    tests.map_or(Ok(()), |run| writeln!(out, "    run {}", one_line(run.as_str())))?;
    Ok(())
}

/// What the step was to run.
fn command(name: &str, meant: &Manifest, out: &mut dyn Write) -> Result<()> {
    let of_name = meant.ids.iter().zip(&meant.expected_commands).find(|(id, _)| *id == name);
    of_name.map_or(Ok(()), |(_, command)| writeln!(out, "    $ {}", one_line(command)))?;
    Ok(())
}
