//! Reads runs, one after the other, from bytes that may come from anywhere.

use std::cmp::Ordering;
use std::fmt;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::mem;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use super::lines::{CasesLine, EndLine, FORMAT, Header, Line, MOST_BYTES, MOST_CASES, MOST_LINE, RunLine, VERSION};
use crate::history::store::FinishedRun;
use crate::model::{BinaryId, ContentHash, TestKey};

/// How files begin that are compressed by gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Where and why reading ended early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ReadError {
    /// Which line, from 1.
    pub line: u64,
    /// What was expected, and what was there.
    pub what: String,
}

/// Begins to read: looks at how the bytes are compressed, and reads the first line.
pub fn read<'r>(reader: impl Read + 'r) -> Result<Runs<'r>, ReadError> {
    let mut lines = Lines::open(reader)?;
    lines.header()?;
    Ok(Runs { lines, building: Building::default(), over: false })
}

/// The runs of a file. After an error there are no more.
pub struct Runs<'r> {
    lines: Lines<'r>,
    building: Building,
    over: bool,
}

/// What the lines so far make.
#[derive(Default)]
struct Building {
    /// The run that began last, whose cases are being read.
    run: Option<Pending>,
    keys: Keys,
    seen: EndLine,
}

/// The keys of the run before, in order: most runs have the same, and of whoever keeps many runs each is there once.
#[derive(Default)]
struct Keys {
    before: Vec<Arc<TestKey>>,
    next: usize,
}

impl Keys {
    fn of(run: &FinishedRun) -> Self {
        Self { before: run.cases.iter().map(|case| Arc::clone(&case.key)).collect(), next: 0 }
    }

    /// A key; these are asked for in order, too.
    fn key(&mut self, binary: &BinaryId, name: &str) -> Arc<TestKey> {
        while let Some(known) = self.before.get(self.next) {
            match (&known.binary, known.name.as_str()).cmp(&(binary, name)) {
                Ordering::Less => self.next += 1,
                Ordering::Equal => return Arc::clone(known),
                Ordering::Greater => break,
            }
        }
        Arc::new(TestKey { binary: binary.clone(), name: name.to_owned() })
    }
}

/// A run whose cases may not all have come yet.
struct Pending {
    run: FinishedRun,
    bytes: u64,
    binary: Option<(BinaryId, Option<ContentHash>)>,
}

impl fmt::Debug for Runs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runs")
            .field("line", &self.lines.number)
            .field("seen", &self.building.seen)
            .finish_non_exhaustive()
    }
}

impl Iterator for Runs<'_> {
    type Item = Result<FinishedRun, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let next = self.advance().transpose();
        self.over |= !matches!(next, Some(Ok(_)));
        next
    }
}

impl Runs<'_> {
    /// The run that is complete next, none at the end.
    fn advance(&mut self) -> Result<Option<FinishedRun>, ReadError> {
        loop {
            let Some(bytes) = self.lines.next()? else {
                return Err(self.lines.error("the file ends before its last line: it was cut off"));
            };
            let line = match serde_json::from_slice::<Line<'_>>(bytes) {
                Ok(line) => line,
                Err(error) => return Err(self.lines.wrong_json(&error)),
            };
            let len = bytes.len() as u64;
            let done = match line {
                Line::Run(line) => self.building.begin(*line, len),
                Line::Cases(line) => self.building.add(line, len).map(|()| None),
                Line::End(end) => {
                    self.end(end)?;
                    self.over = true;
                    return Ok(self.building.run.take().map(|pending| pending.run));
                }
            };
            match done {
                Ok(None) => {}
                Ok(Some(run)) => return Ok(Some(run)),
                Err(what) => return Err(self.lines.error(what)),
            }
        }
    }

    /// Nothing is missing, and nothing follows.
    fn end(&mut self, end: EndLine) -> Result<(), ReadError> {
        let EndLine { runs, cases } = self.building.seen;
        if end != self.building.seen {
            let (of_runs, of_cases) = (end.runs, end.cases);
            return Err(self
                .lines
                .error(format!("{of_runs} runs with {of_cases} cases were written, {runs} with {cases} are there")));
        }
        match self.lines.next()? {
            None => Ok(()),
            Some(_) => Err(self.lines.error("nothing is expected after the last line; give several files one by one")),
        }
    }
}

impl Building {
    /// A run begins; the one before it is complete.
    fn begin(&mut self, line: RunLine<'_>, bytes: u64) -> Result<Option<FinishedRun>, String> {
        let record = line.into_record()?;
        let id = &record.head.id;
        match self.run.as_ref().map(|before| &before.run.record.head.id) {
            Some(before) if before == id => return Err(format!("run {id} comes twice")),
            Some(before) if before > id => return Err(format!("run {id} comes after {before}, not before it")),
            _ => {}
        }
        self.seen.runs += 1;
        let run = FinishedRun { record, cases: Vec::new(), binaries: Vec::new() };
        let before = self.run.replace(Pending { run, bytes, binary: None }).map(|before| before.run);
        self.keys = before.as_ref().map(Keys::of).unwrap_or_default();
        Ok(before)
    }

    /// Cases of the run that began last.
    fn add(&mut self, line: CasesLine<'_>, bytes: u64) -> Result<(), String> {
        let Some(Pending { run, bytes: before, binary: last }) = &mut self.run else {
            return Err("cases come before any run".to_owned());
        };
        let id = &run.record.head.id;
        *before += bytes;
        let (binary, hash, tests) = line.into_parts();
        if *before > MOST_BYTES || run.cases.len().saturating_add(tests.len()) > MOST_CASES {
            let most = MOST_BYTES >> 20;
            return Err(format!("run {id} is larger than any that is read: {MOST_CASES} cases, {most} MiB"));
        }
        if last.as_ref().is_some_and(|(last, of_last)| *last == binary && *of_last != hash) {
            return Err(format!("binary {binary} has two hashes in run {id}"));
        }
        self.seen.cases += tests.len() as u64;
        run.cases.reserve(tests.len());
        for test in tests {
            if test.name().is_empty() {
                return Err(format!("a case of {binary} has no name"));
            }
            let key = self.keys.key(&binary, test.name());
            match run.cases.last().map(|before| before.key.cmp(&key)) {
                Some(Ordering::Equal) => return Err(format!("`{key}` comes twice in run {id}")),
                Some(Ordering::Greater) => return Err(format!("`{key}` is out of its order in run {id}")),
                _ => run.cases.push(Arc::new(test.into_case(key, hash)?)),
            }
        }
        *last = Some((binary, hash));
        Ok(())
    }
}

/// Lines, whatever they are compressed by.
struct Lines<'r> {
    input: Box<dyn BufRead + 'r>,
    number: u64,
    line: Vec<u8>,
}

impl<'r> Lines<'r> {
    fn open(reader: impl Read + 'r) -> Result<Self, ReadError> {
        let mut reader = BufReader::with_capacity(64 << 10, reader);
        let mut head = Vec::new();
        let read = reader.by_ref().take(GZIP.len() as u64).read_to_end(&mut head);
        let is_gzip = head == GZIP;
        let whole = Cursor::new(head).chain(reader);
        let input: Box<dyn BufRead + 'r> = if is_gzip {
            Box::new(BufReader::with_capacity(64 << 10, MultiGzDecoder::new(whole)))
        } else {
            Box::new(whole)
        };
        let lines = Self { input, number: 1, line: Vec::new() };
        match read {
            Ok(_) => Ok(Self { number: 0, ..lines }),
            Err(error) => Err(lines.unreadable(&error)),
        }
    }

    /// The first line says what the others are.
    fn header(&mut self) -> Result<(), ReadError> {
        let bytes = self.next()?.unwrap_or_default();
        let header = serde_json::from_slice::<Header<'_>>(bytes).ok().filter(|header| header.format == FORMAT);
        let Some(version) = header.map(|header| header.version) else {
            let wanted = format!("{{\"format\":\"{FORMAT}\",\"version\":{VERSION}}}");
            return Err(self.error(format!("this is no exported history, whose first line is {wanted}")));
        };
        match version {
            VERSION => Ok(()),
            newer if newer > VERSION => Err(self.error(format!(
                "it was written by a newer cargo gate (version {newer} of the format, known here is {VERSION})"
            ))),
            _ => Err(self.error(format!("there is no version {version} of the format"))),
        }
    }

    /// The next line without its end; none at the end of the file.
    fn next(&mut self) -> Result<Option<&[u8]>, ReadError> {
        self.number += 1;
        self.line.clear();
        // What one long line took is given back once it has been read.
        if self.line.capacity() as u64 > MOST_LINE / 16 {
            self.line = Vec::new();
        }
        let mut line = mem::take(&mut self.line);
        let read = self.input.by_ref().take(MOST_LINE).read_until(b'\n', &mut line);
        self.line = line;
        match read {
            Err(error) => Err(self.unreadable(&error)),
            Ok(0) => Ok(None),
            Ok(_) if self.line.pop_if(|last| *last == b'\n').is_some() => Ok(Some(&self.line)),
            Ok(len) if len as u64 >= MOST_LINE => {
                Err(self.error(format!("the line is longer than {} MiB", MOST_LINE >> 20)))
            }
            Ok(_) => Err(self.error("the file ends in the middle of the line: it was cut off")),
        }
    }

    fn error(&self, what: impl Into<String>) -> ReadError {
        ReadError { line: self.number, what: what.into() }
    }

    fn unreadable(&self, error: &io::Error) -> ReadError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.error("the compressed file ends in the middle: it was cut off"),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                self.error(format!("the compressed file is damaged: {error}"))
            }
            _ => self.error(format!("it cannot be read: {error}")),
        }
    }

    fn wrong_json(&self, error: &serde_json::Error) -> ReadError {
        // serde_json counts lines, too, and knows of one only.
        let (text, column) = (error.to_string(), error.column());
        let at = format!(" at line {} column {column}", error.line());
        self.error(format!("column {column}: {}", text.strip_suffix(&at).unwrap_or(&text)))
    }
}
