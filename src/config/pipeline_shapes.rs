//! Shapes that only a pipeline's tables have.

use serde_json::{Value, json};
use toml::de::DeValue;

use super::shape::{FromEnvironment, Raw, Shape};
use super::shapes::{TEXT, percent, show_percent};
use crate::model::Percent;

/// A command: a program and its arguments, or a line for the shell.
pub(super) const COMMAND: Shape<Vec<String>> = Shape {
    wanted: || "a list such as [\"cargo\", \"clippy\"], or a text with `shell = true`".to_owned(),
    read: |raw| match raw.text() {
        Ok(_) => (TEXT.read)(raw).map(|line| vec![line]),
        Err(_) => match raw.words()? {
            words if words.is_empty() => Err("empty".to_owned()),
            words => Ok(words),
        },
    },
    show: |value| json!(value),
    schema: || json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
    environment: FromEnvironment::Strict,
};

/// A share, from none to all.
pub(super) const RATE: Shape<Percent> = Shape {
    wanted: || "a share from 0.0 to 1.0 with at most four decimals".to_owned(),
    read: |raw| match percent(raw.decimal()?)? {
        share if share.ten_thousandths() > 10_000 => Err(format!("{share} is above 1")),
        share => Ok(share),
    },
    show: show_percent,
    schema: || json!({"type": "number", "minimum": 0, "maximum": 1}),
    environment: FromEnvironment::Strict,
};

/// An HTTP status.
pub(super) const STATUS: Shape<i64> = Shape {
    wanted: || "an HTTP status, 100 to 599".to_owned(),
    read: |raw| match raw.integer()? {
        status @ 100..=599 => Ok(status),
        status => Err(format!("{status} is none")),
    },
    show: |value| json!(value),
    schema: || json!({"type": "integer", "minimum": 100, "maximum": 599}),
    environment: FromEnvironment::Strict,
};

/// Variables and their values.
pub(super) const VARIABLES: Shape<Vec<(String, String)>> = Shape {
    wanted: || "a table of texts, such as { LANG = \"C\" }".to_owned(),
    read: |raw| match raw {
        Raw::Toml(DeValue::Table(table)) => table
            .iter()
            .map(|(name, value)| Ok((name.get_ref().to_string(), Raw::Toml(value.get_ref()).text()?.to_owned())))
            .collect(),
        _ => Err(raw.misfit()),
    },
    show: |value| value.iter().cloned().map(|(name, text)| (name, Value::from(text))).collect(),
    schema: || json!({"type": "object", "additionalProperties": {"type": "string"}}),
    environment: FromEnvironment::Strict,
};
