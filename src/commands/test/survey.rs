//! What would run, and how long it should take: built and planned, with nothing run and nothing recorded.

use std::sync::Arc;

use super::Refused;
use super::ask::Asked;
use super::history::{self, Memory, Opening};
use super::judge::ground_of_build;
use super::outputs::{self, Observers};
use super::session::Session;
use crate::cargo::build::{Built, Failure};
use crate::cli::TestArgs;
use crate::exit_code::ExitCode;
use crate::plan::Plan;
use crate::plan::list::Remembered;
use crate::report::Terminal;

/// Builds, lists, and plans with what history expects of each test. Gives what was built as well.
pub(in crate::commands) fn survey(args: &TestArgs, asked: &Arc<Asked>) -> Result<(Built, Plan), Refused> {
    let signals = asked.stage.listen();
    let session = Session::new(args, asked, &signals, false)?;
    let memory = history::open(Opening {
        asked: Arc::clone(asked),
        begin: None,
        context: session.context.clone(),
        wants_failing: false,
        wants_full: false,
        is_needed: false,
    });
    let terminal = Terminal::new(std::io::stderr(), outputs::look(args, &session.surroundings, false));
    let mut observers = Observers::new([Box::new(terminal) as Box<_>]);
    let (built, tries) = session.with_retries(&mut observers, |observers| session.build(None, observers));
    drop(observers);
    let built = built.map_err(|failure| refused(&failure, tries))?;
    let memory = memory.waited_for();
    memory.warnings.iter().for_each(|warning| asked.stage.complain("warning", warning));
    let lists = asked.ground()?.gate_dir.join("lists.json");
    let mut remembered = Remembered::load(lists.as_std_path());
    let (mut plan, _) = session.plan(&built, &memory, &mut remembered, false)?;
    if let Some(interrupt) = signals.interrupt() {
        let why = format!("{} came while the tests were listed", interrupt.signal);
        return Err(Refused::new(ExitCode::Interrupted, why));
    }
    expect_of_units(&mut plan, &memory);
    if let (Some(launches), Some(file)) = (&built.to_keep, session.kept_launches()) {
        // Whoever cannot keep what was learnt learns it again.
        let _ = launches.save(&file);
    }
    let _ = remembered.save(lists.as_std_path());
    Ok((built, plan))
}

/// Where no binary without a list ran here, what other machines recorded of its tests says how long it takes.
fn expect_of_units(plan: &mut Plan, memory: &Memory) {
    let unknown = plan.binaries.iter_mut().filter(|of| !of.harness.gives_list() && of.unit_expected.is_none());
    for unit in unknown {
        let of_unit = memory.summaries.iter().filter(|(key, _)| key.binary == unit.id);
        let times = of_unit.filter_map(|(_, summary)| summary.recent());
        unit.unit_expected = times.reduce(std::time::Duration::saturating_add);
    }
}

fn refused(failure: &Failure, tries: u32) -> Refused {
    match (ground_of_build(failure), failure) {
        (Some((_, code, reason)), _) => Refused::new(code, reason.text),
        (None, Failure::Tool(why)) => {
            let times = crate::report::words::count(tries.into(), "try", "tries");
            Refused::new(ExitCode::NeverExecuted, format!("{why} ({times}; this is no fault of the code)"))
        }
        (None, _) => Refused::new(ExitCode::Internal, "the build failed, and nobody said why"),
    }
}
