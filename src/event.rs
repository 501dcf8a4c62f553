//! What happened in a run, past tense: the one interface between the engine and its observers.
//!
//! The engine emits facts and chooses no words; the terminal, the recorder, the JSON stream and JUnit are equals.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{
    Attempt, BinaryId, CaseRecord, ContentHash, Ending, RunId, RunRecord, Shard, StepKind, StepRecord, TestKey,
};

/// A fact and when it was established.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub fact: Fact,
}

/// Which of a child's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Fact {
    /// A run began; the build comes next.
    RunStarted {
        /// Its name.
        run_id: RunId,
    },
    /// cargo is done building.
    BuildFinished {
        /// Did it succeed?
        success: bool,
        /// How long it took, the listing of tests not included.
        took: Duration,
    },
    /// It is known what will run.
    Planned {
        /// Tests with an outcome to come, ignored ones included where the harness reports them.
        tests: u64,
        /// In how many binaries (each crate's doctests are one).
        binaries: usize,
        /// How many tests may run at once.
        slots: usize,
        /// Hash of the planned tests' sorted keys; of a shard, of the whole plan.
        digest: Option<ContentHash>,
        /// Which shard of a plan that is, and how many tests the whole plan has, where it was cut.
        shard: Option<(Shard, u64)>,
        /// How long it should take, where history knows enough of the tests.
        expected: Option<Duration>,
    },
    /// A test began (libtest does not say so; it follows from the order of completions).
    TestStarted {
        /// Which.
        key: Arc<TestKey>,
        /// Which execution of it, from 1.
        attempt: u32,
    },
    /// A test has been running for longer than the slow mark.
    TestSlow {
        /// Which.
        key: Arc<TestKey>,
        /// For how long so far.
        running: Duration,
    },
    /// One execution of a test ended. Emitted before [`Fact::TestFinished`] for failing attempts, and for every
    /// attempt of a test that is tried more than once.
    AttemptFinished {
        /// Which.
        key: Arc<TestKey>,
        /// From 1.
        attempt: u32,
        /// What became of it. Its text may be still to come ([`Fact::FailureText`]).
        result: Attempt,
        /// When it is tried again, if it is.
        retry_in: Option<Duration>,
    },
    /// What a failing test printed, as soon as its harness gives it (libtest: when its process ends).
    FailureText {
        /// Which.
        key: Arc<TestKey>,
        /// Which execution of it, from 1.
        attempt: u32,
        /// What it printed, capped.
        text: Arc<str>,
    },
    /// A test has its outcome. Its failure's text may be still to come.
    TestFinished {
        /// All that is known of it so far.
        case: Arc<CaseRecord>,
    },
    /// A test process left in a way that no harness does.
    ProcessDied {
        /// Which binary.
        binary: BinaryId,
        /// How it left.
        ending: Ending,
        /// The tests that were in flight.
        in_flight: Vec<Arc<TestKey>>,
    },
    /// A test process left something behind that still held its pipes.
    ProcessLeaked {
        /// Which binary.
        binary: BinaryId,
    },
    /// What a child printed that is for the user's eyes as it comes (`--nocapture`, `--show-output`).
    Printed {
        /// By which binary.
        binary: BinaryId,
        /// On which stream.
        stream: Stream,
        /// Raw bytes.
        bytes: Vec<u8>,
    },
    /// Something the user should know that decides nothing.
    Warned {
        /// A stable word, kebab-case.
        id: &'static str,
        /// One sentence.
        text: String,
    },
    /// The suite could not be executed.
    ToolFailed {
        /// Why, in one sentence.
        why: String,
        /// Which try this was, from 1.
        attempt: u32,
        /// How many tries there are in all.
        of: u32,
        /// When it is tried again, if it is.
        retry_in: Option<Duration>,
    },
    /// The user or the system asked for an end; what is running is being stopped.
    Interrupted {
        /// The signal's usual name.
        signal: &'static str,
    },
    /// A pipeline's steps are known, and the first of them begins.
    PipelineStarted {
        /// The pipeline's name.
        name: String,
        /// Names and kinds of the steps in the order of the plan, those that are left out on purpose included.
        steps: Vec<(String, StepKind)>,
    },
    /// A step of a pipeline began.
    StepStarted {
        /// Its name.
        name: String,
        /// What sort it is.
        kind: StepKind,
        /// Is it the gate's own, which tells of itself on the same terminal?
        is_engine: bool,
    },
    /// A step printed a line. Raw: it is shown, never believed.
    StepPrinted {
        /// Its name.
        name: String,
        /// The line, without its end, capped.
        line: String,
    },
    /// A step of a pipeline is done with, whether it ran or not.
    StepFinished {
        /// All that is known of it.
        step: Arc<StepRecord>,
    },
    /// The run is over and judged. Nothing follows.
    RunFinished {
        /// All of it.
        record: Arc<RunRecord>,
        /// What became of each test, in order of the keys, with the texts of failures.
        cases: Arc<[Arc<CaseRecord>]>,
    },
}

/// Who is told of what happened.
pub trait Observer {
    /// Takes note of one fact. Failing to do so is the observer's own matter: it never stops a run.
    fn observe(&mut self, event: &Event);
}
