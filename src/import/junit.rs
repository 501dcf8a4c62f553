//! JUnit XML: what nextest, Surefire, pytest, gtest, node, jest and others make of it.
//!
//! The root is `testsuites` or `testsuite`, suites may hold suites, and cases may lie anywhere in them. Counts are
//! compared with the cases: where more tests or failures are announced than are there, the results do not add up.
//! Entities that a document defines itself are never expanded.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;
use quick_xml::{Error, XmlVersion};

use super::junit_case::{OpenCase, Part};
use super::results::{MOST_CASES, Results, Suite, Unreadable};
use super::text;

/// No results are nested deeper.
const DEEPEST: usize = 128;

/// Reads a document.
pub(super) fn parse(bytes: &[u8]) -> Result<Results, Unreadable> {
    let text = text::strict(bytes)?;
    let mut reader = Reader::from_str(&text);
    let config = reader.config_mut();
    // An empty element is one that ends at once, and a lone ampersand is one.
    config.expand_empty_elements = true;
    config.allow_dangling_amp = true;
    let mut document = Document::default();
    loop {
        let begin = offset(reader.buffer_position());
        let refuse = |why: String| Unreadable::at(text.as_bytes(), begin, why);
        match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(event) => document.read(&event).map_err(refuse)?,
            Err(error) => {
                let at = offset(reader.error_position());
                return Err(Unreadable::at(text.as_bytes(), at, said(&error)));
            }
        }
    }
    document.end().map_err(|why| Unreadable::at(text.as_bytes(), text.len(), why))
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

fn said(error: &Error) -> String {
    format!("this is not XML: {error}")
}

/// Where in the document the reader is.
enum Open {
    /// In `testsuites`.
    Root(Counts),
    /// In a suite: its number in the results.
    Suite(usize, Counts),
    /// In a case.
    Case,
    /// In an element of a case that says what became of it.
    Part,
    /// In something else.
    Other,
}

/// What an element says of what is in it, and what was there when it began.
#[derive(Default)]
struct Counts {
    tests: Option<u64>,
    failing: u64,
    seen: Seen,
}

/// Counted over the whole document so far.
#[derive(Clone, Copy, Default)]
struct Seen {
    cases: u64,
    tries: u64,
    failing: u64,
    problems: u64,
}

#[derive(Default)]
struct Document {
    results: Results,
    open: Vec<Open>,
    /// The suites that are open, outermost first.
    suites: Vec<usize>,
    case: Option<OpenCase>,
    /// What lies in no suite.
    loose: Suite,
    seen: Seen,
    /// Is there no sum of all durations but that of the suites?
    sums: bool,
    started: bool,
}

impl Document {
    fn read(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Start(tag) => self.begin(tag),
            Event::End(_) => self.end_element(),
            Event::Text(piece) => {
                self.add(&piece.decode().map_err(|error| error.to_string())?);
                Ok(())
            }
            Event::CData(piece) => {
                self.add(&piece.decode().map_err(|error| error.to_string())?);
                Ok(())
            }
            Event::GeneralRef(reference) => self.add_reference(reference),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        if self.open.len() >= DEEPEST {
            return Err(format!("elements are nested more than {DEEPEST} deep"));
        }
        let local = tag.local_name();
        let open = match (self.open.last(), local.as_ref()) {
            (None, b"testsuites") if !self.started => self.begin_root(tag)?,
            (None, b"testsuite") if !self.started => {
                self.sums = true;
                self.begin_suite(tag)?
            }
            (None, _) if self.started => return Err("there is something after the end of the results".to_owned()),
            (None, other) => {
                let name = String::from_utf8_lossy(other);
                return Err(format!("the root element is `{name}`, not `testsuites` or `testsuite`"));
            }
            (Some(Open::Root(_) | Open::Suite(..)), b"testsuite") => self.begin_suite(tag)?,
            (Some(Open::Root(_) | Open::Suite(..)), b"testcase") => self.begin_case(tag)?,
            (Some(Open::Case), part) => match (Part::of(part), &mut self.case) {
                (Some(part), Some(case)) => {
                    case.begin(part, &attributes(tag)?);
                    Open::Part
                }
                _ => Open::Other,
            },
            // The text of an attempt may lie in elements of its own.
            (Some(Open::Part), b"stackTrace") => Open::Part,
            _ => Open::Other,
        };
        self.started = true;
        self.open.push(open);
        Ok(())
    }

    fn begin_root(&mut self, tag: &BytesStart<'_>) -> Result<Open, String> {
        let attributes = attributes(tag)?;
        self.results.name = attributes.name();
        self.results.at = attributes.timestamp();
        self.results.took = attributes.get("time").and_then(text::seconds);
        self.sums = self.results.took.is_none();
        Ok(Open::Root(attributes.counts(self.seen)))
    }

    fn begin_suite(&mut self, tag: &BytesStart<'_>) -> Result<Open, String> {
        let attributes = attributes(tag)?;
        let outer = self.suites.last().and_then(|outer| self.results.suites.get(*outer));
        let mut path = outer.map(|suite| suite.path.clone()).unwrap_or_default();
        text::deepen(&mut path, attributes.name());
        self.results.at = [self.results.at, attributes.timestamp()].into_iter().flatten().min();
        if self.results.host.is_none() {
            self.results.host = attributes.get("hostname").and_then(text::name);
        }
        if self.sums && self.suites.is_empty() {
            let took = attributes.get("time").and_then(text::seconds);
            let sum = self.results.took.unwrap_or_default().saturating_add(took.unwrap_or_default());
            self.results.took = took.map(|_| sum).or(self.results.took);
        }
        self.results.suites.push(Suite { path, ..Suite::default() });
        self.count_suites()?;
        let number = self.results.suites.len() - 1;
        self.suites.push(number);
        Ok(Open::Suite(number, attributes.counts(self.seen)))
    }

    fn begin_case(&mut self, tag: &BytesStart<'_>) -> Result<Open, String> {
        if self.seen.cases >= MOST_CASES as u64 {
            return Err(format!("there are more than {MOST_CASES} cases"));
        }
        self.case = Some(OpenCase::new(&attributes(tag)?));
        Ok(Open::Case)
    }

    fn count_suites(&self) -> Result<(), String> {
        if self.results.suites.len() > MOST_CASES {
            return Err(format!("there are more than {MOST_CASES} suites"));
        }
        Ok(())
    }

    fn add(&mut self, piece: &str) {
        if let (Some(Open::Part), Some(case)) = (self.open.last(), &mut self.case) {
            case.add(piece);
        }
    }

    fn add_reference(&mut self, reference: &BytesRef<'_>) -> Result<(), String> {
        let name = reference.decode().map_err(|error| error.to_string())?;
        if let Some(character) = reference.resolve_char_ref().map_err(|error| said(&error))? {
            self.add(character.encode_utf8(&mut [0; 4]));
            return Ok(());
        }
        match resolve_predefined_entity(&name) {
            Some(text) => {
                self.add(text);
                Ok(())
            }
            None => Err(format!("`&{name};` is no entity of XML's own, and no other is expanded")),
        }
    }

    fn end_element(&mut self) -> Result<(), String> {
        match self.open.pop() {
            Some(Open::Root(counts)) => {
                if let Some(problem) = self.problem(&counts) {
                    self.loose.problems.push(problem);
                }
            }
            Some(Open::Suite(number, counts)) => {
                let problem = self.problem(&counts);
                self.suites.pop();
                if let Some(suite) = self.results.suites.get_mut(number) {
                    suite.problems.extend(problem);
                }
            }
            Some(Open::Case) => self.end_case(),
            Some(Open::Part) => {
                if !matches!(self.open.last(), Some(Open::Part))
                    && let Some(case) = &mut self.case
                {
                    case.end_part();
                }
            }
            Some(Open::Other) | None => {}
        }
        Ok(())
    }

    fn end_case(&mut self) {
        let Some(open) = self.case.take() else { return };
        let (case, class) = open.end();
        // Surefire counts each try as a test.
        self.seen.cases += 1;
        self.seen.tries += case.attempts.len().max(1) as u64;
        self.seen.failing += u64::from(case.outcome.is_failure());
        let number = self.suites.last().copied();
        let failing = case.outcome.is_failure();
        let nameless = case.path.is_empty();
        if nameless {
            self.results.nameless += 1;
        }
        let suite = match number.and_then(|number| self.results.suites.get_mut(number)) {
            Some(suite) => suite,
            None => &mut self.loose,
        };
        if !nameless {
            suite.cases.push(case);
        } else if failing {
            // Surefire writes so that a class could not be set up.
            let text = case.attempts.last().and_then(|attempt| attempt.text.as_deref()).unwrap_or_default();
            let of = class.map(|class| format!(" of `{class}`")).unwrap_or_default();
            suite.problems.push(format!("a case{of} without a name failed: {text}"));
            self.seen.problems += 1;
        }
    }

    /// Is less there than was announced?
    fn problem(&mut self, counts: &Counts) -> Option<String> {
        if self.seen.problems > counts.seen.problems {
            return None;
        }
        let (cases, tries) = (self.seen.cases - counts.seen.cases, self.seen.tries - counts.seen.tries);
        let failing = self.seen.failing - counts.seen.failing;
        let problem = match counts.tests {
            Some(tests) if tests > tries => format!("{tests} tests are announced, {cases} are there"),
            _ if counts.failing > 0 && failing == 0 && tries == cases => {
                format!("{} failures are announced, none is there", counts.failing)
            }
            _ => return None,
        };
        self.seen.problems += 1;
        Some(problem)
    }

    fn end(self) -> Result<Results, String> {
        if !self.open.is_empty() {
            return Err("the document ends too early".to_owned());
        }
        if !self.started {
            return Err("there is no `testsuites` or `testsuite`".to_owned());
        }
        let Self { mut results, loose, .. } = self;
        results.suites.push(loose);
        results.suites.retain(|suite| !suite.cases.is_empty() || !suite.problems.is_empty());
        Ok(results)
    }
}

/// The attributes of an element that mean something here.
pub(super) struct Attributes(Vec<(&'static str, String)>);

/// What is looked at.
const KNOWN: [&str; 15] = [
    "name",
    "classname",
    "class",
    "time",
    "timestamp",
    "hostname",
    "tests",
    "failures",
    "errors",
    "status",
    "result",
    "message",
    "type",
    "line",
    "flakes",
];

fn attributes(tag: &BytesStart<'_>) -> Result<Attributes, String> {
    let mut found = Vec::new();
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| format!("this is not XML: {error}"))?;
        let name = attribute.key.local_name();
        if let Some(name) = KNOWN.into_iter().find(|known| known.as_bytes() == name.as_ref()) {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| said(&error))?;
            found.push((name, value.into_owned()));
        }
    }
    Ok(Attributes(found))
}

impl Attributes {
    pub(super) fn get(&self, wanted: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str())
    }

    pub(super) fn name(&self) -> Option<String> {
        self.get("name").and_then(text::name)
    }

    fn count(&self, name: &str) -> Option<u64> {
        self.get(name)?.trim().parse().ok()
    }

    fn counts(&self, seen: Seen) -> Counts {
        let failing = self.count("failures").unwrap_or(0).saturating_add(self.count("errors").unwrap_or(0));
        // Some count the tries that failed of a test that passed in the end.
        let flaky = self.count("flakes").unwrap_or(0);
        Counts { tests: self.count("tests"), failing: failing.saturating_sub(flaky), seen }
    }

    fn timestamp(&self) -> Option<Timestamp> {
        let text = self.get("timestamp")?.trim();
        let with_zone = text.parse().ok();
        with_zone.or_else(|| text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp()))
    }
}
