//! The settings in force, as plain typed values: from here on nobody can tell where a value came from.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::civil::Date;

use super::pipeline::Pipeline;
use super::which::Which;
use crate::model::{
    Annotations, Compat, CoveragePolicy, FlakyResult, InfraMode, Isolation, KeyPattern, Metric, NoTests, OnToolError,
    PackagePatterns, PathPatterns, Percent, RatchetScope, RetryPolicy, TestKey, TestPolicy, words,
};

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Is the tool switched on? If not, `test` is plain `cargo test`.
    pub enabled: bool,
    /// What belongs to the gate.
    pub scope: ScopeSettings,
    /// Where the history is kept, and how much of it.
    pub store: StoreSettings,
    /// By what tests are judged.
    pub judgement: JudgementSettings,
    /// How tests run.
    pub test: TestSettings,
    /// What happens when the suite could not be executed.
    pub infra: InfraSettings,
    /// How coverage is judged.
    pub coverage: CoverageSettings,
    /// Who is told.
    pub notify: NotifySettings,
    /// Which CI service is spoken to.
    pub ci: CiSettings,
    /// Groups of tests with a limit of their own.
    pub groups: BTreeMap<String, Group>,
    /// What differs for some tests, in the order of the file.
    pub overrides: Vec<Override>,
    /// Tests whose failures fail nothing, in the order of the file.
    pub quarantine: Vec<Quarantine>,
    /// Floors of coverage for packages and files, in the order of the file.
    pub floors: Vec<Floor>,
    /// Files that coverage leaves out, in the order of the file.
    pub exempt: Vec<Exempt>,
    /// The pipelines, by name.
    pub pipelines: BTreeMap<String, Pipeline>,
}

/// `[scope]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScopeSettings {
    /// Which packages are judged; others are "N/A".
    pub packages: PackagePatterns,
}

/// `[store]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreSettings {
    /// The gate directory, relative to the workspace root; `None`: in the target directory.
    pub dir: Option<Utf8PathBuf>,
    /// A database shared by machines.
    pub url: Option<String>,
    /// `history prune` removes runs older than this.
    pub max_age: Option<Duration>,
    /// `history prune` keeps this many runs, the newest.
    pub max_runs: Option<u64>,
    /// `history prune` removes the oldest runs until the store is no larger than this many bytes.
    pub max_size: Option<u64>,
}

/// `[judgement]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JudgementSettings {
    /// How many of the latest outcomes are looked at.
    pub window: usize,
    /// After how many passes flaky is left …
    pub flaky_passes: usize,
    /// … and how much time.
    pub flaky_quiet: Duration,
    /// How many failing episodes make a suspect.
    pub suspect_episodes: usize,
    /// How many flips do, as a share of a branch's runs …
    pub suspect_flips: Percent,
    /// … and from how many runs on.
    pub suspect_runs: usize,
    /// For how many runs a test is recovered.
    pub recovered_runs: usize,
    /// Under how many runs a test is new.
    pub new_runs: usize,
    /// After how many clean runs a test that aborted, hung or leaked may share a process again.
    pub clean_runs: usize,
    /// Of how many tests a run may be a mass failure …
    pub mass_failure_tests: usize,
    /// … and what share of them failed then.
    pub mass_failure_percent: Percent,
}

/// `[default.test]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestSettings {
    /// cargo flags put before the user's.
    pub args: Vec<String>,
    /// How many tests run at once in all; `None`: the CPUs.
    pub slots: Option<usize>,
    /// In what company a test runs.
    pub isolation: Isolation,
    /// One test binary at a time, as `cargo test` runs them.
    pub serial_binaries: bool,
    /// How long a test may run before it is called slow.
    pub slow: Option<Duration>,
    /// How long a test may run at all.
    pub timeout: Option<Duration>,
    /// How long the whole run may take, the build not included.
    pub run_timeout: Option<Duration>,
    /// How long a process has between TERM and KILL.
    pub grace: Duration,
    /// How often a failure is tried again.
    pub retries: RetryPolicy,
    /// What a test that failed and then passed counts as.
    pub flaky_result: FlakyResult,
    /// Refuse to run with variables that let a red test turn green.
    pub strict_env: bool,
    /// What a selection that matches no test counts as.
    pub no_tests: NoTests,
    /// Whose configuration is read beside the gate's own.
    pub compat: Compat,
}

/// `[default.infra]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InfraSettings {
    /// How often a suite that could not be executed is tried again.
    pub retries: u32,
    /// How long to wait before each of these tries.
    pub delay: Duration,
    /// Within the same call, or by the next one?
    pub mode: InfraMode,
}

impl InfraSettings {
    /// The same as an attempt policy.
    #[must_use]
    pub const fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy::fixed(self.retries, self.delay)
    }
}

/// When the ratchet may rise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RatchetWhen {
    /// Where HEAD is the default branch, or there is no git.
    #[default]
    DefaultBranch,
    /// After every pass.
    OnPass,
    /// Never by itself.
    Manual,
    /// On these branches.
    Branches(Vec<String>),
}

/// `[default.coverage]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoverageSettings {
    /// Against what it is judged.
    pub policy: CoveragePolicy,
    /// The least that is asked; 0 asks nothing.
    pub floor: Percent,
    /// How far below is still a pass.
    pub epsilon: Percent,
    /// What is counted.
    pub metric: Metric,
    /// What a measurement without result counts as.
    pub on_tool_error: OnToolError,
    /// When the ratchet may rise.
    pub ratchet: RatchetWhen,
    /// Which figures the ratchet keeps and judges.
    pub ratchet_scope: RatchetScope,
    /// How long a measurement may take.
    pub timeout: Option<Duration>,
    /// Where the ratchet is kept, relative to the workspace root; `None`: in the gate directory.
    pub ratchet_file: Option<Utf8PathBuf>,
    /// The revision whose figure is the baseline where none is kept; `None`: none.
    pub baseline_ref: Option<String>,
    /// The least that is asked of changed lines; 0 asks nothing.
    pub patch_floor: Percent,
    /// So many uncovered changed lines are a pass; `None`: the floor alone decides.
    pub patch_max_uncovered: Option<u64>,
    /// Are test code, generated and vendored code left out?
    pub exclude_test_code: bool,
}

/// `[[floor]]`: the least that is asked of each package or each file of some.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Floor {
    /// Which packages.
    pub packages: Option<PackagePatterns>,
    /// Which files.
    pub files: Option<PathPatterns>,
    /// The least that is asked of each of them.
    pub floor: Percent,
}

/// `[[exempt]]`: files that coverage leaves out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exempt {
    /// Which files.
    pub files: PathPatterns,
    /// Why.
    pub reason: String,
}

words! {
    /// What is worth telling.
    pub enum Notice {
        /// The gate shut.
        #[default]
        Fail = "fail",
        /// The suite never executed and the retries are used up.
        Exhausted = "exhausted",
        /// A test turned flaky.
        FlakyNew = "flaky-new",
    }
}

/// `[notify]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotifySettings {
    /// The command that gets the JSON on its stdin; empty: nobody is told.
    pub command: Vec<String>,
    /// What is worth telling.
    pub on: Vec<Notice>,
}

/// `[ci]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CiSettings {
    /// Which CI service is spoken to.
    pub annotations: Annotations,
}

/// `[groups.NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// How many of its tests run at once.
    pub max_threads: usize,
}

impl Group {
    /// nextest's word for the group of tests that share no limit: it keeps a later override from giving them one.
    pub const NONE: &'static str = "@global";
}

/// `[[override]]`: what differs for some tests. What is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// Which tests.
    pub filter: Which,
    /// The group whose limit they share.
    pub group: Option<String>,
    /// How long one may run at all; the inner `None` is "no limit".
    pub timeout: Option<Option<Duration>>,
    /// How long one may run before it is called slow.
    pub slow: Option<Option<Duration>>,
    /// How often a failure is tried again.
    pub retries: Option<RetryPolicy>,
    /// Their place by hand: higher runs earlier.
    pub priority: Option<i64>,
    /// In what company they run.
    pub isolation: Option<Isolation>,
}

/// `[[quarantine]]`: tests that run and are recorded, and whose failures fail nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quarantine {
    /// Which tests.
    pub test: KeyPattern,
    /// Why.
    pub reason: String,
    /// Until when, that day included (UTC); `None`: without end.
    pub until: Option<Date>,
}

impl Quarantine {
    /// Is it over on this day (UTC)?
    #[must_use]
    pub fn is_expired(&self, today: Date) -> bool {
        self.until.is_some_and(|last| today > last)
    }
}

impl Settings {
    /// What the built-in defaults are written into.
    pub(super) fn blank() -> Self {
        Self {
            enabled: true,
            scope: ScopeSettings::default(),
            store: StoreSettings::default(),
            judgement: JudgementSettings::default(),
            test: TestSettings::default(),
            infra: InfraSettings::default(),
            coverage: CoverageSettings::default(),
            notify: NotifySettings::default(),
            ci: CiSettings::default(),
            groups: BTreeMap::new(),
            overrides: Vec::new(),
            quarantine: Vec::new(),
            floors: Vec::new(),
            exempt: Vec::new(),
            pipelines: BTreeMap::new(),
        }
    }

    /// What holds for one test: of several overrides that match, the first that says something about a point decides.
    #[must_use]
    pub fn policy_for(&self, key: &TestKey) -> TestPolicy {
        let matching: Vec<&Override> = self.overrides.iter().filter(|one| one.filter.is_match(key)).collect();
        let first = || matching.iter().copied();
        TestPolicy {
            isolation: first().find_map(|one| one.isolation).unwrap_or(self.test.isolation),
            slow: first().find_map(|one| one.slow).unwrap_or(self.test.slow),
            timeout: first().find_map(|one| one.timeout).unwrap_or(self.test.timeout),
            retries: first().find_map(|one| one.retries).unwrap_or(self.test.retries),
            group: first().find_map(|one| one.group.clone()).filter(|group| group != Group::NONE),
            priority: first().find_map(|one| one.priority).unwrap_or(0),
        }
    }

    /// The least coverage that is asked of a package, if anything is: of several floors that match, the first.
    #[must_use]
    pub fn floor_of_package(&self, name: &str) -> Option<Percent> {
        let matches = |one: &&Floor| one.packages.as_ref().is_some_and(|packages| packages.is_match(name));
        self.floors.iter().find(matches).map(|one| one.floor)
    }

    /// The least coverage that is asked of a file, relative to the workspace root, if anything is.
    #[must_use]
    pub fn floor_of_file(&self, path: &Utf8Path) -> Option<Percent> {
        let matches = |one: &&Floor| one.files.as_ref().is_some_and(|files| files.is_match(path));
        self.floors.iter().find(matches).map(|one| one.floor)
    }

    /// The quarantine that holds for a test on this day (UTC), if any.
    #[must_use]
    pub fn quarantine_of(&self, key: &TestKey, today: Date) -> Option<&Quarantine> {
        self.quarantine.iter().find(|one| !one.is_expired(today) && one.test.is_match(key))
    }
}
