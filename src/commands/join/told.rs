//! Tells of the run that shards make, as a run is told, with a table of the shards.

use std::io::{self, Write};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::Joining;
use super::record::Standing;
use crate::cli::CoverageArgs;
use crate::commands::coverage::Joined;
use crate::commands::place::color_choice;
use crate::commands::test::{ARTIFACT, Ended, Wanted, markdown, write_artifact, write_asked};
use crate::commands::{complain, github, notify};
use crate::event::{Event, Fact, Observer};
use crate::history::portion::part::{End, Left};
use crate::model::{Severity, Shard, millis};
use crate::report::github::{CoverageFindings, Findings, TestFindings};
use crate::report::markdown::Smoke;
use crate::report::shards::{self, ShardLine, ShardState};
use crate::report::{Look, Terminal, TestDocument, Verbosity};
use crate::sys::fs::replace;
use crate::sys::signals::Signals;
use crate::sys::term::{Output, Surroundings};

/// The document of `cargo gate join --format json`.
#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    tests: TestDocument,
    /// What the shards cover together, where they measured it.
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<serde_json::Value>,
}

impl Joining<'_> {
    /// Tells people and machines.
    pub(super) fn tell(
        &self,
        ended: &Ended<'_>,
        tests: TestDocument,
        covered: Option<&Joined>,
        asked: &CoverageArgs,
        standing: Standing,
    ) {
        let tests = TestDocument { shards: ended.shards.to_vec(), ..tests };
        let document = Document { tests, coverage: covered.map(Joined::document) };
        self.show(ended);
        let (format, junit, report) =
            (self.args.common.format, self.args.junit.as_deref(), self.args.report.as_deref());
        let gate_dir = Some(self.place.gate_dir.as_path()).filter(|_| !self.args.no_record);
        let mut wrong = match covered {
            Some(covered) => covered.tell(asked, ended, gate_dir),
            None => gate_dir.and_then(|_| self.outdate_coverage(ended.record)).into_iter().collect(),
        };
        wrong.extend(write_asked(&Wanted { junit, report, format }, ended, Some(&document)));
        wrong.extend(self.write_artifact(ended, standing));
        let root = &self.place.workspace.root;
        let signals = Signals::listen();
        let json = || notify::bytes(&document);
        wrong.extend(notify::tell(&self.place.settings().notify, ended.happened, root, &signals, json));
        wrong.extend(self.tell_github(ended, covered));
        wrong.iter().for_each(|text| complain("warning", text));
    }

    /// Tells GitHub what the shards came to together, where it is spoken to. Gives what went wrong.
    fn tell_github(&self, ended: &Ended<'_>, covered: Option<&Joined>) -> Option<String> {
        if !github::is_spoken_to(self.place.settings()) {
            return None;
        }
        let (judgement, insights) = (&ended.record.judgement, ended.insights);
        let cases = github::weighed(ended.cases, judgement, insights, Severity::Block);
        let vanished = github::weight_of("vanished", judgement);
        let (totals, not_run) = (ended.record.totals, ended.record.not_run);
        let findings = Findings {
            title: "Tests",
            judgement,
            duration: Some(ended.record.duration),
            tests: Some(TestFindings { totals, not_run, cases: &cases, insights, vanished }),
            coverage: covered.map(|of| CoverageFindings { report: of.report(), severity: Severity::Block }),
            pipeline: None,
            shards: ended.shards,
        };
        github::tell(&findings, Some(&self.place.workspace), None)
    }

    /// The reports in the gate directory. Gives what went wrong.
    fn write_artifact(&self, ended: &Ended<'_>, standing: Standing) -> Option<String> {
        if self.args.no_record {
            return None;
        }
        let text = markdown(ended, Smoke::Skipped);
        let gate_dir = &self.place.gate_dir;
        let written = match standing {
            Standing::Counts => write_artifact(gate_dir, ended.record, &text, false),
            Standing::IsNoRun => replace(gate_dir.join(ARTIFACT).as_std_path(), text.as_bytes()),
        };
        written.err().map(|error| format!("cannot write the report: {error}"))
    }

    /// Shows people what speaks against the run, its shards, and its end.
    fn show(&self, ended: &Ended<'_>) {
        let look = self.look();
        // One of them may be the sentence at the end.
        let sentence = ended.record.judgement.sentence();
        for (_, reason) in self.checked.grounds.iter().filter(|(_, reason)| reason.text != sentence) {
            complain("error", &reason.text);
        }
        self.checked.notes.iter().for_each(|reason| complain("note", &reason.text));
        if look.verbosity > Verbosity::Quiet {
            // Whoever closed the pipe has read enough.
            let _ = io::stderr().lock().write_all(shards::page(ended.shards, look).as_bytes());
        }
        let mut terminal = Terminal::new(io::stderr(), look).with_insights(|_, _| ended.insights.clone());
        let (record, cases) = (Arc::new(ended.record.clone()), self.whole.cases.clone().into());
        terminal.observe(&Event { at: Timestamp::now(), fact: Fact::RunFinished { record, cases } });
    }

    fn look(&self) -> Look {
        let surroundings = Surroundings::read();
        let choice = color_choice(self.args.common.place.color.as_deref());
        Look {
            color: surroundings.color(choice, Output::Stderr),
            verbosity: if self.args.quiet { Verbosity::Quiet } else { Verbosity::Normal },
            progress: false,
            columns: surroundings.columns(),
            github: github::is_spoken_to(self.place.settings()),
        }
    }

    /// What became of each shard.
    pub(super) fn lines(&self) -> Vec<ShardLine> {
        self.checked.shards.iter().map(|shard| self.line(*shard)).collect()
    }

    fn line(&self, shard: Shard) -> ShardLine {
        let Some(Left { part, run, .. }) = self.counted.iter().find(|left| left.part.shard == shard) else {
            return ShardLine::missing(shard);
        };
        let state = match part.end {
            End::Begun => ShardState::Unfinished,
            End::Ended(_) => ShardState::Ended,
            End::Refused(..) => ShardState::Refused,
        };
        let outcomes = run.iter().flat_map(|run| &run.cases).map(|case| case.outcome);
        ShardLine {
            shard,
            state,
            run_id: Some(part.head.id.to_string()),
            host: Some(part.head.host.clone()),
            verdict: run.as_ref().map(|run| run.record.verdict()),
            tests: outcomes.clone().count() as u64,
            failed: outcomes.filter(|outcome| outcome.is_failure()).count() as u64,
            duration_ms: run.as_ref().map(|run| millis(run.record.duration)),
        }
    }
}
