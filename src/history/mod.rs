//! The memory: every run and outcome, kept.
//!
//! - [`store`]: what any store does, and the values it takes and gives;
//! - [`sqlite`]: the embedded store of one machine;
//! - [`record`]: what is known of a run when it starts;
//! - [`input`]: what was tested, as one hash;
//! - [`place`]: where the gate directory is.

mod codec;
pub mod input;
pub mod place;
pub mod record;
pub mod sqlite;
pub mod store;
