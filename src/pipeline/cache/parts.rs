//! What a step depends on, as hashes by name, and what it says where they differ.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::survey::Seen;
use crate::model::{ContentHash, RunId};
use crate::sys::digest::Fields;

/// Everything that a step depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// By the name that a sentence has for it: `the command`, `RUSTFLAGS`, `config file clippy.toml`.
    pub named: BTreeMap<String, ContentHash>,
    /// The files that it reads, relative to the workspace root.
    pub files: BTreeMap<Utf8PathBuf, ContentHash>,
    /// A file that it may read and nobody here can: then nothing is known for certain. Never written down.
    #[serde(skip)]
    pub unreadable: Option<Utf8PathBuf>,
}

/// What the cache knows of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// It passed, and nothing that it depends on changed since.
    Hit {
        /// When it passed.
        passed_at: Timestamp,
        /// In which run.
        run_id: RunId,
        /// How long it took then.
        took: Duration,
        /// How many files it depends on.
        files: usize,
    },
    /// It must run.
    Miss {
        /// Why, as a sentence without its full stop.
        why: String,
    },
}

impl Lookup {
    /// Why it need not run, or why it must.
    #[must_use]
    pub fn why(&self) -> String {
        match self {
            Self::Hit { run_id, files: 0, .. } => format!("nothing that it depends on changed since {run_id}"),
            Self::Hit { run_id, files: 1, .. } => format!("its 1 file did not change since {run_id}"),
            Self::Hit { run_id, files, .. } => format!("nothing of {files} files changed since {run_id}"),
            Self::Miss { why } => why.clone(),
        }
    }

    pub(super) fn miss(why: impl Into<String>) -> Self {
        Self::Miss { why: why.into() }
    }
}

impl Parts {
    /// Adds what was seen of its files.
    pub(super) fn add_files(&mut self, seen: Seen) {
        self.files.extend(seen.files);
        self.add_unreadable(seen.unreadable);
    }

    pub(super) fn add_unreadable(&mut self, file: Option<Utf8PathBuf>) {
        self.unreadable = self.unreadable.take().or(file);
    }

    /// Adds a part that is made of several texts.
    pub(super) fn add<T: AsRef<[u8]>>(&mut self, name: impl Into<String>, fields: impl IntoIterator<Item = T>) {
        self.named.insert(name.into(), fields.into_iter().collect::<Fields>().finish());
    }

    /// All of them as one hash.
    #[must_use]
    pub fn key(&self) -> ContentHash {
        let mut fields = Fields::default();
        fields.put(&(self.named.len() as u64).to_le_bytes());
        let named = self.named.iter().map(|(name, hash)| (name.as_str(), hash));
        for (name, hash) in named.chain(self.files.iter().map(|(path, hash)| (path.as_str(), hash))) {
            fields.put(name.as_bytes());
            fields.put(&hash.0);
        }
        fields.finish()
    }

    /// What is not as it was: `src/lib.rs changed (and 2 more)`. Nothing where everything is.
    #[must_use]
    pub fn difference(&self, before: &Self) -> Option<String> {
        let named = differences(&before.named, &self.named);
        let files = differences(&before.files, &self.files);
        let names = named.iter().map(|(name, how)| format!("{name} {how}"));
        let mut all = names.chain(files.iter().map(|(path, how)| format!("{path} {how}")));
        let first = all.next()?;
        Some(match all.count() {
            0 => first,
            more => format!("{first} (and {more} more)"),
        })
    }

    /// A file of another content than before.
    pub(super) fn changed_file<'a>(&'a self, before: &'a Self) -> Option<&'a Utf8Path> {
        differences(&before.files, &self.files).first().map(|(path, _)| path.as_path())
    }
}

/// What changed comes first, then what is new, then what is gone.
fn differences<'a, K: Ord>(
    before: &'a BTreeMap<K, ContentHash>,
    now: &'a BTreeMap<K, ContentHash>,
) -> Vec<(&'a K, &'static str)> {
    let changed = now.iter().filter(|(key, hash)| before.get(key).is_some_and(|before| before != *hash));
    let new = now.keys().filter(|key| !before.contains_key(key));
    let gone = before.keys().filter(|key| !now.contains_key(key));
    let changed = changed.map(|(key, _)| (key, "changed"));
    changed.chain(new.map(|key| (key, "is new"))).chain(gone.map(|key| (key, "is gone"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(named: &[(&str, u8)], files: &[(&str, u8)]) -> Parts {
        Parts {
            named: named.iter().map(|(name, of)| ((*name).to_owned(), ContentHash([*of; 16]))).collect(),
            files: files.iter().map(|(path, of)| ((*path).into(), ContentHash([*of; 16]))).collect(),
            unreadable: None,
        }
    }

    #[test]
    fn a_difference_is_named_settings_before_files_and_changes_before_news() {
        let before = parts(&[("rustc", 1), ("the command", 1)], &[("a", 1), ("b", 1), ("c", 1)]);
        for (now, said) in [
            (before.clone(), None),
            (parts(&[("rustc", 2), ("the command", 1)], &[("a", 1), ("b", 1), ("c", 1)]), Some("rustc changed")),
            (
                parts(&[("rustc", 1), ("the command", 1)], &[("a", 2), ("b", 2), ("c", 2)]),
                Some("a changed (and 2 more)"),
            ),
            (parts(&[("rustc", 1), ("the command", 1)], &[("a", 1), ("b", 1), ("c", 1), ("d", 1)]), Some("d is new")),
            (parts(&[("rustc", 1), ("the command", 1)], &[("a", 1), ("c", 1)]), Some("b is gone")),
            (
                parts(&[("rustc", 1), ("the command", 1)], &[("a", 1), ("c", 2), ("d", 1)]),
                Some("c changed (and 2 more)"),
            ),
            (parts(&[("CC", 1), ("rustc", 1)], &[("a", 2), ("b", 1), ("c", 1)]), Some("CC is new (and 2 more)")),
        ] {
            assert_eq!(now.difference(&before).as_deref(), said);
            assert_eq!(now.key() == before.key(), said.is_none());
        }
    }

    #[test]
    fn a_name_is_never_taken_for_a_file() {
        assert_ne!(parts(&[("a", 1)], &[]).key(), parts(&[], &[("a", 1)]).key());
        assert_ne!(parts(&[("a", 1)], &[("b", 1)]).key(), parts(&[("a", 1), ("b", 1)], &[]).key());
    }

    fn any_parts() -> impl Strategy<Value = Parts> {
        let hash = || any::<u8>().prop_map(|of| ContentHash([of; 16]));
        let named = proptest::collection::btree_map("[a-z]{1,3}", hash(), 1..5);
        let files = proptest::collection::btree_map("[a-z]{1,3}".prop_map(Utf8PathBuf::from), hash(), 1..5);
        (named, files).prop_map(|(named, files)| Parts { named, files, unreadable: None })
    }

    proptest! {
        #[test]
        fn any_change_of_any_part_is_a_difference_that_names_it(
            before in any_parts(), at in any::<prop::sample::Index>(), change in 0..3_u8,
        ) {
            let mut now = before.clone();
            let at = at.index(before.named.len() + before.files.len());
            let name = match before.named.keys().nth(at) {
                Some(name) => {
                    match change {
                        0 => drop(now.named.remove(name)),
                        1 => drop(now.named.insert(name.clone(), ContentHash([1; 16]))),
                        _ => drop(now.named.insert(format!("{name}+"), ContentHash([1; 16]))),
                    }
                    name.clone()
                }
                None => {
                    let path = before.files.keys().nth(at - before.named.len()).unwrap();
                    match change {
                        0 => drop(now.files.remove(path)),
                        1 => drop(now.files.insert(path.clone(), ContentHash([1; 16]))),
                        _ => drop(now.files.insert(format!("{path}+").into(), ContentHash([1; 16]))),
                    }
                    path.to_string()
                }
            };
            let said = now.difference(&before);
            prop_assert_eq!(said.is_none(), now == before);
            prop_assert_eq!(now.key() == before.key(), now == before);
            if let Some(said) = said {
                prop_assert!(said.starts_with(&name) && !said.contains("more"), "{} {}", said, name);
            }
        }
    }
}
