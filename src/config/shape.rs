//! What the shape of a value is: how it is read, shown, named to people and described to machines.

use serde_json::Value;
use toml::de::DeValue;

/// A value as it was written, somewhere.
#[derive(Clone, Copy, Debug)]
pub enum Raw<'a> {
    /// In a variable or after a flag, where everything is text.
    Text(&'a str),
    /// In a file, where values have types.
    Toml(&'a DeValue<'a>),
}

impl<'a> Raw<'a> {
    pub(super) fn text(self) -> Result<&'a str, String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Toml(value) => value.as_str().ok_or_else(|| self.misfit()),
        }
    }

    pub(super) fn integer(self) -> Result<i64, String> {
        let (digits, radix) = match self {
            Self::Text(text) => (text, 10),
            Self::Toml(DeValue::Integer(integer)) => (integer.as_str(), integer.radix()),
            Self::Toml(_) => return Err(self.misfit()),
        };
        i64::from_str_radix(digits, radix).map_err(|_| "not a whole number in range".to_owned())
    }

    /// The digits of a number as they were written, so that no float is ever rounded.
    pub(super) fn decimal(self) -> Result<&'a str, String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Toml(DeValue::Float(float)) => Ok(float.as_str()),
            Self::Toml(DeValue::Integer(integer)) if integer.radix() == 10 => Ok(integer.as_str()),
            Self::Toml(_) => Err(self.misfit()),
        }
    }

    pub(super) fn words(self) -> Result<Vec<String>, String> {
        match self {
            Self::Text(text) => Ok(text.split_whitespace().map(str::to_owned).collect()),
            Self::Toml(DeValue::Array(array)) => {
                array.iter().map(|item| Raw::Toml(item.get_ref()).text().map(str::to_owned)).collect()
            }
            Self::Toml(_) => Err(self.misfit()),
        }
    }

    pub(super) fn misfit(self) -> String {
        match self {
            Self::Text(text) => format!("{text:?} does not fit"),
            Self::Toml(value) => match value.type_str() {
                kind @ ("integer" | "array") => format!("an {kind} does not fit"),
                kind => format!("a {kind} does not fit"),
            },
        }
    }
}

/// What a bad value means where it comes from the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromEnvironment {
    /// A mistake that stops everything, as in the file.
    Strict,
    /// A warning: what lies below stays in force.
    FallsBack,
}

/// A shape of values.
pub struct Shape<T: 'static> {
    /// The shape in a few words, after "wanted:".
    pub wanted: fn() -> String,
    /// Reads a value; the error says in a few words what is wrong with it.
    pub read: fn(Raw<'_>) -> Result<T, String>,
    /// Shows a value as it would be written.
    pub show: fn(&T) -> Value,
    /// The JSON Schema of values in the file.
    pub schema: fn() -> Value,
    /// What a bad value means where it comes from the environment.
    pub environment: FromEnvironment,
}
