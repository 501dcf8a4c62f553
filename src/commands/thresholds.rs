//! The one place where the settings become what tests are judged by.

use crate::analytics::thresholds::{MassFailure, Thresholds};
use crate::config::Settings;

/// By what tests are judged here.
pub(super) const fn thresholds(settings: &Settings) -> Thresholds {
    let of = &settings.judgement;
    Thresholds {
        window: of.window,
        flaky_passes: of.flaky_passes,
        flaky_quiet: of.flaky_quiet,
        suspect_episodes: of.suspect_episodes,
        suspect_flips: of.suspect_flips,
        suspect_runs: of.suspect_runs,
        recovered_runs: of.recovered_runs,
        new_runs: of.new_runs as u64,
        clean_runs: of.clean_runs,
        mass_failure: MassFailure { tests: of.mass_failure_tests as u64, share: of.mass_failure_percent },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::summary::WINDOW;

    #[test]
    fn where_nothing_is_set_the_built_in_thresholds_hold() {
        assert_eq!(thresholds(&Settings::default()), Thresholds::default());
        assert_eq!(Settings::default().judgement.window, WINDOW, "no more is remembered");
    }
}
