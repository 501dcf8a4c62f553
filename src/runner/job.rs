//! A process to be: which tests of which binary, why, and with which arguments.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Instant;

use super::schedule::{Phase, Shape};
use crate::model::Isolation;
use crate::plan::select::{CommonArgs, MOST_BYTES, command_lines};
use crate::plan::{Harness, Plan, PlannedTest, Standing, TestBinary};
use crate::sys::process::Launch;

/// Why a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Some tests of a binary, side by side.
    Shared,
    /// One test by itself: by choice, by its history, or because it is tried again.
    Alone,
    /// One test by itself, for the text of a failure that was lost with its process.
    ForText,
    /// One test by itself: it was in flight when its process died, with the others of this group.
    Suspect(usize),
    /// Everything in a binary that gives no list.
    Whole,
}

/// A process to be.
#[derive(Clone, Debug)]
pub struct Job {
    /// The binary's place in the plan.
    pub binary: usize,
    /// The tests' places in the binary, in the harness's order; none for a [`Purpose::Whole`].
    pub tests: Vec<usize>,
    /// Why it runs.
    pub purpose: Purpose,
    /// Arguments that select the tests.
    pub selecting: Vec<OsString>,
    /// How many threads it is given.
    pub threads: usize,
    /// It may start on fewer.
    pub may_squeeze: bool,
    /// May it run beside others of its binary?
    pub beside: bool,
    /// The group whose limit it shares.
    pub group: Option<String>,
    /// Not before this.
    pub not_before: Option<Instant>,
    /// When it is due.
    pub phase: Phase,
    /// How often its process could not be started so far.
    pub failed_starts: u32,
}

/// What all jobs of a run share.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// libtest's arguments from the user.
    pub common: CommonArgs,
    /// Variables that every test process gets on top of cargo's.
    pub env: Vec<(OsString, OsString)>,
    /// The most tests of each group at once.
    pub groups: BTreeMap<String, usize>,
}

impl Job {
    /// One test by itself.
    #[must_use]
    pub fn alone(plan: &Plan, binary: usize, test: usize, purpose: Purpose) -> Option<Self> {
        let planned = plan.binaries.get(binary)?.tests.get(test)?;
        Some(Self {
            binary,
            tests: vec![test],
            purpose,
            selecting: vec![planned.key.name.clone().into(), "--exact".into()],
            threads: 1,
            may_squeeze: false,
            beside: planned.policy.isolation == Isolation::Process,
            group: planned.policy.group.clone(),
            not_before: None,
            phase: phase_of(planned),
            failed_starts: 0,
        })
    }

    /// Some tests of a binary, in as few processes as command lines allow.
    #[must_use]
    pub fn shared(plan: &Plan, binary: usize, tests: &[usize], frame: &Frame, group: Option<&str>) -> Vec<Self> {
        let Some(of) = plan.binaries.get(binary) else { return Vec::new() };
        // A harness of its own promises no more than one name at a time.
        if of.harness == Harness::OwnLists && tests.len() < of.listed.len() {
            return tests
                .iter()
                .filter_map(|test| Self::alone(plan, binary, *test, Purpose::Alone))
                .map(|mut job| {
                    job.beside = false;
                    job
                })
                .collect();
        }
        let listed: Vec<&str> = of.listed.iter().map(|key| key.name.as_str()).collect();
        let planned: Vec<(usize, &PlannedTest)> =
            tests.iter().filter_map(|test| Some((*test, of.tests.get(*test)?))).collect();
        let wanted: Vec<&str> = planned.iter().map(|(_, test)| test.key.name.as_str()).collect();
        let lines = command_lines(&listed, &wanted, &frame.common, MOST_BYTES);
        let lines = lines.into_iter().filter(|line| !line.tests.is_empty());
        lines
            .map(|line| {
                let tests: Vec<usize> =
                    line.tests.iter().filter_map(|place| planned.get(*place).map(|(test, _)| *test)).collect();
                let phase = tests.iter().filter_map(|test| of.tests.get(*test)).map(phase_of).min();
                Self {
                    binary,
                    tests,
                    purpose: Purpose::Shared,
                    selecting: line.args,
                    threads: 1,
                    may_squeeze: false,
                    beside: false,
                    group: group.map(str::to_owned),
                    not_before: None,
                    phase: phase.unwrap_or(Phase::Rest),
                    failed_starts: 0,
                }
            })
            .collect()
    }

    fn whole(binary: usize, of: &TestBinary) -> Self {
        Self {
            binary,
            tests: Vec::new(),
            purpose: Purpose::Whole,
            selecting: Vec::new(),
            threads: 1,
            may_squeeze: false,
            beside: false,
            group: of.unit.group.clone(),
            not_before: None,
            phase: if of.unit.priority > 0 { Phase::Head(0) } else { Phase::Rest },
            failed_starts: 0,
        }
    }

    /// What the schedule needs to know of it.
    #[must_use]
    pub fn shape(&self, plan: &Plan, frame: &Frame, place: usize) -> Shape {
        let of = plan.binaries.get(self.binary);
        let tests = match (self.purpose, of) {
            // On one thread it takes so long; that it can be shared out is all that is known.
            (Purpose::Whole, Some(of)) => match of.unit_expected {
                Some(expected) => vec![Some(expected / UNIT_PARTS); UNIT_PARTS as usize],
                None => vec![None; UNIT_PARTS as usize],
            },
            (_, Some(of)) => self.tests.iter().map(|test| of.tests.get(*test).and_then(|test| test.expected)).collect(),
            (_, None) => Vec::new(),
        };
        let group = self.group.as_ref().and_then(|group| frame.groups.get(group)).copied().unwrap_or(usize::MAX);
        let chain = if self.beside { plan.binaries.len() + place } else { self.binary };
        Shape { phase: self.phase, tests, chain, most_threads: group.max(1) }
    }

    /// How it is started.
    #[must_use]
    pub fn launch(&self, of: &TestBinary, frame: &Frame) -> Launch {
        let common = &frame.common;
        let threads = || OsString::from(format!("--test-threads={}", self.threads));
        let args: Vec<OsString> = match (of.harness, self.purpose) {
            (Harness::Doctests, _) => {
                of.recorded_args.iter().cloned().chain(["--test-args".into(), threads()]).collect()
            }
            (Harness::Blind | Harness::Unlisted, _) | (Harness::OwnLists, Purpose::Shared) => of.recorded_args.clone(),
            (Harness::OwnLists, _) => {
                self.selecting.iter().chain(&common.ignoring).chain(&common.other).cloned().collect()
            }
            (Harness::Lists, _) => {
                let selected = self.selecting.iter().chain(&common.ignoring).chain(&common.other).cloned();
                selected.chain([threads()]).collect()
            }
        };
        let mut launch = of.launch.with_args(args);
        launch.env.extend(frame.env.iter().cloned());
        launch
    }
}

/// Into so many parts a unit without a list is thought to fall.
const UNIT_PARTS: u32 = 16;

fn phase_of(test: &PlannedTest) -> Phase {
    match test.standing {
        Standing::Head(place) => Phase::Head(place),
        Standing::Fresh => Phase::Fresh,
        Standing::Rest => Phase::Rest,
        Standing::Last => Phase::Last,
    }
}

/// The processes that a plan starts with.
#[must_use]
pub fn first_jobs(plan: &Plan, frame: &Frame) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (binary, of) in plan.binaries.iter().enumerate() {
        if !of.harness.gives_list() {
            jobs.push(Job::whole(binary, of));
            continue;
        }
        // In turn: the risky head, then the rest; tests of a group apart, since libtest cannot hold back a few.
        let mut parts: BTreeMap<(bool, Option<&str>), Vec<usize>> = BTreeMap::new();
        for (test, planned) in of.tests.iter().enumerate() {
            if planned.alone || planned.policy.isolation == Isolation::Process {
                jobs.extend(Job::alone(plan, binary, test, Purpose::Alone));
                continue;
            }
            // A harness of its own cannot be asked for several names, so it is not split.
            let is_rest = of.harness == Harness::OwnLists || !matches!(planned.standing, Standing::Head(_));
            parts.entry((is_rest, planned.policy.group.as_deref())).or_default().push(test);
        }
        for ((_, group), tests) in &parts {
            jobs.extend(Job::shared(plan, binary, tests, frame, *group));
        }
    }
    jobs
}
