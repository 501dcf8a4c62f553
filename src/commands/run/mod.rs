//! `cargo gate run`: the whole gate of the configuration, from its first step to the verdict.

mod ask;
mod closing;
mod dry_run;
mod engine;
mod judge;
mod site;
mod step;
mod walk;

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::rc::Rc;

use super::complain;
use super::test::Refused;
use crate::cli::{Events, Keep, RunArgs};
use crate::config::Pipeline;
use crate::event::{Fact, Observer};
use crate::exit_code::ExitCode;
use crate::model::{Isolate, StepRecord, StepState, Verdict};
use crate::pipeline::gating;
use crate::pipeline::manifest::{self, Manifest, Scope};
use crate::pipeline::plan::Planned;
use crate::report::{EventStream, PipelineTerminal};
use crate::sys::worktree::Worktree;
use ask::Asked;
use closing::Ended;
use judge::Settled;
use site::Site;
use walk::{Observers, Walked, walk};

/// Runs the command.
pub(super) fn run(args: &RunArgs) -> ExitCode {
    let asked = match Asked::find(args) {
        Ok(asked) => asked,
        Err(code) => return code,
    };
    run_asked(&asked).unwrap_or_else(|refused| {
        complain("error", &refused.why);
        refused.code
    })
}

fn run_asked(asked: &Asked<'_>) -> Result<ExitCode, Refused> {
    let pipeline = asked.pipeline()?;
    let planned = asked.plan(pipeline)?;
    if asked.args.dry_run {
        return dry_run::tell(asked, pipeline, &planned);
    }
    let gating = gating::of_pipeline(pipeline, &asked.changes);
    let left_out = (!gating.runs).then_some(gating.why.as_str());
    let worktree = match pipeline.isolate {
        Isolate::Worktree if gating.runs => Some(isolate(asked)?),
        Isolate::Worktree | Isolate::None => None,
    };
    let mut site = Site::new(asked, pipeline, worktree.as_ref().map(Worktree::path))?;
    void_what_is_configured_anew(&mut site);
    let observers = observers(asked)?;
    let (judgement, worktree) = run_in(&site, &planned, left_out, observers, worktree)?;
    drop(worktree);
    Ok(judgement)
}

/// Runs the steps where they are to run, and concludes.
fn run_in(
    site: &Site<'_>,
    planned: &[Planned<'_>],
    left_out: Option<&str>,
    mut observers: Observers,
    worktree: Option<Worktree>,
) -> Result<(ExitCode, Option<Worktree>), Refused> {
    let manifest = meant(site, planned);
    manifest.save(&site.run_dir).map_err(|error| {
        Refused::new(ExitCode::Internal, format!("what is to run cannot be written down, so nothing runs: {error}"))
    })?;
    observers.tell(Fact::RunStarted { run_id: site.asked.run_id.clone() });
    // The compiler is asked, and the history opened, beside the first steps.
    let (walked, (store, warnings)) = std::thread::scope(|scope| {
        let begun = scope.spawn(|| closing::begin(site));
        let walked = match left_out {
            None => walk(site, planned, site.asked.args.keep_going, &mut observers),
            Some(_) => Walked { settled: planned.iter().map(skipped).collect(), ..Walked::default() },
        };
        (walked, begun.join().unwrap_or_default())
    });
    // Who runs next reads less where this is known; else it reads all of it again.
    let _ = site.survey.save();
    warnings.into_iter().for_each(|text| observers.tell(Fact::Warned { id: "history", text }));
    let ended = Ended { site, manifest: &manifest, walked, store, left_out, kept: None };
    let judgement = ended.judgement();
    let (worktree, kept) = keep(site, judgement.verdict, worktree);
    let judgement = Ended { kept, ..ended }.conclude(judgement, observers);
    Ok((judgement.exit_code(), worktree))
}

fn skipped(planned: &Planned<'_>) -> Settled {
    Settled::not_begun(StepRecord { state: StepState::Skipped, ..step::blank(planned) })
}

/// What is meant to run, in plan order.
fn meant(site: &Site<'_>, planned: &[Planned<'_>]) -> Manifest {
    let asked = site.asked;
    let commands: Vec<(&str, Vec<String>)> =
        planned.iter().filter(|step| step.runs).map(|step| (step.name.as_str(), step::command_of(step))).collect();
    let steps = commands.iter().map(|(name, command)| manifest::Planned { name, command });
    let scope = match asked.changes.scope().strip_prefix("changed:") {
        Some(of) => Scope::Changed(of.to_owned()),
        None => Scope::Full,
    };
    Manifest::new(&asked.run_id, &site.root, &scope, steps)
}

/// Entries of steps that a changed file configures count for nothing. R23: that they cannot be removed stops nothing.
fn void_what_is_configured_anew(site: &mut Site<'_>) {
    let pipeline: &Pipeline = site.pipeline;
    let Some((_, file)) = gating::touches_config(&pipeline.config_files, &site.asked.changes) else { return };
    if let Err(error) = site.cache.void(pipeline, &file) {
        complain("warning", &format!("what is cached from before {file} changed cannot be removed: {error}"));
    }
}

/// The commit in a place of its own.
fn isolate(asked: &Asked<'_>) -> Result<Worktree, Refused> {
    Worktree::add(&asked.place.workspace.root, "HEAD").map_err(|error| site::not_isolated(&error))
}

/// Keeps the worktree where that is asked for; gives what is to be removed, and where the other is.
fn keep(
    site: &Site<'_>,
    verdict: Verdict,
    worktree: Option<Worktree>,
) -> (Option<Worktree>, Option<camino::Utf8PathBuf>) {
    let keeps = match site.asked.args.keep {
        Some(Keep::Always) => true,
        Some(Keep::Failed) => verdict.is_failure(),
        None => false,
    };
    match worktree {
        Some(worktree) if keeps => (None, Some(worktree.keep())),
        worktree => (worktree, None),
    }
}

/// Who is told as it goes.
fn observers(asked: &Asked<'_>) -> Result<Observers, Refused> {
    let stream: Option<Box<dyn Observer>> = match &asked.args.events {
        None => None,
        Some(Events::Stdout) => Some(Box::new(EventStream::new(io::stdout()))),
        Some(Events::File(path)) => {
            let file = File::create(path).map_err(|error| {
                Refused::new(ExitCode::Usage, format!("cannot write the events to `{}`: {error}", path.display()))
            })?;
            Some(Box::new(EventStream::new(io::BufWriter::with_capacity(0, file))))
        }
    };
    let terminal = Box::new(PipelineTerminal::new(io::stderr(), asked.look));
    Ok(Observers { terminal, stream: stream.map(|stream| Rc::new(RefCell::new(stream))) })
}
