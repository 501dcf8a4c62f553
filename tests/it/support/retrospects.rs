//! Histories made up for the reports: what a page shows, without the years that it would take.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cargo_gate::model::{
    Attempt, AttemptOutcome, BinaryId, CaseRecord, Context, Kind, Metric, Outcome, Reason, RunId, RunState, TestKey,
    Totals, Verdict,
};
use cargo_gate::report::Retrospect;
use cargo_gate::report::retrospect::{Cell, CoveragePoint, CoveredFile, PastQuarantine, PastRun, PastTest};
use jiff::{SignedDuration, Timestamp};

/// Names that mean something to a browser, a terminal, or a reader's eyes.
pub(crate) const HOSTILE: [&str; 10] = [
    "</script><img src=x onerror=alert(1)>",
    "<script>alert(2)</script>",
    "\" onmouseover=\"alert(3)",
    "' autofocus onfocus='alert(4)",
    "<!--<script>",
    "]]>{{7*7}}${alert(5)}`",
    "\u{202e}gpj.exe\u{2066}\u{200b}",
    "two\nlines\r\n\ttabbed\u{2028}and\u{2029}more",
    "\u{1b}[31mred\u{1b}]0;title\u{7}",
    "a\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307} العربية 漢字 &amp;&lt;",
];

/// A sequence that is the same each time and looks like none.
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    /// Below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// A workspace where nothing ever ran.
pub(crate) fn empty() -> Retrospect {
    Retrospect {
        workspace: "fresh".to_owned(),
        at: now(),
        context: Context {
            target: "x86_64-unknown-linux-gnu".to_owned(),
            features: String::new(),
            profile: "dev".to_owned(),
        },
        runs: Vec::new(),
        failing: Vec::new(),
        tests: Vec::new(),
        groups: Vec::new(),
        vanished: Vec::new(),
        order: Vec::new(),
        metric: Metric::Lines,
        coverage: Vec::new(),
        files: Vec::new(),
    }
}

/// Three runs of four tests, all well.
pub(crate) fn small() -> Retrospect {
    generated(4, 3, 0)
}

/// A year in the life of a workspace of middling size.
pub(crate) fn typical() -> Retrospect {
    let mut made = generated(640, 160, 21);
    made.workspace = "harbour".to_owned();
    made.coverage = coverage(90);
    made.files = files(37, 260);
    made.vanished =
        vec![key("harbour", Kind::Test, "cli", "flags::old_colour_flag"), key("mole", Kind::Lib, "mole", "x")];
    let quarantined = [
        ("upstream bug: the mock server drops the last frame", Some("2027-01-31"), false),
        ("waits for a new runner", None, false),
        ("was flaky in spring", Some("2026-05-01"), true),
    ];
    for (test, (reason, until, is_expired)) in made.tests.iter_mut().step_by(90).zip(quarantined) {
        let until = until.map(|day| day.parse().unwrap());
        test.quarantine = Some(PastQuarantine { reason: reason.to_owned(), until, is_expired });
    }
    let flaky: Vec<usize> = (0..made.tests.len()).filter(|at| made.tests[*at].state == "flaky").collect();
    made.groups = flaky.chunks(3).map(<[usize]>::to_vec).filter(|group| group.len() > 1).collect();
    made
}

/// As much as a page must bear.
pub(crate) fn large() -> Retrospect {
    let mut made = generated(10_000, 500, 40);
    made.workspace = "leviathan".to_owned();
    made.coverage = coverage(500);
    made.files = files(900, 1_500);
    made
}

/// Every text that comes from outside is one of [`HOSTILE`], or far too long.
pub(crate) fn hostile() -> Retrospect {
    let mut made = generated(HOSTILE.len() + 1, 30, 2);
    let long = "x".repeat(10_000);
    let texts: Vec<&str> = HOSTILE.into_iter().chain([long.as_str()]).collect();
    let any = |at: usize| texts[at % texts.len()].to_owned();
    made.workspace = any(0);
    made.context = Context { target: any(1), features: any(2), profile: any(3) };
    for (at, run) in made.runs.iter_mut().enumerate() {
        run.id = RunId::from_stored(any(at));
        run.commit = Some(any(at));
        run.branch = Some(any(at + 1));
        run.link =
            Some(["javascript:alert(6)", "https://ci.example/\"><img src=x onerror=alert(7)>"][at % 2].to_owned());
        run.reasons = vec![Reason::new("tests-failed", any(at))];
    }
    made.tests.clear();
    let states = ["flaky", "broken", "suspect", "recovered", "new", "steady"];
    for (at, text) in texts.iter().enumerate() {
        let key = key(text, Kind::Test, text, text);
        let mut test = test(key, 30, &mut Chance(at as u64), 300);
        test.state = states[at % states.len()];
        test.evidence = any(at + 3);
        test.quarantine = Some(PastQuarantine { reason: any(at), until: None, is_expired: false });
        made.failing.push(failing(&test.key, text, text));
        made.vanished.push(Arc::clone(&test.key));
        made.tests.push(test);
    }
    made.groups = vec![(0..texts.len()).collect()];
    made.order = (0..texts.len()).map(|at| (at, any(at))).collect();
    made.coverage = coverage(3);
    for (at, point) in made.coverage.iter_mut().enumerate() {
        point.commit = Some(any(at));
    }
    made.files = texts
        .iter()
        .map(|text| {
            let source = Some(texts.iter().map(|line| (*line).to_owned()).collect());
            CoveredFile { path: (*text).to_owned(), covered: 1, total: 9, uncovered: vec![2..=4, 7..=7], source }
        })
        .collect();
    // Lines that nobody has, in no order, and more covered than there is.
    made.files[0].uncovered = vec![7..=9, 0..=0, 3..=1_000_000, u32::MAX..=u32::MAX];
    made.files[1].covered = u64::MAX;
    made.files[2].source = Some(Vec::new());
    // Numbers that point nowhere are no reason to fall over.
    made.groups.push(vec![usize::MAX, 99_999]);
    made.order.push((usize::MAX, any(0)));
    made.tests[0].cells.push(Cell { run: usize::MAX, outcome: Outcome::Failed, took: Some(Duration::MAX) });
    made
}

fn now() -> Timestamp {
    "2026-11-20T16:40:00Z".parse().unwrap()
}

pub(crate) fn key(package: &str, kind: Kind, binary: &str, name: &str) -> Arc<TestKey> {
    let binary = BinaryId { package: package.to_owned(), kind, binary: binary.to_owned() };
    Arc::new(TestKey { binary, name: name.to_owned() })
}

/// So many tests over so many runs; one in `tests / unwell` is flaky, broken or otherwise unwell.
fn generated(tests: usize, runs: usize, unwell: usize) -> Retrospect {
    let mut chance = Chance(42);
    let mut made = empty();
    let every = tests.checked_div(unwell).map_or(usize::MAX, |every| every.max(1));
    for at in 0..tests {
        // In a thousand runs.
        let fails = if at % every == every / 2 { [30, 0, 60][at / every % 3] } else { 0 };
        let mut test = test(name(at), runs, &mut chance, fails);
        if at % every == every / 2 && fails == 0 {
            broke(&mut test, 2 + at % 5);
        }
        judge(&mut test);
        made.tests.push(test);
    }
    made.tests.sort_by(|a, b| a.key.cmp(&b.key));
    made.runs = (0..runs).map(|at| run(at, runs, &mut chance)).collect();
    count(&mut made);
    let failed = |test: &&PastTest| test.streak > 0;
    let text = "thread 'flags' panicked at src/lib.rs:14:9:\nassertion `left == right` failed\n  left: 3\n right: 4\n";
    made.failing = made.tests.iter().filter(failed).map(|test| failing(&test.key, text, "")).collect();
    order(&mut made);
    made
}

fn name(at: usize) -> Arc<TestKey> {
    let packages = ["harbour", "harbour-net", "harbour-store", "harbour-cli", "pilot", "tide"];
    let subjects = ["parse", "connect", "retry", "flush", "merge", "lock", "resume", "encode", "route", "evict"];
    let claims = ["keeps_order", "ends_quietly", "is_idempotent", "survives_a_crash", "honours_limits", "round_trips"];
    let package = packages[at % packages.len()];
    let (kind, binary) = [(Kind::Lib, package), (Kind::Test, "integration"), (Kind::Test, "cli")][at / 7 % 3];
    let name = format!("{}::{}_{at}", subjects[at / 3 % subjects.len()], claims[at / 11 % claims.len()]);
    key(package, kind, binary, &name)
}

fn test(key: Arc<TestKey>, runs: usize, chance: &mut Chance, fails: u64) -> PastTest {
    let typical = [3, 8, 15, 40, 120, 900, 4_000][chance.below(7) as usize] + chance.below(30);
    let remembered = runs.min(100);
    let drifts = chance.below(60) == 0;
    let cells: Vec<Cell> = (runs - remembered..runs)
        .map(|run| {
            let outcome = match chance.below(1000) {
                dice if dice < fails => {
                    [Outcome::Failed, Outcome::Failed, Outcome::Flaky, Outcome::Timeout, Outcome::Error]
                        [chance.below(5) as usize]
                }
                _ => Outcome::Passed,
            };
            let drift = if drifts && run * 2 > runs { 2 } else { 1 };
            let ms = typical * drift * (90 + chance.below(20)) / 100;
            Cell { run, outcome, took: Some(Duration::from_millis(ms)) }
        })
        .collect();
    let mean = Duration::from_millis(typical * if drifts { 3 } else { 2 } / 2);
    PastTest {
        key,
        state: "steady",
        evidence: String::new(),
        quarantine: None,
        executions: runs as u64,
        failures: 0,
        streak: 0,
        cells,
        mean: Some(mean),
        recent: Some(Duration::from_millis(typical * if drifts { 2 } else { 1 })),
        slower: drifts.then(|| (Duration::from_millis(typical), Duration::from_millis(typical * 2))),
    }
}

fn broke(test: &mut PastTest, runs: usize) {
    for cell in test.cells.iter_mut().rev().take(runs) {
        cell.outcome = Outcome::Failed;
    }
}

fn judge(test: &mut PastTest) {
    test.failures = test.cells.iter().filter(|cell| cell.outcome.is_failure()).count() as u64;
    test.streak = test.cells.iter().rev().take_while(|cell| cell.outcome.is_failure()).count();
    let wavers = test.cells.iter().filter(|cell| cell.outcome == Outcome::Flaky).count();
    let (failures, runs) = (test.failures, test.cells.len());
    (test.state, test.evidence) = match (test.streak, wavers, failures) {
        (_, 1.., _) => (
            "flaky",
            format!(
                "{failures} of {runs} runs failed, {wavers} flips; the same code passed and failed in {wavers} runs"
            ),
        ),
        (1.., ..) => ("broken", format!("failed the latest {} runs, every run of this code", test.streak)),
        (_, _, 3..) => ("suspect", format!("{failures} failing episodes in {runs} runs")),
        (_, _, 1..) => ("recovered", format!("{failures} of {runs} runs failed, none of the latest")),
        _ if runs < 5 => ("new", format!("{runs} runs")),
        _ => ("steady", format!("0 of {runs} runs failed")),
    };
}

fn run(at: usize, runs: usize, chance: &mut Chance) -> PastRun {
    let hours = i64::try_from((runs - at) * 5).unwrap() - 3;
    let start = now() - SignedDuration::from_hours(hours);
    let state = match chance.below(40) {
        0 => RunState::BuildFailed,
        1 => RunState::ToolError,
        2 => RunState::Interrupted,
        _ => RunState::Executed,
    };
    PastRun {
        id: RunId::new(start, u32::try_from(at).unwrap()),
        start,
        state,
        verdict: None,
        reasons: Vec::new(),
        totals: Totals::default(),
        duration: Some(Duration::from_millis(41_000 + chance.below(9_000) + at as u64 * 60)),
        commit: Some(format!("{:010x}", chance.below(1 << 30) << 9)),
        branch: Some(["main", "main", "main", "tide-tables", "fix/retry-loop"][chance.below(5) as usize].to_owned()),
        link: at.is_multiple_of(2).then(|| format!("https://ci.example/runs/{at}")),
    }
}

/// Totals and verdicts that agree with the tests.
fn count(made: &mut Retrospect) {
    let last = made.runs.len().saturating_sub(1);
    let mut outcomes: BTreeMap<usize, Totals> = BTreeMap::new();
    for cell in made.tests.iter().flat_map(|test| &test.cells) {
        outcomes.entry(cell.run).or_default().add(cell.outcome);
    }
    for (at, run) in made.runs.iter_mut().enumerate() {
        if at == last {
            run.state = RunState::Executed;
        }
        if run.state == RunState::Executed {
            run.totals = outcomes.get(&at).copied().unwrap_or_default();
        }
        let (failures, tests) = (run.totals.failures(), run.totals.tests);
        let (verdict, text) = match run.state {
            RunState::Executed if failures > 0 => (Verdict::Fail, format!("{failures} of {tests} tests failed.")),
            RunState::Executed => (Verdict::Pass, format!("All {tests} tests passed.")),
            RunState::BuildFailed => (Verdict::Fail, "The build failed.".to_owned()),
            RunState::ToolError => (Verdict::ToolError, "The suite did not execute: the disk is full.".to_owned()),
            _ => continue,
        };
        run.verdict = Some(verdict);
        run.reasons = vec![Reason::new("verdict", text)];
    }
}

fn failing(key: &Arc<TestKey>, text: &str, why: &str) -> CaseRecord {
    let took = Some(Duration::from_millis(1_240));
    CaseRecord {
        key: Arc::clone(key),
        outcome: Outcome::Failed,
        took,
        attempts: vec![Attempt {
            outcome: AttemptOutcome::Failed,
            took,
            ending: None,
            why: (!why.is_empty()).then(|| why.to_owned()),
            text: Some(text.into()),
        }],
        line: None,
        leaked: false,
        binary_hash: None,
    }
}

fn order(made: &mut Retrospect) {
    let mut order: Vec<usize> = (0..made.tests.len()).collect();
    order.sort_by_key(|at| {
        let test = &made.tests[*at];
        (std::cmp::Reverse(test.failures), std::cmp::Reverse(test.recent))
    });
    made.order = order
        .into_iter()
        .map(|at| match made.tests[at].failures {
            0 => (at, "the longest of the rest".to_owned()),
            failures => (at, format!("failed {failures} times, lately")),
        })
        .collect();
}

fn coverage(points: u64) -> Vec<CoveragePoint> {
    (0..points)
        .map(|at| CoveragePoint {
            at: now() - SignedDuration::from_hours(i64::try_from((points - at) * 9).unwrap()),
            covered: 18_200 + at * 31 + at * at % 170,
            total: 24_000 + at * 20,
            commit: Some(format!("{:07x}", at * 999_331)),
        })
        .collect()
}

/// So many files of about so many lines, the last of them wholly covered and the one before without its source.
fn files(files: usize, lines: usize) -> Vec<CoveredFile> {
    let mut chance = Chance(7);
    let mut made: Vec<CoveredFile> = (0..files).map(|at| file(at, files, lines, &mut chance)).collect();
    if let [.., unknown, whole] = made.as_mut_slice() {
        unknown.source = None;
        whole.covered = whole.total;
        whole.uncovered.clear();
    }
    made
}

fn file(at: usize, files: usize, lines: usize, chance: &mut Chance) -> CoveredFile {
    let lines = lines / 2 + chance.below(lines as u64) as usize;
    let mut uncovered = Vec::new();
    let mut line = 4 + chance.below(40) as u32;
    while (line as usize) < lines && uncovered.len() < 1 + (files - at) * 12 / files {
        let last = (line + chance.below(6) as u32).min(lines as u32);
        uncovered.push(line..=last);
        line = last + 3 + chance.below(lines as u64 / 8) as u32;
    }
    let missing = uncovered.iter().map(|range| u64::from(range.end() - range.start()) + 1).sum::<u64>();
    let total = lines as u64 * 3 / 5;
    let text = |line: usize| match line % 9 {
        0 => String::new(),
        1 => format!("/// Keeps what came in by berth {line}, oldest first."),
        2 => format!("pub fn berth_{line}(&self, ship: &Ship) -> Result<Berth, Full> {{"),
        3 => "\tlet free = self.berths.iter().position(|berth| berth.is_free() && berth.length >= ship.length());"
            .to_owned(),
        4 => "    match free {".to_owned(),
        5 => "        Some(at) => Ok(self.berths[at].take(ship)),".to_owned(),
        6 => {
            "        None => Err(Full { waiting: self.queue.len(), since: self.queue.front().map(|first| first.at) }),"
                .to_owned()
        }
        7 => "    }".to_owned(),
        _ => "}".to_owned(),
    };
    let crates = ["src", "crates/harbour-net/src", "crates/harbour-store/src", "crates/pilot/src/charts"];
    CoveredFile {
        path: format!("{}/berth_{at}.rs", crates[at % crates.len()]),
        covered: total.saturating_sub(missing),
        total,
        uncovered,
        source: Some((0..lines).map(text).collect()),
    }
}
