//! Writes runs, one after the other.

use std::io::{self, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::lines::{CaseLine, CasesLine, EndLine, FORMAT, Header, Line, RunLine, VERSION};
use crate::history::store::FinishedRun;
use crate::model::{CaseRecord, RunId, Totals};

/// A line of cases ends when it has grown to about so many bytes.
const LINE: usize = 256 << 10;

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Runs.
    pub runs: u64,
    /// Their cases.
    pub cases: u64,
}

/// Writes the format, compressed, to wherever it is given.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: GzEncoder<W>,
    written: Written,
    last: Option<RunId>,
}

impl<W: Write> Writer<W> {
    /// Begins.
    pub fn new(out: W) -> io::Result<Self> {
        // gzip's own header says neither when nor where, so that the same runs give the same bytes.
        let out = GzEncoder::new(out, Compression::default());
        let mut writer = Self { out, written: Written::default(), last: None };
        let written_by = concat!("cargo-gate ", env!("CARGO_PKG_VERSION")).into();
        writer.line(&Header { format: FORMAT.into(), version: VERSION, written_by })?;
        Ok(writer)
    }

    /// Writes a run with its cases. Runs come in order of their names.
    pub fn write(&mut self, run: &FinishedRun) -> io::Result<()> {
        let id = &run.record.head.id;
        if self.last.as_ref().is_some_and(|last| last >= id) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("run {id} is out of its order")));
        }
        self.last = Some(id.clone());
        let cases = in_order(&run.cases);
        let totals = match run.record.totals.tests {
            0 => Totals::of(cases.iter().copied()),
            _ => run.record.totals,
        };
        self.line(&Line::Run(Box::new(RunLine::of(&run.record, &totals))))?;
        for of_binary in cases.chunk_by(|a, b| a.key.binary == b.key.binary) {
            self.cases(of_binary)?;
        }
        self.written.runs += 1;
        self.written.cases += cases.len() as u64;
        Ok(())
    }

    /// Cases of one binary, in as many lines as they need.
    fn cases(&mut self, cases: &[&CaseRecord]) -> io::Result<()> {
        let Some(first) = cases.first() else { return Ok(()) };
        // What ran in one run was one file.
        let hash = cases.iter().find_map(|case| case.binary_hash);
        let fresh = || CasesLine::of(&first.key.binary, hash);
        let (mut line, mut len) = (fresh(), 0);
        for case in cases {
            let case = CaseLine::of(case);
            len += case.len();
            line.tests.push(case);
            if len >= LINE {
                self.line(&Line::Cases(std::mem::replace(&mut line, fresh())))?;
                len = 0;
            }
        }
        if line.tests.is_empty() { Ok(()) } else { self.line(&Line::Cases(line)) }
    }

    /// Ends, and gives back what was written to.
    pub fn finish(mut self) -> io::Result<(W, Written)> {
        let Written { runs, cases } = self.written;
        self.line(&Line::End(EndLine { runs, cases }))?;
        Ok((self.out.finish()?, self.written))
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")
    }
}

/// Cases in order of their keys; of a key that comes twice the last counts.
fn in_order(cases: &[Arc<CaseRecord>]) -> Vec<&CaseRecord> {
    let mut cases: Vec<&CaseRecord> = cases.iter().rev().map(|case| &**case).collect();
    cases.sort_by(|a, b| a.key.cmp(&b.key));
    cases.dedup_by(|a, b| a.key == b.key);
    cases
}
