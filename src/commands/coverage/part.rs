//! What a shard measures: it is put down for `cargo gate join`, and nothing is judged of it.

use std::io::{self, BufReader};
use std::path::Path;

use camino::Utf8Path;

use super::judging::Judged;
use super::measured::{Run, UnderWay, end, interrupt, is_lost, limit};
use super::refusal::without_numbers;
use super::selected::of_run;
use crate::commands::test::{self, Came};
use crate::coverage::lcov;
use crate::coverage::measure::{MeasureError, Profiles};
use crate::exit_code::ExitCode;
use crate::history::portion::part::MeasuredPart;
use crate::model::{Judgement, Reason, Verdict, Word};
use crate::report::CoverageReport;
use crate::sys::fs::replace_with;
use crate::sys::signals::Signals;

/// Who judges it.
pub(super) fn why_not_judged() -> String {
    "a shard covers only a part: `cargo gate join` judges what all of them cover".to_owned()
}

impl Run<'_> {
    /// What is known of it.
    pub(super) fn part_of_whole(&self) -> MeasuredPart {
        MeasuredPart {
            selected: of_run(&self.args.test, self.asked).word().to_owned(),
            measurer: self.under_way.as_ref().and_then(|under_way| under_way.version.clone()),
            why_not: self.why_not.clone(),
        }
    }

    /// Puts down what the shard covers.
    pub(super) fn measure_part(&mut self, came: &Came, signals: &Signals, judgement: &mut Judgement) {
        let Some(under_way) = &mut self.under_way else { return };
        // A shard without a test covers nothing.
        if came.cases.is_empty() {
            under_way.measurer.clean_up();
            return;
        }
        let folder = match test::folder_of(&self.args.test, self.asked) {
            Ok(folder) => folder,
            Err(refused) => return end(refused.code, Reason::new("not-measured", refused.why), judgement),
        };
        let profiles = if came.cases.iter().any(is_lost) { Profiles::SomeTorn } else { Profiles::Whole };
        match under_way.trace(&folder.lcov(), profiles, signals) {
            Ok(()) => {}
            Err(MeasureError::Interrupted) => return interrupt(signals, judgement),
            Err(error) => {
                self.why_not = Some(error.to_string());
                if let Err(refused) = without_numbers(&error, limit(self.asked)) {
                    return end(refused.code, Reason::new("not-measured", refused.why), judgement);
                }
            }
        }
        let why = self.why_not.as_ref().map(|why| Reason::new("not-measured", format!("there are no figures: {why}")));
        let reasons: Vec<Reason> = [Reason::new("shard", why_not_judged())].into_iter().chain(why).collect();
        judgement.reasons.extend(reasons.iter().cloned());
        let report = CoverageReport { word: "N/A", reasons, ..CoverageReport::default() };
        self.judged = Some(Judged { report, verdict: Verdict::Nothing, code: ExitCode::Pass, reached: None });
    }
}

impl UnderWay {
    fn trace(&mut self, file: &Path, profiles: Profiles, signals: &Signals) -> Result<(), MeasureError> {
        let written = self.measurer.dir.path().join("part.info");
        let traced = match self.failed.take() {
            Some(error) => Err(error),
            None => self.measurer.trace(written.as_std_path(), &self.env, profiles, self.deadline, signals),
        };
        self.measurer.clean_up();
        traced?;
        Ok(relocate(&written, &self.site.root, file)?)
    }
}

/// Of another machine's checkout the paths would be nobody's.
fn relocate(from: &Utf8Path, root: &Utf8Path, to: &Path) -> io::Result<()> {
    let from = BufReader::new(fs_err::File::open(from)?);
    replace_with(to, |file| {
        let mut out = io::BufWriter::new(file);
        lcov::relocate(from, root, &mut out)?;
        io::Write::flush(&mut out)
    })
}
