//! A command that cannot go on says why, and leaves word of it where its report would lie: whoever reads reports takes no
//! earlier one for this one's.

use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;

use super::ask::metadata_flags;
use super::ground::LateGround;
use super::outputs::ARTIFACT;
use crate::cli::{PlaceArgs, TestArgs};
use crate::commands::github;
use crate::commands::place::{cargo, variables};
use crate::commands::stage::Stage;
use crate::config::{ConfigFile, Layers, Resolved, Settings};
use crate::exit_code::ExitCode;
use crate::model::{Judgement, Reason, Verdict};
use crate::report::github::Findings;
use crate::report::markdown::report_without_run;
use crate::sys::fs::replace;

/// The command cannot go on.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Refused {
    /// The exit code.
    pub(in crate::commands) code: ExitCode,
    /// A sentence, or cargo's own words.
    pub(in crate::commands) why: String,
}

impl Refused {
    pub(in crate::commands) fn new(code: ExitCode, why: impl Into<String>) -> Self {
        Self { code, why: why.into() }
    }

    /// Does an earlier report say less than this? A command line that makes no sense says nothing of the code, and who
    /// lists tests asks for no report.
    pub(in crate::commands) fn outdates_reports(&self, args: &TestArgs) -> bool {
        self.code != ExitCode::Usage && !args.list && !args.libtest.list && !args.libtest.help
    }

    /// The gate directory, where it can be known, for what is recorded. Where there is none yet no report can mislead, and
    /// a command that did nothing makes none.
    pub(in crate::commands) fn gate_dir(&self, args: &TestArgs) -> Option<Utf8PathBuf> {
        let known = (!args.no_record).then(|| gate_dir_despite_mistakes(args, &args.settings.given())).flatten();
        known.filter(|gate_dir| gate_dir.is_dir())
    }

    /// Replaces reports of tests by one that says why there is none. Gives what went wrong.
    pub(in crate::commands) fn replace_test_reports(
        &self,
        gate_dir: Option<&Utf8Path>,
        asked_for: Option<&Path>,
    ) -> Option<String> {
        let text = report_without_run(self.code, &self.why, Timestamp::now());
        let in_gate_dir = gate_dir.map(|gate_dir| gate_dir.join(ARTIFACT).into_std_path_buf());
        let mut paths = in_gate_dir.into_iter().chain(asked_for.map(Path::to_owned));
        let written = paths.try_for_each(|path| replace(&path, text.as_bytes()));
        written.err().map(|error| format!("cannot write the report: {error}"))
    }

    /// Tells GitHub, where it is spoken to as far as the settings can be read. Gives what went wrong.
    pub(in crate::commands) fn tell_github(
        &self,
        title: &str,
        args: &TestArgs,
        flags: &[(&'static str, &str)],
    ) -> Option<String> {
        let settings = settings_despite_mistakes(ground_of(args).as_ref(), flags);
        let judgement = self.judgement();
        let tell = || github::tell(&Findings::of_judgement(title, &judgement), None, None);
        github::is_spoken_to(&settings).then(tell).flatten()
    }

    /// What it means for the gate.
    pub(super) fn judgement(&self) -> Judgement {
        let (verdict, id) = match self.code {
            ExitCode::Internal => (Verdict::ToolError, "internal"),
            ExitCode::Interrupted => (Verdict::Fail, "interrupted"),
            ExitCode::Usage => (Verdict::Fail, "usage"),
            _ => (Verdict::Fail, "config"),
        };
        Judgement { verdict, codes: vec![self.code], reasons: vec![Reason::new(id, &self.why)] }
    }
}

/// What a command that builds nothing was asked, as far as it tells where the workspace is.
pub(in crate::commands) fn placed(place: &PlaceArgs) -> TestArgs {
    let mut args = TestArgs::default();
    args.build.flags.manifest_path.clone_from(&place.manifest_path);
    args.build.flags.target_dir.clone_from(&place.target_dir);
    args
}

/// Whatever else is wrong with workspace and configuration.
pub(in crate::commands) fn gate_dir_despite_mistakes(
    args: &TestArgs,
    flags: &[(&'static str, &str)],
) -> Option<Utf8PathBuf> {
    let ground = ground_of(args)?;
    let store_dir = settings_despite_mistakes(Some(&ground), flags).store.dir;
    Some(ground.ground(store_dir.as_deref()).ok()?.gate_dir.clone())
}

fn ground_of(args: &TestArgs) -> Option<LateGround> {
    let target_dir = args.build.flags.target_dir.clone();
    Some(LateGround::ask(Stage::here().ok()?, cargo(), metadata_flags(&args.build), target_dir))
}

fn settings_despite_mistakes(ground: Option<&LateGround>, flags: &[(&'static str, &str)]) -> Settings {
    let file = ground.and_then(|ground| ConfigFile::load(&ground.workspace().ok()?.root).ok().flatten());
    let variables = variables();
    Resolved::settings_despite_mistakes(&Layers {
        file: file.as_ref(),
        variables: &variables,
        flags,
        ..Layers::default()
    })
}
