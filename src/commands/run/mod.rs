//! `cargo gate run`: the whole gate of the configuration, from its first step to the verdict.

mod ask;
mod closing;
mod dry_run;
mod engine;
mod isolated;
mod judge;
mod site;
mod step;
mod walk;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use super::complain;
use super::isolation::Isolated;
use super::test::{self, Refused};
use crate::cli::RunArgs;
use crate::config::Pipeline;
use crate::event::Fact;
use crate::exit_code::ExitCode;
use crate::model::{Isolate, StepRecord, StepState};
use crate::pipeline::gating;
use crate::pipeline::manifest::{self, Manifest, Scope};
use crate::pipeline::plan::Planned;
use crate::report::PipelineTerminal;
use ask::Asked;
use closing::Ended;
use judge::Settled;
use site::Site;
use walk::{Observers, Walked, walk};

/// Runs the command.
pub(super) fn run(args: &RunArgs) -> ExitCode {
    let asked = match Asked::find(args) {
        Ok(asked) => asked,
        Err(code) => {
            // It has been said already, where there may be no workspace to say it in.
            tell_refused(args, &Refused::new(code, "the gate could not begin"));
            return code;
        }
    };
    run_asked(&asked).unwrap_or_else(|refused| {
        complain("error", &refused.why);
        tell_refused(args, &refused);
        refused.code
    })
}

/// GitHub hears of a gate that could not begin, and whoever reads reports takes no earlier one for its.
fn tell_refused(args: &RunArgs, refused: &Refused) {
    let mut meant = test::placed(&args.place);
    meant.no_record |= args.no_record;
    if args.dry_run {
        return;
    }
    let mut wrong = refused.tell_github("Gate", &meant, &args.given());
    if refused.outdates_reports(&meant) {
        let gate_dir = refused.gate_dir(&meant);
        wrong = wrong.or(refused.replace_test_reports(gate_dir.as_deref(), args.report.as_deref()));
    }
    wrong.iter().for_each(|text| complain("warning", text));
}

fn run_asked(asked: &Asked<'_>) -> Result<ExitCode, Refused> {
    let pipeline = asked.pipeline()?;
    let planned = asked.plan(pipeline)?;
    if asked.args.dry_run {
        return dry_run::tell(asked, pipeline, &planned);
    }
    if let Some(why) = asked.off() {
        return Ok(closing::switched_off(asked, &planned, &why));
    }
    let gating = gating::of_pipeline(pipeline, &asked.changes);
    let left_out = (!gating.runs).then_some(gating.why.as_str());
    let entered = match pipeline.isolate {
        Isolate::Worktree if gating.runs => isolated::enter(asked),
        Isolate::Worktree | Isolate::None => Ok(None),
    };
    let mut site = Site::new(asked, pipeline, entered.as_ref().ok().and_then(Option::as_ref))?;
    void_what_is_configured_anew(&mut site);
    let gate = Gate { site: &site, planned: &planned, left_out, observers: observers(asked)? };
    match entered {
        Ok(isolated) => gate.run(isolated),
        Err(not_isolated) => gate.give_up(*not_isolated),
    }
}

/// A pipeline about to run.
struct Gate<'g> {
    site: &'g Site<'g>,
    planned: &'g [Planned<'g>],
    /// Why no step runs, where none is to.
    left_out: Option<&'g str>,
    observers: Observers,
}

impl Gate<'_> {
    /// Runs the steps where they are to run, and concludes.
    fn run(mut self, isolated: Option<Isolated>) -> Result<ExitCode, Refused> {
        let (site, planned) = (self.site, self.planned);
        let manifest = self.begin()?;
        // The compiler is asked, and the history opened, beside the first steps.
        let (walked, (store, warnings)) = std::thread::scope(|scope| {
            let begun = scope.spawn(|| closing::begin(site));
            // git and the compiler need not wait for each other. At the end it is too late: the steps may have changed
            // what is looked at, and a worktree is gone.
            scope.spawn(|| site.tested().input_key);
            let walked = match self.left_out {
                None => walk(site, planned, site.asked.args.keep_going, &mut self.observers),
                Some(_) => {
                    let skipped = planned.iter().map(step::skipped).map(Settled::not_begun);
                    Walked { settled: skipped.collect(), ..Walked::default() }
                }
            };
            (walked, begun.join().unwrap_or_default())
        });
        // Where this is not known the next run reads every file again, and that is all.
        let _ = site.survey.save();
        warnings.into_iter().for_each(|text| self.observers.tell(Fact::Warned { id: "history", text }));
        let ended = Ended { site, manifest: &manifest, walked, store, left_out: self.left_out, kept: None };
        let judgement = ended.judgement();
        let kept = isolated::keep(site, judgement.verdict, isolated, &mut self.observers);
        Ok(Ended { kept, ..ended }.conclude(judgement, self.observers).exit_code())
    }

    /// Nothing runs, since there is no place to run in.
    fn give_up(mut self, not_isolated: Settled) -> Result<ExitCode, Refused> {
        let manifest = self.begin()?;
        let (store, warnings) = closing::begin(self.site);
        warnings.into_iter().for_each(|text| self.observers.tell(Fact::Warned { id: "history", text }));
        let interrupted = self.site.signals().interrupt().map(|interrupt| interrupt.signal);
        let why = format!("{} did not pass", not_isolated.record.name);
        let not_run = self.planned.iter().map(|step| {
            let state = if step.runs { StepState::NotRun } else { StepState::Skipped };
            Settled::not_begun(StepRecord { state, why: why.clone(), ..step::blank(step) })
        });
        let settled: Vec<Settled> = [not_isolated].into_iter().chain(not_run).collect();
        for step in &settled {
            self.observers.tell(Fact::StepFinished { step: Arc::new(step.record.clone()) });
        }
        let walked = Walked { settled, interrupted, ..Walked::default() };
        let ended = Ended { site: self.site, manifest: &manifest, walked, store, left_out: None, kept: None };
        let judgement = ended.judgement();
        Ok(ended.conclude(judgement, self.observers).exit_code())
    }

    /// What is meant to run is on the disk before anything does.
    fn begin(&mut self) -> Result<Manifest, Refused> {
        let manifest = meant(self.site, self.planned);
        manifest.save(&self.site.run_dir).map_err(|error| {
            let why = format!("what is to run cannot be written down, so nothing runs: {error}");
            Refused::new(ExitCode::Internal, why)
        })?;
        self.observers.tell(Fact::RunStarted { run_id: self.site.asked.run_id.clone() });
        Ok(manifest)
    }
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

/// Who is told as it goes.
fn observers(asked: &Asked<'_>) -> Result<Observers, Refused> {
    let stream = test::events(asked.args.events.as_ref())?;
    let terminal = Box::new(PipelineTerminal::new(io::stderr(), asked.look));
    Ok(Observers { terminal, stream: stream.map(|stream| Rc::new(RefCell::new(stream))) })
}
