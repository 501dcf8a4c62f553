//! The run for people, as it goes and at its end: cargo's statuses, nextest's test lines, one progress line.

mod closing;
mod line;
mod observer;
mod page;
mod progress;
pub(super) mod sentences;

pub(super) use closing::last_word;
pub(super) use line::{Line, Shared};
pub use observer::{Look, Terminal, Verbosity};
pub(super) use page::{Ink, MARGIN, Page, Tone, status};
