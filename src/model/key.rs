//! The identity of a test: (package, kind, binary, name), written `package/kind:binary::path`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What sort of target a test lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A library's unit tests (proc-macro crates included).
    Lib,
    /// A binary's unit tests.
    Bin,
    /// An integration test.
    Test,
    /// An example.
    Example,
    /// A benchmark, run as a test.
    Bench,
    /// A crate's documentation tests.
    Doc,
    /// A suite that is not Rust.
    Suite,
}

impl Kind {
    /// Every kind, in the order of cargo's own run.
    pub const ALL: [Self; 7] = [Self::Lib, Self::Bin, Self::Test, Self::Example, Self::Bench, Self::Doc, Self::Suite];

    /// The kind as it is written in a key.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lib => "lib",
            Self::Bin => "bin",
            Self::Test => "test",
            Self::Example => "example",
            Self::Bench => "bench",
            Self::Doc => "doc",
            Self::Suite => "suite",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| ParseKeyError::new(text, "a kind (lib, bin, test, example, bench, doc, suite)"))
    }
}

/// Text that is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct ParseKeyError {
    text: String,
    wanted: &'static str,
}

impl ParseKeyError {
    pub(crate) fn new(text: &str, wanted: &'static str) -> Self {
        Self { text: text.to_owned(), wanted }
    }
}

/// One test binary: a target of a package. Doctests of a crate are one, named `doc`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BinaryId {
    /// The package's name.
    pub package: String,
    /// What sort of target it is.
    pub kind: Kind,
    /// The target's name.
    pub binary: String,
}

impl fmt::Display for BinaryId {
    /// `package/kind:binary`, without `lib:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Lib => write!(f, "{}/{}", self.package, self.binary),
            kind => write!(f, "{}/{}:{}", self.package, kind, self.binary),
        }
    }
}

impl FromStr for BinaryId {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = || ParseKeyError::new(text, "a test binary (package/kind:binary)");
        let (package, target) = text.split_once('/').ok_or_else(wanted)?;
        let (kind, binary) = match target.split_once(':') {
            Some((kind, binary)) => (kind.parse()?, binary),
            None => (Kind::Lib, target),
        };
        if package.is_empty() || binary.is_empty() || binary.starts_with(':') || binary.contains("::") {
            return Err(wanted());
        }
        Ok(Self { package: package.to_owned(), kind, binary: binary.to_owned() })
    }
}

/// One test. Within a run, a key is unique.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TestKey {
    /// The binary the test lives in.
    #[serde(flatten)]
    pub binary: BinaryId,
    /// The test's path inside its binary, as its harness lists it.
    pub name: String,
}

impl TestKey {
    /// The name of a case that stands for a whole process, when no test of it is left to blame.
    pub const WHOLE_PROCESS: &'static str = "(process)";

    /// Does it stand for a whole process? Of results in which suites lie in suites it may be one of these.
    #[must_use]
    pub fn is_whole_process(&self) -> bool {
        let within = self.name.strip_suffix(Self::WHOLE_PROCESS);
        within.is_some_and(|suites| suites.is_empty() || suites.ends_with("::"))
    }
}

impl fmt::Display for TestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.binary, self.name)
    }
}

impl FromStr for TestKey {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = || ParseKeyError::new(text, "a test key (package/kind:binary::path)");
        let (package, rest) = text.split_once('/').ok_or_else(wanted)?;
        let (target, name) = rest.split_once("::").ok_or_else(wanted)?;
        if name.is_empty() {
            return Err(wanted());
        }
        Ok(Self { binary: format!("{package}/{target}").parse().map_err(|_| wanted())?, name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_and_read_back() {
        for (text, kind, binary, name) in [
            ("app/app::tests::adds", Kind::Lib, "app", "tests::adds"),
            ("app/bin:app::tests::adds", Kind::Bin, "app", "tests::adds"),
            ("app/test:db::slow", Kind::Test, "db", "slow"),
            ("app/doc:doc::src/lib.rs - add #1", Kind::Doc, "doc", "src/lib.rs - add #1"),
        ] {
            let key: TestKey = text.parse().unwrap();
            assert_eq!((key.binary.kind, key.binary.binary.as_str(), key.name.as_str()), (kind, binary, name));
            assert_eq!(key.to_string(), text);
        }
        let long: TestKey = "app/lib:app::a".parse().unwrap();
        assert_eq!(long.to_string(), "app/app::a");
    }

    #[test]
    fn a_whole_process_is_told_from_a_test_also_within_suites() {
        let is_whole = |name: &str| {
            let key: TestKey = format!("app/test:py::{name}").parse().unwrap();
            key.is_whole_process()
        };
        assert!(["(process)", "a::(process)", "a::b::(process)"].into_iter().all(is_whole));
        assert!(!["process", "a(process)", "a:(process)", "(process)::a", "(process) #2"].into_iter().any(is_whole));
    }

    #[test]
    fn a_test_of_a_library_named_like_a_kind_is_no_binary() {
        for kind in Kind::ALL {
            assert!(format!("app/{kind}::a").parse::<BinaryId>().is_err(), "{kind}");
        }
    }

    #[test]
    fn what_is_no_key_is_named() {
        for text in ["", "app", "app/app", "app/what:app::x", "/app::x", "app/::x", "app/app::"] {
            assert!(text.parse::<TestKey>().is_err(), "{text}");
        }
    }
}
