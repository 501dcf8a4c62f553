//! Archives: what a build left, in one file, to be run where nothing is built.
//!
//! An archive is a gzip'ed tar. Its first entry, `archive.json`, is the [`Inventory`]: what was built, how each part is
//! to be launched, and every file that follows, with paths relative to the target directory. An archive is unpacked into
//! the target directory of a checkout ([`unpack`]), and what it says becomes a [`Built`](super::build::Built) there
//! ([`restore`]), with the paths of that place ([`Remap`]). It comes from elsewhere: nothing in it is believed that the
//! inventory does not list, and nothing is written outside of the target directory.
//!
//! Environments hold secrets. Only what cargo set on top of the one it was given is packed ([`Overlay`]), and what its
//! configuration sets (`[env]`) is read where the archive runs. What was built from them may still hold them.

mod contents;
mod inventory;
mod overlay;
mod pack;
mod remap;
mod restore;
mod stale;
mod unpack;

pub use contents::{Contents, collect};
pub use inventory::{ArtifactEntry, FileEntry, Inventory, LaunchEntry, Place, SCHEMA_VERSION};
pub use overlay::{Environment, Overlay};
pub use pack::pack;
pub use remap::Remap;
pub use restore::{Here, restore, without_passed_on};
pub use unpack::{Destination, open, unpack};

/// The name of an archive's first entry.
const INVENTORY: &str = "archive.json";

/// An archive cannot be written, read or used here.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system says so.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Something is not as it must be: a sentence.
    #[error("{0}")]
    Refused(String),
    /// The user asked for an end.
    #[error("interrupted")]
    Interrupted,
}
