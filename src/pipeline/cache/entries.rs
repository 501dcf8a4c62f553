//! What is on record of each step: its last pass with all that it depended on, or why there is none.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::parts::{Lookup, Parts};
use crate::config::Pipeline;
use crate::model::{ContentHash, RunId, millis};
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
struct Entry<P> {
    schema_version: u32,
    step: String,
    state: State<P>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum State<P> {
    Passed { at: Timestamp, run_id: RunId, took_ms: u64, key: ContentHash, parts: P },
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
        match self.look_closer(step, now) {
            Ok(lookup) => lookup,
            Err(why) => Lookup::miss(format!("its cache entry cannot be read: {why}")),
        }
    }

    fn look_closer(&self, step: &str, now: &Parts) -> Result<Lookup, String> {
        let bytes = match fs_err::read(self.path(step)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lookup::miss("first run")),
            Err(error) => return Err(error.to_string()),
        };
        // The key says whether anything changed; what, thousands of parts say.
        Ok(match read::<IgnoredAny>(&bytes, step)? {
            None => Lookup::miss("first run"),
            Some(State::Missing { why }) => Lookup::miss(why),
            Some(State::Passed { at, run_id, took_ms, key, .. }) if key == now.key() => {
                Lookup::Hit { passed_at: at, run_id, took: Duration::from_millis(took_ms), files: now.files.len() }
            }
            Some(State::Passed { .. }) => match read::<Parts>(&bytes, step)? {
                Some(State::Passed { parts, .. }) => {
                    Lookup::miss(now.difference(&parts).unwrap_or_else(|| "its cache entry is damaged".to_owned()))
                }
                _ => Lookup::miss("first run"),
            },
        })
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
        if let Some(what) = after.difference(&before) {
            return self.refuse(step, format!("{what} while it ran"));
        }
        let Pass { at, run_id, took } = pass;
        self.write(step, State::Passed { at, run_id, took_ms: millis(took), key: before.key(), parts: before })?;
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

    fn write(&self, step: &str, state: State<Parts>) -> io::Result<()> {
        let entry = Entry { schema_version: SCHEMA_VERSION, step: step.to_owned(), state };
        fs::replace(self.path(step).as_std_path(), &serde_json::to_vec(&entry)?)
    }

    fn path(&self, step: &str) -> Utf8PathBuf {
        self.dir.join(format!("{}.json", file_name(step)))
    }
}

/// An entry; none where it is another step's: where names of files do not tell capitals from small letters, two may
/// share one.
fn read<'a, P: Deserialize<'a>>(bytes: &'a [u8], step: &str) -> Result<Option<State<P>>, String> {
    let entry: Entry<P> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    match entry.schema_version {
        SCHEMA_VERSION => Ok((entry.step == step).then_some(entry.state)),
        other => Err(format!("it is of version {other}")),
    }
}

/// A name as a file may have it on any system.
fn file_name(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    name.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Step;
    use crate::model::StepKind;

    struct Scene {
        _folder: tempfile::TempDir,
        gate_dir: Utf8PathBuf,
        cache: StepCache,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let gate_dir = Utf8PathBuf::try_from(folder.path().to_owned()).unwrap();
            let cache = StepCache::open(&gate_dir, "default");
            Self { _folder: folder, gate_dir, cache }
        }

        fn keep(&self, step: &str, before: &Parts, after: &Parts) -> Kept {
            self.cache.keep(step, before.clone(), after, pass()).unwrap()
        }

        fn why(&self, step: &str, now: &Parts) -> String {
            StepCache::open(&self.gate_dir, "default").look(step, now).why()
        }
    }

    fn pass() -> Pass {
        let at = "2026-11-21T10:00:00Z".parse().unwrap();
        Pass { at, run_id: RunId::from_stored("20261121T100000000Z-1a2b3c4d"), took: Duration::from_millis(1500) }
    }

    fn parts(lib: u8) -> Parts {
        let mut parts = Parts::default();
        parts.named.insert("rustc".to_owned(), ContentHash([1; 16]));
        parts.files.insert("src/lib.rs".into(), ContentHash([lib; 16]));
        parts.files.insert("src/a.rs".into(), ContentHash([1; 16]));
        parts
    }

    #[test]
    fn a_step_that_passed_need_not_run_until_something_changes() {
        let scene = Scene::new();
        assert_eq!(scene.why("clippy", &parts(1)), "first run");
        assert_eq!(scene.keep("clippy", &parts(1), &parts(1)), Kept::Yes);
        let Pass { at, run_id, took } = pass();
        assert_eq!(scene.cache.look("clippy", &parts(1)), Lookup::Hit { passed_at: at, run_id, took, files: 2 });
        assert_eq!(scene.why("clippy", &parts(1)), "nothing of 2 files changed since 20261121T100000000Z-1a2b3c4d");
        assert_eq!(scene.why("clippy", &parts(2)), "src/lib.rs changed");
        assert_eq!(scene.why("fmt", &parts(1)), "first run");
        assert_eq!(StepCache::open(&scene.gate_dir, "other").look("clippy", &parts(1)).why(), "first run");
        // A look changes nothing.
        assert!(matches!(scene.cache.look("clippy", &parts(1)), Lookup::Hit { .. }));
    }

    #[test]
    fn a_failure_counts_until_the_next_pass_whatever_passed_before() {
        let scene = Scene::new();
        scene.keep("clippy", &parts(1), &parts(1));
        scene.cache.fail("clippy").unwrap();
        assert_eq!(scene.why("clippy", &parts(1)), "it failed last time");
        scene.keep("clippy", &parts(1), &parts(1));
        assert!(matches!(scene.cache.look("clippy", &parts(1)), Lookup::Hit { .. }));
    }

    #[test]
    fn what_is_not_to_be_read_is_written_all_the_same() {
        let scene = Scene::new();
        let unread = StepCache::open(&scene.gate_dir, "default").unread();
        unread.keep("clippy", parts(1), &parts(1), pass()).unwrap();
        assert_eq!(unread.look("clippy", &parts(1)).why(), "--no-cache");
        assert!(matches!(scene.cache.look("clippy", &parts(1)), Lookup::Hit { .. }));
    }

    #[test]
    fn a_step_that_changes_its_inputs_is_not_cached_and_it_is_said() {
        let scene = Scene::new();
        scene.keep("fmt", &parts(1), &parts(1));
        let why = "src/lib.rs changed while it ran: what changes its own inputs cannot be cached".to_owned();
        assert_eq!(scene.keep("fmt", &parts(1), &parts(2)), Kept::No { why });
        for now in [parts(1), parts(2)] {
            assert_eq!(scene.why("fmt", &now), "src/lib.rs changed while it ran last time");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_known_to_be_the_same() {
        let scene = Scene::new();
        scene.keep("clippy", &parts(1), &parts(1));
        let unreadable = Parts { unreadable: Some("secret".into()), ..parts(1) };
        assert_eq!(scene.why("clippy", &unreadable), "secret cannot be read");
        assert!(matches!(scene.keep("clippy", &unreadable, &parts(1)), Kept::No { .. }));
        assert_eq!(scene.why("clippy", &parts(1)), "secret cannot be read last time");
    }

    #[test]
    fn a_damaged_entry_is_a_miss_that_says_so() {
        let scene = Scene::new();
        scene.keep("clippy", &parts(1), &parts(1));
        let path = scene.gate_dir.join("cache/steps/default/clippy.json");
        let whole = fs_err::read_to_string(&path).unwrap();
        for (damaged, said) in [
            (String::new(), "its cache entry cannot be read: "),
            (whole[..whole.len() / 2].to_owned(), "its cache entry cannot be read: "),
            (
                whole.replace("\"schema_version\":1", "\"schema_version\":9"),
                "its cache entry cannot be read: it is of version 9",
            ),
            (whole.replace("\"took_ms\"", "\"took\""), "its cache entry cannot be read: "),
            (whole.replace("\"key\":\"", "\"key\":\"0").replacen("0\",\"parts", "\",\"parts", 1), "its cache entry"),
        ] {
            assert_ne!(damaged, whole);
            fs_err::write(&path, damaged).unwrap();
            let why = scene.why("clippy", &parts(1));
            assert!(why.starts_with(said), "{why}");
        }
        fs_err::write(&path, &whole).unwrap();
        assert!(matches!(scene.cache.look("clippy", &parts(1)), Lookup::Hit { .. }));
    }

    fn pipeline() -> Pipeline {
        let step = |name: &str, kind| Step { name: name.to_owned(), kind, ..Step::default() };
        let steps = vec![step("clippy", StepKind::Lint), step("fmt", StepKind::Format), step("docs", StepKind::Custom)];
        Pipeline { steps, ..Pipeline::default() }
    }

    /// R23.
    #[test]
    fn a_changed_config_file_voids_what_looks_at_code_and_nothing_else() {
        let mut scene = Scene::new();
        for step in ["clippy", "docs"] {
            scene.keep(step, &parts(1), &parts(1));
        }
        scene.cache.void(&pipeline(), "clippy.toml".into()).unwrap();
        let void = "config file clippy.toml changed";
        // Also in the next run, if this one ends before the step has run.
        assert_eq!(
            (scene.cache.look("clippy", &parts(1)).why(), scene.why("clippy", &parts(1))),
            (void.into(), void.into())
        );
        assert_eq!(scene.why("fmt", &parts(1)), "first run");
        assert!(matches!(scene.cache.look("docs", &parts(1)), Lookup::Hit { .. }));
        scene.keep("clippy", &parts(1), &parts(1));
        assert!(scene.why("clippy", &parts(1)).starts_with("nothing of 2 files"));
    }

    /// R23: what cannot be voided stops nothing, and counts for nothing in this run.
    #[test]
    fn an_entry_that_cannot_be_voided_is_not_looked_at() {
        let mut scene = Scene::new();
        let path = scene.gate_dir.join("cache/steps/default/clippy.json");
        // A folder in its place can neither be replaced nor removed as a file.
        fs_err::create_dir_all(path.join("x")).unwrap();
        assert!(scene.cache.void(&pipeline(), "clippy.toml".into()).is_err());
        assert_eq!(scene.cache.look("clippy", &parts(1)).why(), "config file clippy.toml changed");
        assert!(scene.cache.keep("clippy", parts(1), &parts(1), pass()).is_err());
    }

    #[test]
    fn any_name_of_a_step_is_a_name_of_a_file() {
        let scene = Scene::new();
        for name in ["../../up", "a/b", "é ü", "con.", "%2e", "."] {
            scene.keep(name, &parts(1), &parts(1));
            assert!(matches!(scene.cache.look(name, &parts(1)), Lookup::Hit { .. }), "{name}");
        }
        let files = fs_err::read_dir(scene.gate_dir.join("cache/steps/default")).unwrap().count();
        assert_eq!(files, 6);
        assert_ne!(file_name("%2e"), file_name("."));
        // Of two names that share a file the one is not taken for the other.
        let shared = scene.gate_dir.join("cache/steps/default");
        fs_err::copy(shared.join("%2e.json"), shared.join("lint.json")).unwrap();
        assert_eq!(scene.why("lint", &parts(1)), "first run");
    }
}
