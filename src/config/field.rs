//! A key of a table in the file, and the place in the typed settings where its value belongs.

use serde_json::Value;

use super::shape::{FromEnvironment, Raw, Shape};

/// Where in an `S` a value belongs.
pub struct At<S: 'static, T: 'static> {
    /// Puts it there.
    pub set: fn(&mut S, T),
    /// Looks at it; `None` where it was not given.
    pub get: fn(&S) -> Option<T>,
    /// What it looks like.
    pub shape: Shape<T>,
}

/// [`At`], whatever the value's type.
pub trait Place<S>: Sync {
    /// Reads a value and puts it there; the error says in a few words what is wrong with it.
    fn write(&self, to: &mut S, raw: Raw<'_>) -> Result<(), String>;
    /// Shows the value that is there.
    fn show(&self, from: &S) -> Option<Value>;
    /// The shape in a few words.
    fn wanted(&self) -> String;
    /// The JSON Schema of values in the file.
    fn schema(&self) -> Value;
    /// What a bad value means where it comes from the environment.
    fn environment(&self) -> FromEnvironment;
}

impl<S, T> Place<S> for At<S, T> {
    fn write(&self, to: &mut S, raw: Raw<'_>) -> Result<(), String> {
        (self.shape.read)(raw).map(|value| (self.set)(to, value))
    }

    fn show(&self, from: &S) -> Option<Value> {
        (self.get)(from).map(|value| (self.shape.show)(&value))
    }

    fn wanted(&self) -> String {
        (self.shape.wanted)()
    }

    fn schema(&self) -> Value {
        (self.shape.schema)()
    }

    fn environment(&self) -> FromEnvironment {
        self.shape.environment
    }
}

/// The place of a value that is always there.
macro_rules! at {
    ($of:ident . $($path:ident).+, $shape:expr) => {
        &$crate::config::field::At {
            set: |to: &mut $of, value| to.$($path).+ = value,
            get: |from: &$of| Some(from.$($path).+.clone()),
            shape: $shape,
        }
    };
}

/// The place of a value that may be left out.
macro_rules! maybe {
    ($of:ident . $($path:ident).+, $shape:expr) => {
        &$crate::config::field::At {
            set: |to: &mut $of, value| to.$($path).+ = Some(value),
            get: |from: &$of| from.$($path).+.clone(),
            shape: $shape,
        }
    };
}

/// The place of a list that is not shown where it is empty.
macro_rules! unless_empty {
    ($of:ident . $($path:ident).+, $shape:expr) => {
        &$crate::config::field::At {
            set: |to: &mut $of, value| to.$($path).+ = value,
            get: |from: &$of| (!from.$($path).+.is_empty()).then(|| from.$($path).+.clone()),
            shape: $shape,
        }
    };
}

pub(super) use {at, maybe, unless_empty};

/// Must a key be there?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Without it the table says nothing.
    Required,
    /// It may be left out.
    Optional,
}

/// A key of a table in the file.
pub struct Field<S: 'static> {
    /// The key, kebab-case.
    pub key: &'static str,
    /// Must it be there?
    pub presence: Presence,
    /// Where its value belongs.
    pub place: &'static dyn Place<S>,
    /// What it is for, in a phrase.
    pub help: &'static str,
}

impl<S> Field<S> {
    /// A key that may be left out.
    pub(super) const fn optional(key: &'static str, place: &'static dyn Place<S>, help: &'static str) -> Self {
        Self { key, presence: Presence::Optional, place, help }
    }

    /// A key that must be there.
    pub(super) const fn required(key: &'static str, place: &'static dyn Place<S>, help: &'static str) -> Self {
        Self { key, presence: Presence::Required, place, help }
    }
}
