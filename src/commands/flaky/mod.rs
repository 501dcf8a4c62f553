//! `cargo gate flaky`: judges each test on record, and by the flags all of them.

mod gather;
mod judge;

use std::io::{self, Write};

use jiff::Timestamp;

use super::place::store_code;
use super::remembered::{Remembered, Use};
use super::{complain, quarantine, written};
use crate::cli::{FlakyArgs, Format};
use crate::exit_code::ExitCode;
use crate::report::Look;
use crate::report::judgements::{Judgements, json, terminal};
use crate::sys::term::Surroundings;

/// Runs the command.
pub(super) fn run(args: &FlakyArgs) -> ExitCode {
    let decides = args.fail_above.is_some() || args.fail_on_vanished;
    let of = if decides { Use::Decide } else { Use::Show };
    let judgements = match Remembered::read(&args.common.place, &args.context, of) {
        Ok(Some(mut memory)) => {
            for text in quarantine::expired(memory.place.settings(), quarantine::day(memory.now)) {
                complain("warning", &text);
            }
            let judgements = gather::gather(&memory, args);
            for warning in memory.store.take_warnings() {
                complain("warning", &warning);
            }
            match judgements {
                Ok(judgements) => judgements,
                Err(error) => return store_code(error),
            }
        }
        Ok(None) => {
            complain("note", "nothing is on record yet: `cargo gate test` begins the history");
            let nothing = judge::nothing(ExitCode::Pass, "nothing is on record yet");
            Judgements::empty(Timestamp::now(), nothing)
        }
        Err(code) => return code,
    };
    show(args, &judgements)
}

fn show(args: &FlakyArgs, judgements: &Judgements) -> ExitCode {
    let mut stdout = io::stdout().lock();
    let shown = match args.common.format {
        Format::Json => json::write(&mut stdout, judgements),
        // What there is to say has been said.
        Format::Human if judgements.context.is_none() => Ok(()),
        Format::Human => {
            let columns = Surroundings::read().columns_of_answers();
            let look = Look { color: console::colors_enabled(), columns, ..Look::default() };
            stdout.write_all(terminal::page(judgements, look).as_bytes())
        }
    };
    written(shown.and_then(|()| stdout.flush()), judgements.judgement.exit_code())
}
