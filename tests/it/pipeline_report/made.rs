//! Gates as they might have been: facts in their order, with invented times, and what they came to.

use std::sync::Arc;
use std::time::Duration;

use cargo_gate::event::{Event, Fact, Observer};
use cargo_gate::exit_code::ExitCode;
use cargo_gate::model::{Ending, Judgement, Reason, RunId, StepKind, StepRecord, StepState, Totals, Verdict};
use cargo_gate::report::PipelineReport;
use cargo_gate::report::markdown::Smoke;
use cargo_gate::report::pipeline::{Artifacts, DryRun, PatternLine, PlanLine, SmokeCheck, SmokeReport, Will};
use jiff::Timestamp;

/// The facts of one gate, and its end.
pub(crate) struct Gate {
    now: Timestamp,
    pub(crate) events: Vec<Event>,
    pub(crate) report: PipelineReport,
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// A step that passed.
pub(crate) fn step(name: &str, kind: StepKind, took: u64) -> StepRecord {
    StepRecord {
        name: name.to_owned(),
        kind,
        command: words(&format!("cargo {name}")),
        state: StepState::Passed,
        ending: Some(Ending::Exited(0)),
        took: ms(took),
        log: Some(format!("target/gate/runs/20260131T120000000Z-1a2b3c4d/logs/{name}.log").into()),
        ..StepRecord::default()
    }
}

pub(crate) fn failed(name: &str, kind: StepKind, took: u64, code: i32, tail: &str) -> StepRecord {
    StepRecord {
        state: StepState::Failed,
        why: format!("`cargo {name}` left with {code}"),
        ending: Some(Ending::Exited(code)),
        tail: tail.to_owned(),
        next: Some(format!("cargo gate run --only {name}")),
        ..step(name, kind, took)
    }
}

pub(crate) fn unstarted(name: &str, kind: StepKind, state: StepState, why: &str) -> StepRecord {
    let why = why.to_owned();
    StepRecord { state, why, ending: None, log: None, took: Duration::ZERO, ..step(name, kind, 0) }
}

impl Gate {
    pub(crate) fn new(planned: &[(&str, StepKind)]) -> Self {
        let start: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        let folder = "target/gate/runs/20260131T120000000Z-1a2b3c4d";
        let report = PipelineReport {
            run_id: RunId::new(start, 0x1a2b_3c4d),
            pipeline: "default".into(),
            scope: "full".into(),
            start,
            duration: Duration::ZERO,
            judgement: Judgement { verdict: Verdict::Pass, codes: vec![ExitCode::Pass], reasons: Vec::new() },
            steps: Vec::new(),
            totals: None,
            not_run: 0,
            smoke: None,
            failure_reason: None,
            commit: Some("4f1e2d3c4b5a69788796a5b4c3d2e1f001234567".into()),
            artifacts: Artifacts {
                manifest: Some(format!("{folder}/validation_manifest.json").into()),
                complete: Some(format!("{folder}/validation_complete.json").into()),
                logs: Some(format!("{folder}/logs").into()),
                report: Some("target/gate/test-report.md".into()),
            },
            worktree: None,
        };
        let mut gate = Self { now: start, events: Vec::new(), report };
        let steps = planned.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        gate.tell(Fact::PipelineStarted { name: "default".into(), steps });
        gate
    }

    pub(crate) fn wait(&mut self, time: u64) -> &mut Self {
        self.now += ms(time);
        self
    }

    pub(crate) fn tell(&mut self, fact: Fact) -> &mut Self {
        self.events.push(Event { at: self.now, fact });
        self
    }

    pub(crate) fn start(&mut self, name: &str, kind: StepKind, is_engine: bool) -> &mut Self {
        self.tell(Fact::StepStarted { name: name.to_owned(), kind, is_engine })
    }

    pub(crate) fn print(&mut self, name: &str, line: &str) -> &mut Self {
        self.tell(Fact::StepPrinted { name: name.to_owned(), line: line.to_owned() })
    }

    pub(crate) fn finish(&mut self, step: StepRecord) -> &mut Self {
        let step = Arc::new(step);
        self.report.steps.push(Arc::clone(&step));
        self.tell(Fact::StepFinished { step })
    }

    /// A step from its beginning to its end.
    pub(crate) fn run(&mut self, step: StepRecord) -> &mut Self {
        self.start(&step.name, step.kind, false);
        for line in step.tail.clone().lines() {
            self.print(&step.name, line);
        }
        self.wait(u64::try_from(step.took.as_millis()).unwrap()).finish(step)
    }

    /// The gate's own step.
    pub(crate) fn engine(&mut self, step: StepRecord) -> &mut Self {
        self.start(&step.name, step.kind, true).wait(u64::try_from(step.took.as_millis()).unwrap()).finish(step)
    }

    pub(crate) fn end(mut self, verdict: Verdict, codes: &[ExitCode], sentences: &[&str]) -> Self {
        let reasons: Vec<Reason> = sentences.iter().map(|text| Reason::new("reason", *text)).collect();
        if verdict != Verdict::Pass {
            self.report.failure_reason = sentences.first().map(|text| (*text).to_owned());
        }
        self.report.duration = Duration::try_from(self.now.duration_since(self.report.start)).unwrap();
        self.report.judgement = Judgement { verdict, codes: codes.to_vec(), reasons };
        self
    }

    pub(crate) fn play(&self, observer: &mut impl Observer) {
        self.events.iter().for_each(|event| observer.observe(event));
    }
}

const PLAN: [(&str, StepKind); 6] = [
    ("fmt", StepKind::Format),
    ("clippy", StepKind::Lint),
    ("test", StepKind::Test),
    ("scripts", StepKind::Test),
    ("coverage", StepKind::Coverage),
    ("smoke", StepKind::Smoke),
];

fn engine(name: &str, kind: StepKind, took: u64) -> StepRecord {
    StepRecord {
        command: words(&format!("cargo gate {name}")),
        log: None,
        run_id: Some(RunId::from_stored("20260131T120001000Z-5e6f7a8b")),
        why: "1,204 tests passed".into(),
        ..step(name, kind, took)
    }
}

fn answer(ok: bool) -> SmokeCheck {
    let url = "http://127.0.0.1:8500/health".to_owned();
    if ok {
        SmokeCheck { url, ok, status: Some(200), took: ms(12), tries: 1, why: "200, with `ok` in it".into() }
    } else {
        SmokeCheck { url, ok, status: Some(503), took: ms(9), tries: 1, why: "the status is 503, not 200".into() }
    }
}

pub(crate) fn green() -> Gate {
    let mut gate = Gate::new(&PLAN);
    gate.run(step("fmt", StepKind::Format, 812)).run(StepRecord {
        tail: "    Checking app v0.1.0\n    Finished `dev` profile in 3.20s\n".into(),
        ..step("clippy", StepKind::Lint, 3_210)
    });
    gate.engine(engine("test", StepKind::Test, 12_345)).run(step("scripts", StepKind::Test, 1_003));
    gate.engine(engine("coverage", StepKind::Coverage, 21_400));
    gate.run(StepRecord { why: "1 check passed".into(), ..step("smoke", StepKind::Smoke, 12) });
    gate.report.totals = Some(Totals { tests: 1_216, passed: 1_214, skipped: 2, ..Totals::default() });
    gate.report.smoke = Some(SmokeReport { state: Smoke::Ok, checks: vec![answer(true)] });
    gate.end(Verdict::Pass, &[ExitCode::Pass], &["6 steps passed"])
}

const LINT: &str = "    Checking app v0.1.0 (crates/app)\nerror: this looks like you are swapping `a` and `b` manually\n \
                    --> crates/app/src/lib.rs:12:5\n   |\n12 | /     let t = a;\n13 | |     a = b;\n14 | |     b = t;\n   \
                    | |__________^ help: try: `std::mem::swap(&mut a, &mut b)`\n\nerror: could not compile `app` (lib) due to 1 \
                    previous error\n";

fn lint() -> StepRecord {
    failed("clippy", StepKind::Lint, 3_210, 101, LINT)
}

/// A lint that fails, and what it leaves undone.
pub(crate) fn failing_lint() -> Gate {
    let mut gate = Gate::new(&PLAN);
    gate.run(step("fmt", StepKind::Format, 812)).run(lint());
    for (name, kind) in [("test", StepKind::Test), ("scripts", StepKind::Test), ("coverage", StepKind::Coverage)] {
        gate.finish(unstarted(name, kind, StepState::NotRun, "clippy failed before it"));
    }
    gate.finish(unstarted("smoke", StepKind::Smoke, StepState::NotRun, "the tests are not green"));
    gate.report.smoke = Some(SmokeReport::default());
    gate.end(Verdict::Fail, &[ExitCode::StepFailed], &["clippy failed: `cargo clippy` left with 101"])
}

/// `--keep-going`, with failures of every weight.
pub(crate) fn several_failures() -> Gate {
    let mut gate = Gate::new(&PLAN);
    let mut spelling = failed("typos", StepKind::Lint, 40, 2, "error: `teh` should be `the`\n");
    spelling.state = StepState::Warned;
    let mut links = failed("links", StepKind::Custom, 61_000, 1, "1 of 214 links is dead\n");
    links.state = StepState::Ignored;
    let mut killed = failed("doc", StepKind::Custom, 900_000, 0, "");
    killed.ending = Some(Ending::Signaled(9));
    killed.why = "it ran longer than its limit of 15m 00s and was killed".into();
    let mut tests = engine("test", StepKind::Test, 12_345);
    tests.state = StepState::Failed;
    tests.ending = Some(Ending::Exited(100));
    tests.why = "5 of 1,204 tests failed".into();
    tests.next = Some("cargo gate test --failed".into());
    gate.run(lint()).run(spelling).run(links).engine(tests).run(killed);
    gate.report.totals = Some(Totals { tests: 1_204, passed: 1_199, failed: 5, ..Totals::default() });
    gate.end(
        Verdict::Fail,
        &[ExitCode::TestsFailed, ExitCode::StepFailed],
        &["5 of 1,204 tests failed", "clippy failed: `cargo clippy` left with 101", "doc ran longer than 15m 00s"],
    )
}

pub(crate) fn cached_and_skipped() -> Gate {
    let mut gate = Gate::new(&PLAN[..4]);
    gate.finish(unstarted("fmt", StepKind::Format, StepState::Cached, "passed 2 hours ago on the same content"));
    gate.finish(unstarted("clippy", StepKind::Lint, StepState::Skipped, "no changed file matches crates/**/*.rs"));
    gate.engine(engine("test", StepKind::Test, 700));
    gate.finish(unstarted("scripts", StepKind::Test, StepState::Skipped, "left out by --skip scripts"));
    gate.report.scope = "changed:origin/main".into();
    gate.end(Verdict::Pass, &[ExitCode::Pass], &["1 step passed, 1 is known from before, 2 are left out"])
}

/// A change list that concerns nothing.
pub(crate) fn nothing_concerned() -> Gate {
    let mut gate = Gate::new(&PLAN[..2]);
    for (name, kind) in &PLAN[..2] {
        gate.finish(unstarted(name, *kind, StepState::Skipped, "no change concerns this pipeline"));
    }
    gate.end(Verdict::Nothing, &[ExitCode::Pass], &["none of 3 changed files matches code-patterns: no step ran"])
}

/// A setup that cannot be executed: deferred, or for the last time.
pub(crate) fn setup_tool_error(is_spent: bool) -> Gate {
    let mut gate = Gate::new(&[("database", StepKind::Setup), ("test", StepKind::Test)]);
    let mut setup = failed("database", StepKind::Setup, 420, 1, "Could not get lock /var/lib/dpkg/lock-frontend\n");
    setup.state = StepState::ToolError;
    setup.why = "a lock is held by another process".into();
    setup.next = None;
    gate.run(setup);
    gate.finish(unstarted("test", StepKind::Test, StepState::NotRun, "database did not execute"));
    let sentence = "the step database did not execute: a lock is held by another process";
    if is_spent {
        let sentence = format!("{sentence} (attempt 3 of 3); this is not a code fault");
        gate.end(Verdict::ToolError, &[ExitCode::NeverExecuted], &[&sentence])
    } else {
        gate.end(Verdict::Deferred, &[ExitCode::Deferred], &[&format!("{sentence} (attempt 1 of 3), come again")])
    }
}

pub(crate) fn interrupted() -> Gate {
    let mut gate = Gate::new(&PLAN[..4]);
    gate.run(step("fmt", StepKind::Format, 812)).start("clippy", StepKind::Lint, false).wait(1_500);
    gate.start("scripts", StepKind::Test, false).wait(2_000).tell(Fact::Interrupted { signal: "SIGINT" }).wait(30);
    for (name, kind) in [("clippy", StepKind::Lint), ("scripts", StepKind::Test)] {
        let mut stopped = unstarted(name, kind, StepState::NotRun, "it was stopped by SIGINT");
        stopped.ending = Some(Ending::Signaled(15));
        gate.finish(stopped);
    }
    gate.finish(unstarted("test", StepKind::Test, StepState::NotRun, "SIGINT came before it"));
    gate.end(Verdict::Fail, &[ExitCode::Interrupted], &["SIGINT came before the end, 3 steps not run"])
}

pub(crate) fn smoke_failure() -> Gate {
    let mut gate = Gate::new(&PLAN[2..]);
    gate.engine(engine("test", StepKind::Test, 12_345)).run(step("scripts", StepKind::Test, 1_003));
    let mut smoke = failed("smoke", StepKind::Smoke, 21, 0, "");
    smoke.ending = None;
    smoke.log = None;
    smoke.why = "http://127.0.0.1:8500/health: the status is 503, not 200".into();
    gate.run(smoke);
    gate.report.totals = Some(Totals { tests: 1_216, passed: 1_216, ..Totals::default() });
    let live = SmokeCheck { url: "http://127.0.0.1:8500/live".into(), ..answer(true) };
    gate.report.smoke = Some(SmokeReport { state: Smoke::Failed, checks: vec![live, answer(false)] });
    gate.end(
        Verdict::Fail,
        &[ExitCode::StepFailed],
        &["smoke failed: http://127.0.0.1:8500/health: the status is 503, not 200"],
    )
}

pub(crate) fn kept_worktree() -> Gate {
    let mut gate = Gate::new(&PLAN[..2]);
    gate.run(step("fmt", StepKind::Format, 812)).run(lint());
    gate.report.worktree = Some("/tmp/gate worktrees/20260131T120000000Z-1a2b3c4d".into());
    gate.report.pipeline = "release".into();
    gate.end(Verdict::Fail, &[ExitCode::StepFailed], &["clippy failed: `cargo clippy` left with 101"])
}

/// One step of which every text is this one.
pub(crate) fn hostile(text: &str) -> Gate {
    let mut gate = Gate::new(&[(text, StepKind::Custom), ("fmt", StepKind::Format)]);
    let mut bad = failed(text, StepKind::Custom, 12, 1, &format!("{text}\n{text}"));
    bad.why = text.to_owned();
    bad.next = Some(text.to_owned());
    bad.log = Some(text.into());
    bad.command = vec![text.to_owned(), text.to_owned()];
    let later = StepRecord { why: text.to_owned(), ..unstarted(text, StepKind::E2e, StepState::NotRun, text) };
    gate.run(bad).tell(Fact::Warned { id: "x", text: text.to_owned() }).run(step("fmt", StepKind::Format, 1));
    gate.finish(later);
    gate.report.scope = text.to_owned();
    gate.report.pipeline = text.to_owned();
    gate.report.commit = Some(text.to_owned());
    gate.report.worktree = Some(text.into());
    gate.report.artifacts.report = Some(text.into());
    let check = SmokeCheck { url: text.to_owned(), why: text.to_owned(), ..answer(false) };
    gate.report.smoke = Some(SmokeReport { state: Smoke::Failed, checks: vec![check] });
    gate.end(Verdict::Fail, &[ExitCode::StepFailed], &[text, text])
}

pub(crate) const HOSTILE: &str =
    "a\u{1b}[31m\u{202e}|`<b>\r::error::x\n::warning::y ##[group]\u{1b}]0;title\u{7} @you ---\nresult: PASS";

pub(crate) fn every() -> Vec<Gate> {
    vec![
        green(),
        failing_lint(),
        several_failures(),
        cached_and_skipped(),
        nothing_concerned(),
        setup_tool_error(false),
        setup_tool_error(true),
        interrupted(),
        smoke_failure(),
        kept_worktree(),
        hostile(HOSTILE),
    ]
}

fn pattern(pattern: &str, files: usize, example: Option<&str>) -> PatternLine {
    PatternLine { pattern: pattern.into(), files: Some(files), example: example.map(str::to_owned) }
}

/// A plan that knows of changes.
pub(crate) fn plan() -> DryRun {
    let line = |name: &str, kind, will, why: &str, command: &str| PlanLine {
        name: name.into(),
        kind,
        will,
        why: why.into(),
        command: words(command),
        ..PlanLine::default()
    };
    let mut clippy = line(
        "clippy",
        StepKind::Lint,
        Will::Run,
        "the content of 2 inputs changed since it passed: crates/app/src/lib.rs, clippy.toml",
        "cargo clippy --workspace --all-targets --all-features -- --deny warnings",
    );
    clippy.inputs = vec![pattern("crates/**/*.rs", 1, Some("crates/app/src/lib.rs")), pattern("clippy.toml", 0, None)];
    let mut scripts = line("scripts", StepKind::Test, Will::Skip, "no changed file matches its inputs", "pytest -q py");
    scripts.inputs = vec![pattern("py/**/*.py", 0, None)];
    scripts.needs = vec!["fmt".into()];
    let shell = PlanLine {
        command: vec!["sh".into(), "-c".into(), "echo 'it is' $HOME".into()],
        ..line("notes", StepKind::Custom, Will::Run, "no cache for steps of this kind", "")
    };
    DryRun {
        pipeline: "default".into(),
        scope: "changed:origin/main".into(),
        runs: true,
        why: "2 of 3 changed files match code-patterns".into(),
        patterns: vec![
            pattern("**/*.rs", 2, Some("crates/app/src/lib.rs")),
            pattern("Cargo.toml", 0, None),
            pattern("a/very/long/pattern/that/no/other/needs/to/stand/below/**/*.rs", 1_200, Some("a/very/long/x.rs")),
        ],
        steps: vec![
            line("fmt", StepKind::Format, Will::Cached, "passed 2 hours ago on the same content", "cargo fmt --check"),
            clippy,
            line("test", StepKind::Test, Will::Run, "", "cargo gate test"),
            scripts,
            shell,
        ],
    }
}

/// A plan that nothing concerns.
pub(crate) fn gated_out() -> DryRun {
    let skip = |step: PlanLine| PlanLine { will: Will::Skip, why: "no change concerns the pipeline".into(), ..step };
    let plan = plan();
    DryRun {
        runs: false,
        why: "none of 3 changed files matches code-patterns".into(),
        patterns: vec![pattern("**/*.rs", 0, None)],
        steps: plan.steps.into_iter().take(2).map(skip).collect(),
        ..plan
    }
}

/// A plan of which every text is this one.
pub(crate) fn hostile_plan(text: &str) -> DryRun {
    let patterns = vec![PatternLine { pattern: text.into(), files: Some(2), example: Some(text.into()) }];
    let step = PlanLine {
        name: text.into(),
        kind: StepKind::Custom,
        will: Will::Run,
        why: text.into(),
        command: vec![text.into(), text.into()],
        inputs: patterns.clone(),
        needs: vec![text.into()],
    };
    DryRun { pipeline: text.into(), scope: text.into(), runs: true, why: text.into(), patterns, steps: vec![step] }
}
