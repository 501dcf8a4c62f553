//! Runs as they might have been: facts in the engine's order, with invented times.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cargo_gate::event::{Event, Fact, Observer, Stream};
use cargo_gate::exit_code::ExitCode;
use cargo_gate::model::{
    Attempt, AttemptOutcome, BinaryId, CaseRecord, ContentHash, Context, Ending, Judgement, Outcome, Reason, RunHead,
    RunId, RunRecord, RunState, TestKey, Totals, Verdict, WORKSPACE_SUITE,
};
use jiff::Timestamp;

/// The facts of one run so far.
pub(crate) struct Script {
    start: Timestamp,
    now: Timestamp,
    pub(crate) events: Vec<Event>,
    cases: Vec<Arc<CaseRecord>>,
    texts: HashMap<(TestKey, usize), Arc<str>>,
}

pub(crate) fn key(text: &str) -> Arc<TestKey> {
    Arc::new(text.parse().unwrap())
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What a panic prints.
pub(crate) fn panic_text(name: &str, place: &str, message: &str) -> String {
    format!(
        "thread '{name}' (4711) panicked at {place}:\n{message}\n\
         note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n"
    )
}

pub(crate) fn attempt(outcome: AttemptOutcome, took: u64) -> Attempt {
    Attempt { outcome, took: Some(ms(took)), ending: None, why: None, text: None }
}

pub(crate) fn case(key: &Arc<TestKey>, outcome: Outcome, attempts: Vec<Attempt>) -> CaseRecord {
    CaseRecord {
        key: Arc::clone(key),
        outcome,
        took: attempts.last().and_then(|attempt| attempt.took),
        attempts,
        line: None,
        leaked: false,
        binary_hash: None,
    }
}

impl Script {
    /// A run whose build is done.
    pub(crate) fn new() -> Self {
        let start = "2026-01-31T12:00:00Z".parse().unwrap();
        let mut script = Self { start, now: start, events: Vec::new(), cases: Vec::new(), texts: HashMap::new() };
        script.tell(Fact::RunStarted { run_id: RunId::new(start, 0x1a2b_3c4d) });
        script
    }

    pub(crate) fn built(tests: u64, binaries: usize, expected: Option<u64>) -> Self {
        let mut script = Self::new();
        script.wait(900).tell(Fact::BuildFinished { success: true, took: ms(900) });
        let digest = Some(ContentHash([7; 16]));
        script.tell(Fact::Planned { tests, binaries, slots: 4, digest, expected: expected.map(ms) });
        script
    }

    pub(crate) fn wait(&mut self, time: u64) -> &mut Self {
        self.now += ms(time);
        self
    }

    pub(crate) fn tell(&mut self, fact: Fact) -> &mut Self {
        self.events.push(Event { at: self.now, fact });
        self
    }

    pub(crate) fn start(&mut self, name: &str) -> &mut Self {
        self.tell(Fact::TestStarted { key: key(name), attempt: 1 })
    }

    pub(crate) fn finish(&mut self, mut case: CaseRecord) -> &mut Self {
        self.fill(&mut case);
        let case = Arc::new(case);
        self.cases.push(Arc::clone(&case));
        self.tell(Fact::TestFinished { case })
    }

    /// The texts that are known of its attempts so far.
    fn fill(&self, case: &mut CaseRecord) {
        for (i, attempt) in case.attempts.iter_mut().enumerate() {
            if let Some(text) = self.texts.get(&(TestKey::clone(&case.key), i + 1)) {
                attempt.text = Some(Arc::clone(text));
            }
        }
    }

    pub(crate) fn pass(&mut self, name: &str, took: u64) -> &mut Self {
        self.start(name).wait(took);
        self.finish(case(&key(name), Outcome::Passed, vec![attempt(AttemptOutcome::Passed, took)]))
    }

    /// Tests that pass, `count` of them.
    pub(crate) fn passes(&mut self, binary: &str, count: u64) -> &mut Self {
        for i in 0..count {
            self.pass(&format!("{binary}::case_{i:04}"), i % 40);
        }
        self
    }

    pub(crate) fn skip(&mut self, name: &str) -> &mut Self {
        self.finish(case(&key(name), Outcome::Skipped, Vec::new()))
    }

    /// A failure whose text comes with the end of its process: [`Script::text`].
    pub(crate) fn fail(&mut self, name: &str, took: u64) -> &mut Self {
        self.start(name).wait(took);
        let result = attempt(AttemptOutcome::Failed, took);
        self.tell(Fact::AttemptFinished { key: key(name), attempt: 1, result: result.clone(), retry_in: None });
        self.finish(case(&key(name), Outcome::Failed, vec![result]))
    }

    /// What a failing attempt printed.
    pub(crate) fn text(&mut self, name: &str, attempt: u32, text: &str) -> &mut Self {
        let text: Arc<str> = text.into();
        self.texts.insert((TestKey::clone(&key(name)), attempt as usize), Arc::clone(&text));
        self.tell(Fact::FailureText { key: key(name), attempt, text })
    }

    pub(crate) fn retry(&mut self, name: &str, number: u32, result: Attempt, delay: u64) -> &mut Self {
        self.tell(Fact::AttemptFinished { key: key(name), attempt: number, result, retry_in: Some(ms(delay)) });
        self.wait(delay).tell(Fact::TestStarted { key: key(name), attempt: number + 1 })
    }

    pub(crate) fn die(&mut self, binary: &str, signal: i32, in_flight: &[&str]) -> &mut Self {
        self.tell(Fact::ProcessDied {
            binary: binary.parse().unwrap(),
            ending: Ending::Signaled(signal),
            in_flight: in_flight.iter().map(|name| key(name)).collect(),
        })
    }

    pub(crate) fn print(&mut self, binary: &str, bytes: &[u8]) -> &mut Self {
        let binary: BinaryId = binary.parse().unwrap();
        self.tell(Fact::Printed { binary, stream: Stream::Stdout, bytes: bytes.to_vec() })
    }

    /// The end, with its record.
    pub(crate) fn end(&mut self, state: RunState, verdict: Verdict, codes: &[ExitCode], sentence: &str) -> &mut Self {
        let totals = Totals::of(self.cases.iter().map(Arc::as_ref));
        self.end_of(state, verdict, codes, sentence, totals, 0)
    }

    pub(crate) fn end_of(
        &mut self,
        state: RunState,
        verdict: Verdict,
        codes: &[ExitCode],
        sentence: &str,
        totals: Totals,
        not_run: u64,
    ) -> &mut Self {
        let mut cases = self.cases.clone();
        cases.iter_mut().for_each(|case| self.fill(Arc::make_mut(case)));
        cases.sort_by(|a, b| a.key.cmp(&b.key));
        let record = RunRecord {
            head: self.head(),
            state,
            totals,
            not_run,
            duration: Duration::try_from(self.now.duration_since(self.start)).unwrap(),
            judgement: Judgement { verdict, codes: codes.to_vec(), reasons: vec![Reason::new("reason", sentence)] },
            plan_digest: Some(ContentHash([7; 16])),
            coverage: None,
        };
        self.tell(Fact::RunFinished { record: Arc::new(record), cases: cases.into() })
    }

    fn head(&self) -> RunHead {
        RunHead {
            id: RunId::new(self.start, 0x1a2b_3c4d),
            start: self.start,
            context: Context {
                target: "x86_64-unknown-linux-gnu".into(),
                features: String::new(),
                profile: "test".into(),
            },
            suite: WORKSPACE_SUITE.into(),
            version: None,
            trigger: "manual".into(),
            host: "host".into(),
            toolchain: "rustc 1.95.0".into(),
            commit: Some("4f1e2d3c4b5a69788796a5b4c3d2e1f001234567".into()),
            branch: Some("main".into()),
            dirty: Some(false),
            ci_link: None,
            input_key: None,
            instrumented: false,
            full: true,
            shard: None,
            pid: 1,
            boot_id: None,
        }
    }

    /// The record and the cases of the last fact.
    pub(crate) fn outcome(&self) -> (Arc<RunRecord>, Arc<[Arc<CaseRecord>]>) {
        match &self.events.last().unwrap().fact {
            Fact::RunFinished { record, cases } => (Arc::clone(record), Arc::clone(cases)),
            fact => panic!("the run is not over: {fact:?}"),
        }
    }

    /// Tells an observer all of it.
    pub(crate) fn play(&self, observer: &mut impl Observer) {
        self.events.iter().for_each(|event| observer.observe(event));
    }
}
