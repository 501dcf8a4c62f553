//! What cargo knows: the workspace, the build, and how each test binary is to be launched.
//!
//! One `cargo test` builds everything and "runs" it: the runner it is given for each target is this executable, which
//! notes down working directory, arguments and environment of each binary and leaves with 0 ([`launch`]). rustdoc is
//! replaced the same way. What cargo would have run, exactly as it would have, is then ours to run.

pub mod archive;
pub mod build;
pub mod compose;
mod fault;
pub mod harness;
pub mod launch;
pub mod outputs;
pub mod recall;
pub mod tools;
pub mod user_config;
pub mod workspace;
