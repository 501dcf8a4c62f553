//! `cargo gate report`: gathers what the history says, writes it in the format that is asked for, and puts it where it
//! is wanted.

mod coverage;
mod destination;
pub(super) mod gather;
mod junit;

use std::io;

use super::complain;
use super::place::store_code;
use super::remembered::{Remembered, Use};
use crate::cli::{ReportArgs, ReportFormat};
use crate::exit_code::ExitCode;
use crate::report::{Retrospect, html, retrospect};
use destination::Wanted;

/// Runs the command.
pub(super) fn run(args: &ReportArgs) -> ExitCode {
    if let Some(why) = args.contradiction() {
        complain("error", why);
        return ExitCode::Usage;
    }
    let mut memory = match Remembered::read(&args.place, &args.context, Use::Show) {
        Ok(Some(memory)) => memory,
        Ok(None) => {
            complain("note", "nothing is on record yet: `cargo gate test` begins the history");
            if !says_something_of_nothing(args) {
                return ExitCode::Pass;
            }
            match Remembered::nothing(&args.place, &args.context) {
                Ok(nothing) => nothing,
                Err(code) => return code,
            }
        }
        Err(code) => return code,
    };
    let wanted = Wanted::of(args, &memory.place.gate_dir);
    let written = write(args, &memory, &wanted);
    for warning in memory.store.take_warnings() {
        complain("warning", &warning);
    }
    match written {
        Ok(bytes) => wanted.put(&bytes),
        Err(code) => code,
    }
}

/// Whoever waits for a document gets one with no run in it, in place of one of an earlier time. A person has been told,
/// and JUnit XML is of one run.
fn says_something_of_nothing(args: &ReportArgs) -> bool {
    match args.format() {
        ReportFormat::Human => args.output.is_some(),
        ReportFormat::Junit => false,
        ReportFormat::Markdown | ReportFormat::Json | ReportFormat::Html => true,
    }
}

/// The report as bytes. What goes wrong has been said by then.
fn write(args: &ReportArgs, memory: &Remembered, wanted: &Wanted) -> Result<Vec<u8>, ExitCode> {
    let refuse = |error: io::Error| {
        complain("error", &format!("the report cannot be written: {error}"));
        ExitCode::Internal
    };
    let gathered = || gather::gather(memory).map_err(store_code);
    // Those who read the screen have `cargo gate coverage` for that.
    let with_files = || {
        let files = coverage::files(memory).map_err(store_code)?;
        Ok(Retrospect { files, ..gathered()? })
    };
    let mut bytes = Vec::new();
    match args.format() {
        ReportFormat::Human => bytes = retrospect::terminal::page(&gathered()?, wanted.look()).into_bytes(),
        ReportFormat::Markdown => bytes = retrospect::markdown::document(&gathered()?).into_bytes(),
        ReportFormat::Json => retrospect::json::write(&mut bytes, &with_files()?).map_err(refuse)?,
        ReportFormat::Html => html::write(&with_files()?, &mut bytes).map_err(refuse)?,
        ReportFormat::Junit => bytes = junit::document(memory, args.run.as_deref())?,
    }
    Ok(bytes)
}
