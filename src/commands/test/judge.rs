//! The verdict of a test run: a pure function of what happened.

use std::sync::Arc;
use std::time::Duration;

use crate::cargo::build;
use crate::exit_code::ExitCode;
use crate::model::{
    CaseRecord, FlakyResult, Judgement, NoTests, Outcome, Reason, RunState, Shard, TestKey, Totals, Verdict,
};
use crate::report::words;
use crate::runner::engine::Stop;

/// How the suite could not be executed, and what that leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) struct ToolError {
    pub(super) why: String,
    pub(super) tries: u32,
    pub(super) of: u32,
    /// Is there budget for another try, by another call?
    pub(super) deferred: bool,
}

/// What happened, as far as the verdict depends on it.
pub(in crate::commands) struct Facts<'a> {
    pub(in crate::commands) cases: &'a [Arc<CaseRecord>],
    pub(in crate::commands) not_run: usize,
    pub(in crate::commands) build: Option<&'a build::Failure>,
    pub(in crate::commands) stop: Option<&'a Stop>,
    pub(in crate::commands) tool_error: Option<&'a ToolError>,
    pub(in crate::commands) flaky_result: FlakyResult,
    pub(in crate::commands) no_tests: NoTests,
    /// Which shard it was of a plan that has something to run.
    pub(in crate::commands) shard: Option<Shard>,
    /// Is a failure of this test one that fails nothing?
    pub(in crate::commands) is_quarantined: &'a dyn Fn(&TestKey) -> bool,
    /// Tests of the full run before that this one did not have any more.
    pub(in crate::commands) vanished: &'a [Arc<TestKey>],
    /// May none be gone?
    pub(in crate::commands) fails_on_vanished: bool,
    /// Could the history be read that knows of them?
    pub(in crate::commands) knows_before: bool,
    /// What else speaks against it, of a run whose tests ran elsewhere: each with its code.
    pub(in crate::commands) elsewhere: &'a [(ExitCode, Reason)],
    pub(in crate::commands) took: Duration,
}

/// Judges a run that went to its end somewhere else, by its cases alone.
pub(in crate::commands) fn judge_cases(cases: &[Arc<CaseRecord>], took: Duration) -> Judgement {
    let facts = Facts {
        cases,
        not_run: 0,
        build: None,
        stop: None,
        tool_error: None,
        flaky_result: FlakyResult::Pass,
        no_tests: NoTests::Pass,
        shard: None,
        is_quarantined: &|_| false,
        vanished: &[],
        fails_on_vanished: false,
        knows_before: true,
        elsewhere: &[],
        took,
    };
    judge(&facts).1
}

/// Judges a run.
pub(in crate::commands) fn judge(facts: &Facts<'_>) -> (RunState, Judgement) {
    let mut grounds: Vec<(ExitCode, Reason)> = Vec::new();
    let built = facts.build.and_then(ground_of_build).map(|(state, code, reason)| {
        grounds.push((code, reason));
        state
    });
    let stopped = ground_of_interrupt(facts, &mut grounds);
    ground_of_tests(facts, &mut grounds);
    let failed_tool = ground_of_tool(facts, &mut grounds);
    grounds.extend_from_slice(facts.elsewhere);
    let elsewhere = facts.elsewhere.iter().map(|(code, _)| *code).min().and_then(state_of);
    let state = stopped.or(built).or(failed_tool).or(elsewhere).unwrap_or(RunState::Executed);
    ground_of_what_is_missing(facts, &mut grounds);
    grounds.sort_by_key(|(code, _)| *code);
    let judgement = if grounds.is_empty() { without_grounds(facts) } else { with_grounds(grounds) };
    (state, judgement)
}

/// How far a run came of which the most pressing thing is this.
const fn state_of(code: ExitCode) -> Option<RunState> {
    match code {
        ExitCode::Interrupted => Some(RunState::Interrupted),
        ExitCode::BuildFailed | ExitCode::Usage => Some(RunState::BuildFailed),
        ExitCode::Internal | ExitCode::Config | ExitCode::NeverExecuted => Some(RunState::ToolError),
        ExitCode::Deferred => Some(RunState::Deferred),
        ExitCode::TestsFailed
        | ExitCode::CoverageFailed
        | ExitCode::StepFailed
        | ExitCode::NoTests
        | ExitCode::Pass => None,
    }
}

/// What a build that failed comes to; none where it is tried again, and is a tool error once the tries are spent.
pub(super) fn ground_of_build(failure: &build::Failure) -> Option<(RunState, ExitCode, Reason)> {
    let (state, code, id, text) = match failure {
        build::Failure::Code => {
            let text = "the code does not build; cargo says why above".to_owned();
            (RunState::BuildFailed, ExitCode::BuildFailed, "build-failed", text)
        }
        build::Failure::Usage => {
            let text = "cargo does not understand its command line, and says why above".to_owned();
            (RunState::BuildFailed, ExitCode::Usage, "usage", text)
        }
        build::Failure::Missing(why) => (RunState::ToolError, ExitCode::Config, "missing-tool", why.clone()),
        build::Failure::Unusable(why) => (RunState::ToolError, ExitCode::Config, "archive", why.clone()),
        build::Failure::Internal(why) => (RunState::ToolError, ExitCode::Internal, "internal", why.clone()),
        build::Failure::Interrupted(interrupt) => {
            let text = format!("{} came during the build", interrupt.signal);
            (RunState::Interrupted, ExitCode::Interrupted, "interrupted", text)
        }
        build::Failure::Tool(_) => return None,
    };
    Some((state, code, Reason::new(id, text)))
}

fn ground_of_interrupt(facts: &Facts<'_>, grounds: &mut Vec<(ExitCode, Reason)>) -> Option<RunState> {
    let Some(Stop::Interrupted(interrupt)) = facts.stop else { return None };
    let text = format!("{} came before the end{}", interrupt.signal, left_out(facts.not_run));
    grounds.push((ExitCode::Interrupted, Reason::new("interrupted", text)));
    Some(RunState::Interrupted)
}

fn ground_of_tests(facts: &Facts<'_>, grounds: &mut Vec<(ExitCode, Reason)>) {
    let blocking: Vec<&CaseRecord> = facts
        .cases
        .iter()
        .map(|case| &**case)
        .filter(|case| case.outcome.is_failure() && !(facts.is_quarantined)(&case.key))
        .collect();
    if !blocking.is_empty() {
        let of = Totals::of(facts.cases.iter().map(|case| &**case)).executed();
        let early = match facts.stop {
            Some(Stop::Failures) => format!("; stopped there{}", left_out(facts.not_run)),
            Some(Stop::RunTimeout(_)) => format!("; the run ran into its own limit{}", left_out(facts.not_run)),
            _ => String::new(),
        };
        let what = match (blocking.len(), of) {
            (1, 1) => "the one test does not pass".to_owned(),
            (1, _) => format!("1 of {} does not pass", tests(of)),
            (count, _) => format!("{} of {} do not pass", words::thousands(count as u64), tests(of)),
        };
        let text = format!("{what}: {}{early}", names(&blocking));
        grounds.push((ExitCode::TestsFailed, Reason::new("tests-failed", text)));
    }
    let flaky: Vec<&CaseRecord> = facts
        .cases
        .iter()
        .map(|case| &**case)
        .filter(|case| case.outcome == Outcome::Flaky && !(facts.is_quarantined)(&case.key))
        .collect();
    if facts.flaky_result == FlakyResult::Fail && !flaky.is_empty() {
        let count = tests(flaky.len() as u64);
        let text = format!("{count} passed only when tried again, and `flaky-result` is `fail`: {}", names(&flaky));
        grounds.push((ExitCode::TestsFailed, Reason::new("flaky", text)));
    }
    if facts.fails_on_vanished && !facts.knows_before {
        let text = "whether tests vanished cannot be told: the history could not be read";
        grounds.push((ExitCode::Internal, Reason::new("vanished-unknown", text)));
    } else if facts.fails_on_vanished && !facts.vanished.is_empty() {
        grounds.push((ExitCode::TestsFailed, Reason::new("vanished", words::vanished(facts.vanished))));
    }
}

fn ground_of_tool(facts: &Facts<'_>, grounds: &mut Vec<(ExitCode, Reason)>) -> Option<RunState> {
    let error = facts.tool_error?;
    let tries = if error.of > 1 { format!(" (try {} of {})", error.tries, error.of) } else { String::new() };
    let text = format!("the suite did not execute{tries}: {}; this is not a code fault", error.why);
    Some(if error.deferred {
        grounds.push((ExitCode::Deferred, Reason::new("deferred", format!("{text}, come again"))));
        RunState::Deferred
    } else {
        grounds.push((ExitCode::NeverExecuted, Reason::new("never-executed", text)));
        RunState::ToolError
    })
}

/// Whatever else went wrong: a run that left tests out is no pass.
fn ground_of_what_is_missing(facts: &Facts<'_>, grounds: &mut Vec<(ExitCode, Reason)>) {
    if grounds.is_empty() && (facts.not_run > 0 || facts.stop.is_some()) {
        let text = format!("the run ended early and nobody said why{}", left_out(facts.not_run));
        grounds.push((ExitCode::Internal, Reason::new("internal", text)));
    }
}

fn with_grounds(grounds: Vec<(ExitCode, Reason)>) -> Judgement {
    let mut codes: Vec<ExitCode> = grounds.iter().map(|(code, _)| *code).collect();
    codes.dedup();
    let verdict = match codes.first() {
        Some(ExitCode::Deferred) => Verdict::Deferred,
        Some(ExitCode::NeverExecuted | ExitCode::Internal) => Verdict::ToolError,
        _ => Verdict::Fail,
    };
    Judgement { verdict, codes, reasons: grounds.into_iter().map(|(_, reason)| reason).collect() }
}

fn without_grounds(facts: &Facts<'_>) -> Judgement {
    let totals = Totals::of(facts.cases.iter().map(|case| &**case));
    if let (0, Some(shard)) = (totals.tests, facts.shard) {
        let text = format!("shard {shard} has no test: the others have them all");
        let reasons = vec![Reason::new("empty-shard", text)];
        return Judgement { verdict: Verdict::Nothing, codes: vec![ExitCode::Pass], reasons };
    }
    if totals.tests == 0 {
        let code = if facts.no_tests == NoTests::Fail { ExitCode::NoTests } else { ExitCode::Pass };
        let reasons = vec![Reason::new("no-tests", "no test matches the selection")];
        return Judgement { verdict: Verdict::Nothing, codes: vec![code], reasons };
    }
    let mut text = format!("all {} pass", tests(totals.executed()));
    if totals.executed() == 1 {
        text = "the one test passes".to_owned();
    }
    if totals.executed() == 0 {
        text = format!("nothing was executed: {} ignored", tests(totals.skipped));
    }
    if totals.flaky > 0 {
        text.push_str(&format!(", {} of them only when tried again", words::thousands(totals.flaky)));
    }
    let spared = totals.failures();
    if spared > 0 {
        let rest = totals.executed() - spared;
        let pass = if rest == 1 { "passes" } else { "pass" };
        let do_not = if spared == 1 { "does not" } else { "do not" };
        text = format!("{} {pass}; {} in quarantine {do_not}, which fails nothing", tests(rest), tests(spared));
    }
    let text = format!("{text}, in {}", words::exact(facts.took));
    Judgement { verdict: Verdict::Pass, codes: vec![ExitCode::Pass], reasons: vec![Reason::new("pass", text)] }
}

fn names(cases: &[&CaseRecord]) -> String {
    words::names(&cases.iter().map(|case| &case.key).collect::<Vec<_>>())
}

fn tests(count: u64) -> String {
    words::count(count, "test", "tests")
}

fn left_out(not_run: usize) -> String {
    if not_run == 0 { String::new() } else { format!(", {} not run", tests(not_run as u64)) }
}

#[cfg(test)]
mod tests_of_judge {
    use super::*;
    use crate::sys::signals::{Interrupt, Urgency};

    fn case(name: &str, outcome: Outcome) -> Arc<CaseRecord> {
        let key = Arc::new(format!("app/app::{name}").parse().unwrap());
        Arc::new(CaseRecord {
            key,
            outcome,
            took: None,
            attempts: Vec::new(),
            line: None,
            leaked: false,
            binary_hash: None,
        })
    }

    fn facts(cases: &[Arc<CaseRecord>]) -> Facts<'_> {
        Facts {
            cases,
            not_run: 0,
            build: None,
            stop: None,
            tool_error: None,
            flaky_result: FlakyResult::Pass,
            no_tests: NoTests::Fail,
            shard: None,
            is_quarantined: &|_| false,
            vanished: &[],
            fails_on_vanished: false,
            knows_before: true,
            elsewhere: &[],
            took: Duration::from_millis(1234),
        }
    }

    fn told(facts: &Facts<'_>) -> (RunState, Verdict, Vec<u8>, String) {
        let (state, judgement) = judge(facts);
        let codes = judgement.codes.iter().map(|code| code.number()).collect();
        (state, judgement.verdict, codes, judgement.sentence().to_owned())
    }

    #[test]
    fn a_run_is_judged_by_what_happened() {
        let (green, red, flaky) = (case("a", Outcome::Passed), case("b", Outcome::Failed), case("c", Outcome::Flaky));
        let passing = [green.clone(), flaky.clone()];
        let failing = [green.clone(), red.clone()];
        let executed = RunState::Executed;
        assert_eq!(
            told(&facts(&passing)),
            (
                executed,
                Verdict::Pass,
                vec![0],
                "all 2 tests pass, 1 of them only when tried again, in 1.234s".to_owned()
            )
        );
        assert_eq!(
            told(&facts(&failing)),
            (executed, Verdict::Fail, vec![100], "1 of 2 tests does not pass: app/app::b".to_owned())
        );
        let told_flaky = told(&Facts { flaky_result: FlakyResult::Fail, ..facts(&passing) });
        assert_eq!((told_flaky.1, told_flaky.2), (Verdict::Fail, vec![100]));
        let quarantined = told(&Facts { is_quarantined: &|key| key.name == "b", ..facts(&failing) });
        assert_eq!((quarantined.1, quarantined.2), (Verdict::Pass, vec![0]));
        assert_eq!(quarantined.3, "1 test passes; 1 test in quarantine does not, which fails nothing, in 1.234s");
        let both = Facts { flaky_result: FlakyResult::Fail, is_quarantined: &|key| key.name == "c", ..facts(&passing) };
        assert_eq!((told(&both).1, told(&both).2), (Verdict::Pass, vec![0]), "quarantine beats `flaky-result`");
        let nothing = told(&facts(&[]));
        assert_eq!((nothing.1, nothing.2), (Verdict::Nothing, vec![4]));
        let allowed = told(&Facts { no_tests: NoTests::Pass, ..facts(&[]) });
        assert_eq!((allowed.1, allowed.2), (Verdict::Nothing, vec![0]));
        let empty = told(&Facts { shard: "3/4".parse().ok(), ..facts(&[]) });
        assert_eq!((empty.1, empty.2), (Verdict::Nothing, vec![0]));
        assert_eq!(empty.3, "shard 3/4 has no test: the others have them all");
    }

    #[test]
    fn tests_that_vanished_shut_the_gate_only_where_that_is_asked() {
        let (green, gone) = ([case("a", Outcome::Passed)], [Arc::clone(&case("gone", Outcome::Passed).key)]);
        let shown = Facts { vanished: &gone, ..facts(&green) };
        assert_eq!((told(&shown).1, told(&shown).2), (Verdict::Pass, vec![0]));
        let asked = told(&Facts { fails_on_vanished: true, ..shown });
        assert_eq!((asked.1, asked.2), (Verdict::Fail, vec![100]));
        assert_eq!(asked.3, "1 test of the full run before vanished: app/app::gone");
        let unknown = Facts { knows_before: false, ..facts(&green) };
        assert_eq!((told(&unknown).1, told(&unknown).2), (Verdict::Pass, vec![0]));
        let asked = told(&Facts { fails_on_vanished: true, ..unknown });
        assert_eq!((asked.0, asked.1, asked.2), (RunState::Executed, Verdict::ToolError, vec![70]));
    }

    #[test]
    fn a_suite_that_did_not_execute_is_never_green() {
        let error = |deferred| ToolError { why: "the disk is full".to_owned(), tries: 3, of: 3, deferred };
        let green = [case("a", Outcome::Passed)];
        let spent = told(&Facts { tool_error: Some(&error(false)), ..facts(&green) });
        assert_eq!((spent.0, spent.1, spent.2), (RunState::ToolError, Verdict::ToolError, vec![22]));
        assert!(spent.3.contains("not a code fault"));
        let deferred = told(&Facts { tool_error: Some(&error(true)), ..facts(&[]) });
        assert_eq!((deferred.0, deferred.1, deferred.2), (RunState::Deferred, Verdict::Deferred, vec![75]));
        let red = [case("a", Outcome::Failed)];
        let both = told(&Facts { tool_error: Some(&error(false)), ..facts(&red) });
        assert_eq!((both.1, both.2), (Verdict::Fail, vec![100, 22]));
    }

    #[test]
    fn an_interrupt_beats_failures_and_names_what_is_left() {
        let stop = Stop::Interrupted(Interrupt { signal: "SIGINT", urgency: Urgency::Graceful });
        let red = [case("a", Outcome::Failed)];
        let told = told(&Facts { stop: Some(&stop), not_run: 2, ..facts(&red) });
        assert_eq!((told.0, told.2), (RunState::Interrupted, vec![130, 100]));
        assert_eq!(told.3, "SIGINT came before the end, 2 tests not run");
    }

    #[test]
    fn a_run_that_left_tests_out_is_no_pass() {
        let green = [case("a", Outcome::Passed)];
        assert_eq!(told(&Facts { not_run: 1, ..facts(&green) }).2, [70]);
        let quarantined = [case("b", Outcome::Failed)];
        let stopped = Facts { stop: Some(&Stop::Failures), is_quarantined: &|_| true, ..facts(&quarantined) };
        assert_eq!(told(&stopped).2, [70]);
    }

    #[test]
    fn what_speaks_against_a_run_elsewhere_is_joined_to_what_its_tests_say() {
        let missing = [(ExitCode::NeverExecuted, Reason::new("shard-missing", "shard 2/2 left nothing"))];
        let (green, red) = ([case("a", Outcome::Passed)], [case("a", Outcome::Failed)]);
        let alone = told(&Facts { elsewhere: &missing, not_run: 1, ..facts(&green) });
        assert_eq!((alone.0, alone.1, alone.2), (RunState::ToolError, Verdict::ToolError, vec![22]));
        assert_eq!(alone.3, "shard 2/2 left nothing");
        let both = told(&Facts { elsewhere: &missing, ..facts(&red) });
        assert_eq!((both.0, both.1, both.2), (RunState::ToolError, Verdict::Fail, vec![100, 22]));
    }

    #[test]
    fn a_build_that_failed_says_so() {
        let told = told(&Facts { build: Some(&build::Failure::Code), ..facts(&[]) });
        assert_eq!((told.0, told.1, told.2), (RunState::BuildFailed, Verdict::Fail, vec![101]));
    }
}
