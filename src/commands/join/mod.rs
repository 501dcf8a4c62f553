//! `cargo gate join`: the shards of a run are put together, judged as that run would have been, recorded and told.

mod record;
mod told;

use std::sync::Arc;

use camino::Utf8Path;
use jiff::Timestamp;

use super::coverage::{self, Joined, Parts};
use super::place::{Place, cargo};
use super::quarantine::{day, expired, refuse_when_strict};
use super::stage::Stage;
use super::test::{
    Ended, Facts, Knowing, Memory, Refused, default_context, gate_dir_despite_mistakes, here, judge, placed,
};
use super::{complain, notify, remembered};
use crate::cli::{CoverageArgs, JoinArgs};
use crate::config::settings::DISABLE;
use crate::exit_code::ExitCode;
use crate::history::portion::check::{Checked, check};
use crate::history::portion::part::Left;
use crate::history::portion::read::{Found, find};
use crate::history::portion::whole::{Whole, whole};
use crate::history::record::head_of_nothing;
use crate::history::store::StoreError;
use crate::model::{CaseRecord, Context, FlakyResult, Judgement, RunRecord, RunState, TestKey, Totals, Verdict};
use crate::sys::git;
use crate::sys::random::random;

/// Runs the command.
pub(super) fn run(args: &JoinArgs) -> ExitCode {
    let place = match Place::find(&args.common.place, &args.given()) {
        Ok(place) => place,
        Err(code) => {
            let refused = Refused::new(code, "the workspace's settings cannot be read, as standard error says");
            let gate_dir = gate_dir_despite_mistakes(&placed(&args.common.place), &args.given());
            return refuse(args, &refused, gate_dir.as_deref());
        }
    };
    if !place.settings().enabled {
        let off = format!("the gate is switched off (`enabled = false` or {DISABLE}=1)");
        complain("note", &format!("{off}: there is nothing to join"));
        return ExitCode::Pass;
    }
    join(args, &place).unwrap_or_else(|refused| {
        complain("error", &refused.why);
        refuse(args, &refused, Some(&place.gate_dir))
    })
}

/// There is no verdict: no earlier report, as that of a shard which ran here, passes for it.
fn refuse(args: &JoinArgs, refused: &Refused, gate_dir: Option<&Utf8Path>) -> ExitCode {
    let gate_dir = gate_dir.filter(|dir| !args.no_record && dir.is_dir());
    let unheard = refused.tell_github("Tests", &placed(&args.common.place), &args.given());
    let wrong = refused.replace_test_reports(gate_dir, args.report.as_deref());
    let outdated = gate_dir.and_then(|dir| coverage::outdate(dir, &refused.why));
    wrong.iter().chain(&unheard).chain(&outdated).for_each(|text| complain("warning", text));
    refused.code
}

/// What was found, and what it makes.
struct Joining<'a> {
    args: &'a JoinArgs,
    place: &'a Place,
    stage: Stage,
    found: &'a Found,
    checked: &'a Checked,
    /// The parts that count, in order of their shards.
    counted: Vec<&'a Left>,
    whole: Whole,
}

fn join(args: &JoinArgs, place: &Place) -> Result<ExitCode, Refused> {
    let stage = here()?;
    let settings = place.settings();
    for text in expired(settings, day(Timestamp::now())) {
        refuse_when_strict(settings, &text, |text| complain("warning", text))?;
    }
    let found = find(&args.dirs);
    found.empty.iter().for_each(|dir| complain("warning", &format!("`{dir}` holds no shard")));
    let here = git::read_checkout(&place.workspace.root).and_then(|checkout| checkout.commit);
    let checked = check(&found, here.as_deref());
    let counted: Vec<&Left> = checked.counted.iter().filter_map(|at| found.left.get(*at)).collect();
    let whole = whole(&counted, checked.shards.len()).unwrap_or_else(|| of_nothing(&stage));
    let joining = Joining { args, place, stage, found: &found, checked: &checked, counted, whole };
    joining.conclude()
}

/// The run of no part at all.
fn of_nothing(stage: &Stage) -> Whole {
    let head = head_of_nothing(Timestamp::now(), random(), &|name| stage.variable(name));
    Whole { head, cases: Vec::new(), not_run: 0, duration: std::time::Duration::ZERO, plan_digest: None }
}

impl Joining<'_> {
    fn conclude(self) -> Result<ExitCode, Refused> {
        let mut memory = self.recall();
        let is_complete = self.checked.grounds.is_empty() && self.whole.not_run == 0 && !self.whole.cases.is_empty();
        let shows_vanished = is_complete && self.whole.head.full;
        let vanished = match shows_vanished {
            true => memory.vanished(&self.whole.cases),
            false => Vec::new(),
        };
        let settings = self.place.settings();
        let today = day(Timestamp::now());
        let is_quarantined = |key: &TestKey| settings.quarantine_of(key, today).is_some();
        let blocks = |case: &&Arc<CaseRecord>| case.outcome.is_failure() && !is_quarantined(&case.key);
        let mut grounds = self.checked.grounds.clone();
        if !self.whole.cases.iter().any(|case| blocks(&case)) {
            grounds.extend_from_slice(&self.checked.cut_short);
        }
        let (state, mut judgement) = judge(&Facts {
            cases: &self.whole.cases,
            not_run: usize::try_from(self.whole.not_run).unwrap_or(usize::MAX),
            build: None,
            stop: None,
            tool_error: None,
            flaky_result: self.flaky_result(),
            no_tests: settings.test.no_tests,
            shard: None,
            is_quarantined: &is_quarantined,
            vanished: &vanished,
            fails_on_vanished: self.args.fail_on_vanished && shows_vanished,
            knows_before: memory.knows_all,
            elsewhere: &grounds,
            took: self.whole.duration,
        });
        judgement.reasons.extend(self.checked.notes.iter().cloned());
        let asked = self.args.as_coverage(&self.built_with());
        let covered = self.judge_coverage(&asked, &mut judgement)?;
        let record = self.record(state, judgement, covered.as_ref());

        let now = Timestamp::now();
        let flaky_before = Knowing::new(&memory.summaries, settings, now).flaky_tests();
        let standing = self.keep(&mut memory, &record);
        let knowing = Knowing::new(&memory.summaries, settings, now);
        let turned_flaky = !knowing.flaky_tests().is_subset(&flaky_before);
        let happened = notify::happened(&record.judgement, turned_flaky);
        let told = knowing.insights(&self.whole.cases, vanished);
        let document = knowing.document(&record, &self.whole.cases, &told);
        let code = record.exit_code();
        let (cases, shards) = (&self.whole.cases, self.lines());
        let ended = Ended { record: &record, cases, insights: &told, happened: &happened, shards: &shards };
        self.tell(&ended, document, covered.as_ref(), &asked, standing);
        Ok(code)
    }

    /// What the history knows. A history that cannot be read decides nothing.
    fn recall(&self) -> Memory {
        let mut memory = Memory::default();
        let open = || -> Result<Memory, StoreError> {
            let records = !self.args.no_record && self.is_recorded();
            let store = if records { Some(self.place.open()?) } else { self.place.open_existing()? };
            let Some(store) = store else { return Ok(Memory { knows_all: true, ..Memory::default() }) };
            let context = &self.whole.head.context;
            let summaries = store.summaries(context)?.into_iter().map(|test| (test.key, test.summary)).collect();
            let full = remembered::full_runs(&*store, context)?;
            let knows_all = store.knows_all();
            Ok(Memory { store: Some(store), summaries, full, knows_all, ..Memory::default() })
        };
        match open() {
            Ok(opened) => memory = opened,
            Err(error) => complain("warning", &error.to_string()),
        }
        if let Some(store) = &mut memory.store {
            store.take_warnings().iter().for_each(|text| complain("warning", text));
        }
        memory
    }

    fn record(&self, state: RunState, judgement: Judgement, covered: Option<&Joined>) -> RunRecord {
        RunRecord {
            head: self.whole.head.clone(),
            state,
            totals: Totals::of(self.whole.cases.iter().map(|case| &**case)),
            not_run: self.whole.not_run,
            duration: self.whole.duration,
            judgement,
            plan_digest: self.whole.plan_digest,
            coverage: covered.and_then(Joined::reached),
        }
    }

    /// What came of flaky tests is as bad as the strictest says, a shard or the settings here.
    fn flaky_result(&self) -> FlakyResult {
        let runs = self.counted.iter().filter_map(|left| left.run.as_ref());
        match runs.flat_map(|run| &run.record.judgement.reasons).any(|reason| reason.id == "flaky") {
            true => FlakyResult::Fail,
            false => self.place.settings().test.flaky_result,
        }
    }

    fn measured(&self) -> bool {
        self.counted.iter().any(|left| left.part.measured.is_some())
    }

    /// Judges what the shards cover, where they measured it and the suite was executed.
    fn judge_coverage(&self, asked: &CoverageArgs, judgement: &mut Judgement) -> Result<Option<Joined>, Refused> {
        let judged_all_the_same = [ExitCode::Pass, ExitCode::TestsFailed];
        let stops = judgement.codes.iter().any(|code| !judged_all_the_same.contains(code));
        if !self.measured() || stops || judgement.verdict == Verdict::Nothing {
            return Ok(None);
        }
        let parts = Parts {
            args: asked,
            settings: self.place.settings(),
            workspace: &self.place.workspace,
            gate_dir: &self.place.gate_dir,
            left: &self.counted,
            head: &self.whole.head,
            cases: &self.whole.cases,
        };
        parts.judge(&self.stage, judgement).map(Some)
    }

    /// The flags that the figures of the shards are of.
    fn built_with(&self) -> Vec<String> {
        let Context { target, features, .. } = &self.whole.head.context;
        let mut words: Vec<String> = features.split_whitespace().map(str::to_owned).collect();
        if self.measured() && *target != default_context(&cargo()).target {
            words.extend(["--target".to_owned(), target.clone()]);
        }
        words
    }

    /// Is it a run that the history takes? What does not belong together is none.
    fn is_recorded(&self) -> bool {
        !self.counted.is_empty() && self.checked.belong_together()
    }

    /// Says of a measurement that came to nothing why, where an earlier report would say something else.
    fn outdate_coverage(&self, record: &RunRecord) -> Option<String> {
        let why = record.judgement.sentence();
        self.measured().then(|| coverage::outdate(&self.place.gate_dir, why)).flatten()
    }
}
