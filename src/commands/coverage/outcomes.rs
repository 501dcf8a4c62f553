//! What the outcomes of tests say of what they cover.

use std::sync::Arc;

use crate::coverage::circumstances::Circumstances;
use crate::exit_code::ExitCode;
use crate::model::{AttemptOutcome, CaseRecord, Ending, Judgement};

/// What the outcomes say of a figure, and nothing else yet.
pub(super) fn of_outcomes(cases: &[Arc<CaseRecord>], judgement: &Judgement) -> Circumstances {
    let has_failed = judgement.codes.contains(&ExitCode::TestsFailed);
    let failures = cases.iter().filter(|case| case.outcome.is_failure()).count().max(1) as u64;
    Circumstances {
        failed_tests: if has_failed { failures } else { 0 },
        lost: cases.iter().filter(|case| is_lost(case)).map(|case| case.key.to_string()).collect(),
        ..Circumstances::default()
    }
}

/// Did a process of this test end without leaving a profile?
pub(super) fn is_lost(case: &Arc<CaseRecord>) -> bool {
    case.attempts.iter().any(|attempt| {
        attempt.outcome == AttemptOutcome::Timeout
            || (attempt.outcome == AttemptOutcome::Error && matches!(attempt.ending, Some(Ending::Signaled(_))))
    })
}
