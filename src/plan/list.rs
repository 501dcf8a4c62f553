//! Asks test binaries for their lists, several at once, and remembers the answers of files that have not changed.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::model::{BinaryId, millis};
use crate::sys::process::{self, Launch};
use crate::sys::signals::Signals;

/// How long a binary may take to list its tests.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a binary answers when it is asked for its list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// These tests.
    Tests(Vec<String>),
    /// Something that is no list.
    NoList,
}

impl Answer {
    /// Does it hold until the binary changes? libtest's list is compiled in, and that it once could not be had may be
    /// the moment's fault; a harness of its own may list files, but that it does not understand the question stays.
    fn lasts(&self, own_harness: bool) -> bool {
        matches!(self, Self::NoList) == own_harness
    }
}

/// A question to one binary.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The file that would change if the answer did.
    pub file: &'a Path,
    /// How to start it, with all its arguments.
    pub launch: Launch,
    /// Does it bring a harness of its own? Then every line must be of a list.
    pub own_harness: bool,
}

/// The answers of earlier runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Remembered {
    version: u32,
    answers: BTreeMap<String, Entry>,
    /// How long units without a list took, in milliseconds of one thread.
    #[serde(default)]
    units: BTreeMap<String, u64>,
    #[serde(skip)]
    changed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    size: u64,
    mtime_ns: u128,
    answer: Answer,
}

const VERSION: u32 = 1;

/// The most answers that are remembered.
const MOST_ANSWERS: usize = 4096;

impl Remembered {
    /// Reads what is remembered; what cannot be read is forgotten, since it can be asked for again.
    #[must_use]
    pub fn load(path: &Path) -> Self {
        let read = fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        read.filter(|remembered| remembered.version == VERSION).unwrap_or_default()
    }

    /// Writes it, if there is anything new.
    pub fn save(&mut self, path: &Path) -> io::Result<()> {
        if !self.changed {
            return Ok(());
        }
        self.version = VERSION;
        if self.answers.len() > MOST_ANSWERS {
            self.answers.retain(|question, _| question.split('\0').next().is_some_and(|file| Path::new(file).exists()));
        }
        self.changed = false;
        crate::sys::fs::replace(path, &serde_json::to_vec(self)?)
    }

    /// How long a unit without a list took when it last ran, on one thread.
    #[must_use]
    pub fn unit(&self, binary: &BinaryId) -> Option<Duration> {
        self.units.get(&binary.to_string()).copied().map(Duration::from_millis)
    }

    /// A unit without a list took so long on so many threads. What is about as long as before is not worth writing.
    pub fn put_unit(&mut self, binary: &BinaryId, took: Duration, threads: usize) {
        let took = took.saturating_mul(u32::try_from(threads).unwrap_or(u32::MAX));
        let took = millis(took);
        let name = binary.to_string();
        if self.units.get(&name).is_none_or(|before| before.abs_diff(took) > before / 4) {
            self.units.insert(name, took);
            self.changed = true;
        }
    }

    /// Asks all of them, `at_once` at a time. An error means that the binary could not be started.
    pub fn ask(&mut self, questions: &[Question<'_>], at_once: usize, signals: &Signals) -> Vec<io::Result<Answer>> {
        let facts: Vec<Option<(String, u64, u128)>> = questions.iter().map(facts).collect();
        let known = |place: usize| {
            let (name, size, mtime_ns) = facts.get(place)?.as_ref()?;
            let entry = self.answers.get(name)?;
            (entry.size == *size && entry.mtime_ns == *mtime_ns).then(|| entry.answer.clone())
        };
        let mut answers: Vec<Option<io::Result<Answer>>> =
            (0..questions.len()).map(|place| known(place).map(Ok)).collect();
        let open: Vec<usize> =
            (0..questions.len()).filter(|place| answers.get(*place).is_some_and(Option::is_none)).collect();
        let fresh =
            side_by_side(&open, at_once, |place| questions.get(*place).map(|question| ask_one(question, signals)));
        for (place, answer) in open.into_iter().zip(fresh) {
            let Some(answer) = answer else { continue };
            let own_harness = questions.get(place).is_some_and(|question| question.own_harness);
            if let (Ok(answer), Some(Some((name, size, mtime_ns)))) = (&answer, facts.get(place))
                && answer.lasts(own_harness)
            {
                let entry = Entry { size: *size, mtime_ns: *mtime_ns, answer: answer.clone() };
                self.answers.insert(name.clone(), entry);
                self.changed = true;
            }
            if let Some(slot) = answers.get_mut(place) {
                *slot = Some(answer);
            }
        }
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(io::ErrorKind::Interrupted.into()))).collect()
    }
}

/// Asks rustdoc for the doctests of some crates, those that do not run included, `at_once` at a time. What it does not
/// say cannot be told.
#[must_use]
pub fn doctests(launches: &[Launch], at_once: usize, signals: &Signals) -> Vec<Vec<String>> {
    side_by_side(launches, at_once, |launch| {
        let finished = process::run(launch, Instant::now() + PATIENCE, signals).ok();
        let text = finished.map(|finished| String::from_utf8_lossy(&finished.stdout).into_owned()).unwrap_or_default();
        text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
    })
}

fn facts(question: &Question<'_>) -> Option<(String, u64, u128)> {
    let metadata = fs::metadata(question.file).ok()?;
    let mtime = metadata.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let mut name = question.file.to_string_lossy().into_owned();
    for arg in &question.launch.args {
        name.push('\0');
        name.push_str(&arg.to_string_lossy());
    }
    Some((name, metadata.len(), mtime.as_nanos()))
}

/// Does the same with each item, `at_once` at a time; the results in the items' order.
fn side_by_side<T: Sync, R: Send + Default>(items: &[T], at_once: usize, act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(items.len())));
    std::thread::scope(|scope| {
        for _ in 0..at_once.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(place) else { break };
                    let result = act(item);
                    if let Ok(mut results) = results.lock() {
                        results.push((place, result));
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

fn ask_one(question: &Question<'_>, signals: &Signals) -> io::Result<Answer> {
    if signals.interrupt().is_some() {
        return Err(io::ErrorKind::Interrupted.into());
    }
    let finished = process::run(&question.launch, Instant::now() + PATIENCE, signals)?;
    if finished.timed_out || !finished.ending.is_success() {
        return Ok(Answer::NoList);
    }
    Ok(parse(&String::from_utf8_lossy(&finished.stdout), question.own_harness))
}

/// Reads a list: lines like `path::name: test`. Of libtest's own binaries other lines are what static initialisers
/// print; of a harness that is not known they show that it did not understand the question.
fn parse(text: &str, own_harness: bool) -> Answer {
    let (mut names, mut other) = (Vec::new(), false);
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        match line.rsplit_once(": ") {
            Some((name, "test" | "benchmark")) if !name.is_empty() => names.push(name.to_owned()),
            _ => other |= !is_count(line),
        }
    }
    let mut seen = std::collections::HashSet::new();
    let unique = names.iter().all(|name| seen.insert(name.as_str()));
    if !unique || (own_harness && (other || names.is_empty())) { Answer::NoList } else { Answer::Tests(names) }
}

/// `3 tests, 0 benchmarks`
fn is_count(line: &str) -> bool {
    let words: Vec<&str> = line.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    matches!(words.as_slice(), [a, tests, b, benchmarks]
        if a.parse::<u64>().is_ok() && b.parse::<u64>().is_ok()
            && tests.starts_with("test") && benchmarks.starts_with("benchmark"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_list_is_a_list() {
        let tests = |names: &[&str]| Answer::Tests(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(parse("a::b: test\nc: benchmark\n\n1 test, 1 benchmark\n", true), tests(&["a::b", "c"]));
        assert_eq!(parse("weird: name: test\n", true), tests(&["weird: name"]));
        assert_eq!(parse("ctor says hi\na: test\n", false), tests(&["a"]));
        assert_eq!(parse("ctor says hi\na: test\n", true), Answer::NoList);
        assert_eq!(parse("", false), tests(&[]));
        assert_eq!(parse("", true), Answer::NoList);
        assert_eq!(parse("a: test\na: test\n", false), Answer::NoList);
    }

    #[test]
    fn only_an_answer_that_lasts_is_remembered() {
        let list = Answer::Tests(Vec::new());
        assert!(list.lasts(false) && !list.lasts(true));
        assert!(Answer::NoList.lasts(true) && !Answer::NoList.lasts(false));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_has_not_changed_is_not_asked_again() {
        let dir = tempfile::tempdir().unwrap();
        let (file, count) = (dir.path().join("binary"), dir.path().join("count"));
        fs::write(&file, "").unwrap();
        let script = format!("echo x >> '{}'; echo 'a: test'", count.display());
        let launch = Launch {
            program: "sh".into(),
            args: vec!["-c".into(), script.into()],
            cwd: dir.path().into(),
            env: process::own_environment(),
        };
        let question = Question { file: &file, launch, own_harness: false };
        let asked = || fs::read_to_string(&count).unwrap().lines().count();
        let mut remembered = Remembered::default();
        for _ in 0..2 {
            let answers = remembered.ask(std::slice::from_ref(&question), 2, &Signals::none());
            assert_eq!(answers[0].as_ref().unwrap(), &Answer::Tests(vec!["a".into()]));
        }
        assert_eq!(asked(), 1);
        let saved = dir.path().join("lists.json");
        remembered.save(&saved).unwrap();
        Remembered::load(&saved).ask(std::slice::from_ref(&question), 2, &Signals::none());
        assert_eq!(asked(), 1);
        fs::write(&file, "changed").unwrap();
        Remembered::load(&saved).ask(std::slice::from_ref(&question), 2, &Signals::none());
        assert_eq!(asked(), 2);
    }
}
