//! Which part of a run's tests one machine of several takes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The k-th of n parts, counted from 1: `2/4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard {
    index: u32,
    of: u32,
}

/// More parts than this is a slip of the pen.
const MOST: u32 = 10_000;

impl Shard {
    /// The part with this number, from 1, of so many; none where there is no such part.
    #[must_use]
    pub const fn new(index: u32, of: u32) -> Option<Self> {
        if index >= 1 && index <= of && of <= MOST { Some(Self { index, of }) } else { None }
    }

    /// Its number, from 1.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many there are.
    #[must_use]
    pub const fn of(self) -> u32 {
        self.of
    }

    /// All parts of so many.
    pub fn all(of: u32) -> impl Iterator<Item = Self> {
        (1..=of.min(MOST)).map(move |index| Self { index, of })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.index, self.of))
    }
}

/// A text that names no part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no shard: wanted k/n, the k-th of n, such as 2/4")]
pub struct ParseShardError(String);

impl FromStr for Shard {
    type Err = ParseShardError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let parts = text.split_once('/').and_then(|(index, of)| Some((number(index)?, number(of)?)));
        parts.and_then(|(index, of)| Self::new(index, of)).ok_or_else(|| ParseShardError(text.to_owned()))
    }
}

impl Serialize for Shard {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Shard {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_one_of_those_there_are() {
        for (text, wanted) in [("1/1", Some((1, 1))), ("2/4", Some((2, 4))), ("4/4", Some((4, 4)))] {
            let shard: Option<Shard> = text.parse().ok();
            assert_eq!(shard.map(|shard| (shard.index(), shard.of())), wanted);
            assert_eq!(shard.map(|shard| shard.to_string()).as_deref(), Some(text));
        }
        for text in ["", "1", "0/4", "5/4", "1/0", "+1/4", "1/+4", " 1/4", "1/4/2", "a/b", "1/99999999999", "1/10001"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert_eq!(Shard::all(3).map(|shard| shard.to_string()).collect::<Vec<_>>(), ["1/3", "2/3", "3/3"]);
    }
}
