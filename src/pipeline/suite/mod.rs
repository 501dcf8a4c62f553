//! Suites that are not Rust: found, run, and judged by what they write.
//!
//! [`discover`] says which suites a configured one stands for, [`plan`] what is run for each and where its results
//! will be, [`judge`] what it came to. Running it and reading its results is left to who may use both.

mod discover;
mod judge;
mod launch;
mod listed;

pub use discover::{DiscoverError, Found, discover};
pub use judge::{Ended, Judged, Told, Unstarted, judge};
pub use launch::{NodeVersion, Planned, Source, Writes, file_stem, plan};
