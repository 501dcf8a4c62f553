//! As often as is asked for: one run, or several until one says enough.

use std::sync::Arc;

use super::ask::Asked;
use super::measuring::Measuring;
use super::session::{CameTo, Session};
use super::{Refused, outputs};
use crate::cli::TestArgs;
use crate::commands::complain;
use crate::exit_code::ExitCode;
use crate::model::Verdict;

/// Runs what was asked, as often as was asked; the exit code is the most pressing of all.
pub(in crate::commands) fn run(
    args: &TestArgs,
    asked: &Arc<Asked>,
    measuring: &mut dyn Measuring,
) -> Result<ExitCode, Refused> {
    let signals = asked.stage.listen();
    let times = match (args.repeat, args.until_fail) {
        (Some(times), _) => times,
        (None, true) => usize::MAX,
        (None, false) => 1,
    };
    let mut codes = Vec::new();
    // GitHub shows so little of a step that it is told of one round.
    let mut decisive: Option<CameTo> = None;
    let mut refused: Option<Refused> = None;
    for round in 1..=times {
        if times > 1 && !args.build.flags.quiet {
            let of = if times == usize::MAX { String::new() } else { format!(" of {times}") };
            complain("note", &format!("round {round}{of}"));
        }
        let is_instrumented = measuring.is_instrumented();
        let session = Session::new(args, asked, &signals, is_instrumented);
        let came_to = match session.and_then(|session| session.run(measuring, Vec::new())) {
            Ok(came_to) => came_to,
            Err(why_not) => {
                codes.push(why_not.code);
                refused = Some(why_not);
                break;
            }
        };
        let judgement = &came_to.judgement;
        let (code, is_nothing) = (judgement.exit_code(), judgement.verdict == Verdict::Nothing);
        codes.push(code);
        let before = decisive.as_ref().map(|came_to| came_to.judgement.exit_code());
        if before.is_none_or(|before| before != code && ExitCode::most_pressing([before, code]) == code) {
            decisive = Some(came_to);
        }
        let goes_on = (code == ExitCode::Pass && !is_nothing) || (code == ExitCode::TestsFailed && !args.until_fail);
        if !goes_on {
            break;
        }
    }
    let wrong = decisive.and_then(|came_to| outputs::tell_github(asked, &came_to));
    wrong.iter().for_each(|text| complain("warning", text));
    let code = ExitCode::most_pressing(codes);
    refused.map_or(Ok(code), |refused| Err(Refused { code, ..refused }))
}
