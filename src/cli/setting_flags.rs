//! Flags that stand for a setting: checked here, read by the settings.

use clap::Args;

use super::parsers::{at_least_one_as_text, count, duration_or_none, word};
use crate::model::{FlakyResult, InfraMode, Isolation, NoTests};

/// The flags of `test` that stand for a setting, as text.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Limits and retries")]
pub struct SettingFlags {
    /// Kill a test that runs longer than this
    #[arg(long, value_name = "D|none", value_parser = duration_or_none)]
    timeout: Option<String>,
    /// Mark a test as slow once it has run this long
    #[arg(long, value_name = "D|none", value_parser = duration_or_none)]
    slow: Option<String>,
    /// End the whole run after this long, the build not included
    #[arg(long, value_name = "D|none", value_parser = duration_or_none)]
    run_timeout: Option<String>,
    /// Leave a process this long between TERM and KILL
    #[arg(long, value_name = "D|none", value_parser = duration_or_none)]
    grace: Option<String>,
    /// Try a failing test again, alone, up to N times
    #[arg(long, value_name = "N", value_parser = count)]
    retries: Option<String>,
    /// What a test that failed and then passed counts as
    #[arg(long, value_name = "WORD", value_parser = word::<FlakyResult>())]
    flaky_result: Option<String>,
    /// Refuse to run with variables that let a red test turn green
    #[arg(long, value_name = "BOOL", value_parser = ["true", "false"], num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    strict_env: Option<String>,
    /// Try a suite that could not be executed again, up to N times
    #[arg(long, value_name = "N", value_parser = count)]
    infra_retries: Option<String>,
    /// Wait this long before each of these tries
    #[arg(long, value_name = "D|none", value_parser = duration_or_none)]
    infra_delay: Option<String>,
    /// Try again within this call, or leave it to the next one
    #[arg(long, value_name = "WORD", value_parser = word::<InfraMode>())]
    infra_mode: Option<String>,

    /// Run at most N tests at once in all (default: the CPUs)
    #[arg(long, value_name = "N", value_parser = at_least_one_as_text, help_heading = "Order and isolation")]
    slots: Option<String>,
    /// One process per binary, or one per test
    #[arg(long, value_name = "WORD", value_parser = word::<Isolation>(), help_heading = "Order and isolation")]
    isolation: Option<String>,
    /// Run one test binary at a time, as `cargo test` does
    #[arg(long, value_name = "BOOL", value_parser = ["true", "false"], num_args = 0..=1, require_equals = true,
          default_missing_value = "true", help_heading = "Order and isolation")]
    serial_binaries: Option<String>,

    /// What a selection that matches no test counts as
    #[arg(long, value_name = "WORD", value_parser = word::<NoTests>(), help_heading = "Selection")]
    no_tests: Option<String>,
}

impl SettingFlags {
    /// The flags that were given, by name without dashes, with their text.
    #[must_use]
    pub fn given(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("timeout", &self.timeout),
            ("slow", &self.slow),
            ("run-timeout", &self.run_timeout),
            ("grace", &self.grace),
            ("retries", &self.retries),
            ("flaky-result", &self.flaky_result),
            ("strict-env", &self.strict_env),
            ("infra-retries", &self.infra_retries),
            ("infra-delay", &self.infra_delay),
            ("infra-mode", &self.infra_mode),
            ("slots", &self.slots),
            ("isolation", &self.isolation),
            ("serial-binaries", &self.serial_binaries),
            ("no-tests", &self.no_tests),
        ];
        all.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?))).collect()
    }
}
