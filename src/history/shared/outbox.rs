//! Runs that the server has not heard of yet: an ordinary history in a folder of its own.
//!
//! A run leaves it once the server has it, so that nothing is lost wherever a gate is cut off, and a run that was sent
//! twice is one that the server knew. Several gates may send at once.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::link::{Link, Wait};
use crate::history::intake::in_chunks;
use crate::history::sqlite::SqliteStore;
use crate::history::store::{FinishedRun, Result, RunFilter, Store, StoreError};
use crate::model::{RunHead, RunId};
use crate::sys::fs::replace;

/// The folder's name inside the gate directory.
const FOLDER: &str = "outbox";

/// What became of runs that were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// That the server has now.
    pub sent: u64,
    /// That it had already.
    pub known: u64,
    /// That it would not take: they stay.
    pub refused: u64,
    /// Why not, of the first of them.
    pub why: Option<String>,
}

/// The outbox of a gate directory.
pub struct Outbox {
    folder: Utf8PathBuf,
    pub(super) store: SqliteStore,
}

impl Outbox {
    /// Opens it for runs to come; it begins where there is none.
    pub fn open(gate_dir: &Utf8Path) -> Result<Self> {
        let folder = gate_dir.join(FOLDER);
        Ok(Self { store: SqliteStore::open(&folder)?, folder })
    }

    /// Opens it for what is in it; none where nothing ever was.
    pub fn existing(gate_dir: &Utf8Path) -> Result<Option<Self>> {
        let folder = gate_dir.join(FOLDER);
        Ok(SqliteStore::open_existing(&folder)?.map(|store| Self { store, folder }))
    }

    /// The runs that wait, oldest first. One that still goes on does not.
    pub fn waiting(&self) -> Result<Vec<RunId>> {
        self.store.names(&RunFilter::default())
    }

    /// Puts in a run that takes the place of its parts. Which those were is written down first: without its run that
    /// says nothing, and a run without its parts would be counted beside them.
    pub(super) fn adopt(&mut self, whole: &FinishedRun, parts: &[RunHead]) -> Result<()> {
        let unwritable = |error: std::io::Error| StoreError::ReadOnly(error.to_string());
        let text = serde_json::to_vec(parts).map_err(|error| StoreError::Other(error.to_string()))?;
        replace(self.parts_of(&whole.record.head.id).as_std_path(), &text).map_err(unwritable)?;
        self.store.adopt(whole, parts)
    }

    /// Sends what waits, oldest first, for as long as there is time left; what the server has, leaves.
    pub fn send(&mut self, link: &Link, left: &dyn Fn() -> Duration) -> Result<Sent> {
        let mut sent = Sent::default();
        for name in &self.waiting()? {
            let limit = left().min(link.limits.answer);
            if limit.is_zero() {
                break;
            }
            // Another gate may have sent it meanwhile.
            let Some(run) = self.store.finished(name)? else { continue };
            match self.send_one(link, limit, run) {
                Ok(()) => sent.sent += 1,
                Err(StoreError::Known(_)) => sent.known += 1,
                Err(error @ StoreError::Unreachable(_)) => return Err(error),
                Err(error) => {
                    sent.refused += 1;
                    sent.why.get_or_insert(error.to_string());
                    continue;
                }
            }
            self.remove(name)?;
        }
        Ok(sent)
    }

    /// It may have begun at the server before that was lost, so that it is finished there rather than appended.
    fn send_one(&self, link: &Link, limit: Duration, run: FinishedRun) -> Result<()> {
        match self.read_parts(&run.record.head.id)? {
            Some(parts) => link.ask_for(limit, Wait::Last, move |store| store.adopt(&run, &parts)),
            None => link.ask_for(limit, Wait::Last, move |store| store.finish(&run.record, &run.cases, &[])),
        }
    }

    fn remove(&mut self, name: &RunId) -> Result<()> {
        match self.store.undo(name) {
            Ok(_) | Err(StoreError::NoSuchRun(_)) => {}
            Err(error) => return Err(error),
        }
        // What stays of it says nothing without the run.
        let _ = fs_err::remove_file(self.parts_of(name));
        Ok(())
    }

    fn parts_of(&self, whole: &RunId) -> Utf8PathBuf {
        // Names of runs may come from elsewhere, and need not be names of files.
        let name = blake3::hash(whole.as_str().as_bytes()).to_hex();
        self.folder.join(format!("parts-{}.json", name.get(..16).unwrap_or_default()))
    }

    fn read_parts(&self, whole: &RunId) -> Result<Option<Vec<RunHead>>> {
        let file = self.parts_of(whole);
        match fs_err::read(&file) {
            Ok(text) => {
                serde_json::from_slice(&text).map(Some).map_err(|error| StoreError::Damaged(format!("{file}: {error}")))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::Unreadable(error.to_string())),
        }
    }
}

/// Sends every run of another history, which stay where they are.
pub fn send_all(from: &dyn Store, link: &Link) -> Result<Sent> {
    let names = from.names(&RunFilter::default())?;
    let mut failure = None;
    let mut runs =
        names.iter().map_while(|name| from.finished(name).map_err(|error| failure = Some(error)).ok()).flatten();
    let appended =
        in_chunks(&mut runs, |chunk| link.ask(Wait::Last, move |store| store.append(&mut chunk.into_iter())))?;
    drop(runs);
    let sent = Sent { sent: appended.added, known: appended.known, ..Sent::default() };
    failure.map_or(Ok(sent), Err)
}
