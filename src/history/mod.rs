//! The memory: every run and outcome, kept.
//!
//! - [`store`]: what any store does, and the values it takes and gives;
//! - [`figures`]: counts, rates and means of runs;
//! - [`sqlite`]: the embedded store of one machine;
//! - [`shared`]: a store on a server, and what is kept here of it;
//! - [`record`]: what is known of a run when it starts;
//! - [`input`]: what was tested, as one hash;
//! - [`passing`]: whether some full run passed lately;
//! - [`place`]: where the gate directory is;
//! - [`portable`]: runs as a file, for another history to take in.

mod codec;
mod error;
pub mod figures;
pub mod input;
pub mod passing;
pub mod place;
pub mod portable;
pub mod record;
pub mod shared;
pub mod sqlite;
pub mod store;

use sqlite::chunk;
