//! `cargo gate test`: build, plan, execute, record, judge, report.

pub(super) mod archiving;
mod ask;
mod building;
mod closing;
mod gather;
mod ground;
mod history;
mod insights;
mod judge;
mod leaving;
mod listing;
mod measuring;
mod outputs;
mod planning;
mod refused;
mod resolve;
mod rounds;
mod session;
mod sharding;
mod step;
mod survey;
mod unfinished;

use std::sync::Arc;

pub(super) use ask::{Asked, Prepared, Purpose, context_of, default_context, prepare, rustc_version};
pub(super) use gather::slots;
pub(super) use ground::Ground;
pub(super) use history::Memory;
pub(super) use insights::Knowing;
pub(super) use judge::{Facts, judge, judge_cases};
pub(super) use leaving::{folder_of, refused as leave_refused, stepped_aside};
use measuring::NotMeasuring;
pub(super) use measuring::{Begun, Measuring};
pub(super) use outputs::{ARTIFACT, Ended, Wanted, events, look, markdown, write_artifact, write_asked};
pub(super) use refused::{Refused, gate_dir_despite_mistakes, placed};
pub(super) use rounds::run as run_session;
pub(super) use session::{Came, Recorded, run_once};
pub(super) use step::{Stepped, Told, handed, run_step, seated};
pub(super) use survey::survey;

use super::stage::Stage;
use crate::cli::TestArgs;
use crate::exit_code::ExitCode;

/// Runs the command.
#[must_use]
pub fn run(args: &TestArgs) -> ExitCode {
    let done = here().and_then(|stage| prepare(args, Purpose::Test, stage)).and_then(|prepared| match prepared {
        Prepared::Off => {
            stepped_aside(args).iter().for_each(|text| super::complain("warning", text));
            Ok(ask::step_aside(args))
        }
        Prepared::Handed(code) => Ok(code),
        Prepared::Ours(asked) => rounds::run(args, &Arc::new(*asked), &mut NotMeasuring),
    });
    done.unwrap_or_else(|refused| {
        super::complain("error", &refused.why);
        let flags = args.settings.given();
        refused.tell_github("Tests", args, &flags).iter().for_each(|text| super::complain("warning", text));
        leaving::refused(args, &refused).iter().for_each(|text| super::complain("warning", text));
        // Without a run there is nothing to report.
        if refused.outdates_reports(args) && !args.build.flags.no_run {
            let gate_dir = refused.gate_dir(args);
            let wrong = refused.replace_test_reports(gate_dir.as_deref(), args.report.as_deref());
            wrong.iter().for_each(|text| super::complain("warning", text));
        }
        refused.code
    })
}

/// Where the user is.
pub(super) fn here() -> Result<Stage, Refused> {
    Stage::here().map_err(|error| Refused::new(ExitCode::Internal, error.to_string()))
}
