//! A history as CSV: the columns `run,test,duration,failed` in any order, further ones are passed over.
//!
//! The runs come in the order of the file, by their first rows: rows of a run need not stand together. The duration is
//! in seconds, and 0 where the field is empty; failed is `0`, `1`, `true` or `false`. Fields may be quoted (RFC 4180),
//! but end on their line. A row is kept in 24 bytes, a name once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, BufRead, Read};
use std::time::Duration;

/// The columns that are needed.
const COLUMNS: [&str; 4] = ["run", "test", "duration", "failed"];

/// No line is longer than so many bytes: what is, is no history.
const MOST_BYTES: u64 = 64 * 1024;

/// No test takes longer than so many seconds, even where they were meant as milliseconds.
const MOST_SECONDS: f64 = 1e9;

/// A history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsvHistory {
    /// The names of its tests, in the order in which they first come.
    pub tests: Vec<String>,
    /// Its runs, in the order in which they first come.
    pub runs: Vec<CsvRun>,
}

/// A run of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvRun {
    /// Its name.
    pub name: String,
    /// What became of its tests, in the order of the file. A test may come more than once.
    pub cases: Vec<CsvCase>,
}

/// What became of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvCase {
    /// The place of its name in [`CsvHistory::tests`].
    pub test: u32,
    /// Did it fail?
    pub failed: bool,
    /// How long it took.
    pub took: Duration,
}

/// Why a history cannot be read, and where.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// The file cannot be read.
    #[error("{file}: {error}")]
    Io {
        /// Which file.
        file: String,
        /// What the system says.
        error: io::Error,
    },
    /// It is not what it should be.
    #[error("{file}, line {line}{}: {what}", .column.as_ref().map_or_else(String::new, |column| format!(", {column}")))]
    Bad {
        /// Which file.
        file: String,
        /// Counted from 1.
        line: u64,
        /// `column 3 (duration)`, where it is about one.
        column: Option<String>,
        /// What is wrong.
        what: String,
    },
}

/// What is wrong, in which column (counted from 0) of the line at hand.
struct Wrong(Option<usize>, String);

impl Wrong {
    fn line(what: impl Into<String>) -> Self {
        Self(None, what.into())
    }
}

/// Reads a history; the file's name is for messages.
pub fn read(mut input: impl BufRead, file: &str) -> Result<CsvHistory, CsvError> {
    let mut reader = Reader::default();
    let (mut bytes, mut line) = (Vec::new(), 0);
    loop {
        bytes.clear();
        line += 1;
        let read = (&mut input).take(MOST_BYTES + 1).read_until(b'\n', &mut bytes);
        let read = read.map_err(|error| CsvError::Io { file: file.to_owned(), error })?;
        let taken = match (read, reader.header) {
            (0, Some(_)) => return Ok(reader.history),
            (0, None) => Err(Wrong::line("there is no header")),
            _ => reader.take(&bytes, line == 1),
        };
        taken.map_err(|wrong| reader.placed(wrong, file, line))?;
    }
}

/// What was read so far.
#[derive(Debug, Default)]
struct Reader {
    /// The place of each of [`COLUMNS`] in a line, and how many columns there are; none before the header.
    header: Option<([usize; 4], usize)>,
    history: CsvHistory,
    tests: HashMap<String, u32>,
    runs: HashMap<String, usize>,
}

impl Reader {
    /// Takes in a line.
    fn take(&mut self, bytes: &[u8], is_first: bool) -> Result<(), Wrong> {
        if bytes.len() as u64 > MOST_BYTES {
            return Err(Wrong::line(format!("longer than {MOST_BYTES} bytes")));
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let commas = before.iter().filter(|byte| **byte == b',').count();
                return Err(Wrong(Some(commas), "not UTF-8".to_owned()));
            }
        };
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let text = if is_first { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        if text.trim().is_empty() {
            return Ok(());
        }
        let fields = split(text)?;
        match self.header {
            None => {
                self.header = Some((places(&fields)?, fields.len()));
                Ok(())
            }
            Some((places, count)) => self.take_row(&fields, places, count),
        }
    }

    fn take_row(&mut self, fields: &[Cow<'_, str>], places: [usize; 4], count: usize) -> Result<(), Wrong> {
        if fields.len() != count {
            let what = format!("{} of {count} fields: the line is cut off, or a comma is missing", fields.len());
            let more = format!("{} fields, the header has {count}", fields.len());
            return Err(Wrong(Some(fields.len().min(count)), if fields.len() < count { what } else { more }));
        }
        let field = |column: usize| {
            let place = places.get(column).copied().unwrap_or_default();
            (place, fields.get(place).map_or("", |field| field))
        };
        let name = |column: usize, what: &str| match field(column) {
            (place, "") => Err(Wrong(Some(place), format!("a {what} without a name"))),
            (_, name) => Ok(name),
        };
        let (run, test) = (name(0, "run")?, name(1, "test")?);
        let (took, failed) = (duration(field(2))?, failed(field(3))?);
        let test = match self.tests.get(test) {
            Some(known) => *known,
            None => {
                let next = u32::try_from(self.history.tests.len());
                let next = next.map_err(|_| Wrong(Some(field(1).0), "more tests than can be told apart".to_owned()))?;
                self.tests.insert(test.to_owned(), next);
                self.history.tests.push(test.to_owned());
                next
            }
        };
        let place = match self.runs.get(run) {
            Some(known) => *known,
            None => {
                let next = self.history.runs.len();
                self.runs.insert(run.to_owned(), next);
                self.history.runs.push(CsvRun { name: run.to_owned(), cases: Vec::new() });
                next
            }
        };
        if let Some(run) = self.history.runs.get_mut(place) {
            run.cases.push(CsvCase { test, failed, took });
        }
        Ok(())
    }

    fn placed(&self, Wrong(column, what): Wrong, file: &str, line: u64) -> CsvError {
        let column = column.map(|place| {
            let name = self.header.and_then(|(places, _)| {
                let known = places.iter().zip(COLUMNS).find(|(known, _)| **known == place);
                known.map(|(_, name)| format!(" ({name})"))
            });
            format!("column {}{}", place + 1, name.unwrap_or_default())
        });
        CsvError::Bad { file: file.to_owned(), line, column, what }
    }
}

/// The places of the columns that are needed.
fn places(header: &[Cow<'_, str>]) -> Result<[usize; 4], Wrong> {
    let mut places = [0; 4];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let mut found = header.iter().enumerate().filter(|(_, name)| name.trim() == column);
        *place = match (found.next(), found.next()) {
            (Some((place, _)), None) => place,
            (Some(_), Some((again, _))) => return Err(Wrong(Some(again), format!("`{column}` comes twice"))),
            (None, _) => {
                let wanted = COLUMNS.join(",");
                return Err(Wrong::line(format!("the header has no column `{column}`; wanted are {wanted}")));
            }
        };
    }
    Ok(places)
}

fn duration((place, text): (usize, &str)) -> Result<Duration, Wrong> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Duration::ZERO);
    }
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..=MOST_SECONDS).contains(seconds));
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).ok_or_else(|| {
        Wrong(Some(place), format!("`{}` is no number of seconds from 0 to {MOST_SECONDS:e}", shown(text)))
    })
}

fn failed((place, text): (usize, &str)) -> Result<bool, Wrong> {
    match text.trim() {
        "0" => Ok(false),
        "1" => Ok(true),
        word if word.eq_ignore_ascii_case("false") => Ok(false),
        word if word.eq_ignore_ascii_case("true") => Ok(true),
        other => Err(Wrong(Some(place), format!("`{}` is none of 0, 1, true, false", shown(other)))),
    }
}

/// As much of a text as a message bears.
fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(40) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

/// The fields of a line.
fn split(line: &str) -> Result<Vec<Cow<'_, str>>, Wrong> {
    let mut fields = Vec::with_capacity(COLUMNS.len());
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted).map_err(|what| Wrong(Some(fields.len()), what.to_owned()))?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let (field, after) = rest.split_at(end);
                (Cow::Borrowed(field), after)
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Ok(fields),
        }
    }
}

/// A quoted field, from behind its first quote, and what comes after it.
fn unquote(quoted: &str) -> Result<(Cow<'_, str>, &str), &'static str> {
    let mut text = Cow::Borrowed("");
    let mut rest = quoted;
    loop {
        let (part, after) = rest.split_once('"').ok_or("a quote that does not end on its line")?;
        if text.is_empty() {
            text = Cow::Borrowed(part)
        } else {
            text.to_mut().push_str(part)
        }
        match after.strip_prefix('"') {
            Some(more) => {
                text.to_mut().push('"');
                rest = more;
            }
            None if after.is_empty() || after.starts_with(',') => return Ok((text, after)),
            None => return Err("text behind a closing quote"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A run by its name, and its cases by theirs.
    type Run = (String, Vec<(String, f64, bool)>);

    fn runs(bytes: &[u8]) -> Result<Vec<Run>, String> {
        let history = read(bytes, "h.csv").map_err(|error| error.to_string())?;
        let name = |case: &CsvCase| history.tests[case.test as usize].clone();
        let case = |case: &CsvCase| (name(case), case.took.as_millis() as f64 / 1000.0, case.failed);
        Ok(history.runs.iter().map(|run| (run.name.clone(), run.cases.iter().map(case).collect())).collect())
    }

    fn run(name: &str, cases: &[(&str, f64, bool)]) -> Run {
        (name.to_owned(), cases.iter().map(|(test, took, failed)| ((*test).to_owned(), *took, *failed)).collect())
    }

    #[test]
    fn columns_may_stand_in_any_order_among_others() {
        let plain = "run,test,duration,failed\n1,a,0.5,0\n1,b,,1\n2,a,2,true\n";
        let wanted = [run("1", &[("a", 0.5, false), ("b", 0.0, true)]), run("2", &[("a", 2.0, true)])];
        assert_eq!(runs(plain.as_bytes()).unwrap(), wanted);
        let other = "\u{feff}failed, who ,test,run,duration\r\n0,x,a,1,0.5\r\nTRUE,x,\"b\",1,\r\n\r\n1,x,a,2,2e0";
        assert_eq!(runs(other.as_bytes()).unwrap(), wanted);
        assert_eq!(runs(b"run,test,duration,failed").unwrap(), []);
    }

    #[test]
    fn quoted_names_keep_commas_and_quotes() {
        let runs = runs(b"run,test,duration,failed\n1,\"says \"\"a, b\"\"\",1,0\n1,\"\"\"\",1,0\n").unwrap();
        assert_eq!(runs, [run("1", &[("says \"a, b\"", 1.0, false), ("\"", 1.0, false)])]);
    }

    #[test]
    fn rows_of_a_run_may_lie_apart_and_name_a_test_again() {
        let runs = runs(b"run,test,duration,failed\n1,a,1,1\n2,a,1,0\n1,a,1,0\n").unwrap();
        assert_eq!(runs, [run("1", &[("a", 1.0, true), ("a", 1.0, false)]), run("2", &[("a", 1.0, false)])]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let long = format!("run,test,duration,failed\n1,{},1,0\n", "a".repeat(70_000));
        let unknown = "`NaN` is no number of seconds from 0 to 1e9";
        for (rows, message) in [
            ("", "h.csv, line 1: there is no header"),
            ("\n\n", "h.csv, line 3: there is no header"),
            (
                "run,test,failed\n",
                "h.csv, line 1: the header has no column `duration`; wanted are run,test,duration,failed",
            ),
            ("run,test,duration,failed,run\n", "h.csv, line 1, column 5: `run` comes twice"),
            ("run,test,duration,failed\n1,a,NaN,0", &format!("h.csv, line 2, column 3 (duration): {unknown}")),
            (
                "run,test,duration,failed\n1,a,-1,0",
                "h.csv, line 2, column 3 (duration): `-1` is no number of seconds from 0 to 1e9",
            ),
            (
                "run,test,duration,failed\n1,a,1e300,0",
                "h.csv, line 2, column 3 (duration): `1e300` is no number of seconds from 0 to 1e9",
            ),
            (
                "run,test,duration,failed\n1,a,inf,0",
                "h.csv, line 2, column 3 (duration): `inf` is no number of seconds from 0 to 1e9",
            ),
            (
                "run,test,duration,failed\n1,a,1,0\n1,b,1,maybe",
                "h.csv, line 3, column 4 (failed): `maybe` is none of 0, 1, true, false",
            ),
            (
                "run,test,duration,failed\n1,a,1,0\n1,b,",
                "h.csv, line 3, column 4 (failed): 3 of 4 fields: the line is cut off, or a comma is missing",
            ),
            ("run,test,duration,failed\n1,a,1,0,9", "h.csv, line 2, column 5: 5 fields, the header has 4"),
            ("run,test,duration,failed\n1,,1,0", "h.csv, line 2, column 2 (test): a test without a name"),
            ("test,run,duration,failed\na,,1,0", "h.csv, line 2, column 2 (run): a run without a name"),
            (
                "run,test,duration,failed\n1,\"a,1,0\n",
                "h.csv, line 2, column 2 (test): a quote that does not end on its line",
            ),
            ("run,test,duration,failed\n1,\"a\"b,1,0\n", "h.csv, line 2, column 2 (test): text behind a closing quote"),
            (&long, "h.csv, line 2: longer than 65536 bytes"),
        ] {
            assert_eq!(runs(rows.as_bytes()).unwrap_err(), message);
        }
        let latin = b"run,test,duration,failed\n1,caf\xe9,1,0\n";
        assert_eq!(runs(latin).unwrap_err(), "h.csv, line 2, column 2 (test): not UTF-8");
        assert_eq!(runs(b"\xff\xfer\0u\0n\0").unwrap_err(), "h.csv, line 1, column 1: not UTF-8");
    }

    fn quoted(text: &str) -> String {
        format!("\"{}\"", text.replace('"', "\"\""))
    }

    proptest! {
        /// Whatever comes: a history, or a reason with its place.
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), with_header in any::<bool>()) {
            let header: &[u8] = if with_header { b"run,test,duration,failed\n" } else { b"" };
            if let Err(message) = runs(&[header, &bytes].concat()) {
                prop_assert!(message.starts_with("h.csv, line "), "{}", message);
            }
        }

        #[test]
        fn what_is_written_is_read(
            written in proptest::collection::vec(proptest::collection::vec(("[^\r\n]{1,12}", 0_u32..5000, any::<bool>()), 1..6), 0..6),
            order in Just(COLUMNS.to_vec()).prop_shuffle(),
        ) {
            let mut text = order.join(",") + "\n";
            for (at, cases) in written.iter().enumerate() {
                for (test, ms, failed) in cases {
                    let field = |column: &&str| match *column {
                        "run" => format!("r{at}"),
                        "test" => quoted(test),
                        "duration" => format!("{}", f64::from(*ms) / 1000.0),
                        _ => format!("{}", u8::from(*failed)),
                    };
                    text += &(order.iter().map(field).collect::<Vec<_>>().join(",") + "\n");
                }
            }
            let wanted: Vec<Run> = written.iter().enumerate().map(|(at, cases)| {
                let cases: Vec<(&str, f64, bool)> =
                    cases.iter().map(|(test, ms, failed)| (test.as_str(), f64::from(*ms) / 1000.0, *failed)).collect();
                run(&format!("r{at}"), &cases)
            }).collect();
            prop_assert_eq!(runs(text.as_bytes()).unwrap(), wanted);
        }
    }
}
