//! Mistakes in the configuration, told so that they can be mended without opening the manual.

use std::fmt;

use crate::exit_code::ExitCode;

/// Where a mistake was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In a file.
    File {
        /// Its name, relative to the workspace root.
        name: String,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
    /// In a variable.
    Variable(String),
    /// In a flag, named without dashes.
    Flag(String),
    /// In the workspace as a whole.
    Workspace,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line, column } => write!(f, "{name}:{line}:{column}"),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Workspace => f.write_str("configuration"),
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where it was made.
    pub origin: Origin,
    /// The key it is about, with the tables around it; empty where it is about no key.
    pub key: String,
    /// What is wrong, in a few words.
    pub why: String,
    /// The nearest key that would do, where one is near.
    pub nearest: Option<String>,
    /// What would do.
    pub wanted: Option<String>,
}

impl ConfigError {
    pub(super) fn new(origin: Origin, key: impl Into<String>, why: impl Into<String>) -> Self {
        Self { origin, key: key.into(), why: why.into(), nearest: None, wanted: None }
    }

    pub(super) fn wanting(mut self, wanted: impl Into<String>) -> Self {
        self.wanted = Some(wanted.into());
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", printable(&self.origin.to_string()))?;
        if !self.key.is_empty() {
            write!(f, "`{}`: ", printable(&self.key))?;
        }
        f.write_str(&printable(&self.why))?;
        if let Some(nearest) = &self.nearest {
            write!(f, "\n  nearest key: {}", printable(nearest))?;
        }
        if let Some(wanted) = &self.wanted {
            write!(f, "\n  wanted: {}", printable(wanted))?;
        }
        Ok(())
    }
}

/// A file comes from outside: what it says reaches a terminal only without control characters.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// Every mistake that was found: never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// The mistakes, in the order of their places.
    #[must_use]
    pub fn all(&self) -> &[ConfigError] {
        &self.0
    }

    /// How the process leaves: where the command line alone is at fault, as with any other of its mistakes.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        let is_flag = |error: &ConfigError| matches!(error.origin, Origin::Flag(_));
        if self.0.iter().all(is_flag) { ExitCode::Usage } else { ExitCode::Config }
    }

    /// `value`, unless there are mistakes.
    pub(super) fn unless<T>(mut found: Vec<ConfigError>, value: T) -> Result<T, Self> {
        if found.is_empty() {
            return Ok(value);
        }
        found.sort_by_key(|error| match &error.origin {
            Origin::File { line, column, .. } => (*line, *column),
            _ => (usize::MAX, 0),
        });
        Err(Self(found))
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// The candidate that was most probably meant, if any is near enough.
pub(crate) fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(&text.to_lowercase().replace('_', "-"), candidate);
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_candidate_is_found_if_it_is_near() {
        let keys = ["timeout", "run-timeout", "slow", "grace"];
        assert_eq!(nearest("timout", keys), Some("timeout"));
        assert_eq!(nearest("run_timeout", keys), Some("run-timeout"));
        assert_eq!(nearest("Slow", keys), Some("slow"));
        assert_eq!(nearest("parallelism", keys), None);
    }

    #[test]
    fn only_the_command_line_alone_is_a_usage_error() {
        let flag = || ConfigError::new(Origin::Flag("floor".to_owned()), "coverage.floor", "no number");
        let variable = || ConfigError::new(Origin::Variable("CARGO_GATE_STORE_DIR".to_owned()), "store.dir", "empty");
        for (errors, code) in [
            (vec![flag()], ExitCode::Usage),
            (vec![flag(), flag()], ExitCode::Usage),
            (vec![flag(), variable()], ExitCode::Config),
            (vec![variable()], ExitCode::Config),
        ] {
            assert_eq!(ConfigErrors::unless(errors, ()).unwrap_err().exit_code(), code);
        }
    }

    #[test]
    fn control_characters_of_a_file_never_reach_the_terminal() {
        let error = ConfigError::new(Origin::Workspace, "a\u{1b}[31mb", "c\rd");
        assert_eq!(error.to_string(), "configuration: `a\\u{1b}[31mb`: c\\rd");
    }
}
