//! Flags that stand for a setting: checked here, read by the settings, whose table also says their help.

use clap::Args;

use super::parsers::{count, duration_or_none, slots, tries, word};
use crate::model::{Annotations, Compat, FlakyResult, InfraMode, Isolation, NoTests};

/// The flags of `test` that stand for a setting, as text.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Limits and retries")]
pub struct SettingFlags {
    #[arg(long, value_name = "D|none", value_parser = duration_or_none)]
    timeout: Option<String>,
    #[arg(long, value_name = "D|none", value_parser = duration_or_none)]
    slow: Option<String>,
    #[arg(long, value_name = "D|none", value_parser = duration_or_none)]
    run_timeout: Option<String>,
    #[arg(long, value_name = "D|none", value_parser = duration_or_none)]
    grace: Option<String>,
    #[arg(long, value_name = "N", value_parser = count)]
    retries: Option<String>,
    #[arg(long, value_name = "WORD", value_parser = word::<FlakyResult>())]
    flaky_result: Option<String>,
    #[arg(long, value_name = "BOOL", value_parser = ["true", "false"], num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    strict_env: Option<String>,
    #[arg(long, value_name = "N", value_parser = tries)]
    infra_retries: Option<String>,
    #[arg(long, value_name = "D|none", value_parser = duration_or_none)]
    infra_delay: Option<String>,
    #[arg(long, value_name = "WORD", value_parser = word::<InfraMode>())]
    infra_mode: Option<String>,

    #[arg(long, value_name = "N|auto", value_parser = slots, help_heading = "Order and isolation")]
    slots: Option<String>,
    #[arg(long, value_name = "WORD", value_parser = word::<Isolation>(), help_heading = "Order and isolation")]
    isolation: Option<String>,
    #[arg(long, value_name = "BOOL", value_parser = ["true", "false"], num_args = 0..=1, require_equals = true,
          default_missing_value = "true", help_heading = "Order and isolation")]
    serial_binaries: Option<String>,

    #[arg(long, value_name = "WORD", value_parser = word::<NoTests>(), help_heading = "Selection")]
    no_tests: Option<String>,

    /// `--compat`: a pipeline's own says it of all steps.
    #[arg(long, value_name = "WORD", value_parser = word::<Compat>(), help_heading = "Limits and retries")]
    pub compat: Option<String>,
    #[arg(long, value_name = "WORD", value_parser = word::<Annotations>(), help_heading = "Output")]
    annotations: Option<String>,
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
            ("compat", &self.compat),
            ("annotations", &self.annotations),
        ];
        all.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?))).collect()
    }
}
