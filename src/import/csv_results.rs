//! A history as CSV, as the results of several runs.

use super::case::{attempt, of_attempts};
use super::csv::{CsvCase, CsvError, CsvRun, CsvRuns};
use super::results::{Case, Results, Suite, Unreadable};
use super::text;
use crate::model::AttemptOutcome;

/// A file holds many runs, and so more cases than one run can have.
const MOST_ROWS: usize = 5_000_000;

/// Reads a history, the oldest run first.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Results>, Unreadable> {
    let mut rows = 0;
    let mut runs = Vec::new();
    for run in CsvRuns::new(bytes, "") {
        let run = run.map_err(unreadable)?;
        rows += run.cases.len();
        if rows > MOST_ROWS {
            return Err(Unreadable::whole(format!("there are more than {MOST_ROWS} rows")));
        }
        runs.push(results(run));
    }
    if runs.is_empty() {
        return Err(Unreadable::whole("there is no run in it"));
    }
    Ok(runs)
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

fn results(run: CsvRun) -> Results {
    let mut nameless = 0;
    let mut suite = Suite::default();
    for CsvCase { test, took, failed } in run.cases {
        let outcome = if failed { AttemptOutcome::Failed } else { AttemptOutcome::Passed };
        match text::name(&test) {
            Some(name) => suite.cases.push(one(name, outcome, took)),
            None => nameless += 1,
        }
    }
    Results { suites: vec![suite], nameless, ..Results::default() }
}

fn one(name: String, outcome: AttemptOutcome, took: std::time::Duration) -> Case {
    of_attempts(vec![name], vec![attempt(outcome, Some(took), String::new())])
}

/// Is this the header of such a file?
pub(super) fn is_header(line: &str) -> bool {
    let columns: Vec<&str> = line.split(',').map(|column| column.trim().trim_matches('"')).collect();
    ["run", "test", "duration", "failed"].iter().all(|wanted| columns.contains(wanted))
}
