//! The steps that look at code: what each runs, as it is tried and as it is written.

use super::survey::Program;
use crate::model::words;

/// A step that looks at code.
#[derive(Debug)]
pub(super) struct Check {
    /// Its name.
    pub(super) name: &'static str,
    /// Its kind.
    pub(super) kind: &'static str,
    /// What it needs besides cargo.
    pub(super) needs: Option<Program>,
    /// What it runs.
    lenient: &'static [&'static str],
    /// What makes warnings fail that do not fail by themselves.
    strictness: Option<Strictness>,
    /// What it prints where it found what it looks for; none where it fails for nothing else.
    pub(super) found: Option<&'static str>,
    /// What else its table says.
    pub(super) keys: &'static str,
    /// The way on from [`Outcome::Softened`].
    pub(super) if_softened: &'static str,
    /// The way on from [`Outcome::Warned`].
    pub(super) if_warned: &'static str,
}

/// What makes warnings fail.
#[derive(Debug)]
enum Strictness {
    /// Arguments at the end.
    Args(&'static [&'static str]),
    /// A variable.
    Variable(&'static str, &'static str),
}

/// Do warnings fail that need not?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Strict,
    Lenient,
}

words! {
    /// What came of trying a check.
    pub(super) enum Outcome {
        /// It passes.
        Green = "green",
        /// It passes where its warnings do not fail.
        Softened = "softened",
        /// It does not pass.
        Warned = "warned",
        /// Nothing can be said of it.
        #[default]
        Unknown = "unknown",
    }
}

impl Outcome {
    /// How the check is written.
    pub(super) const fn manner(self) -> Manner {
        match self {
            Self::Softened => Manner::Lenient,
            Self::Green | Self::Warned | Self::Unknown => Manner::Strict,
        }
    }
}

/// Is everything formatted?
pub(super) const FMT: Check = Check {
    name: "fmt",
    kind: "format",
    needs: Some(Program::Rustfmt),
    lenient: &["cargo", "fmt", "--all", "--check"],
    strictness: None,
    found: Some("Diff in "),
    keys: "inputs = [\"**/*.rs\", \"**/Cargo.toml\", \"**/rustfmt.toml\", \"**/.rustfmt.toml\"]\n",
    if_softened: "",
    if_warned: "It is not formatted yet: `cargo fmt --all`, then remove this line.",
};

/// What does clippy say?
pub(super) const CLIPPY: Check = Check {
    name: "clippy",
    kind: "lint",
    needs: Some(Program::Clippy),
    lenient: &["cargo", "clippy", "--workspace", "--all-targets"],
    strictness: Some(Strictness::Args(&["--", "-D", "warnings"])),
    found: None,
    keys: "",
    if_softened: "Its warnings do not fail yet: with `-- -D warnings` they do.",
    if_warned: "Clippy still finds errors: mend them, then remove this line.",
};

/// What does rustdoc say?
pub(super) const DOC: Check = Check {
    name: "doc",
    kind: "lint",
    needs: None,
    lenient: &["cargo", "doc", "--workspace", "--no-deps"],
    strictness: Some(Strictness::Variable("RUSTDOCFLAGS", "-D warnings")),
    found: None,
    keys: "",
    if_softened: "Its warnings do not fail yet: with `env = { RUSTDOCFLAGS = \"-D warnings\" }` they do.",
    if_warned: "Rustdoc still finds errors: mend them, then remove this line.",
};

/// All of them, in the order in which they are tried and written.
pub(super) const CHECKS: [Check; 3] = [FMT, CLIPPY, DOC];

impl Check {
    /// What it runs.
    pub(super) fn command(&self, manner: Manner) -> Vec<&'static str> {
        match (&self.strictness, manner) {
            (Some(Strictness::Args(args)), Manner::Strict) => [self.lenient, args].concat(),
            _ => self.lenient.to_vec(),
        }
    }

    /// The variable that it sets.
    pub(super) const fn variable(&self, manner: Manner) -> Option<(&'static str, &'static str)> {
        match (&self.strictness, manner) {
            (Some(Strictness::Variable(name, value)), Manner::Strict) => Some((*name, *value)),
            _ => None,
        }
    }

    /// Can it pass where its warnings do not?
    pub(super) const fn can_be_lenient(&self) -> bool {
        self.strictness.is_some()
    }
}
