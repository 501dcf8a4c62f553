//! Coverage: what was measured, and what to think of it. Nothing here starts a measurer.
//!
//! - [`lines`], [`map`]: how often each line ran; the figures of files, and their sums;
//! - [`llvm_json`], [`lcov`], [`source`]: the formats it is read from, and files of them;

pub mod baseline;
pub mod diff;
pub mod exempt;
pub mod lcov;
pub mod lines;
pub mod llvm_json;
pub mod map;
pub mod patch;
pub mod ratchet;
pub mod ratchet_file;
mod ratchet_text;
mod sentences;
pub mod source;
pub mod test_code;
pub mod verdict;

pub use lines::LineHits;
pub use map::{Counting, CoverageMap, Figures, FileCoverage};
