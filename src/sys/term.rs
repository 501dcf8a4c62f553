//! What the terminal can show: read once, at the start; every decision is a pure function of what was read.

use std::io::IsTerminal;

use crate::model::Annotations;

/// `--color`, and the values of `CARGO_TERM_COLOR`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// Where a terminal shows it.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// Never.
    Never,
}

/// One of our own two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Machine output alone.
    Stdout,
    /// Everything for people.
    Stderr,
}

/// What was found at the start: whether there is a terminal, and what the environment says about showing things.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Is standard output a terminal?
    pub stdout_is_tty: bool,
    /// Is standard error a terminal?
    pub stderr_is_tty: bool,
    /// Columns of the terminal behind standard error.
    pub width: Option<usize>,
    /// Columns of the terminal behind standard output.
    pub stdout_width: Option<usize>,
    vars: Vec<(&'static str, String)>,
}

/// The variables that matter here; nothing else of the environment is looked at.
const VARS: &[&str] = &[
    "CARGO_TERM_COLOR",
    "NO_COLOR",
    "CLICOLOR_FORCE",
    "FORCE_COLOR",
    "CLICOLOR",
    "TERM",
    "CARGO_TERM_PROGRESS_WHEN",
    "CARGO_TERM_PROGRESS_WIDTH",
    "CI",
    "GITHUB_ACTIONS",
    "TF_BUILD",
    "BUILDKITE",
    "TEAMCITY_VERSION",
    "JENKINS_URL",
    "CODEBUILD_BUILD_ID",
    "COLUMNS",
    "DISPLAY",
    "WAYLAND_DISPLAY",
];

/// Those of [`VARS`] that only a CI service sets.
const CI_VARS: &[&str] =
    &["GITHUB_ACTIONS", "TF_BUILD", "BUILDKITE", "TEAMCITY_VERSION", "JENKINS_URL", "CODEBUILD_BUILD_ID"];

impl Surroundings {
    /// Reads them from the system.
    #[must_use]
    pub fn read() -> Self {
        let columns = |term: console::Term| term.size_checked().map(|(_, columns)| usize::from(columns));
        Self {
            stdout_is_tty: std::io::stdout().is_terminal(),
            stderr_is_tty: std::io::stderr().is_terminal(),
            width: columns(console::Term::stderr()),
            stdout_width: columns(console::Term::stdout()),
            ..Self::default()
        }
        .with_vars(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// The same with the variables that `lookup` knows.
    #[must_use]
    pub fn with_vars(mut self, lookup: impl Fn(&str) -> Option<String>) -> Self {
        self.vars = VARS.iter().filter_map(|name| Some((*name, lookup(name)?))).collect();
        self
    }

    /// A variable's value; an empty one counts as none, as the conventions for all of these have it.
    fn var(&self, name: &str) -> Option<&str> {
        self.vars.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str()).filter(|v| !v.is_empty())
    }

    fn is_on(&self, name: &str) -> bool {
        self.var(name).is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// Does this run under a CI service?
    #[must_use]
    pub fn is_ci(&self) -> bool {
        self.is_on("CI") || CI_VARS.iter().any(|name| self.is_on(name))
    }

    /// Is GitHub Actions spoken to? What is asked for beats what is there.
    #[must_use]
    pub fn speaks_to_github(&self, asked: Annotations) -> bool {
        match asked {
            Annotations::Auto => self.is_on("GITHUB_ACTIONS"),
            Annotations::Github => true,
            Annotations::None => false,
        }
    }

    fn is_dumb(&self) -> bool {
        self.var("TERM") == Some("dumb")
    }

    fn is_tty(&self, output: Output) -> bool {
        match output {
            Output::Stdout => self.stdout_is_tty,
            Output::Stderr => self.stderr_is_tty,
        }
    }

    /// Is this stream coloured? The flag beats cargo's variable, which beats `NO_COLOR`, which beats what forces
    /// colour, which beats what is there.
    #[must_use]
    pub fn color(&self, flag: ColorChoice, output: Output) -> bool {
        let cargos = match self.var("CARGO_TERM_COLOR") {
            Some("always") => ColorChoice::Always,
            Some("never") => ColorChoice::Never,
            _ => ColorChoice::Auto,
        };
        match [flag, cargos].into_iter().find(|choice| *choice != ColorChoice::Auto) {
            Some(ColorChoice::Always) => return true,
            Some(_) => return false,
            None => {}
        }
        if self.var("NO_COLOR").is_some() {
            return false;
        }
        if self.is_on("CLICOLOR_FORCE") || self.is_on("FORCE_COLOR") {
            return true;
        }
        self.var("CLICOLOR") != Some("0") && !self.is_dumb() && self.is_tty(output)
    }

    /// Is a progress line drawn on standard error?
    #[must_use]
    pub fn progress(&self, quiet: bool) -> bool {
        if quiet {
            return false;
        }
        match self.var("CARGO_TERM_PROGRESS_WHEN") {
            Some("never") => false,
            Some("always") => true,
            _ => self.stderr_is_tty && !self.is_dumb() && !self.is_ci(),
        }
    }

    /// Columns that text for people may take: none where it goes into a file, so that nothing is wrapped there.
    #[must_use]
    pub fn columns(&self) -> Option<usize> {
        let asked = self.var("CARGO_TERM_PROGRESS_WIDTH").and_then(|value| value.parse().ok());
        self.stderr_is_tty.then(|| asked.or(self.width)).flatten().filter(|width| *width > 0)
    }

    /// Columns that an answer on standard output may take: what `COLUMNS` says, also where that is no terminal; else
    /// those of the terminal, and none where it goes into a file.
    #[must_use]
    pub fn columns_of_answers(&self) -> Option<usize> {
        let asked = self.var("COLUMNS").and_then(|value| value.parse().ok());
        asked.or(self.stdout_width.filter(|_| self.stdout_is_tty)).filter(|width| *width > 0)
    }

    /// Is there a desktop that could show a window?
    #[must_use]
    pub fn has_display(&self) -> bool {
        let always = cfg!(any(windows, target_os = "macos"));
        !self.is_ci() && (always || self.var("DISPLAY").is_some() || self.var("WAYLAND_DISPLAY").is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Vars = [(&'static str, &'static str)];

    fn surroundings(tty: bool, vars: &[(&str, &str)]) -> Surroundings {
        let (width, stdout_width) = (Some(100), Some(90));
        Surroundings { stdout_is_tty: tty, stderr_is_tty: tty, width, stdout_width, vars: Vec::new() }
            .with_vars(|name| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn colour_follows_flag_then_cargo_then_conventions_then_terminal() {
        use ColorChoice::*;
        #[rustfmt::skip]
        let table: &[(ColorChoice, bool, &Vars, bool)] = &[
            (Auto, true, &[], true),
            (Auto, false, &[], false),
            (Always, false, &[("NO_COLOR", "1"), ("CARGO_TERM_COLOR", "never")], true),
            (Never, true, &[("CLICOLOR_FORCE", "1"), ("CARGO_TERM_COLOR", "always")], false),
            (Auto, false, &[("CARGO_TERM_COLOR", "always"), ("NO_COLOR", "1")], true),
            (Auto, true, &[("CARGO_TERM_COLOR", "never"), ("FORCE_COLOR", "1")], false),
            (Auto, true, &[("CARGO_TERM_COLOR", "auto")], true),
            (Auto, true, &[("CARGO_TERM_COLOR", "rainbow")], true),
            (Auto, true, &[("NO_COLOR", "1")], false),
            (Auto, true, &[("NO_COLOR", "0")], false),
            (Auto, true, &[("NO_COLOR", "")], true),
            (Auto, true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false),
            (Auto, false, &[("CLICOLOR_FORCE", "1")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "0")], false),
            (Auto, false, &[("FORCE_COLOR", "1")], true),
            (Auto, false, &[("FORCE_COLOR", "0")], false),
            (Auto, false, &[("FORCE_COLOR", "")], false),
            (Auto, true, &[("CLICOLOR", "0")], false),
            (Auto, true, &[("TERM", "dumb")], false),
            (Auto, true, &[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")], true),
            (Auto, true, &[("CI", "true")], true),
        ];
        for (flag, tty, vars, want) in table {
            assert_eq!(surroundings(*tty, vars).color(*flag, Output::Stderr), *want, "{flag:?} tty={tty} {vars:?}");
        }
    }

    #[test]
    fn each_stream_is_judged_by_its_own_terminal() {
        let piped = Surroundings { stdout_is_tty: false, ..surroundings(true, &[]) };
        assert!(!piped.color(ColorChoice::Auto, Output::Stdout));
        assert!(piped.color(ColorChoice::Auto, Output::Stderr));
    }

    #[test]
    fn progress_needs_a_terminal_outside_ci_unless_asked_for() {
        #[rustfmt::skip]
        let table: &[(bool, bool, &Vars, bool)] = &[
            (true, false, &[], true),
            (false, false, &[], false),
            (true, true, &[], false),
            (true, true, &[("CARGO_TERM_PROGRESS_WHEN", "always")], false),
            (false, false, &[("CARGO_TERM_PROGRESS_WHEN", "always"), ("CI", "1")], true),
            (true, false, &[("CARGO_TERM_PROGRESS_WHEN", "never")], false),
            (true, false, &[("CARGO_TERM_PROGRESS_WHEN", "auto")], true),
            (true, false, &[("CI", "true")], false),
            (true, false, &[("CI", "false")], true),
            (true, false, &[("CI", "")], true),
            (true, false, &[("TF_BUILD", "True")], false),
            (true, false, &[("JENKINS_URL", "http://ci")], false),
            (true, false, &[("TERM", "dumb")], false),
        ];
        for (tty, quiet, vars, want) in table {
            assert_eq!(surroundings(*tty, vars).progress(*quiet), *want, "tty={tty} quiet={quiet} {vars:?}");
        }
    }

    #[test]
    fn only_a_terminal_has_columns() {
        assert_eq!(surroundings(true, &[]).columns(), Some(100));
        assert_eq!(surroundings(true, &[("CARGO_TERM_PROGRESS_WIDTH", "60")]).columns(), Some(60));
        assert_eq!(surroundings(true, &[("CARGO_TERM_PROGRESS_WIDTH", "wide")]).columns(), Some(100));
        assert_eq!(surroundings(false, &[("CARGO_TERM_PROGRESS_WIDTH", "60")]).columns(), None);
    }

    #[test]
    fn answers_are_as_wide_as_their_terminal_or_as_asked() {
        for (tty, vars, want) in [
            (true, &[][..], Some(90)),
            (false, &[], None),
            (true, &[("COLUMNS", "60")], Some(60)),
            (false, &[("COLUMNS", "60")], Some(60)),
            (false, &[("COLUMNS", "0")], None),
            (true, &[("COLUMNS", "wide")], Some(90)),
        ] {
            assert_eq!(surroundings(tty, vars).columns_of_answers(), want, "tty={tty} {vars:?}");
        }
    }

    #[test]
    fn no_window_opens_in_ci() {
        let display = ("DISPLAY", ":0");
        assert!(surroundings(true, &[display]).has_display());
        assert!(!surroundings(true, &[display, ("CI", "true")]).has_display());
        assert_eq!(surroundings(true, &[]).has_display(), cfg!(any(windows, target_os = "macos")));
    }

    #[test]
    fn github_is_spoken_to_where_it_listens_unless_asked_otherwise() {
        use Annotations::*;
        #[rustfmt::skip]
        let table: &[(Annotations, &Vars, bool)] = &[
            (Auto, &[("GITHUB_ACTIONS", "true")], true),
            (Auto, &[("GITHUB_ACTIONS", "false")], false),
            (Auto, &[("GITHUB_ACTIONS", "")], false),
            (Auto, &[("CI", "true")], false),
            (Github, &[], true),
            (None, &[("GITHUB_ACTIONS", "true")], false),
        ];
        for (asked, vars, want) in table {
            assert_eq!(surroundings(false, vars).speaks_to_github(*asked), *want, "{asked} {vars:?}");
        }
    }
}
