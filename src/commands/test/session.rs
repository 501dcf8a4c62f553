//! One call of `cargo gate test`, from the build to the exit code.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use jiff::Timestamp;

use super::ask::Asked;
use super::gather::{self, Surveyed};
use super::history::{self, Looking, Memory, Opening, Tested};
use super::leaving::Leaving;
use super::measuring::Measuring;
use super::outputs::{self, Observers};
use super::sharding::{Ours, handed_over, is_full_but_for_shard};
use super::unfinished::{not_executed, units_cut_short, without_outcome};
use super::{Refused, planning};
use crate::cargo::build::{self, Built};
use crate::cargo::user_config::UserConfig;
use crate::cli::TestArgs;
use crate::commands::ordering;
use crate::config::Notice;
use crate::event::{Fact, Observer};
use crate::history::record::{self, Start};
use crate::history::store::BinaryStamp;
use crate::model::{BinaryId, CaseRecord, ContentHash, Context, InfraMode, Judgement, RunHead, RunRecord, TestKey};
use crate::plan::Plan;
use crate::plan::cut::Cut;
use crate::plan::list::Remembered;
use crate::plan::portion::Portion;
use crate::report::{CoverageReport, Insights, Look, Terminal};
use crate::runner::engine::{self, Finished, Options, Stop};
use crate::runner::job::Frame;
use crate::sys::random::random;
use crate::sys::signals::Signals;
use crate::sys::term::Surroundings;

/// Runs what was asked once, and tells these as well.
pub(in crate::commands) fn run_once(
    args: &TestArgs,
    asked: &Arc<Asked>,
    measuring: &mut dyn Measuring,
    told: Vec<Box<dyn Observer + '_>>,
) -> Result<CameTo, Refused> {
    let signals = asked.stage.listen();
    Session::new(args, asked, &signals, measuring.is_instrumented())?.run(measuring, told)
}

/// What a run came to.
#[derive(Debug)]
pub(in crate::commands) struct CameTo {
    pub(in crate::commands) judgement: Judgement,
    /// Its record with what became of each test and what the history says of it; none where nothing was to run.
    pub(in crate::commands) run: Option<Recorded>,
    /// What was measured, where it was judged.
    pub(in crate::commands) coverage: Option<CoverageReport>,
}

/// A run with all that is known of it at its end.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Recorded {
    pub(in crate::commands) record: Arc<RunRecord>,
    pub(in crate::commands) cases: Arc<[Arc<CaseRecord>]>,
    pub(in crate::commands) insights: Insights,
    /// What it is worth telling of.
    pub(in crate::commands) happened: Vec<Notice>,
}

/// One call with everything it needs.
pub(super) struct Session<'a> {
    pub(super) args: &'a TestArgs,
    pub(super) asked: &'a Arc<Asked>,
    pub(super) signals: &'a Signals,
    pub(super) user: UserConfig,
    pub(super) context: Context,
    pub(super) head: RunHead,
    pub(super) since: Instant,
    pub(super) surroundings: Surroundings,
    /// Would all shards together, or this run where there are none, take in every test of the workspace?
    pub(super) full_but_for_shard: bool,
    /// How the plan is cut, where a file says so.
    pub(super) cut: Option<Cut>,
    cpus: usize,
    slots: usize,
}

/// What an execution came to, over all its tries.
#[derive(Default)]
pub(in crate::commands) struct Came {
    pub(in crate::commands) cases: Vec<Arc<CaseRecord>>,
    pub(in crate::commands) not_run: Vec<Arc<TestKey>>,
    /// Binaries without a list that a stop kept from their end: nobody knows what is missing of their tests.
    pub(super) cut_short: Vec<BinaryId>,
    pub(in crate::commands) stop: Option<Stop>,
    pub(in crate::commands) tool_error: Option<String>,
    pub(in crate::commands) tries: u32,
    /// Of the whole plan, also where only a shard of it ran.
    pub(in crate::commands) digest: Option<ContentHash>,
    /// What of the plan was this machine's, where it was cut; it may be nothing.
    pub(in crate::commands) portion: Option<Portion>,
    /// What this machine leaves behind of its shard.
    pub(super) leaving: Option<Leaving>,
    pub(super) tested: Option<Tested>,
    pub(in crate::commands) failure: Option<build::Failure>,
}

impl Came {
    /// Did the suite come to its end?
    pub(in crate::commands) fn is_whole(&self) -> bool {
        let is_cut_short = self.stop.is_some() || self.tool_error.is_some() || self.failure.is_some();
        !is_cut_short && self.not_run.is_empty() && !self.cases.is_empty()
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(
        args: &'a TestArgs,
        asked: &'a Arc<Asked>,
        signals: &'a Signals,
        is_instrumented: bool,
    ) -> Result<Self, Refused> {
        let since = Instant::now();
        let user = asked.user_config()?;
        let context = asked.context(&user.triples);
        let full_but_for_shard = is_full_but_for_shard(args, asked);
        let start = Start {
            at: Timestamp::now(),
            random: random(),
            context: context.clone(),
            trigger: args.trigger.clone(),
            toolchain: asked.rustc.lines().next().unwrap_or_default().to_owned(),
            instrumented: is_instrumented,
            full: full_but_for_shard && args.shard.is_none(),
            shard: args.shard,
        };
        let head = record::head(start, &|name| asked.stage.variable(name));
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let slots = gather::slots(asked.settings(), &args.libtest, cpus, &asked.stage);
        let surroundings = Surroundings::read();
        let cut = handed_over(args)?;
        Ok(Self {
            args,
            asked,
            signals,
            user,
            context,
            head,
            since,
            surroundings,
            full_but_for_shard,
            cut,
            cpus,
            slots,
        })
    }

    /// Does this call leave a trace in the history?
    pub(super) const fn records(&self) -> bool {
        !self.args.no_record && !self.args.list && self.args.archive.archive.is_none()
    }

    pub(super) fn run(
        self,
        measuring: &mut dyn Measuring,
        told: Vec<Box<dyn Observer + '_>>,
    ) -> Result<CameTo, Refused> {
        // Before all else: whenever this process ends, what an earlier one left does not pass for what this one did.
        let leaving = self.leaving(measuring.part())?;
        // Before anything is on record: what does not belong here is no run.
        let restored = |archived| Ok((archived, self.restored(archived)?));
        let restored = self.asked.archive.as_ref().map(restored).transpose()?;
        let opening = Opening {
            asked: Arc::clone(self.asked),
            begin: self.records().then(|| self.head.clone()),
            context: self.context.clone(),
            wants_failing: self.args.failed,
            wants_full: self.head.full,
            is_needed: self.args.failed || self.args.fail_on_vanished,
        };
        let events = outputs::events(self.args.events.as_ref())?;
        let memory = history::open(opening);
        let look = outputs::look(self.args, &self.surroundings, outputs::speaks_to_github(self.asked));
        let insights = RefCell::new(Insights::default());
        let terminal = Terminal::new(std::io::stderr(), look).with_insights(|_, _| insights.borrow().clone());
        let log = self.asked.stage.log().map(|log| Terminal::new(log, Look::default()));
        let log = log.map(|log| Box::new(log.with_insights(|_, _| insights.borrow().clone())) as Box<_>);
        let mut observers =
            Observers::new(events.into_iter().chain(told).chain(log).chain([Box::new(terminal) as Box<_>]));
        if !self.args.list {
            observers.tell(Fact::RunStarted { run_id: self.head.id.clone() });
        }

        let env = measuring.begin(self.signals)?;
        let (built, tries) = self.with_retries(&mut observers, |observers| match &restored {
            Some((archived, built)) => self.unpack(archived, built, observers),
            None => self.build(env.as_deref(), observers),
        });
        let mut memory = memory.memory();
        for warning in std::mem::take(&mut memory.warnings) {
            observers.tell(Fact::Warned { id: "history", text: warning });
        }
        let lists = self.asked.ground().ok().map(|ground| ground.gate_dir.join("lists.json"));
        let mut remembered = lists.as_ref().map(|lists| Remembered::load(lists.as_std_path())).unwrap_or_default();
        let mut came = Came { tries, leaving, ..Came::default() };
        match built {
            Err(error) => {
                if let build::Failure::Tool(why) = &error {
                    came.tool_error = Some(why.clone());
                }
                came.failure = Some(error);
            }
            Ok(built) => {
                if let Some(path) = &self.args.archive.archive {
                    return self.archive(&built, path);
                }
                let listed =
                    self.run_built(&built, &mut memory, &mut came, &mut remembered, &mut observers, measuring)?;
                if let Some(judgement) = listed {
                    return Ok(CameTo { judgement, run: None, coverage: None });
                }
            }
        }
        if let (false, Some(lists)) = (self.args.no_record, &lists) {
            let _ = remembered.save(lists.as_std_path());
        }
        Ok(self.finish(came, memory, observers, &insights, measuring))
    }

    /// Plans, and executes what is this machine's; where tests are only listed, gives what comes of that.
    fn run_built(
        &self,
        built: &Built,
        memory: &mut Memory,
        came: &mut Came,
        remembered: &mut Remembered,
        observers: &mut Observers<'_>,
        measuring: &mut dyn Measuring,
    ) -> Result<Option<Judgement>, Refused> {
        measuring.built(&built.executables);
        let (whole, stamps) = self.plan(built, memory, remembered, self.slots == 1)?;
        let ours = self.ours(whole).inspect_err(|_| self.forget(memory))?;
        if self.args.list {
            return Ok(Some(self.list(&ours)));
        }
        if let (Some(leaving), Some(portion)) = (&mut came.leaving, &ours.portion) {
            leaving.takes(portion).inspect_err(|_| self.forget(memory))?;
        }
        let is_kept = self.records() || came.leaving.is_some();
        let looking = is_kept.then(|| self.look(&ours.plan, stamps, memory)).flatten();
        measuring.about_to_run();
        self.execute(&ours, came, remembered, observers);
        (came.digest, came.portion) = (Some(ours.whole), ours.portion);
        came.tested = looking.and_then(|looking| looking.join().ok());
        if let (false, Some(launches), Some(file)) = (self.args.no_record, &built.to_keep, self.kept_launches()) {
            // Whoever cannot keep them records them again.
            let _ = launches.save(&file);
        }
        Ok(None)
    }

    /// Takes the run off the record: it turned out that there can be none.
    fn forget(&self, memory: &mut Memory) {
        if let Some(store) = memory.store.as_mut().filter(|_| self.records()) {
            // What stays is found out to have ended by whoever looks.
            let _ = store.abandon(&self.head.id);
        }
    }

    /// All that is asked for, whether it is this machine's or not.
    pub(super) fn plan(
        &self,
        built: &Built,
        memory: &Memory,
        remembered: &mut Remembered,
        in_name_order: bool,
    ) -> Result<(Plan, Vec<BinaryStamp>), Refused> {
        let common = gather::common_args(self.args);
        let workspace = &self.asked.ground()?.workspace;
        let surveyed = Surveyed { asked: self.asked, user: &self.user, workspace };
        let binaries = gather::binaries(surveyed, built, &common, remembered, self.slots, self.signals);
        let stamps = planning::stamps(&binaries);
        let selection = planning::selection(self.args, &binaries, &stamps, memory);
        // In a fresh checkout every binary is a new one, which says nothing of the code.
        let telling = if self.asked.stage.origin().is_none() { stamps.as_slice() } else { &[] };
        let plan = planning::plan(self.asked, binaries, selection, telling, memory, remembered, in_name_order);
        Ok((plan, stamps))
    }

    fn look(&self, plan: &Plan, stamps: Vec<BinaryStamp>, memory: &Memory) -> Option<JoinHandle<Tested>> {
        let planned: HashSet<&BinaryId> = plan.binaries.iter().map(|binary| &binary.id).collect();
        let stamps = stamps.into_iter().filter(|stamp| planned.contains(&stamp.binary)).collect();
        Some(history::look(self.looking(stamps, memory.stamps.clone())?))
    }

    /// Where and how to look for what is tested.
    pub(super) fn looking(&self, stamps: Vec<BinaryStamp>, recorded: Vec<BinaryStamp>) -> Option<Looking> {
        Looking::of(self.asked, &self.context, stamps, recorded)
    }

    fn options(&self) -> Options {
        let settings = self.asked.settings();
        let env = [("CARGO_GATE", "1"), ("CARGO_GATE_RUN_ID", self.head.id.as_str())];
        let nocapture = self.args.libtest.nocapture
            || self.asked.stage.variable_os("RUST_TEST_NOCAPTURE").is_some_and(|on| on != "0");
        Options {
            slots: self.slots,
            serial: settings.test.serial_binaries || self.slots == 1,
            frame: Frame {
                common: gather::common_args(self.args),
                env: env.map(|(name, value)| (name.into(), value.into())).into(),
                groups: settings.groups.iter().map(|(name, group)| (name.clone(), group.max_threads)).collect(),
            },
            most_failures: self.args.max_fail(),
            run_timeout: self.asked.stage.shorten(settings.test.run_timeout),
            grace: settings.test.grace,
            shows_output: nocapture || self.args.libtest.show_output,
            cpus: self.cpus,
        }
    }

    /// Executes the plan; what has no outcome for no fault of the code is tried again as the settings say.
    fn execute(&self, ours: &Ours, came: &mut Came, remembered: &mut Remembered, observers: &mut Observers<'_>) {
        let (infra, plan) = (&self.asked.settings().infra, &ours.plan);
        let expected = ordering::expected(plan, self.slots);
        observers.tell(Fact::Planned {
            tests: plan.tests().count() as u64,
            binaries: plan.binaries.len(),
            slots: self.slots,
            digest: Some(ours.whole),
            shard: ours.portion.as_ref().map(|portion| (portion.shard, ours.of)),
            expected,
        });
        let mut left = plan.clone();
        let mut ended: HashSet<BinaryId> = HashSet::new();
        loop {
            let finished = engine::execute(&left, &self.options(), self.signals, &mut |fact| observers.tell(fact));
            let Finished { cases, not_run, stop, unstarted, units } = finished;
            for (unit, took, threads) in units {
                remembered.put_unit(&unit, took, threads);
                ended.insert(unit);
            }
            came.cases.extend(cases);
            came.not_run = not_run;
            let has_failed = came.cases.iter().any(|case| case.outcome.is_failure() && !plan.spares(&case.key));
            came.tool_error = not_executed(stop.as_ref(), &unstarted, has_failed);
            came.stop = stop;
            let of = infra.retries + 1;
            let Some(why) = &came.tool_error else { break };
            if infra.mode == InfraMode::Defer || came.tries >= of || !self.wait(why, came.tries, of, observers) {
                break;
            }
            came.tries += 1;
            without_outcome(&mut left, &came.cases, &ended);
            // A unit that was cut short runs whole again: what it told before comes again.
            let again: HashSet<&BinaryId> =
                left.binaries.iter().filter(|binary| !binary.harness.gives_list()).map(|binary| &binary.id).collect();
            came.cases.retain(|case| !again.contains(&case.key.binary));
        }
        came.cases.sort_by(|a, b| a.key.cmp(&b.key));
        came.cut_short = match came.stop {
            Some(_) => units_cut_short(plan, &came.cases, &ended),
            None => Vec::new(),
        };
    }
}
