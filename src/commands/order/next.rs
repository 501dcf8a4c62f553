//! `cargo gate order`: the tests as the next run would take them, and the processes it would start.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::Duration;

use console::{Style, measure_text_width};
use serde_json::{Value, json};

use super::{OrderError, nothing_on_record, slots};
use crate::analytics::priority::{Tier, Why};
use crate::cargo::harness::without_libtest;
use crate::cli::{Format, OrderArgs};
use crate::commands::complain;
use crate::commands::ordering::{self, Placed};
use crate::commands::remembered::{Remembered, Use};
use crate::exit_code::ExitCode;
use crate::history::store::TestSummary;
use crate::model::{BinaryId, Kind, TestKey, millis};
use crate::plan::list::Remembered as Lists;
use crate::plan::{Harness, Plan, Standing, TestBinary};
use crate::report::inert::one_line;
use crate::report::json as documents;
use crate::report::json::SCHEMA_VERSION;
use crate::report::words;
use crate::runner::job::{Frame, Job, Purpose, first_jobs};
use crate::runner::schedule::{Shape, schedule};
use crate::sys::process::Launch;
use crate::sys::term::Surroundings;

/// Columns of the rank and the time in front of a name.
const MARGIN: usize = 17;
/// A name has so many columns, however narrow the window is.
const LEAST_ROOM: usize = 16;
/// People are shown so many tests, and so many processes, unless they ask for more.
const SHOWN: usize = 20;

/// Shows the order. The inner result is a code that has been explained by then.
pub(super) fn run(args: &OrderArgs) -> Result<Result<(), ExitCode>, OrderError> {
    let memory = match Remembered::read(&args.common.place, &args.context, Use::Show) {
        Ok(Some(memory)) => Some(memory),
        Ok(None) => {
            nothing_on_record();
            None
        }
        Err(code) => return Ok(Err(code)),
    };
    let Some(memory) = memory else {
        if args.common.format == Format::Json {
            let slots = slots(args, None);
            let nothing = json!({ "schema_version": SCHEMA_VERSION, "slots": slots, "expected_ms": null, "tests": [], "processes": [] });
            documents::write_line(&mut io::stdout().lock(), &nothing)?;
        }
        return Ok(Ok(()));
    };
    let tests: Vec<&TestSummary> = memory.current().collect();
    let slots = slots(args, Some(&memory.place));
    if slots == 1 {
        complain("note", "with one slot, tests run by name; this is the order with more");
    }
    let order = ordering::next(&memory, &tests)?;
    let plan = plan(&memory, &order);
    let next = Next {
        processes: processes(&plan, &memory, slots),
        expected: ordering::expected(&plan, slots),
        lines: order
            .iter()
            .enumerate()
            .filter_map(|(at, (index, placed))| Line::new(at, placed, tests.get(*index)?))
            .collect(),
        slots,
    };
    let next = next.selected(args);
    if next.lines.is_empty() && !args.select.is_empty() {
        complain("error", "no test on record matches the selection");
        return Ok(Err(ExitCode::NoTests));
    }
    let mut out = io::stdout().lock();
    match args.common.format {
        Format::Json => documents::write_line(&mut out, &next.document(args.limit.unwrap_or(usize::MAX)))?,
        Format::Human => {
            next.show(args.limit.unwrap_or(SHOWN), Surroundings::read().columns_of_answers(), &mut out)?;
        }
    }
    Ok(Ok(()))
}

/// What the next run would do.
struct Next<'a> {
    lines: Vec<Line<'a>>,
    processes: Vec<Process>,
    expected: Option<Duration>,
    slots: usize,
}

/// A test in its place.
struct Line<'a> {
    rank: usize,
    placed: &'a Placed,
    of: &'a TestSummary,
}

/// A process that would be started.
struct Process {
    binary: BinaryId,
    what: Part,
    tests: Vec<TestKey>,
    threads: usize,
    expected: Option<Duration>,
}

/// What a process runs of its binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The tests that are likely to fail.
    Head,
    /// The others.
    Rest,
    /// All of it, since the head is all or nothing is in it.
    All,
    /// One test by itself.
    Alone,
    /// All of a binary that gives no list.
    Whole,
}

impl Part {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Rest => "rest",
            Self::All => "all",
            Self::Alone => "alone",
            Self::Whole => "whole",
        }
    }
}

impl<'a> Line<'a> {
    const fn new(at: usize, placed: &'a Placed, of: &'a TestSummary) -> Option<Self> {
        Some(Self { rank: at + 1, placed, of })
    }

    fn key(&self) -> &TestKey {
        &self.placed.test.key
    }

    fn json(&self) -> Value {
        let (ranked, summary) = (&self.placed.ranked, &self.of.summary);
        let (counts, key) = (summary.counts(), self.key());
        json!({
            "rank": self.rank,
            "test": key.to_string(),
            "package": key.binary.package,
            "binary": key.binary.binary,
            "kind": key.binary.kind,
            "name": key.name,
            "tier": ranked.tier,
            "reason": ranked.reason.to_string(),
            "evidence": {
                "score": (ranked.score * 1e6).round() / 1e6,
                "runs": counts.runs(),
                "failures": counts.failures + counts.flaky,
                "streak": summary.streak(),
                "priority": self.placed.test.policy.priority,
            },
            "expected_ms": ranked.expected.map(millis),
        })
    }
}

/// The run as `test` would plan it, as far as that can be told without building.
fn plan(memory: &Remembered, order: &[(usize, Placed)]) -> Plan {
    let lists = Lists::load(memory.place.gate_dir.join("lists.json").as_std_path());
    let own_harness = own_harnesses(memory);
    let settings = memory.place.settings();
    let mut tests: BTreeMap<&BinaryId, Vec<&Placed>> = BTreeMap::new();
    for (_, placed) in order {
        tests.entry(&placed.test.key.binary).or_default().push(placed);
    }
    let binary = |(id, mut placed): (&BinaryId, Vec<&Placed>)| {
        // libtest lists by name.
        placed.sort_by(|a, b| a.test.key.cmp(&b.test.key));
        let unit_expected = lists.unit(id);
        let harness =
            match id.kind {
                Kind::Doc => Harness::Doctests,
                kind if own_harness.contains(&(id.package.clone(), kind, id.binary.clone())) => {
                    if unit_expected.is_some() { Harness::Blind } else { Harness::OwnLists }
                }
                _ => Harness::Lists,
            };
        let planned = placed.iter().map(|placed| placed.test.clone());
        let as_test = TestKey { binary: id.clone(), name: id.binary.clone() };
        TestBinary {
            id: id.clone(),
            file: None,
            launch: Launch { program: "".into(), args: Vec::new(), cwd: "".into(), env: Vec::new() },
            recorded_args: Vec::new(),
            harness,
            listed: placed.iter().map(|placed| placed.test.key.clone()).collect(),
            tests: if harness.gives_list() { planned.collect() } else { Vec::new() },
            doctests: Vec::new(),
            unit: settings.policy_for(&as_test),
            unit_expected,
        }
    };
    Plan { binaries: tests.into_iter().map(binary).collect(), ..Plan::default() }
}

fn own_harnesses(memory: &Remembered) -> BTreeSet<(String, Kind, String)> {
    let of = |package: &crate::cargo::workspace::Package| {
        let manifest = fs_err::read_to_string(&package.manifest).unwrap_or_default();
        let name = package.name.clone();
        without_libtest(&manifest).into_iter().map(move |(kind, target)| (name.clone(), kind, target))
    };
    memory.place.workspace.packages.values().flat_map(of).collect()
}

/// The processes in the order in which they would start.
fn processes(plan: &Plan, memory: &Remembered, slots: usize) -> Vec<Process> {
    let groups = &memory.place.settings().groups;
    let groups = groups.iter().map(|(name, group)| (name.clone(), group.max_threads)).collect();
    let frame = Frame { groups, ..Frame::default() };
    let jobs = first_jobs(plan, &frame);
    let shapes: Vec<Shape> = jobs.iter().enumerate().map(|(place, job)| job.shape(plan, &frame, place)).collect();
    let schedule = schedule(&shapes, slots);
    let process = |place: &usize| {
        let (job, shape, allotment) = (jobs.get(*place)?, shapes.get(*place)?, schedule.allotments.get(*place)?);
        let of = plan.binaries.get(job.binary)?;
        let work: Option<Duration> = shape.tests.iter().copied().sum();
        let tests = match job.purpose {
            Purpose::Whole => of.listed.iter().map(|key| (**key).clone()).collect(),
            _ => job.tests.iter().filter_map(|test| Some((*of.tests.get(*test)?.key).clone())).collect(),
        };
        Some(Process { binary: of.id.clone(), what: part(job, of), tests, threads: allotment.threads, expected: work })
    };
    schedule.order.iter().filter_map(process).collect()
}

fn part(job: &Job, of: &TestBinary) -> Part {
    let is_head = || {
        let first = job.tests.first().and_then(|test| of.tests.get(*test));
        first.is_some_and(|test| matches!(test.standing, Standing::Head(_)))
    };
    match job.purpose {
        Purpose::Whole => Part::Whole,
        Purpose::Alone | Purpose::ForText | Purpose::Suspect(_) => Part::Alone,
        Purpose::Shared if job.tests.len() == of.tests.len() => Part::All,
        Purpose::Shared if is_head() => Part::Head,
        Purpose::Shared => Part::Rest,
    }
}

impl Next<'_> {
    /// Only what is asked for, each test in the place it has among all.
    fn selected(mut self, args: &OrderArgs) -> Self {
        if !args.select.is_empty() {
            let is_selected = |key: &TestKey| args.select.iter().any(|pattern| pattern.is_match(key));
            self.lines.retain(|line| is_selected(line.key()));
            self.processes.retain(|process| process.tests.iter().any(is_selected));
        }
        self
    }

    fn document(&self, limit: usize) -> Value {
        let process = |process: &Process| {
            json!({
                "package": process.binary.package,
                "binary": process.binary.binary,
                "kind": process.binary.kind,
                "part": process.what.as_str(),
                "tests": process.tests.len(),
                "threads": process.threads,
                "work_ms": process.expected.map(millis),
            })
        };
        json!({
            "schema_version": SCHEMA_VERSION,
            "slots": self.slots,
            "expected_ms": self.expected.map(millis),
            "tests": self.lines.iter().take(limit).map(Line::json).collect::<Vec<_>>(),
            "processes": self.processes.iter().map(process).collect::<Vec<_>>(),
        })
    }

    fn show(&self, limit: usize, columns: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
        let bold = Style::new().bold();
        let mut above = "";
        for line in self.lines.iter().take(limit) {
            let (ranked, heading) = (&line.placed.ranked, heading(line.placed));
            if above != heading {
                writeln!(out, "{}", bold.apply_to(heading))?;
                above = heading;
            }
            let time = ranked.expected.map_or_else(|| "-".to_owned(), words::exact);
            let reason = match ranked.reason {
                // The heading says it.
                Why::Duration(_) | Why::Changed => String::new(),
                reason => reason.to_string(),
            };
            write!(out, "{:>6} {time:>8}  ", line.rank)?;
            entry(&one_line(&line.key().to_string()), &reason, columns, out)?;
        }
        more(self.lines.len(), limit, "test", out)?;
        if self.processes.is_empty() {
            return Ok(());
        }
        let total = self.expected.map(|time| format!(", about {} in all", words::exact(time))).unwrap_or_default();
        let on = words::count(self.slots as u64, "slot", "slots");
        writeln!(out, "\n{}", bold.apply_to(format!("Processes in the order of their start, on {on}{total}")))?;
        for process in self.processes.iter().take(limit) {
            let time = process.expected.map_or_else(|| "-".to_owned(), words::exact);
            let (binary, what) = (one_line(&process.binary.to_string()), process.says());
            write!(out, "       {time:>8}  ")?;
            entry(&binary, &what, columns, out)?;
        }
        more(self.processes.len(), limit, "process", out)
    }
}

/// A name that fits, and a remark: behind it where there is room, else below.
fn entry(name: &str, remark: &str, columns: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(MARGIN).max(LEAST_ROOM));
    let name = words::middle(name, room.min(words::LONGEST_NAME));
    let remark = words::middle(remark, words::LONGEST_NAME);
    let dim = Style::new().dim();
    let width = measure_text_width(&name) + 2 + measure_text_width(&remark);
    match (remark.is_empty(), width <= room) {
        (true, _) => writeln!(out, "{name}"),
        (_, true) => writeln!(out, "{name}  {}", dim.apply_to(remark)),
        (_, false) => {
            writeln!(out, "{name}")?;
            let lines = words::wrap(&remark, room, room);
            lines.iter().try_for_each(|line| writeln!(out, "{:MARGIN$}{}", "", dim.apply_to(words::middle(line, room))))
        }
    }
}

fn heading(placed: &Placed) -> &'static str {
    match (placed.test.policy.priority.cmp(&0), placed.ranked.tier) {
        (Ordering::Greater, _) => "Put first by hand",
        (Ordering::Less, _) => "Put last by hand",
        (Ordering::Equal, Tier::Risky) => "Likely to fail",
        (Ordering::Equal, Tier::Fresh) => "Rebuilt since they ran, the longest first",
        (Ordering::Equal, Tier::Rest) => "The rest, the longest first",
    }
}

fn more(count: usize, limit: usize, what: &str, out: &mut dyn Write) -> io::Result<()> {
    let plural = if what == "process" { "processes" } else { "tests" };
    match count.checked_sub(limit).filter(|more| *more > 0) {
        Some(more) => writeln!(out, "       … and {} (-n {count})", words::count(more as u64, what, plural)),
        None => Ok(()),
    }
}

impl Process {
    /// `3 likely to fail on 1 thread`
    fn says(&self) -> String {
        let threads = words::count(self.threads as u64, "thread", "threads");
        let tests = words::count(self.tests.len() as u64, "test", "tests");
        match self.what {
            Part::Head => format!("its head of {tests}, on {threads}"),
            Part::Rest => format!("its other {tests}, on {threads}"),
            Part::All => format!("{tests}, on {threads}"),
            Part::Alone => {
                let name = self.tests.first().map(|key| one_line(&key.name)).unwrap_or_default();
                format!("{name} by itself")
            }
            Part::Whole => format!("whole, on {threads}"),
        }
    }
}
