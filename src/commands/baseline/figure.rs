//! A figure that is to become a baseline: told on the command line, or taken from a report.

use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::BaselineError;
use crate::commands::coverage::ARTIFACT;
use crate::commands::place::Place;
use crate::commands::ratchet::BuiltFor;
use crate::commands::verdict;
use crate::config::Metric;
use crate::coverage::Counting;
use crate::coverage::baseline::{Baseline, Tools};
use crate::model::Word;
use crate::ratio::Share;
use crate::report::CoverageHead;
use crate::report::inert::one_line;

/// A figure, and what is known of it.
pub(super) struct Figure {
    pub(super) baseline: Baseline,
    /// What is counted, where a report says so.
    pub(super) metric: Option<Metric>,
    /// What was built for, where a report says so.
    pub(super) built_for: Option<BuiltFor>,
    /// Why the report says FAIL, where it does.
    pub(super) failing: Option<String>,
    /// What the report says of it.
    pub(super) may_be_baseline: Option<bool>,
}

impl Figure {
    /// A figure that somebody writes: of what is checked out, unless they say otherwise.
    pub(super) fn told(share: Share, place: &Place, commit: Option<&str>) -> Self {
        let commit = named(place, commit).or_else(|| place.commit("HEAD"));
        let baseline = Baseline { commit, at: Some(now()), ..Baseline::from(share) };
        Self { baseline, metric: None, built_for: None, failing: None, may_be_baseline: None }
    }

    /// The figure of the latest measurement.
    pub(super) fn latest(place: &Place, commit: Option<&str>) -> Result<Self, BaselineError> {
        let report = place.gate_dir.join(ARTIFACT);
        if !report.is_file() {
            let why = format!(
                "there is no report to take a figure from (`{report}`): write one, such as `cargo gate baseline set 77.5`, \
                 or measure it with `cargo gate coverage`"
            );
            return Err(BaselineError::Usage(why));
        }
        Self::reported(report.as_std_path(), place, commit)
    }

    /// The figure of a report: of the commit that it names, unless somebody says otherwise.
    pub(super) fn reported(report: &Path, place: &Place, commit: Option<&str>) -> Result<Self, BaselineError> {
        let path = report.display();
        let unusable = |why: String| BaselineError::Report(format!("no figure can be taken from `{path}`: {why}"));
        let text = verdict::read(report).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => BaselineError::Report(format!("there is no report `{path}`")),
            _ => unusable(error.to_string()),
        })?;
        let (share, head) = CoverageHead::figure_of(&text).map_err(|error| unusable(error.to_string()))?;
        let metric = match head.metric.as_str() {
            "" => None,
            word => Some(Metric::from_word(word).ok_or_else(|| unusable(format!("`metric` is {word:?}")))?),
        };
        let baseline = Baseline {
            share,
            counting: head.counting.as_deref().and_then(Counting::from_word),
            files: head.files,
            tools: Tools::from_shown(&head.tools),
            commit: named(place, commit).or_else(|| head.commit.clone()),
            at: Some(now()),
        };
        let features = head.features.clone();
        Ok(Self {
            baseline,
            metric,
            built_for: head.target.clone().map(|target| BuiltFor { target, features }),
            failing: failing(&text, &head),
            may_be_baseline: head.may_be_baseline,
        })
    }
}

/// What a report says that says FAIL. One that says nothing of the kind may be of another tool, which only measures.
fn failing(text: &str, head: &CoverageHead) -> Option<String> {
    let says_something = crate::report::frontmatter::FrontMatter::parse(text)?.get("coverage_status").is_some();
    (says_something && !head.passes).then(|| match head.reason.as_str() {
        "" => "the report says FAIL".to_owned(),
        reason => format!("the report says FAIL ({})", one_line(reason)),
    })
}

/// The commit that somebody names: what git does not know may be the name of a commit elsewhere.
fn named(place: &Place, commit: Option<&str>) -> Option<String> {
    commit.map(|text| place.commit(text).unwrap_or_else(|| text.to_owned()))
}

/// To the second: more says nothing in a file that people read.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
