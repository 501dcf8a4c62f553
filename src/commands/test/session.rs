//! One call of `cargo gate test`, from the build to the exit code.

use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::ask::Asked;
use super::history::{self, Looking, Memory, Opening, Tested};
use super::judge::{Facts, ToolError, judge};
use super::outputs::{self, Ended, Observers};
use super::{Refused, gather, insights, planning};
use crate::cargo::build::{self, Built};
use crate::cargo::compose::{self, Composition};
use crate::cargo::user_config::{self, Lookup, UserConfig};
use crate::cli::{Format, TestArgs};
use crate::commands::complain;
use crate::event::Fact;
use crate::exit_code::ExitCode;
use crate::history::record::{self, Start, add_checkout};
use crate::history::store::Store;
use crate::model::{
    BinaryId, CaseRecord, Context, InfraMode, Judgement, RunHead, RunRecord, RunState, TestKey, Totals,
};
use crate::plan::Plan;
use crate::plan::list::Remembered;
use crate::report::{Insights, Terminal, TestDocument};
use crate::runner::engine::{self, Finished, Options, Stop};
use crate::runner::job::Frame;
use crate::sys::process::{Launch, own_environment};
use crate::sys::signals::Signals;
use crate::sys::term::Surroundings;

/// Runs what was asked, as often as was asked; the exit code is the most pressing of all.
pub(super) fn run(args: &TestArgs, asked: &Asked) -> ExitCode {
    let signals = Signals::listen();
    let times = match (args.repeat, args.until_fail) {
        (Some(times), _) => times,
        (None, true) => usize::MAX,
        (None, false) => 1,
    };
    let mut codes = Vec::new();
    for round in 1..=times {
        if times > 1 && !args.build.flags.quiet {
            let of = if times == usize::MAX { String::new() } else { format!(" of {times}") };
            complain("note", &format!("round {round}{of}"));
        }
        let code = match Session::new(args, asked, &signals).and_then(Session::run) {
            Ok(code) => code,
            Err(refused) => {
                complain("error", &refused.why);
                refused.code
            }
        };
        codes.push(code);
        let goes_on = matches!(code, ExitCode::Pass) || (code == ExitCode::TestsFailed && !args.until_fail);
        if !goes_on {
            break;
        }
    }
    ExitCode::most_pressing(codes)
}

struct Session<'a> {
    args: &'a TestArgs,
    asked: &'a Asked,
    signals: &'a Signals,
    user: UserConfig,
    context: Context,
    head: RunHead,
    since: Instant,
    surroundings: Surroundings,
    cpus: usize,
    slots: usize,
}

/// What an execution came to, over all its tries.
#[derive(Default)]
struct Came {
    cases: Vec<Arc<CaseRecord>>,
    not_run: Vec<Arc<TestKey>>,
    stop: Option<Stop>,
    tool_error: Option<String>,
    tries: u32,
}

impl<'a> Session<'a> {
    fn new(args: &'a TestArgs, asked: &'a Asked, signals: &'a Signals) -> Result<Self, Refused> {
        let since = Instant::now();
        let flags = &asked.build.flags;
        let config_flags: Vec<String> =
            flags.config.iter().map(|config| config.to_string_lossy().into_owned()).collect();
        let lookup = Lookup {
            cwd: &asked.cwd,
            host: &asked.host,
            targets: &flags.target,
            config_flags: &config_flags,
            cargo: &asked.cargo,
        };
        let user = user_config::look_up(&lookup).map_err(|error| Refused::new(ExitCode::Config, error.to_string()))?;
        let context = asked.context(&user.triples);
        let start = Start {
            at: Timestamp::now(),
            random: random(),
            context: context.clone(),
            trigger: args.trigger.clone(),
            toolchain: asked.rustc.lines().next().unwrap_or_default().to_owned(),
            instrumented: false,
            full: is_full(args, asked),
        };
        let head = record::head(start, &|name| std::env::var(name).ok());
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let slots = gather::slots(asked.settings(), &args.libtest, cpus);
        let surroundings = Surroundings::read();
        Ok(Self { args, asked, signals, user, context, head, since, surroundings, cpus, slots })
    }

    fn run(self) -> Result<ExitCode, Refused> {
        let records = !self.args.no_record && !self.args.list;
        let opening = Opening {
            gate_dir: self.asked.gate_dir.clone(),
            begin: records.then(|| self.head.clone()),
            context: self.context.clone(),
            wants_failing: self.args.failed,
        };
        let memory = history::open(opening);
        let look = outputs::look(self.args, &self.surroundings);
        let terminal = Terminal::new(std::io::stderr(), look);
        let insights = std::cell::RefCell::new(Insights::default());
        let terminal = terminal.with_insights(|_, _| insights.borrow().clone());
        let events = outputs::events(self.args)?;
        let mut observers = Observers::new(events.into_iter().chain([Box::new(terminal) as Box<_>]));
        if !self.args.list {
            observers.tell(Fact::RunStarted { run_id: self.head.id.clone() });
        }

        let (built, tries) = self.build_with_retries(&mut observers);
        let mut memory = memory.join().unwrap_or_default();
        for warning in std::mem::take(&mut memory.warnings) {
            observers.tell(Fact::Warned { id: "history", text: warning });
        }
        let lists = self.asked.gate_dir.join("lists.json");
        let mut remembered = Remembered::load(lists.as_std_path());
        let mut came = Came { tries, ..Came::default() };
        let (mut digest, mut tested, mut failure) = (None, None, None);
        match built {
            Err(error) => {
                if let build::Failure::Tool(why) = &error {
                    came.tool_error = Some(why.clone());
                }
                failure = Some(error);
            }
            Ok(built) => {
                let (plan, stamps) = self.plan(&built, &memory, &mut remembered);
                if self.args.list {
                    return Ok(self.list(&plan));
                }
                digest = Some(plan.digest());
                let looking = records.then(|| self.look(&plan, stamps, &memory));
                self.execute(&plan, &mut came, &mut remembered, &mut observers);
                tested = looking.and_then(|looking| looking.join().ok());
            }
        }
        if !self.args.no_record {
            let _ = remembered.save(lists.as_std_path());
        }
        self.finish(records, memory, observers, &insights, came, digest, tested, failure)
    }

    /// Builds; where cargo fails for no fault of the code, tries again as often as the settings say.
    fn build_with_retries(&self, observers: &mut Observers<'_>) -> (Result<Built, build::Failure>, u32) {
        let infra = &self.asked.settings().infra;
        let mut tries = 1;
        loop {
            let built = self.build(observers);
            let Err(build::Failure::Tool(why)) = &built else { return (built, tries) };
            let of = infra.retries + 1;
            if infra.mode == InfraMode::Defer || tries >= of || !self.wait(why, tries, of, observers) {
                return (built, tries);
            }
            tries += 1;
        }
    }

    /// Waits before another try; false when the user asked for an end meanwhile.
    fn wait(&self, why: &str, attempt: u32, of: u32, observers: &mut Observers<'_>) -> bool {
        let delay = self.asked.settings().infra.delay;
        observers.tell(Fact::ToolFailed { why: why.to_owned(), attempt, of, retry_in: Some(delay) });
        let until = Instant::now() + delay;
        while Instant::now() < until {
            if self.signals.interrupt().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(50).min(until.saturating_duration_since(Instant::now())));
        }
        true
    }

    fn build(&self, observers: &mut Observers<'_>) -> Result<Built, build::Failure> {
        let internal = |error: std::io::Error| build::Failure::Tool(format!("cannot prepare the build: {error}"));
        let real = gather::rustdoc(self.asked, &self.user);
        let dir = build::prepare(&self.asked.own_exe, &real).map_err(internal)?;
        let shim = dir.path().join(crate::cargo::launch::RUSTDOC_NAME);
        let by_environment = std::env::var_os("RUSTDOC").is_some();
        let look = outputs::look(self.args, &self.surroundings);
        let quiet = self.args.build.flags.quiet;
        let progress = look.progress.then_some(look.columns).flatten().and_then(|columns| u16::try_from(columns).ok());
        let mut user = self.asked.cargo_flags.clone();
        user.extend(quiet.then(|| "-q".into()));
        let filters: Vec<_> = self.args.filters.iter().map(Into::into).collect();
        let args = compose::cargo_test(&Composition {
            own_exe: &self.asked.own_exe,
            dir: dir.path(),
            triples: &self.user.triples,
            user: &user,
            filters: &filters,
            libtest: &self.args.libtest.in_order,
            rustdoc: (!by_environment).then_some(shim.as_path()),
            terminal: Some(compose::Terminal { color: look.color, progress }),
        });
        let mut env = own_environment();
        if by_environment {
            env.retain(|(name, _)| name != "RUSTDOC");
            env.push(("RUSTDOC".into(), shim.into()));
        }
        let request = build::Request {
            launch: Launch { program: self.asked.cargo.clone(), args, cwd: self.asked.cwd.clone(), env },
            dir: dir.path(),
            grace: self.asked.settings().test.grace,
            signals: self.signals,
        };
        let mut tell = |words: &[u8]| {
            let mut stderr = std::io::stderr().lock();
            let _ = stderr.write_all(words).and_then(|()| stderr.flush());
        };
        let mut finished = None;
        let built = build::build(&request, &mut tell, &mut |success, took| finished = Some((success, took)));
        if let Some((success, took)) = finished {
            observers.tell(Fact::BuildFinished { success, took });
        }
        built
    }

    fn plan(
        &self,
        built: &Built,
        memory: &Memory,
        remembered: &mut Remembered,
    ) -> (Plan, Vec<crate::history::store::BinaryStamp>) {
        let common = gather::common_args(self.args);
        let binaries = gather::binaries(self.asked, &self.user, built, &common, remembered, self.slots);
        let stamps = planning::stamps(&binaries);
        let selection = planning::selection(self.args, &binaries, &stamps, memory);
        let plan = planning::plan(self.asked, binaries, selection, &stamps, memory, remembered, self.slots == 1);
        (plan, stamps)
    }

    fn look(
        &self,
        plan: &Plan,
        stamps: Vec<crate::history::store::BinaryStamp>,
        memory: &Memory,
    ) -> JoinHandle<Tested> {
        let planned: HashSet<&BinaryId> = plan.binaries.iter().map(|binary| &binary.id).collect();
        history::look(Looking {
            root: self.asked.workspace.root.clone(),
            target_dir: self.asked.workspace.target_dir.clone(),
            context: self.context.clone(),
            rustc: self.asked.rustc.clone(),
            rustflags: rustflags(),
            stamps: stamps.into_iter().filter(|stamp| planned.contains(&stamp.binary)).collect(),
            recorded: memory.stamps.clone(),
        })
    }

    fn options(&self) -> Options {
        let settings = self.asked.settings();
        let env = [("CARGO_GATE", "1"), ("CARGO_GATE_RUN_ID", self.head.id.as_str())];
        let nocapture =
            self.args.libtest.nocapture || std::env::var_os("RUST_TEST_NOCAPTURE").is_some_and(|on| on != "0");
        Options {
            slots: self.slots,
            serial: settings.test.serial_binaries || self.slots == 1,
            frame: Frame {
                common: gather::common_args(self.args),
                env: env.map(|(name, value)| (name.into(), value.into())).into(),
                groups: settings.groups.iter().map(|(name, group)| (name.clone(), group.max_threads)).collect(),
            },
            most_failures: self.args.max_fail(),
            run_timeout: settings.test.run_timeout,
            grace: settings.test.grace,
            shows_output: nocapture || self.args.libtest.show_output,
            cpus: self.cpus,
        }
    }

    /// Executes the plan; what has no outcome for no fault of the code is tried again as the settings say.
    fn execute(&self, plan: &Plan, came: &mut Came, remembered: &mut Remembered, observers: &mut Observers<'_>) {
        let options = self.options();
        let infra = &self.asked.settings().infra;
        let expected = planning::expected(plan, self.slots);
        observers.tell(Fact::Planned {
            tests: plan.tests().count() as u64,
            binaries: plan.binaries.len(),
            slots: self.slots,
            digest: Some(plan.digest()),
            expected,
        });
        let mut left = plan.clone();
        loop {
            let finished = engine::execute(&left, &options, self.signals, &mut |fact| observers.tell(fact));
            let Finished { cases, not_run, stop, unstarted, units } = finished;
            for (unit, took, threads) in &units {
                remembered.put_unit(unit, *took, *threads);
            }
            came.cases.extend(cases);
            came.not_run = not_run;
            came.tool_error = tool_error(stop.as_ref(), &unstarted, &came.cases);
            came.stop = stop;
            let of = infra.retries + 1;
            let Some(why) = &came.tool_error else { break };
            if infra.mode == InfraMode::Defer || came.tries >= of || !self.wait(why, came.tries, of, observers) {
                break;
            }
            came.tries += 1;
            without_outcome(&mut left, &came.cases, &units.into_iter().map(|(unit, ..)| unit).collect());
        }
        came.cases.sort_by(|a, b| a.key.cmp(&b.key));
    }

    #[expect(clippy::too_many_arguments, reason = "the ends of a run come together here, once")]
    fn finish(
        &self,
        records: bool,
        mut memory: Memory,
        mut observers: Observers<'_>,
        insights: &std::cell::RefCell<Insights>,
        mut came: Came,
        digest: Option<crate::model::ContentHash>,
        tested: Option<Tested>,
        failure: Option<build::Failure>,
    ) -> Result<ExitCode, Refused> {
        let mut head = self.head.clone();
        let mut stamps = Vec::new();
        if let Some(tested) = tested {
            if let Some(checkout) = &tested.checkout {
                add_checkout(&mut head, checkout);
            }
            head.input_key = Some(tested.input_key);
            came.cases = with_hashes(came.cases, &tested);
            stamps = tested.stamps;
        }
        let tool_error = self.tool_error(&came, &mut memory, &head);
        let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let settings = self.asked.settings();
        let took = self.since.elapsed();
        let (state, judgement) = judge(&Facts {
            cases: &came.cases,
            not_run: came.not_run.len(),
            build: failure.as_ref(),
            stop: came.stop.as_ref(),
            tool_error: tool_error.as_ref(),
            flaky_result: settings.test.flaky_result,
            no_tests: settings.test.no_tests,
            is_quarantined: &|key| settings.quarantine_of(key, today).is_some(),
            took,
        });
        let record = Arc::new(record_of(head, state, judgement, &came, took, digest));
        memory.learn(&record, &came.cases);
        let now = Timestamp::now();
        *insights.borrow_mut() = insights::insights(&memory.summaries, now);
        let code = record.exit_code();
        let cases: Arc<[Arc<CaseRecord>]> = came.cases.into();
        let document = (self.args.format == Format::Json).then(|| {
            TestDocument::new(&record, cases.iter().map(|case| &**case), |key| {
                insights::state_of(&memory.summaries, key, now)
            })
        });
        let told = insights.borrow().clone();
        let ended = Ended { record: &record, cases: &cases, insights: &told };
        let writing = self.write_beside(records, &mut memory, &ended, stamps);
        observers.tell(Fact::RunFinished { record: Arc::clone(&record), cases: Arc::clone(&cases) });
        drop(observers);
        let mut wrong = outputs::write_asked(self.args, &ended, document.as_ref());
        wrong.extend(writing.and_then(|writing| writing.join().ok()).unwrap_or_default());
        wrong.iter().for_each(|text| complain("warning", text));
        Ok(code)
    }

    /// How the suite could not be executed, if it could not; the store counts what is deferred.
    fn tool_error(&self, came: &Came, memory: &mut Memory, head: &RunHead) -> Option<ToolError> {
        let infra = &self.asked.settings().infra;
        let (now, key) = (Timestamp::now(), head.input_key.or_else(|| self.input_key_now()));
        let Some(why) = came.tool_error.clone() else {
            // It was executed: what was counted of this input is over.
            if let (Some(store), Some(key)) = (&mut memory.store, key)
                && store.deferrals(key, now).is_ok_and(|count| count > 0)
            {
                let _ = store.clear_deferrals(key);
            }
            return None;
        };
        if infra.mode == InfraMode::Retry {
            return Some(ToolError { why, tries: came.tries, of: infra.retries + 1, deferred: false });
        }
        let of = infra.retries + 1;
        let counted = match (&mut memory.store, key) {
            (Some(store), Some(key)) => store.defer(key, now).ok(),
            _ => None,
        };
        // What cannot be counted is not put off for ever.
        let tries = counted.unwrap_or(of);
        Some(ToolError { why, tries, of, deferred: tries < of })
    }

    /// The input key where no run came far enough to look for it.
    fn input_key_now(&self) -> Option<crate::model::ContentHash> {
        if self.args.no_record || self.asked.settings().infra.mode == InfraMode::Retry {
            return None;
        }
        let looking = Looking {
            root: self.asked.workspace.root.clone(),
            target_dir: self.asked.workspace.target_dir.clone(),
            context: self.context.clone(),
            rustc: self.asked.rustc.clone(),
            rustflags: rustflags(),
            stamps: Vec::new(),
            recorded: Vec::new(),
        };
        history::look(looking).join().ok().map(|tested| tested.input_key)
    }

    /// Records beside what people read meanwhile. Gives what went wrong.
    fn write_beside(
        &self,
        records: bool,
        memory: &mut Memory,
        ended: &Ended<'_>,
        stamps: Vec<crate::history::store::BinaryStamp>,
    ) -> Option<JoinHandle<Vec<String>>> {
        if !records {
            return None;
        }
        let mut store = memory.store.take();
        let is_nothing = matches!(ended.record.exit_code(), ExitCode::Usage | ExitCode::NoTests);
        let (gate_dir, record) = (self.asked.gate_dir.clone(), ended.record.clone());
        let cases = ended.cases.to_vec();
        let report = (!is_nothing).then(|| outputs::markdown(ended));
        Some(std::thread::spawn(move || {
            let mut wrong = Vec::new();
            if let Some(store) = &mut store {
                let done = match is_nothing {
                    true => store.abandon(&record.head.id),
                    false => store.finish(&record, &cases, &stamps),
                };
                wrong.extend(done.err().map(|error| error.to_string()));
                wrong.extend(store.take_warnings());
            }
            if let Some(report) = report {
                let written = outputs::write_artifact(&gate_dir, &record, &report);
                wrong.extend(written.err().map(|error| format!("cannot write the report: {error}")));
            }
            wrong
        }))
    }

    fn list(&self, plan: &Plan) -> ExitCode {
        let mut stdout = std::io::stdout().lock();
        let tests: Vec<String> = plan.tests().map(|test| test.key.to_string()).collect();
        let written = match self.args.format {
            Format::Json => {
                let units = plan.binaries.iter().filter(|binary| !binary.harness.gives_list());
                let units: Vec<String> = units.map(|binary| binary.id.to_string()).collect();
                let document = serde_json::json!({
                    "schema_version": 1, "plan_digest": plan.digest(), "tests": tests, "without_list": units,
                });
                crate::report::json::write_line(&mut stdout, &document)
            }
            Format::Human => tests
                .iter()
                .map(|key| crate::report::inert::one_line(key))
                .chain(
                    plan.binaries
                        .iter()
                        .filter(|binary| !binary.harness.gives_list())
                        .map(|binary| format!("{} (runs as a whole)", binary.id)),
                )
                .try_for_each(|line| writeln!(stdout, "{line}")),
        };
        // A closed pipe ends quietly.
        let _ = written;
        if tests.is_empty() && plan.binaries.is_empty() { ExitCode::NoTests } else { ExitCode::Pass }
    }
}

/// Why a suite could not be executed whole, in a sentence; none where a test's failure says more.
fn tool_error(stop: Option<&Stop>, unstarted: &[(BinaryId, String)], cases: &[Arc<CaseRecord>]) -> Option<String> {
    if matches!(stop, Some(Stop::Interrupted(_) | Stop::Failures)) {
        return None;
    }
    let has_failed = cases.iter().any(|case| case.outcome.is_failure());
    match (stop, unstarted.first()) {
        (Some(Stop::RunTimeout(_)), _) if has_failed => None,
        (Some(Stop::RunTimeout(in_flight)), _) => {
            let names = in_flight.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
            let more = in_flight.len().saturating_sub(3);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            Some(format!("the run ran into its own limit with {names}{more} in flight"))
        }
        (_, Some((binary, why))) => {
            let more = unstarted.len() - 1;
            let more = if more > 0 { format!(" (and {more} more binaries)") } else { String::new() };
            Some(format!("{binary} cannot be started: {why}{more}"))
        }
        _ => None,
    }
}

/// Leaves only what has no outcome yet.
fn without_outcome(plan: &mut Plan, cases: &[Arc<CaseRecord>], finished_units: &HashSet<BinaryId>) {
    let done: HashSet<&TestKey> = cases.iter().map(|case| &*case.key).collect();
    for binary in &mut plan.binaries {
        binary.tests.retain(|test| !done.contains(&*test.key));
    }
    plan.binaries.retain(|binary| match binary.harness.gives_list() {
        true => !binary.tests.is_empty(),
        false => !finished_units.contains(&binary.id),
    });
}

fn with_hashes(cases: Vec<Arc<CaseRecord>>, tested: &Tested) -> Vec<Arc<CaseRecord>> {
    let hashes: std::collections::HashMap<&BinaryId, _> =
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

fn record_of(
    head: RunHead,
    state: RunState,
    judgement: Judgement,
    came: &Came,
    duration: Duration,
    plan_digest: Option<crate::model::ContentHash>,
) -> RunRecord {
    let totals = Totals::of(came.cases.iter().map(|case| &**case));
    RunRecord { head, state, totals, not_run: came.not_run.len() as u64, duration, judgement, plan_digest }
}

/// Does the run take in every test of the workspace?
fn is_full(args: &TestArgs, asked: &Asked) -> bool {
    let flags = &asked.build.flags;
    let libtest = &args.libtest;
    let filters = args.filters.is_empty() && libtest.filters.is_empty() && libtest.skip.is_empty() && !libtest.ignored;
    let selection = args.select.is_empty() && !args.failed && !args.changed;
    let targets = !(flags.lib || flags.bins || flags.examples || flags.tests || flags.benches || flags.doc)
        && flags.bin.is_empty()
        && flags.example.is_empty()
        && flags.test.is_empty()
        && flags.bench.is_empty();
    let whole = flags.workspace || flags.all || asked.workspace.packages.len() == 1;
    let packages = flags.package.is_empty() && flags.exclude.is_empty() && whole;
    filters && selection && targets && packages
}

fn rustflags() -> String {
    let names = ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"];
    names.iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default()
}

fn random() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    let bits = std::collections::hash_map::RandomState::new().build_hasher().finish();
    u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0)
}
