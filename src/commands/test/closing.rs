//! The end of a session: what was tested is put to what came of it, judged, recorded and told.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;

use super::history::{self, Memory, Tested};
use super::insights::Knowing;
use super::judge::{Facts, ToolError, judge};
use super::measuring::Measuring;
use super::outputs::{self, Ended, Observers};
use super::session::{Came, CameTo, Recorded, Session};
use crate::cli::Format;
use crate::commands::deferral::{self, Deferral};
use crate::commands::keeping::History;
use crate::commands::notify;
use crate::commands::quarantine::day;
use crate::config::Notice;
use crate::event::Fact;
use crate::exit_code::ExitCode;
use crate::history::record::add_checkout;
use crate::history::store::{BinaryStamp, Store};
use crate::model::{
    BinaryId, CaseRecord, ContentHash, InfraMode, Judgement, Reason, RunHead, RunRecord, RunState, Totals, Verdict,
};
use crate::report::Insights;
use crate::report::markdown::Smoke;
use crate::runner::engine::Stop;

impl Session<'_> {
    /// Judges, records and tells; gives the judgement.
    pub(super) fn finish(
        &self,
        mut came: Came,
        mut memory: Memory,
        mut observers: Observers<'_>,
        insights: &RefCell<Insights>,
        measuring: &mut dyn Measuring,
    ) -> CameTo {
        let mut head = self.head.clone();
        let (stamps, is_of_other) = self.add_tested(&mut head, &mut came);
        let tool_error = self.tool_error(&came, &mut memory);
        let settled = self.settled(&came, head.input_key);
        let today = day(Timestamp::now());
        let settings = self.asked.settings();
        let took = self.since.elapsed();
        let shows_vanished = came.is_whole() && head.full;
        let vanished = if shows_vanished { memory.vanished(&came.cases) } else { Vec::new() };
        let (state, mut judgement) = judge(&Facts {
            cases: &came.cases,
            not_run: came.not_run.len(),
            build: came.failure.as_ref(),
            stop: came.stop.as_ref(),
            tool_error: tool_error.as_ref(),
            flaky_result: settings.test.flaky_result,
            no_tests: settings.test.no_tests,
            shard: came.portion.as_ref().filter(|portion| !portion.is_of_nothing()).map(|portion| portion.shard),
            is_quarantined: &|key| settings.quarantine_of(key, today).is_some(),
            vanished: &vanished,
            fails_on_vanished: self.args.fail_on_vanished && shows_vanished,
            knows_before: memory.knows_all,
            elsewhere: &[],
            took,
        });
        judgement.reasons.extend(self.softening(is_of_other));
        measuring.judge(&came, self.signals, &mut judgement);
        let record = record_of(head, state, judgement, &came, took);
        let record = Arc::new(RunRecord { coverage: measuring.reached(), ..record });
        let left = came.leaving.take();
        let not_left = left.and_then(|left| left.end(&record, &came, measuring.part()));
        let now = Timestamp::now();
        let flaky_before = Knowing::new(&memory.summaries, settings, now).flaky_tests();
        memory.learn(&record, &came.cases);
        let knowing = Knowing::new(&memory.summaries, settings, now);
        let turned_flaky = !knowing.flaky_tests().is_subset(&flaky_before);
        let happened = notify::happened(&record.judgement, turned_flaky);
        let told = knowing.insights(&came.cases, vanished);
        insights.borrow_mut().clone_from(&told);
        let cases: Arc<[Arc<CaseRecord>]> = came.cases.into();
        let document = || knowing.document(&record, &cases, &told);
        let printed = (self.args.format == Format::Json && !measuring.is_instrumented()).then(document);
        let ended = Ended { record: &record, cases: &cases, insights: &told, happened: &happened, shards: &[] };
        let writing = self.write_beside(memory.store.take(), &ended, stamps, settled);
        observers.tell(Fact::RunFinished { record: Arc::clone(&record), cases: Arc::clone(&cases) });
        drop(observers);
        let mut wrong = outputs::write_asked(&self.args.into(), &ended, printed.as_ref());
        wrong.extend(not_left);
        wrong.extend(measuring.tell(&ended));
        wrong.extend(writing.and_then(|writing| writing.join().ok()).unwrap_or_default());
        wrong.extend(
            self.notify(ended.happened, || measuring.document(&ended).unwrap_or_else(|| notify::bytes(&document()))),
        );
        wrong.iter().for_each(|text| self.asked.stage.complain("warning", text));
        CameTo {
            judgement: record.judgement.clone(),
            run: Some(Recorded { record, cases, insights: told, happened }),
            coverage: measuring.report().cloned(),
        }
    }

    /// Puts down what was tested. Gives the binaries as they are to be recorded, and whether they are of an archive of
    /// something else than is checked out.
    fn add_tested(&self, head: &mut RunHead, came: &mut Came) -> (Vec<BinaryStamp>, bool) {
        let Some(tested) = came.tested.take() else { return (Vec::new(), false) };
        if let Some(checkout) = &tested.checkout {
            add_checkout(head, checkout);
        }
        let origin = self.asked.stage.origin();
        // A worktree is on no branch.
        head.branch = head.branch.take().or_else(|| origin?.branch.clone());
        head.input_key = Some(tested.input_key);
        came.cases = with_hashes(std::mem::take(&mut came.cases), &tested);
        // Of a checkout with changes that is said already.
        let is_of_other = tested.is_of_other && head.dirty == Some(false);
        // What changed since is asked of the checkout that people work in.
        (if origin.is_none() { tested.stamps } else { Vec::new() }, is_of_other)
    }

    /// What makes the verdict worth less.
    fn softening(&self, is_of_other: bool) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if !self.asked.softeners.is_empty() {
            let text = format!("run with {}, which lets a red test turn green", self.asked.softeners.join(", "));
            reasons.push(Reason::new("soft-environment", text));
        }
        if is_of_other {
            let text = "run from an archive of something else than is checked out (its build had changes, or another \
                        Cargo.lock)";
            self.asked.stage.complain("warning", &format!("this was {text}"));
            reasons.push(Reason::new("archive-differs", text));
        }
        reasons
    }

    /// Tells who wants to know; of a step the pipeline tells, once it is over. Gives what went wrong.
    fn notify(&self, happened: &[Notice], json: impl FnOnce() -> Vec<u8>) -> Option<String> {
        if self.asked.stage.step.is_some() {
            return None;
        }
        let root = &self.asked.ground().ok()?.workspace.root;
        notify::tell(&self.asked.settings().notify, happened, root, self.signals, json)
    }

    /// How the suite could not be executed, if it could not; the store counts what is deferred.
    fn tool_error(&self, came: &Came, memory: &mut Memory) -> Option<ToolError> {
        let infra = &self.asked.settings().infra;
        let of = infra.retries + 1;
        let (now, is_retried) = (Timestamp::now(), infra.mode == InfraMode::Retry);
        let why = came.tool_error.clone()?;
        if is_retried {
            return Some(ToolError { why, tries: came.tries, of, deferred: false });
        }
        let (store, key) = (memory.store.as_mut(), self.deferral_key());
        Some(match deferral::put_off(store.map(|store| &mut **store as &mut dyn Store), key, infra, now) {
            Deferral::Deferred { attempt, of } => ToolError { why, tries: attempt, of, deferred: true },
            Deferral::Exhausted { of } => ToolError { why, tries: of, of, deferred: false },
        })
    }

    /// Of what the deferrals are over, since it was executed. With git, the key is the same before and after a build;
    /// looking for it again is for those who defer.
    fn settled(&self, came: &Came, input_key: Option<ContentHash>) -> Option<ContentHash> {
        let was_executed = !came.cases.is_empty() && !matches!(came.stop, Some(Stop::Interrupted(_)));
        match self.asked.settings().infra.mode {
            _ if !was_executed || came.tool_error.is_some() => None,
            InfraMode::Retry => input_key,
            InfraMode::Defer => self.deferral_key(),
        }
    }

    /// What deferrals are counted under: the input key as it is without a build, since there may be none.
    fn deferral_key(&self) -> Option<ContentHash> {
        if self.args.no_record {
            return None;
        }
        let looking = self.looking(Vec::new(), Vec::new())?;
        history::look(looking).join().ok().map(|tested| tested.input_key)
    }

    /// Records beside what people read meanwhile. Gives what went wrong.
    fn write_beside(
        &self,
        mut store: Option<History>,
        ended: &Ended<'_>,
        stamps: Vec<BinaryStamp>,
        settled: Option<ContentHash>,
    ) -> Option<JoinHandle<Vec<String>>> {
        if !self.records() {
            return None;
        }
        let is_nothing = ended.record.verdict() == Verdict::Nothing || ended.record.exit_code() == ExitCode::Usage;
        let gate_dir = self.asked.ground().ok()?.gate_dir.clone();
        let record = ended.record.clone();
        let cases = ended.cases.to_vec();
        let is_part = self.asked.stage.step.is_some();
        let report = (!is_nothing).then(|| outputs::markdown(ended, Smoke::Skipped));
        Some(std::thread::spawn(move || {
            let mut wrong = Vec::new();
            if let Some(store) = &mut store {
                if let Some(key) = settled {
                    deferral::settle(&mut **store, key, Timestamp::now());
                }
                let done = match is_nothing {
                    true => store.abandon(&record.head.id),
                    false => store.finish(&record, &cases, &stamps),
                };
                wrong.extend(done.err().map(|error| error.to_string()));
                wrong.extend(store.take_warnings());
            }
            if let Some(report) = report {
                let written = outputs::write_artifact(&gate_dir, &record, &report, is_part);
                wrong.extend(written.err().map(|error| format!("cannot write the report: {error}")));
            }
            wrong
        }))
    }
}

fn with_hashes(cases: Vec<Arc<CaseRecord>>, tested: &Tested) -> Vec<Arc<CaseRecord>> {
    let hashes: HashMap<&BinaryId, _> =
        tested.stamps.iter().filter_map(|stamp| Some((&stamp.binary, stamp.hash?))).collect();
    cases
        .into_iter()
        .map(|mut case| {
            if let Some(hash) = hashes.get(&case.key.binary) {
                Arc::make_mut(&mut case).binary_hash = Some(*hash);
            }
            case
        })
        .collect()
}

fn record_of(head: RunHead, state: RunState, judgement: Judgement, came: &Came, duration: Duration) -> RunRecord {
    let totals = Totals::of(came.cases.iter().map(|case| &**case));
    let not_run = came.not_run.len() as u64;
    RunRecord { head, state, totals, not_run, duration, judgement, plan_digest: came.digest, coverage: None }
}
