//! TAP, versions 12 to 14: subtests, directives, YAML blocks, plans before or after; several documents one after the
//! other; and what `prove -v` prints, where each file is a suite.
//!
//! A point without a description is called by its number (`#3`). Subtests count by their own points: the point that
//! sums them up is a case only where it says something else than they do. Points that the plan announces and that did
//! not come, numbers that come twice, a missing plan, a bail-out: the results do not add up.

use std::time::Duration;

use super::case::{attempt, of_attempts};
use super::results::{Case, MOST_CASES, Results, Suite, Unreadable};
use super::tap_level::{Level, case, milliseconds, take_times};
use super::tap_line::{Line, Point, read, unescape};
use super::text;
use crate::model::{AttemptOutcome, Outcome};

/// Subtests are nested no deeper.
const DEEPEST: usize = 64;

/// Is this line one that hardly anything but TAP has?
pub(super) fn is_tap(line: &str) -> bool {
    matches!(read(line), Line::Version | Line::Plan { .. } | Line::BailOut(_) | Line::Subtest(_))
        || matches!(read(line), Line::Point(Point { number: Some(_), .. }))
}

/// Reads one document or several.
pub(super) fn parse(bytes: &[u8]) -> Result<Results, Unreadable> {
    let text = text::lossy(bytes);
    let mut reader = Reader::default();
    for (number, line) in (1..).zip(text::lines(&text)) {
        reader.read(line).map_err(|why| Unreadable::in_line(number, why))?;
    }
    if !reader.started {
        return Err(Unreadable::whole("there is no TAP in it: no plan, no `ok`, no `not ok`"));
    }
    Ok(reader.end())
}

/// The point that a YAML block and comments may belong to.
struct Latest {
    indent: usize,
    number: usize,
    /// The comments so far, where it failed.
    comments: String,
}

/// A YAML block.
struct Block {
    indent: usize,
    text: String,
    took: Option<Duration>,
}

#[derive(Default)]
struct Reader {
    results: Results,
    started: bool,
    /// The document, and the subtests that are open in it.
    levels: Vec<Level>,
    /// A subtest that ended, until the point that sums it up.
    ended: Option<Level>,
    /// The name of the subtest that begins.
    announced: Option<(usize, String)>,
    latest: Option<Latest>,
    block: Option<Block>,
    count: usize,
    /// What prove calls the file whose output this is.
    file: Option<String>,
    of_prove: bool,
}

impl Reader {
    fn read(&mut self, line: &str) -> Result<(), String> {
        let body = line.trim_start_matches(' ');
        let indent = line.len() - body.len();
        if self.in_block(indent, body, line) || body.is_empty() {
            return Ok(());
        }
        match read(body) {
            Line::Version if indent == 0 => self.end_document(),
            Line::File { name, rest } if indent == 0 && (self.of_prove || !self.started) => self.begin_file(name, rest),
            Line::Plan { last } => self.plan(indent, last)?,
            Line::Point(point) => self.point(indent, &point)?,
            Line::Subtest(name) => {
                self.at(indent)?;
                self.announced = text::name(&unescape(name)).map(|name| (indent, name));
            }
            Line::BailOut(why) => self.bail_out(why),
            Line::Other("}") => {}
            Line::Other(body) if indent == 0 => self.other(body),
            Line::Comment(comment) => self.comment(comment),
            Line::Version | Line::File { .. } | Line::Other(_) => {}
        }
        Ok(())
    }

    /// Takes in a line of a YAML block.
    fn in_block(&mut self, indent: usize, body: &str, line: &str) -> bool {
        if let Some(block) = &mut self.block {
            if indent < block.indent && !body.is_empty() {
                // It was cut off.
                self.end_block();
                return false;
            }
            if indent == block.indent && body.trim_end() == "..." {
                self.end_block();
                return true;
            }
            let inner = line.get(block.indent.min(line.len())..).unwrap_or_default();
            if let Some((key, value)) = inner.split_once(':').filter(|_| indent == block.indent) {
                let value = value.trim().trim_matches(['\'', '"']);
                match key {
                    "duration_ms" => block.took = milliseconds(value),
                    "duration" | "time" if block.took.is_none() => {
                        block.took = text::seconds(value.trim_end_matches('s'))
                    }
                    _ => {}
                }
            }
            text::add(&mut block.text, inner);
            text::add(&mut block.text, "\n");
            return true;
        }
        let follows = self.latest.as_ref().is_some_and(|latest| indent > latest.indent && indent < latest.indent + 4);
        if follows && body.trim_end() == "---" {
            self.block = Some(Block { indent, text: String::new(), took: None });
            return true;
        }
        false
    }

    /// What a point that failed has to say.
    fn comment(&mut self, comment: &str) {
        if let Some(latest) = &mut self.latest {
            text::add(&mut latest.comments, comment);
            text::add(&mut latest.comments, "\n");
        }
    }

    /// Nothing more can belong to the latest point.
    fn settle(&mut self) {
        let Some(latest) = self.latest.take() else { return };
        let case = self.levels.last_mut().and_then(|level| level.cases.get_mut(latest.number));
        if let Some(attempt) = case.and_then(|case| case.attempts.last_mut())
            && attempt.outcome != AttemptOutcome::Passed
            && !latest.comments.is_empty()
        {
            attempt.text = Some(latest.comments.trim_end().into());
        }
    }

    fn end_block(&mut self) {
        let (Some(block), Some(latest)) = (self.block.take(), self.latest.take()) else { return };
        let Some(case) = self.levels.last_mut().and_then(|level| level.cases.get_mut(latest.number)) else { return };
        let Some(last) = case.attempts.last_mut() else { return };
        case.took = block.took.or(case.took);
        last.took = case.took;
        if last.outcome != AttemptOutcome::Passed {
            last.text = Some(block.text.trim_end().into());
        }
    }

    /// Goes to the level of an indentation.
    fn at(&mut self, indent: usize) -> Result<&mut Level, String> {
        self.started = true;
        self.settle();
        while self.levels.last().is_some_and(|level| level.indent > indent) {
            // A subtest that no point summed up stays what it is.
            if let Some(inner) = self.ended.take() {
                self.take_over(inner, None);
            }
            self.ended = self.levels.pop();
        }
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        if self.levels.last().is_none_or(|level| level.indent < indent) {
            if self.levels.len() >= DEEPEST {
                return Err(format!("subtests are nested more than {DEEPEST} deep"));
            }
            if let Some(inner) = self.ended.take() {
                self.take_over(inner, None);
            }
            // Before its lines, or (in the way of node) as deep as they are.
            let name = self.announced.take().filter(|(at, _)| *at <= indent).map(|(_, name)| name);
            self.levels.push(Level { indent, name, ..Level::default() });
        }
        self.levels.last_mut().ok_or_else(|| "there is no level".to_owned())
    }

    fn plan(&mut self, indent: usize, last: u64) -> Result<(), String> {
        let level = self.at(indent)?;
        match level.plan {
            Some(before) if before != last => {
                level.problems.push(format!("there are two plans: 1..{before} and 1..{last}"));
            }
            _ => level.plan = Some(last),
        }
        Ok(())
    }

    fn point(&mut self, indent: usize, point: &Point<'_>) -> Result<(), String> {
        // What prove says of a file whose plan is fulfilled.
        let is_sum = indent == 0 && point.number.is_none() && point.description.is_empty() && self.file.is_some();
        if is_sum && self.levels.first().is_some_and(|level| level.plan == Some(level.points)) {
            return Ok(());
        }
        self.count += 1;
        if self.count > MOST_CASES {
            return Err(format!("there are more than {MOST_CASES} points"));
        }
        let level = self.at(indent)?;
        level.number(point);
        let name = text::name(&unescape(point.description)).unwrap_or_else(|| format!("#{}", level.last));
        let case = case(name, point);
        self.announced = None;
        if let Some(inner) = self.ended.take() {
            self.take_over(inner, Some(case));
            return Ok(());
        }
        if let Some(level) = self.levels.last_mut() {
            level.cases.push(case);
            self.latest = Some(Latest { indent, number: level.cases.len() - 1, comments: String::new() });
        }
        Ok(())
    }

    /// Puts the cases of a subtest into the level around it.
    fn take_over(&mut self, mut inner: Level, sum: Option<Case>) {
        inner.check(false);
        let Some(outer) = self.levels.last_mut() else { return };
        let name = sum.as_ref().and_then(|sum| sum.path.first().cloned()).or(inner.name);
        let is_excused = sum.as_ref().is_some_and(|sum| sum.outcome == Outcome::Skipped);
        let failed = !inner.problems.is_empty() || inner.cases.iter().any(|case| case.outcome.is_failure());
        for mut case in inner.cases {
            if is_excused && case.outcome.is_failure() {
                case = of_attempts(case.path, Vec::new());
            }
            let mut path: Vec<String> = name.clone().into_iter().collect();
            case.path.into_iter().for_each(|part| text::deepen(&mut path, Some(part)));
            outer.cases.push(Case { path, ..case });
        }
        let within = name.map(|name| format!("in `{name}`: ")).unwrap_or_default();
        if !is_excused {
            outer.problems.extend(inner.problems.into_iter().map(|problem| format!("{within}{problem}")));
        }
        // It says the same as its points, unless it failed and none of them did.
        if let Some(sum) = sum
            && (inner.points == 0 || (sum.outcome.is_failure() && !failed))
        {
            outer.cases.push(sum);
            let number = outer.cases.len() - 1;
            self.latest = Some(Latest { indent: outer.indent, number, comments: String::new() });
        }
    }

    fn bail_out(&mut self, why: &str) {
        let Ok(level) = self.at(0) else { return };
        let why = if why.is_empty() { "it does not say why" } else { why };
        level.problems.push(format!("it bailed out: {why}"));
        level.bailed_out = true;
    }

    fn begin_file(&mut self, name: &str, rest: &str) {
        self.end_document();
        self.started = true;
        self.of_prove = true;
        self.file = text::name(name);
        let outcome = match rest {
            "" => return self.levels.push(Level::default()),
            "ok" => Some(AttemptOutcome::Passed),
            rest if rest.starts_with("skipped") => None,
            _ => Some(AttemptOutcome::Failed),
        };
        // Nothing is known of its points.
        let attempts = outcome.map(|outcome| attempt(outcome, None, rest.to_owned())).into_iter().collect();
        let path = self.file.take().into_iter().collect();
        self.results.suites.push(Suite { path, cases: vec![of_attempts(Vec::new(), attempts)], ..Suite::default() });
    }

    /// What prove says of a file that is over.
    fn other(&mut self, body: &str) {
        if self.of_prove
            && body.starts_with("Dubious, test returned")
            && let Ok(level) = self.at(0)
            && !level.cases.iter().any(|case| case.outcome.is_failure())
        {
            level.problems.push(body.to_owned());
        } else if body == "Test Summary Report" {
            self.end_document();
        }
    }

    fn end_document(&mut self) {
        self.end_block();
        self.settle();
        self.started |= !self.levels.is_empty();
        if self.levels.is_empty() || self.at(0).is_err() {
            self.levels.clear();
            return;
        }
        if let Some(inner) = self.ended.take() {
            self.take_over(inner, None);
        }
        if let Some(mut level) = self.levels.pop() {
            level.check(true);
            take_times(&mut level.cases);
            let path = self.file.take().into_iter().collect();
            self.results.suites.push(Suite { path, cases: level.cases, counts: None, problems: level.problems });
        }
        self.announced = None;
        self.latest = None;
    }

    fn end(mut self) -> Results {
        self.end_document();
        self.results
    }
}
