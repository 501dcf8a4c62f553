//! The memory: every run and outcome, kept.
//!
//! - [`store`]: what any store does, and the values it takes and gives;
//! - [`figures`]: counts, rates and means of runs;
//! - [`sqlite`]: the embedded store of one machine;
//! - `postgres`: the store of many machines, where it is built in;
//! - [`shared`]: a store on a server, and what is kept here of it;
//! - [`record`]: what is known of a run when it starts;
//! - [`input`]: what was tested, as one hash;
//! - [`passing`]: whether some full run passed lately;
//! - [`place`]: where the gate directory is;
//! - [`portable`]: runs as a file, for another history to take in;
//! - [`portion`]: the parts of a run that several machines ran, and how they become one run again.

mod codec;
mod columns;
mod error;
pub mod figures;
mod filter;
pub mod input;
mod intake;
pub mod passing;
pub mod place;
pub mod portable;
pub mod portion;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod record;
mod retention;
pub mod shared;
pub mod sqlite;
pub mod store;
