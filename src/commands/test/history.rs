//! The history beside the run: opened while cargo builds, written while the report is read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use camino::Utf8PathBuf;

use super::Refused;
use super::ask::Asked;
use super::ground::Ground;

use crate::analytics::presence::{FullRuns, Presence};
use crate::analytics::summary::{Entry, RunFacts, Summary};
use crate::commands::keeping::{self, History, Pace};
use crate::commands::remembered::full_runs;
use crate::history::input::{self, Setting};
use crate::history::portion::read::is_left_by_a_shard;
use crate::history::shared::Hurry;
use crate::history::store::{BinaryStamp, StoreError};
use crate::model::{BinaryId, CaseRecord, ContentHash, Context, RunHead, RunRecord, TestKey};
use crate::sys::digest::{Fields, hash_file};
use crate::sys::git::{self, Checkout};

/// What is remembered, as far as a run needs it.
#[derive(Default)]
pub(in crate::commands) struct Memory {
    /// The store, where it can be used.
    pub(in crate::commands) store: Option<History>,
    /// What is known of each test of the context.
    pub(in crate::commands) summaries: HashMap<Arc<TestKey>, Summary>,
    /// The binaries as they were recorded last.
    pub(in crate::commands) stamps: Vec<BinaryStamp>,
    /// What failed in the last run.
    pub(in crate::commands) failing: Vec<TestKey>,
    /// The full runs before this one.
    pub(in crate::commands) full: FullRuns,
    /// Is all of this from all that is on record?
    pub(in crate::commands) knows_all: bool,
    /// What went wrong on the way.
    pub(in crate::commands) warnings: Vec<String>,
}

/// How the history is opened.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    pub(super) asked: Arc<Asked>,
    /// The run to put on record as running; none: only read.
    pub(super) begin: Option<RunHead>,
    pub(super) context: Context,
    pub(super) wants_failing: bool,
    pub(super) wants_full: bool,
    /// The run cannot be what was asked for without it.
    pub(super) is_needed: bool,
}

impl Asked {
    /// The history of the workspace, also where it is tested in a worktree; waits for cargo to tell.
    fn history(&self) -> Result<keeping::Of<'_>, Refused> {
        let Ground { workspace, gate_dir } = self.ground()?;
        let root = self.stage.origin().map_or(&workspace.root, |origin| &origin.root);
        Ok(keeping::Of { gate_dir, workspace: workspace.name_from(root), settings: &self.settings().store })
    }
}

/// A history that is being opened beside whatever goes on.
pub(super) struct Opened {
    memory: JoinHandle<Memory>,
    hurry: Hurry,
    is_needed: bool,
}

/// Opens the history beside whatever goes on.
pub(super) fn open(opening: Opening) -> Opened {
    let hurry = Hurry::default();
    let (is_needed, pace) = (opening.is_needed, Pace::of_a_run(hurry.clone()));
    let memory = std::thread::spawn(move || {
        let mut memory = Memory::default();
        // Where cargo does not know of a workspace it says so itself.
        if let Ok(of) = opening.asked.history()
            && let Err(error) = memory.open(&opening, of, pace)
        {
            memory.warnings.push(error.to_string());
        }
        memory
    });
    Opened { memory, hurry, is_needed }
}

impl Opened {
    /// What is remembered, for whom nothing can be done without it.
    pub(super) fn waited_for(self) -> Memory {
        self.memory.join().unwrap_or_default()
    }

    /// What is remembered. Nobody waits long for a server with the tests ready to run.
    pub(super) fn memory(self) -> Memory {
        if !self.is_needed {
            self.hurry.up();
        }
        self.waited_for()
    }
}

impl Memory {
    fn open(&mut self, opening: &Opening, of: keeping::Of<'_>, pace: Pace) -> Result<(), StoreError> {
        let opened = match &opening.begin {
            Some(_) => of.open(pace).map(Some),
            None => of.open_existing(pace),
        };
        let Some(store) = opened? else {
            self.knows_all = true;
            return Ok(());
        };
        let store = self.store.insert(store);
        let of_context = store.summaries(&opening.context)?;
        self.summaries = of_context.into_iter().map(|test| (test.key, test.summary)).collect();
        self.stamps = store.stamps(&opening.context)?;
        if opening.wants_failing {
            self.failing = store.last_executed(&opening.context)?.map(|last| last.failing).unwrap_or_default();
        }
        if opening.wants_full {
            self.full = full_runs(&**store, &opening.context)?;
        }
        self.knows_all = store.knows_all();
        if let Some(head) = &opening.begin {
            // Last, since it may fail where reading did not.
            store.begin(head)?;
        }
        self.warnings.extend(store.take_warnings());
        Ok(())
    }

    /// The tests of the full run before, or since, that a run which took in every test did not have any more, in order
    /// of their keys. What stands for a whole process was none.
    pub(in crate::commands) fn vanished(&self, cases: &[Arc<CaseRecord>]) -> Vec<Arc<TestKey>> {
        if self.full.last.is_none() {
            return Vec::new();
        }
        let there: HashSet<&TestKey> = cases.iter().map(|case| &*case.key).collect();
        let gone = self.summaries.iter().filter(|(key, summary)| {
            !there.contains(&***key)
                && !key.is_whole_process()
                && self.full.presence_of(key, summary) == Presence::Current
        });
        let mut gone: Vec<Arc<TestKey>> = gone.map(|(key, _)| Arc::clone(key)).collect();
        gone.sort();
        gone
    }

    /// Takes in what a run brought, without waiting for the store.
    pub(in crate::commands) fn learn(&mut self, record: &RunRecord, cases: &[Arc<CaseRecord>]) {
        let facts = Arc::new(RunFacts::of(record, u64::MAX));
        for case in cases {
            let summary = self.summaries.entry(Arc::clone(&case.key)).or_default();
            summary.insert(Entry::of(case, Arc::clone(&facts)));
        }
    }
}

/// What was tested: read beside the tests.
pub(super) struct Tested {
    pub(super) checkout: Option<Checkout>,
    pub(super) stamps: Vec<BinaryStamp>,
    pub(super) input_key: ContentHash,
    /// An archive ran that was built from something else than is here.
    pub(super) is_of_other: bool,
}

/// Where and how to look.
#[derive(Clone, Debug)]
pub(super) struct Looking {
    pub(super) root: Utf8PathBuf,
    pub(super) target_dir: Utf8PathBuf,
    pub(super) context: Context,
    pub(super) rustc: String,
    pub(super) rustflags: ContentHash,
    /// What an archive was built from.
    pub(super) archived: Option<ContentHash>,
    /// The gate's own files and directories, which may lie in the checkout, and are no part of what is tested.
    pub(super) own: Vec<PathBuf>,
    pub(super) stamps: Vec<BinaryStamp>,
    pub(super) recorded: Vec<BinaryStamp>,
}

impl Looking {
    /// At what a workspace builds in a context.
    pub(super) fn of(
        asked: &Asked,
        context: &Context,
        stamps: Vec<BinaryStamp>,
        recorded: Vec<BinaryStamp>,
    ) -> Option<Self> {
        let Ground { workspace, gate_dir } = asked.ground().ok()?;
        let mut own = asked.files.clone();
        own.push(gate_dir.clone().into());
        Some(Self {
            root: workspace.root.clone(),
            target_dir: workspace.target_dir.clone(),
            context: context.clone(),
            rustc: asked.rustc.clone(),
            rustflags: asked.rustflags(),
            own,
            archived: asked.archive.as_ref().and_then(|archive| archive.inventory.input_key),
            stamps,
            recorded,
        })
    }
}

/// Reads git and hashes binaries beside whatever goes on.
pub(super) fn look(looking: Looking) -> JoinHandle<Tested> {
    std::thread::spawn(move || {
        let setting = Setting { context: &looking.context, rustc: &looking.rustc, rustflags: looking.rustflags };
        let mut checkout = git::read_checkout(&looking.root);
        if let Some(checkout) = &mut checkout {
            leave_out(checkout, &looking.own);
        }
        let recorded: HashMap<_, &BinaryStamp> =
            looking.recorded.iter().map(|stamp| ((&stamp.path, stamp.size, stamp.mtime_ns), stamp)).collect();
        let mut stamps = looking.stamps.clone();
        for stamp in &mut stamps {
            let known = recorded.get(&(&stamp.path, stamp.size, stamp.mtime_ns)).and_then(|known| known.hash);
            stamp.hash = known.or_else(|| hash_file(&stamp.path).ok());
        }
        let input_key = match checkout.as_ref().filter(|checkout| checkout.commit.is_some()) {
            Some(checkout) => input::input_key(checkout, &looking.root, &looking.target_dir, &setting),
            None => {
                let hashes: BTreeMap<BinaryId, ContentHash> =
                    stamps.iter().filter_map(|stamp| Some((stamp.binary.clone(), stamp.hash?))).collect();
                input::input_key_of_binaries(&hashes, &looking.root, &looking.target_dir, &setting)
            }
        };
        let is_of_other = looking.archived.is_some_and(|archived| archived != input_key);
        Tested { checkout, stamps, input_key: with_archived(input_key, looking.archived), is_of_other }
    })
}

/// Takes files of ours, those in directories of ours, and what shards leave behind, for no change of the checkout. What
/// git tracks was not put there by us alone, and a directory that holds the checkout is none of ours.
fn leave_out(checkout: &mut Checkout, own: &[PathBuf]) {
    let Checkout { root, changed, .. } = checkout;
    let Ok(whole) = fs_err::canonicalize(&root) else { return };
    let own = own.iter().filter_map(|path| fs_err::canonicalize(path).ok()).filter(|own| !whole.starts_with(own));
    let own: Vec<PathBuf> = own.collect();
    let is_ours = |path: &Utf8PathBuf| {
        let path = fs_err::canonicalize(root.join(path));
        path.is_ok_and(|path| own.iter().any(|own| path.starts_with(own)) || is_left_by_a_shard(&path))
    };
    let mut ours: HashSet<Utf8PathBuf> = changed.iter().filter(|path| is_ours(path)).cloned().collect();
    if !ours.is_empty() {
        let untracked: HashSet<Utf8PathBuf> = git::untracked(root).into_iter().collect();
        ours.retain(|path| untracked.contains(path));
        changed.retain(|path| !ours.contains(path));
    }
}

/// Tests of an archive in a checkout of something else test neither the one nor the other.
fn with_archived(here: ContentHash, archived: Option<ContentHash>) -> ContentHash {
    match archived.filter(|archived| *archived != here) {
        Some(archived) => [here, archived].map(|key| key.0).into_iter().collect::<Fields>().finish(),
        None => here,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_in_its_own_checkout_tests_what_a_build_there_would() {
        let (here, other) = (ContentHash([1; 16]), ContentHash([2; 16]));
        assert_eq!(with_archived(here, None), here);
        assert_eq!(with_archived(here, Some(here)), here);
        let mixed = with_archived(here, Some(other));
        assert!(mixed != here && mixed != other && mixed != with_archived(other, Some(here)));
    }
}
