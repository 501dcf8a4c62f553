//! A command that cannot go on says why, and leaves word of it where its report would lie: whoever reads reports takes no
//! earlier one for this one's.

use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;

use super::ask::metadata_flags;
use super::ground::LateGround;
use super::outputs::ARTIFACT;
use crate::cli::TestArgs;
use crate::commands::place::{cargo, variables};
use crate::commands::stage::Stage;
use crate::config::{ConfigFile, Layers, Resolved};
use crate::exit_code::ExitCode;
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
        let known = (!args.no_record).then(|| gate_dir_despite_mistakes(args)).flatten();
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
}

/// Whatever else is wrong with workspace and configuration.
fn gate_dir_despite_mistakes(args: &TestArgs) -> Option<Utf8PathBuf> {
    let ground =
        LateGround::ask(Stage::here().ok()?, cargo(), metadata_flags(&args.build), args.build.flags.target_dir.clone());
    let file = ConfigFile::load(&ground.workspace().ok()?.root).ok().flatten();
    let (variables, flags) = (variables(), args.settings.given());
    let layers = Layers { file: file.as_ref(), variables: &variables, flags: &flags, ..Layers::default() };
    let store_dir = Resolved::store_dir_despite_mistakes(&layers);
    Some(ground.ground(store_dir.as_deref()).ok()?.gate_dir.clone())
}
