//! The steps of a gate for people, as they go: a line for each that is done with, and live lines for those that run.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use console::measure_text_width;
use indicatif::ProgressDrawTarget;
use jiff::Timestamp;

use super::progress::Flight;
use super::steps;
use crate::event::{Event, Fact, Observer};
use crate::model::{StepKind, StepRecord, StepState};
use crate::report::github::folded;
use crate::report::inert::{inert, one_line};
use crate::report::terminal::sentences::{self, NAMED};
use crate::report::terminal::{Ink, Line, Look, Page, Shared, Tone, Verbosity};
use crate::report::words;

/// Columns of a name before what its step prints; a longer one has its own.
const NAME: usize = 16;
/// What is held back while others have the terminal is no more than this.
const HELD: usize = 256 * 1024;

/// Tells people of the steps of a gate.
pub struct PipelineTerminal<W: io::Write> {
    page: Page<W>,
    verbosity: Verbosity,
    groups: bool,
    flight: Shared<Flight>,
    line: Option<Line>,
    /// The gate's own steps that began: they tell of themselves.
    engines: HashSet<String>,
    /// How many of these have the terminal now.
    speaking: usize,
    /// Lines that would tear what they draw.
    held: String,
    /// Columns of the names before what steps print.
    names: usize,
}

impl<W: io::Write> PipelineTerminal<W> {
    /// Writes to this writer (standard error, in life).
    pub fn new(writer: W, look: Look) -> Self {
        let terminal = Self {
            page: Page::new(writer, Ink { color: look.color }, look.columns),
            verbosity: look.verbosity,
            groups: look.github,
            flight: Shared::default(),
            line: None,
            engines: HashSet::new(),
            speaking: 0,
            held: String::new(),
            names: 0,
        };
        if look.progress { terminal.with_progress(ProgressDrawTarget::stderr()) } else { terminal }
    }

    /// Draws the live lines there.
    #[must_use]
    pub fn with_progress(mut self, target: ProgressDrawTarget) -> Self {
        let (flight, ink) = (self.flight.clone(), self.page.ink);
        let line = Line::new(target, move |elapsed, width| flight.lock().lines(ink, elapsed, width));
        self.page.share_with(line.bars.clone());
        self.line = Some(line);
        self
    }

    fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// Prints lines, or keeps them until whoever draws on the terminal now is done.
    fn print(&mut self, lines: &str) {
        if self.speaking > 0 && self.line.is_some() && self.held.len() < HELD {
            self.held.push_str(lines);
        } else {
            self.release();
            self.page.print(lines);
        }
    }

    fn release(&mut self) {
        if !self.held.is_empty() {
            let held = std::mem::take(&mut self.held);
            self.page.print(&held);
        }
    }

    /// Draws the live lines while nobody else draws.
    fn draw(&mut self, at: Timestamp) {
        let elapsed = self.flight.lock().elapsed(at);
        match &mut self.line {
            Some(line) if self.speaking == 0 => line.begin(elapsed),
            Some(line) => line.end(),
            None => {}
        }
    }

    fn pipeline_started(&mut self, at: Timestamp, name: &str, planned: &[(String, StepKind)]) {
        {
            let mut flight = self.flight.lock();
            *flight = Flight { total: planned.len(), since: Some(at), ..Flight::default() };
        }
        let names: Vec<String> = planned.iter().map(|(name, _)| one_line(name)).collect();
        let widths = names.iter().map(|name| measure_text_width(name));
        self.names = widths.filter(|width| *width <= NAME).max().unwrap_or_default();
        if !self.is_quiet() {
            let count = words::count(planned.len() as u64, "step", "steps");
            let of = if name == super::DEFAULT { String::new() } else { format!(" of {}", one_line(name)) };
            let text = format!("{count}{of}: {}", names.join(", "));
            let line = self.page.sentence(Tone::Good, "Running", text.trim_end_matches([':', ' ']));
            self.print(&line);
        }
        self.draw(at);
    }

    fn step_started(&mut self, at: Timestamp, name: &str, is_engine: bool) {
        if !is_engine {
            self.flight.lock().started(name, at);
            return;
        }
        if !self.is_quiet() {
            let rule = self.page.rule(&one_line(name));
            self.print(&rule);
        }
        if self.engines.insert(name.to_owned()) {
            self.speaking += 1;
        }
        self.draw(at);
    }

    fn step_printed(&mut self, name: &str, line: &str) {
        if self.verbosity < Verbosity::Verbose {
            self.flight.lock().printed(name, line);
            return;
        }
        let shown = one_line(name);
        let padding = " ".repeat(self.names.saturating_sub(measure_text_width(&shown)));
        let prefix =
            format!("{}{padding} {} ", self.page.ink.paint(Tone::Path, &shown), self.page.ink.paint(Tone::Dim, "|"));
        let lines: String =
            inert(line).lines().map(|line| format!("{prefix}{line}").trim_end().to_owned() + "\n").collect();
        self.print(&lines);
    }

    fn step_finished(&mut self, at: Timestamp, step: &StepRecord) {
        {
            let mut flight = self.flight.lock();
            flight.ended(&step.name);
            flight.done += 1;
            flight.failed += usize::from(matches!(step.state, StepState::Failed | StepState::ToolError));
        }
        let tells_itself = self.engines.remove(&step.name);
        if tells_itself {
            self.speaking = self.speaking.saturating_sub(1);
        }
        let blocks = matches!(step.state, StepState::Failed | StepState::ToolError);
        if blocks || !self.is_quiet() {
            let text = self.told(step, tells_itself);
            if self.speaking == 0 {
                self.release();
            }
            self.print(&text);
        }
        self.draw(at);
    }

    /// What is said of a step that is done with.
    fn told(&self, step: &StepRecord, tells_itself: bool) -> String {
        if tells_itself {
            let has_failed = matches!(step.state, StepState::Failed | StepState::Warned | StepState::ToolError);
            let log = has_failed.then(|| steps::log(&self.page, step)).flatten();
            return steps::row(&self.page, step) + &log.unwrap_or_default();
        }
        let mut out = steps::line(&self.page, step);
        // What was said line by line is not said again.
        let output = if self.verbosity == Verbosity::Verbose { String::new() } else { steps::output(step) };
        match step.state {
            StepState::Failed | StepState::Warned | StepState::ToolError => {
                out.push_str(&if self.groups { folded(&format!("Output of {}", step.name), output) } else { output });
                out.extend(steps::log(&self.page, step));
                // In quiet the end says it soon enough.
                if let Some(next) = step.next.as_ref().filter(|_| !self.is_quiet()) {
                    out.push_str(&steps::next(&self.page, next));
                }
            }
            StepState::Passed | StepState::Ignored | StepState::Cached | StepState::Skipped | StepState::NotRun => {}
        }
        out
    }

    fn interrupted(&mut self, at: Timestamp, signal: &str) {
        let running: Vec<(String, String)> = {
            let mut flight = self.flight.lock();
            flight.stopping = true;
            let running = flight.running.iter();
            running.map(|step| (one_line(&step.name), words::exact(super::progress::between(step.since, at)))).collect()
        };
        // The gate's own step says itself what it stops.
        if self.speaking > 0 {
            return;
        }
        let text = match running.len() {
            0 => format!("on {signal}: no step is running"),
            n => format!(
                "on {signal}: {} (once more kills at once)",
                words::count(n as u64, "step is running", "steps are running")
            ),
        };
        let mut lines = self.page.sentence(Tone::Soft, "Stopping", &text);
        for (name, time) in running.iter().take(NAMED) {
            lines.push_str(&format!("{}{} {name}\n", self.page.status(Tone::Dim, ""), self.page.bracket(time)));
        }
        self.print(&lines);
    }
}

impl<W: io::Write> Observer for PipelineTerminal<W> {
    fn observe(&mut self, event: &Event) {
        let at = event.at;
        match &event.fact {
            Fact::PipelineStarted { name, steps } => self.pipeline_started(at, name, steps),
            Fact::StepStarted { name, is_engine, .. } => self.step_started(at, name, *is_engine),
            Fact::StepPrinted { name, line } => self.step_printed(name, line),
            Fact::StepFinished { step } => self.step_finished(at, Arc::as_ref(step)),
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
            // Tests are told by the gate's own step.
            Fact::RunStarted { .. }
            | Fact::BuildFinished { .. }
            | Fact::Planned { .. }
            | Fact::TestStarted { .. }
            | Fact::TestSlow { .. }
            | Fact::AttemptFinished { .. }
            | Fact::FailureText { .. }
            | Fact::TestFinished { .. }
            | Fact::ProcessDied { .. }
            | Fact::ProcessLeaked { .. }
            | Fact::Printed { .. }
            | Fact::RunFinished { .. } => {}
        }
    }
}

impl<W: io::Write> Drop for PipelineTerminal<W> {
    /// A gate may end without its last fact: what was held back is told all the same.
    fn drop(&mut self) {
        self.line = None;
        self.release();
    }
}
