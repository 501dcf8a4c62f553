//! The measurement itself: what happens before the build, before the tests, and after them.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;

use super::judging::{Judged, Judging, Measured};
use super::outputs;
use super::site::{Site, internal};
use super::without_numbers;
use crate::cli::CoverageArgs;
use crate::commands::doctor;
use crate::commands::test::{Asked, Begun, Came, Ended, Measuring, Refused};
use crate::coverage::measure::{MeasureError, Measurer, directory};
use crate::coverage::source;
use crate::coverage::verdict::Measurement;
use crate::exit_code::ExitCode;
use crate::model::{AttemptOutcome, CaseRecord, CoverageFigures, Ending, Judgement, Verdict};
use crate::sys::process::own_environment;
use crate::sys::signals::Signals;

/// A run that is measured.
pub(super) struct Run<'a> {
    args: &'a CoverageArgs,
    asked: &'a Arc<Asked>,
    /// Set once the build begins.
    under_way: Option<UnderWay>,
    judged: Option<Judged>,
}

struct UnderWay {
    site: Site,
    measurer: Measurer,
    env: Vec<(OsString, OsString)>,
    version: Option<String>,
    deadline: Instant,
    /// What went wrong on the way: there will be no measurement.
    failed: Option<MeasureError>,
    /// Profiles that the build left: of procedural macros, which run in the compiler.
    of_build: HashSet<Utf8PathBuf>,
    has_built: bool,
}

/// In place of no limit.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

impl<'a> Run<'a> {
    pub(super) const fn new(args: &'a CoverageArgs, asked: &'a Arc<Asked>) -> Self {
        Self { args, asked, under_way: None, judged: None }
    }

    fn start(&self, signals: &Signals) -> Result<UnderWay, Refused> {
        let site = Site::of(self.asked)?;
        let measurer = measurer(self.asked, &site);
        let deadline = Instant::now() + limit(self.asked);
        let version = measurer.version(deadline, signals).map_err(|error| refused(&error))?;
        let io = |error: MeasureError| internal(error.to_string());
        measurer.discard_profiles().map_err(io)?;
        if site.has_proc_macro {
            // They are covered while others are compiled: what is not compiled anew covers nothing.
            measurer.forget_builds(&site.folders().iter().map(|(name, _)| *name).collect::<Vec<_>>()).map_err(io)?;
        }
        let mut failed = None;
        let env = match measurer.environment(deadline, signals) {
            Ok(env) => env,
            Err(error @ (MeasureError::Missing(_) | MeasureError::Interrupted)) => return Err(refused(&error)),
            Err(error) => {
                failed = Some(error);
                own_environment()
            }
        };
        let of_build = HashSet::new();
        Ok(UnderWay { site, measurer, env, version: Some(version), deadline, failed, of_build, has_built: false })
    }
}

/// How long a measurement may take.
fn limit(asked: &Asked) -> Duration {
    asked.settings().coverage.timeout.unwrap_or(FOR_EVER)
}

fn refused(error: &MeasureError) -> Refused {
    match error {
        // The doctor says it better than whoever could not be started.
        MeasureError::Missing(why) => {
            let lacks = doctor::what_coverage_lacks();
            Refused::new(ExitCode::Config, lacks.unwrap_or_else(|| format!("coverage cannot be measured: {why}")))
        }
        MeasureError::Interrupted => Refused::new(ExitCode::Interrupted, "interrupted before the build"),
        other => internal(other.to_string()),
    }
}

fn measurer(asked: &Asked, site: &Site) -> Measurer {
    let flags = &asked.build.flags;
    let profile = flags.profile.clone().or_else(|| flags.release.then(|| "release".to_owned()));
    Measurer {
        cargo: asked.cargo.clone(),
        cwd: asked.cwd.clone(),
        env: own_environment(),
        dir: directory(&site.target_dir, &site.context),
        manifest_path: flags.manifest_path.clone(),
        target: flags.target.first().cloned(),
        profile,
        doctests: asked.measures_doctests(),
    }
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
        let cleared = under_way.measurer.discard_strangers(executables);
        let profiles = under_way.measurer.profiles();
        match (cleared, profiles) {
            (Ok(_), Ok(profiles)) => under_way.of_build = profiles.into_iter().collect(),
            (Err(error), _) | (_, Err(error)) => under_way.failed = Some(error),
        }
    }

    fn about_to_run(&mut self) {
        let Some(under_way) = &mut self.under_way else { return };
        if let Err(error) = under_way.measurer.discard_profiles_but(&under_way.of_build) {
            under_way.failed = Some(error);
        }
    }

    fn judge(&mut self, came: &Came, signals: &Signals, judgement: &mut Judgement) {
        let Some(under_way) = self.under_way.as_mut().filter(|under_way| under_way.has_built) else { return };
        let stops = [ExitCode::Interrupted, ExitCode::Internal, ExitCode::BuildFailed, ExitCode::NoTests];
        if judgement.codes.iter().any(|code| stops.contains(code)) || judgement.verdict == Verdict::Deferred {
            return;
        }
        let measured = under_way.measure(signals, limit(self.asked));
        let failed = judgement.codes.contains(&ExitCode::TestsFailed);
        let count = came.cases.iter().filter(|case| case.outcome.is_failure()).count().max(1) as u64;
        let lost: Vec<String> =
            came.cases.iter().filter(|case| is_lost(case)).map(|case| case.key.to_string()).collect();
        let judging = Judging::new(self.args, self.asked.settings(), &under_way.site, under_way.version.as_deref());
        let judged = judging.judge(measured, if failed { count } else { 0 }, &lost);
        judged.add_to(judgement);
        self.judged = Some(judged);
    }

    fn reached(&self) -> Option<CoverageFigures> {
        self.judged.as_ref()?.reached.clone()
    }

    fn tell(&mut self, ended: &Ended<'_>) -> Vec<String> {
        let (Some(judged), Some(under_way)) = (&self.judged, &self.under_way) else {
            return outputs::tell_without(self.args, ended);
        };
        let mut wrong = outputs::tell(self.args, Some(ended), judged);
        if !self.args.test.no_record {
            wrong.extend(outputs::keep(&under_way.site.gate_dir, Some(ended.record), &judged.report));
        }
        wrong
    }
}

impl UnderWay {
    fn measure(&mut self, signals: &Signals, limit: Duration) -> Measured {
        let measured = match self.failed.take() {
            Some(error) => Err(error),
            None => self.measurer.export(&self.env, self.deadline, signals),
        };
        let map = match measured {
            Ok(file) => source::load(&[file]).map_err(|error| Measurement::Failed(error.to_string())),
            Err(error) => Err(without_numbers(&error, limit)),
        };
        // Profiles are large, and the next measurement would throw them away.
        let _ = self.measurer.discard_profiles_but(&HashSet::new());
        map.map_or_else(Measured::Nothing, |map| Measured::Map(map.relative_to(&self.site.root)))
    }
}

/// Judges what was measured last, once more.
pub(super) fn again(_args: &CoverageArgs, asked: &Asked, site: &Site) -> Result<Measured, Refused> {
    let measurer = measurer(asked, site);
    let file = measurer.exported();
    if !file.exists() {
        let why = "nothing was measured yet in this configuration: run `cargo gate coverage` without `--no-run` first";
        return Err(Refused::new(ExitCode::Config, why));
    }
    match source::load(&[file]) {
        Ok(map) => Ok(Measured::Map(map.relative_to(&site.root))),
        Err(error) => Ok(Measured::Nothing(Measurement::Failed(error.to_string()))),
    }
}

/// Did a process of this test end without leaving a profile?
fn is_lost(case: &Arc<CaseRecord>) -> bool {
    case.attempts.iter().any(|attempt| {
        attempt.outcome == AttemptOutcome::Timeout
            || (attempt.outcome == AttemptOutcome::Error && matches!(attempt.ending, Some(Ending::Signaled(_))))
    })
}
