//! What each machine of a matrix leaves behind of its part of a run, and how the parts become one run again.
//!
//! A shard's folder holds `shard.json`, which says what the part was and how far it came, `run.ndjson.gz`, the run with
//! its cases in the [`portable`](super::portable) format, and `coverage.info`, where that was measured. `shard.json` is
//! there from the start, as `begun`, and replaced last, by one that names the other two by their content: a machine that
//! was killed leaves a folder that says that it never ended, and files of two attempts never pass for one.
//!
//! What is read may come from anywhere: it is read strictly, within limits, and no path in it is used.
//!
//! - [`part`]: what is known of a part;
//! - [`folder`]: how it is written;
//! - [`read`]: how folders are found and read;
//! - [`check`]: whether parts belong together, and what speaks against it;
//! - [`whole`]: the parts as one run.

pub mod check;
pub mod folder;
#[cfg(test)]
mod made;
mod note;
pub mod part;
pub mod read;
pub mod whole;
