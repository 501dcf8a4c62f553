//! The measurement itself: what happens before the build, before the tests, and after them.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;

use super::advice;
use super::baseline_ref::Means;
use super::judging::{Judged, Judging, Measured};
use super::outcomes::of_outcomes;
use super::outputs;
use super::refusal::{refusal, without_numbers};
use super::selected::of_run;
use super::site::{Site, internal};
use crate::cli::{CargoFlags, CoverageArgs};
use crate::commands::complain;
use crate::commands::test::{Asked, Begun, Came, Ended, Measuring, Refused};
use crate::coverage::CoverageMap;
use crate::coverage::circumstances::Circumstances;
use crate::coverage::directory::Directory;
use crate::coverage::measure::{MeasureError, Measurer, Profiles};
use crate::coverage::source::{self, SourceError};
use crate::exit_code::ExitCode;
use crate::history::portion::part::MeasuredPart;
use crate::model::{ContentHash, CoverageFigures, Judgement, PackagePatterns, Reason, Verdict};
use crate::report::CoverageReport;
use crate::sys::digest::hash_file;
use crate::sys::fs::{self, Lock};
use crate::sys::signals::Signals;

/// A run that is measured.
pub(super) struct Run<'a> {
    pub(super) args: &'a CoverageArgs,
    pub(super) asked: &'a Arc<Asked>,
    /// Set once the build begins.
    pub(super) under_way: Option<UnderWay>,
    pub(super) judged: Option<Judged>,
    /// Why there are no figures of this shard, where there are none.
    pub(super) why_not: Option<String>,
}

pub(super) struct UnderWay {
    pub(super) site: Site,
    pub(super) measurer: Measurer,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) version: Option<String>,
    pub(super) deadline: Instant,
    /// What went wrong on the way: there will be no measurement.
    pub(super) failed: Option<MeasureError>,
    /// Profiles that the build left: of what runs while other things are built.
    of_build: HashSet<Utf8PathBuf>,
    has_built: bool,
    /// Held to the end: another measurement would remove the profiles of this one.
    _lock: Option<Lock>,
}

/// In place of no limit.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

impl<'a> Run<'a> {
    pub(super) const fn new(args: &'a CoverageArgs, asked: &'a Arc<Asked>) -> Self {
        Self { args, asked, under_way: None, judged: None, why_not: None }
    }

    fn start(&self, signals: &Signals) -> Result<UnderWay, Refused> {
        let site = Site::of(self.asked)?;
        let measurer = measurer(self.asked, &site)?;
        let deadline = Instant::now() + limit(self.asked);
        let mut under_way = UnderWay {
            site,
            env: self.asked.stage.environment(),
            version: None,
            deadline,
            failed: None,
            of_build: HashSet::new(),
            has_built: false,
            _lock: None,
            measurer,
        };
        match under_way.prepare(signals) {
            Ok(()) => Ok(under_way),
            Err(error) => match refusal(&error) {
                Some(refused) => Err(refused),
                None => Ok(UnderWay { failed: Some(error), env: self.asked.stage.environment(), ..under_way }),
            },
        }
    }
}

/// How long a measurement may take.
pub(super) fn limit(asked: &Asked) -> Duration {
    asked.stage.shorten(asked.settings().coverage.timeout).unwrap_or(FOR_EVER)
}

/// Nobody else measures in the directory from here on. Waits for who does.
fn lock(directory: &Directory, deadline: Instant, signals: &Signals) -> Result<Lock, MeasureError> {
    wait_for(|patience| directory.lock(patience), deadline, signals)
}

/// Waits for a lock, as long as there is time and nobody asks for an end.
pub(super) fn wait_for(
    lock: impl Fn(Duration) -> io::Result<Lock>,
    deadline: Instant,
    signals: &Signals,
) -> Result<Lock, MeasureError> {
    const GLANCE: Duration = Duration::from_millis(200);
    let mut is_told = false;
    loop {
        match lock(GLANCE) {
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            locked => return Ok(locked?),
        }
        if !std::mem::replace(&mut is_told, true) {
            complain("note", "waiting for another measurement of this workspace to end");
        }
        if signals.interrupt().is_some() {
            return Err(MeasureError::Interrupted);
        }
        if Instant::now() >= deadline {
            return Err(MeasureError::TimedOut);
        }
    }
}

fn measurer(asked: &Asked, site: &Site) -> Result<Measurer, Refused> {
    let flags = &asked.build.flags;
    if flags.target.len() > 1 {
        let why = "cargo-llvm-cov measures for one target at a time: give one `--target`";
        return Err(Refused::new(ExitCode::Usage, why));
    }
    let profile = flags.profile.clone().or_else(|| flags.release.then(|| "release".to_owned()));
    Ok(Measurer {
        cargo: asked.cargo.clone(),
        cwd: asked.cwd.clone(),
        env: asked.stage.environment(),
        dir: Directory::of(&site.target_dir, &site.context),
        manifest_path: flags.manifest_path.clone(),
        packages: summed_up(flags, site),
        target: flags.target.first().filter(|target| !target.is_empty()).cloned(),
        profile,
        doctests: asked.measures_doctests(),
    })
}

/// Which packages count, in words that `cargo llvm-cov report` understands: those that are tested. Without any it is the
/// package of the current directory alone.
fn summed_up(flags: &CargoFlags, site: &Site) -> Vec<OsString> {
    let choose = |name: &str| [OsString::from("--package"), name.into()];
    if !flags.exclude.is_empty() {
        let excluded = PackagePatterns::new(&flags.exclude);
        let is_in = |name: &&str| !excluded.as_ref().is_ok_and(|patterns| patterns.is_match(name));
        return site.folders().into_iter().map(|(name, _)| name).filter(is_in).flat_map(choose).collect();
    }
    if flags.workspace || flags.all {
        return vec!["--workspace".into()];
    }
    flags.package.iter().filter(|spec| !spec.is_empty()).flat_map(|spec| choose(spec)).collect()
}

impl Measuring for Run<'_> {
    fn is_instrumented(&self) -> bool {
        true
    }

    fn begin(&mut self, signals: &Signals) -> Begun {
        let under_way = self.start(signals)?;
        let env = under_way.env.clone();
        self.under_way = Some(under_way);
        Ok(Some(env))
    }

    fn built(&mut self, executables: &[PathBuf]) {
        let Some(under_way) = &mut self.under_way else { return };
        under_way.has_built = true;
        if under_way.failed.is_some() {
            return;
        }
        let directory = &under_way.measurer.dir;
        match directory.discard_strangers(executables).and_then(|_| directory.profiles()) {
            Ok(profiles) => under_way.of_build = profiles.into_iter().collect(),
            Err(error) => under_way.failed = Some(error.into()),
        }
    }

    fn about_to_run(&mut self) {
        let Some(under_way) = self.under_way.as_mut().filter(|under_way| under_way.failed.is_none()) else { return };
        if let Err(error) = under_way.measurer.dir.discard_profiles_but(&under_way.of_build) {
            under_way.failed = Some(error.into());
        }
    }

    fn judge(&mut self, came: &Came, signals: &Signals, judgement: &mut Judgement) {
        let Some(under_way) = self.under_way.as_mut().filter(|under_way| under_way.has_built) else { return };
        // Where the tests did not run, what the build covers is no figure of theirs.
        let stops = [
            ExitCode::Interrupted,
            ExitCode::Internal,
            ExitCode::BuildFailed,
            ExitCode::NeverExecuted,
            ExitCode::NoTests,
        ];
        if judgement.codes.iter().any(|code| stops.contains(code)) || judgement.verdict == Verdict::Deferred {
            under_way.measurer.clean_up();
            return;
        }
        if self.args.test.shard.is_some() {
            return self.measure_part(came, signals, judgement);
        }
        let Some(under_way) = &mut self.under_way else { return };
        let circumstances = Circumstances {
            selected: of_run(&self.args.test, self.asked),
            measurer: under_way.version.clone(),
            commit: under_way.site.commit.clone(),
            ..of_outcomes(&came.cases, judgement)
        };
        let measured = match under_way.measure(&circumstances, signals) {
            Ok(map) => Measured::Map(map),
            Err(MeasureError::Interrupted) => return interrupt(signals, judgement),
            Err(error) => match without_numbers(&error, limit(self.asked)) {
                Ok(measurement) => Measured::Nothing(measurement),
                Err(refused) => return end(refused.code, Reason::new("not-measured", refused.why), judgement),
            },
        };
        let judging = Judging::new(self.args, self.asked.settings(), &under_way.site, &circumstances);
        let judged = judging.with_means(Means { asked: self.asked, signals }).judge(measured);
        if signals.interrupt().is_some() {
            return interrupt(signals, judgement);
        }
        judged.add_to(judgement);
        self.judged = Some(judged);
    }

    fn part(&self) -> Option<MeasuredPart> {
        Some(self.part_of_whole())
    }

    fn reached(&self) -> Option<CoverageFigures> {
        self.judged.as_ref()?.reached.clone()
    }

    fn report(&self) -> Option<&CoverageReport> {
        self.judged.as_ref().map(|judged| &judged.report)
    }

    fn document(&self, ended: &Ended<'_>) -> Option<Vec<u8>> {
        Some(match &self.judged {
            Some(judged) => outputs::document(Some(ended), judged),
            None => outputs::document_without(ended),
        })
    }

    fn tell(&mut self, ended: &Ended<'_>) -> Vec<String> {
        let (Some(judged), Some(under_way)) = (&self.judged, &self.under_way) else {
            let gate_dir = self.under_way.as_ref().map(|under_way| under_way.site.gate_dir.as_path());
            return outputs::tell_without(self.args, ended, gate_dir);
        };
        let mut wrong = outputs::tell(self.args, Some(ended), judged);
        outputs::log(&self.asked.stage, judged);
        match self.args.test.shard {
            _ if self.args.test.no_record => {}
            // What it covers is no figure of the workspace.
            Some(_) => wrong.extend(outputs::outdate(&under_way.site.gate_dir, &judged.report.head.reason)),
            None => wrong.extend(outputs::keep(&under_way.site.gate_dir, Some(ended.record), &judged.report)),
        }
        wrong
    }
}

/// The end was asked for while the measurement was summed up: the tests had theirs, but nothing is judged.
pub(super) fn interrupt(signals: &Signals, judgement: &mut Judgement) {
    let signal = signals.interrupt().map_or("SIGINT", |interrupt| interrupt.signal);
    let text = format!("{signal} came while coverage was summed up");
    end(ExitCode::Interrupted, Reason::new("interrupted", text), judgement);
}

/// There is nothing to judge, and that is more pressing than whatever the tests came to.
pub(super) fn end(code: ExitCode, reason: Reason, judgement: &mut Judgement) {
    judgement.codes.retain(|code| *code != ExitCode::Pass);
    judgement.codes.insert(0, code);
    judgement.reasons.insert(0, reason);
    judgement.verdict = if code == ExitCode::Internal { Verdict::ToolError } else { Verdict::Fail };
}

impl UnderWay {
    /// Everything that comes before the build.
    fn prepare(&mut self, signals: &Signals) -> Result<(), MeasureError> {
        let (measurer, deadline) = (&self.measurer, self.deadline);
        self._lock = Some(lock(&measurer.dir, deadline, signals)?);
        // Both take their time, and neither needs the other.
        let (version, env) = thread::scope(|scope| {
            let version = scope.spawn(|| measurer.version(deadline, signals));
            let discarded = measurer.dir.discard_profiles();
            let env = measurer.environment(deadline, signals);
            let ended_early = |_| Err(io::Error::other("a thread ended early").into());
            let version = version.join().unwrap_or_else(ended_early);
            (version, discarded.map_err(MeasureError::from).and(env))
        });
        let version = version?;
        self.env = env?;
        self.forget(&version)?;
        self.version = Some(version);
        Ok(())
    }

    /// Makes cargo build anew what it would wrongly take for built.
    fn forget(&self, version: &str) -> Result<(), MeasureError> {
        let folders = self.site.folders();
        let names: BTreeSet<&str> = folders.iter().map(|(name, _)| *name).collect();
        let note = self.measurer.dir.path().join("instrumented");
        let noted = fs_err::read_to_string(&note).unwrap_or_default();
        let (by, before) = noted.split_once('\n').unwrap_or_default();
        let before: BTreeSet<&str> = before.lines().collect();
        // What runs during the build is covered while others are compiled: what is not compiled covers nothing. And
        // cargo knows nothing of who instruments: another version may do it otherwise.
        let forgotten: Vec<&str> = match self.site.runs_in_builds || by != version {
            true => names.iter().copied().collect(),
            // What was no member until now was built without instrumentation, what is none any more was built with it.
            false => names.symmetric_difference(&before).copied().collect(),
        };
        self.measurer.dir.forget_builds(&forgotten)?;
        let lines: Vec<&str> = [version].into_iter().chain(names.iter().copied()).collect();
        let text = lines.join("\n");
        if text != noted {
            fs::replace(note.as_std_path(), text.as_bytes())?;
        }
        Ok(())
    }

    /// Sums up; what cannot be summed up again goes.
    fn measure(&mut self, circumstances: &Circumstances, signals: &Signals) -> Result<CoverageMap, MeasureError> {
        let profiles = if circumstances.lost.is_empty() { Profiles::Whole } else { Profiles::SomeTorn };
        let exported = match self.failed.take() {
            Some(error) => Err(error),
            None => self.measurer.export(&self.env, profiles, self.deadline, signals),
        };
        // Profiles are large, and the next measurement would throw them away.
        self.measurer.clean_up();
        exported?;
        let map = load(&self.measurer.dir, &self.site)?;
        let hash = |path: &Utf8PathBuf| Some((path.clone(), hash_file(self.site.root.join(path)).ok()?));
        let sources = map.files().keys().filter_map(hash).collect();
        Circumstances { sources, ..circumstances.clone() }.save(&self.measurer.dir.circumstances())?;
        Ok(map)
    }
}

/// Judges what was measured last, once more.
pub(super) fn again(args: &CoverageArgs, asked: &Asked, site: &Site) -> Result<(Measured, Circumstances), Refused> {
    let directory = measurer(asked, site)?.dir;
    let deadline = Instant::now() + limit(asked);
    let flags = advice::for_measuring(args);
    let nothing = format!(
        "nothing was measured yet in this configuration: run `cargo gate coverage{flags}` without `--no-run` first"
    );
    let nothing = Refused::new(ExitCode::Config, nothing);
    if !directory.exported().exists() {
        return Err(nothing);
    }
    let lock = lock(&directory, deadline, &Signals::none());
    let _lock = lock.map_err(|error| refusal(&error).unwrap_or_else(|| internal(error.to_string())))?;
    let mut circumstances = Circumstances::load(&directory.circumstances()).ok_or(nothing)?;
    let is_stale = |(path, measured): &(&Utf8PathBuf, &ContentHash)| {
        !hash_file(site.root.join(path)).is_ok_and(|now| now == **measured)
    };
    circumstances.stale = circumstances.sources.iter().filter(is_stale).map(|(path, _)| path.clone()).collect();
    let measured = match load(&directory, site) {
        Ok(map) => Measured::Map(map),
        Err(error) => Measured::Nothing(without_numbers(&error, limit(asked))?),
    };
    Ok((measured, circumstances))
}

fn load(directory: &Directory, site: &Site) -> Result<CoverageMap, MeasureError> {
    source::load_export(&directory.exported(), &site.root).map_err(|error| match error {
        // That there is no such file is the measurer's doing.
        SourceError::Unreadable { why, .. } if why.kind() != ErrorKind::NotFound => why.into(),
        SourceError::LlvmJson { why, .. } if why.is_io() => io::Error::from(why).into(),
        error => MeasureError::Failed { what: "report", why: error.to_string() },
    })
}
