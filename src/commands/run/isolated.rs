//! A pipeline apart from what is being worked on: entered before its first step, left or kept after its last.

use std::time::Instant;

use camino::Utf8PathBuf;

use super::ask::Asked;
use super::judge::Settled;
use super::step::{clear_budget, put_off};
use super::walk::Observers;
use crate::cli::Keep;
use crate::commands::complain;
use crate::commands::isolation::{Isolated, NotIsolated};
use crate::event::Fact;
use crate::exit_code::ExitCode;
use crate::model::{Ending, InfraMode, StepKind, StepRecord, StepState, Verdict};
use crate::report::words;

use super::site::Site;

/// What stands for it among the steps, where it cannot be had.
const NAME: &str = "worktree";

/// Checks the commit out, and again where something of the moment was in the way. `Err`: what stands for it among the
/// steps.
pub(super) fn enter(asked: &Asked<'_>) -> Result<Option<Isolated>, Box<Settled>> {
    let (workspace, infra) = (&asked.place.workspace, &asked.place.settings().infra);
    let of = if infra.mode == InfraMode::Defer { 1 } else { infra.retries + 1 };
    let since = Instant::now();
    let mut tries = 1;
    loop {
        let error = match Isolated::enter(&workspace.root, &workspace.target_dir, &asked.signals) {
            Ok(isolated) => {
                warn(&isolated);
                clear_budget(asked, None, NAME);
                return Ok(Some(isolated));
            }
            Err(error) => error,
        };
        if !error.is_retriable() || tries >= of || !asked.signals.wait(infra.delay) {
            let took = since.elapsed();
            return Err(Box::new(settled(asked, &error, tries, StepRecord { took, ..blank() })));
        }
        tries += 1;
    }
}

fn blank() -> StepRecord {
    let command = ["git", "worktree", "add"].map(str::to_owned).into();
    StepRecord { name: NAME.to_owned(), kind: StepKind::Setup, command, ..StepRecord::default() }
}

fn settled(asked: &Asked<'_>, error: &NotIsolated, tries: u32, record: StepRecord) -> Settled {
    let (state, why, codes) = if error.is_interrupted() {
        (StepState::NotRun, error.to_string(), Vec::new())
    } else if error.is_retriable() {
        let (why, code) = put_off(asked, None, NAME, &error.to_string(), tries);
        (StepState::ToolError, format!("{why} (retriable)"), vec![code])
    } else {
        (StepState::Failed, format!("{error} (not retriable)"), vec![ExitCode::StepFailed])
    };
    let record = StepRecord { state, why, ending: Some(Ending::NotStarted), ..record };
    Settled { record, codes, reasons: Vec::new() }
}

/// What is not committed is not looked at: that must not surprise.
fn warn(isolated: &Isolated) {
    if isolated.left_out > 0 {
        let files = words::count(isolated.left_out as u64, "changed file is", "changed files are");
        complain("warning", &format!("{files} not committed, and so not in the worktree that the steps run in"));
    }
}

/// Keeps the worktree where that is asked for, and gives where it is; else it goes.
pub(super) fn keep(
    site: &Site<'_>,
    verdict: Verdict,
    isolated: Option<Isolated>,
    observers: &mut Observers,
) -> Option<Utf8PathBuf> {
    let keeps = match site.asked.args.keep {
        Some(Keep::Always) => true,
        Some(Keep::Failed) => verdict.is_failure(),
        None => false,
    };
    match isolated.filter(|_| keeps)?.keep() {
        Ok(path) => Some(path),
        Err(error) => {
            let text = format!("the worktree cannot be kept: {error}");
            observers.tell(Fact::Warned { id: "worktree", text });
            None
        }
    }
}
