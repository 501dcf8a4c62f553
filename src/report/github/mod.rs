//! GitHub Actions: what stands beside the change, in the step's summary, and folded in its log.
//!
//! [`Findings`] are all that a command came to, as plain values; [`annotate`] says them as workflow commands, [`summary`]
//! as Markdown. [`Sources`] knows which file of the repository the text of a failure means.

mod annotations;
mod cases;
mod coverage;
mod escape;
mod findings;
mod groups;
mod place;
mod sources;
mod steps;
mod summary;

pub use findings::{CoverageFindings, Findings, TestFindings, Weighed, annotate};
pub(super) use groups::folded;
pub use sources::{Place, Sources};
pub use summary::{MOST_BYTES, summary};
