//! An archive, read: nothing of it is believed that its inventory does not list, and nothing lands outside of the target
//! directory. What was unpacked once is not unpacked again while it stays as it is.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use flate2::read::GzDecoder;
use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::inventory::FileEntry;
use super::{Error, INVENTORY, Inventory, stale};
use crate::model::ContentHash;
use crate::sys::digest::hash_file;
use crate::sys::fs::{Lock, lock, replace};

/// No `archive.json` is larger.
const MOST_OF_AN_INVENTORY: u64 = 64 << 20;

/// In the target directory: what was unpacked there last, and whose turn it is.
const MARKER: &str = "gate/unpacked.json";
const LOCK: &str = "gate/unpacked.lock";

/// How long to wait for the lock before asking whether to wait on.
const GLANCE: Duration = Duration::from_millis(100);

/// Beside the content of a file: its header, a long name, what fills its last block.
const MOST_OF_A_HEADER: u64 = 64 << 10;

/// Where an archive is unpacked.
pub struct Destination<'a> {
    /// The target directory.
    pub target_directory: &'a Utf8Path,
    /// The members of the workspace, by name: what cargo remembers of builds of them here holds no more.
    pub packages: &'a BTreeSet<&'a str>,
    /// Asked between files: does the user want an end?
    pub is_interrupted: &'a dyn Fn() -> bool,
}

/// A stream that ends with an error where more comes than was allowed: a few bytes can be packed gigabytes.
struct Metered {
    inner: GzDecoder<BufReader<File>>,
    allowed: Rc<Cell<u64>>,
}

impl Read for Metered {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let allowed = self.allowed.get();
        let most = usize::try_from(allowed).unwrap_or(usize::MAX).min(into.len());
        let count = self.inner.read(into.get_mut(..most.max(1)).unwrap_or_default())?;
        self.allowed
            .set(allowed.checked_sub(count as u64).ok_or_else(|| io::Error::other("it is longer than it says"))?);
        Ok(count)
    }
}

/// An archive that is being read, entry by entry.
struct Reading<'a> {
    path: &'a Path,
    entries: tar::Entries<'a, Metered>,
    allowed: Rc<Cell<u64>>,
}

/// The stream of an archive, and how much of it may be read.
fn stream(path: &Path) -> Result<(tar::Archive<Metered>, Rc<Cell<u64>>), Error> {
    let allowed = Rc::new(Cell::new(0));
    let inner = GzDecoder::new(BufReader::new(fs::File::open(path)?.into_parts().0));
    Ok((tar::Archive::new(Metered { inner, allowed: Rc::clone(&allowed) }), allowed))
}

fn no_archive(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::Refused(format!("`{}` is no archive that can be used: {why}", path.display()))
}

/// Reads what an archive says of itself.
pub fn open(path: &Path) -> Result<Inventory, Error> {
    let (mut archive, allowed) = stream(path)?;
    Reading { path, entries: archive.entries()?, allowed }.inventory()
}

impl<'a> Reading<'a> {
    fn next(&mut self) -> Result<Option<tar::Entry<'a, Metered>>, Error> {
        self.allowed.set(MOST_OF_A_HEADER);
        self.entries.next().transpose().map_err(|error| no_archive(self.path, error))
    }

    /// What it begins with.
    fn inventory(&mut self) -> Result<Inventory, Error> {
        let mut first = self.next()?.ok_or_else(|| no_archive(self.path, "it is empty"))?;
        if *first.path_bytes() != *INVENTORY.as_bytes() || !is_plain(&first) {
            return Err(no_archive(self.path, format!("it does not begin with {INVENTORY}")));
        }
        let size = first.size();
        if size > MOST_OF_AN_INVENTORY {
            return Err(no_archive(self.path, format!("its {INVENTORY} has {size} bytes")));
        }
        self.allowed.set(size);
        let mut json = Vec::new();
        first.read_to_end(&mut json).map_err(|error| no_archive(self.path, error))?;
        Inventory::parse(&json).map_err(|why| no_archive(self.path, why))
    }
}

/// A file with a content of its own: no link, no device.
fn is_plain<R: Read>(entry: &tar::Entry<'_, R>) -> bool {
    entry.header().entry_type() == tar::EntryType::Regular
}

/// Puts what is in an archive into the target directory. Gives false where all of it was there already.
pub fn unpack(path: &Path, into: &Destination<'_>) -> Result<bool, Error> {
    let target = into.target_directory;
    fs::create_dir_all(target)?;
    let _turn = wait_for_turn(into)?;
    let hash = hash_file(path)?;
    let marker = target.join(MARKER);
    if Marker::load(&marker).is_some_and(|marker| marker.holds(hash, target)) {
        return Ok(false);
    }
    // From here on until all is done, what is there is of no archive.
    if marker.exists() {
        fs::remove_file(&marker)?;
    }
    let (mut archive, allowed) = stream(path)?;
    let mut reading = Reading { path, entries: archive.entries()?, allowed: Rc::clone(&allowed) };
    let inventory = reading.inventory()?;
    stale::forget(target, inventory.files.keys().map(String::as_str), into.packages)?;
    let mut unpacked = Marker { schema_version: 1, archive: hash, files: Vec::new() };
    reading.unpack(&inventory, into, &mut unpacked)?;
    // Its end holds a checksum of the whole.
    allowed.set(MOST_OF_A_HEADER);
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(|error| no_archive(path, error))?;
    unpacked.directories(&inventory);
    unpacked.save(&marker)?;
    Ok(true)
}

impl Reading<'_> {
    fn unpack(&mut self, inventory: &Inventory, into: &Destination<'_>, unpacked: &mut Marker) -> Result<(), Error> {
        let (path, target) = (self.path, into.target_directory);
        let mut room = Room::of(target)?;
        for directory in &inventory.directories {
            room.make(&target.join(directory))?;
        }
        let mut left = inventory.files.clone();
        while let Some(mut entry) = self.next()? {
            if (into.is_interrupted)() {
                return Err(Error::Interrupted);
            }
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let Some(wanted) = left.remove(&name).filter(|wanted| is_plain(&entry) && wanted.size == entry.size())
            else {
                return Err(no_archive(path, format!("it holds `{name}` otherwise than it says")));
            };
            self.allowed.set(wanted.size);
            let at = target.join(&name);
            room.write(&at, &mut entry, wanted).map_err(|error| no_archive(path, format!("`{name}`: {error}")))?;
            let stamp = stamp(&at).ok_or_else(|| no_archive(path, format!("`{name}` cannot be written")))?;
            unpacked.files.push((name, stamp));
        }
        match left.keys().next() {
            Some(name) => Err(no_archive(path, format!("`{name}` is missing in it: is it cut short?"))),
            None => Ok(()),
        }
    }
}

fn wait_for_turn(into: &Destination<'_>) -> Result<Lock, Error> {
    loop {
        match lock(into.target_directory.join(LOCK).as_std_path(), GLANCE) {
            Ok(turn) => return Ok(turn),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                if (into.is_interrupted)() {
                    return Err(Error::Interrupted);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The target directory, out of which no link that lies in it leads.
struct Room {
    root: Utf8PathBuf,
    seen: BTreeSet<Utf8PathBuf>,
}

impl Room {
    fn of(target: &Utf8Path) -> Result<Self, Error> {
        Ok(Self { root: target.canonicalize_utf8()?, seen: BTreeSet::new() })
    }

    /// Makes a directory, step by step, so that none is made behind a link that leads out.
    fn make(&mut self, directory: &Utf8Path) -> Result<(), Error> {
        if self.seen.contains(directory) {
            return Ok(());
        }
        if !directory.is_dir() {
            if let Some(above) = directory.parent() {
                self.make(above)?;
            }
            fs::create_dir_all(directory)?;
        }
        if !directory.canonicalize_utf8()?.starts_with(&self.root) {
            return Err(Error::Refused(format!("`{directory}` leads out of the target directory")));
        }
        self.seen.insert(directory.to_owned());
        Ok(())
    }

    fn write(&mut self, at: &Utf8Path, from: &mut impl Read, wanted: FileEntry) -> Result<(), Error> {
        let directory = at.parent().unwrap_or(at);
        self.make(directory)?;
        let mut file = tempfile::Builder::new().prefix(".gate-").suffix(".tmp").tempfile_in(directory)?;
        let written = io::copy(&mut from.take(wanted.size), file.as_file_mut())?;
        if written != wanted.size {
            return Err(Error::Refused(format!("{written} bytes of {}", wanted.size)));
        }
        permit(file.as_file(), wanted.executable)?;
        file.persist(at).map_err(|failed| failed.error)?;
        Ok(())
    }
}

#[cfg(unix)]
fn permit(file: &File, executable: bool) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 }))
}

#[cfg(not(unix))]
fn permit(_: &File, _: bool) -> io::Result<()> {
    Ok(())
}

/// Length and time of a file, in nanoseconds; of a directory, that it is one.
type Stamp = Option<(u64, u128)>;

/// What was unpacked, and how it was then: cargo, or a test, may have changed it since.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    schema_version: u64,
    archive: ContentHash,
    files: Vec<(String, Stamp)>,
}

impl Marker {
    fn load(path: &Utf8Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    fn save(&self, path: &Utf8Path) -> io::Result<()> {
        replace(path.as_std_path(), &serde_json::to_vec(self)?)
    }

    fn directories(&mut self, inventory: &Inventory) {
        self.files.extend(inventory.directories.iter().map(|directory| (directory.clone(), None)));
    }

    fn holds(&self, archive: ContentHash, target: &Utf8Path) -> bool {
        let is_there = |(name, wanted): &(String, Stamp)| stamp(&target.join(name)) == Some(*wanted);
        self.archive == archive && self.files.iter().all(is_there)
    }
}

fn stamp(path: &Utf8Path) -> Option<Stamp> {
    let metadata = fs::symlink_metadata(path).ok()?;
    if metadata.is_dir() {
        return Some(None);
    }
    let time = metadata.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(Some((metadata.len(), time.as_nanos())))
}
