//! Finds the folders of parts, and reads them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::folder::{LCOV, NOTE, RUN};
use super::note::{Note, VERSION};
use super::part::{Contents, Left, Part, Unreadable};
use crate::history::portable;
use crate::history::store::FinishedRun;
use crate::model::{ContentHash, schema_version};
use crate::sys::digest::hash_file;

/// The largest `shard.json`.
const MOST_NOTE: u64 = 256 << 20;
/// The largest run, compressed.
const MOST_RUN: u64 = 256 << 20;
/// The largest lcov file.
const MOST_LCOV: u64 = 2 << 30;
/// The most folders, and the most entries of a directory that are looked at.
const MOST_FOLDERS: usize = 20_000;
/// How deep below what was named folders may lie.
const DEPTH: usize = 2;

/// What was found in the directories that were named.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// What parts left, in order of their places.
    pub left: Vec<Left>,
    /// What cannot be understood.
    pub unreadable: Vec<Unreadable>,
    /// The directories in which there is nothing of the kind.
    pub empty: Vec<String>,
}

/// Reads every part's folder that these directories are, or hold at most two levels below.
#[must_use]
pub fn find(dirs: &[PathBuf]) -> Found {
    let (mut found, mut seen) = (Found::default(), Vec::new());
    for dir in dirs {
        let mut folders = Vec::new();
        let looked = folders_in(dir, DEPTH, &mut folders);
        let place = dir.display().to_string();
        match looked {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                found.unreadable.push(Unreadable { place, why: error.to_string() });
            }
            _ if folders.is_empty() => found.empty.push(place),
            _ => {}
        }
        for folder in folders {
            // Who names a folder and what holds it names it once.
            let own = folder.canonicalize().unwrap_or_else(|_| folder.clone());
            if seen.contains(&own) {
                continue;
            }
            seen.push(own);
            match read(&folder) {
                Ok(left) => found.left.push(left),
                Err(why) => found.unreadable.push(Unreadable { place: folder.display().to_string(), why }),
            }
        }
    }
    found
}

/// Is this a file that a part's folder is made of, in such a folder? The machines of a matrix may all leave theirs in the
/// checkout, or in copies of it: none is a part of what is tested.
#[must_use]
pub fn is_left_by_a_shard(file: &Path) -> bool {
    let is_named_so = [NOTE, RUN, LCOV].iter().any(|name| file.file_name().is_some_and(|of| of == *name));
    is_named_so && file.parent().is_some_and(|folder| read_note(folder).is_ok())
}

/// The folders of parts at or below a directory, in order of their names.
fn folders_in(dir: &Path, depth: usize, folders: &mut Vec<PathBuf>) -> io::Result<()> {
    if dir.join(NOTE).symlink_metadata().is_ok() {
        folders.push(dir.to_owned());
        return Ok(());
    }
    let mut inside = Vec::new();
    for entry in fs_err::read_dir(dir)?.take(MOST_FOLDERS) {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            inside.push(entry.path());
        }
    }
    inside.sort();
    for below in inside.iter().filter(|_| depth > 0) {
        if folders.len() >= MOST_FOLDERS {
            return Err(io::Error::other(format!("there are more than {MOST_FOLDERS} folders in it")));
        }
        folders_in(below, depth - 1, folders)?;
    }
    Ok(())
}

/// Reads what a part left.
fn read(folder: &Path) -> Result<Left, String> {
    let (part, contents) = read_note(folder)?;
    let run = match contents.run {
        Some(hash) => {
            let path = folder.join(RUN);
            let file = open(&path, MOST_RUN)?;
            verify(&path, RUN, hash)?;
            Some(run_of(file, &part)?)
        }
        None => None,
    };
    let lcov = match contents.lcov {
        Some(hash) => {
            let path = folder.join(LCOV);
            open(&path, MOST_LCOV)?;
            verify(&path, LCOV, hash)?;
            Some(path)
        }
        None => None,
    };
    Ok(Left { place: folder.display().to_string(), part, run, lcov })
}

/// Reads what a folder says of its part.
fn read_note(folder: &Path) -> Result<(Part, Contents), String> {
    let mut bytes = Vec::new();
    let note = open(&folder.join(NOTE), MOST_NOTE)?;
    note.take(MOST_NOTE).read_to_end(&mut bytes).map_err(|error| of(NOTE, &error))?;
    let version = schema_version(&bytes).map_err(|error| of(NOTE, &error))?;
    if version != VERSION {
        return Err(of(NOTE, &format!("it has version {version} of the format, known here is {VERSION}")));
    }
    let note: Note = serde_json::from_slice(&bytes).map_err(|error| of(NOTE, &error))?;
    note.into_part().map_err(|why| of(NOTE, &why))
}

fn of(name: &str, why: &dyn std::fmt::Display) -> String {
    format!("`{name}`: {why}")
}

/// Opens a file that is one: no link to another place, no pipe, not larger than any that is written.
fn open(path: &Path, most: u64) -> Result<File, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let metadata = path.symlink_metadata().map_err(|error| of(&name, &error))?;
    if !metadata.is_file() {
        return Err(of(&name, &"it is no file"));
    }
    if metadata.len() > most {
        return Err(of(&name, &format!("it is larger than {} MiB", most >> 20)));
    }
    File::open(path).map_err(|error| of(&name, &error))
}

/// Is it the file that was there when the part ended?
fn verify(path: &Path, name: &str, wanted: ContentHash) -> Result<(), String> {
    match hash_file(path) {
        Ok(hash) if hash == wanted => Ok(()),
        Ok(_) => Err(of(name, &"it is not the one that `shard.json` was written with")),
        Err(error) => Err(of(name, &error)),
    }
}

/// The one run of a file, which is the part's.
fn run_of(file: File, part: &Part) -> Result<FinishedRun, String> {
    let mut runs = portable::read(file).map_err(|error| of(RUN, &error))?;
    let run = runs.next().ok_or_else(|| of(RUN, &"there is no run in it"))?.map_err(|error| of(RUN, &error))?;
    if let Some(more) = runs.next() {
        return Err(more.map_or_else(|error| of(RUN, &error), |_| of(RUN, &"there are several runs in it")));
    }
    let (head, noted) = (&run.record.head, &part.head);
    let is_same = (&head.id, head.shard, head.start, &head.context)
        == (&noted.id, Some(part.shard), noted.start, &noted.context)
        && (&head.commit, head.dirty, head.input_key) == (&noted.commit, noted.dirty, noted.input_key)
        && run.record.plan_digest == part.portion.as_ref().map(|portion| portion.whole);
    match is_same {
        true => Ok(run),
        false => Err(of(RUN, &"it is of another run than `shard.json`, or says something else of it")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::folder::Folder;
    use super::super::made::parts;
    use super::super::part::{End, MeasuredPart};
    use super::*;

    const CUT: [&[&str]; 2] = [&["app/app::a", "app/app::fails"], &["app/doc:doc"]];

    /// Writes what a part leaves, with figures.
    fn write(dir: &Path, left: &Left) -> Folder {
        let folder = Folder::at(dir);
        let mut part = left.part.clone();
        part.measured = Some(MeasuredPart { selected: "whole".into(), measurer: Some("m 1".into()), why_not: None });
        let begun = Part { end: End::Begun, ..part.clone() };
        folder.begin(&begun).unwrap();
        folder.go_on(&begun).unwrap();
        fs_err::write(folder.lcov(), "SF:src/lib.rs\nDA:1,1\nend_of_record\n").unwrap();
        folder.end(&part, left.run.as_ref().unwrap()).unwrap();
        folder
    }

    fn why(dir: &Path) -> String {
        let found = find(&[dir.to_owned()]);
        assert!(found.left.is_empty() && found.empty.is_empty(), "{found:?}");
        found.unreadable.into_iter().next().unwrap().why
    }

    #[test]
    fn what_a_part_left_is_found_and_read_where_ci_puts_it() {
        let place = tempfile::tempdir().unwrap();
        let left = parts(&CUT);
        write(&place.path().join("shard-2"), &left[1]);
        write(&place.path().join("artifacts/shard-1"), &left[0]);
        fs_err::create_dir_all(place.path().join("empty")).unwrap();
        let dirs = ["", "artifacts", "empty", "missing"].map(|name| place.path().join(name));
        let found = find(&dirs);
        assert_eq!((found.unreadable.len(), found.empty.len()), (0, 2), "{found:?}");
        for (read, left) in found.left.iter().zip(&left) {
            assert_eq!(
                (&read.part.head, &read.part.portion, &read.part.end),
                (&left.part.head, &left.part.portion, &left.part.end)
            );
            let (read_run, run) = (read.run.as_ref().unwrap(), left.run.as_ref().unwrap());
            assert_eq!((&read_run.record, &read_run.cases), (&run.record, &run.cases));
            assert!(read.lcov.as_ref().unwrap().ends_with(LCOV));
        }
    }

    #[test]
    fn a_part_that_never_ended_says_so_whatever_an_earlier_one_left() {
        let place = tempfile::tempdir().unwrap();
        let left = parts(&CUT);
        let folder = write(place.path(), &left[0]);
        let begun = Part { end: End::Begun, ..left[0].part.clone() };
        folder.begin(&begun).unwrap();
        assert_eq!(fs_err::read_dir(place.path()).unwrap().count(), 1);
        let found = find(&[place.path().to_owned()]);
        assert_eq!((&found.left[0].part, found.left[0].run.is_none()), (&begun, true));
        let refused =
            Part { end: End::Refused(crate::exit_code::ExitCode::Config, "why".into()), portion: None, ..begun };
        folder.begin(&refused).unwrap();
        assert_eq!(find(&[place.path().to_owned()]).left[0].part, refused);
    }

    #[test]
    fn files_of_two_attempts_and_files_that_are_none_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let (one, two) = (place.path().join("one"), place.path().join("two"));
        let left = parts(&CUT);
        write(&one, &left[0]);
        write(&two, &left[1]);
        fs_err::copy(one.join(RUN), two.join(RUN)).unwrap();
        assert_eq!(why(&two), "`run.ndjson.gz`: it is not the one that `shard.json` was written with");
        fs_err::remove_file(two.join(RUN)).unwrap();
        assert!(why(&two).starts_with("`run.ndjson.gz`: "), "{}", why(&two));
        fs_err::write(one.join(LCOV), "SF:other\nend_of_record\n").unwrap();
        assert_eq!(why(&one), "`coverage.info`: it is not the one that `shard.json` was written with");
        #[cfg(unix)]
        {
            write(&two, &left[1]);
            fs_err::remove_file(two.join(RUN)).unwrap();
            std::os::unix::fs::symlink("/dev/zero", two.join(RUN)).unwrap();
            assert_eq!(why(&two), "`run.ndjson.gz`: it is no file");
        }
    }

    #[test]
    fn a_note_that_contradicts_itself_or_its_run_is_refused() {
        let place = tempfile::tempdir().unwrap();
        write(place.path(), &parts(&CUT)[0]);
        let path = place.path().join(NOTE);
        let text = fs_err::read_to_string(&path).unwrap();
        for (from, to, what) in [
            ("\"schema_version\":1,\"state\"", "\"schema_version\":2,\"stage\"", "it has version 2 of the format"),
            ("\"state\"", "\"mood\":1,\"state\"", "unknown field `mood`"),
            ("\"1/2\"", "\"3/2\"", "`3/2` is no shard"),
            ("\"1/2\"", "\"2/2\"", "it is of another run"),
            ("\"commit\":\"abc\"", "\"commit\":\"def\"", "it is of another run"),
            ("\"app/app::a\",", "\"app/app::z\",", "`names` are not in order"),
            ("\"not_run\":[]", "\"not_run\":[\"x\"]", "`x` was not run, and was none of its tests"),
            ("\"state\":\"ended\"", "\"state\":\"begun\"", "does not fit together"),
            ("\"run_id\":\"", "\"run_id\":\"../", "is no run's name"),
            ("2027-", "9999-", "which no history holds"),
        ] {
            assert!(text.contains(from), "{from} is not in {text}");
            fs_err::write(&path, text.replacen(from, to, 1)).unwrap();
            assert!(why(place.path()).contains(what), "{from} → {to}: {}", why(place.path()));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_note_panics(bytes in prop::collection::vec(any::<u8>(), 0..60), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let place = tempfile::tempdir().unwrap();
            write(place.path(), &parts(&CUT)[0]);
            let path = place.path().join(NOTE);
            let mut note = fs_err::read(&path).unwrap();
            let index = at.index(note.len());
            note[index] = byte;
            fs_err::write(&path, &note).unwrap();
            let _ = find(&[place.path().to_owned()]);
            fs_err::write(&path, &bytes).unwrap();
            prop_assert_eq!(find(&[place.path().to_owned()]).unreadable.len(), 1);
        }
    }
}
