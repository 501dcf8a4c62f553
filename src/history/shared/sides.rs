//! The history on the server and what this machine keeps beside it: which of them is asked, and what is said of it.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};

use super::link::{Link, Wait};
use super::outbox::{Outbox, Sent};
use crate::history::sqlite::SqliteStore;
use crate::history::store::{Result, Store, StoreError};
use crate::model::RunId;

/// What a run that cannot be sent is worth saying.
const KEPT: &str = "the run is kept here, and sent by the next one that reaches it or by `cargo gate history push`";

/// The shared history, as one machine uses it.
///
/// Opened for recording it never fails for want of a server: what is recorded then goes to the outbox, and what is
/// read comes from there and from this machine's own history. Opened for reading it says that there is no server.
pub struct SharedStore {
    pub(super) link: Link,
    gate_dir: Utf8PathBuf,
    /// Stamps and deferrals of this machine, and the runs from before there was a server.
    pub(super) local: SqliteStore,
    pub(super) outbox: Option<Outbox>,
    goes_on: bool,
    /// The run that began in the outbox.
    pub(super) begun: Option<RunId>,
    /// Something was read before there was a connection.
    pub(super) did_without: Cell<bool>,
    has_told: Cell<bool>,
    pub(super) warnings: RefCell<Vec<String>>,
}

impl SharedStore {
    /// Opens it for recording, and sends what waits in the outbox, as far as there is time.
    pub fn open(gate_dir: &Utf8Path, link: Link) -> Result<Self> {
        let mut warnings = Vec::new();
        let local = SqliteStore::open(gate_dir).or_else(|error| {
            warnings.push(error.to_string());
            SqliteStore::empty()
        })?;
        let outbox = Outbox::existing(gate_dir).unwrap_or_else(|error| {
            warnings.push(format!("the outbox: {error}"));
            None
        });
        let mut store = Self { goes_on: true, ..Self::of(gate_dir, link, local, outbox) };
        store.warnings.borrow_mut().extend(warnings);
        if store.link.reach().is_ok() {
            store.send(Wait::Hurried);
        }
        Ok(store)
    }

    /// Opens it for reading; none where nothing ever was on record.
    pub fn open_existing(gate_dir: &Utf8Path, link: Link) -> Result<Option<Self>> {
        link.reach()?;
        // What this machine keeps is a matter of speed here.
        let local = SqliteStore::open_existing(gate_dir).ok().flatten().map_or_else(SqliteStore::empty, Ok)?;
        let store = Self::of(gate_dir, link, local, None);
        let is_empty = store.contexts()?.is_empty();
        Ok((!is_empty).then_some(store))
    }

    fn of(gate_dir: &Utf8Path, link: Link, local: SqliteStore, outbox: Option<Outbox>) -> Self {
        Self {
            link,
            gate_dir: gate_dir.to_owned(),
            local,
            outbox,
            goes_on: false,
            begun: None,
            did_without: Cell::default(),
            has_told: Cell::default(),
            warnings: RefCell::default(),
        }
    }

    /// Reads from the server, or else from this machine's own history and the outbox: what both know is joined.
    pub(super) fn read<T: Send + 'static>(
        &self,
        question: impl Fn(&dyn Store) -> Result<T> + Clone + Send + 'static,
        join: impl FnOnce(T, T) -> T,
    ) -> Result<T> {
        let asked = question.clone();
        match self.link.ask(Wait::Hurried, move |store| asked(store)) {
            Err(error) if self.does_without(&error) => self.read_here(question, join),
            answer => answer,
        }
    }

    pub(super) fn read_here<T>(
        &self,
        question: impl Fn(&dyn Store) -> Result<T>,
        join: impl FnOnce(T, T) -> T,
    ) -> Result<T> {
        let own = question(&self.local)?;
        match &self.outbox {
            Some(outbox) => Ok(join(own, question(&outbox.store)?)),
            None => Ok(own),
        }
    }

    /// Reads what is of one run, wherever that is.
    pub(super) fn read_of_run<T: Send + 'static>(
        &self,
        question: impl Fn(&dyn Store) -> Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        let found = move |store: &dyn Store| match question(store) {
            Err(error @ StoreError::NoSuchRun(_)) => Ok(Err(error)),
            found => found.map(Ok),
        };
        self.read(found, |own, waiting| waiting.or(own))?
    }

    /// Is this an error that a command which records goes on with?
    pub(super) fn does_without(&self, error: &StoreError) -> bool {
        if !self.goes_on || !matches!(error, StoreError::Unreachable(_)) {
            return false;
        }
        self.did_without.set(true);
        // A connection that is late may still come.
        if self.link.is_lost() {
            self.tell(error);
        }
        true
    }

    /// Says once why runs are kept here.
    fn tell(&self, error: &StoreError) {
        if !self.has_told.replace(true) {
            self.warnings.borrow_mut().push(format!("{error}; {KEPT}"));
        }
    }

    pub(super) fn outbox(&mut self) -> Result<&mut Outbox> {
        let outbox = match self.outbox.take() {
            Some(outbox) => outbox,
            None => Outbox::open(&self.gate_dir)?,
        };
        Ok(self.outbox.insert(outbox))
    }

    /// Writes to the server, or to the outbox.
    pub(super) fn record<T: Send + 'static>(
        &mut self,
        wait: Wait,
        at_the_server: impl FnOnce(&mut dyn Store) -> Result<T> + Send + 'static,
        here: impl FnOnce(&mut Outbox) -> Result<T>,
    ) -> Result<(T, Kept)> {
        let error = match self.link.ask(wait, at_the_server) {
            Ok(done) => return Ok((done, Kept::There)),
            Err(error @ StoreError::Known(_)) => return Err(error),
            Err(error) => error,
        };
        // Whatever is wrong with the server, its history is none of the verdict's business.
        if wait == Wait::Last || self.link.is_lost() || !matches!(error, StoreError::Unreachable(_)) {
            self.tell(&error);
        }
        here(self.outbox()?).map(|done| (done, Kept::Here))
    }

    /// Sends what waits, as far as there is time: before the tests run, until they could.
    fn send(&mut self, wait: Wait) {
        let Some(outbox) = &mut self.outbox else { return };
        let (until, link) = (Instant::now() + self.link.limits.sending, &self.link);
        let left = || match wait {
            Wait::Hurried if link.is_late() => Duration::ZERO,
            Wait::Hurried | Wait::Last => until.saturating_duration_since(Instant::now()),
        };
        match outbox.send(link, &left) {
            Ok(Sent { refused: 0, .. }) => {}
            Ok(Sent { refused, why, .. }) => {
                let why = why.unwrap_or_default();
                let warning = format!("{refused} of the runs that are kept here cannot be sent: {why}");
                self.warnings.borrow_mut().push(warning);
            }
            Err(error @ StoreError::Unreachable(_)) => self.tell(&error),
            Err(error) => self.warnings.borrow_mut().push(format!("the outbox: {error}")),
        }
    }

    /// A run is at the server: what was begun here in its place goes.
    pub(super) fn arrived(&mut self, id: &RunId) {
        if self.begun.take_if(|begun| begun == id).is_some()
            && let Some(outbox) = &mut self.outbox
        {
            // What stays reads interrupted, and is known to the server when it is sent.
            let _ = outbox.store.abandon(id);
        }
        if self.did_without.replace(false) {
            let warning = "the shared history was reached late: this run was ordered without it";
            self.warnings.borrow_mut().push(warning.to_owned());
        }
        self.send(Wait::Last);
    }
}

/// Where something was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    There,
    Here,
}
