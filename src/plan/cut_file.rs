//! The file that tells several machines how a plan is cut. It is read as strictly as it is written: a machine that
//! understood it otherwise than the others would lose a test.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cut::{Cut, Slice, expected};
use super::digest;
use crate::model::{BinaryId, ContentHash, Isolation, Shard, millis, schema_version};

/// The version of the file's shape.
pub const SCHEMA_VERSION: u32 = 1;

/// No plan is longer than this: a million tests take less.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// The file, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutFile {
    schema_version: u32,
    /// Hash of all names that are dealt out: of the plan that was cut.
    plan_digest: ContentHash,
    /// Hash of who takes what.
    cut_digest: ContentHash,
    /// How many shards there are.
    of: u32,
    isolation: Isolation,
    shards: Vec<Part>,
}

/// One shard's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    shard: Shard,
    /// How many tests have a name in it.
    tests: u64,
    /// On one thread; null where nothing was known of any test.
    expected_ms: Option<u64>,
    binaries: Vec<Taken>,
}

/// What it takes of a binary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Taken {
    binary: String,
    /// Is that all of it?
    whole: bool,
    expected_ms: Option<u64>,
    /// Their names; none where the binary gives no list.
    tests: Vec<String>,
}

/// Why a file is no cut to go by.
#[derive(Debug, thiserror::Error)]
#[error("the shard plan `{}` {why}", .path.display())]
pub struct CutFileError {
    path: PathBuf,
    why: Wrong,
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("is larger than any plan")]
    TooLarge,
    #[error("is damaged: {0}")]
    NotOne(#[from] serde_json::Error),
    #[error("is of version {0}, and this program knows version {SCHEMA_VERSION}: use the one that wrote it")]
    Version(u32),
    #[error("does not hold together: {0}")]
    Inconsistent(String),
}

impl From<&Cut> for CutFile {
    fn from(cut: &Cut) -> Self {
        let parts = cut.parts().map(|(shard, slices)| Part {
            shard,
            tests: slices.iter().map(|slice| slice.tests.len() as u64).sum(),
            expected_ms: expected(slices).map(millis),
            binaries: slices
                .iter()
                .map(|slice| Taken {
                    binary: slice.binary.to_string(),
                    whole: slice.whole,
                    expected_ms: slice.expected.map(millis),
                    tests: slice.tests.clone(),
                })
                .collect(),
        });
        Self {
            schema_version: SCHEMA_VERSION,
            plan_digest: digest(&cut.names()),
            cut_digest: cut.digest(),
            of: u32::try_from(cut.shards.len()).unwrap_or(u32::MAX),
            isolation: cut.isolation,
            shards: parts.collect(),
        }
    }
}

/// Reads a cut from a file.
///
/// # Errors
///
/// A sentence on what is wrong with the file.
pub fn load(path: &Path) -> Result<Cut, CutFileError> {
    let read = || {
        let mut bytes = Vec::new();
        fs_err::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(Wrong::TooLarge);
        }
        parse(&bytes)
    };
    read().map_err(|why| CutFileError { path: path.to_owned(), why })
}

fn parse(bytes: &[u8]) -> Result<Cut, Wrong> {
    match schema_version(bytes)? {
        SCHEMA_VERSION => {}
        other => return Err(Wrong::Version(other)),
    }
    let file: CutFile = serde_json::from_slice(bytes)?;
    let wrong = |why: String| Wrong::Inconsistent(why);
    let expected: Vec<Shard> = Shard::all(file.of).collect();
    if file.shards.iter().map(|part| part.shard).ne(expected) {
        return Err(wrong(format!("it does not list the shards 1/{0} to {0}/{0} in their order", file.of)));
    }
    let shards: Result<Vec<Vec<Slice>>, Wrong> = file.shards.into_iter().map(slices).collect();
    let cut = Cut { isolation: file.isolation, shards: shards? };
    let mut holders: BTreeMap<&BinaryId, usize> = BTreeMap::new();
    cut.shards.iter().flatten().for_each(|slice| *holders.entry(&slice.binary).or_default() += 1);
    let contradicts = |slice: &&Slice| slice.whole != (holders.get(&slice.binary) == Some(&1));
    if let Some(slice) = cut.shards.iter().flatten().find(contradicts) {
        return Err(wrong(format!("it contradicts itself over whether `{}` is whole", slice.binary)));
    }
    let names = cut.names();
    if let Some(name) = twice(&names) {
        return Err(wrong(format!("it deals out `{name}` twice")));
    }
    if digest(&names) != file.plan_digest {
        return Err(wrong("its names are not those that its `plan_digest` is of".to_owned()));
    }
    if cut.digest() != file.cut_digest {
        return Err(wrong("its shards are not those that its `cut_digest` is of".to_owned()));
    }
    Ok(cut)
}

fn slices(part: Part) -> Result<Vec<Slice>, Wrong> {
    let slice = |taken: Taken| {
        let binary: BinaryId = taken.binary.parse().map_err(|error| Wrong::Inconsistent(format!("{error}")))?;
        let expected = taken.expected_ms.map(Duration::from_millis);
        Ok(Slice { binary, whole: taken.whole, tests: taken.tests, expected })
    };
    part.binaries.into_iter().map(slice).collect()
}

fn twice(names: &[String]) -> Option<&str> {
    names.iter().zip(names.iter().skip(1)).find(|(name, next)| name == next).map(|(name, _)| name.as_str())
}

/// How the tests that are there differ from those that were cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// They were not cut.
    pub new: Vec<String>,
    /// They are not there any more.
    pub missing: Vec<String>,
}

impl Difference {
    /// Compares sorted names; none where they are the same.
    #[must_use]
    pub fn between(cut: &[String], there: &[String]) -> Option<Self> {
        let (cut, there): (BTreeSet<&String>, BTreeSet<&String>) = (cut.iter().collect(), there.iter().collect());
        let only = |these: &BTreeSet<&String>, those: &BTreeSet<&String>| {
            these.difference(those).map(|name| (*name).clone()).collect::<Vec<_>>()
        };
        let difference = Self { new: only(&there, &cut), missing: only(&cut, &there) };
        (!difference.new.is_empty() || !difference.missing.is_empty()).then_some(difference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::cut::{Content, Uncut};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn of(binaries: &[(&str, &[&str])], shards: u32) -> Cut {
        let uncut = |(binary, tests): &(&str, &[&str])| Uncut {
            binary: binary.parse().unwrap(),
            content: match tests.is_empty() {
                true => Content::Whole(None),
                false => Content::Tests(tests.iter().map(|name| ((*name).to_owned(), None)).collect()),
            },
        };
        Cut::of(binaries.iter().map(uncut).collect(), shards, Isolation::Shared)
    }

    fn written(cut: &Cut) -> Value {
        serde_json::to_value(CutFile::from(cut)).unwrap()
    }

    fn read(document: &Value) -> Result<Cut, String> {
        parse(document.to_string().as_bytes()).map_err(|wrong| wrong.to_string())
    }

    fn example() -> Cut {
        of(&[("app/app", &["a::b", "c"]), ("app/test:db", &["x", "y", "z"]), ("app/doc:doc", &[])], 2)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            names in proptest::collection::vec(proptest::collection::btree_set("\\PC{1,8}", 1..9), 1..5),
            times in proptest::collection::vec(proptest::option::of(0..100_000_u64), 40),
            shards in 1..6_u32,
        ) {
            let uncut = |(at, names): (usize, &BTreeSet<String>)| Uncut {
                binary: format!("app/test:b{at}").parse().unwrap(),
                content: Content::Tests(names.iter().cloned().zip(times.iter().map(|ms| ms.map(Duration::from_millis))).collect()),
            };
            let cut = Cut::of(names.iter().enumerate().map(uncut).collect(), shards, Isolation::Process);
            let again = read(&written(&cut)).unwrap();
            prop_assert_eq!((again.names(), again.digest()), (cut.names(), cut.digest()));
            prop_assert_eq!(again.isolation, cut.isolation);
        }

        #[test]
        fn what_is_no_plan_is_refused_in_a_sentence(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(!parse(&bytes).unwrap_err().to_string().is_empty());
        }

        #[test]
        fn a_plan_that_was_tampered_with_is_refused(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = written(&example()).to_string().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(cut) = parse(&bytes) {
                prop_assert_eq!((cut.names(), cut.digest()), (example().names(), example().digest()));
            }
        }
    }

    #[test]
    fn a_plan_that_does_not_hold_together_says_where() {
        let change = |change: &dyn Fn(&mut Value)| {
            let mut document = written(&example());
            change(&mut document);
            read(&document).unwrap_err()
        };
        for (said, wanted) in [
            (change(&|file| file["schema_version"] = json!(2)), "is of version 2, and this program knows version 1"),
            (change(&|file| file["florp"] = json!(1)), "unknown field `florp`"),
            (change(&|file| file["of"] = json!(3)), "does not list the shards 1/3 to 3/3"),
            (change(&|file| file["of"] = json!(u32::MAX)), "does not list the shards"),
            (change(&|file| file["shards"][0]["shard"] = json!("9/2")), "is no shard"),
            (change(&|file| file["plan_digest"] = json!("00".repeat(16))), "`plan_digest`"),
            (change(&|file| file["cut_digest"] = json!("00".repeat(16))), "`cut_digest`"),
            (
                change(&|file| file["shards"][0]["binaries"][0]["binary"] = json!("no key")),
                "`no key` is not a test binary",
            ),
            (change(&|file| file["shards"][0]["binaries"][0]["whole"] = json!(true)), "over whether"),
            (change(&|file| drop(file["shards"][1]["binaries"].as_array_mut().unwrap().remove(0))), "`plan_digest`"),
            (
                change(&|file| {
                    let tests = file["shards"][0]["binaries"][0]["tests"].as_array_mut().unwrap();
                    let first = tests[0].clone();
                    tests.push(first);
                }),
                "twice",
            ),
        ] {
            assert!(said.contains(wanted), "{said} / {wanted}");
        }
        let huge = change(&|file| {
            file["shards"][0]["binaries"][0]["expected_ms"] = json!(u64::MAX);
            file["shards"][0]["binaries"][0]["tests"] = json!([]);
        });
        assert!(huge.contains("`plan_digest`"));
        let missing = load(Path::new("nowhere/plan.json")).unwrap_err().to_string();
        assert!(missing.starts_with("the shard plan `nowhere/plan.json` cannot be read: "), "{missing}");
    }

    #[test]
    fn what_changed_since_the_cut_is_named() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (cut, there) = (names(&["a", "b", "c"]), names(&["b", "c", "d", "e"]));
        let difference = Difference { new: names(&["d", "e"]), missing: names(&["a"]) };
        assert_eq!(Difference::between(&cut, &there), Some(difference));
        assert_eq!(Difference::between(&cut, &cut), None);
    }
}
