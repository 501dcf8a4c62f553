//! The verdict of a pipeline: a pure function of what became of its steps.

use crate::exit_code::ExitCode;
use crate::model::{Judgement, Reason, StepRecord, StepState, Verdict};
use crate::report::words;

/// A step at its end, with what it means for the whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settled {
    /// What became of it.
    pub(super) record: StepRecord,
    /// What it adds to the codes of the whole where it failed, most pressing first.
    pub(super) codes: Vec<ExitCode>,
    /// What its own judge says, where it has one: the engine says more than that a step failed.
    pub(super) reasons: Vec<Reason>,
}

impl Settled {
    /// A step that never began.
    pub(super) fn not_begun(record: StepRecord) -> Self {
        Self { record, ..Self::default() }
    }

    /// Does it fail the whole?
    fn fails(&self) -> bool {
        matches!(self.record.state, StepState::Failed | StepState::ToolError)
    }

    /// What is said of it where it fails the whole.
    fn grounds(&self) -> Vec<Reason> {
        let own = if self.record.state == StepState::ToolError { "step-not-executed" } else { "step-failed" };
        // Its judge's other reasons are told where it is told: the first says why.
        let (id, why) = match self.reasons.first() {
            Some(Reason { id, text }) => (id.as_str(), text),
            None => (own, &self.record.why),
        };
        vec![Reason::new(id, format!("{}: {why}", self.record.name))]
    }
}

/// Judges. `interrupted`: the signal that came, where one did. `left_out`: why no step ran, where none was to.
pub(super) fn judge(steps: &[Settled], interrupted: Option<&str>, left_out: Option<&str>) -> Judgement {
    if let Some(why) = left_out {
        let reasons = vec![Reason::new("no-change", why)];
        return Judgement { verdict: Verdict::Nothing, codes: vec![ExitCode::Pass], reasons };
    }
    let mut grounds: Vec<(ExitCode, Vec<Reason>)> = Vec::new();
    if let Some(signal) = interrupted {
        let left = steps.iter().filter(|step| step.record.state == StepState::NotRun).count();
        let left = if left == 0 { String::new() } else { format!("; {} did not run", count(left)) };
        let text = format!("{signal} came before the end{left}");
        grounds.push((ExitCode::Interrupted, vec![Reason::new("interrupted", text)]));
    }
    let failed = steps.iter().filter(|step| step.fails());
    grounds.extend(failed.clone().map(|step| {
        let code = step.codes.iter().copied().min().unwrap_or(ExitCode::StepFailed);
        (code, step.grounds())
    }));
    // A gate is never green by what did not run, even where nobody says why it did not.
    if grounds.is_empty()
        && let Some(step) = steps.iter().find(|step| step.record.state == StepState::NotRun)
    {
        let text = format!("{} did not run, though nothing failed before it: {}", step.record.name, step.record.why);
        grounds.push((ExitCode::Internal, vec![Reason::new("not-run", text)]));
    }
    // The most pressing first; of equals the one that stands first in the plan.
    grounds.sort_by_key(|(code, _)| *code);
    let mut codes: Vec<ExitCode> = grounds.iter().map(|(code, _)| *code).collect();
    codes.extend(failed.flat_map(|step| step.codes.iter().copied()));
    codes.retain(|code| *code != ExitCode::Pass);
    codes.sort_unstable();
    codes.dedup();
    let mut reasons: Vec<Reason> = grounds.into_iter().flat_map(|(_, reasons)| reasons).collect();
    let verdict = match codes.first() {
        None => Verdict::Pass,
        Some(ExitCode::NeverExecuted) => Verdict::ToolError,
        Some(ExitCode::Deferred) => Verdict::Deferred,
        Some(_) => Verdict::Fail,
    };
    if codes.is_empty() {
        codes.push(ExitCode::Pass);
        reasons.push(passed(steps));
    }
    let has_run = steps.iter().any(|step| step.record.state.is_executed());
    let verdict = if verdict == Verdict::Pass && !has_run { Verdict::Nothing } else { verdict };
    reasons.extend(warned(steps));
    Judgement { verdict, codes, reasons }
}

fn passed(steps: &[Settled]) -> Reason {
    let of = |state| steps.iter().filter(|step| step.record.state == state).count();
    let executed = steps.iter().filter(|step| step.record.state.is_executed()).count();
    if executed == 0 {
        return Reason::new("nothing-ran", "no step is left to run");
    }
    let cached = match of(StepState::Cached) {
        0 => String::new(),
        cached if cached == executed => ", known from before: nothing changed since".to_owned(),
        cached => format!(", {cached} of them known from before"),
    };
    let soft = of(StepState::Warned) + of(StepState::Ignored);
    let text = match (executed, soft) {
        (1, 0) => format!("the one step passes{cached}"),
        (_, 0) => format!("all {} pass{cached}", count(executed)),
        (_, soft) => format!("no step fails that must pass, {} of {executed} failed{cached}", count(soft)),
    };
    Reason::new("passed", text)
}

/// Reasons of the gate's own judges that say how little a pass of theirs is worth.
const SOFT: [&str; 2] = ["no-measurement", "soft-environment"];

/// What was only warned of, and what passed for want of something, must be seen in every output.
fn warned(steps: &[Settled]) -> Vec<Reason> {
    let mut warned: Vec<Reason> = Vec::new();
    for Settled { record, reasons, .. } in steps {
        let name = &record.name;
        match record.state {
            StepState::Warned => {
                warned.push(Reason::new("step-warned", format!("WARNING: {name}: {}", record.why)));
            }
            StepState::Passed => {
                let soft = reasons.iter().filter(|reason| SOFT.contains(&reason.id.as_str()));
                let soft = soft.map(|reason| Reason::new(&reason.id, format!("WARNING: {name}: {}", reason.text)));
                warned.extend(soft);
            }
            _ => {}
        }
    }
    warned.dedup();
    warned
}

fn count(steps: usize) -> String {
    words::count(steps as u64, "step", "steps")
}

#[cfg(test)]
mod tests {
    use super::*;
    use StepState::*;

    fn step(name: &str, state: StepState, codes: &[ExitCode]) -> Settled {
        let record = StepRecord { name: name.into(), state, why: "it exited with 1".into(), ..StepRecord::default() };
        Settled { record, codes: codes.to_vec(), reasons: Vec::new() }
    }

    fn said(steps: &[Settled], interrupted: Option<&str>) -> (Verdict, Vec<u8>, Vec<String>) {
        let judgement = judge(steps, interrupted, None);
        let codes = judgement.codes.iter().map(|code| code.number()).collect();
        (judgement.verdict, codes, judgement.reasons.into_iter().map(|reason| reason.text).collect())
    }

    #[test]
    fn the_verdict_follows_from_what_became_of_the_steps() {
        use ExitCode::*;
        #[rustfmt::skip]
        let table: &[(&[Settled], Verdict, &[u8], &str)] = &[
            (&[step("a", Passed, &[]), step("b", Cached, &[])], Verdict::Pass, &[0],
             "all 2 steps pass, 1 of them known from before"),
            (&[step("a", Cached, &[])], Verdict::Pass, &[0],
             "the one step passes, known from before: nothing changed since"),
            (&[step("a", Failed, &[StepFailed]), step("b", NotRun, &[])], Verdict::Fail, &[21], "a: it exited with 1"),
            (&[step("a", Failed, &[StepFailed]), step("b", Failed, &[TestsFailed])], Verdict::Fail, &[100, 21],
             "b: it exited with 1"),
            (&[step("a", Failed, &[])], Verdict::Fail, &[21], "a: it exited with 1"),
            (&[step("a", Failed, &[BuildFailed, CoverageFailed])], Verdict::Fail, &[101, 20], "a: it exited with 1"),
            (&[step("a", ToolError, &[Deferred])], Verdict::Deferred, &[75], "a: it exited with 1"),
            (&[step("a", ToolError, &[NeverExecuted])], Verdict::ToolError, &[22], "a: it exited with 1"),
            (&[step("a", Warned, &[StepFailed]), step("b", Passed, &[])], Verdict::Pass, &[0],
             "no step fails that must pass, 1 step of 2 failed"),
            (&[step("a", Passed, &[]), step("b", NotRun, &[])], Verdict::Fail, &[70],
             "b did not run, though nothing failed before it: it exited with 1"),
            (&[step("a", Skipped, &[])], Verdict::Nothing, &[0], "no step is left to run"),
        ];
        for (steps, verdict, codes, first) in table {
            let (got, numbers, reasons) = said(steps, None);
            assert_eq!((got, numbers.as_slice(), reasons[0].as_str()), (*verdict, *codes, *first), "{steps:?}");
        }
    }

    #[test]
    fn what_is_only_warned_of_is_said_beside_the_verdict() {
        let (verdict, _, reasons) = said(&[step("deny", Warned, &[]), step("test", Passed, &[])], None);
        assert_eq!(verdict, Verdict::Pass);
        assert_eq!(reasons[1], "WARNING: deny: it exited with 1");
    }

    #[test]
    fn r9_a_pass_for_want_of_a_measurement_is_told_in_every_output() {
        let reason = |id: &'static str| Reason::new(id, format!("told of {id}"));
        let reasons = ["passed", "no-measurement", "no-measurement", "soft-environment"].map(reason).to_vec();
        let (verdict, codes, told) = said(&[Settled { reasons, ..step("coverage", Passed, &[]) }], None);
        assert_eq!((verdict, codes), (Verdict::Pass, vec![0]));
        let warnings = ["WARNING: coverage: told of no-measurement", "WARNING: coverage: told of soft-environment"];
        assert_eq!(told[1..], warnings);
    }

    #[test]
    fn an_interrupt_is_more_pressing_than_what_failed_before() {
        let steps = [step("a", Failed, &[ExitCode::StepFailed]), step("b", NotRun, &[])];
        let (verdict, codes, reasons) = said(&steps, Some("SIGINT"));
        assert_eq!((verdict, codes), (Verdict::Fail, vec![130, 21]));
        assert_eq!(reasons[0], "SIGINT came before the end; 1 step did not run");
    }

    #[test]
    fn a_change_list_of_which_nothing_matches_passes_and_says_so() {
        // R23
        let judgement = judge(&[], None, Some("no changed file matches src/**"));
        assert_eq!((judgement.verdict, judgement.exit_code()), (Verdict::Nothing, ExitCode::Pass));
        assert_eq!(judgement.sentence(), "no changed file matches src/**");
    }
}
