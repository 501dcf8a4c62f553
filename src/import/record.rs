//! Results as a run for the history: names become keys, and the run gets a name of its own that depends on nothing but
//! its content and what was said of it, so that importing twice changes nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::results::{Case, Results, Suite};
use crate::model::{
    Attempt, AttemptOutcome, BinaryId, CaseRecord, ContentHash, Context, Kind, Outcome, PIPELINE_SUITE, RunHead, RunId,
    TestKey, Totals, WORKSPACE_SUITE,
};

/// The workspace's test binaries, by the names that nextest and our own JUnit give to their suites.
#[derive(Clone, Debug, Default)]
pub struct RustBinaries(HashMap<String, BinaryId>);

impl RustBinaries {
    /// Of these binaries. `proc_macro`: is it the library of a procedural macro?
    #[must_use]
    pub fn of(binaries: impl IntoIterator<Item = (BinaryId, bool)>) -> Self {
        let mut names = HashMap::new();
        for (id, proc_macro) in binaries {
            let BinaryId { package, kind, binary } = &id;
            let of_nextest = match kind {
                Kind::Lib if proc_macro => format!("{package}::proc-macro/{binary}"),
                Kind::Lib => package.clone(),
                Kind::Test => format!("{package}::{binary}"),
                kind => format!("{package}::{kind}/{binary}"),
            };
            names.insert(of_nextest, id.clone());
            names.insert(id.to_string(), id);
        }
        Self(names)
    }

    /// The binary that a suite is of, where that is certain.
    fn of_suite(&self, suite: &Suite) -> Option<&BinaryId> {
        match suite.path.as_slice() {
            [name] => self.0.get(name),
            _ => None,
        }
    }
}

/// What is known of results beside what they say themselves.
#[derive(Clone, Debug)]
pub struct Origin<'a> {
    /// Under what their keys are meant.
    pub context: Context,
    /// The suite that was named for them.
    pub suite: Option<String>,
    /// The suite where neither they nor anybody names one.
    pub otherwise: String,
    /// The package of tests that are not Rust's.
    pub package: String,
    /// When they began, where that was said.
    pub at: Option<Timestamp>,
    /// When they began where nobody says it.
    pub otherwise_at: Timestamp,
    /// No run began later.
    pub now: Timestamp,
    /// The commit that was tested.
    pub commit: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// The version of what was tested.
    pub version: Option<String>,
    /// What set the run off.
    pub trigger: String,
    /// All that was said of them on purpose, and their bytes, as one hash.
    pub content: ContentHash,
    /// The workspace's own test binaries.
    pub rust: &'a RustBinaries,
}

/// A run made of results, not judged yet.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Its head.
    pub head: RunHead,
    /// How long it took.
    pub took: Duration,
    /// Its counts: those of its cases, or the only ones there are.
    pub totals: Totals,
    /// Its cases, each key once.
    pub cases: Vec<Arc<CaseRecord>>,
}

/// What the tests of a suite that is not Rust stand under.
#[must_use]
pub fn suite_binary(package: &str, suite: &str) -> BinaryId {
    let (package, binary) = (part(&package.replace('/', "-")), part(&suite.replace("::", ".")));
    BinaryId { package, kind: Kind::Suite, binary }
}

/// Makes a run of results.
#[must_use]
pub fn imported(results: &Results, origin: Origin<'_>) -> Imported {
    let default = default_suite(results, &origin);
    let named = origin.suite.clone().unwrap_or(default);
    let cases = Keys::new(&named, &origin).cases(results);
    let totals = totals(results, &cases);
    let sum = || cases.iter().filter_map(|case| case.took).fold(Duration::ZERO, Duration::saturating_add);
    let took = results.took.unwrap_or_else(sum);
    Imported { head: head(results, origin, named), took, totals, cases }
}

fn head(results: &Results, origin: Origin<'_>, suite: String) -> RunHead {
    let mut hash = blake3::Hasher::new();
    hash.update(&origin.content.0);
    hash.update(suite.as_bytes());
    let hash = hash.finalize().to_hex();
    // Nobody has seen more than the commit: runs of one commit ran the same thing as far as is known.
    let input_key = origin.commit.as_deref().map(|commit| {
        let Context { target, features, profile } = &origin.context;
        let fields = ["import", commit, target, features, profile];
        let key = blake3::hash(fields.join("\0").as_bytes());
        ContentHash(std::array::from_fn(|at| key.as_bytes()[at]))
    });
    RunHead {
        id: RunId::from_stored(format!("import-{}", hash.get(..16).unwrap_or_default())),
        start: origin.at.or(results.at).unwrap_or(origin.otherwise_at).min(origin.now),
        context: origin.context,
        suite,
        version: origin.version,
        trigger: origin.trigger,
        host: results.host.clone().unwrap_or_default(),
        toolchain: String::new(),
        commit: origin.commit,
        branch: origin.branch,
        dirty: None,
        ci_link: None,
        input_key,
        instrumented: false,
        full: false,
        shard: None,
        pid: 0,
        boot_id: None,
    }
}

/// The counts of the cases; a suite that only counts has one case, which stands for its counts.
fn totals(results: &Results, cases: &[Arc<CaseRecord>]) -> Totals {
    let mut totals = Totals::of(cases.iter().map(|case| &**case));
    for suite in &results.suites {
        let (Some(counts), [opaque]) = (suite.counts, suite.cases.as_slice()) else { continue };
        let failed = u64::from(opaque.outcome == Outcome::Failed);
        let passed = u64::from(opaque.outcome == Outcome::Passed);
        let skipped = u64::from(opaque.outcome == Outcome::Skipped);
        totals.tests = (totals.tests - 1).saturating_add(counts.tests);
        totals.failed = (totals.failed - failed).saturating_add(counts.failed);
        totals.passed = (totals.passed - passed).saturating_add(counts.passed);
        totals.skipped = (totals.skipped - skipped).saturating_add(counts.skipped);
    }
    totals
}

/// The name of the only suite, or the document's own, or what is left.
fn default_suite(results: &Results, origin: &Origin<'_>) -> String {
    let mut suites = results.suites.iter().map(|suite| match origin.rust.of_suite(suite) {
        None => suite.path.first(),
        // It is no suite of its own.
        Some(_) => None,
    });
    let only = suites.next().flatten().filter(|first| suites.all(|other| other == Some(first)));
    let name = only.or(results.name.as_ref()).unwrap_or(&origin.otherwise);
    // What `cargo gate test` runs, and only that, has this name.
    if [WORKSPACE_SUITE, PIPELINE_SUITE].contains(&name.as_str()) { format!("{name} (imported)") } else { name.clone() }
}

/// Makes keys, each once.
struct Keys<'a> {
    named: &'a str,
    origin: &'a Origin<'a>,
    /// How often each key came.
    seen: HashMap<TestKey, u32>,
}

impl<'a> Keys<'a> {
    fn new(named: &'a str, origin: &'a Origin<'a>) -> Self {
        Self { named, origin, seen: HashMap::new() }
    }

    fn cases(mut self, results: &Results) -> Vec<Arc<CaseRecord>> {
        let mut cases = Vec::new();
        for suite in &results.suites {
            let problem = problem(suite);
            for case in suite.cases.iter().chain(&problem) {
                let key = self.key(suite, case);
                cases.push(Arc::new(record(key, case)));
            }
        }
        cases
    }

    /// Where the cases of a suite go. A suite that was named on purpose holds all of them.
    fn place<'s>(&'s self, suite: &'s Suite) -> Place<'s> {
        if let Some(rust) = self.origin.rust.of_suite(suite) {
            return Place { binary: rust.clone(), written: "", within: &[] };
        }
        let (written, within) = match (&self.origin.suite, suite.path.as_slice()) {
            (Some(named), path) => (named.as_str(), path),
            (None, [first, rest @ ..]) => (first.as_str(), rest),
            (None, []) => (self.named, &[][..]),
        };
        Place { binary: suite_binary(&self.origin.package, written), written, within }
    }

    fn key(&mut self, suite: &Suite, case: &Case) -> Arc<TestKey> {
        let place = self.place(suite);
        let binary = &place.binary;
        let name = match case.path.as_slice() {
            [] => place.within.last().unwrap_or(&binary.binary).clone(),
            // The class is the binary again, which the key has.
            [.., test] if binary.kind != Kind::Suite => test.clone(),
            path => {
                // Many write the suite into the class, or the class into the name.
                let mut parts: Vec<&str> = vec![place.written];
                parts.extend(place.within.iter().chain(path).map(String::as_str));
                parts.dedup();
                match parts.get(1..) {
                    Some(inner @ [_, ..]) => inner.join("::"),
                    _ => binary.binary.clone(),
                }
            }
        };
        let mut key = TestKey { binary: place.binary, name };
        let count = self.seen.entry(key.clone()).or_insert(0);
        *count += 1;
        if *count > 1 {
            key.name = format!("{} #{count}", key.name);
            // Somebody may be called so already.
            while self.seen.contains_key(&key) {
                key.name.push('\'');
            }
            self.seen.insert(key.clone(), 1);
        }
        Arc::new(key)
    }
}

/// Where the cases of a suite go.
struct Place<'a> {
    binary: BinaryId,
    /// The binary's name as it was written.
    written: &'a str,
    /// What of the suite's path belongs to the names of its cases.
    within: &'a [String],
}

/// A part of a key that stands between its signs.
fn part(text: &str) -> String {
    let trimmed = text.trim_matches([':', ' ']);
    if trimmed.is_empty() { "suite".to_owned() } else { trimmed.to_owned() }
}

/// What does not add up, as the case of the whole process.
fn problem(suite: &Suite) -> Option<Case> {
    if suite.problems.is_empty() {
        return None;
    }
    let text = format!("the results do not add up: {}", suite.problems.join("; "));
    let attempt = Attempt {
        outcome: AttemptOutcome::Error,
        took: None,
        ending: None,
        why: None,
        text: Some(text.as_str().into()),
    };
    let path = vec![TestKey::WHOLE_PROCESS.to_owned()];
    Some(Case { path, outcome: Outcome::Error, took: None, attempts: vec![attempt], line: None })
}

/// A missing duration is 0 (R19); what was skipped has none.
fn record(key: Arc<TestKey>, case: &Case) -> CaseRecord {
    let took = (case.outcome != Outcome::Skipped).then(|| case.took.unwrap_or(Duration::ZERO));
    CaseRecord {
        key,
        outcome: case.outcome,
        took,
        attempts: case.attempts.clone(),
        line: case.line,
        leaked: false,
        binary_hash: None,
    }
}
