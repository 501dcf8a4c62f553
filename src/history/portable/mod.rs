//! Our own portable format: runs with their cases, as one file that another history takes in.
//!
//! JSON lines in gzip. gzip because everybody's tools read it, and because flate2 with zlib-rs is two small crates of
//! pure Rust, where zstd brings a C library; long repeated names are what either is good at. The same runs give the
//! same bytes. A file that is not compressed is read as well.
//!
//! ```text
//! {"format":"cargo-gate-history","version":1,"written_by":"cargo-gate 0.1.0"}
//! {"run":{"id":"20260131T235959123Z-1a2b3c4d","start":"2026-01-31T23:59:59.123Z",…}}
//! {"cases":{"package":"app","kind":"test","binary":"db","hash":"…","tests":[{"name":"a","outcome":"passed","us":1200}]}}
//! {"end":{"runs":1,"cases":1}}
//! ```
//!
//! Runs come in order of their names and the cases of a run in order of their keys, each once; so what comes twice
//! shows without remembering all that came before, and neither side ever holds more than one run. The last line
//! counts what was written: a file that was cut off is never taken for a whole one.
//!
//! What is written here is read strictly. A later version of the format is refused, fields that are not known are
//! passed over, and anything else that is not as it should be is an error with its line.
//!
//! - [`write`]: a run, and the whole;
//! - [`read`]: what turns bytes from anywhere into runs, for whoever takes them in;
//! - `lines`: what the lines look like.

mod coverage_line;
mod lines;
mod name;
mod read;
mod write;

pub(in crate::history) use name::run_name;
pub use read::{ReadError, Runs, read};
pub use write::{Writer, Written};
