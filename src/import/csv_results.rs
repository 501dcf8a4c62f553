//! A history as CSV, as the results of several runs.

use super::case::{attempt, of_attempts};
use super::csv::{self, CsvCase, CsvError, CsvRun};
use super::results::{Case, Results, Suite, Unreadable};
use super::text;
use crate::model::AttemptOutcome;

/// A file holds many runs, and so more cases than one run can have.
const MOST_ROWS: usize = 5_000_000;

/// Reads a history, the oldest run first.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Results>, Unreadable> {
    let history = csv::read(bytes, "").map_err(unreadable)?;
    let rows = history.runs.iter().map(|run| run.cases.len()).sum::<usize>();
    if rows > MOST_ROWS {
        return Err(Unreadable::whole(format!("there are more than {MOST_ROWS} rows")));
    }
    if history.runs.is_empty() {
        return Err(Unreadable::whole("there is no run in it"));
    }
    let names: Vec<Option<String>> = history.tests.iter().map(|name| text::name(name)).collect();
    Ok(history.runs.iter().map(|run| results(run, &names)).collect())
}

fn unreadable(error: CsvError) -> Unreadable {
    match error {
        CsvError::Io { error, .. } => Unreadable::whole(error.to_string()),
        CsvError::Bad { line, column, what, .. } => {
            let column = column.map(|column| format!("{column}: ")).unwrap_or_default();
            Unreadable { line: usize::try_from(line).ok(), column: None, why: format!("{column}{what}") }
        }
    }
}

fn results(run: &CsvRun, names: &[Option<String>]) -> Results {
    let name = |case: &CsvCase| usize::try_from(case.test).ok().and_then(|test| names.get(test)).cloned().flatten();
    let cases: Vec<Case> = run.cases.iter().filter_map(|case| Some(one(name(case)?, case))).collect();
    let nameless = (run.cases.len() - cases.len()) as u64;
    Results { suites: vec![Suite { cases, ..Suite::default() }], nameless, ..Results::default() }
}

fn one(name: String, case: &CsvCase) -> Case {
    let outcome = if case.failed { AttemptOutcome::Failed } else { AttemptOutcome::Passed };
    of_attempts(vec![name], vec![attempt(outcome, Some(case.took), String::new())])
}

/// Is this the header of such a file?
pub(super) fn is_header(line: &str) -> bool {
    let columns: Vec<&str> = line.split(',').map(|column| column.trim().trim_matches('"')).collect();
    ["run", "test", "duration", "failed"].iter().all(|wanted| columns.contains(wanted))
}
