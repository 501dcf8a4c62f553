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

use std::sync::Arc;

pub(super) use ask::{Asked, Prepared, Purpose, default_context, prepare};
pub(super) use gather::slots;
pub(super) use judge::judge_cases;
use measuring::NotMeasuring;
pub(super) use measuring::{Begun, Measuring};
pub(super) use outputs::{Ended, look};
pub(super) use session::{Came, run as run_session};

use crate::cli::TestArgs;
use crate::exit_code::ExitCode;

/// Runs the command.
#[must_use]
pub fn run(args: &TestArgs) -> ExitCode {
    match prepare(args, Purpose::Test) {
        Ok(Prepared::Off) => ask::step_aside(args),
        Ok(Prepared::Handed(code)) => code,
        Ok(Prepared::Ours(asked)) => session::run(args, &Arc::new(*asked), &mut NotMeasuring),
        Err(refused) => {
            super::complain("error", &refused.why);
            refused.code
        }
    }
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
