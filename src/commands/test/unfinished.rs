//! What of a plan has no outcome, and why.

use std::collections::HashSet;
use std::sync::Arc;

use crate::model::{BinaryId, CaseRecord, Outcome, TestKey, some_of};
use crate::plan::Plan;
use crate::runner::engine::Stop;

/// Why a suite could not be executed whole, in a sentence; none where a test's failure says more.
pub(super) fn not_executed(stop: Option<&Stop>, unstarted: &[(BinaryId, String)], has_failed: bool) -> Option<String> {
    if matches!(stop, Some(Stop::Interrupted(_) | Stop::Failures)) {
        return None;
    }
    match (stop, unstarted.first()) {
        (Some(Stop::RunTimeout(_)), _) if has_failed => None,
        (Some(Stop::RunTimeout(in_flight)), _) => {
            let names = some_of(in_flight.iter(), 3);
            Some(format!("the run ran into its own limit with {names} in flight"))
        }
        (_, Some((binary, why))) => {
            let more = unstarted.len() - 1;
            let more = if more > 0 { format!(" (and {more} more binaries)") } else { String::new() };
            Some(format!("{binary} cannot be started: {why}{more}"))
        }
        _ => None,
    }
}

/// Leaves only what has no outcome yet.
pub(super) fn without_outcome(plan: &mut Plan, cases: &[Arc<CaseRecord>], finished_units: &HashSet<BinaryId>) {
    let done: HashSet<&TestKey> = cases.iter().map(|case| &*case.key).collect();
    for binary in &mut plan.binaries {
        binary.tests.retain(|test| !done.contains(&*test.key));
    }
    plan.binaries.retain(|binary| match binary.harness.gives_list() {
        true => !binary.tests.is_empty(),
        false => !finished_units.contains(&binary.id),
    });
}

/// The binaries without a list that did not come to their end; one that ran into its own limit did.
pub(super) fn units_cut_short(plan: &Plan, cases: &[Arc<CaseRecord>], ended: &HashSet<BinaryId>) -> Vec<BinaryId> {
    let timed_out: HashSet<&BinaryId> =
        cases.iter().filter(|case| case.outcome == Outcome::Timeout).map(|case| &case.key.binary).collect();
    let units = plan.binaries.iter().filter(|binary| !binary.harness.gives_list()).map(|binary| &binary.id);
    units.filter(|unit| !ended.contains(unit) && !timed_out.contains(unit)).cloned().collect()
}
