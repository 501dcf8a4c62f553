//! A question to the database: its text, and values with their types.
//!
//! The types are told along, so that nothing has to be prepared: a question and its answer are one round trip.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// A value as it is sent.
type Sent = Box<dyn ToSql + Sync + Send>;

/// A question to the database.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) sql: Cow<'static, str>,
    values: Vec<(Sent, Type)>,
}

impl Question {
    pub(super) fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { sql: sql.into(), values: Vec::new() }
    }

    /// The next value.
    pub(super) fn with<T: Scalar>(mut self, value: T) -> Self {
        self.values.push((Box::new(value), T::TYPE));
        self
    }

    /// The next value, a list.
    pub(super) fn with_each<T: Scalar>(mut self, values: Vec<T>) -> Self {
        self.values.push((Box::new(values), T::LIST));
        self
    }

    /// The same values with other words.
    pub(super) fn saying(self, sql: String) -> Self {
        Self { sql: sql.into(), ..self }
    }

    /// The number of the next value.
    pub(super) fn next(&self) -> usize {
        self.values.len() + 1
    }

    pub(super) fn values(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.values.iter().map(|(value, of)| (&**value as &(dyn ToSql + Sync), of.clone())).collect()
    }
}

/// A value of a column.
pub(super) trait Scalar: ToSql + fmt::Debug + Sync + Send + 'static {
    /// Its type.
    const TYPE: Type;
    /// The type of a list of such values.
    const LIST: Type;
}

impl Scalar for bool {
    const TYPE: Type = Type::BOOL;
    const LIST: Type = Type::BOOL_ARRAY;
}

impl Scalar for i64 {
    const TYPE: Type = Type::INT8;
    const LIST: Type = Type::INT8_ARRAY;
}

impl Scalar for Vec<u8> {
    const TYPE: Type = Type::BYTEA;
    const LIST: Type = Type::BYTEA_ARRAY;
}

impl Scalar for Text {
    const TYPE: Type = Type::TEXT;
    const LIST: Type = Type::TEXT_ARRAY;
}

impl<T: Scalar> Scalar for Option<T> {
    const TYPE: Type = T::TYPE;
    const LIST: Type = T::LIST;
}

/// Stands before `0` for a NUL, and before itself for itself.
const ESCAPE: char = '\u{1a}';

/// Any text, in a column that can hold all characters but NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn of(text: &str) -> Self {
        if !text.contains(['\0', ESCAPE]) {
            return Self(text.to_owned());
        }
        let mut written = String::with_capacity(text.len() + 8);
        for c in text.chars() {
            match c {
                '\0' => written.extend([ESCAPE, '0']),
                ESCAPE => written.extend([ESCAPE, ESCAPE]),
                c => written.push(c),
            }
        }
        Self(written)
    }

    pub(super) fn maybe(text: Option<&str>) -> Option<Self> {
        text.map(Self::of)
    }

    /// The text that was written; what nobody wrote is taken as it stands.
    pub(super) fn into_string(self) -> String {
        if !self.0.contains(ESCAPE) {
            return self.0;
        }
        let mut text = String::with_capacity(self.0.len());
        let mut rest = self.0.chars();
        while let Some(c) = rest.next() {
            match (c, c == ESCAPE && !rest.as_str().is_empty()) {
                (_, true) => match rest.next() {
                    Some('0') => text.push('\0'),
                    Some(c) => text.push(c),
                    None => {}
                },
                (c, false) => text.push(c),
            }
        }
        text
    }
}

impl ToSql for Text {
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql(of, out)
    }

    fn accepts(of: &Type) -> bool {
        <String as ToSql>::accepts(of)
    }

    to_sql_checked!();
}

impl<'r> FromSql<'r> for Text {
    fn from_sql(of: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        String::from_sql(of, raw).map(Self)
    }

    fn accepts(of: &Type) -> bool {
        <String as FromSql<'_>>::accepts(of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_written_without_nul_and_read_as_it_was(
            pieces in prop::collection::vec(prop_oneof!["[\0\u{1a}0a]", ".{0,3}"], 0..20),
        ) {
            let text = pieces.concat();
            let written = Text::of(&text);
            prop_assert!(!written.0.contains('\0'));
            prop_assert_eq!(written.into_string(), text);
        }

        #[test]
        fn what_nobody_wrote_is_read_all_the_same(text in "[\u{1a}0a]{0,9}") {
            let _ = Text(text).into_string();
        }
    }
}
