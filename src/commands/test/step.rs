//! A run as a step of a pipeline: the same engine, told where it is and for whom, which gives what it came to instead of
//! leaving with a code.

use std::sync::Arc;
use std::time::Duration;

use super::measuring::NotMeasuring;
use super::session::{CameTo, Recorded, run_once};
use super::{Prepared, Purpose, Refused, ask, prepare};
use crate::cli::{Format, TestArgs};
use crate::commands::stage::Stage;
use crate::event::Observer;
use crate::exit_code::ExitCode;
use crate::model::{Ending, Judgement, Reason, Verdict};
use crate::report::CoverageReport;
use crate::sys::process::{self, Launch};

/// How long plain cargo has to end its tests.
const GRACE: Duration = Duration::from_secs(5);

/// Who else is told of a run as it goes.
pub(in crate::commands) type Told<'a> = Vec<Box<dyn Observer + 'a>>;

/// What a step of the gate's own came to.
#[derive(Debug)]
pub(in crate::commands) struct Stepped {
    /// Its own judgement. [`Verdict::Nothing`]: switched off, out of scope, no test; its sentence says which.
    pub(in crate::commands) judgement: Judgement,
    /// The run with what became of each test; none where it came to no run.
    pub(in crate::commands) run: Option<Recorded>,
    /// What was measured, where it was judged.
    pub(in crate::commands) coverage: Option<CoverageReport>,
}

impl Stepped {
    /// A step without a run.
    pub(in crate::commands) fn without_run(verdict: Verdict, code: ExitCode, reasons: Vec<Reason>) -> Self {
        Self { judgement: Judgement { verdict, codes: vec![code], reasons }, run: None, coverage: None }
    }

    /// A step that could not begin. Says why.
    pub(in crate::commands) fn refused(refused: &Refused, stage: &Stage) -> Self {
        stage.complain("error", &refused.why);
        let (verdict, id) = match refused.code {
            ExitCode::Internal => (Verdict::ToolError, "internal"),
            ExitCode::Interrupted => (Verdict::Fail, "interrupted"),
            ExitCode::Usage => (Verdict::Fail, "usage"),
            _ => (Verdict::Fail, "config"),
        };
        Self::without_run(verdict, refused.code, vec![Reason::new(id, &refused.why)])
    }

    /// How the command that it stands for would have left.
    pub(in crate::commands) fn ending(&self) -> Ending {
        Ending::Exited(self.judgement.exit_code().number().into())
    }
}

impl From<CameTo> for Stepped {
    fn from(came_to: CameTo) -> Self {
        Self { judgement: came_to.judgement, run: came_to.run, coverage: came_to.coverage }
    }
}

/// Runs the tests as a step of a pipeline.
pub(in crate::commands) fn run_step(args: &TestArgs, stage: &Stage, told: Told<'_>) -> Stepped {
    let args = seated(args, stage);
    let done = prepare(&args, Purpose::Test, stage.clone()).and_then(|prepared| match prepared {
        Prepared::Off => plain_cargo(&args, stage),
        Prepared::Handed(code) => Ok(handed(code)),
        Prepared::Ours(asked) => run_once(&args, &Arc::new(*asked), &mut NotMeasuring, told).map(Stepped::from),
    });
    done.unwrap_or_else(|refused| Stepped::refused(&refused, stage))
}

/// A step that cargo did alone.
pub(in crate::commands) fn handed(code: ExitCode) -> Stepped {
    let verdict = if code == ExitCode::Pass { Verdict::Nothing } else { Verdict::Fail };
    Stepped::without_run(verdict, code, vec![Reason::new("handed-over", "cargo did it alone")])
}

/// The flags of a step with what the pipeline's own say of all steps. Standard output is the pipeline's, and files that
/// are asked for are to outlive a worktree.
pub(in crate::commands) fn seated(args: &TestArgs, stage: &Stage) -> TestArgs {
    let Some(step) = &stage.step else { return args.clone() };
    let files = step.origin.as_ref().map_or(stage.cwd.as_path(), |origin| origin.root.as_std_path());
    let mut seated = args.clone();
    seated.format = Format::Human;
    seated.events = None;
    for path in seated.junit.iter_mut().chain(&mut seated.report).chain(&mut seated.archive.archive_file) {
        *path = files.join(&path);
    }
    seated.no_progress |= step.manner.no_progress;
    seated.no_record |= step.no_record;
    seated.trigger = seated.trigger.or_else(|| step.trigger.clone());
    seated.gate_profile = seated.gate_profile.or_else(|| step.profile.clone());
    seated.settings = seated.settings.or_compat(step.compat.as_deref());
    let flags = &mut seated.build.flags;
    // cargo takes only one of the two.
    flags.quiet = flags.quiet || (step.manner.quiet && flags.verbose == 0);
    if step.manner.verbose && !flags.quiet {
        flags.verbose = flags.verbose.max(1);
    }
    flags.color = flags.color.take().or_else(|| step.manner.color.clone());
    seated
}

/// Plain `cargo test`: the gate is switched off for this step. Its code is passed on.
fn plain_cargo(args: &TestArgs, stage: &Stage) -> Result<Stepped, Refused> {
    let off = ask::switched_off();
    stage.complain("note", &format!("{off}: this is plain cargo test"));
    let cargo = stage.cargo();
    let launch = Launch {
        program: cargo.clone(),
        args: ask::plain_args(&crate::cli::cargo_args(args), args),
        cwd: stage.cwd.clone(),
        env: stage.environment(),
    };
    let signals = stage.listen();
    let followed = process::follow(&launch, stage.deadline(), GRACE, &signals, &mut |_, words| stage.say(words));
    let ended = match followed {
        Ok(ended) => ended,
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
            return Err(Refused::new(ExitCode::Interrupted, "interrupted in plain cargo test"));
        }
        Err(error) => {
            return Err(Refused::new(ExitCode::Config, format!("cannot start `{}`: {error}", cargo.display())));
        }
    };
    let (verdict, code, what) = match ended.ending {
        _ if ended.timed_out => {
            (Verdict::ToolError, ExitCode::NeverExecuted, "it ran into the time limit of its step".to_owned())
        }
        Ending::Exited(0) => (Verdict::Nothing, ExitCode::Pass, "plain cargo test passed".to_owned()),
        Ending::Exited(1) => (Verdict::Fail, ExitCode::Usage, "plain cargo test exited with 1".to_owned()),
        // cargo says 101 of a build that fails and of tests that do, and so does this code.
        ending => (Verdict::Fail, ExitCode::BuildFailed, format!("plain cargo test {ending}")),
    };
    Ok(Stepped::without_run(verdict, code, vec![Reason::new("switched-off", format!("{off}: {what}"))]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::test_step;
    use crate::commands::stage::{AsStep, Log, Manner, Origin};
    use crate::config::ConfigFile;
    use crate::sys::signals::Signals;

    fn stage(change: impl FnOnce(&mut AsStep)) -> Stage {
        let mut step = AsStep {
            signals: Signals::none(),
            config: None,
            gate_dir: "/w/target/gate".into(),
            profile: None,
            compat: None,
            deadline: None,
            origin: None,
            log: None,
            manner: Manner::default(),
            trigger: None,
            no_record: false,
        };
        change(&mut step);
        Stage { cwd: std::env::temp_dir(), step: Some(step), ..Stage::default() }
    }

    fn args(words: &[&str]) -> TestArgs {
        test_step(words).unwrap()
    }

    #[test]
    fn a_step_obeys_the_flags_of_its_pipeline_unless_its_own_say_otherwise() {
        let stage = stage(|step| {
            step.manner = Manner { quiet: true, color: Some("never".into()), ..Manner::default() };
            step.trigger = Some("pre-push".into());
            step.profile = Some("ci".into());
            step.no_record = true;
        });
        let seated_args = seated(&args(&[]), &stage);
        let flags = &seated_args.build.flags;
        assert_eq!((flags.quiet, flags.color.as_deref()), (true, Some("never")));
        assert_eq!(seated_args.trigger.as_deref(), Some("pre-push"));
        assert_eq!(seated_args.gate_profile.as_deref(), Some("ci"));
        assert!(seated_args.no_record);
        let own = seated(&args(&["-v", "--trigger", "nightly", "--gate-profile", "slow"]), &stage);
        assert_eq!((own.build.flags.quiet, own.build.flags.verbose), (false, 1));
        assert_eq!((own.trigger.as_deref(), own.gate_profile.as_deref()), (Some("nightly"), Some("slow")));
    }

    #[test]
    fn files_that_are_asked_for_outlive_a_worktree() {
        let words = ["--junit", "out/j.xml", "--report", "/abs/r.md"];
        let files = |stage: &Stage| {
            let args = seated(&args(&words), stage);
            (args.junit.unwrap(), args.report.unwrap())
        };
        let here = stage(|_| {});
        assert_eq!(files(&here), (here.cwd.join("out/j.xml"), "/abs/r.md".into()));
        let apart = stage(|step| step.origin = Some(Origin { root: "/w".into(), branch: None }));
        assert_eq!(files(&apart), ("/w/out/j.xml".into(), "/abs/r.md".into()));
    }

    #[test]
    fn a_step_that_cannot_begin_says_why_to_people_in_the_log_and_as_a_judgement() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("step.log");
        let stage = stage(|step| {
            step.config = Some(ConfigFile { name: "gate.toml".into(), text: "florp = 1".into() });
            step.log = Some(Log::new(fs_err::File::create(&path).unwrap()));
        });
        let stepped = run_step(&args(&[]), &stage, Vec::new());
        assert_eq!(
            (stepped.judgement.verdict, stepped.judgement.codes.as_slice()),
            (Verdict::Fail, &[ExitCode::Config][..])
        );
        let why = stepped.judgement.sentence();
        assert!(why.contains("florp"), "{why}");
        assert!(fs_err::read_to_string(&path).unwrap().contains(&format!("error: {why}")));
        assert!(stepped.run.is_none());
    }

    #[cfg(unix)]
    #[test]
    fn where_the_gate_is_switched_off_what_cargo_says_and_its_code_are_passed_on() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (cargo, log) = (folder.path().join("cargo"), folder.path().join("step.log"));
        fs_err::write(&cargo, "#!/bin/sh\necho \"$@\" in $MODE\nexit $CODE\n").unwrap();
        fs_err::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).unwrap();
        let run = |code: &str| {
            let mut stage = stage(|step| step.log = Some(Log::new(fs_err::File::create(&log).unwrap())));
            let variables = [("CARGO_GATE_DISABLE", "1"), ("MODE", "steps"), ("CODE", code)];
            stage.env = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
            stage.env.push(("CARGO".into(), cargo.clone().into()));
            let stepped = run_step(&args(&["-p", "app", "name"]), &stage, Vec::new());
            (stepped.judgement.verdict, stepped.ending(), stepped.judgement.sentence().to_owned())
        };
        let (verdict, ending, why) = run("0");
        assert_eq!((verdict, ending), (Verdict::Nothing, Ending::Exited(0)));
        assert!(why.ends_with("plain cargo test passed"), "{why}");
        assert!(fs_err::read_to_string(&log).unwrap().contains("test --package app -- name in steps"));
        let (verdict, ending, why) = run("101");
        assert_eq!((verdict, ending), (Verdict::Fail, Ending::Exited(101)));
        assert!(why.ends_with("plain cargo test exited with 101"), "{why}");
    }
}
