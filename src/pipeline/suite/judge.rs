//! What a suite came to: a pure function of how its process left and of what it wrote.
//!
//! Exit code 0 passes, anything else, a signal and none at all fail; results can only make it worse. What the process
//! as a whole did wrong is a case of its own, so that the history remembers it.

use std::sync::Arc;
use std::time::Duration;

use crate::exit_code::ExitCode;
use crate::model::{
    Attempt, AttemptOutcome, BinaryId, CaseRecord, Ending, Judgement, Percent, Reason, RunState, Severity, StepState,
    TestKey, Totals, Verdict, write_duration,
};
use crate::ratio::Ratio;

/// What a suite told of its tests.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Nothing, and nothing was expected: its exit code is its result.
    Nothing,
    /// These, and counts that say more than they do where the format has no cases.
    Cases(Vec<Arc<CaseRecord>>, Totals),
    /// Nothing that can be read, and why.
    Unreadable(String),
}

/// Why a suite never started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unstarted<'a> {
    /// What was in the way.
    pub why: &'a str,
    /// What it means where it will be in the way the next time, too: a program that is not installed, a folder that is
    /// not there. None: another time it may start.
    pub code: Option<ExitCode>,
}

/// A suite at its end.
pub struct Ended<'a> {
    /// Under what its cases stand.
    pub binary: &'a BinaryId,
    /// How its process left.
    pub ending: Ending,
    /// Why it never started, where it did not.
    pub unstarted: Option<Unstarted<'a>>,
    /// The limit that it ran into.
    pub timed_out: Option<Duration>,
    /// What it told.
    pub told: Told,
    /// The end of what it printed.
    pub tail: &'a str,
    /// How long it took.
    pub took: Duration,
    /// The least share of its tests that must pass.
    pub min_pass_rate: Percent,
    /// How much its failure weighs.
    pub on_failure: Severity,
    /// Is a failure of this test one that fails nothing?
    pub is_quarantined: &'a dyn Fn(&TestKey) -> bool,
}

/// What it came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// What became of its tests.
    pub cases: Vec<Arc<CaseRecord>>,
    /// Their counts.
    pub totals: Totals,
    /// How far the run came.
    pub run: RunState,
    /// What the history keeps of it.
    pub judgement: Judgement,
    /// What it means to the pipeline.
    pub state: StepState,
    /// Why it was not executed, if it was not: for no fault of the code.
    pub tool_error: Option<String>,
}

impl Judged {
    /// Why, in one sentence.
    #[must_use]
    pub fn why(&self) -> &str {
        self.judgement.sentence()
    }
}

/// Judges a suite.
#[must_use]
pub fn judge(ended: Ended<'_>) -> Judged {
    if let Some(Unstarted { why, code: Some(code) }) = ended.unstarted {
        // Whoever wrote the configuration is asked, and no other try would help.
        let judgement = judgement(Verdict::ToolError, code, "not-startable", why.to_owned());
        let (totals, state) = (Totals::default(), StepState::of_failure(ended.on_failure));
        return Judged { cases: Vec::new(), totals, run: RunState::ToolError, judgement, state, tool_error: None };
    }
    let (mut cases, mut totals) = match &ended.told {
        Told::Cases(cases, totals) => (cases.clone(), *totals),
        Told::Nothing | Told::Unreadable(_) => (Vec::new(), Totals::default()),
    };
    if let Some(why) = not_executed(&ended) {
        if ended.timed_out.is_some() {
            // What is missing in results that were cut off says nothing that the limit does not.
            cases.retain(|case| !case.key.is_whole_process());
            cases.push(whole(&ended, &cases, AttemptOutcome::Timeout, &why));
        }
        let totals = Totals::of(cases.iter().map(|case| &**case));
        let text = format!("the suite did not execute: {why}; this is not a code fault");
        let judgement = judgement(Verdict::ToolError, ExitCode::NeverExecuted, "never-executed", text);
        let state = match ended.on_failure {
            Severity::Block => StepState::ToolError,
            softer => StepState::of_failure(softer),
        };
        return Judged { cases, totals, run: RunState::ToolError, judgement, state, tool_error: Some(why) };
    }
    if let Some(case) = process_case(&ended, &cases) {
        totals.add(case.outcome);
        cases.push(case);
    }
    let judgement = match shortfall(&ended, &cases, totals) {
        Some(text) => judgement(Verdict::Fail, ExitCode::TestsFailed, "tests-failed", text),
        None => judgement(Verdict::Pass, ExitCode::Pass, "pass", green(&ended, &cases, totals)),
    };
    let state = match judgement.verdict {
        Verdict::Pass => StepState::Passed,
        _ => StepState::of_failure(ended.on_failure),
    };
    Judged { cases, totals, run: RunState::Executed, judgement, state, tool_error: None }
}

fn judgement(verdict: Verdict, code: ExitCode, id: &str, text: String) -> Judgement {
    Judgement { verdict, codes: vec![code], reasons: vec![Reason::new(id, text)] }
}

fn not_executed(ended: &Ended<'_>) -> Option<String> {
    match (ended.timed_out, ended.ending) {
        (Some(limit), _) => Some(format!("it ran into its limit of {}", write_duration(limit))),
        (None, Ending::NotStarted) => Some(match ended.unstarted {
            Some(unstarted) => unstarted.why.to_owned(),
            None => "it never started".to_owned(),
        }),
        _ => None,
    }
}

/// The case of the process as a whole, where there is something to say of it that no other case says.
fn process_case(ended: &Ended<'_>, cases: &[Arc<CaseRecord>]) -> Option<Arc<CaseRecord>> {
    let is_dead = matches!(ended.ending, Ending::Signaled(_));
    let why = match &ended.told {
        Told::Nothing => {
            let outcome = if ended.ending.is_success() {
                AttemptOutcome::Passed
            } else if is_dead {
                AttemptOutcome::Error
            } else {
                AttemptOutcome::Failed
            };
            return Some(whole(ended, cases, outcome, &format!("the process {}", ended.ending)));
        }
        Told::Unreadable(why) if ended.ending.is_success() => why.clone(),
        Told::Unreadable(why) => format!("{why}; the process {}", ended.ending),
        Told::Cases(..) if cases.iter().any(|case| case.key.is_whole_process()) && !is_dead => return None,
        Told::Cases(..) if is_dead => format!("the process {}", ended.ending),
        Told::Cases(cases, _) if cases.is_empty() && ended.ending.is_success() => "there is no test in it".to_owned(),
        Told::Cases(cases, _) if cases.is_empty() => {
            format!("there is no test in it; the process {}", ended.ending)
        }
        Told::Cases(cases, _) if !ended.ending.is_success() && !cases.iter().any(|case| case.outcome.is_failure()) => {
            format!("the process {}, and no test failed", ended.ending)
        }
        Told::Cases(..) => return None,
    };
    Some(whole(ended, cases, AttemptOutcome::Error, &why))
}

/// A case that stands for the whole process; of a suite that tells no tests, for the suite.
fn whole(ended: &Ended<'_>, cases: &[Arc<CaseRecord>], outcome: AttemptOutcome, why: &str) -> Arc<CaseRecord> {
    let name = if ended.told == Told::Nothing { ended.binary.binary.as_str() } else { TestKey::WHOLE_PROCESS };
    let mut key = TestKey { binary: ended.binary.clone(), name: name.to_owned() };
    while cases.iter().any(|case| *case.key == key) {
        key.name.push('\'');
    }
    let has_failed = outcome != AttemptOutcome::Passed;
    let attempt = Attempt {
        outcome,
        took: Some(ended.took),
        ending: has_failed.then_some(ended.ending),
        why: has_failed.then(|| why.to_owned()),
        text: Some(ended.tail).filter(|text| has_failed && !text.trim().is_empty()).map(Arc::from),
    };
    Arc::new(CaseRecord {
        key: Arc::new(key),
        outcome: outcome.as_outcome(),
        took: Some(ended.took),
        attempts: vec![attempt],
        line: None,
        leaked: false,
        binary_hash: None,
    })
}

/// The counts without tests in quarantine.
fn counted(ended: &Ended<'_>, cases: &[Arc<CaseRecord>], totals: Totals) -> Totals {
    let is_spared = |case: &&Arc<CaseRecord>| (ended.is_quarantined)(&case.key);
    if cases.iter().filter(is_spared).count() == 0 {
        return totals;
    }
    // A case that stands for counts takes them with it.
    Totals::of(cases.iter().filter(|case| !is_spared(case)).map(|case| &**case))
}

/// Why the suite fails; none where it passes.
fn shortfall(ended: &Ended<'_>, cases: &[Arc<CaseRecord>], totals: Totals) -> Option<String> {
    let blocking = || cases.iter().filter(|case| case.outcome.is_failure() && !(ended.is_quarantined)(&case.key));
    let of_process = |case: &&Arc<CaseRecord>| case.key.is_whole_process() || is_the_suite(ended, case);
    if let Some(case) = blocking().find(of_process) {
        let attempt = case.attempts.last();
        let why = attempt.and_then(|attempt| attempt.why.as_deref().or(attempt.text.as_deref()));
        return Some(why.unwrap_or("the process failed").to_owned());
    }
    let counted = counted(ended, cases, totals);
    if counted.executed() == 0 {
        return None;
    }
    let passed = counted.passed.saturating_add(counted.flaky);
    let wanted = ended.min_pass_rate;
    let reached = match Ratio::new(passed, counted.executed()) {
        Ok(rate) => rate.reaches(wanted.ratio(), Percent::ZERO),
        Err(_) => false,
    };
    if reached {
        return None;
    }
    let names: Vec<&str> = blocking().take(3).map(|case| case.key.name.as_str()).collect();
    let more = blocking().count().saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let mut text = format!("{}: {}{more}", failures_of(counted), names.join(", "));
    if wanted < Percent::HUNDRED {
        text.push_str(&format!("; at least {wanted} % must"));
    }
    Some(text)
}

/// A script without results is its own only case.
fn is_the_suite(ended: &Ended<'_>, case: &CaseRecord) -> bool {
    ended.told == Told::Nothing && case.key.name == ended.binary.binary
}

/// What a suite that passes says of itself.
fn green(ended: &Ended<'_>, cases: &[Arc<CaseRecord>], totals: Totals) -> String {
    if ended.told == Told::Nothing {
        return match ended.ending.is_success() {
            true => "the process exited with 0".to_owned(),
            false => format!("the process {}; it is in quarantine, which fails nothing", ended.ending),
        };
    }
    let failures = totals.failures();
    if failures == 0 {
        return match totals.executed() {
            0 => format!("nothing was executed: {} skipped", tests(totals.skipped)),
            1 => "the one test passes".to_owned(),
            executed => format!("all {} pass", tests(executed)),
        };
    }
    let spared = cases.iter().filter(|case| case.outcome.is_failure() && (ended.is_quarantined)(&case.key)).count();
    let why = match spared as u64 {
        0 => format!("at least {} % must", ended.min_pass_rate),
        spared if spared == failures => "quarantine fails nothing".to_owned(),
        spared => format!("{spared} in quarantine, and of the rest at least {} % must", ended.min_pass_rate),
    };
    format!("{}: {why}", failures_of(totals))
}

fn failures_of(totals: Totals) -> String {
    match (totals.failures(), totals.executed()) {
        (1, 1) => "the one test does not pass".to_owned(),
        (1, executed) => format!("1 of {} does not pass", tests(executed)),
        (failures, executed) => format!("{failures} of {} do not pass", tests(executed)),
    }
}

fn tests(count: u64) -> String {
    if count == 1 { "1 test".to_owned() } else { format!("{count} tests") }
}

#[cfg(test)]
mod tests_of_judge {
    use super::*;
    use crate::model::{Kind, Outcome};
    use Outcome::{Failed, Flaky, Passed, Skipped};

    fn binary() -> BinaryId {
        BinaryId { package: "app".into(), kind: Kind::Suite, binary: "py".into() }
    }

    fn case(name: &str, outcome: Outcome) -> Arc<CaseRecord> {
        let key = Arc::new(TestKey { binary: binary(), name: name.to_owned() });
        let (took, attempts) = (None, Vec::new());
        Arc::new(CaseRecord { key, outcome, took, attempts, line: None, leaked: false, binary_hash: None })
    }

    fn told(outcomes: &[Outcome]) -> Told {
        let cases: Vec<_> = outcomes.iter().enumerate().map(|(at, one)| case(&format!("t{at}"), *one)).collect();
        let totals = Totals::of(cases.iter().map(|case| &**case));
        Told::Cases(cases, totals)
    }

    fn doubtful() -> Told {
        let cases = vec![case("t0", Passed), case(TestKey::WHOLE_PROCESS, Outcome::Error)];
        let totals = Totals::of(cases.iter().map(|case| &**case));
        Told::Cases(cases, totals)
    }

    /// The same of one suite among those that a file of results tells of.
    fn doubtful_in_part() -> Told {
        let mut cases: Vec<_> = (0..19).map(|at| case(&format!("a::t{at}"), Passed)).collect();
        cases.push(case("a::(process)", Outcome::Error));
        let totals = Totals::of(cases.iter().map(|case| &**case));
        Told::Cases(cases, totals)
    }

    struct At {
        told: Told,
        ending: Ending,
        rate: &'static str,
        limit: Option<Duration>,
        severity: Severity,
        quarantined: &'static [&'static str],
        code: Option<ExitCode>,
    }

    impl Default for At {
        fn default() -> Self {
            let told = told(&[Passed]);
            let (severity, quarantined) = (Severity::Block, &[][..]);
            Self { told, ending: Ending::Exited(0), rate: "100", limit: None, severity, quarantined, code: None }
        }
    }

    fn judged(at: At) -> Judged {
        judge(Ended {
            binary: &binary(),
            ending: at.ending,
            unstarted: (at.ending == Ending::NotStarted)
                .then_some(Unstarted { why: "cannot start `x`", code: at.code }),
            timed_out: at.limit,
            told: at.told,
            tail: "last words",
            took: Duration::from_secs(1),
            min_pass_rate: at.rate.parse().unwrap(),
            on_failure: at.severity,
            is_quarantined: &|key| at.quarantined.contains(&key.name.as_str()),
        })
    }

    fn states(table: Vec<(At, StepState, &str)>) {
        for (at, state, why) in table {
            let judged = judged(at);
            assert_eq!((judged.state, judged.why()), (state, why));
            let sum = judged.totals;
            assert_eq!(sum.tests, sum.passed + sum.flaky + sum.skipped + sum.failures());
        }
    }

    #[test]
    fn r15_exit_code_0_passes_and_anything_else_fails() {
        let of = |ending| At { told: Told::Nothing, ending, ..At::default() };
        states(vec![
            (of(Ending::Exited(0)), StepState::Passed, "the process exited with 0"),
            (of(Ending::Exited(3)), StepState::Failed, "the process exited with 3"),
            (of(Ending::Exited(-1)), StepState::Failed, "the process exited with -1"),
            (of(Ending::Signaled(9)), StepState::Failed, "the process died of signal 9 (SIGKILL)"),
        ]);
        let failed = judged(of(Ending::Exited(3)));
        assert_eq!(failed.cases[0].key.to_string(), "app/suite:py::py");
        assert_eq!((failed.cases[0].outcome, failed.cases[0].failure_text()), (Failed, Some("last words")));
    }

    #[test]
    fn what_does_not_add_up_is_an_error_whatever_the_exit_code() {
        let with = |told, code| At { told, ending: Ending::Exited(code), ..At::default() };
        let none = || Told::Cases(Vec::new(), Totals::default());
        let unread = || Told::Unreadable("there is no file `r.xml`".to_owned());
        states(vec![
            (with(told(&[Passed]), 1), StepState::Failed, "the process exited with 1, and no test failed"),
            (with(told(&[Failed, Passed]), 0), StepState::Failed, "1 of 2 tests does not pass: t0"),
            (with(none(), 0), StepState::Failed, "there is no test in it"),
            (with(none(), 5), StepState::Failed, "there is no test in it; the process exited with 5"),
            (with(unread(), 0), StepState::Failed, "there is no file `r.xml`"),
            (with(unread(), 2), StepState::Failed, "there is no file `r.xml`; the process exited with 2"),
            (with(doubtful(), 0), StepState::Failed, "the process failed"),
            (with(told(&[Skipped]), 0), StepState::Passed, "nothing was executed: 1 test skipped"),
        ]);
        let case = judged(with(told(&[Passed]), 1)).cases.pop().unwrap();
        assert!(case.key.is_whole_process() && case.outcome == Outcome::Error);
    }

    #[test]
    fn r26_a_share_may_fail_but_never_the_whole() {
        let nine = [Passed, Passed, Passed, Passed, Passed, Passed, Passed, Passed, Flaky, Failed];
        let eight = [Passed, Passed, Passed, Passed, Passed, Passed, Passed, Passed, Failed, Failed];
        let skips = [Passed, Skipped, Skipped, Failed];
        let with = |outcomes: &[Outcome], rate, ending| At { told: told(outcomes), rate, ending, ..At::default() };
        let died = Ending::Signaled(11);
        states(vec![
            (
                with(&nine, "90", Ending::Exited(1)),
                StepState::Passed,
                "1 of 10 tests does not pass: at least 90 % must",
            ),
            (with(&nine, "100", Ending::Exited(1)), StepState::Failed, "1 of 10 tests does not pass: t9"),
            (
                with(&eight, "90", Ending::Exited(1)),
                StepState::Failed,
                "2 of 10 tests do not pass: t8, t9; at least 90 % must",
            ),
            (
                with(&nine, "90.0001", Ending::Exited(1)),
                StepState::Failed,
                "1 of 10 tests does not pass: t9; at least 90.0001 % must",
            ),
            (
                with(&skips, "51", Ending::Exited(1)),
                StepState::Failed,
                "1 of 2 tests does not pass: t3; at least 51 % must",
            ),
            (with(&nine, "90", died), StepState::Failed, "the process died of signal 11 (SIGSEGV)"),
            (
                with(&[Passed], "0", Ending::Exited(1)),
                StepState::Failed,
                "the process exited with 1, and no test failed",
            ),
        ]);
        for told in [doubtful(), doubtful_in_part()] {
            let doubtful = At { told, rate: "10", ..At::default() };
            assert_eq!(judged(doubtful).state, StepState::Failed);
        }
    }

    #[test]
    fn counts_without_names_are_compared_as_they_are() {
        let counts = Totals { tests: 10, passed: 9, failed: 1, ..Totals::default() };
        let with = |rate, quarantined| At {
            told: Told::Cases(vec![case("py", Failed)], counts),
            ending: Ending::Exited(1),
            rate,
            quarantined,
            ..At::default()
        };
        assert_eq!(judged(with("90", &[])).state, StepState::Passed);
        assert_eq!(judged(with("95", &[])).state, StepState::Failed);
        assert_eq!(judged(with("100", &["py"])).state, StepState::Passed);
    }

    #[test]
    fn quarantine_counts_for_nothing_and_explains_the_exit_code() {
        let at = |outcomes: &[Outcome], quarantined| At {
            told: told(outcomes),
            ending: Ending::Exited(1),
            quarantined,
            ..At::default()
        };
        states(vec![
            (at(&[Failed, Passed], &["t0"]), StepState::Passed, "1 of 2 tests does not pass: quarantine fails nothing"),
            (at(&[Failed, Failed], &["t0"]), StepState::Failed, "the one test does not pass: t1"),
            (at(&[Failed], &["t0"]), StepState::Passed, "the one test does not pass: quarantine fails nothing"),
        ]);
    }

    #[test]
    fn what_did_not_execute_is_no_fault_of_the_code() {
        let limit = Some(Duration::from_secs(60));
        let slow = judged(At { told: told(&[Passed]), ending: Ending::Signaled(15), limit, ..At::default() });
        assert_eq!((slow.state, slow.run), (StepState::ToolError, RunState::ToolError));
        assert_eq!(slow.tool_error.as_deref(), Some("it ran into its limit of 1m"));
        assert!(slow.why().ends_with("this is not a code fault"), "{}", slow.why());
        let outcomes: Vec<Outcome> = slow.cases.iter().map(|case| case.outcome).collect();
        assert_eq!(outcomes, [Passed, Outcome::Timeout]);
        let never = judged(At { told: Told::Nothing, ending: Ending::NotStarted, ..At::default() });
        assert_eq!(never.tool_error.as_deref(), Some("cannot start `x`"));
        assert_eq!((never.cases.len(), never.judgement.verdict), (0, Verdict::ToolError));
        let code = Some(ExitCode::Config);
        let missing = judged(At { told: Told::Nothing, ending: Ending::NotStarted, code, ..At::default() });
        assert_eq!(
            (missing.state, missing.tool_error.as_deref(), missing.why()),
            (StepState::Failed, None, "cannot start `x`")
        );
        assert_eq!(missing.judgement.exit_code(), ExitCode::Config);
    }

    #[test]
    fn r26_a_failure_blocks_warns_or_is_ignored() {
        for (severity, failed, unexecuted) in [
            (Severity::Block, StepState::Failed, StepState::ToolError),
            (Severity::Warn, StepState::Warned, StepState::Warned),
            (Severity::Ignore, StepState::Ignored, StepState::Ignored),
        ] {
            let at = |ending| At { told: told(&[Failed]), ending, severity, ..At::default() };
            let judged_failed = judged(at(Ending::Exited(1)));
            assert_eq!((judged_failed.state, judged_failed.judgement.verdict), (failed, Verdict::Fail));
            let never = judged(at(Ending::NotStarted));
            assert_eq!(never.state, unexecuted);
            assert!(never.tool_error.is_some());
        }
    }
}
