//! The run for people, as it goes and at its end: cargo's statuses, nextest's test lines, one progress line.

mod closing;
mod observer;
mod page;
mod progress;
mod sentences;

pub use observer::{Look, Terminal, Verbosity};
pub(super) use page::{Page, Tone};
