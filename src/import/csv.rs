//! A history as CSV: the columns `run,test,duration,failed` in any order, further ones are passed over.
//!
//! The runs come in the order of the file, the rows of each together. The duration is in seconds, and 0 where the
//! field is empty; failed is `0`, `1`, `true` or `false`. Fields may be quoted (RFC 4180), but end on their line. Read
//! run by run: only the names of runs and tests are kept.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::time::Duration;

/// The columns that are needed.
const COLUMNS: [&str; 4] = ["run", "test", "duration", "failed"];

/// No line is longer than so many bytes: what is, is no history.
const MOST_BYTES: u64 = 64 * 1024;

/// No test takes longer than so many seconds, even where they were meant as milliseconds.
const MOST_SECONDS: f64 = 1e9;

/// A run of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvRun {
    /// Its name.
    pub name: String,
    /// What became of its tests, in the order of the file. A test may come more than once.
    pub cases: Vec<CsvCase>,
}

/// What became of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvCase {
    /// Its name.
    pub test: Arc<str>,
    /// How long it took.
    pub took: Duration,
    /// Did it fail?
    pub failed: bool,
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

/// The runs of a history, as they are read. After an error there are no more.
#[derive(Debug)]
pub struct CsvRuns<R> {
    input: R,
    file: String,
    line: u64,
    bytes: Vec<u8>,
    /// The place of each of [`COLUMNS`] in a line, and how many columns there are; none before the header.
    header: Option<([usize; 4], usize)>,
    tests: HashSet<Arc<str>>,
    begun: HashSet<String>,
    /// The first row of the next run.
    ahead: Option<(String, CsvCase)>,
    over: bool,
}

impl<R: BufRead> CsvRuns<R> {
    /// Reads a history; the file's name is for messages.
    pub fn new(input: R, file: impl Into<String>) -> Self {
        Self {
            input,
            file: file.into(),
            line: 0,
            bytes: Vec::new(),
            header: None,
            tests: HashSet::new(),
            begun: HashSet::new(),
            ahead: None,
            over: false,
        }
    }

    fn next_run(&mut self) -> Result<Option<CsvRun>, CsvError> {
        let first = match self.ahead.take() {
            Some(first) => Some(first),
            None => self.next_row()?,
        };
        let Some((name, case)) = first else { return Ok(None) };
        if !self.begun.insert(name.clone()) {
            let what = format!("run `{}` came before: the rows of a run must stand together", shown(&name));
            return Err(self.bad(Wrong(self.header.map(|(places, _)| places[0]), what)));
        }
        let mut run = CsvRun { name, cases: vec![case] };
        while let Some((name, case)) = self.next_row()? {
            if name != run.name {
                self.ahead = Some((name, case));
                break;
            }
            run.cases.push(case);
        }
        Ok(Some(run))
    }

    fn next_row(&mut self) -> Result<Option<(String, CsvCase)>, CsvError> {
        loop {
            let mut bytes = std::mem::take(&mut self.bytes);
            bytes.clear();
            let read = (&mut self.input).take(MOST_BYTES + 1).read_until(b'\n', &mut bytes);
            let read = read.map_err(|error| CsvError::Io { file: self.file.clone(), error })?;
            if read == 0 {
                self.line += 1;
                return if self.header.is_some() { Ok(None) } else { Err(self.bad(Wrong::line("there is no header"))) };
            }
            self.line += 1;
            let row = self.take_line(&bytes).map_err(|wrong| self.bad(wrong))?;
            self.bytes = bytes;
            if row.is_some() {
                return Ok(row);
            }
        }
    }

    /// Takes in a line; none: it was the header, or empty.
    fn take_line(&mut self, bytes: &[u8]) -> Result<Option<(String, CsvCase)>, Wrong> {
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
        let text = if self.line == 1 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        if text.trim().is_empty() {
            return Ok(None);
        }
        let fields = split(text)?;
        match self.header {
            None => {
                self.header = Some((places(&fields)?, fields.len()));
                Ok(None)
            }
            Some((places, count)) => self.row(&fields, places, count).map(Some),
        }
    }

    fn row(&mut self, fields: &[Cow<'_, str>], places: [usize; 4], count: usize) -> Result<(String, CsvCase), Wrong> {
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
            Some(known) => Arc::clone(known),
            None => {
                let test: Arc<str> = test.into();
                self.tests.insert(Arc::clone(&test));
                test
            }
        };
        Ok((run.to_owned(), CsvCase { test, took, failed }))
    }

    fn bad(&self, Wrong(column, what): Wrong) -> CsvError {
        let column = column.map(|place| {
            let name = self.header.and_then(|(places, _)| {
                let known = places.iter().zip(COLUMNS).find(|(known, _)| **known == place);
                known.map(|(_, name)| format!(" ({name})"))
            });
            format!("column {}{}", place + 1, name.unwrap_or_default())
        });
        CsvError::Bad { file: self.file.clone(), line: self.line, column, what }
    }
}

impl<R: BufRead> Iterator for CsvRuns<R> {
    type Item = Result<CsvRun, CsvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let run = self.next_run();
        self.over = !matches!(run, Ok(Some(_)));
        run.transpose()
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

    fn read(bytes: &[u8]) -> Result<Vec<CsvRun>, String> {
        CsvRuns::new(bytes, "h.csv").collect::<Result<_, _>>().map_err(|error| error.to_string())
    }

    fn run(name: &str, cases: &[(&str, f64, bool)]) -> CsvRun {
        let case = |(test, took, failed): &(&str, f64, bool)| CsvCase {
            test: (*test).into(),
            took: Duration::from_secs_f64(*took),
            failed: *failed,
        };
        CsvRun { name: name.to_owned(), cases: cases.iter().map(case).collect() }
    }

    #[test]
    fn columns_may_stand_in_any_order_among_others() {
        let plain = "run,test,duration,failed\n1,a,0.5,0\n1,b,,1\n2,a,2,true\n";
        let wanted = [run("1", &[("a", 0.5, false), ("b", 0.0, true)]), run("2", &[("a", 2.0, true)])];
        assert_eq!(read(plain.as_bytes()).unwrap(), wanted);
        let other = "\u{feff}failed, who ,test,run,duration\r\n0,x,a,1,0.5\r\nTRUE,x,\"b\",1,\r\n\r\n1,x,a,2,2e0";
        assert_eq!(read(other.as_bytes()).unwrap(), wanted);
        assert_eq!(read(b"run,test,duration,failed").unwrap(), []);
    }

    #[test]
    fn quoted_names_keep_commas_and_quotes() {
        let runs = read(b"run,test,duration,failed\n1,\"says \"\"a, b\"\"\",1,0\n1,\"\"\"\",1,0\n").unwrap();
        assert_eq!(runs, [run("1", &[("says \"a, b\"", 1.0, false), ("\"", 1.0, false)])]);
    }

    #[test]
    fn a_test_may_come_more_than_once_in_a_run() {
        let runs = read(b"run,test,duration,failed\n1,a,1,1\n1,a,1,0\n").unwrap();
        assert_eq!(runs, [run("1", &[("a", 1.0, true), ("a", 1.0, false)])]);
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
            (
                "run,test,duration,failed\n1,a,1,0\n2,a,1,0\n1,b,1,0\n",
                "h.csv, line 4, column 1 (run): run `1` came before: the rows of a run must stand together",
            ),
            (&long, "h.csv, line 2: longer than 65536 bytes"),
        ] {
            assert_eq!(read(rows.as_bytes()).unwrap_err(), message);
        }
        let latin = b"run,test,duration,failed\n1,caf\xe9,1,0\n";
        assert_eq!(read(latin).unwrap_err(), "h.csv, line 2, column 2 (test): not UTF-8");
        assert_eq!(read(b"\xff\xfer\0u\0n\0").unwrap_err(), "h.csv, line 1, column 1: not UTF-8");
    }

    fn quoted(text: &str) -> String {
        format!("\"{}\"", text.replace('"', "\"\""))
    }

    proptest! {
        /// Whatever comes: runs or a reason, and after a reason nothing.
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), with_header in any::<bool>()) {
            let header: &[u8] = if with_header { b"run,test,duration,failed\n" } else { b"" };
            let all = [header, &bytes].concat();
            let mut runs = CsvRuns::new(all.as_slice(), "h.csv");
            if runs.by_ref().any(|run| run.is_err()) {
                prop_assert!(runs.next().is_none());
            }
        }

        #[test]
        fn what_is_written_is_read(
            runs in proptest::collection::vec(proptest::collection::vec(("[^\r\n]{1,12}", 0_u32..5000, any::<bool>()), 1..6), 0..6),
            order in Just(COLUMNS.to_vec()).prop_shuffle(),
        ) {
            let mut text = order.join(",") + "\n";
            for (at, cases) in runs.iter().enumerate() {
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
            let wanted: Vec<CsvRun> = runs.iter().enumerate().map(|(at, cases)| {
                let cases: Vec<(&str, f64, bool)> =
                    cases.iter().map(|(test, ms, failed)| (test.as_str(), f64::from(*ms) / 1000.0, *failed)).collect();
                run(&format!("r{at}"), &cases)
            }).collect();
            prop_assert_eq!(read(text.as_bytes()).unwrap(), wanted);
        }
    }
}
