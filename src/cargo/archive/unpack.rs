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
        let count = self.inner.read(into.get_mut(..most.max(1)).unwrap_or_default()).map_err(damage)?;
        self.allowed.set(allowed.checked_sub(count as u64).ok_or_else(|| damage("it is longer than it says"))?);
        Ok(count)
    }
}

/// Whatever fails while an archive is read is told from what fails while its files are written.
fn damage(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
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
    let (mut archive, allowed) = stream(path)?;
    let mut reading = Reading { path, entries: archive.entries()?, allowed: Rc::clone(&allowed) };
    let inventory = reading.inventory()?;
    // Before anything is replaced or removed: what a link leads to is somebody else's.
    let mut room = Room::of(target)?;
    let fingerprints = stale::fingerprints(target, inventory.files.keys().map(String::as_str));
    let files = inventory.files.keys().filter_map(|file| Utf8Path::new(file).parent());
    let directories = files.chain(inventory.directories.iter().map(Utf8Path::new)).map(|inside| target.join(inside));
    directories.chain(fingerprints.iter().cloned()).try_for_each(|directory| room.make(&directory))?;
    // From here on until all is done, what is there is of no archive.
    if marker.exists() {
        fs::remove_file(&marker)?;
    }
    stale::forget(&fingerprints, into.packages)?;
    let mut unpacked = Marker { archive: hash, files: Vec::new() };
    reading.unpack(&inventory, into, &mut room, &mut unpacked)?;
    // Its end holds a checksum of the whole.
    allowed.set(MOST_OF_A_HEADER);
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(|error| no_archive(path, error))?;
    unpacked.directories(&inventory);
    unpacked.save(&marker)?;
    Ok(true)
}

impl Reading<'_> {
    fn unpack(
        &mut self,
        inventory: &Inventory,
        into: &Destination<'_>,
        room: &mut Room,
        unpacked: &mut Marker,
    ) -> Result<(), Error> {
        let (path, target) = (self.path, into.target_directory);
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
            room.write(&at, &mut entry, wanted).map_err(|error| match error {
                Error::Io(error) if error.kind() != io::ErrorKind::InvalidData => {
                    io::Error::new(error.kind(), format!("`{at}` cannot be written: {error}")).into()
                }
                error => no_archive(path, format!("`{name}`: {error}")),
            })?;
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
            return Err(Error::Refused(format!(
                "`{directory}` leads out of the target directory, and nothing is touched there: remove the link, or \
                 choose another target directory (`--target-dir`)"
            )));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo::archive::inventory::is_inside;
    use crate::cargo::archive::inventory::tests::inventory;
    use crate::cargo::archive::{Contents, pack};
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::io::Write;
    use std::path::PathBuf;
    use tar::EntryType;

    struct Scene {
        dir: tempfile::TempDir,
    }

    const FILES: [(&str, &[u8]); 2] = [("debug/app", b"program"), ("debug/build/app-1/out/made.rs", b"made")];

    impl Scene {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join("target")).unwrap();
            Self { dir }
        }

        fn path(&self, name: &str) -> Utf8PathBuf {
            Utf8PathBuf::from_path_buf(self.dir.path().join(name)).unwrap()
        }

        /// An archive with these files in it, as this version writes it.
        fn packed(&self, files: &[(&str, &[u8])]) -> Utf8PathBuf {
            let mut inventory = inventory(files);
            inventory.directories.insert("tmp".to_owned());
            let mut contents = Contents::default();
            for (at, (name, bytes)) in files.iter().enumerate() {
                let source = self.path(&format!("source-{at}"));
                fs::write(&source, bytes).unwrap();
                contents.files.insert((*name).to_owned(), (source, inventory.files[*name]));
            }
            let path = self.path("archive.tar.gz");
            pack(path.as_std_path(), &inventory, &contents, &|| false).unwrap();
            path
        }

        /// An archive of whatever entries: of a kind, with a name, a length that they claim, and bytes.
        fn forged(&self, entries: &[(EntryType, &[u8], u64, &[u8])]) -> Utf8PathBuf {
            let path = self.path("forged.tar.gz");
            let mut gz = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast());
            for (kind, name, size, bytes) in entries {
                let mut header = tar::Header::new_gnu();
                header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name);
                header.set_entry_type(*kind);
                header.set_link_name("/etc/passwd").unwrap();
                header.set_size(*size);
                header.set_mode(0o755);
                header.set_cksum();
                gz.write_all(header.as_bytes()).unwrap();
                gz.write_all(bytes).unwrap();
                gz.write_all(&vec![0; bytes.len().next_multiple_of(512) - bytes.len()]).unwrap();
            }
            gz.write_all(&[0; 1024]).unwrap();
            gz.finish().unwrap();
            path
        }

        fn unpack(&self, archive: &Utf8Path) -> Result<bool, String> {
            let target = self.path("target");
            let packages = BTreeSet::from(["app"]);
            let into = Destination { target_directory: &target, packages: &packages, is_interrupted: &|| false };
            unpack(archive.as_std_path(), &into).map_err(|error| error.to_string())
        }

        /// Everything but what lies in the target directory.
        fn outside(&self) -> BTreeMap<PathBuf, Vec<u8>> {
            let mut found = BTreeMap::new();
            let mut directories = vec![self.dir.path().to_owned()];
            while let Some(directory) = directories.pop() {
                for entry in fs::read_dir(directory).unwrap() {
                    let path = entry.unwrap().path();
                    if path == self.dir.path().join("target") {
                        continue;
                    }
                    if path.is_dir() {
                        directories.push(path.clone());
                    }
                    found.insert(path.clone(), fs::read(&path).unwrap_or_default());
                }
            }
            found
        }

        /// The archive again, its tar having been changed.
        fn changed(&self, archive: &Utf8Path, change: impl FnOnce(&mut Vec<u8>)) {
            let mut tar = Vec::new();
            GzDecoder::new(fs::File::open(archive).unwrap()).read_to_end(&mut tar).unwrap();
            change(&mut tar);
            let mut gz = GzEncoder::new(fs::File::create(archive).unwrap(), Compression::fast());
            gz.write_all(&tar).unwrap();
            gz.finish().unwrap();
        }
    }

    /// `archive.json` with these files in it, as an entry.
    fn listing(files: &[(&str, &[u8])]) -> Vec<u8> {
        inventory(files).to_json().unwrap()
    }

    #[test]
    fn what_was_packed_is_put_into_the_target_directory() {
        let scene = Scene::new();
        let archive = scene.packed(&FILES);
        assert_eq!(scene.unpack(&archive), Ok(true));
        for (name, bytes) in FILES {
            assert_eq!(fs::read(scene.path("target").join(name)).unwrap(), bytes, "{name}");
        }
        assert!(scene.path("target/tmp").is_dir());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(scene.path("target/debug/app")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o755);
        }
    }

    #[test]
    fn the_same_build_gives_the_same_archive() {
        let scene = Scene::new();
        let first = fs::read(scene.packed(&FILES)).unwrap();
        assert_eq!(fs::read(scene.packed(&FILES)).unwrap(), first);
    }

    #[test]
    fn what_is_there_is_unpacked_again_only_once_it_has_changed() {
        let scene = Scene::new();
        let archive = scene.packed(&FILES);
        assert_eq!(scene.unpack(&archive), Ok(true));
        assert_eq!(scene.unpack(&archive), Ok(false));
        let app = scene.path("target/debug/app");
        fs::write(&app, "cargo built another one").unwrap();
        assert_eq!(scene.unpack(&archive), Ok(true));
        assert_eq!(fs::read(&app).unwrap(), b"program");
        fs::remove_dir(scene.path("target/tmp")).unwrap();
        assert_eq!(scene.unpack(&archive), Ok(true));
        let other = scene.packed(&[("debug/app", b"another")]);
        assert_eq!(scene.unpack(&other), Ok(true));
        assert_eq!(fs::read(&app).unwrap(), b"another");
    }

    #[test]
    fn a_file_is_replaced_and_never_written_through_its_other_names() {
        let scene = Scene::new();
        let (app, other) = (scene.path("target/debug/app"), scene.path("elsewhere"));
        fs::create_dir(scene.path("target/debug")).unwrap();
        fs::write(&other, "theirs").unwrap();
        fs::hard_link(&other, &app).unwrap();
        assert_eq!(scene.unpack(&scene.packed(&FILES)), Ok(true));
        assert_eq!(fs::read(&other).unwrap(), b"theirs");
    }

    #[test]
    fn what_is_no_archive_is_said_to_be_none() {
        let scene = Scene::new();
        let path = scene.path("no.tar.gz");
        for bytes in [&b""[..], b"garbage", b"\x1f\x8b\x08\x00"] {
            fs::write(&path, bytes).unwrap();
            let why = open(path.as_std_path()).unwrap_err().to_string();
            assert!(why.contains("is no archive that can be used"), "{why}");
        }
        assert!(open(scene.path("missing").as_std_path()).unwrap_err().to_string().contains("missing"));
    }

    #[test]
    fn an_archive_that_is_cut_short_is_refused_wherever_it_is_cut() {
        let scene = Scene::new();
        let whole = fs::read(scene.packed(&FILES)).unwrap();
        let path = scene.path("cut.tar.gz");
        for kept in (0..whole.len()).step_by(7).chain(whole.len() - 12..whole.len()) {
            fs::write(&path, &whole[..kept]).unwrap();
            assert!(scene.unpack(&path).is_err(), "{kept} of {}", whole.len());
        }
        assert!(!scene.path("target").join(MARKER).exists());
    }

    #[test]
    fn an_entry_that_is_not_as_it_is_listed_is_refused() {
        let json = listing(&[("debug/app", b"x")]);
        let first = (EntryType::Regular, INVENTORY.as_bytes(), json.len() as u64, json.as_slice());
        let (plain, app) = (EntryType::Regular, &b"debug/app"[..]);
        let elsewhere = Scene::new();
        let absolute = elsewhere.path("x");
        for (what, entries) in [
            ("not listed", vec![(plain, &b"debug/other"[..], 1, &b"x"[..])]),
            ("up", vec![(plain, &b"../x"[..], 1, &b"x"[..])]),
            ("absolute", vec![(plain, absolute.as_str().as_bytes(), 1, &b"x"[..])]),
            ("longer", vec![(plain, app, 5, &b"xxxxx"[..])]),
            ("shorter", vec![(plain, app, 0, &b""[..])]),
            ("twice", vec![(plain, app, 1, &b"x"[..]), (plain, app, 1, &b"y"[..])]),
            ("a link", vec![(EntryType::Symlink, app, 0, &b""[..])]),
            ("a hard link", vec![(EntryType::Link, app, 0, &b""[..])]),
            ("a pipe", vec![(EntryType::Fifo, app, 0, &b""[..])]),
            ("missing", vec![]),
        ] {
            let scene = Scene::new();
            let archive = scene.forged(&[vec![first], entries].concat());
            let before = scene.outside();
            let why = scene.unpack(&archive).expect_err(what);
            assert!(why.contains("is no archive that can be used"), "{what}: {why}");
            assert_eq!(scene.outside(), before, "{what}");
        }
        assert!(!absolute.exists());
    }

    #[test]
    fn what_is_listed_outside_of_the_target_directory_is_refused() {
        for name in ["../x", "/tmp/x", "debug/../../x"] {
            let scene = Scene::new();
            let json = listing(&[(name, b"x")]);
            let first = (EntryType::Regular, INVENTORY.as_bytes(), json.len() as u64, json.as_slice());
            let why = scene.unpack(&scene.forged(&[first])).unwrap_err();
            assert!(why.contains("outside of the target directory"), "{why}");
        }
    }

    #[test]
    fn what_unpacks_to_more_than_it_says_is_not_read_to_its_end() {
        let scene = Scene::new();
        let of = |entries: &[(EntryType, &[u8], u64, &[u8])]| open(scene.forged(entries).as_std_path()).unwrap_err();
        let json = (EntryType::Regular, INVENTORY.as_bytes(), MOST_OF_AN_INVENTORY + 1, &b""[..]);
        assert!(of(&[json]).to_string().contains("its archive.json has 67108865 bytes"));
        let name = vec![b'a'; 1 << 20];
        let why = of(&[(EntryType::GNULongName, b"././@LongLink", name.len() as u64, name.as_slice())]).to_string();
        assert!(why.contains("it is longer than it says"), "{why}");
        let json = listing(&[]);
        let bomb = scene.forged(&[
            (EntryType::Regular, INVENTORY.as_bytes(), json.len() as u64, json.as_slice()),
            (EntryType::GNULongName, b"././@LongLink", name.len() as u64, name.as_slice()),
        ]);
        assert!(scene.unpack(&bomb).unwrap_err().contains("it is longer than it says"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_target_directory_is_not_followed() {
        let scene = Scene::new();
        fs::create_dir(scene.path("outside")).unwrap();
        fs_err::os::unix::fs::symlink(scene.path("outside"), scene.path("target/debug")).unwrap();
        // What a cargo remembers there is that cargo's, and what was unpacked before is still whole.
        fs::create_dir_all(scene.path("outside/.fingerprint/app-1")).unwrap();
        fs::create_dir(scene.path("target/gate")).unwrap();
        fs::write(scene.path("target").join(MARKER), "of another").unwrap();
        let archive = scene.packed(&FILES);
        let before = scene.outside();
        let why = scene.unpack(&archive).unwrap_err();
        assert!(why.contains("leads out of the target directory") && why.contains("`--target-dir`"), "{why}");
        assert_eq!(scene.outside(), before);
        assert_eq!(fs::read(scene.path("target").join(MARKER)).unwrap(), b"of another");
    }

    #[test]
    fn an_end_that_is_asked_for_leaves_nothing_that_passes_for_the_whole() {
        let scene = Scene::new();
        let (archive, target, packages) = (scene.packed(&FILES), scene.path("target"), BTreeSet::new());
        let into = Destination { target_directory: &target, packages: &packages, is_interrupted: &|| true };
        assert!(matches!(unpack(archive.as_std_path(), &into), Err(Error::Interrupted)));
        assert!(!target.join(MARKER).exists());
        assert_eq!(scene.unpack(&archive), Ok(true));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_damage_panics_or_reaches_outside(at in any::<proptest::sample::Index>(), bit in 0..8_u8) {
            let scene = Scene::new();
            let archive = scene.packed(&FILES);
            scene.changed(&archive, |tar| {
                let at = at.index(tar.len());
                tar[at] ^= 1 << bit;
            });
            let before = scene.outside();
            let _ = scene.unpack(&archive);
            prop_assert_eq!(scene.outside(), before);
        }

        #[test]
        fn no_name_leads_outside_though_it_is_listed(name in "[./x]{1,9}") {
            let scene = Scene::new();
            let json = listing(&[(name.as_str(), b"x")]);
            let first = (EntryType::Regular, INVENTORY.as_bytes(), json.len() as u64, json.as_slice());
            let archive = scene.forged(&[first, (EntryType::Regular, name.as_bytes(), 1, b"x")]);
            let before = scene.outside();
            let unpacked = scene.unpack(&archive);
            prop_assert_eq!(scene.outside(), before);
            prop_assert_eq!(unpacked.is_ok(), is_inside(&name));
        }
    }
}
