//! The head of `coverage-report.md`, written and read back.

use std::str::FromStr;

use super::frontmatter::FrontMatter;
use crate::ratio::{Percent, Points, Ratio, Share};

/// What the head of a coverage report says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoverageHead {
    /// Does it pass?
    pub passes: bool,
    /// What was measured; `None` where nothing was.
    pub measured: Option<Share>,
    /// How it was counted, in the word of the counting.
    pub counting: Option<String>,
    /// Over how many files.
    pub files: Option<u64>,
    /// The target triple that was built for.
    pub target: Option<String>,
    /// The features, as canonical flags; empty for the default ones. Only where the target is known.
    pub features: String,
    /// May the figure become a baseline? An incomplete measurement may not.
    pub may_be_baseline: Option<bool>,
    /// The baseline, floored to two decimals; `None` where there is none.
    pub baseline: Option<Percent>,
    /// The floor.
    pub floor: Percent,
    /// The word of the policy.
    pub policy: String,
    /// The tolerance.
    pub epsilon: Percent,
    /// Measured less the larger of baseline and floor.
    pub delta: Points,
    /// The word of the metric.
    pub metric: String,
    /// What was checked out.
    pub commit: Option<String>,
    /// What measured.
    pub tools: String,
    /// The sentence that people read.
    pub reason: String,
}

/// A report from which no figure can be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoverageHeadError {
    /// It has no front matter.
    #[error("the report has no front matter, so there is no `{STATUS}`")]
    NoHead,
    /// A field is not what it should be.
    #[error("`{field}` is {value:?}, which {why}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What it says.
        value: String,
        /// What is wrong with that: what completes "which …".
        why: String,
    },
    /// It measured nothing.
    #[error("the report has neither `{COVERED}` and `{TOTAL}` nor `{MEASURED}`: nothing was measured")]
    NoFigure,
}

const STATUS: &str = "coverage_status";
const MEASURED: &str = "measured_coverage";
const COVERED: &str = "covered";
const TOTAL: &str = "total";

impl CoverageHead {
    /// As front matter.
    #[must_use]
    pub fn front_matter(&self) -> FrontMatter {
        let text = |value: Option<String>| value.unwrap_or_default();
        let counted = self.measured.and_then(Share::counted);
        FrontMatter::new()
            .with(STATUS, if self.passes { "PASS" } else { "FAIL" })
            .with(MEASURED, self.measured.map_or_else(|| "N/A".to_owned(), |share| share.to_string()))
            .with(COVERED, text(counted.map(|ratio| ratio.covered().to_string())))
            .with(TOTAL, text(counted.map(|ratio| ratio.total().to_string())))
            .with("counting", text(self.counting.clone()))
            .with("files", text(self.files.map(|files| files.to_string())))
            .with("target", text(self.target.clone()))
            .with("features", &self.features)
            .with("may_be_baseline", text(self.may_be_baseline.map(|may| may.to_string())))
            .with("baseline", text(self.baseline.map(|percent| Share::Percent(percent).to_string())))
            .with("floor", self.floor)
            .with("policy", &self.policy)
            .with("epsilon", self.epsilon)
            .with("delta", self.delta)
            .with("metric", &self.metric)
            .with("commit", text(self.commit.clone()))
            .with("tools", &self.tools)
            .with("reason", &self.reason)
    }

    /// Reads a report. What is not there is empty; what is there must be what it should be.
    ///
    /// # Errors
    ///
    /// It has no head, or a field that makes no sense.
    pub fn parse(report: &str) -> Result<Self, CoverageHeadError> {
        let head = FrontMatter::parse(report).ok_or(CoverageHeadError::NoHead)?;
        let text = |key: &str| head.get(key).unwrap_or_default().to_owned();
        let some = |key: &str| Some(text(key)).filter(|value| !value.is_empty());
        Ok(Self {
            passes: head.verdict().passes,
            measured: measured(&head)?,
            counting: some("counting"),
            files: number(&head, "files")?,
            target: some("target"),
            features: text("features"),
            may_be_baseline: field(&head, "may_be_baseline")?,
            baseline: field(&head, "baseline")?,
            floor: field(&head, "floor")?.unwrap_or_default(),
            policy: text("policy"),
            epsilon: field(&head, "epsilon")?.unwrap_or_default(),
            delta: field(&head, "delta")?.unwrap_or_default(),
            metric: text("metric"),
            commit: some("commit"),
            tools: text("tools"),
            reason: text("reason"),
        })
    }

    /// **R6**: the figure of a report, for a baseline.
    ///
    /// # Errors
    ///
    /// The report cannot be read, or says that nothing was measured.
    pub fn figure_of(report: &str) -> Result<(Share, Self), CoverageHeadError> {
        let head = Self::parse(report)?;
        head.measured.map(|share| (share, head)).ok_or(CoverageHeadError::NoFigure)
    }
}

/// The counts where they are there, else the bare percentage.
fn measured(head: &FrontMatter) -> Result<Option<Share>, CoverageHeadError> {
    if let (Some(covered), Some(total)) = (number(head, COVERED)?, number(head, TOTAL)?) {
        let why = |error: crate::ratio::RatioError| CoverageHeadError::Field {
            field: TOTAL,
            value: total.to_string(),
            why: format!("makes no sense: {error}"),
        };
        return Ratio::new(covered, total).map(|ratio| Some(Share::Counted(ratio))).map_err(why);
    }
    Ok(field(head, MEASURED)?.map(Share::Percent))
}

fn number(head: &FrontMatter, key: &'static str) -> Result<Option<u64>, CoverageHeadError> {
    let wrong =
        |value: &str| CoverageHeadError::Field { field: key, value: value.to_owned(), why: "is no number".to_owned() };
    said(head, key).map(|value| value.parse().map_err(|_| wrong(value))).transpose()
}

/// A field that is there and says something.
fn field<T: FromStr<Err: std::fmt::Display>>(
    head: &FrontMatter,
    key: &'static str,
) -> Result<Option<T>, CoverageHeadError> {
    let wrong = |value: &str, error: T::Err| CoverageHeadError::Field {
        field: key,
        value: value.to_owned(),
        why: error.to_string(),
    };
    said(head, key)
        .map(|value| value.trim_end_matches('%').trim_end().parse().map_err(|error| wrong(value, error)))
        .transpose()
}

fn said<'a>(head: &'a FrontMatter, key: &str) -> Option<&'a str> {
    head.get(key).filter(|value| !matches!(*value, "" | "N/A" | "null" | "~"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::frontmatter::{self, Artifact};
    use super::super::inert::one_line;
    use super::*;

    fn head() -> CoverageHead {
        CoverageHead {
            passes: true,
            measured: Some(Share::Counted(Ratio::new(2, 3).unwrap())),
            counting: Some("llvm-cov".to_owned()),
            files: Some(12),
            target: Some("x86_64-unknown-linux-gnu".to_owned()),
            features: "--all-features".to_owned(),
            may_be_baseline: Some(true),
            baseline: Some("64.5".parse().unwrap()),
            floor: "60".parse().unwrap(),
            policy: "both".to_owned(),
            epsilon: "0.5".parse().unwrap(),
            delta: "2.16".parse().unwrap(),
            metric: "lines".to_owned(),
            commit: Some("1a2b3c4d".to_owned()),
            tools: "rustc 1.95.0, cargo-llvm-cov 0.9.1".to_owned(),
            reason: "2 of 3 lines are covered (66.66 %): the floor of 60 % holds".to_owned(),
        }
    }

    #[test]
    fn r11_a_report_is_read_back_as_it_was_written() {
        let failing = CoverageHead { passes: false, delta: "-4.5".parse().unwrap(), ..head() };
        let first = CoverageHead { baseline: None, commit: None, ..head() };
        let nothing = CoverageHead { measured: None, counting: None, baseline: None, ..head() };
        for written in [head(), failing, first, nothing] {
            let report = format!("{}\n# Coverage\n", written.front_matter().render());
            assert_eq!(CoverageHead::parse(&report), Ok(written.clone()), "{report}");
            let reading = frontmatter::read(&report);
            assert_eq!((reading.passes, reading.artifact), (written.passes, Artifact::Coverage), "{report}");
        }
        insta::assert_snapshot!(CoverageHead { baseline: None, ..head() }.front_matter().render(), @r#"
        ---
        coverage_status: PASS
        measured_coverage: 66.66
        covered: 2
        total: 3
        counting: llvm-cov
        files: 12
        target: x86_64-unknown-linux-gnu
        features: --all-features
        may_be_baseline: true
        baseline:
        floor: 60
        policy: both
        epsilon: 0.5
        delta: +2.16
        metric: lines
        commit: 1a2b3c4d
        tools: rustc 1.95.0, cargo-llvm-cov 0.9.1
        reason: "2 of 3 lines are covered (66.66 %): the floor of 60 % holds"
        ---
        "#);
    }

    #[test]
    fn r6_the_figure_of_a_report_is_taken_exactly_or_as_a_bare_percentage() {
        let (figure, read) = CoverageHead::figure_of(&head().front_matter().render()).unwrap();
        assert_eq!((figure, read.metric.as_str()), (Share::Counted(Ratio::new(2, 3).unwrap()), "lines"));
        for text in ["77.50", "77.5", "\"77.50\"", "77.50%", "77.50 %"] {
            let report = format!("---\ncoverage_status: PASS\nmeasured_coverage: {text}\n---\n");
            assert_eq!(CoverageHead::figure_of(&report).unwrap().0, Share::Percent("77.5".parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn r10_a_report_without_a_figure_says_what_is_missing() {
        for (report, why) in [
            ("", "the report has no front matter, so there is no `coverage_status`"),
            (
                "---\nresult: PASS\n---\n",
                "the report has neither `covered` and `total` nor `measured_coverage`: nothing was measured",
            ),
            (
                "---\nmeasured_coverage: N/A\n---\n",
                "the report has neither `covered` and `total` nor `measured_coverage`: nothing was measured",
            ),
            (
                "---\nmeasured_coverage: nan\n---\n",
                "`measured_coverage` is \"nan\", which is not a plain decimal number",
            ),
            ("---\nmeasured_coverage: 101\n---\n", "`measured_coverage` is \"101\", which is above 100"),
            (
                "---\ncovered: 3\ntotal: 2\n---\n",
                "`total` is \"2\", which makes no sense: 3 of 2 are covered, which is more than there are",
            ),
            ("---\ncovered: -3\ntotal: 2\n---\n", "`covered` is \"-3\", which is no number"),
            ("---\nmeasured_coverage: 1\nfloor: x\n---\n", "`floor` is \"x\", which is not a plain decimal number"),
        ] {
            assert_eq!(CoverageHead::figure_of(report).unwrap_err().to_string(), why, "{report}");
        }
    }

    proptest! {
        #[test]
        fn every_head_is_read_back(
            passes in any::<bool>(),
            counts in prop::option::of((0_u64..1000, 1000_u64..1 << 53)),
            baseline in prop::option::of(0_u32..=1_000_000),
            floor in 0_u32..=1_000_000,
            reason in "\\PC{0,40}",
        ) {
            let percent = |count| Percent::from_ten_thousandths(count).unwrap();
            let written = CoverageHead {
                passes,
                measured: counts.map(|(covered, total)| Share::Counted(Ratio::new(covered, total).unwrap())),
                baseline: baseline.map(percent),
                floor: percent(floor),
                reason,
                ..head()
            };
            let read = CoverageHead::parse(&written.front_matter().render()).unwrap();
            prop_assert_eq!(read, CoverageHead { reason: one_line(&written.reason), ..written });
        }

        #[test]
        fn no_report_panics(body in "(---\n)?((covered|total|baseline|delta|measured_coverage): \\PC{0,8}\n){0,6}(---\n)?") {
            let _ = CoverageHead::figure_of(&body);
        }
    }
}
