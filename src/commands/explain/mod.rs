//! `cargo gate explain`: finds the test that is meant, gathers what is known of it, and shows it.

mod find;
mod gather;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use super::place::store_code;
use super::remembered::{Remembered, Use};
use super::{complain, written};
use crate::analytics::presence::Presence;
use crate::cli::{ExplainArgs, Format};
use crate::exit_code::ExitCode;
use crate::history::store::TestSummary;
use crate::model::TestKey;
use crate::report::explanation::terminal::Text;
use crate::report::explanation::{json, terminal};
use crate::report::inert::one_line;
use crate::report::{Explanation, Look};
use crate::sys::term::Surroundings;
use find::{Found, find};

/// How many of several tests are named.
const NAMED: usize = 20;

/// Runs the command.
pub(super) fn run(args: &ExplainArgs) -> ExitCode {
    let mut memory = match Remembered::read(&args.common.place, &args.context, Use::Show) {
        Ok(Some(memory)) => memory,
        Ok(None) => {
            complain("error", "no test is on record yet: `cargo gate test` begins the history");
            return ExitCode::NoTests;
        }
        Err(code) => return code,
    };
    let explained = explain(&memory, &args.test);
    for warning in memory.store.take_warnings() {
        complain("warning", &warning);
    }
    match explained {
        Ok(explanation) => show(args, &explanation),
        Err(code) => code,
    }
}

/// What is known of the test that a word means. What goes wrong has been said by then.
fn explain(memory: &Remembered, wanted: &str) -> Result<Explanation, ExitCode> {
    let is_there = |test: &&TestSummary| memory.full.presence_of(&test.key, &test.summary) == Presence::Current;
    let (there, gone): (Vec<&TestSummary>, Vec<&TestSummary>) = memory.tests.iter().partition(is_there);
    let keys = |tests: Vec<&TestSummary>| tests.into_iter().map(|test| Arc::clone(&test.key)).collect::<Vec<_>>();
    let key = match find(wanted, &keys(there), &keys(gone)) {
        Found::One(key) => key,
        Found::Many(keys) => {
            let hint = "name one of them by its key, or by a part that no other has";
            refuse(&format!("`{}` means {} tests", one_line(wanted), keys.len()), &keys, hint);
            return Err(ExitCode::Usage);
        }
        Found::None(near) => {
            let hint = if near.is_empty() { "" } else { "these are called something like it" };
            refuse(&format!("no test on record is called `{}`", one_line(wanted)), &near, hint);
            return Err(ExitCode::NoTests);
        }
    };
    let test = memory.tests.iter().find(|test| test.key == key).ok_or(ExitCode::Internal)?;
    gather::gather(memory, test).map_err(store_code)
}

/// Says what was wrong with a word, and which tests it may have meant.
fn refuse(what: &str, keys: &[Arc<TestKey>], hint: &str) {
    let mut text = what.to_owned();
    if !hint.is_empty() {
        let _ = write!(text, "; {hint}:");
    }
    for key in keys.iter().take(NAMED) {
        let _ = write!(text, "\n    {}", one_line(&key.to_string()));
    }
    if keys.len() > NAMED {
        let _ = write!(text, "\n    and {} more", keys.len() - NAMED);
    }
    complain("error", &text);
}

fn show(args: &ExplainArgs, explanation: &Explanation) -> ExitCode {
    let mut stdout = io::stdout().lock();
    let shown = match args.common.format {
        Format::Json => json::write(&mut stdout, explanation),
        Format::Human => {
            let columns = Surroundings::read().columns_of_answers();
            let look = Look { color: console::colors_enabled(), columns, ..Look::default() };
            let text = if args.full { Text::Full } else { Text::Cause };
            stdout.write_all(terminal::page(explanation, text, look).as_bytes())
        }
    };
    written(shown.and_then(|()| stdout.flush()), ExitCode::Pass)
}
