//! What a shard measures: it is put down for `cargo gate join`, and nothing is judged of it.

use std::io::{self, BufReader};
use std::path::Path;

use camino::Utf8Path;

use super::judging::Judged;
use super::measured::{Run, UnderWay, end, interrupt, limit};
use super::outcomes::is_lost;
use super::refusal::without_numbers;
use super::selected::of_run;
use crate::cli::TestArgs;
use crate::commands::test::{self, Asked, Came};
use crate::coverage::lcov;
use crate::coverage::measure::{MeasureError, Profiles};
use crate::history::portion::part::MeasuredPart;
use crate::model::{Judgement, Reason, Word};
use crate::sys::fs::replace_with;
use crate::sys::signals::Signals;

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
        let (Some(under_way), Some(shard)) = (&mut self.under_way, self.args.test.shard) else { return };
        match under_way.put_down(&self.args.test, self.asked, came, signals) {
            Ok(()) => {}
            Err(MeasureError::Interrupted) => return interrupt(signals, judgement),
            Err(error) => {
                self.why_not = Some(error.to_string());
                if let Err(refused) = without_numbers(&error, limit(self.asked)) {
                    return end(refused.code, Reason::new("not-measured", refused.why), judgement);
                }
            }
        }
        let judged = Judged::of_shard(shard, self.why_not.as_deref());
        judged.add_to(judgement);
        self.judged = Some(judged);
    }
}

impl UnderWay {
    /// Sums up what the tests of the shard covered, in its folder; one without a test covers nothing.
    fn put_down(&mut self, args: &TestArgs, asked: &Asked, came: &Came, signals: &Signals) -> Result<(), MeasureError> {
        let written = self.measurer.dir.path().join("part.info");
        let profiles = if came.cases.iter().any(is_lost) { Profiles::SomeTorn } else { Profiles::Whole };
        let traced = match self.failed.take() {
            Some(error) => Err(error),
            None if came.cases.is_empty() => Ok(()),
            None => self.measurer.trace(written.as_std_path(), &self.env, profiles, self.deadline, signals),
        };
        self.measurer.clean_up();
        traced?;
        if came.cases.is_empty() {
            return Ok(());
        }
        let folder = test::folder_of(args, asked).map_err(|refused| io::Error::other(refused.why))?;
        Ok(relocate(&written, &self.site.root, &folder.lcov())?)
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
