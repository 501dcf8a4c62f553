//! The events of libtest's `--format json`, one a line, of one test binary after the other; and the same events as
//! nextest writes them, where suites overlap and names say their binary (`package::binary$test`).
//!
//! Other lines in between (cargo's own, output of children) are passed over, and so are unknown events. A test that
//! began and never ended, and a suite whose counts are not those of its tests, do not add up.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::case::{attempt, of_attempts, outcome_of_word};
use super::results::{Case, MOST_CASES, Results, Suite, Unreadable};
use super::text;
use crate::model::{AttemptOutcome, Outcome};

/// Reads a stream of events.
pub(super) fn parse(bytes: &[u8]) -> Result<Results, Unreadable> {
    let text = text::lossy(bytes);
    let mut stream = Stream::default();
    for (number, line) in (1..).zip(text::lines(&text)) {
        let Some((column, event)) = event_in(line) else { continue };
        let refuse = |why| Unreadable { line: Some(number), column: Some(column), why };
        match serde_json::from_str::<Event>(event) {
            Ok(event) => stream.read(event).map_err(refuse)?,
            Err(error) => stream.cut_off(&error),
        }
    }
    if !stream.started {
        return Err(Unreadable::whole("there is no event of libtest's JSON in it"));
    }
    Ok(stream.end())
}

/// The event in a line, and its column. What a child printed may stand before it.
fn event_in(line: &str) -> Option<(usize, &str)> {
    let at = ["{ \"type\":", "{\"type\":"].into_iter().filter_map(|begin| line.find(begin)).min()?;
    Some((at + 1, line.get(at..)?.trim_end()))
}

/// Is there such an event in a line?
pub(super) fn is_event(line: &str) -> bool {
    event_in(line).is_some()
}

/// One line. Durations were text in older versions.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    event: Option<String>,
    name: Option<String>,
    test_count: Option<u64>,
    exec_time: Option<Value>,
    stdout: Option<String>,
    stderr: Option<String>,
    message: Option<String>,
    reason: Option<String>,
    passed: Option<u64>,
    failed: Option<u64>,
    ignored: Option<u64>,
    measured: Option<u64>,
    nextest: Option<Nextest>,
}

/// What nextest says of a suite.
#[derive(Deserialize)]
struct Nextest {
    #[serde(rename = "crate")]
    package: String,
    test_binary: String,
    kind: String,
}

impl Event {
    fn took(&self) -> Option<Duration> {
        match self.exec_time.as_ref()? {
            Value::Number(seconds) => text::of_seconds(seconds.as_f64()?),
            Value::String(seconds) => text::seconds(seconds.trim_end_matches('s')),
            _ => None,
        }
    }

    fn text(&self) -> String {
        let mut whole = String::new();
        for piece in [&self.message, &self.stdout, &self.stderr].into_iter().flatten() {
            text::add(&mut whole, piece);
        }
        whole
    }
}

#[derive(Default)]
struct Stream {
    results: Results,
    started: bool,
    cases: usize,
    /// The suite that is open: libtest's come one after the other.
    open: Option<Open>,
    /// nextest's suites by their path, each with its number in the results.
    named: BTreeMap<Vec<String>, Named>,
    /// The kind of the suite of `package::binary` that nextest named last.
    kinds: BTreeMap<String, String>,
    begun: usize,
    took: Duration,
    /// Did a line break off?
    broken: Option<String>,
}

/// A suite of libtest's that began.
#[derive(Default)]
struct Open {
    suite: Suite,
    announced: Option<u64>,
    running: Running,
}

/// Tests that began and did not end yet, and how often.
type Running = BTreeMap<String, usize>;

/// A binary of nextest's.
#[derive(Default)]
struct Named {
    number: usize,
    running: Running,
}

impl Stream {
    fn read(&mut self, event: Event) -> Result<(), String> {
        self.started = true;
        match (event.kind.as_str(), event.event.as_deref()) {
            ("suite", Some("started")) => self.begin_suite(event),
            ("suite", Some(_)) => self.end_suite(&event),
            ("test", Some("started")) => self.begin_test(&event)?,
            // libtest's notice of a test that runs for long; its end is still to come.
            ("test", Some("timeout")) if event.exec_time.is_none() => {}
            ("test", Some("discovered")) => {}
            ("test" | "bench", _) => self.end_test(event)?,
            _ => {}
        }
        Ok(())
    }

    fn begin_suite(&mut self, event: Event) {
        if let Some(Nextest { package, test_binary, kind }) = event.nextest {
            self.kinds.insert(format!("{package}::{test_binary}"), kind);
            return;
        }
        self.close(None);
        self.open = Some(Open { announced: event.test_count, ..Open::default() });
    }

    fn end_suite(&mut self, event: &Event) {
        if event.nextest.is_none() {
            self.took = self.took.saturating_add(event.took().unwrap_or_default());
            self.close(Some(event));
        }
    }

    /// Ends the suite that is open. Without its own end, its process died.
    fn close(&mut self, end: Option<&Event>) {
        let Some(mut open) = self.open.take() else { return };
        if open.suite.cases.is_empty() && open.running.is_empty() && open.announced.is_none_or(|count| count == 0) {
            return;
        }
        let missing = open.announced.unwrap_or(0).saturating_sub(open.suite.cases.len() as u64);
        if missing > 0 && missing != running(&open.running) {
            let (announced, there) = (open.announced.unwrap_or(0), open.suite.cases.len());
            open.suite.problems.push(format!("{announced} tests began or were to begin, {there} ended"));
        }
        open.suite.cases.extend(lost(std::mem::take(&mut open.running)));
        match end {
            None if open.suite.problems.is_empty() && missing == 0 => {
                open.suite.problems.push("the suite did not come to its end".to_owned());
            }
            Some(end) => open.suite.problems.extend(contradiction(&open.suite, end)),
            None => {}
        }
        self.results.suites.push(open.suite);
    }

    fn begin_test(&mut self, event: &Event) -> Result<(), String> {
        let Some(name) = event.name.as_deref().and_then(text::name) else { return Ok(()) };
        self.begun += 1;
        if self.begun > MOST_CASES {
            return Err(format!("more than {MOST_CASES} tests begin"));
        }
        let (running, test) = match split(&name) {
            Some((binary, test, _)) => (&mut self.named(binary).running, test),
            None => (&mut self.open().running, name.as_str()),
        };
        *running.entry(test.to_owned()).or_default() += 1;
        Ok(())
    }

    fn end_test(&mut self, event: Event) -> Result<(), String> {
        let Some(name) = event.name.as_deref().and_then(text::name) else {
            self.results.nameless += 1;
            if event.event.as_deref().is_some_and(is_bad) {
                self.open().suite.problems.push(format!("a test without a name failed: {}", event.text()));
            }
            return Ok(());
        };
        self.cases += 1;
        if self.cases > MOST_CASES {
            return Err(format!("there are more than {MOST_CASES} cases"));
        }
        match split(&name) {
            Some((binary, test, tries)) => {
                let case = case(test, &event, tries);
                let named = self.named(binary);
                forget(&mut named.running, test);
                let number = named.number;
                if let Some(suite) = self.results.suites.get_mut(number) {
                    suite.cases.push(case);
                }
            }
            None => {
                let case = case(&name, &event, 1);
                let open = self.open();
                forget(&mut open.running, &name);
                open.suite.cases.push(case);
            }
        }
        Ok(())
    }

    fn open(&mut self) -> &mut Open {
        self.open.get_or_insert_default()
    }

    /// nextest's suite of a binary: by nextest's name for it where its kind is known.
    fn named(&mut self, binary: &str) -> &mut Named {
        let (package, target) = binary.split_once("::").unwrap_or((binary, ""));
        let path = match self.kinds.get(binary).map(String::as_str) {
            Some("lib") => vec![package.to_owned()],
            Some("test") => vec![binary.to_owned()],
            Some(kind) => vec![format!("{package}::{kind}/{target}")],
            None => vec![package.to_owned(), target.to_owned()],
        };
        let suites = &mut self.results.suites;
        self.named.entry(path).or_insert_with_key(|path| {
            suites.push(Suite { path: path.clone(), ..Suite::default() });
            Named { number: suites.len() - 1, running: Running::new() }
        })
    }

    /// A line that begins like an event and is none: the stream was cut, or a child wrote into it.
    fn cut_off(&mut self, error: &serde_json::Error) {
        self.started = true;
        self.broken = Some(format!("an event cannot be read: {error}"));
    }

    fn end(mut self) -> Results {
        self.close(None);
        for named in std::mem::take(&mut self.named).into_values() {
            if let Some(suite) = self.results.suites.get_mut(named.number) {
                suite.cases.extend(lost(named.running));
            }
        }
        let suites = &mut self.results.suites;
        suites.retain(|suite| !suite.cases.is_empty() || !suite.problems.is_empty());
        // A line that cannot be read was the end of some test: where none is missing, it was not.
        let is_red = suites.iter().any(|suite| !suite.problems.is_empty() || suite.cases.iter().any(is_failing));
        if let Some(broken) = self.broken.filter(|_| !is_red) {
            suites.push(Suite { problems: vec![broken], ..Suite::default() });
        }
        self.results.took = Some(self.took).filter(|took| !took.is_zero());
        self.results
    }
}

const fn is_failing(case: &Case) -> bool {
    case.outcome.is_failure()
}

fn running(tests: &Running) -> u64 {
    tests.values().fold(0, |sum, count| sum + *count as u64)
}

fn forget(running: &mut Running, name: &str) {
    match running.get_mut(name) {
        Some(count) if *count > 1 => *count -= 1,
        Some(_) => drop(running.remove(name)),
        None => {}
    }
}

/// nextest's names: the binary, the test, and which try it was.
fn split(name: &str) -> Option<(&str, &str, usize)> {
    let (binary, test) = name.split_once('$')?;
    if test.is_empty() || !binary.contains("::") {
        return None;
    }
    let tried = test.rsplit_once('#').and_then(|(test, tries)| Some((test, tries.parse().ok()?)));
    match tried.filter(|(test, tries)| !test.is_empty() && (2..=100).contains(tries)) {
        Some((test, tries)) => Some((binary, test, tries)),
        None => Some((binary, test, 1)),
    }
}

fn is_bad(word: &str) -> bool {
    outcome_of_event(word).is_failure()
}

fn outcome_of_event(word: &str) -> Outcome {
    match word {
        // A failure that is allowed.
        "allowed_failure" => Outcome::Skipped,
        _ => outcome_of_word(word).unwrap_or(Outcome::Error),
    }
}

fn case(name: &str, event: &Event, tries: usize) -> Case {
    let outcome = match (event.event.as_deref(), event.kind.as_str()) {
        (None, "bench") => Outcome::Passed,
        (word, _) => outcome_of_event(word.unwrap_or_default()),
    };
    let late = event.reason.as_deref() == Some("time limit exceeded");
    let last = match outcome {
        Outcome::Skipped => return of_attempts(vec![name.to_owned()], Vec::new()),
        Outcome::Failed | Outcome::Timeout if late => AttemptOutcome::Timeout,
        Outcome::Failed => AttemptOutcome::Failed,
        Outcome::Timeout => AttemptOutcome::Timeout,
        Outcome::Error => AttemptOutcome::Error,
        Outcome::Passed | Outcome::Flaky => AttemptOutcome::Passed,
    };
    let text = if last == AttemptOutcome::Passed { String::new() } else { event.text() };
    // Of the tries before, no more is known than that they failed.
    let mut attempts = vec![attempt(AttemptOutcome::Failed, None, String::new()); tries.saturating_sub(1)];
    attempts.push(attempt(last, event.took(), text));
    of_attempts(vec![name.to_owned()], attempts)
}

/// Tests that began and never ended.
fn lost(running: Running) -> impl Iterator<Item = Case> {
    let error = || attempt(AttemptOutcome::Error, None, "it began and never ended".to_owned());
    running
        .into_iter()
        .flat_map(|(name, count)| std::iter::repeat_n(name, count))
        .map(move |name| of_attempts(vec![name], vec![error()]))
}

/// Where a suite's own counts are not those of its tests.
fn contradiction(suite: &Suite, end: &Event) -> Option<String> {
    let count = |wanted: fn(Outcome) -> bool| suite.cases.iter().filter(|case| wanted(case.outcome)).count() as u64;
    let failing = count(Outcome::is_failure);
    let there = suite.cases.len() as u64;
    let said = [end.passed, end.failed, end.ignored, end.measured].into_iter().flatten().fold(0, u64::saturating_add);
    let failed = end.failed.unwrap_or(0);
    if said > there {
        return Some(format!("the suite counts {said} tests, {there} are there"));
    }
    if failed > failing || (end.event.as_deref() == Some("failed") && failing == 0) {
        return Some(format!("the suite counts {} failures, {failing} are there", failed.max(1)));
    }
    None
}
