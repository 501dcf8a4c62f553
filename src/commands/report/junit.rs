//! One run as JUnit XML, as `cargo gate test --junit` would have written it.

use crate::commands::complain;
use crate::commands::place::store_code;
use crate::commands::remembered::Remembered;
use crate::exit_code::ExitCode;
use crate::history::store::{Page, RunFilter, StoreError, StoredRun};
use crate::model::{Judgement, RunRecord, Verdict};
use crate::report::junit;

/// The document of the run that is asked for. What goes wrong has been said by then.
pub(super) fn document(memory: &Remembered, wanted: Option<&str>) -> Result<Vec<u8>, ExitCode> {
    let Some(run) = find(memory, wanted).map_err(store_code)? else {
        complain("error", "no run of the workspace's own tests is on record: name one by --run");
        return Err(ExitCode::Usage);
    };
    let cases = memory.store.cases(&run.head.id).map_err(store_code)?;
    let mut bytes = Vec::new();
    junit::write(&mut bytes, &record_of(run), &cases).map_err(|error| {
        complain("error", &format!("the report cannot be written: {error}"));
        ExitCode::Internal
    })?;
    Ok(bytes)
}

/// The run that is asked for, or the latest of the workspace's own that came to outcomes, where there is one.
fn find(memory: &Remembered, wanted: Option<&str>) -> Result<Option<StoredRun>, StoreError> {
    match wanted {
        None => Ok(memory.store.last_executed(&memory.context)?.map(|last| last.run)),
        Some("last") => {
            let filter = RunFilter { context: Some(memory.context.clone()), ..RunFilter::default() };
            Ok(memory.store.runs(&filter, Page::first(1))?.pop())
        }
        Some(name) => memory.store.run(name).map(Some),
    }
}

/// A run that was cut off came to no verdict: nothing is what it says.
fn record_of(run: StoredRun) -> RunRecord {
    let nothing = || Judgement { verdict: Verdict::Nothing, codes: vec![ExitCode::Interrupted], reasons: Vec::new() };
    RunRecord {
        state: run.state,
        totals: run.totals,
        not_run: run.not_run,
        duration: run.duration.unwrap_or_default(),
        judgement: run.judgement.unwrap_or_else(nothing),
        plan_digest: run.plan_digest,
        coverage: run.coverage,
        head: run.head,
    }
}
