//! nextest's own configuration, `.config/nextest.toml`, as one more layer: below the gate's own file, variables and
//! flags, above what is built in. What it says and the gate has no place for is named, never passed over.

mod filterset;
mod forms;
mod ignored;
mod layer;
mod load;
mod platform;
mod profile;
mod read;

pub use filterset::Filterset;
pub(super) use layer::{Borrowed, Taken};
pub use load::{NEXTEST_FILE, NextestLayer};
