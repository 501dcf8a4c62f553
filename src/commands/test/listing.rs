//! `test --list`: what would run, and nothing runs.

use std::io::Write;

use super::session::Session;
use super::sharding::Ours;
use crate::cli::Format;
use crate::exit_code::ExitCode;
use crate::model::{Judgement, Verdict};
use crate::report::json::SCHEMA_VERSION;

impl Session<'_> {
    /// What would run, in its order.
    pub(super) fn list(&self, ours: &Ours) -> Judgement {
        let plan = &ours.plan;
        let mut stdout = std::io::stdout().lock();
        let mut planned: Vec<_> = plan.tests().collect();
        planned.sort_by_key(|test| (test.standing, std::cmp::Reverse(test.expected)));
        let tests: Vec<String> = planned.iter().map(|test| test.key.to_string()).collect();
        let written = match self.args.format {
            Format::Json => {
                let units = plan.binaries.iter().filter(|binary| !binary.harness.gives_list());
                let units: Vec<String> = units.map(|binary| binary.id.to_string()).collect();
                let document = serde_json::json!({
                    "schema_version": SCHEMA_VERSION, "plan_digest": ours.whole, "shard": self.args.shard, "tests": tests,
                    "without_list": units,
                });
                crate::report::json::write_line(&mut stdout, &document)
            }
            Format::Human => tests
                .iter()
                .map(|key| crate::report::inert::one_line(key))
                .chain(
                    plan.binaries
                        .iter()
                        .filter(|binary| !binary.harness.gives_list())
                        .map(|binary| format!("{} (runs as a whole)", binary.id)),
                )
                .try_for_each(|line| writeln!(stdout, "{line}")),
        };
        // A closed pipe ends quietly.
        let _ = written;
        let is_empty = !ours.whole_has_any;
        let code = if is_empty { ExitCode::NoTests } else { ExitCode::Pass };
        Judgement { verdict: Verdict::Nothing, codes: vec![code], reasons: Vec::new() }
    }
}
