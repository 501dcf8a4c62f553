//! Hashes of files that were read before, so that a workspace of thousands of files is not read anew each time.
//!
//! A file is the one that was hashed if its size, its times, its number and its device are the same. A file may be
//! written twice within one tick of the file system's clock, so that what was written shortly before it was hashed is not
//! remembered at all, as git does not trust what is as young as its index.

use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};

use crate::model::ContentHash;
use crate::sys::digest::Fields;
use crate::sys::fs;

/// The coarsest that file systems keep times.
const TICK: Duration = Duration::from_secs(2);

/// What the first line of the file says, before the hash of the rest.
const HEAD: &str = "cargo-gate files 1 ";

/// What tells a file from another one, and from itself before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    /// When its content changed, in nanoseconds.
    modified: i128,
    /// When anything of it changed, which nobody can set; where the system does not say, when it was made.
    changed: i128,
    device: u64,
    number: u64,
}

impl Stamp {
    #[cfg(unix)]
    pub(super) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            size: metadata.len(),
            modified: nanos(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanos(metadata.ctime(), metadata.ctime_nsec()),
            device: metadata.dev(),
            number: metadata.ino(),
        }
    }

    #[cfg(not(unix))]
    pub(super) fn of(metadata: &Metadata) -> Self {
        // A time that is not known is as young as can be: then nothing is remembered.
        let nanos = |time: io::Result<SystemTime>| time.map_or(i128::MAX, nanos_of);
        let (modified, changed) = (nanos(metadata.modified()), nanos(metadata.created()));
        Self { size: metadata.len(), modified, changed, device: 0, number: 0 }
    }

    fn is_older_than(&self, now: SystemTime) -> bool {
        let youngest = self.modified.max(self.changed);
        now.checked_sub(TICK).is_some_and(|limit| youngest < nanos_of(limit))
    }
}

fn nanos_of(time: SystemTime) -> i128 {
    let nanos = |duration: Duration| i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => nanos(after),
        Err(before) => -nanos(before.duration()),
    }
}

/// The files that were read before.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    known: HashMap<Utf8PathBuf, (Stamp, ContentHash)>,
    is_new: bool,
}

impl Remembered {
    /// Those that were written down. A file that is missing, damaged or of another version knows none.
    pub(super) fn load(path: &Utf8Path) -> Self {
        let text = fs_err::read_to_string(path).unwrap_or_default();
        Self { known: read(&text).unwrap_or_default(), is_new: false }
    }

    /// The hash of a file, if it is the one that was read.
    pub(super) fn recall(&self, name: &Utf8Path, stamp: &Stamp) -> Option<ContentHash> {
        self.known.get(name).filter(|(known, _)| known == stamp).map(|(_, hash)| *hash)
    }

    /// Takes in a file that was read after `now`, unless it is so young that it may change without a trace.
    pub(super) fn learn(&mut self, name: &Utf8Path, stamp: Stamp, hash: ContentHash, now: SystemTime) {
        if stamp.is_older_than(now) {
            self.known.insert(name.to_owned(), (stamp, hash));
            self.is_new = true;
        }
    }

    /// Writes down those that are still there, if there is anything new.
    pub(super) fn save(&mut self, path: &Utf8Path, is_there: impl Fn(&Utf8Path) -> bool) -> io::Result<()> {
        if !self.is_new {
            return Ok(());
        }
        self.known.retain(|name, _| is_there(name));
        fs::replace(path.as_std_path(), written(&self.known).as_bytes())?;
        self.is_new = false;
        Ok(())
    }
}

fn written(known: &HashMap<Utf8PathBuf, (Stamp, ContentHash)>) -> String {
    use std::fmt::Write;
    let mut lines = String::new();
    // A name of several lines is read anew each time.
    let mut known: Vec<_> = known.iter().filter(|(name, _)| !name.as_str().contains(['\n', '\r'])).collect();
    known.sort_by_key(|(name, _)| *name);
    for (name, (stamp, hash)) in known {
        let Stamp { size, modified, changed, device, number } = stamp;
        // Writing to a text cannot fail.
        let _ = writeln!(lines, "{hash} {size} {modified} {changed} {device} {number} {name}");
    }
    format!("{HEAD}{}\n{lines}", sum(&lines))
}

fn read(text: &str) -> Option<HashMap<Utf8PathBuf, (Stamp, ContentHash)>> {
    let (head, lines) = text.split_once('\n')?;
    if head.strip_prefix(HEAD)?.parse() != Ok(sum(lines)) {
        return None;
    }
    lines.lines().map(known_file).collect()
}

fn known_file(line: &str) -> Option<(Utf8PathBuf, (Stamp, ContentHash))> {
    let mut fields = line.splitn(7, ' ');
    let hash = fields.next()?.parse().ok()?;
    let size = fields.next()?.parse().ok()?;
    let (modified, changed) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let (device, number) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((fields.next()?.into(), (Stamp { size, modified, changed, device, number }, hash)))
}

fn sum(lines: &str) -> ContentHash {
    [lines].into_iter().collect::<Fields>().finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stamp(modified: i128, changed: i128) -> Stamp {
        Stamp { size: 1, modified, changed, device: 2, number: 3 }
    }

    #[test]
    fn what_was_written_shortly_before_it_was_read_is_not_remembered() {
        let second = 1_000_000_000;
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        for (modified, changed, is_known) in [
            (97 * second, 97 * second, true),
            (98 * second, 97 * second, false),
            (10 * second, 99 * second, false),
            (100 * second, 100 * second, false),
            (500 * second, 10 * second, false),
        ] {
            let mut remembered = Remembered::default();
            remembered.learn("a".into(), stamp(modified, changed), ContentHash([1; 16]), now);
            let known = remembered.recall("a".into(), &stamp(modified, changed));
            assert_eq!(known.is_some(), is_known, "{modified} {changed}");
        }
    }

    #[test]
    fn only_the_very_file_is_recalled() {
        let mut remembered = Remembered::default();
        let of = stamp(1, 2);
        remembered.learn("a".into(), of, ContentHash([1; 16]), SystemTime::now());
        assert_eq!(remembered.recall("a".into(), &of), Some(ContentHash([1; 16])));
        assert_eq!(remembered.recall("b".into(), &of), None);
        for other in [
            Stamp { size: 2, ..of },
            Stamp { modified: 2, ..of },
            Stamp { changed: 3, ..of },
            Stamp { device: 1, ..of },
            Stamp { number: 1, ..of },
        ] {
            assert_eq!(remembered.recall("a".into(), &other), None);
        }
    }

    #[test]
    fn what_is_gone_is_forgotten_and_what_is_damaged_knows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().join("cache/files");
        let mut remembered = Remembered::load(&path);
        remembered.save(&path, |_| true).unwrap();
        assert!(!path.exists(), "there was nothing to write");
        for name in ["a b", "gone"] {
            remembered.learn(name.into(), stamp(1, 2), ContentHash([1; 16]), SystemTime::now());
        }
        remembered.save(&path, |name| name != "gone").unwrap();
        let known = |path| Remembered::load(path).known;
        assert_eq!(known(&path).into_keys().collect::<Vec<_>>(), ["a b"]);
        let text = fs_err::read_to_string(&path).unwrap();
        for damaged in [text.replace(" 1 ", " 2 "), text[..text.len() - 4].to_owned(), String::new(), "x\n".to_owned()]
        {
            fs_err::write(&path, damaged).unwrap();
            assert!(known(&path).is_empty());
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(names in proptest::collection::hash_set("[a-z /é.]{1,9}", 0..6), time in any::<i64>()) {
            let of = stamp(time.into(), -i128::from(time));
            let known: HashMap<Utf8PathBuf, _> =
                names.into_iter().map(|name| (name.into(), (of, ContentHash([7; 16])))).collect();
            prop_assert_eq!(read(&written(&known)), Some(known));
        }

        #[test]
        fn no_text_panics(text in "(cargo-gate files 1 )?[0-9a-f \n]{0,60}") {
            let _ = read(&text);
        }
    }
}
