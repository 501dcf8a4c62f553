//! The rim: the only place that touches the operating system beyond reading and writing named files.

pub mod digest;
pub mod fs;
pub mod git;
pub mod host;
pub mod process;
pub mod random;
pub mod signals;
pub mod term;
pub mod trouble;
pub mod viewer;
pub mod worktree;
