//! The one table of settings: parser, JSON Schema, `config show`, help and docs are read off it.

use serde_json::Value;

use super::error::printable;
use super::field::{Field, Place, at};
use super::retries::RETRIES;
use super::shape::{FromEnvironment, Shape};
use super::shapes::{
    ADDRESS, AT_LEAST_ONE, COUNT, COUNT_LIMIT, FILE, FOLDER, LIMIT, PACKAGES, PAUSE, PERCENT, RATCHET, REVISION,
    SIZE_LIMIT, SLOTS, SWITCH, TOLERANCE, TRIES, WINDOW, WORDS, several, word,
};
use super::values::{Notice, Settings};
use crate::cli::{self, BuildArgs};
use crate::model::{
    Annotations, Compat, CoveragePolicy, FlakyResult, InfraMode, Isolation, Metric, NoTests, OnToolError, RatchetScope,
    StepKind,
};

use Section::{Ci, Coverage, Infra, Judgement, Notify, Scope, Store, Test, Top};

/// A table of the file that holds settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Section {
    /// The file's top.
    Top,
    /// `[scope]`.
    Scope,
    /// `[store]`.
    Store,
    /// `[judgement]`.
    Judgement,
    /// `[notify]`.
    Notify,
    /// `[ci]`.
    Ci,
    /// `[default.test]` and `[profile.NAME.test]`.
    Test,
    /// `[default.infra]` and `[profile.NAME.infra]`.
    Infra,
    /// `[default.coverage]` and `[profile.NAME.coverage]`.
    Coverage,
}

impl Section {
    /// Every section.
    pub const ALL: [Self; 9] = [
        Self::Top,
        Self::Scope,
        Self::Store,
        Self::Judgement,
        Self::Notify,
        Self::Ci,
        Self::Test,
        Self::Infra,
        Self::Coverage,
    ];

    /// The section's name, empty for the top.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Top => "",
            Self::Scope => "scope",
            Self::Store => "store",
            Self::Judgement => "judgement",
            Self::Notify => "notify",
            Self::Ci => "ci",
            Self::Test => "test",
            Self::Infra => "infra",
            Self::Coverage => "coverage",
        }
    }

    /// May profiles differ in it? Then it stands under `default` and under `profile.NAME`.
    #[must_use]
    pub const fn is_profiled(self) -> bool {
        matches!(self, Self::Test | Self::Infra | Self::Coverage)
    }
}

/// One setting.
pub struct Setting {
    /// The table it stands in.
    pub section: Section,
    /// Its key, its place in [`Settings`], and what it is for.
    pub field: Field<Settings>,
    /// Its flag, without dashes.
    pub flag: Option<&'static str>,
    /// The commands it applies to.
    pub commands: &'static str,
}

impl Setting {
    const fn new(
        section: Section,
        key: &'static str,
        place: &'static dyn Place<Settings>,
        commands: &'static str,
        help: &'static str,
    ) -> Self {
        Self { section, field: Field::optional(key, place, help), flag: None, commands }
    }

    const fn with_flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }

    /// Its name: `test.run-timeout`, `enabled`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.section {
            Top => self.field.key.to_owned(),
            section => format!("{}.{}", section.name(), self.field.key),
        }
    }

    /// Where it stands in the file: `default.test.run-timeout`, `enabled`.
    #[must_use]
    pub fn path(&self) -> String {
        if self.section.is_profiled() { format!("default.{}", self.name()) } else { self.name() }
    }

    /// Its variable: `CARGO_GATE_TEST_RUN_TIMEOUT`.
    #[must_use]
    pub fn variable(&self) -> String {
        match self.section {
            // The one whose variable says the opposite, as a switch for emergencies should.
            Top => DISABLE.to_owned(),
            _ => format!("CARGO_GATE_{}", self.name().to_ascii_uppercase().replace(['.', '-'], "_")),
        }
    }
}

/// Switches the tool off.
pub const DISABLE: &str = "CARGO_GATE_DISABLE";

/// Chooses a profile.
pub const PROFILE: &str = "CARGO_GATE_PROFILE";

/// Variables that stand for no setting, and what they say: to the gate, or to the tests and commands that it starts.
pub const OTHER_VARIABLES: [(&str, &str); 7] = [
    (PROFILE, "Chooses a profile of the configuration, as --gate-profile does."),
    ("CARGO_GATE_TRIGGER", "What sets runs off, as --trigger says."),
    ("CARGO_GATE_RUN_ID", "Told to tests and steps: the run's name."),
    ("CARGO_GATE_STEP", "Told to a step: its name."),
    ("CARGO_GATE_DIR", "Told to a step: the folder of this run."),
    ("CARGO_GATE_LOCK_DIR", "Told to a step: where the locks lie."),
    ("CARGO_GATE_NOTICES", "Told to the command of [notify]: what it is told, separated by commas."),
];

/// cargo's flags, and nothing else.
const CARGO_FLAGS: Shape<Vec<String>> = Shape {
    wanted: || "a list of flags of `cargo test`, such as [\"--workspace\", \"--release\"]".to_owned(),
    read: |raw| {
        let words = (WORDS.read)(raw)?;
        match BuildArgs::from_words(&words) {
            Ok(_) => Ok(words),
            Err(error) => Err(first_sentence(&error)),
        }
    },
    show: WORDS.show,
    schema: WORDS.schema,
    environment: FromEnvironment::Strict,
};

impl Settings {
    /// What `test.args` say that is built for.
    pub(super) fn targets(&self) -> Vec<String> {
        BuildArgs::from_words(&self.test.args).map(|args| args.flags.target).unwrap_or_default()
    }
}

/// Understands the flags of one of the gate's own steps. The error says in a few words what is wrong with them.
pub(super) fn check_engine_args(kind: StepKind, args: &[String]) -> Result<(), String> {
    match kind {
        StepKind::Coverage => cli::coverage_step(args).map(drop),
        _ => cli::test_step(args).map(drop),
    }
}

fn first_sentence(error: &clap::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// Every setting, in the order in which people see them.
#[rustfmt::skip] // One setting, one line: a table reads across.
pub static SETTINGS: &[Setting] = &[
    Setting::new(Top, "enabled", at!(Settings.enabled, SWITCH), "all", "Whether the gate is on; off, `test` is plain `cargo test`, and `run` runs nothing."),
    Setting::new(Scope, "packages", at!(Settings.scope.packages, PACKAGES), "all", "Which packages the gate judges, as globs; others are N/A."),
    Setting::new(Store, "dir", at!(Settings.store.dir, FOLDER), "all", "Where the history is kept; `auto`: `gate` in the target directory."),
    Setting::new(Store, "url", at!(Settings.store.url, ADDRESS), "all", "A database that several machines share."),
    Setting::new(Store, "max-age", at!(Settings.store.max_age, LIMIT), "history prune", "Remove runs older than this.").with_flag("max-age"),
    Setting::new(Store, "max-runs", at!(Settings.store.max_runs, COUNT_LIMIT), "history prune", "Keep this many runs, the newest.").with_flag("max-runs"),
    Setting::new(Store, "max-size", at!(Settings.store.max_size, SIZE_LIMIT), "history prune", "Remove the oldest runs until the store is no larger than this.").with_flag("max-size"),
    Setting::new(Judgement, "window", at!(Settings.judgement.window, WINDOW), "all", "Tests are judged by so many of their latest executions."),
    Setting::new(Judgement, "flaky-passes", at!(Settings.judgement.flaky_passes, COUNT), "all", "A flaky test stays flaky until it passed so often since it was last contradicted."),
    Setting::new(Judgement, "flaky-quiet", at!(Settings.judgement.flaky_quiet, PAUSE), "all", "A flaky test stays flaky for so long since it was last contradicted."),
    Setting::new(Judgement, "suspect-episodes", at!(Settings.judgement.suspect_episodes, AT_LEAST_ONE), "all", "Failing so many separate times along one branch makes a test a suspect."),
    Setting::new(Judgement, "suspect-flips", at!(Settings.judgement.suspect_flips, PERCENT), "all", "Changing between passing and failing in so many percent of a branch's runs makes a test a suspect."),
    Setting::new(Judgement, "suspect-runs", at!(Settings.judgement.suspect_runs, AT_LEAST_ONE), "all", "How many runs of a branch it takes to speak of such a rate."),
    Setting::new(Judgement, "recovered-runs", at!(Settings.judgement.recovered_runs, COUNT), "all", "What was flaky or broken is called recovered for so many runs."),
    Setting::new(Judgement, "new-runs", at!(Settings.judgement.new_runs, COUNT), "all", "Under so many runs a test is new."),
    Setting::new(Judgement, "clean-runs", at!(Settings.judgement.clean_runs, COUNT), "test", "What aborted, hung or leaked has a process of its own for so many runs."),
    Setting::new(Judgement, "mass-failure-tests", at!(Settings.judgement.mass_failure_tests, AT_LEAST_ONE), "all", "How many tests a run must have to be a mass failure."),
    Setting::new(Judgement, "mass-failure-percent", at!(Settings.judgement.mass_failure_percent, PERCENT), "all", "A run of which so many percent failed is one, and says nothing about each of its tests."),
    Setting::new(Notify, "command", at!(Settings.notify.command, WORDS), "test, coverage, join, run", "The command that gets the result as JSON on its stdin."),
    Setting::new(Notify, "on", at!(Settings.notify.on, several::<Notice>()), "test, coverage, join, run", "What is worth telling."),
    Setting::new(Ci, "annotations", at!(Settings.ci.annotations, word::<Annotations>()), "test, coverage, join, run", "Tell GitHub Actions as well, beside the change and in the step's summary; `auto`: where it runs there.").with_flag("annotations"),
    Setting::new(Test, "args", at!(Settings.test.args, CARGO_FLAGS), "test", "cargo's flags, put before the user's; `-p`, `--workspace` or `--all` of the user's replace `--workspace` here."),
    Setting::new(Test, "slots", at!(Settings.test.slots, SLOTS), "test, coverage", "How many tests run at once in all; `auto`: the CPUs.").with_flag("slots"),
    Setting::new(Test, "isolation", at!(Settings.test.isolation, word::<Isolation>()), "test, coverage, shards", "One live process per binary, or one per test.").with_flag("isolation"),
    Setting::new(Test, "serial-binaries", at!(Settings.test.serial_binaries, SWITCH), "test, coverage", "Run one test binary at a time, as `cargo test` does.").with_flag("serial-binaries"),
    Setting::new(Test, "slow", at!(Settings.test.slow, LIMIT), "test, coverage", "Call a test slow once it has run this long.").with_flag("slow"),
    Setting::new(Test, "timeout", at!(Settings.test.timeout, LIMIT), "test, coverage", "Kill a test that runs longer than this.").with_flag("timeout"),
    Setting::new(Test, "run-timeout", at!(Settings.test.run_timeout, LIMIT), "test, coverage", "End the whole run after this long, the build not included.").with_flag("run-timeout"),
    Setting::new(Test, "grace", at!(Settings.test.grace, PAUSE), "test, coverage", "How long a process has between TERM and KILL.").with_flag("grace"),
    Setting::new(Test, "retries", at!(Settings.test.retries, RETRIES), "test, coverage", "Try a failing test again, alone, up to this often.").with_flag("retries"),
    Setting::new(Test, "flaky-result", at!(Settings.test.flaky_result, word::<FlakyResult>()), "test, coverage, join", "What a test that failed and then passed counts as.").with_flag("flaky-result"),
    Setting::new(Test, "strict-env", at!(Settings.test.strict_env, SWITCH), "test, coverage", "Refuse to run with variables that let a red test turn green, or with a quarantine that is over.").with_flag("strict-env"),
    Setting::new(Test, "no-tests", at!(Settings.test.no_tests, word::<NoTests>()), "test, coverage, join", "What a selection that matches no test counts as.").with_flag("no-tests"),
    Setting::new(Test, "compat", at!(Settings.test.compat, word::<Compat>()), "all", "Read another tool's configuration below the gate's own: `nextest` is `.config/nextest.toml`.").with_flag("compat"),
    Setting::new(Infra, "retries", at!(Settings.infra.retries, TRIES), "test, coverage", "Try a suite that could not be executed again, up to this often.").with_flag("infra-retries"),
    Setting::new(Infra, "delay", at!(Settings.infra.delay, PAUSE), "test, coverage", "How long to wait before each of these tries.").with_flag("infra-delay"),
    Setting::new(Infra, "mode", at!(Settings.infra.mode, word::<InfraMode>()), "test, coverage", "Try again within the same call, or leave it to the next one.").with_flag("infra-mode"),
    Setting::new(Coverage, "policy", at!(Settings.coverage.policy, word::<CoveragePolicy>()), "coverage, join", "Against what coverage is judged.").with_flag("policy"),
    Setting::new(Coverage, "floor", at!(Settings.coverage.floor, PERCENT), "coverage, join", "The least that is asked, in percent; 0 asks nothing.").with_flag("floor"),
    Setting::new(Coverage, "epsilon", at!(Settings.coverage.epsilon, TOLERANCE), "coverage, join", "How far below is still a pass, in percent.").with_flag("epsilon"),
    Setting::new(Coverage, "metric", at!(Settings.coverage.metric, word::<Metric>()), "coverage, join, baseline set, baseline reset", "What is counted.").with_flag("metric"),
    Setting::new(Coverage, "on-tool-error", at!(Settings.coverage.on_tool_error, word::<OnToolError>()), "coverage, join", "What a measurement without result counts as: open passes, closed fails.").with_flag("on-tool-error"),
    Setting::new(Coverage, "ratchet", at!(Settings.coverage.ratchet, RATCHET), "coverage, join", "When the ratchet may rise.").with_flag("ratchet"),
    Setting::new(Coverage, "ratchet-scope", at!(Settings.coverage.ratchet_scope, word::<RatchetScope>()), "coverage, join", "Which figures the ratchet keeps and judges.").with_flag("ratchet-scope"),
    Setting::new(Coverage, "timeout", at!(Settings.coverage.timeout, LIMIT), "coverage, join", "How long a measurement may take.").with_flag("coverage-timeout"),
    Setting::new(Coverage, "ratchet-file", at!(Settings.coverage.ratchet_file, FILE), "coverage, join", "Where the ratchet is kept; `auto`: `ratchet.toml` in the gate directory.").with_flag("ratchet-file"),
    Setting::new(Coverage, "baseline-ref", at!(Settings.coverage.baseline_ref, REVISION), "coverage, join", "Measure this revision where no baseline is kept, or only an older one.").with_flag("baseline-ref"),
    Setting::new(Coverage, "patch-floor", at!(Settings.coverage.patch_floor, PERCENT), "coverage, join", "The least that is asked of changed lines, in percent; 0 asks nothing.").with_flag("patch-floor"),
    Setting::new(Coverage, "patch-max-uncovered", at!(Settings.coverage.patch_max_uncovered, COUNT_LIMIT), "coverage, join", "So many uncovered changed lines are a pass, however few lines changed.").with_flag("patch-max-uncovered"),
    Setting::new(Coverage, "exclude-test-code", at!(Settings.coverage.exclude_test_code, SWITCH), "coverage, join", "Leave test code, generated and vendored code out of every figure.").with_flag("exclude-test-code"),
];

/// Each flag that stands for a setting, and its help text with the built-in default.
#[must_use]
pub fn flag_help() -> Vec<(&'static str, String)> {
    let defaults = Settings::default();
    let help = |setting: &Setting| match setting.field.place.show(&defaults) {
        Some(Value::Bool(false)) | None => setting.field.help.trim_end_matches('.').to_owned(),
        Some(default) => format!("{} [default: {}]", setting.field.help.trim_end_matches('.'), written(&default)),
    };
    SETTINGS.iter().filter_map(|setting| Some((setting.flag?, help(setting)))).collect()
}

/// The README's table of settings.
#[must_use]
pub fn markdown_table() -> String {
    let defaults = Settings::default();
    let mut table = "| setting | default | flag | used by | |\n|---|---|---|---|---|\n".to_owned();
    for setting in SETTINGS {
        let default = setting.field.place.show(&defaults).unwrap_or_default();
        let flag = setting.flag.map_or(String::new(), |flag| format!("`--{flag}`"));
        let (name, commands, help) = (setting.name(), setting.commands, setting.field.help);
        table.push_str(&format!("| `{name}` | `{default}` | {flag} | {commands} | {help} |\n"));
    }
    table
}

/// A value as people read it: texts without quotes, and without what could steer a terminal.
#[must_use]
pub fn written(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        other => printable(&other.to_string()),
    }
}
