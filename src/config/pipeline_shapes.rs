//! Shapes that only a pipeline's tables have.

use camino::Utf8PathBuf;
use serde_json::{Value, json};
use toml::de::DeValue;

use super::address::without_password;
use super::pipeline::Invocation;
use super::shape::{FromEnvironment, Raw, Shape};
use super::shapes::{TEXT, percent, show_percent, word};
use crate::model::{Percent, StepKind};

/// A command as it is written.
pub(super) enum Command {
    /// A program and its arguments.
    Words(Vec<String>),
    /// A line for the shell.
    Line(String),
}

impl Command {
    /// How the command of this invocation is written; `None` where it has none.
    pub(super) fn of(invocation: &Invocation) -> Option<Self> {
        match invocation.command.as_slice() {
            [] => None,
            [line] if invocation.shell => Some(Self::Line(line.clone())),
            words => Some(Self::Words(words.to_vec())),
        }
    }

    pub(super) fn into_words(self) -> Vec<String> {
        match self {
            Self::Words(words) => words,
            Self::Line(line) => vec![line],
        }
    }
}

/// A command: a program and its arguments, or a line for the shell.
pub(super) const COMMAND: Shape<Command> = Shape {
    wanted: || "a list such as [\"cargo\", \"clippy\"], or a text with `shell = true`".to_owned(),
    read: |raw| match raw.text() {
        Ok(_) => (TEXT.read)(raw).map(Command::Line),
        Err(_) => match raw.words()? {
            words if words.first().is_none_or(String::is_empty) => Err("empty".to_owned()),
            words => Ok(Command::Words(words)),
        },
    },
    show: |value| match value {
        Command::Words(words) => json!(words),
        Command::Line(line) => json!(line),
    },
    schema: || json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
    environment: FromEnvironment::Strict,
};

/// A name. Logs are called by it, on every system.
pub(super) const NAME: Shape<String> = Shape {
    wanted: || "a name that a file can have: no control characters, none of / \\ : * ? \" < > |".to_owned(),
    read: |raw| {
        let name = (TEXT.read)(raw)?;
        match trouble_with_name(&name) {
            Some(why) => Err(format!("{name:?} {why}")),
            None => Ok(name),
        }
    },
    show: |value| json!(value),
    schema: || json!({"type": "string", "minLength": 1, "maxLength": MOST_LETTERS}),
    environment: FromEnvironment::Strict,
};

/// Longer names make no file names.
const MOST_LETTERS: usize = 60;

/// Why something cannot have this name, if it cannot.
pub(super) fn trouble_with_name(name: &str) -> Option<String> {
    if let Some(bad) = name.chars().find(|c| c.is_control() || "/\\:*?\"<>|".contains(*c)) {
        return Some(format!("has a {bad:?} in it"));
    }
    if name.trim() != name || name.is_empty() {
        return Some("begins or ends with nothing".to_owned());
    }
    if name.ends_with('.') {
        return Some("ends with a dot".to_owned());
    }
    (name.chars().count() > MOST_LETTERS).then(|| format!("is longer than {MOST_LETTERS} letters"))
}

/// When a suite runs.
pub(super) const SUITE_KIND: Shape<StepKind> = Shape {
    wanted: || "\"test\", \"e2e\" or \"custom\"".to_owned(),
    read: |raw| match (word::<StepKind>().read)(raw)? {
        kind @ (StepKind::Test | StepKind::E2e | StepKind::Custom) => Ok(kind),
        kind => Err(format!("\"{kind}\" is no kind of a suite")),
    },
    show: word::<StepKind>().show,
    schema: || json!({"enum": ["test", "e2e", "custom"]}),
    environment: FromEnvironment::Strict,
};

/// A place in the workspace.
pub(super) const PATH: Shape<Utf8PathBuf> = Shape {
    wanted: || "a path, relative to the workspace root".to_owned(),
    read: |raw| match (TEXT.read)(raw)? {
        text if text.contains('\0') => Err("a path without NUL is meant".to_owned()),
        text => Ok(Utf8PathBuf::from(text)),
    },
    show: |value| json!(value),
    schema: TEXT.schema,
    environment: FromEnvironment::Strict,
};

/// A file that a suite writes.
pub(super) const RESULT_PATH: Shape<Utf8PathBuf> =
    Shape { wanted: || "a path, relative to where it runs".to_owned(), ..PATH };

/// An address that is asked by HTTP, shown without its password.
pub(super) const URL: Shape<String> = Shape {
    wanted: || "an address such as \"http://127.0.0.1:8500/health\", by http or https".to_owned(),
    read: |raw| {
        // The text may hold a password: it is not repeated.
        let url = (TEXT.read)(raw)?;
        let (scheme, rest) = url.split_once("://").ok_or("no scheme")?;
        if !["http", "https"].iter().any(|one| scheme.eq_ignore_ascii_case(one)) {
            return Err("neither http:// nor https://".to_owned());
        }
        if rest.is_empty() || rest.starts_with(['/', '?', '#', ':', '@']) {
            return Err("no host".to_owned());
        }
        if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("a space or a control character in it".to_owned());
        }
        Ok(url)
    },
    show: |value| json!(without_password(value)),
    schema: || json!({"type": "string", "pattern": "^[hH][tT][tT][pP][sS]?://"}),
    environment: FromEnvironment::Strict,
};

/// A share, from none to all, as a percentage.
pub(super) const RATE: Shape<Percent> = Shape {
    wanted: || "a share from 0.0 to 1.0 with at most four decimals".to_owned(),
    read: |raw| {
        let share = percent(raw.decimal()?)?;
        let above = || format!("{share} is above 1");
        share.ten_thousandths().checked_mul(100).and_then(Percent::from_ten_thousandths).ok_or_else(above)
    },
    show: |value| {
        // Written shares have four decimals, so that nothing is lost.
        Percent::from_ten_thousandths(value.ten_thousandths() / 100).map_or(Value::Null, |share| show_percent(&share))
    },
    schema: || json!({"type": "number", "minimum": 0, "maximum": 1}),
    environment: FromEnvironment::Strict,
};

/// An HTTP status.
pub(super) const STATUS: Shape<u16> = Shape {
    wanted: || "an HTTP status, 100 to 599".to_owned(),
    read: |raw| {
        let number = raw.integer()?;
        let status = u16::try_from(number).ok().filter(|status| (100..=599).contains(status));
        status.ok_or_else(|| format!("{number} is none"))
    },
    show: |value| json!(value),
    schema: || json!({"type": "integer", "minimum": 100, "maximum": 599}),
    environment: FromEnvironment::Strict,
};

/// Variables and their values.
pub(super) const VARIABLES: Shape<Vec<(String, String)>> = Shape {
    wanted: || "a table of texts, such as { LANG = \"C\" }".to_owned(),
    read: |raw| match raw {
        Raw::Toml(DeValue::Table(table)) => {
            table.iter().map(|(name, value)| variable(name.get_ref(), Raw::Toml(value.get_ref()).text()?)).collect()
        }
        _ => Err(raw.misfit()),
    },
    show: |value| value.iter().cloned().map(|(name, text)| (name, Value::from(text))).collect(),
    schema: || json!({"type": "object", "additionalProperties": {"type": "string"}}),
    environment: FromEnvironment::Strict,
};

/// No process could be started with anything else.
fn variable(name: &str, text: &str) -> Result<(String, String), String> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(format!("{name:?} is no name of a variable"));
    }
    if text.contains('\0') {
        return Err(format!("{name} has a NUL in it"));
    }
    Ok((name.to_owned(), text.to_owned()))
}
