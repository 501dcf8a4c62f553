//! `cargo gate order`: the order of the next run, or how good such orders would have been.

mod backtest;
mod next;

use std::io;

use super::place::{Place, store_code};
use super::stage::Stage;
use super::{complain, test};
use crate::cli::{LibtestArgs, OrderArgs};
use crate::exit_code::ExitCode;
use crate::history::store::StoreError;
use crate::import::csv::CsvError;

/// Why the command could not do its work.
#[derive(Debug, thiserror::Error)]
enum OrderError {
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be read.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// The output could not be written.
    #[error("the output cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Runs the command.
pub(super) fn run(args: &OrderArgs) -> ExitCode {
    let done = if args.backtest { backtest::run(args) } else { next::run(args) };
    match done {
        Ok(Ok(())) => ExitCode::Pass,
        Ok(Err(code)) => code,
        // Whoever closed the pipe has read enough.
        Err(OrderError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::Pass,
        Err(OrderError::Store(error)) => store_code(error),
        Err(error) => {
            complain("error", &error.to_string());
            if matches!(error, OrderError::Csv(_)) { ExitCode::Config } else { ExitCode::Internal }
        }
    }
}

fn nothing_on_record() {
    complain("note", "nothing is on record yet: `cargo gate test` begins the history");
}

/// How many tests run at once: as the flag says, else as in `test`.
fn slots(args: &OrderArgs, place: Option<&Place>) -> usize {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let of_test =
        || place.map_or(cpus, |place| test::slots(place.settings(), &LibtestArgs::default(), cpus, &Stage::default()));
    args.slots.unwrap_or_else(of_test)
}
