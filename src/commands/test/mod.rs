//! `cargo gate test`: build, plan, execute, record, judge, report.

mod ask;
mod building;
mod closing;
mod gather;
mod ground;
mod history;
mod insights;
mod judge;
mod measuring;
mod outputs;
mod planning;
mod session;
mod step;

use std::sync::Arc;

pub(super) use ask::{Asked, Prepared, Purpose, default_context, prepare};
pub(super) use gather::slots;
pub(super) use judge::judge_cases;
use measuring::NotMeasuring;
pub(super) use measuring::{Begun, Measuring};
pub(super) use outputs::{Ended, look};
pub(super) use session::{Came, Recorded, run as run_session, run_once};
pub(super) use step::{Stepped, Told, handed, input_key, run_step, seated};

use super::stage::Stage;
use crate::cli::TestArgs;
use crate::exit_code::ExitCode;

/// Runs the command.
#[must_use]
pub fn run(args: &TestArgs) -> ExitCode {
    match here().and_then(|stage| prepare(args, Purpose::Test, stage)) {
        Ok(Prepared::Off) => ask::step_aside(args),
        Ok(Prepared::Handed(code)) => code,
        Ok(Prepared::Ours(asked)) => session::run(args, &Arc::new(*asked), &mut NotMeasuring),
        Err(refused) => {
            super::complain("error", &refused.why);
            refused.code
        }
    }
}

/// Where the user is.
pub(super) fn here() -> Result<Stage, Refused> {
    Stage::here().map_err(|error| Refused::new(ExitCode::Internal, error.to_string()))
}

/// The command cannot go on.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    /// The exit code.
    pub(super) code: ExitCode,
    /// A sentence, or cargo's own words.
    pub(super) why: String,
}

impl Refused {
    pub(super) fn new(code: ExitCode, why: impl Into<String>) -> Self {
        Self { code, why: why.into() }
    }
}
