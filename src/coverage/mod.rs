//! Coverage: what was measured, and what to think of it.
//!
//! - [`lines`], [`map`]: how often each line ran; the figures of files, how they were counted, and their sums;
//! - [`llvm_json`], [`lcov`], [`source`]: the formats that is read from, and files of them;
//! - [`directory`], [`measure`]: where instrumented builds lie, and how cargo-llvm-cov is called;
//! - [`circumstances`]: how a measurement came about;
//! - [`test_code`], [`exempt`]: what is left out, and why;
//! - [`baseline`], [`ratchet`], [`ratchet_file`]: figures to compare against, what may change them, where they are kept;
//! - [`subjects`], [`verdict`]: whose figures are judged, and the judge;
//! - [`diff`], [`patch`]: the lines of a change, and which of them ran.

pub mod baseline;
pub mod circumstances;
pub mod diff;
pub mod directory;
pub mod exempt;
pub mod lcov;
pub mod lines;
pub mod llvm_json;
pub mod map;
pub mod measure;
pub mod patch;
pub mod ratchet;
pub mod ratchet_file;
mod ratchet_text;
mod sentences;
pub mod source;
pub mod subjects;
pub mod test_code;
pub mod verdict;

pub use lines::LineHits;
pub use map::{Counting, CoverageMap, Figures, FileCoverage};
