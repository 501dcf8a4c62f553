//! What is on record of each step: its last pass with all that it depended on, or why there is none.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::parts::{Lookup, Parts};
use crate::config::Pipeline;
use crate::model::{ContentHash, RunId};
use crate::sys::fs;

const SCHEMA_VERSION: u32 = 1;

/// The entries of a pipeline's steps.
#[derive(Debug)]
pub struct StepCache {
    dir: Utf8PathBuf,
    is_read: bool,
    /// Steps whose entries count for nothing in this run, and why.
    voided: BTreeMap<String, String>,
}

/// A step that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// When.
    pub at: Timestamp,
    /// In which run.
    pub run_id: RunId,
    /// How long it took.
    pub took: Duration,
}

/// What became of a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is on record.
    Yes,
    /// It cannot be.
    No {
        /// Why.
        why: String,
    },
}

/// An entry as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    schema_version: u32,
    step: String,
    state: State,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum State {
    Passed { at: Timestamp, run_id: RunId, took_ms: u64, key: ContentHash, parts: Parts },
    Missing { why: String },
}

impl StepCache {
    /// Of a pipeline, in the gate's directory.
    #[must_use]
    pub fn open(gate_dir: &Utf8Path, pipeline: &str) -> Self {
        let dir = gate_dir.join("cache/steps").join(file_name(pipeline));
        Self { dir, is_read: true, voided: BTreeMap::new() }
    }

    /// The same, of which nothing is believed (`--no-cache`); what passes is kept all the same.
    #[must_use]
    pub fn unread(self) -> Self {
        Self { is_read: false, ..self }
    }

    /// Must a step run that depends on this?
    #[must_use]
    pub fn look(&self, step: &str, now: &Parts) -> Lookup {
        if !self.is_read {
            return Lookup::miss("--no-cache");
        }
        if let Some(why) = self.voided.get(step) {
            return Lookup::miss(why);
        }
        if let Some(file) = &now.unreadable {
            return Lookup::miss(format!("{file} cannot be read"));
        }
        match self.read(step) {
            Ok(None) => Lookup::miss("first run"),
            Err(why) => Lookup::miss(format!("its cache entry cannot be read: {why}")),
            Ok(Some(State::Missing { why })) => Lookup::miss(why),
            Ok(Some(State::Passed { at, run_id, took_ms, key, parts })) => match now.difference(&parts) {
                Some(why) => Lookup::miss(why),
                // The one proves that the other is whole.
                None if key != now.key() => Lookup::miss("its cache entry is damaged"),
                None => {
                    Lookup::Hit { passed_at: at, run_id, took: Duration::from_millis(took_ms), files: now.files.len() }
                }
            },
        }
    }

    /// Keeps a pass, if what the step depends on is after it what it was before.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn keep(&self, step: &str, before: Parts, after: &Parts, pass: Pass) -> io::Result<Kept> {
        let unreadable = before.unreadable.as_ref().or(after.unreadable.as_ref());
        if let Some(file) = unreadable {
            return self.refuse(step, format!("{file} cannot be read"));
        }
        if let Some(file) = after.changed_file(&before) {
            return self.refuse(step, format!("{file} changed while it ran"));
        }
        if let Some(what) = after.difference(&before) {
            return self.refuse(step, format!("{what} while it ran"));
        }
        let Pass { at, run_id, took } = pass;
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.write(step, State::Passed { at, run_id, took_ms, key: before.key(), parts: before })?;
        Ok(Kept::Yes)
    }

    /// A step failed: an earlier pass counts no more.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn fail(&self, step: &str) -> io::Result<()> {
        self.withdraw(step, "it failed last time")
    }

    /// A file that configures what looks at code has changed: those steps run in this run, whatever is on record, and
    /// even if that cannot be removed.
    ///
    /// # Errors
    ///
    /// What the file system says of the first entry that it would not let go.
    pub fn void(&mut self, pipeline: &Pipeline, file: &Utf8Path) -> io::Result<()> {
        let why = format!("config file {file} changed");
        let mut outcome = Ok(());
        for step in pipeline.steps.iter().filter(|step| step.kind.is_lint_like()) {
            self.voided.insert(step.name.clone(), why.clone());
            if self.path(&step.name).exists() {
                outcome = outcome.and(self.withdraw(&step.name, &why));
            }
        }
        outcome
    }

    fn refuse(&self, step: &str, why: String) -> io::Result<Kept> {
        self.withdraw(step, &format!("{why} last time"))?;
        Ok(Kept::No { why: format!("{why}: what changes its own inputs cannot be cached") })
    }

    /// Puts a reason in the place of a pass, or at least takes the pass away.
    fn withdraw(&self, step: &str, why: &str) -> io::Result<()> {
        self.write(step, State::Missing { why: why.to_owned() }).or_else(|error| {
            match fs_err::remove_file(self.path(step)) {
                Err(removal) if removal.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        })
    }

    fn read(&self, step: &str) -> Result<Option<State>, String> {
        let bytes = match fs_err::read(self.path(step)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let entry: Entry = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        match entry.schema_version {
            // Where names of files do not tell capitals from small letters, two steps may share one.
            SCHEMA_VERSION => Ok((entry.step == step).then_some(entry.state)),
            other => Err(format!("it is of version {other}")),
        }
    }

    fn write(&self, step: &str, state: State) -> io::Result<()> {
        let entry = Entry { schema_version: SCHEMA_VERSION, step: step.to_owned(), state };
        fs::replace(self.path(step).as_std_path(), &serde_json::to_vec(&entry)?)
    }

    fn path(&self, step: &str) -> Utf8PathBuf {
        self.dir.join(format!("{}.json", file_name(step)))
    }
}

/// A name as a file may have it on any system.
fn file_name(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    name.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") })
        .collect()
}
