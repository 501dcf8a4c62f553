//! `coverage.baseline-ref`: where no baseline is kept, or only one from before the merge base with a revision, what the
//! merge base covers is measured, once, in a worktree of it.
//!
//! What it covers is held against the measurement as a baseline of the ratchet is: it may be the first, and it may be
//! higher than the one that is kept, but it lowers nothing. So a main branch that fell below its ratchet does not take
//! the ratchet with it. Where it cannot be measured and nothing else is there to judge by, that fails: a gate that asks
//! for a baseline does not pass for want of one.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;

use super::advice;
use super::judging::{Judging, not_written};
use super::left_out::Grounds;
use super::measured::{limit, wait_for};
use crate::commands::test::Asked;
use crate::config::{ConfigFile, PLACES};
use crate::coverage::baseline::{Baseline, Subject, Tools};
use crate::coverage::circumstances::{Circumstances, Selected};
use crate::coverage::directory::Directory;
use crate::coverage::measure::last_words;
use crate::coverage::ratchet::{Permission, Ratchet, RatchetKey};
use crate::coverage::ratchet_file::{RatchetError, RatchetFile};
use crate::coverage::{source, subjects};
use crate::exit_code::ExitCode;
use crate::model::{Ending, Reason, Word};
use crate::report::words::short_commit;
use crate::sys::fs;
use crate::sys::git;
use crate::sys::process::{Launch, run_with_grace};
use crate::sys::signals::Signals;
use crate::sys::worktree::Worktree;

/// What it takes to measure.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) asked: &'a Asked,
    pub(super) signals: &'a Signals,
}

/// What came of asking.
pub(super) enum Consulted {
    /// The merge base is among the baselines now. Where it could not be written down, that is the other reason.
    Known(Reason, Option<Reason>),
    /// It is not, and an older baseline judges.
    Older(Reason),
    /// It is not, and nothing is there to judge by.
    Missing(Reason),
}

/// Figures with what they are kept under.
type Figures = Vec<(RatchetKey, Baseline)>;

/// How long the gate that measures has to end its tests.
const GRACE: Duration = Duration::from_secs(20);

impl Judging<'_> {
    /// Sees to it that the baselines to judge by are not older than the merge base, where that is asked for. `None`:
    /// it is not, or they are not.
    pub(super) fn consult(&self, ratchet: &mut Ratchet) -> Option<Consulted> {
        let revision = self.settings.coverage.baseline_ref.as_deref()?;
        let has_no_word = self.circumstances.selected == Selected::Part || self.circumstances.failed_tests > 0;
        if !self.rule.asks_baseline() || has_no_word {
            return None;
        }
        let key = self.key(Subject::Workspace);
        let found = match git::merge_base(&self.site.root, revision) {
            // It was measured just now.
            Ok(commit) if !self.site.is_dirty && self.circumstances.commit.as_ref() == Some(&commit) => return None,
            Ok(commit) if ratchet.baseline(&key).is_some_and(|kept| !self.is_older(kept, &commit)) => return None,
            Ok(commit) => self.figures_of(revision, &commit).map(|figures| (commit, figures)),
            Err(error) => Err(error.to_string()),
        };
        let (commit, figures) = match found {
            Ok(found) => found,
            Err(why) => {
                let flags = advice::for_baseline(self.args);
                return Some(missing(revision, &why, &flags, ratchet.baseline(&key)));
            }
        };
        for (key, baseline) in &figures {
            ratchet.raise(key, baseline, &Permission::Rise);
        }
        let kept = if self.args.test.no_record { Ok(()) } else { self.keep(&figures) };
        let reason = Reason::new("baseline-ref", told(revision, &commit, ratchet.baseline(&key)));
        Some(Consulted::Known(reason, kept.err().map(|error| not_written(&error))))
    }

    /// Was it measured on the way to the merge base, and not there?
    fn is_older(&self, baseline: &Baseline, merge_base: &str) -> bool {
        let measured_at = baseline.commit.as_deref();
        measured_at.is_some_and(|commit| git::is_ancestor(&self.site.root, commit, merge_base))
    }

    /// The first baseline may be put down anywhere; a higher one comes with a measurement of the branch itself.
    fn keep(&self, figures: &Figures) -> Result<(), RatchetError> {
        let permission = match self.permission() {
            Permission::Rise => Permission::Bootstrap(String::new()),
            less => less,
        };
        self.ratchet.file.raise(figures, &permission).map(drop)
    }

    fn figures_of(&self, revision: &str, commit: &str) -> Result<Figures, String> {
        let notes = self.notes(commit);
        if let Some(figures) = self.noted(&notes) {
            return Ok(figures);
        }
        let Some(Means { asked, signals }) = self.means else {
            return Err(
                "nothing is run here: `cargo gate coverage` without `--no-run` and `--from` measures it".to_owned()
            );
        };
        let deadline = Instant::now() + limit(asked);
        let target_dir = self.reference_dir();
        let lock = target_dir.join("worktree.lock");
        let _lock = wait_for(|patience| fs::lock(lock.as_std_path(), patience), deadline, signals)
            .map_err(|error| error.to_string())?;
        // Whoever was waited for may have measured it.
        if let Some(figures) = self.noted(&notes) {
            return Ok(figures);
        }
        asked
            .stage
            .complain("note", &format!("measuring `{revision}` (at {}) once, for the baseline", short_commit(commit)));
        let figures = self.measure_in_worktree(Means { asked, signals }, commit, &target_dir, deadline)?;
        // What is not noted is measured again.
        let _ = notes.raise(&figures, &Permission::Rise);
        Ok(figures)
    }

    /// The target directory of such measurements: dependencies are built once.
    fn reference_dir(&self) -> Utf8PathBuf {
        self.site.target_dir.join("gate-coverage").join("baseline-ref")
    }

    /// Where figures of a commit are noted. What decides over what is counted is in the name.
    fn notes(&self, commit: &str) -> RatchetFile {
        let (settings, context) = (self.settings, &self.site.context);
        let decides = format!(
            "{:?}{:?}{:?}{:?}{:?}",
            settings.scope, settings.exempt, settings.coverage.exclude_test_code, settings.test.args, context.profile
        );
        let digest = blake3::hash(decides.as_bytes()).to_hex();
        let name = format!("{commit}-{}.toml", digest.get(..8).unwrap_or_default());
        let dir = self.reference_dir().join("figures");
        RatchetFile::of(&dir, Some(&dir.join(name)))
    }

    fn noted(&self, notes: &RatchetFile) -> Option<Figures> {
        let ratchet = notes.load().ok()?;
        ratchet.baseline(&self.key(Subject::Workspace))?;
        let figures = ratchet.entries().filter_map(|(key, entry)| Some((key.clone(), entry.baseline.clone()?)));
        Some(figures.filter(|(key, _)| self.key(key.subject.clone()) == *key).collect())
    }

    /// Runs this very program in a worktree of the commit, and takes from what it measured the figures that count here.
    fn measure_in_worktree(
        &self,
        means: Means<'_>,
        commit: &str,
        target_dir: &Utf8Path,
        deadline: Instant,
    ) -> Result<Figures, String> {
        let worktree = Worktree::add(&self.site.root, commit, means.signals).map_err(|error| error.to_string())?;
        let there = Elsewhere { from: &self.site.root, worktree: worktree.path() };
        let root = there.of(&self.site.root)?;
        if !root.join("Cargo.toml").exists() {
            return Err("there is no such workspace in it yet".to_owned());
        }
        put_config(means.asked.config.as_ref(), &root)?;
        let directory = Directory::of(target_dir, &self.site.context);
        // What lies there afterwards was measured now.
        for left in [directory.exported(), directory.circumstances()] {
            match fs_err::remove_file(left) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.to_string()),
                _ => {}
            }
        }
        let launch = self.launch(means.asked, &there, target_dir)?;
        let finished = match run_with_grace(&launch, deadline, GRACE, means.signals) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err("interrupted".to_owned()),
            finished => finished.map_err(|error| error.to_string())?,
        };
        if finished.timed_out {
            return Err("it took longer than `coverage.timeout` permits".to_owned());
        }
        let circumstances = Circumstances::load(&directory.circumstances());
        let measured_all = [ExitCode::Pass, ExitCode::CoverageFailed].map(|code| Ending::Exited(code.number().into()));
        match &circumstances {
            Some(circumstances) if circumstances.failed_tests > 0 => Err("its own tests fail".to_owned()),
            Some(circumstances) if !circumstances.lost.is_empty() => Err("its tests left not all profiles".to_owned()),
            Some(circumstances) if measured_all.contains(&finished.ending) => {
                self.figures_in(&directory, circumstances, &root, target_dir, commit)
            }
            _ => Err(last_words(&finished)),
        }
    }

    fn launch(&self, asked: &Asked, there: &Elsewhere<'_>, target_dir: &Utf8Path) -> Result<Launch, String> {
        let mut build = self.args.test.build.clone().without_target_dir();
        if let Some(manifest) = self.args.test.build.flags.manifest_path.clone() {
            let manifest = Utf8PathBuf::try_from(asked.cwd.join(manifest)).map_err(|error| error.to_string())?;
            let name = manifest.file_name().unwrap_or("Cargo.toml");
            let moved = there.of(manifest.parent().unwrap_or(&manifest))?.join(name);
            build = build.with_manifest_path(moved.into());
        }
        let cwd = Utf8PathBuf::try_from(asked.cwd.clone()).map_err(|error| error.to_string())?;
        // Who names a manifest may stand anywhere.
        let cwd = there.of(&cwd).or_else(|_| there.of(&self.site.root))?;
        // Nothing is judged there, nothing kept, and nothing measured for it in turn.
        let mut args: Vec<OsString> = ["gate", "coverage", "--no-record", "--no-progress"].map(Into::into).into();
        args.extend(["--policy", "absolute", "--floor", "0", "--baseline-ref", "none"].map(OsString::from));
        args.extend(["--patch-floor", "0", "--patch-max-uncovered", "none"].map(OsString::from));
        args.extend(["--ratchet", "manual", "--on-tool-error", "closed"].map(OsString::from));
        args.extend(["--metric".into(), self.rule.metric.word().into()]);
        if let Some(profile) = &self.args.test.gate_profile {
            args.extend(["--gate-profile".into(), profile.into()]);
        }
        args.extend(build.to_argv());
        let mut env = asked.stage.environment();
        // It is not what the step is about.
        env.retain(|(name, _)| name != "CARGO_TARGET_DIR" && name != "GITHUB_STEP_SUMMARY");
        env.push(("CARGO_TARGET_DIR".into(), target_dir.as_os_str().to_owned()));
        Ok(Launch { program: asked.own_exe.clone().into(), args, cwd: cwd.into(), env })
    }

    fn figures_in(
        &self,
        directory: &Directory,
        circumstances: &Circumstances,
        root: &Utf8Path,
        target_dir: &Utf8Path,
        commit: &str,
    ) -> Result<Figures, String> {
        let map = source::load_export(&directory.exported(), root).map_err(|error| error.to_string())?;
        let packages = self.site.folders();
        let grounds = Grounds { settings: self.settings, root, target_dir, packages: &packages };
        let (map, _) = grounds.leave_out(map).map_err(|error| error.to_string())?;
        let tools = Tools {
            measurer: circumstances.measurer.clone().unwrap_or_else(|| self.tools.measurer.clone()),
            ..self.tools.clone()
        };
        let all = subjects::judged(&map, &packages, self.settings, &self.rule);
        let kept = all.iter().filter(|judged| judged.is_kept && judged.counts.total > 0);
        let figures: Figures =
            kept.filter_map(|judged| self.figure(judged, &tools, Some(commit), Timestamp::now())).collect();
        match figures.is_empty() {
            true => Err("it has nothing to cover".to_owned()),
            false => Ok(figures),
        }
    }
}

/// Where a directory of this checkout is in the worktree.
struct Elsewhere<'a> {
    from: &'a Utf8Path,
    worktree: &'a Utf8Path,
}

impl Elsewhere<'_> {
    fn of(&self, directory: &Utf8Path) -> Result<Utf8PathBuf, String> {
        let outside = || format!("`{directory}` is not in the repository of `{}`", self.from);
        let (ours, theirs) = (git::checkout_root(self.from), git::checkout_root(directory));
        match git::way_from_root(directory) {
            Some(way) if ours == theirs => Ok(self.worktree.join(way)),
            _ => Err(outside()),
        }
    }
}

/// Figures are counted by the rules that hold here, whatever held there.
fn put_config(config: Option<&ConfigFile>, to: &Utf8Path) -> Result<(), String> {
    for place in PLACES {
        match fs_err::remove_file(to.join(place)) {
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(error.to_string());
            }
            _ => {}
        }
    }
    let put = |config: &ConfigFile| fs::replace(to.join(&config.name).as_std_path(), config.text.as_bytes());
    config.map_or(Ok(()), put).map_err(|error| error.to_string())
}

/// Which baseline judges, and where it comes from.
fn told(revision: &str, commit: &str, judging: Option<&Baseline>) -> String {
    let at = short_commit(commit);
    match judging {
        Some(baseline) if baseline.commit.as_deref() == Some(commit) => {
            format!(
                "the baseline is what `{revision}` covers at {at}: {} %, measured in a worktree of it",
                baseline.share
            )
        }
        Some(baseline) => {
            format!(
                "`{revision}` covers no more at {at} than the baseline of the ratchet, which stays: {} %",
                baseline.share
            )
        }
        None => format!("`{revision}` was measured at {at}"),
    }
}

/// What is said where the merge base has no figure.
fn missing(revision: &str, why: &str, flags: &str, older: Option<&Baseline>) -> Consulted {
    let text = format!("the baseline of `{revision}` could not be measured: {why}");
    match older {
        Some(older) => {
            let text = format!("{text}; the older one of {} % judges", older.share);
            Consulted::Older(Reason::new("baseline-ref", text))
        }
        None => {
            let next =
                format!("`cargo gate baseline set{flags}` puts one there by hand, `--baseline-ref none` does without");
            Consulted::Missing(Reason::new("baseline-ref", format!("{text} (fail-closed); {next}")))
        }
    }
}
