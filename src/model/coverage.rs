//! What a measured run reached: what a store keeps of it.

use serde::Serialize;

use super::Metric;
use crate::ratio::Ratio;

/// What a measured run reached of the workspace. What was not counted is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoverageFigures {
    /// Lines.
    pub lines: Ratio,
    /// Regions.
    pub regions: Ratio,
    /// Functions.
    pub functions: Ratio,
    /// Branches.
    pub branches: Ratio,
    /// How they were counted, in the word of the counting.
    pub counting: String,
    /// Are they the whole workspace's? Of a selection they are compared with nothing.
    pub is_whole: bool,
    /// May they become a baseline? Those of a run that failed or lost a profile may not.
    pub may_be_baseline: bool,
}

impl CoverageFigures {
    /// Each metric with its figure.
    #[must_use]
    pub const fn all(&self) -> [(Metric, Ratio); 4] {
        [
            (Metric::Lines, self.lines),
            (Metric::Regions, self.regions),
            (Metric::Functions, self.functions),
            (Metric::Branches, self.branches),
        ]
    }

    /// The figure of one metric.
    #[must_use]
    pub const fn get(&self, metric: Metric) -> Ratio {
        match metric {
            Metric::Lines => self.lines,
            Metric::Regions => self.regions,
            Metric::Functions => self.functions,
            Metric::Branches => self.branches,
        }
    }
}
