//! `cargo gate order`: the order of the next run, or how good such orders would have been.

mod backtest;

use std::io;

use super::complain;
use super::place::{Place, store_code};
use crate::cli::OrderArgs;
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
    match if args.backtest { backtest::run(args) } else { Ok(Ok(())) } {
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

/// How many tests run at once: as the flag says, else the settings, else the machine.
fn slots(args: &OrderArgs, place: Option<&Place>) -> usize {
    let cpus = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    args.slots.or_else(|| place?.settings().test.slots).unwrap_or_else(cpus).max(1)
}
