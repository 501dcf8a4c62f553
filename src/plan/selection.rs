//! What the user asked for beyond libtest's filters: globs over keys, the failed ones, the changed ones.

use std::collections::BTreeSet;

use crate::model::{BinaryId, KeyPattern, TestKey};

/// What is asked for; empty is everything.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Any of these globs must match, if there are any.
    pub patterns: Vec<KeyPattern>,
    /// Only these tests.
    pub keys: Option<BTreeSet<TestKey>>,
    /// Only tests of these binaries.
    pub binaries: Option<BTreeSet<BinaryId>>,
}

impl Selection {
    /// Is everything asked for?
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        self.patterns.is_empty() && self.keys.is_none() && self.binaries.is_none()
    }

    /// Is this test asked for?
    #[must_use]
    pub fn accepts(&self, key: &TestKey) -> bool {
        let process = TestKey { binary: key.binary.clone(), name: TestKey::WHOLE_PROCESS.to_owned() };
        // What stands for a whole process stands for each of its tests.
        let names = |pattern: &KeyPattern| {
            pattern.is_match(key) || (pattern.as_str().ends_with(TestKey::WHOLE_PROCESS) && pattern.is_match(&process))
        };
        (self.patterns.is_empty() || self.patterns.iter().any(names))
            && self.keys.as_ref().is_none_or(|keys| keys.contains(key) || keys.contains(&process))
            && self.binaries.as_ref().is_none_or(|binaries| binaries.contains(&key.binary))
    }

    /// May a binary that gives no list have a test that is asked for? `known` are its tests of earlier runs.
    #[must_use]
    pub fn may_accept<'a>(&self, binary: &BinaryId, known: impl IntoIterator<Item = &'a TestKey>) -> bool {
        if self.binaries.as_ref().is_some_and(|binaries| !binaries.contains(binary)) {
            return false;
        }
        if let Some(keys) = &self.keys {
            return keys.iter().any(|key| key.binary == *binary && self.accepts(key));
        }
        self.patterns.is_empty()
            || known.into_iter().any(|key| self.accepts(key))
            || self.patterns.iter().any(|pattern| begins_alike(pattern.as_str(), binary))
    }
}

/// Could a glob match something in the binary, as far as its part before the first wildcard tells?
fn begins_alike(pattern: &str, binary: &BinaryId) -> bool {
    let literal = pattern.split(['*', '?', '[', '{', '\\']).next().unwrap_or_default();
    let written = format!("{binary}::");
    let long = written.replacen('/', "/lib:", usize::from(!written.contains(':') || written.contains("::")));
    [written, long].iter().any(|name| name.starts_with(literal) || literal.starts_with(name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(pattern: &str) -> Selection {
        Selection { patterns: vec![KeyPattern::new(pattern).unwrap()], ..Selection::default() }
    }

    #[test]
    fn what_stands_for_a_process_stands_for_its_tests() {
        let (test, other): (TestKey, TestKey) = ("app/app::a".parse().unwrap(), "app/test:b::a".parse().unwrap());
        let process: TestKey = "app/app::(process)".parse().unwrap();
        let failed = Selection { keys: Some([process].into()), ..Selection::default() };
        assert!(failed.accepts(&test) && !failed.accepts(&other));
        let selected = selection("app/app::(process)");
        assert!(selected.accepts(&test) && !selected.accepts(&other));
    }

    #[test]
    fn a_unit_without_a_list_runs_if_it_may_hold_what_is_asked_for() {
        let doc: BinaryId = "app/doc:doc".parse().unwrap();
        for (pattern, wanted) in [
            ("app/doc:doc::src/lib.rs - add #1", true),
            ("app/doc:*", true),
            ("**", true),
            ("a*/**", true),
            ("other/**", false),
            ("app/test:db::*", false),
        ] {
            assert_eq!(selection(pattern).may_accept(&doc, []), wanted, "{pattern}");
        }
        let key: TestKey = "app/doc:doc::src/lib.rs - add #1".parse().unwrap();
        assert!(selection("*/doc:doc::src/**").may_accept(&doc, [&key]));
        let failed = Selection { keys: Some([key].into()), ..Selection::default() };
        assert!(failed.may_accept(&doc, []));
        assert!(!failed.may_accept(&"app/test:db".parse().unwrap(), []));
        assert!(Selection::default().may_accept(&doc, []) && Selection::default().is_everything());
    }
}
