//! What a step depended on when it passed, kept so that it need not run again where nothing of that changed.
//!
//! [`Survey`] sees the files of a workspace as hashes, [`parts_of`] puts together all that a step depends on, and
//! [`StepCache`] compares it with what is on record. Whatever cannot be established for certain is a miss that says so:
//! a step that runs once too often costs time, one that does not run where it should makes a false green.

mod beside;
mod entries;
mod gather;
mod parts;
mod programs;
mod remembered;
mod survey;

pub use entries::{Kept, Pass, StepCache};
pub use gather::{Setting, parts_of};
pub use parts::{Lookup, Parts};
pub use survey::{Busy, Seen, Survey};
