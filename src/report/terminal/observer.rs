//! The observer: facts in, lines out. It has no clock; every time comes with the facts.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressDrawTarget};
use jiff::Timestamp;

use super::line::Line;
use super::page::{Ink, Page, Tone};
use super::progress::SharedFlight;
use super::sentences::{self, NAMED};
use crate::event::{Event, Fact, Observer, Stream};
use crate::model::{Attempt, BinaryId, CaseRecord, Ending, Outcome, RunRecord, Shard, TestKey};
use crate::report::github::folded;
use crate::report::inert::{Inert, inert, one_line};
use crate::report::view::{self, Insights};
use crate::report::words;

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Failures and the verdict (`-q`).
    Quiet,
    /// What is out of the ordinary, and a report at the end.
    #[default]
    Normal,
    /// Each test (`-v`).
    Verbose,
}

/// How it looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// In colours?
    pub color: bool,
    /// How much is said.
    pub verbosity: Verbosity,
    /// With a progress line on standard error?
    pub progress: bool,
    /// Where sentences wrap; none where nobody watches.
    pub columns: Option<usize>,
    /// Where GitHub reads it as well, which folds long output?
    pub github: bool,
}

type Historian<'a> = dyn FnMut(&RunRecord, &[Arc<CaseRecord>]) -> Insights + 'a;

/// Tells people of a run.
pub struct Terminal<'a, W> {
    page: Page<W>,
    verbosity: Verbosity,
    groups: bool,
    flight: SharedFlight,
    line: Option<Line>,
    historian: Option<Box<Historian<'a>>>,
    texts: Texts,
    printed: HashMap<(BinaryId, Stream), Lines>,
    /// The test whose line is the last one printed.
    last_named: Option<Arc<TestKey>>,
}

/// Which failing attempts have been named, and what became of their texts.
#[derive(Default)]
struct Texts {
    /// Attempts with a line on the page, or whose test has one.
    named: HashSet<(Arc<TestKey>, u32)>,
    finished: HashSet<Arc<TestKey>>,
    shown: HashSet<(Arc<TestKey>, u32)>,
    /// Texts that came before their line.
    waiting: HashMap<(Arc<TestKey>, u32), Arc<str>>,
}

/// What a process prints for the user's eyes, held back to whole lines so that two processes never share one.
#[derive(Default)]
struct Lines {
    filter: Inert,
    partial: String,
}

impl<'a, W: io::Write> Terminal<'a, W> {
    /// Writes to this writer (standard error, in life).
    pub fn new(writer: W, look: Look) -> Self {
        let terminal = Self {
            page: Page::new(writer, Ink { color: look.color }, look.columns),
            verbosity: look.verbosity,
            groups: look.github,
            flight: SharedFlight::default(),
            line: None,
            historian: None,
            texts: Texts::default(),
            printed: HashMap::new(),
            last_named: None,
        };
        if look.progress { terminal.with_progress(ProgressDrawTarget::stderr()) } else { terminal }
    }

    /// Draws the progress line there.
    #[must_use]
    pub fn with_progress(mut self, target: ProgressDrawTarget) -> Self {
        let (flight, ink) = (self.flight.clone(), self.page.ink);
        let line = Line::new(target, move |elapsed, width| flight.lock().line(ink, elapsed, width));
        self.page.share_with(line.bars.clone());
        self.line = Some(line);
        self
    }

    /// Asks for what the history says when the run is over (after the observers before this one took note of it).
    #[must_use]
    pub fn with_insights(mut self, historian: impl FnMut(&RunRecord, &[Arc<CaseRecord>]) -> Insights + 'a) -> Self {
        self.historian = Some(Box::new(historian));
        self
    }

    /// The progress lines, for others who print on the same terminal meanwhile: within [`MultiProgress::suspend`].
    #[must_use]
    pub fn bars(&self) -> Option<MultiProgress> {
        self.line.as_ref().map(|line| line.bars.clone())
    }

    fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// Prints lines that are about no test in particular.
    fn print(&mut self, lines: &str) {
        self.last_named = None;
        self.page.print(lines);
    }

    /// Prints a test's line.
    fn name(&mut self, tone: Tone, word: &str, time: &str, key: &Arc<TestKey>, remark: &str) {
        self.page.print(&self.page.test(tone, word, time, key, remark));
        self.last_named = Some(Arc::clone(key));
    }

    fn planned(
        &mut self,
        at: Timestamp,
        (tests, binaries): (u64, usize),
        shard: Option<(Shard, u64)>,
        expected: Option<Duration>,
    ) {
        {
            let mut flight = self.flight.lock();
            flight.total = tests;
            flight.done = 0;
            flight.expected = expected;
            flight.since = Some(at);
            flight.running.clear();
        }
        if tests == 0 && shard.is_none() {
            return;
        }
        if !self.is_quiet() {
            let text = match shard {
                Some(shard) => sentences::running_shard(shard, tests, binaries, expected),
                None => sentences::running(tests, binaries, expected),
            };
            let line = self.page.sentence(Tone::Good, "Running", &text);
            self.print(&line);
        }
        if let Some(line) = &mut self.line {
            line.begin(Duration::ZERO);
        }
    }

    fn attempt_finished(&mut self, key: &Arc<TestKey>, number: u32, result: &Attempt, retry_in: Option<Duration>) {
        self.flight.lock().ended(key);
        if result.outcome.as_outcome() == Outcome::Passed {
            return;
        }
        if let Some(delay) = retry_in.filter(|_| !self.is_quiet()) {
            let word = match view::attempt_word(result.outcome, result.ending) {
                "TIMEOUT" => "TMT",
                "ERROR" => "ERR",
                word => word.strip_prefix("SIG").unwrap_or(word),
            };
            let again = if delay.is_zero() { "again".to_owned() } else { format!("again in {}", words::exact(delay)) };
            self.name(Tone::Soft, &format!("TRY {number} {word}"), &time(result.took), key, &again);
            self.explain(result);
            self.texts.named.insert((Arc::clone(key), number));
        }
        let text = self.texts.waiting.remove(&(Arc::clone(key), number)).or_else(|| result.text.clone());
        if let Some(text) = text {
            self.failure_text(key, number, &text);
        }
    }

    /// What the harness did not say.
    fn explain(&mut self, attempt: &Attempt) {
        if let Some(why) = &attempt.why {
            let line = self.page.flow(&" ".repeat(self.page.indent()), &one_line(why));
            self.page.print(&line);
        }
    }

    fn test_finished(&mut self, case: &Arc<CaseRecord>) {
        {
            let mut flight = self.flight.lock();
            flight.ended(&case.key);
            flight.done += 1;
            flight.failing += u64::from(case.outcome.is_failure());
        }
        let Some(tone) = self.tone_if_told(case) else {
            self.texts.waiting.retain(|(key, _), _| *key != case.key);
            return;
        };
        let tries = case.attempts.len();
        let note = match case.outcome {
            Outcome::Flaky => format!("passed at try {tries}"),
            _ if tries > 1 && case.outcome.is_failure() => format!("{tries} tries"),
            _ => String::new(),
        };
        self.name(tone, view::word(case), &time(case.took), &case.key, &note);
        if !case.outcome.is_failure() {
            return;
        }
        self.texts.finished.insert(Arc::clone(&case.key));
        let Some(last) = case.attempts.last() else { return };
        self.explain(last);
        let number = u32::try_from(tries).unwrap_or(u32::MAX);
        let text = self.texts.waiting.remove(&(Arc::clone(&case.key), number)).or_else(|| last.text.clone());
        if let Some(text) = text {
            self.failure_text(&case.key, number, &text);
        }
    }

    /// The tone of a test's line, if it gets one.
    fn tone_if_told(&self, case: &CaseRecord) -> Option<Tone> {
        let (tone, least) = match case.outcome {
            Outcome::Failed | Outcome::Error | Outcome::Timeout => (Tone::Bad, Verbosity::Quiet),
            Outcome::Flaky => (Tone::Soft, Verbosity::Normal),
            Outcome::Passed if case.leaked => (Tone::Soft, Verbosity::Normal),
            Outcome::Passed => (Tone::Good, Verbosity::Verbose),
            Outcome::Skipped => (Tone::Dim, Verbosity::Verbose),
        };
        (self.verbosity >= least).then_some(tone)
    }

    /// Shows a failing attempt's text below its line, once; a text without a line waits for it.
    fn failure_text(&mut self, key: &Arc<TestKey>, attempt: u32, text: &Arc<str>) {
        let id = (Arc::clone(key), attempt);
        if !self.texts.named.contains(&id) && !self.texts.finished.contains(key) {
            self.texts.waiting.insert(id, Arc::clone(text));
            return;
        }
        let text = inert(text);
        if !self.texts.shown.insert(id) || text.trim().is_empty() {
            return;
        }
        let mut block = String::new();
        if self.last_named.as_ref() != Some(key) {
            block.push_str(&format!("{}{}\n", self.page.status(Tone::Bad, "Output"), self.page.ink.key(key)));
        }
        block.push('\n');
        for line in text.trim_matches('\n').lines() {
            if !line.trim().is_empty() {
                block.push_str("    ");
                block.push_str(line);
            }
            block.push('\n');
        }
        block.push('\n');
        let block = if self.groups { folded(&format!("Output of {key}"), block) } else { block };
        self.print(&block);
    }

    fn process_died(&mut self, binary: &BinaryId, ending: Ending, in_flight: &[Arc<TestKey>]) {
        {
            let mut flight = self.flight.lock();
            in_flight.iter().for_each(|key| flight.ended(key));
        }
        let text = sentences::died(binary, ending, in_flight);
        let line = self.page.sentence(Tone::Bad, sentences::death(ending), &text);
        self.print(&line);
    }

    fn interrupted(&mut self, at: Timestamp, signal: &str) {
        let running = {
            let mut flight = self.flight.lock();
            flight.stopping = true;
            flight.running.clone()
        };
        let text = sentences::stopping(signal, running.len());
        let mut lines = self.page.sentence(Tone::Soft, "Stopping", &text);
        for (key, started) in running.iter().take(NAMED) {
            let time = Duration::try_from(at.duration_since(*started)).unwrap_or_default();
            lines.push_str(&self.page.test(Tone::Dim, "", &words::exact(time), key, ""));
        }
        if running.len() > NAMED {
            lines.push_str(&format!("{:indent$}and {} more\n", "", running.len() - NAMED, indent = self.page.indent()));
        }
        self.print(&lines);
    }

    fn printed(&mut self, binary: &BinaryId, stream: Stream, bytes: &[u8]) {
        let lines = self.printed.entry((binary.clone(), stream)).or_default();
        lines.partial.push_str(&lines.filter.push(bytes));
        if let Some(end) = lines.partial.rfind('\n') {
            let rest = lines.partial.split_off(end + 1);
            let whole = std::mem::replace(&mut lines.partial, rest);
            self.print(&whole);
        }
    }

    /// The run is over: what was held back, then the report.
    fn finish(&mut self, record: &RunRecord, cases: &[Arc<CaseRecord>]) {
        if let Some(mut line) = self.line.take() {
            line.end();
        }
        let mut partial: Vec<_> = self.printed.drain().filter(|(_, lines)| !lines.partial.is_empty()).collect();
        partial.sort_by(|(a, _), (b, _)| a.0.cmp(&b.0));
        for (_, mut lines) in partial {
            let rest = format!("{}{}\n", lines.partial, lines.filter.finish());
            self.print(&rest);
        }
        for case in cases.iter().filter(|case| case.outcome.is_failure()) {
            self.texts.finished.insert(Arc::clone(&case.key));
            let seen = self.texts.shown.iter().any(|(key, _)| *key == case.key);
            if let Some(text) = case.failure_text().filter(|_| !seen) {
                let attempt = u32::try_from(case.attempts.len()).unwrap_or(u32::MAX);
                self.failure_text(&case.key, attempt, &text.into());
            }
        }
        let historian = self.historian.as_mut().filter(|_| self.verbosity > Verbosity::Quiet);
        let insights = historian.map(|historian| historian(record, cases)).unwrap_or_default();
        let report = super::closing::report(&self.page, self.verbosity, record, cases, &insights);
        self.print(&report);
    }
}

/// A time in the column of a test's line.
pub(super) fn time(took: Option<Duration>) -> String {
    took.map_or_else(|| "?".to_owned(), words::exact)
}

impl<W: io::Write> Observer for Terminal<'_, W> {
    fn observe(&mut self, event: &Event) {
        let at = event.at;
        match &event.fact {
            // cargo speaks for itself while it builds, on the same terminal.
            Fact::RunStarted { .. } | Fact::BuildFinished { .. } => {}
            Fact::Planned { tests, binaries, shard, expected, .. } => {
                self.planned(at, (*tests, *binaries), *shard, *expected);
            }
            Fact::TestStarted { key, .. } => self.flight.lock().started(key, at),
            Fact::TestSlow { key, running } => {
                if !self.is_quiet() {
                    self.name(Tone::Soft, "SLOW", &format!(">{:>8}", words::exact(*running)), key, "");
                }
            }
            Fact::AttemptFinished { key, attempt, result, retry_in } => {
                self.attempt_finished(key, *attempt, result, *retry_in);
            }
            Fact::FailureText { key, attempt, text } => self.failure_text(key, *attempt, text),
            Fact::TestFinished { case } => self.test_finished(case),
            Fact::ProcessDied { binary, ending, in_flight } => self.process_died(binary, *ending, in_flight),
            Fact::ProcessLeaked { binary } => {
                if !self.is_quiet() {
                    let line = self.page.sentence(Tone::Soft, "LEAK", &sentences::leaked(binary));
                    self.print(&line);
                }
            }
            Fact::Printed { binary, stream, bytes } => self.printed(binary, *stream, bytes),
            Fact::Warned { text, .. } => {
                if !self.is_quiet() {
                    let prefix = format!("{}: ", self.page.ink.paint(Tone::Soft, "warning"));
                    let line = self.page.flow(&prefix, &one_line(text));
                    self.print(&line);
                }
            }
            Fact::ToolFailed { why, attempt, of, retry_in } => {
                let text = sentences::tool_failed(why, *attempt, *of, *retry_in);
                let line = self.page.sentence(Tone::Soft, "Tool error", &text);
                self.print(&line);
            }
            Fact::Interrupted { signal } => self.interrupted(at, signal),
            Fact::RunFinished { record, cases } => self.finish(record, cases),
            // Steps are told by whoever tells of the pipeline.
            Fact::PipelineStarted { .. }
            | Fact::StepStarted { .. }
            | Fact::StepPrinted { .. }
            | Fact::StepFinished { .. } => {}
        }
    }
}
