//! A pipeline as it is configured, as plain typed values.

use std::time::Duration;

use camino::Utf8PathBuf;

use crate::model::{Isolate, PathPatterns, Percent, ResultFormat, Runner, Severity, StepKind};

/// How long a step may run where nobody says otherwise.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// How long a suite may run where nobody says otherwise.
pub const SUITE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long an answer may take where nobody says otherwise.
pub const SMOKE_TIMEOUT: Duration = Duration::from_secs(5);

/// `[pipeline.NAME]`: the steps of a gate. Names of steps and suites are unique in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pipeline {
    /// A change list of which none of these matches skips it; none: it always runs.
    pub code_patterns: Option<PathPatterns>,
    /// Files that are part of every lint's cache key, and that void it where they change.
    pub config_files: PathPatterns,
    /// Where its steps run.
    pub isolate: Isolate,
    /// Its steps, as written.
    pub steps: Vec<Step>,
    /// Its suites that are not Rust, as written.
    pub suites: Vec<Suite>,
    /// What is asked for once the tests are green, in order.
    pub smoke: Vec<SmokeCheck>,
}

impl Pipeline {
    /// Is there nothing to run?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.suites.is_empty() && self.smoke.is_empty()
    }
}

/// What runs: a program with its arguments, or a line for the shell, where and with what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invocation {
    /// The program and its arguments; with `shell` one line. Empty: the step is the gate's own, or the runner's.
    pub command: Vec<String>,
    /// Run it by the shell?
    pub shell: bool,
    /// Where, relative to the workspace root.
    pub cwd: Option<Utf8PathBuf>,
    /// Variables of its own.
    pub env: Vec<(String, String)>,
}

/// `[[pipeline.NAME.step]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// What sort of step it is.
    pub kind: StepKind,
    /// What runs. Without a command a step of the kinds `test` and `coverage` is the gate's own.
    pub invocation: Invocation,
    /// Flags of the gate's own step, as after `cargo gate test` or `cargo gate coverage`.
    pub args: Vec<String>,
    /// How long it may run at all.
    pub timeout: Option<Duration>,
    /// How much its failure weighs.
    pub severity: Severity,
    /// Skip it where nothing it depends on changed? Unsaid: where its kind looks at code without running it.
    pub cache: Option<bool>,
    /// Never beside another step, of any process, with the same word.
    pub mutex: Option<String>,
    /// What it depends on; none: every file of the workspace.
    pub inputs: Option<PathPatterns>,
    /// Steps that come before it.
    pub needs: Vec<String>,
}

impl Default for Step {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: StepKind::default(),
            invocation: Invocation::default(),
            args: Vec::new(),
            timeout: Some(STEP_TIMEOUT),
            severity: Severity::default(),
            cache: None,
            mutex: None,
            inputs: None,
            needs: Vec::new(),
        }
    }
}

impl Step {
    /// Is it the gate's own?
    #[must_use]
    pub fn is_engine(&self) -> bool {
        self.kind.has_engine() && self.invocation.command.is_empty()
    }

    /// May it be skipped where nothing it depends on changed?
    #[must_use]
    pub fn is_cached(&self) -> bool {
        self.cache.unwrap_or(self.kind.is_lint_like())
    }
}

/// `[[pipeline.NAME.suite]]`: tests that are not Rust.
#[derive(Clone, Debug, PartialEq)]
pub struct Suite {
    /// Its name; of a suite that is discovered, the beginning of the names of those that are found.
    pub name: String,
    /// When it runs, as the kind of a step.
    pub kind: StepKind,
    /// What runs it.
    pub runner: Runner,
    /// What runs; without a command the runner's own is meant.
    pub invocation: Invocation,
    /// Where to look for suites: a folder, a manifest, an executable.
    pub discover: Option<Utf8PathBuf>,
    /// How long each may run.
    pub timeout: Option<Duration>,
    /// What it writes; unsaid: what its runner writes, of a script nothing but its exit code.
    pub format: Option<ResultFormat>,
    /// The file it writes, relative to where it runs; unsaid: its standard output.
    pub result_path: Option<Utf8PathBuf>,
    /// The least share of its tests that must pass.
    pub min_pass_rate: Percent,
    /// How much its failure weighs.
    pub on_failure: Severity,
    /// Never beside another step, of any process, with the same word.
    pub mutex: Option<String>,
    /// What it depends on; none: every file of the workspace.
    pub inputs: Option<PathPatterns>,
    /// Steps that come before it.
    pub needs: Vec<String>,
}

impl Default for Suite {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: StepKind::Test,
            runner: Runner::default(),
            invocation: Invocation::default(),
            discover: None,
            timeout: Some(SUITE_TIMEOUT),
            format: None,
            result_path: None,
            min_pass_rate: Percent::HUNDRED,
            on_failure: Severity::default(),
            mutex: None,
            inputs: None,
            needs: Vec::new(),
        }
    }
}

/// `[[pipeline.NAME.smoke]]`: something that must answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmokeCheck {
    /// What is asked for.
    pub url: String,
    /// What the first 64 KiB of the answer must contain.
    pub contains: Option<String>,
    /// The status that must come.
    pub status: u16,
    /// How long the answer may take.
    pub timeout: Option<Duration>,
}

impl Default for SmokeCheck {
    fn default() -> Self {
        Self { url: String::new(), contains: None, status: 200, timeout: Some(SMOKE_TIMEOUT) }
    }
}
