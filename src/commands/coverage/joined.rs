//! What all shards of a run cover together, judged as one measurement.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use camino::Utf8Path;

use super::judging::{Judged, Judging, Measured};
use super::outcomes::of_outcomes;
use super::outputs;
use super::site::Site;
use crate::cargo::workspace::Workspace;
use crate::cli::CoverageArgs;
use crate::commands::stage::Stage;
use crate::commands::test::{Ended, Refused};
use crate::config::Settings;
use crate::coverage::circumstances::{Circumstances, Selected};
use crate::coverage::source;
use crate::coverage::verdict::Measurement;
use crate::history::portion::part::{Left, MeasuredPart};
use crate::model::{CaseRecord, CoverageFigures, Judgement, RunHead, Word};
use crate::report::CoverageReport;
use crate::report::coverage::json;

/// What shards left of what they cover.
pub(in crate::commands) struct Parts<'a> {
    pub(in crate::commands) args: &'a CoverageArgs,
    pub(in crate::commands) settings: &'a Settings,
    pub(in crate::commands) workspace: &'a Workspace,
    pub(in crate::commands) gate_dir: &'a Utf8Path,
    /// The shards, all of which measured.
    pub(in crate::commands) left: &'a [&'a Left],
    /// The run that they make.
    pub(in crate::commands) head: &'a RunHead,
    pub(in crate::commands) cases: &'a [Arc<CaseRecord>],
}

/// What came of judging it.
pub(in crate::commands) struct Joined {
    judged: Judged,
}

impl Parts<'_> {
    /// Judges what all of them cover, as if the files had been handed over by hand.
    pub(in crate::commands) fn judge(&self, stage: &Stage, judgement: &mut Judgement) -> Result<Joined, Refused> {
        let at = (self.workspace, self.gate_dir);
        let site = Site::at(at, stage, self.head.context.clone(), &self.head.toolchain);
        let circumstances = Circumstances {
            selected: self.selected(),
            measurer: self.measurer(),
            commit: self.head.commit.clone(),
            ..of_outcomes(self.cases, judgement)
        };
        let measured = match self.without_figures() {
            Some(why) => Measured::Nothing(Measurement::Failed(why)),
            None => match source::load(&super::named(&self.files())?, &site.root) {
                Ok(map) => Measured::Map(map),
                Err(error) => Measured::Nothing(Measurement::Failed(error.to_string())),
            },
        };
        let judging = Judging::new(self.args, self.settings, &site, &circumstances);
        let judged = judging.of_elsewhere().judge(measured);
        judged.add_to(judgement);
        Ok(Joined { judged })
    }

    fn files(&self) -> Vec<PathBuf> {
        self.left.iter().filter_map(|left| left.lcov.clone()).collect()
    }

    fn measured(&self) -> impl Iterator<Item = &MeasuredPart> {
        self.left.iter().filter_map(|left| left.part.measured.as_ref())
    }

    /// Why there is no measurement of the whole: a shard that ran tests has none.
    fn without_figures(&self) -> Option<String> {
        let ran = |left: &&&Left| left.run.as_ref().is_some_and(|run| !run.cases.is_empty());
        let without = self.left.iter().filter(ran).find(|left| left.lcov.is_none());
        let why = |left: &Left| left.part.measured.as_ref().and_then(|measured| measured.why_not.clone());
        let said = without.map(|left| {
            format!(
                "shard {} has no figures: {}",
                left.part.shard,
                why(left).unwrap_or_else(|| "it left none".to_owned())
            )
        });
        said.or_else(|| self.files().is_empty().then(|| "no shard ran a test".to_owned()))
    }

    /// What ran, where all shards agree; else nothing that a baseline could come of.
    fn selected(&self) -> Selected {
        let word = |measured: &MeasuredPart| Selected::ALL.iter().find(|one| one.word() == measured.selected).copied();
        let mut all = self.measured().map(word);
        match all.next().flatten() {
            Some(first) if all.all(|other| other == Some(first)) => first,
            _ => Selected::Part,
        }
    }

    fn measurer(&self) -> Option<String> {
        let mut all = self.measured().filter_map(|measured| measured.measurer.clone());
        let first = all.next()?;
        all.all(|other| other == first).then_some(first)
    }
}

impl Joined {
    /// What the history keeps of it.
    pub(in crate::commands) fn reached(&self) -> Option<CoverageFigures> {
        self.judged.reached.clone()
    }

    /// What is shown of it.
    pub(in crate::commands) const fn report(&self) -> &CoverageReport {
        &self.judged.report
    }

    /// Tells people, and keeps the report. Gives what went wrong.
    pub(in crate::commands) fn tell(
        &self,
        args: &CoverageArgs,
        ended: &Ended<'_>,
        gate_dir: Option<&Utf8Path>,
    ) -> Vec<String> {
        let mut wrong = outputs::tell(args, Some(ended), &self.judged);
        wrong.extend(gate_dir.and_then(|dir| outputs::keep(dir, Some(ended.record), &self.judged.report)));
        let _ = io::stderr().lock().flush();
        wrong
    }

    /// Its section of a document.
    pub(in crate::commands) fn document(&self) -> serde_json::Value {
        serde_json::to_value(json::section(&self.judged.report)).unwrap_or_default()
    }
}
