//! The judge of coverage: a function of numbers, without clock, file or terminal.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::baseline::{Baseline, Subject, Tools};
use super::exempt::LeaveOutError;
use super::map::Counting;
use super::sentences;
use crate::config::{CoveragePolicy, CoverageSettings, Metric, OnToolError};
use crate::exit_code::ExitCode;
use crate::model::{Reason, Verdict};
use crate::ratio::{Percent, Points, Ratio};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Against what.
    pub policy: CoveragePolicy,
    /// The least that is asked; 0 asks nothing.
    pub floor: Percent,
    /// How far below is still a pass.
    pub epsilon: Percent,
    /// What is counted.
    pub metric: Metric,
    /// What no measurement counts as.
    pub on_tool_error: OnToolError,
    /// Is a fall pardoned that comes from deleted covered lines alone?
    pub allow_removal: bool,
}

impl Rule {
    /// As it is set.
    #[must_use]
    pub const fn from_settings(settings: &CoverageSettings, allow_removal: bool) -> Self {
        let CoverageSettings { policy, floor, epsilon, metric, on_tool_error, .. } = settings;
        Self {
            policy: *policy,
            floor: *floor,
            epsilon: *epsilon,
            metric: *metric,
            on_tool_error: *on_tool_error,
            allow_removal,
        }
    }

    /// The floor, where it asks something and the policy looks at it.
    pub(super) fn floor_in_force(&self) -> Option<Percent> {
        (self.policy != CoveragePolicy::Baseline).then_some(self.floor).filter(|floor| *floor > Percent::ZERO)
    }

    /// Does the policy look at the baseline?
    #[must_use]
    pub const fn asks_baseline(&self) -> bool {
        !matches!(self.policy, CoveragePolicy::Absolute)
    }
}

/// What was counted, as it was handed over: possibly nonsense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// How many are covered.
    pub covered: u64,
    /// Of how many.
    pub total: u64,
    /// How they were counted.
    pub counting: Counting,
    /// Over how many files.
    pub files: u64,
}

/// What the measurer came back with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measurement {
    /// Numbers.
    Counted(Counts),
    /// It ran and failed, with these words.
    Failed(String),
    /// It took longer than it may.
    TimedOut(Duration),
    /// No process left a profile.
    NoProfile,
    /// Numbers of which what does not count could not be left out.
    NotLeftOut(LeaveOutError),
    /// Nothing of what was measured elsewhere is of this workspace.
    Foreign,
}

/// What is known of the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<'a> {
    /// There is none yet.
    Nothing,
    /// There is one.
    Baseline(&'a Baseline),
    /// Nobody knows: why the ratchet cannot be read.
    Unreadable(&'a str),
}

/// What is judged.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// Whose figure it is.
    pub subject: &'a Subject,
    /// What was measured.
    pub measurement: &'a Measurement,
    /// What it was.
    pub baseline: Known<'a>,
    /// How many tests failed while it was measured.
    pub failed_tests: u64,
    /// What measured.
    pub tools: &'a Tools,
    /// Processes that were killed or aborted, and left no profile.
    pub lost: &'a [String],
    /// How many files of the baseline are known to have been deleted since, on purpose.
    pub deleted_files: u64,
    /// Files that were measured elsewhere and are none of this workspace's.
    pub foreign: &'a [Utf8PathBuf],
    /// The files with the most that is uncovered, and how much that is.
    pub worst: &'a [(&'a Utf8Path, u64)],
    /// What an advised command must have to speak of the same figure: flags, each with a space before it.
    pub flags: &'a str,
}

/// What the judge says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The one word.
    pub verdict: Verdict,
    /// The code that holds.
    pub code: ExitCode,
    /// Why; the first one's text is the sentence that people read.
    pub reasons: Vec<Reason>,
    /// What stops nothing and belongs into every output.
    pub warnings: Vec<Reason>,
    /// Measured less the larger of baseline and floor.
    pub delta: Points,
    /// How many more must be covered.
    pub lacks: u64,
    /// May this figure become a baseline? (Whether a baseline may rise here and now is another question.)
    pub is_sound: bool,
}

impl Ruling {
    fn new(verdict: Verdict, code: ExitCode, reason: Reason) -> Self {
        Self {
            verdict,
            code,
            reasons: vec![reason],
            warnings: Vec::new(),
            delta: Points::ZERO,
            lacks: 0,
            is_sound: false,
        }
    }

    /// A failure of something that is judged elsewhere, for this reason.
    #[must_use]
    pub fn failing(reason: Reason) -> Self {
        Self::new(Verdict::Fail, ExitCode::CoverageFailed, reason)
    }

    fn fail(id: &str, text: impl Into<String>) -> Self {
        Self::failing(Reason::new(id, text))
    }

    /// **R7**: nothing that was asked for belongs to the gate; no measurer was started.
    #[must_use]
    pub fn out_of_scope(packages: &[&str]) -> Self {
        let text = format!("N/A: {} out of scope, nothing was measured", sentences::are(packages));
        Self::new(Verdict::Nothing, ExitCode::Pass, Reason::new("out-of-scope", text))
    }

    /// **R8**: the gate is switched off; no measurer was started.
    #[must_use]
    pub fn switched_off() -> Self {
        let text = "N/A: the gate is switched off, nothing was measured";
        Self::new(Verdict::Nothing, ExitCode::Pass, Reason::new("disabled", text))
    }

    /// Several subjects' rulings as one: the reasons are those of what fails, else the first one's; the figures are the
    /// first one's.
    #[must_use]
    pub fn together(mut self, others: impl IntoIterator<Item = Self>) -> Self {
        for other in others {
            self.is_sound &= other.is_sound;
            // What holds for all, such as failed tests, is said once.
            append_new(&mut self.warnings, other.warnings);
            if other.verdict != Verdict::Fail {
                continue;
            }
            if self.verdict != Verdict::Fail {
                self.reasons.clear();
            }
            append_new(&mut self.reasons, other.reasons);
            self.verdict = Verdict::Fail;
            self.code = ExitCode::most_pressing([self.code, other.code]);
        }
        self
    }
}

fn append_new(to: &mut Vec<Reason>, reasons: Vec<Reason>) {
    for reason in reasons {
        if !to.contains(&reason) {
            to.push(reason);
        }
    }
}

/// Judges one figure.
#[must_use]
pub fn judge(rule: &Rule, case: &Case<'_>) -> Ruling {
    // Looked at first: what cannot be read is never a pass.
    if let (true, Known::Unreadable(why)) = (rule.asks_baseline(), case.baseline) {
        let reason = Reason::new("unreadable-ratchet", sentences::unreadable_ratchet(why));
        return Ruling::new(Verdict::Fail, ExitCode::Config, reason);
    }
    let counts = match sound_counts(rule, case) {
        Ok(counts) => counts,
        // What must be mended before anything can be judged is more pressing than a test.
        Err(ruling) if ruling.code == ExitCode::Config => return ruling,
        Err(ruling) => return with_failed_tests(ruling, case),
    };
    let mut ruling = compare(rule, case, &counts);
    ruling.delta = delta(rule, case, counts.ratio);
    warn(&mut ruling, rule, case, &counts);
    ruling.is_sound = ruling.verdict == Verdict::Pass && ruling.warnings.is_empty();
    with_failed_tests(ruling, case)
}

/// Counts that are no nonsense.
pub(super) struct Counted {
    pub(super) ratio: Ratio,
    pub(super) counting: Counting,
    pub(super) files: u64,
}

/// The figure, or what there is to say without one.
fn sound_counts(rule: &Rule, case: &Case<'_>) -> Result<Counted, Ruling> {
    let why = match case.measurement {
        Measurement::Counted(Counts { covered, total, counting, files }) => match Ratio::new(*covered, *total) {
            Err(error) => return Err(Ruling::fail("bad-inputs", format!("bad inputs: {error}"))),
            Ok(ratio) if !ratio.is_empty() => return Ok(Counted { ratio, counting: *counting, files: *files }),
            Ok(_) => sentences::nothing_to_cover(rule.metric, *counting),
        },
        Measurement::Failed(words) => format!("the measurer failed: {words}"),
        Measurement::TimedOut(limit) => sentences::timed_out(*limit),
        Measurement::NoProfile => "no process left a profile".to_owned(),
        Measurement::NotLeftOut(error) => return Err(not_left_out(error)),
        Measurement::Foreign => "no file of it lies within this workspace".to_owned(),
    };
    let mut ruling = match rule.on_tool_error {
        OnToolError::Open => {
            let reason =
                Reason::new("no-measurement", format!("no measurement, and the gate stays open (fail-open): {why}"));
            let mut ruling = Ruling::new(Verdict::Pass, ExitCode::Pass, reason.clone());
            ruling.warnings.push(reason);
            ruling
        }
        OnToolError::Closed => {
            let mut ruling =
                Ruling::fail("no-measurement", format!("no measurement, and the gate is shut (fail-closed): {why}"));
            if *case.measurement != Measurement::Foreign {
                ruling.reasons.push(Reason::new("next", sentences::AFTER_NO_MEASUREMENT));
            }
            ruling
        }
    };
    warn_of_foreign(&mut ruling, case, case.foreign.len() as u64);
    Err(ruling)
}

/// The measurer did its part: what is asked here cannot be done, so `on-tool-error` has no say.
fn not_left_out(error: &LeaveOutError) -> Ruling {
    match error {
        LeaveOutError::Numbers(error) => Ruling::fail("bad-inputs", format!("bad inputs: {error}")),
        // The configuration asks for more than the files give away, which whoever wrote it or owns them can mend.
        LeaveOutError::NoLines(_) | LeaveOutError::Unreadable { .. } => {
            Ruling::new(Verdict::Fail, ExitCode::Config, Reason::new("not-left-out", error.to_string()))
        }
    }
}

/// Failed tests are the code; what was measured of them is shown, and judges nothing.
fn with_failed_tests(mut ruling: Ruling, case: &Case<'_>) -> Ruling {
    if case.failed_tests > 0 {
        let reason = Reason::new("tests-failed", sentences::failed_tests(case.failed_tests));
        ruling.verdict = Verdict::Fail;
        ruling.code = ExitCode::TestsFailed;
        // What the figure would have meant is not judged.
        ruling.reasons = vec![reason];
        ruling.is_sound = false;
    }
    ruling
}

/// The table of policies.
fn compare(rule: &Rule, case: &Case<'_>, counts: &Counted) -> Ruling {
    let baseline = match case.baseline {
        Known::Baseline(baseline) if rule.asks_baseline() => Some(baseline),
        _ => None,
    };
    let mut failures = Vec::new();
    let mut lacks = 0;
    if let Some(floor) = rule.floor_in_force()
        && !counts.ratio.reaches(floor.ratio(), rule.epsilon)
    {
        lacks = counts.ratio.lacks(floor.ratio(), rule.epsilon);
        failures.push(Reason::new("below-floor", sentences::below_floor(rule, case, counts, floor, lacks)));
    }
    let mut removal = None;
    if let Some(baseline) = baseline {
        let wanted = baseline.share.ratio();
        if baseline.counting.is_some_and(|counting| counting != counts.counting) {
            failures.push(Reason::new("counting-changed", sentences::counting_changed(case, counts, baseline)));
        } else if !counts.ratio.reaches(wanted, rule.epsilon) {
            if rule.allow_removal && is_removal_alone(baseline, counts.ratio) {
                removal = Some(Reason::new("removal", sentences::removal(rule, case, counts, baseline)));
            } else {
                let short = counts.ratio.lacks(wanted, rule.epsilon);
                lacks = lacks.max(short);
                failures.push(Reason::new(
                    "below-baseline",
                    sentences::below_baseline(rule, case, counts, baseline, short),
                ));
                failures.extend(tools_changed(case, baseline));
            }
        }
    }
    if let Some(first) = failures.first() {
        let mut ruling = Ruling::fail("", "");
        let next = Reason::new("next", sentences::next(case, &first.id, counts.ratio));
        let worst = sentences::worst(rule.metric, case.worst).map(|text| Reason::new("worst-files", text));
        ruling.reasons = failures.into_iter().chain(worst).chain([next]).collect();
        ruling.lacks = lacks;
        return ruling;
    }
    let reason = removal.unwrap_or_else(|| {
        let id = match (rule.policy, rule.floor_in_force(), baseline) {
            (CoveragePolicy::Absolute, None, _) => "no-floor",
            (_, None, None) => "bootstrap",
            _ => "pass",
        };
        Reason::new(id, sentences::pass(rule, case, counts, baseline))
    });
    Ruling::new(Verdict::Pass, ExitCode::Pass, reason)
}

/// Fewer are covered of fewer, and no more are uncovered than were.
fn is_removal_alone(baseline: &Baseline, measured: Ratio) -> bool {
    baseline
        .share
        .counted()
        .is_some_and(|was| measured.total() < was.total() && measured.uncovered() <= was.uncovered())
}

fn tools_changed(case: &Case<'_>, baseline: &Baseline) -> Option<Reason> {
    let was = baseline.tools.as_ref().filter(|was| *was != case.tools)?;
    Some(Reason::new("tools-changed", sentences::tools_changed(case, was)))
}

/// **R12**: measured less the larger of what there is of baseline and floor, whatever the policy.
fn delta(rule: &Rule, case: &Case<'_>, measured: Ratio) -> Points {
    let floor = Some(rule.floor).filter(|floor| *floor > Percent::ZERO).map(Percent::ratio);
    let baseline = match case.baseline {
        Known::Baseline(baseline) => Some(baseline.share.ratio()),
        Known::Nothing | Known::Unreadable(_) => None,
    };
    let larger = match (baseline, floor) {
        (Some(a), Some(b)) => Some(if a.reaches(b, Percent::ZERO) { a } else { b }),
        (one, other) => one.or(other),
    };
    larger.map_or(Points::ZERO, |larger| measured.minus(larger))
}

/// What makes a figure doubtful, without deciding anything.
fn warn(ruling: &mut Ruling, rule: &Rule, case: &Case<'_>, counts: &Counted) {
    if !case.lost.is_empty() {
        ruling.warnings.push(Reason::new("incomplete", sentences::incomplete(case.lost)));
    }
    if let Known::Baseline(Baseline { files: Some(files), .. }) = case.baseline
        && counts.files.saturating_add(case.deleted_files) < *files
    {
        ruling.warnings.push(Reason::new("fewer-files", sentences::fewer_files(case, counts.files, *files)));
    }
    warn_of_foreign(ruling, case, counts.files);
    if let (false, Known::Unreadable(why)) = (rule.asks_baseline(), case.baseline) {
        ruling.warnings.push(Reason::new("unreadable-ratchet", sentences::unreadable_ratchet(why)));
    }
}

/// Said of the whole, of which so many files were measured.
fn warn_of_foreign(ruling: &mut Ruling, case: &Case<'_>, files: u64) {
    if !case.foreign.is_empty() && *case.subject == Subject::Workspace {
        ruling.warnings.push(Reason::new("foreign", sentences::foreign(case.foreign, files)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ratio::Share;

    fn percent(text: &str) -> Percent {
        text.parse().unwrap()
    }

    fn rule(policy: CoveragePolicy, floor: &str, epsilon: &str) -> Rule {
        Rule {
            policy,
            floor: percent(floor),
            epsilon: percent(epsilon),
            metric: Metric::Lines,
            on_tool_error: OnToolError::Closed,
            allow_removal: false,
        }
    }

    /// So many of 1000, written as a percentage with one decimal.
    fn counts(text: &str) -> Measurement {
        let covered = u64::from(percent(text).ten_thousandths() / 1000);
        Measurement::Counted(Counts { covered, total: 1000, counting: Counting::Summary, files: 3 })
    }

    fn baseline(covered: u64, total: u64) -> Baseline {
        Baseline {
            counting: Some(Counting::Summary),
            files: Some(3),
            tools: Some(tools("1.95.0")),
            commit: Some("1a2b3c4d5e6f".to_owned()),
            ..Baseline::from(Share::Counted(Ratio::new(covered, total).unwrap()))
        }
    }

    fn tools(version: &str) -> Tools {
        Tools { toolchain: format!("rustc {version}"), measurer: "cargo-llvm-cov 0.9.1".to_owned() }
    }

    fn judged(rule: &Rule, measurement: &Measurement, baseline: Option<&Baseline>) -> Ruling {
        judge(
            rule,
            &Case { baseline: baseline.map_or(Known::Nothing, Known::Baseline), ..case(measurement, &tools("1.95.0")) },
        )
    }

    fn case<'a>(measurement: &'a Measurement, tools: &'a Tools) -> Case<'a> {
        Case {
            subject: &Subject::Workspace,
            measurement,
            baseline: Known::Nothing,
            failed_tests: 0,
            tools,
            lost: &[],
            deleted_files: 0,
            foreign: &[],
            worst: &[],
            flags: "",
        }
    }

    /// Measured, baseline, floor, epsilon, passes?
    type Row = (&'static str, &'static str, &'static str, &'static str, bool);

    fn hold(policy: CoveragePolicy, rows: &[Row]) {
        for (measured, was, floor, epsilon, passes) in rows {
            let was = (*was != "–").then(|| Baseline::from(Share::Percent(percent(was))));
            let ruling = judged(&rule(policy, floor, epsilon), &counts(measured), was.as_ref());
            assert_eq!(
                ruling.verdict == Verdict::Pass,
                *passes,
                "{policy} {measured}/{was:?}/{floor} {epsilon} {ruling:?}"
            );
            assert_eq!(ruling.code, if *passes { ExitCode::Pass } else { ExitCode::CoverageFailed });
        }
    }

    #[test]
    fn r1_absolute_asks_for_the_floor_alone() {
        hold(
            CoveragePolicy::Absolute,
            &[
                ("85", "–", "80", "0", true),
                ("80", "–", "80", "0", true),
                ("78", "–", "80", "0.5", false),
                ("85", "99", "80", "0.5", true),
            ],
        );
    }

    #[test]
    fn r2_baseline_asks_for_the_baseline_alone() {
        hold(
            CoveragePolicy::Baseline,
            &[
                ("90", "85", "0", "0", true),
                ("85", "85", "0", "0", true),
                ("83", "85", "0", "0.5", false),
                ("40", "30", "80", "0.5", true),
                ("40", "–", "80", "0.5", true),
            ],
        );
        let ruling = judged(&rule(CoveragePolicy::Baseline, "80", "0.5"), &counts("40"), None);
        assert_eq!(ruling.reasons[0].id, "bootstrap");
        assert!(ruling.reasons[0].text.contains("bootstrap") && ruling.is_sound);
    }

    #[test]
    fn r3_both_asks_for_both() {
        hold(
            CoveragePolicy::Both,
            &[
                ("90", "85", "80", "0.5", true),
                ("82", "80", "85", "0.5", false),
                ("84", "90", "80", "0.5", false),
                ("85", "–", "80", "0.5", true),
                ("70", "–", "80", "0.5", false),
            ],
        );
    }

    #[test]
    fn r4_tolerance_is_exact() {
        hold(
            CoveragePolicy::Both,
            &[
                ("84.7", "85", "0", "0.5", true),
                ("79.7", "–", "80", "0.5", true),
                ("84.5", "85", "0", "0.5", true),
                ("84.4", "85", "0", "0.5", false),
                // A negative epsilon is read as 0 where it is written; here it cannot be said.
                ("84.9", "85", "0", "0", false),
            ],
        );
    }

    #[test]
    fn r12_the_delta_is_to_the_larger_of_baseline_and_floor() {
        for (measured, was, floor, delta) in [
            ("85", "80", "70", "+5.00"),
            ("75", "80", "70", "-5.00"),
            ("75", "70", "80", "-5.00"),
            ("50", "–", "–", "0.00"),
            ("50", "–", "0", "0.00"),
            ("50", "0", "0", "+50.00"),
        ] {
            let was = (was != "–").then(|| Baseline::from(Share::Percent(percent(was))));
            let floor = if floor == "–" { "0" } else { floor };
            for policy in [CoveragePolicy::Absolute, CoveragePolicy::Baseline, CoveragePolicy::Both] {
                let ruling = judged(&rule(policy, floor, "0.5"), &counts(measured), was.as_ref());
                assert_eq!(ruling.delta.to_string(), delta, "{policy} {measured} {was:?} {floor}");
            }
        }
    }

    #[test]
    fn r9_no_measurement_is_open_or_closed_and_says_so() {
        let nothing = Measurement::Counted(Counts { covered: 0, total: 0, counting: Counting::Summary, files: 0 });
        for (measurement, why) in [
            (nothing, "there are no lines to cover"),
            (Measurement::NoProfile, "no process left a profile"),
            (Measurement::TimedOut(Duration::from_secs(900)), "took longer than 15m"),
            (Measurement::Failed("llvm-cov exited with 1".to_owned()), "llvm-cov exited with 1"),
        ] {
            let open = Rule { on_tool_error: OnToolError::Open, ..rule(CoveragePolicy::Both, "80", "0.5") };
            let ruling = judged(&open, &measurement, Some(&baseline(1, 2)));
            assert_eq!((ruling.verdict, ruling.code, ruling.is_sound), (Verdict::Pass, ExitCode::Pass, false));
            assert_eq!(ruling.warnings, ruling.reasons);
            assert!(ruling.reasons[0].text.contains("fail-open") && ruling.reasons[0].text.contains(why), "{ruling:?}");

            let closed = Rule { on_tool_error: OnToolError::Closed, ..open };
            let ruling = judged(&closed, &measurement, None);
            assert_eq!((ruling.verdict, ruling.code), (Verdict::Fail, ExitCode::CoverageFailed));
            assert!(
                ruling.reasons[0].text.contains("fail-closed") && ruling.reasons[0].text.contains(why),
                "{ruling:?}"
            );
        }
    }

    #[test]
    fn r10_nonsense_fails_as_bad_inputs_even_where_the_gate_is_open() {
        let open = Rule { on_tool_error: OnToolError::Open, ..rule(CoveragePolicy::Absolute, "0", "0") };
        for (covered, total) in [(2, 1), (1, 0), (u64::MAX, u64::MAX), (0, u64::MAX)] {
            let counts = Measurement::Counted(Counts { covered, total, counting: Counting::Lines, files: 1 });
            let ruling = judged(&open, &counts, None);
            assert_eq!((ruling.code, ruling.reasons[0].id.as_str()), (ExitCode::CoverageFailed, "bad-inputs"));
            assert!(ruling.reasons[0].text.contains("bad inputs"));
        }
    }

    #[test]
    fn r7_r8_what_is_not_judged_is_no_failure_and_says_so() {
        let ruling = Ruling::out_of_scope(&["tools"]);
        assert_eq!((ruling.verdict, ruling.code), (Verdict::Nothing, ExitCode::Pass));
        assert_eq!(ruling.reasons[0].text, "N/A: `tools` is out of scope, nothing was measured");
        assert_eq!(Ruling::switched_off().verdict, Verdict::Nothing);
        assert!(Ruling::switched_off().reasons[0].text.starts_with("N/A"));
    }

    #[test]
    fn an_unreadable_ratchet_is_never_a_pass_where_it_is_asked() {
        let open = |policy| Rule { on_tool_error: OnToolError::Open, ..rule(policy, "0", "0") };
        let (tools, failed) = (tools("1.95.0"), Measurement::NoProfile);
        for policy in [CoveragePolicy::Baseline, CoveragePolicy::Both] {
            let case =
                Case { baseline: Known::Unreadable("line 3: no number"), failed_tests: 1, ..case(&failed, &tools) };
            let ruling = judge(&open(policy), &case);
            assert_eq!((ruling.code, ruling.verdict), (ExitCode::Config, Verdict::Fail));
            assert!(ruling.reasons[0].text.contains("line 3: no number"));
        }
        let measured = counts("80");
        let case = Case { baseline: Known::Unreadable("line 3"), ..case(&measured, &tools) };
        let ruling = judge(&open(CoveragePolicy::Absolute), &case);
        assert_eq!((ruling.verdict, ruling.warnings[0].id.as_str()), (Verdict::Pass, "unreadable-ratchet"));
        assert!(!ruling.is_sound);
    }

    #[test]
    fn failed_tests_are_the_code_and_the_figure_becomes_no_baseline() {
        let (measured, tools) = (counts("99"), tools("1.95.0"));
        let ruling =
            judge(&rule(CoveragePolicy::Both, "80", "0"), &Case { failed_tests: 2, ..case(&measured, &tools) });
        assert_eq!((ruling.code, ruling.is_sound), (ExitCode::TestsFailed, false));
        assert_eq!(ruling.reasons[0].text, "2 tests failed, so coverage is shown and not judged");
        assert_eq!(ruling.delta.to_string(), "+19.00");
    }

    #[test]
    fn a_doubtful_figure_is_judged_and_becomes_no_baseline() {
        let (measured, tools, was) = (counts("90"), tools("1.95.0"), Baseline { files: Some(5), ..baseline(80, 100) });
        let lost = ["app/test:crash (SIGABRT)".to_owned()];
        let doubtful = Case { baseline: Known::Baseline(&was), lost: &lost, ..case(&measured, &tools) };
        let ruling = judge(&rule(CoveragePolicy::Both, "0", "0"), &doubtful);
        let ids: Vec<&str> = ruling.warnings.iter().map(|warning| warning.id.as_str()).collect();
        assert_eq!(
            (ruling.verdict, ids.as_slice(), ruling.is_sound),
            (Verdict::Pass, &["incomplete", "fewer-files"][..], false)
        );
        let explained = Case { lost: &[], deleted_files: 2, ..doubtful };
        assert!(judge(&rule(CoveragePolicy::Both, "0", "0"), &explained).is_sound);
    }

    #[test]
    fn deleted_covered_lines_alone_are_pardoned_on_demand() {
        // 80 of 100; 60 covered lines and nothing else went: 20 of 40.
        let was = baseline(80, 100);
        let allow = Rule { allow_removal: true, ..rule(CoveragePolicy::Both, "0", "0.5") };
        let now =
            |covered, total| Measurement::Counted(Counts { covered, total, counting: Counting::Summary, files: 3 });
        for (measured, passes) in
            [(now(20, 40), true), (now(20, 41), false), (now(79, 100), false), (now(59, 79), true), (now(10, 20), true)]
        {
            let ruling = judged(&allow, &measured, Some(&was));
            assert_eq!(ruling.verdict == Verdict::Pass, passes, "{measured:?}");
            assert_eq!(ruling.reasons[0].id, if passes { "removal" } else { "below-baseline" });
        }
        let without = Rule { allow_removal: false, ..allow };
        assert_eq!(judged(&without, &now(20, 40), Some(&was)).verdict, Verdict::Fail);
        let floor = Rule { floor: percent("70"), ..allow };
        assert_eq!(judged(&floor, &now(20, 40), Some(&was)).reasons[0].id, "below-floor");
        let bare = Baseline::from(Share::Percent(percent("80")));
        assert_eq!(judged(&allow, &now(20, 40), Some(&bare)).verdict, Verdict::Fail);
    }

    #[test]
    fn what_was_counted_otherwise_is_not_compared() {
        let was = Baseline { counting: Some(Counting::Lines), ..baseline(1, 100) };
        let ruling = judged(&rule(CoveragePolicy::Both, "0", "0"), &counts("90"), Some(&was));
        assert_eq!((ruling.verdict, ruling.reasons[0].id.as_str()), (Verdict::Fail, "counting-changed"));
        assert_eq!(judged(&rule(CoveragePolicy::Absolute, "0", "0"), &counts("90"), Some(&was)).verdict, Verdict::Pass);
    }

    #[test]
    fn a_failure_says_rule_wanted_got_difference_worst_files_and_next_command() {
        let (measured, new_tools, was) = (counts("83"), tools("1.96.0"), baseline(850, 1000));
        let worst = [(Utf8Path::new("src/a.rs"), 120), (Utf8Path::new("src/b.rs"), 1)];
        let case = Case { baseline: Known::Baseline(&was), worst: &worst, ..case(&measured, &new_tools) };
        let ruling = judge(&rule(CoveragePolicy::Both, "90", "0.5"), &case);
        let told: Vec<String> = ruling.reasons.iter().map(|reason| format!("{}: {}", reason.id, reason.text)).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        below-floor: 830 of 1000 lines are covered (83.00 %), and the floor asks for 90 % less 0.5 points of tolerance: 65 more lines must be covered
        below-baseline: 830 of 1000 lines are covered (83.00 %), and the baseline asks for 85.00 % (850 of 1000, at 1a2b3c4d) less 0.5 points of tolerance: 15 more lines must be covered
        tools-changed: the tools changed since the baseline was measured (rustc 1.95.0, cargo-llvm-cov 0.9.1; now rustc 1.96.0, cargo-llvm-cov 0.9.1), which can move figures without any change of code: if so, `cargo gate baseline reset --reason "new tools"` begins anew
        worst-files: most is uncovered in `src/a.rs` (120 lines), `src/b.rs` (1 line)
        next: `cargo gate report --open` shows what is uncovered; the floor is set by `coverage.floor`, `--floor` and `[[floor]]`
        "#);
        assert_eq!(ruling.lacks, 65);

        let package = Subject::Package("core".to_owned());
        let of_package = judge(&rule(CoveragePolicy::Absolute, "90", "0"), &Case { subject: &package, ..case });
        insta::assert_snapshot!(of_package.reasons[0].text, @"package `core`: 830 of 1000 lines are covered (83.00 %), and the floor asks for 90 %: 70 more lines must be covered");
    }

    #[test]
    fn a_pass_says_what_held() {
        let was = baseline(850, 1000);
        let told: Vec<String> = [
            (CoveragePolicy::Both, "80", Some(&was), "85"),
            (CoveragePolicy::Both, "80", Some(&was), "84.6"),
            (CoveragePolicy::Both, "80", None, "85"),
            (CoveragePolicy::Both, "0", None, "85"),
            (CoveragePolicy::Absolute, "0", Some(&was), "5"),
            (CoveragePolicy::Baseline, "80", Some(&was), "85"),
        ]
        .map(|(policy, floor, was, measured)| {
            let ruling = judged(&rule(policy, floor, "0.5"), &counts(measured), was);
            assert_eq!(ruling.verdict, Verdict::Pass);
            format!("{}: {}", ruling.reasons[0].id, ruling.reasons[0].text)
        })
        .into();
        insta::assert_snapshot!(told.join("\n"), @r"
        pass: 850 of 1000 lines are covered (85.00 %): the floor of 80 % and the baseline of 85.00 % hold
        pass: 846 of 1000 lines are covered (84.60 %): the floor of 80 % and the baseline of 85.00 % hold within 0.5 points of tolerance
        pass: 850 of 1000 lines are covered (85.00 %): the floor of 80 % holds, and there is no baseline yet
        bootstrap: 850 of 1000 lines are covered (85.00 %): there is no baseline yet to hold it against (bootstrap)
        no-floor: 50 of 1000 lines are covered (5.00 %): no floor is set
        pass: 850 of 1000 lines are covered (85.00 %): the baseline of 85.00 % holds
        ");
    }

    #[test]
    fn several_rulings_are_one_and_what_fails_comes_first() {
        let strict = rule(CoveragePolicy::Absolute, "80", "0");
        let (good, bad) = (judged(&strict, &counts("90"), None), judged(&strict, &counts("10"), None));
        let both = good.clone().together([good.clone(), bad.clone()]);
        assert_eq!((both.verdict, both.code, both.delta), (Verdict::Fail, ExitCode::CoverageFailed, good.delta));
        assert_eq!((both.reasons[0].id.as_str(), both.is_sound), ("below-floor", false));
        assert_eq!(bad.clone().together([good.clone(), bad.clone()]).reasons, bad.reasons);
        assert!(good.clone().together([good]).is_sound);
    }

    proptest! {
        #[test]
        fn no_numbers_panic_and_every_ruling_has_a_sentence(
            covered in any::<u64>(), total in any::<u64>(), small in any::<bool>(),
            was in prop::option::of((0_u64..100, 100_u64..1_000_000)),
            floor in 0_u32..=1_000_000, epsilon in 0_u32..=1_000_000, policy in 0_usize..3, allow_removal in any::<bool>(),
        ) {
            let (covered, total) = if small { (covered % 1000, total % 1000) } else { (covered, total) };
            let rule = Rule {
                policy: [CoveragePolicy::Absolute, CoveragePolicy::Baseline, CoveragePolicy::Both][policy],
                floor: Percent::from_ten_thousandths(floor).unwrap(),
                epsilon: Percent::from_ten_thousandths(epsilon).unwrap(),
                allow_removal,
                ..rule(CoveragePolicy::Both, "0", "0")
            };
            let was = was.map(|(covered, total)| baseline(covered, total));
            let counts = Measurement::Counted(Counts { covered, total, counting: Counting::Summary, files: 3 });
            let ruling = judged(&rule, &counts, was.as_ref());
            prop_assert!(!ruling.reasons[0].id.is_empty() && !ruling.reasons[0].text.is_empty());
            prop_assert_eq!(ruling.verdict == Verdict::Pass, ruling.code == ExitCode::Pass);
            prop_assert!(ruling.lacks == 0 || ruling.verdict == Verdict::Fail);
        }
    }
}
