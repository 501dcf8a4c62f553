//! The shapes there are.

use std::fmt::Display;
use std::time::Duration;

use camino::Utf8PathBuf;
use jiff::civil::Date;
use serde_json::{Value, json};
use toml::de::DeValue;

use super::address::without_password;
use super::shape::{FromEnvironment, Raw, Shape};
use super::values::RatchetWhen;
use super::which::Which;
use crate::model::{
    KeyPattern, PackagePatterns, PathPatterns, Percent, Word, parse_duration, parse_size, write_duration, write_size,
};

/// `true` or `false`.
pub(super) const SWITCH: Shape<bool> = Shape {
    wanted: || "true or false".to_owned(),
    read: |raw| match raw {
        Raw::Toml(DeValue::Boolean(value)) => Ok(*value),
        Raw::Text("true" | "1" | "yes" | "on") => Ok(true),
        Raw::Text("false" | "0" | "no" | "off") => Ok(false),
        _ => Err(raw.misfit()),
    },
    show: |value| json!(value),
    schema: || json!({"type": "boolean"}),
    environment: FromEnvironment::Strict,
};

/// Text that is not empty.
pub(super) const TEXT: Shape<String> = Shape {
    wanted: || "a text that is not empty".to_owned(),
    read: |raw| match raw.text()? {
        "" => Err("empty".to_owned()),
        text => Ok(text.to_owned()),
    },
    show: |value| json!(value),
    schema: || json!({"type": "string", "minLength": 1}),
    environment: FromEnvironment::Strict,
};

/// A list of texts.
pub(super) const WORDS: Shape<Vec<String>> = Shape {
    wanted: || "a list of texts, such as [\"a\", \"b\"]".to_owned(),
    read: |raw| raw.words(),
    show: |value| json!(value),
    schema: || json!({"type": "array", "items": {"type": "string"}}),
    environment: FromEnvironment::Strict,
};

/// One of a closed set of words.
pub(super) const fn word<W: Word + Display>() -> Shape<W> {
    Shape {
        wanted: || one_of::<W>(),
        read: |raw| {
            let text = raw.text()?;
            W::from_word(text).ok_or_else(|| format!("{text:?} is none of them"))
        },
        show: |value| json!(value.word()),
        schema: word_schema::<W>,
        environment: FromEnvironment::Strict,
    }
}

/// Several of a closed set of words.
pub(super) const fn several<W: Word + Display>() -> Shape<Vec<W>> {
    Shape {
        wanted: || format!("a list of {}", one_of::<W>()),
        read: |raw| {
            let read = |text: &String| W::from_word(text).ok_or_else(|| format!("{text:?} is none of them"));
            raw.words()?.iter().map(read).collect()
        },
        show: |value| value.iter().map(|one| one.word()).collect(),
        schema: || json!({"type": "array", "items": word_schema::<W>()}),
        environment: FromEnvironment::Strict,
    }
}

fn one_of<W: Word>() -> String {
    let words: Vec<String> = W::ALL.iter().map(|one| format!("\"{}\"", one.word())).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

pub(super) fn word_schema<W: Word>() -> Value {
    json!({"enum": W::ALL.iter().map(|one| one.word()).collect::<Vec<_>>()})
}

/// A number of things that is at least one.
pub(super) const AT_LEAST_ONE: Shape<usize> = Shape {
    wanted: || "a whole number, 1 or more".to_owned(),
    read: at_least_one,
    show: |value| json!(value),
    schema: || json!({"type": "integer", "minimum": 1}),
    environment: FromEnvironment::Strict,
};

/// A number of things.
pub(super) const COUNT: Shape<usize> = Shape {
    wanted: || "a whole number, 0 or more".to_owned(),
    read: |raw| {
        let count = raw.integer()?;
        usize::try_from(count).map_err(|_| format!("{count} is below zero"))
    },
    show: |value| json!(value),
    schema: || json!({"type": "integer", "minimum": 0}),
    environment: FromEnvironment::Strict,
};

/// How many outcomes are looked at: more than a hundred are not remembered one by one.
pub(super) const WINDOW: Shape<usize> = Shape {
    wanted: || "a whole number from 1 to 100".to_owned(),
    read: |raw| match at_least_one(raw)? {
        count @ 1..=100 => Ok(count),
        count => Err(format!("{count} is above 100")),
    },
    show: |value| json!(value),
    schema: || json!({"type": "integer", "minimum": 1, "maximum": 100}),
    environment: FromEnvironment::Strict,
};

fn at_least_one<N: TryFrom<i64>>(raw: Raw<'_>) -> Result<N, String> {
    let count = raw.integer()?;
    if count < 1 {
        return Err(format!("{count} is not above zero"));
    }
    N::try_from(count).map_err(|_| format!("{count} is too large"))
}

/// A number of things, or the word that leaves it to the machine.
pub(super) const SLOTS: Shape<Option<usize>> = Shape {
    wanted: || "a whole number, 1 or more, or \"auto\"".to_owned(),
    read: |raw| if raw.text() == Ok("auto") { Ok(None) } else { at_least_one(raw).map(Some) },
    show: |value| value.map_or(json!("auto"), |count| json!(count)),
    schema: || json!({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "auto"}]}),
    environment: FromEnvironment::Strict,
};

/// A number of things that has a limit, or none.
pub(super) const COUNT_LIMIT: Shape<Option<u64>> = Shape {
    wanted: || "a whole number, 1 or more, or \"none\"".to_owned(),
    read: |raw| if raw.text() == Ok("none") { Ok(None) } else { at_least_one(raw).map(Some) },
    show: |value| value.map_or(json!("none"), |count| json!(count)),
    schema: count_limit_schema,
    environment: FromEnvironment::Strict,
};

fn count_limit_schema() -> Value {
    json!({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "none"}]})
}

/// How often the suite is tried again. Zero is refused in the file, and falls back in the environment, like every
/// count that is not positive: who wants no further try says so in words.
pub(super) const TRIES: Shape<u32> = Shape {
    wanted: || "a whole number, 1 or more, or \"none\"".to_owned(),
    read: |raw| if raw.text() == Ok("none") { Ok(0) } else { at_least_one(raw) },
    show: |value| if *value == 0 { json!("none") } else { json!(value) },
    schema: count_limit_schema,
    environment: FromEnvironment::FallsBack,
};

/// A whole number of either sign.
pub(super) const WHOLE: Shape<i64> = Shape {
    wanted: || "a whole number".to_owned(),
    read: |raw| raw.integer(),
    show: |value| json!(value),
    schema: || json!({"type": "integer"}),
    environment: FromEnvironment::Strict,
};

/// A limit of time, or none.
pub(super) const LIMIT: Shape<Option<Duration>> = Shape {
    wanted: wanted_duration,
    read: |raw| match raw.text()? {
        "none" => Ok(None),
        text => duration(text).map(Some),
    },
    show: |value| value.map_or(json!("none"), |limit| json!(write_duration(limit))),
    schema: duration_schema,
    environment: FromEnvironment::FallsBack,
};

/// A time to wait, or none.
pub(super) const PAUSE: Shape<Duration> = Shape {
    wanted: wanted_duration,
    read: |raw| match raw.text()? {
        "none" => Ok(Duration::ZERO),
        text => duration(text),
    },
    show: |value| if value.is_zero() { json!("none") } else { json!(write_duration(*value)) },
    schema: duration_schema,
    environment: FromEnvironment::FallsBack,
};

fn wanted_duration() -> String {
    "a duration such as \"90s\", \"10m\", \"1h30m\", or \"none\"".to_owned()
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|why| format!("{text:?} {why}"))
}

pub(super) fn duration_schema() -> Value {
    json!({"type": "string", "description": "90s, 10m, 1h30m, 500ms, none"})
}

/// A number of bytes, or no limit.
pub(super) const SIZE_LIMIT: Shape<Option<u64>> = Shape {
    wanted: || "a size such as \"500MB\" or \"1GiB\", or \"none\"".to_owned(),
    read: |raw| match raw.text()? {
        "none" => Ok(None),
        text => parse_size(text).map(Some).map_err(|why| format!("{text:?} {why}")),
    },
    show: |value| value.map_or(json!("none"), |size| json!(write_size(size))),
    schema: || json!({"type": "string", "description": "500MB, 1GiB, none"}),
    environment: FromEnvironment::Strict,
};

/// A percentage.
pub(super) const PERCENT: Shape<Percent> = Shape {
    wanted: || "a percentage from 0 to 100 with at most four decimals".to_owned(),
    read: |raw| percent(raw.decimal()?),
    show: show_percent,
    schema: || json!({"type": "number", "minimum": 0, "maximum": 100}),
    environment: FromEnvironment::Strict,
};

/// A percentage of tolerance: a negative one counts as none.
pub(super) const TOLERANCE: Shape<Percent> = Shape {
    wanted: || "a percentage from 0 to 100 with at most four decimals".to_owned(),
    read: |raw| match raw.decimal()?.strip_prefix('-') {
        Some(rest) => percent(rest).map(|_| Percent::ZERO),
        None => percent(raw.decimal()?),
    },
    show: show_percent,
    schema: || json!({"type": "number", "maximum": 100}),
    environment: FromEnvironment::Strict,
};

pub(super) fn percent(digits: &str) -> Result<Percent, String> {
    digits.parse::<Percent>().map_err(|why| format!("{digits} {why}"))
}

pub(super) fn show_percent(value: &Percent) -> Value {
    // Only for display: a decimal of at most seven digits comes out of a float as it went in.
    value.to_string().parse::<serde_json::Number>().map_or(Value::Null, Value::Number)
}

/// A file, or the word for the usual one.
pub(super) const FILE: Shape<Option<Utf8PathBuf>> =
    Shape { wanted: || "a file, relative to the workspace root, or \"auto\"".to_owned(), ..FOLDER };

/// A revision of git's, or none.
pub(super) const REVISION: Shape<Option<String>> = Shape {
    wanted: || "a revision such as \"origin/main\", or \"none\"".to_owned(),
    read: |raw| match (TEXT.read)(raw)?.as_str() {
        "none" => Ok(None),
        // It would be a flag of git's.
        text if text.starts_with('-') => Err(format!("{text:?} is no revision")),
        text => Ok(Some(text.to_owned())),
    },
    show: |value| value.as_ref().map_or(json!("none"), |text| json!(text)),
    schema: || json!({"type": "string", "minLength": 1}),
    environment: FromEnvironment::Strict,
};

/// A folder, or the word for the usual one.
pub(super) const FOLDER: Shape<Option<Utf8PathBuf>> = Shape {
    wanted: || "a folder, relative to the workspace root, or \"auto\"".to_owned(),
    read: |raw| match (TEXT.read)(raw)?.as_str() {
        "auto" => Ok(None),
        text => Ok(Some(Utf8PathBuf::from(text))),
    },
    show: |value| value.as_ref().map_or(json!("auto"), |path| json!(path)),
    schema: || json!({"type": "string", "minLength": 1}),
    environment: FromEnvironment::Strict,
};

/// An address, shown without its password, or none.
pub(super) const ADDRESS: Shape<Option<String>> = Shape {
    wanted: || "an address such as \"postgres://host/name\", or \"none\"".to_owned(),
    // The text may hold a password: it is not repeated.
    read: |raw| {
        let url = (TEXT.read)(raw)?;
        if url == "none" {
            return Ok(None);
        }
        let (scheme, rest) = url.split_once("://").ok_or("no scheme")?;
        if !matches!(scheme, "postgres" | "postgresql") {
            return Err("neither postgres:// nor postgresql://".to_owned());
        }
        if rest.is_empty() {
            return Err("no host".to_owned());
        }
        if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("a space or a control character in it".to_owned());
        }
        Ok(Some(url))
    },
    show: |value| value.as_deref().map_or(json!("none"), |url| json!(without_password(url))),
    schema: || json!({"type": "string", "pattern": "^(none|postgres(ql)?://\\S+)$"}),
    environment: FromEnvironment::Strict,
};

/// A glob over written test keys.
pub(super) const KEYS: Shape<KeyPattern> = Shape {
    wanted: || "a glob over test keys, such as \"app/test:db::*\" (`*` stops at `/`, `**` does not)".to_owned(),
    read: |raw| {
        let text = raw.text()?;
        KeyPattern::new(text).map_err(|why| format!("{text:?}: {why}"))
    },
    show: |value| json!(value.as_str()),
    schema: || json!({"type": "string", "minLength": 1}),
    environment: FromEnvironment::Strict,
};

/// Which tests: a glob in the gate's own file, whatever else they may be shown as.
pub(super) const TESTS: Shape<Which> = Shape {
    wanted: KEYS.wanted,
    read: |raw| (KEYS.read)(raw).map(Which::Keys),
    show: |value| json!(value.as_str()),
    schema: KEYS.schema,
    environment: KEYS.environment,
};

/// Globs over package names.
pub(super) const PACKAGES: Shape<PackagePatterns> = Shape {
    wanted: || "a list of globs over package names, such as [\"app\", \"core-*\"]".to_owned(),
    read: |raw| PackagePatterns::new(&raw.words()?).map_err(|why| why.to_string()),
    show: |value| value.texts().collect(),
    schema: || json!({"type": "array", "items": {"type": "string", "minLength": 1}}),
    environment: FromEnvironment::Strict,
};

/// Globs over paths.
pub(super) const PATHS: Shape<PathPatterns> = Shape {
    wanted: || "a list of globs over files, such as [\"src/*.rs\", \"core/**\"]".to_owned(),
    read: |raw| PathPatterns::new(&raw.words()?).map_err(|why| why.to_string()),
    show: |value| value.texts().collect(),
    schema: || json!({"type": "array", "items": {"type": "string", "minLength": 1}}),
    environment: FromEnvironment::Strict,
};

/// A day.
pub(super) const DAY: Shape<Date> = Shape {
    wanted: || "a date without quotes, such as 2027-01-31".to_owned(),
    read: |raw| match raw {
        Raw::Toml(DeValue::Datetime(toml::value::Datetime { date: Some(date), time: None, offset: None })) => {
            date.to_string().parse().map_err(|_| format!("{date} is no day"))
        }
        _ => Err(raw.misfit()),
    },
    show: |value| json!(value.to_string()),
    schema: || json!({"type": "string", "format": "date"}),
    environment: FromEnvironment::Strict,
};

/// When the ratchet may rise.
pub(super) const RATCHET: Shape<RatchetWhen> = Shape {
    wanted: || "\"default-branch\", \"on-pass\", \"manual\", or a list of branches".to_owned(),
    read: |raw| match raw.text() {
        Ok("default-branch") => Ok(RatchetWhen::DefaultBranch),
        Ok("on-pass") => Ok(RatchetWhen::OnPass),
        Ok("manual") => Ok(RatchetWhen::Manual),
        Ok(text) => Err(format!("{text:?} is none of them")),
        Err(_) => raw.words().map(RatchetWhen::Branches),
    },
    show: |value| match value {
        RatchetWhen::DefaultBranch => json!("default-branch"),
        RatchetWhen::OnPass => json!("on-pass"),
        RatchetWhen::Manual => json!("manual"),
        RatchetWhen::Branches(names) => json!(names),
    },
    schema: || {
        json!({"anyOf": [
            {"enum": ["default-branch", "on-pass", "manual"]},
            {"type": "array", "items": {"type": "string"}},
        ]})
    },
    environment: FromEnvironment::Strict,
};
