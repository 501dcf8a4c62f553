//! `--dry-run`: what would run, and why or why not.

use std::io::{self, Write};

use super::ask::Asked;
use super::step;
use crate::cli::Format;
use crate::commands::place::color_choice;
use crate::commands::test::Refused;
use crate::commands::written;
use crate::config::Pipeline;
use crate::exit_code::ExitCode;
use crate::pipeline::gating::{self, Gating};
use crate::pipeline::plan::Planned;
use crate::report::Look;
use crate::report::json::write_line;
use crate::report::pipeline::{DryRun, PatternLine, PlanLine, Will, dry_run};
use crate::sys::term::{Output, Surroundings};

/// Shows the plan; runs nothing, and keeps nothing.
pub(super) fn tell(asked: &Asked<'_>, pipeline: &Pipeline, planned: &[Planned<'_>]) -> Result<ExitCode, Refused> {
    let gating = match asked.off() {
        Some(why) => Gating { runs: false, why, patterns: Vec::new() },
        None => gating::of_pipeline(pipeline, &asked.changes),
    };
    let cached = step::Known::look(asked, pipeline, planned);
    let plan = DryRun {
        pipeline: asked.args.pipeline.clone(),
        scope: asked.changes.scope().to_owned(),
        runs: gating.runs,
        patterns: lines(&gating),
        why: gating.why,
        steps: planned.iter().map(|step| line(step, &cached)).collect(),
    };
    let mut stdout = io::stdout().lock();
    let shown = match asked.args.format {
        Format::Json => write_line(&mut stdout, &dry_run::document(&plan)),
        Format::Human => {
            let look = Look { columns: Surroundings::read().columns_of_answers(), color: color(asked), ..asked.look };
            stdout.write_all(dry_run::page(&plan, look).as_bytes())
        }
    };
    Ok(written(shown.and_then(|()| stdout.flush()), ExitCode::Pass))
}

/// It is an answer, and goes where answers go.
fn color(asked: &Asked<'_>) -> bool {
    let choice = color_choice(asked.args.place.color.as_deref());
    Surroundings::read().color(choice, Output::Stdout)
}

fn line(planned: &Planned<'_>, cached: &step::Known) -> PlanLine {
    let (will, why) = match (planned.runs, cached.of(&planned.name)) {
        (false, _) => (Will::Skip, planned.why.clone()),
        (true, Some(Ok(why))) => (Will::Cached, why.clone()),
        // Without a list of changes the cache alone has something to say.
        (true, Some(Err(why))) if planned.gating.as_ref().is_none_or(|gating| gating.patterns.is_empty()) => {
            (Will::Run, why.clone())
        }
        (true, Some(Err(why))) => (Will::Run, format!("{}; {why}", planned.why)),
        (true, None) => (Will::Run, planned.why.clone()),
    };
    PlanLine {
        name: planned.name.clone(),
        kind: planned.kind,
        will,
        why,
        command: step::command_of(planned),
        inputs: planned.gating.as_ref().map(lines).unwrap_or_default(),
        needs: planned.needs.clone(),
    }
}

fn lines(gating: &Gating) -> Vec<PatternLine> {
    let line = |one: &gating::PatternMatch| PatternLine {
        pattern: one.pattern.clone(),
        files: Some(one.files),
        example: one.example.as_ref().map(ToString::to_string),
    };
    gating.patterns.iter().map(line).collect()
}
