//! What a suite told of its tests: read from where it writes it, and put under its name.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};

use camino::Utf8Path;

use super::execute::Execution;
use crate::import::{self, Format, MOST_BYTES, Origin, Results, RustBinaries, imported};
use crate::model::{ContentHash, ResultFormat, RunHead};
use crate::pipeline::suite::{Source, Told, Writes};

/// What a suite told of its tests.
pub(super) fn told(writes: &Writes, execution: &Execution, head: &RunHead, package: &str) -> Told {
    let (format, source) = match writes {
        Writes::Nothing => return Told::Nothing,
        Writes::Results(format, source) => (Some(*format), source),
        Writes::Unittest(source) => (None, source),
    };
    let bytes = match source {
        Source::Stdout => Cow::Borrowed(execution.stdout.as_slice()),
        Source::Lines => Cow::Borrowed(execution.lines.as_bytes()),
        Source::File(path) => match bytes_of(path, execution) {
            Ok(bytes) => Cow::Owned(bytes),
            Err(why) => return Told::Unreadable(why),
        },
    };
    let parsed = match format {
        Some(format) => import::parse(format_of(format), &bytes).map(Results::joined),
        None => import::parse_unittest(&bytes),
    };
    match parsed {
        Ok(results) => cases(&results, head, package),
        Err(error) => {
            let place = match source {
                Source::Stdout | Source::Lines => "its output".to_owned(),
                Source::File(path) => format!("`{path}`"),
            };
            let word = format.map_or_else(|| "unittest".to_owned(), |format| format.to_string());
            let error = error.to_string();
            let space = if error.starts_with(' ') { "" } else { " " };
            Told::Unreadable(format!("{place} is no {word}:{space}{error}"))
        }
    }
}

fn bytes_of(path: &Utf8Path, execution: &Execution) -> Result<Vec<u8>, String> {
    if let Some(why) = &execution.stale {
        return Err(format!("the results of an earlier run lie in `{path}` and cannot be removed: {why}"));
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!("it wrote no results to `{path}`")),
        Err(error) => Err(format!("its results in `{path}` cannot be read: {error}")),
    }
}

const fn format_of(format: ResultFormat) -> Format {
    match format {
        ResultFormat::Junit => Format::Junit,
        ResultFormat::Tap => Format::Tap,
        ResultFormat::LibtestJson => Format::LibtestJson,
        ResultFormat::Simple => Format::Simple,
    }
}

/// The cases as an import of the same results would name them.
fn cases(results: &Results, head: &RunHead, package: &str) -> Told {
    let imported = imported(
        results,
        Origin {
            context: head.context.clone(),
            suite: Some(head.suite.clone()),
            otherwise: head.suite.clone(),
            package: package.to_owned(),
            at: Some(head.start),
            otherwise_at: head.start,
            now: head.start,
            commit: None,
            branch: None,
            version: None,
            trigger: head.trigger.clone(),
            content: ContentHash([0; 16]),
            rust: &RustBinaries::default(),
        },
    );
    Told::Cases(imported.cases, imported.totals)
}
