//! The words of the tool, as values without behaviour that touches the world.
//!
//! Selection → Plan → Attempt → Outcome → RunRecord → Verdict → [`ExitCode`](crate::exit_code::ExitCode).

mod case;
mod coverage;
mod document;
mod key;
mod naming;
mod pattern;
mod policy;
mod quantity;
mod run;
mod shard;
mod step;
mod verdict;

pub use case::{Attempt, AttemptOutcome, CaseRecord, Ending, Outcome, Totals};
pub use coverage::CoverageFigures;
pub use document::schema_version;
pub use key::{BinaryId, Kind, ParseKeyError, TestKey};
pub use naming::{some_of, thousands};
pub use pattern::{KeyPattern, PackagePatterns, PathPatterns, PatternError};
pub(crate) use policy::words;
pub use policy::{
    Annotations, Backoff, Compat, CoveragePolicy, FlakyResult, InfraMode, Isolation, Metric, NoTests, OnToolError,
    RatchetScope, RetryPolicy, Severity, TestPolicy, Word,
};
pub use quantity::{ParseQuantityError, millis, parse_duration, parse_size, write_duration, write_size};
pub use run::{ContentHash, Context, PIPELINE_SUITE, RunHead, RunId, RunRecord, RunState, WORKSPACE_SUITE};
pub use shard::{ParseShardError, Shard};
pub use step::{Isolate, ResultFormat, Runner, StepKind, StepRecord, StepState};
pub use verdict::{Judgement, Reason, Verdict};

pub use crate::ratio::Percent;
