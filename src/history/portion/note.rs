//! What `shard.json` looks like, and how it stands for a part.
//!
//! These types are the format: they are apart from the model's, so that a new name there changes no file.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::part::{Contents, End, MeasuredPart, Part};
use crate::exit_code::ExitCode;
use crate::history::portable::run_name;
use crate::model::{ContentHash, Context, RunHead, Shard, WORKSPACE_SUITE};
use crate::plan::portion::Portion;

/// The version that is written, and the only one that is read.
pub(super) const VERSION: u32 = 1;

/// The most names of one part.
const MOST_NAMES: usize = 1_000_000;

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    schema_version: u32,
    state: State,
    shard: Shard,
    plan_digest: Option<ContentHash>,
    cut_digest: Option<ContentHash>,
    run_id: String,
    start: Timestamp,
    target: String,
    features: String,
    profile: String,
    full: bool,
    commit: Option<String>,
    branch: Option<String>,
    dirty: Option<bool>,
    input_key: Option<ContentHash>,
    instrumented: bool,
    trigger: String,
    host: String,
    toolchain: String,
    ci_link: Option<String>,
    pid: u32,
    boot_id: Option<String>,
    /// What `run.ndjson.gz` holds.
    run: Option<ContentHash>,
    measured: Option<MeasuredNote>,
    refused: Option<RefusedNote>,
    names: Vec<String>,
    not_run: Vec<String>,
}

/// How far a part came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Begun,
    Ended,
    Refused,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasuredNote {
    selected: String,
    measurer: Option<String>,
    /// What `coverage.info` holds.
    lcov: Option<ContentHash>,
    why_not: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusedNote {
    exit_code: u8,
    why: String,
}

impl Note {
    /// The note of a part, with the contents of the files beside it.
    pub(super) fn of(part: &Part, contents: Contents) -> Self {
        let Part { shard, head, portion, measured, end } = part;
        let (state, refused, not_run) = match end {
            End::Begun => (State::Begun, None, &[][..]),
            End::Ended(not_run) => (State::Ended, None, not_run.as_slice()),
            End::Refused(code, why) => {
                (State::Refused, Some(RefusedNote { exit_code: code.number(), why: why.clone() }), &[][..])
            }
        };
        let measured = measured.as_ref().map(|measured| MeasuredNote {
            selected: measured.selected.clone(),
            measurer: measured.measurer.clone(),
            lcov: contents.lcov,
            why_not: measured.why_not.clone(),
        });
        let RunHead { id, start, context, trigger, host, toolchain, .. } = head.clone();
        let RunHead { commit, branch, dirty, ci_link, input_key, instrumented, pid, boot_id, .. } = head.clone();
        Self {
            schema_version: VERSION,
            state,
            shard: *shard,
            plan_digest: portion.as_ref().map(|portion| portion.whole),
            cut_digest: portion.as_ref().map(|portion| portion.cut),
            run_id: id.to_string(),
            start,
            target: context.target,
            features: context.features,
            profile: context.profile,
            full: portion.as_ref().is_some_and(|portion| portion.is_of_full),
            commit,
            branch,
            dirty,
            input_key,
            instrumented,
            trigger,
            host,
            toolchain,
            ci_link,
            pid,
            boot_id,
            run: contents.run,
            measured,
            refused,
            names: portion.as_ref().map(|portion| portion.names.clone()).unwrap_or_default(),
            not_run: not_run.to_vec(),
        }
    }

    /// The part, if there can be such a one, with the contents of the files beside it; else what is wrong with it.
    pub(super) fn into_part(self) -> Result<(Part, Contents), String> {
        if self.names.len() > MOST_NAMES || self.not_run.len() > MOST_NAMES {
            return Err(format!("it has more than {MOST_NAMES} names"));
        }
        for (what, names) in [("names", &self.names), ("not_run", &self.not_run)] {
            if !names.is_sorted_by(|a, b| a < b) {
                return Err(format!("`{what}` are not in order, each once"));
            }
        }
        if let Some(stranger) = self.not_run.iter().find(|name| self.names.binary_search(name).is_err()) {
            return Err(format!("`{stranger}` was not run, and was none of its tests"));
        }
        if i64::try_from(self.start.as_nanosecond()).is_err() {
            return Err(format!("it started at {}, which no history holds", self.start));
        }
        let portion = match (self.plan_digest, self.cut_digest) {
            (Some(whole), Some(cut)) => {
                Some(Portion { shard: self.shard, whole, is_of_full: self.full, cut, names: self.names })
            }
            (None, None) if self.names.is_empty() && !self.full => None,
            _ => return Err("it has names and digests only in part".to_owned()),
        };
        let end = match (self.state, self.refused, self.run) {
            (State::Begun, None, None) => End::Begun,
            (State::Ended, None, Some(_)) => End::Ended(self.not_run),
            (State::Refused, Some(RefusedNote { exit_code, why }), None) => {
                let code = ExitCode::ALL.into_iter().find(|code| code.number() == exit_code);
                End::Refused(code.ok_or_else(|| format!("there is no exit code {exit_code}"))?, why)
            }
            _ => return Err("what it says of its state does not fit together".to_owned()),
        };
        let contents = Contents { run: self.run, lcov: self.measured.as_ref().and_then(|measured| measured.lcov) };
        let measured = self.measured.map(|measured| MeasuredPart {
            selected: measured.selected,
            measurer: measured.measurer,
            why_not: measured.why_not,
        });
        let head = RunHead {
            id: run_name(&self.run_id)?,
            start: self.start,
            context: Context { target: self.target, features: self.features, profile: self.profile },
            suite: WORKSPACE_SUITE.to_owned(),
            version: None,
            trigger: self.trigger,
            host: self.host,
            toolchain: self.toolchain,
            commit: self.commit,
            branch: self.branch,
            dirty: self.dirty,
            ci_link: self.ci_link,
            input_key: self.input_key,
            instrumented: self.instrumented,
            full: false,
            shard: Some(self.shard),
            pid: self.pid,
            boot_id: self.boot_id,
        };
        Ok((Part { shard: self.shard, head, portion, measured, end }, contents))
    }
}
