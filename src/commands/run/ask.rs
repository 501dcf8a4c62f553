//! What is asked, put together: workspace, pipeline, what changed, how it is told.

use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use jiff::Timestamp;

use crate::cli::RunArgs;
use crate::commands::place::{Place, cargo, color_choice};
use crate::commands::stage::Stage;
use crate::commands::test::{Refused, rustc_version};
use crate::commands::{complain, github};
use crate::config::settings::DISABLE;
use crate::config::{Pipeline, nearest};
use crate::exit_code::ExitCode;
use crate::model::RunId;
use crate::pipeline::gating::{Changes, named_both_ways, parse_changed_files};
use crate::pipeline::plan::{self, Ask, Planned};
use crate::report::{Look, Verbosity};
use crate::sys::git;
use crate::sys::random::random;
use crate::sys::signals::Signals;
use crate::sys::term::{Output, Surroundings};

/// Everything that is known before the first step.
pub(super) struct Asked<'a> {
    pub(super) args: &'a RunArgs,
    pub(super) place: Place,
    pub(super) changes: Changes,
    pub(super) signals: Signals,
    pub(super) look: Look,
    pub(super) run_id: RunId,
    pub(super) start: Timestamp,
    pub(super) since: Instant,
    /// What `rustc -vV` says here, asked beside everything else.
    rustc: Mutex<Option<JoinHandle<String>>>,
}

impl<'a> Asked<'a> {
    /// Finds it all. What goes wrong has been said by then.
    pub(super) fn find(args: &'a RunArgs) -> Result<Self, ExitCode> {
        let (since, start) = (Instant::now(), Timestamp::now());
        let signals = Signals::listen();
        let rustc = thread::spawn(|| Stage::here().map(|stage| rustc_version(&cargo(), &stage)).unwrap_or_default());
        let place = Place::find(&args.place, &args.given())?;
        place.resolved.notes.iter().filter(|_| !args.quiet).for_each(|note| complain("note", note));
        let changes = changes(args, &place).map_err(|refused| {
            complain("error", &refused.why);
            refused.code
        })?;
        let run_id = RunId::new(start, random());
        Ok(Self {
            args,
            changes,
            signals,
            look: look(args, github::is_spoken_to(place.settings())),
            place,
            run_id,
            start,
            since,
            rustc: Mutex::new(Some(rustc)),
        })
    }

    /// What `rustc -vV` says here; to be asked once.
    pub(super) fn rustc(&self) -> Option<String> {
        let asked = self.rustc.lock().unwrap_or_else(PoisonError::into_inner).take();
        asked.and_then(|asked| asked.join().ok())
    }

    /// The pipeline that is meant.
    pub(super) fn pipeline(&self) -> Result<&Pipeline, Refused> {
        let pipelines = &self.place.settings().pipelines;
        let name = &self.args.pipeline;
        if let Some(pipeline) = pipelines.get(name).filter(|pipeline| !pipeline.is_empty()) {
            return Ok(pipeline);
        }
        let why = if pipelines.is_empty() {
            "the configuration has no pipeline: `cargo gate init` writes one that fits the workspace".to_owned()
        } else if pipelines.contains_key(name) {
            format!("the pipeline `{name}` has no steps")
        } else {
            let known: Vec<&str> = pipelines.keys().map(String::as_str).collect();
            let meant = nearest(name, known.iter().copied());
            let meant = meant.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
            format!("the configuration has no pipeline `{name}`{meant}; there are: {}", known.join(", "))
        };
        Err(Refused::new(ExitCode::Config, why))
    }

    /// Its steps in their order, and which of them run.
    pub(super) fn plan<'p>(&self, pipeline: &'p Pipeline) -> Result<Vec<Planned<'p>>, Refused> {
        let ask = Ask { only: self.args.only.clone(), skip: self.args.skip.clone(), no_smoke: self.args.no_smoke };
        let mut planned = plan::propose(pipeline, &ask, &self.changes)
            .map_err(|error| Refused::new(ExitCode::Usage, error.to_string()))?;
        if let Some(why) = self.off() {
            planned.iter_mut().for_each(|step| (step.runs, step.why, step.gating) = (false, why.clone(), None));
        }
        Ok(planned)
    }

    /// Why nothing runs, where the gate is switched off.
    pub(super) fn off(&self) -> Option<String> {
        let why = || format!("the gate is switched off (`enabled = false` or {DISABLE}=1)");
        (!self.place.settings().enabled).then(why)
    }
}

/// What changed, where somebody says so. Where it cannot be told everything runs: a gate skips only what it knows to be
/// untouched.
fn changes(args: &RunArgs, place: &Place) -> Result<Changes, Refused> {
    let root = &place.workspace.root;
    if let Some(list) = &args.changed_files {
        let bytes = read(list).map_err(|error| {
            let why = format!("the list of changed files `{}` cannot be read: {error}", list.display());
            Refused::new(ExitCode::Usage, why)
        })?;
        let way = git::way_from_root(root).unwrap_or_default();
        return Ok(Changes::listed(named_both_ways(parse_changed_files(&bytes, root), &way)));
    }
    let Some(revision) = &args.changed_since else { return Ok(Changes::unknown()) };
    let since = git::merge_base(root, revision).and_then(|base| git::changed_files(root, &base));
    Ok(since.map_or_else(
        |error| {
            complain("warning", &format!("what changed since `{revision}` is unknown, so everything runs: {error}"));
            Changes::unknown()
        },
        |files| Changes::since(revision, files),
    ))
}

fn read(list: &Path) -> std::io::Result<Vec<u8>> {
    if list != Path::new("-") {
        return fs_err::read(list);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn look(args: &RunArgs, github: bool) -> Look {
    let surroundings = Surroundings::read();
    let choice = color_choice(args.place.color.as_deref());
    let verbosity = match (args.quiet, args.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    };
    Look {
        color: surroundings.color(choice, Output::Stderr),
        verbosity,
        progress: !args.no_progress && surroundings.progress(args.quiet),
        columns: surroundings.columns(),
        github,
    }
}
