//! stub
use crate::cli::ExplainArgs;
use crate::exit_code::ExitCode;
pub(super) fn run(_: &ExplainArgs) -> ExitCode { ExitCode::Pass }
