//! What a run reached, as a line of a run holds it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::model::CoverageFigures;
use crate::ratio::{Ratio, RatioError};

/// What a run reached: covered and total of each metric.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CoverageLine<'a> {
    lines: (u64, u64),
    regions: (u64, u64),
    functions: (u64, u64),
    branches: (u64, u64),
    counting: Cow<'a, str>,
    whole: bool,
    may_be_baseline: bool,
}

impl<'a> CoverageLine<'a> {
    /// The line of what was reached.
    pub(super) fn of(figures: &'a CoverageFigures) -> Self {
        let [lines, regions, functions, branches] = figures.all().map(|(_, ratio)| (ratio.covered(), ratio.total()));
        let counting = figures.counting.as_str().into();
        let (whole, may_be_baseline) = (figures.is_whole, figures.may_be_baseline);
        Self { lines, regions, functions, branches, counting, whole, may_be_baseline }
    }

    /// The figures, if there can be such ones.
    pub(super) fn into_figures(self) -> Result<CoverageFigures, RatioError> {
        let ratio = |(covered, total)| Ratio::new(covered, total);
        Ok(CoverageFigures {
            lines: ratio(self.lines)?,
            regions: ratio(self.regions)?,
            functions: ratio(self.functions)?,
            branches: ratio(self.branches)?,
            counting: self.counting.into_owned(),
            is_whole: self.whole,
            may_be_baseline: self.may_be_baseline,
        })
    }
}
