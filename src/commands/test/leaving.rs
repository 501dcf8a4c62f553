//! What a shard leaves behind for `cargo gate join`, from before its build to its verdict, whatever becomes of it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;

use super::Refused;
use super::ask::Asked;
use super::refused::gate_dir_despite_mistakes;
use super::session::{Came, Session};
use crate::cli::TestArgs;
use crate::commands::stage::Stage;
use crate::config::settings::DISABLE;
use crate::exit_code::ExitCode;
use crate::history::portion::folder::{Folder, USUAL};
use crate::history::portion::part::{End, MeasuredPart, Part};
use crate::history::record;
use crate::history::store::FinishedRun;
use crate::model::{BinaryId, RunHead, RunRecord};
use crate::plan::portion::Portion;
use crate::sys::random::random;

/// The folder of a shard, and what is known of the shard by now.
pub(in crate::commands) struct Leaving {
    folder: Folder,
    part: Part,
}

/// Where this call leaves what it is to leave.
pub(in crate::commands) fn folder_of(args: &TestArgs, asked: &Asked) -> Result<Folder, Refused> {
    Ok(match &args.shard_out {
        Some(dir) => Folder::at(asked.cwd.join(dir)),
        None => Folder::at(asked.ground()?.gate_dir.join(USUAL)),
    })
}

impl Session<'_> {
    /// Says that this shard begins. Who cannot leave anything need not begin: its tests would count for nothing.
    pub(super) fn leaving(&self, measured: Option<MeasuredPart>) -> Result<Option<Leaving>, Refused> {
        let Some(shard) = self.args.shard.filter(|_| !self.args.list) else { return Ok(None) };
        let part = Part { shard, head: self.head.clone(), portion: None, measured, end: End::Begun };
        let leaving = Leaving { folder: folder_of(self.args, self.asked)?, part };
        leaving.folder.begin(&leaving.part).map_err(not_left)?;
        Ok(Some(leaving))
    }
}

impl Leaving {
    /// The plan is cut, and this is the shard's.
    pub(super) fn takes(&mut self, portion: &Portion) -> Result<(), Refused> {
        self.part.portion = Some(portion.clone());
        self.folder.go_on(&self.part).map_err(not_left)
    }

    /// The run is judged. Gives what went wrong.
    pub(super) fn end(self, record: &RunRecord, came: &Came, measured: Option<MeasuredPart>) -> Option<String> {
        let Self { folder, part } = self;
        let not_run = part.portion.as_ref().map(|portion| without_outcome(came, portion)).unwrap_or_default();
        let part = Part { head: record.head.clone(), measured, end: End::Ended(not_run), ..part };
        // Without a cut there is no plan that others could have parts of.
        let plan_digest = part.portion.as_ref().map(|portion| portion.whole);
        let record = RunRecord { plan_digest, ..record.clone() };
        let run = FinishedRun { record, cases: came.cases.clone(), binaries: Vec::new() };
        let left = folder.end(&part, &run);
        left.err().map(|error| format!("this shard counts as unfinished, since its folder cannot be written: {error}"))
    }
}

/// What has no outcome, in the names of the portion: of a binary that gives no list, the binary's.
fn without_outcome(came: &Came, portion: &Portion) -> Vec<String> {
    let tests = came.not_run.iter().filter_map(|key| portion.name_of(key));
    let without: BTreeSet<String> = tests.chain(came.cut_short.iter().map(BinaryId::to_string)).collect();
    without.into_iter().collect()
}

fn not_left(error: std::io::Error) -> Refused {
    Refused::new(ExitCode::Config, format!("the shard's folder for `cargo gate join` cannot be written: {error}"))
}

/// A gate that is switched off leaves no earlier shard's folder for this one's, nor one of its own. Gives what went wrong.
pub(in crate::commands) fn stepped_aside(args: &TestArgs) -> Option<String> {
    let why = format!("the gate is switched off on that machine (`enabled = false` or {DISABLE}=1)");
    refused(args, &Refused::new(ExitCode::Config, why))
}

/// A shard that came to no run says so in its folder, where an earlier one's would pass for this one's. Gives what went
/// wrong.
pub(in crate::commands) fn refused(args: &TestArgs, refused: &Refused) -> Option<String> {
    let shard = args.shard.filter(|_| !args.list)?;
    let stage = Stage::here().ok()?;
    let path: PathBuf = match &args.shard_out {
        Some(dir) => stage.cwd.join(dir),
        None => gate_dir_despite_mistakes(args, &args.settings.given())?.join(USUAL).into(),
    };
    let head = record::head_of_nothing(Timestamp::now(), random(), &|name| stage.variable(name));
    let head = RunHead { shard: Some(shard), ..head };
    let end = End::Refused(refused.code, refused.why.clone());
    let left = Folder::at(path).begin(&Part { shard, head, portion: None, measured: None, end });
    left.err().map(|error| format!("the shard's folder cannot be written: {error}"))
}
