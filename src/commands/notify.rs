//! Telling who wants to know, at the end of whatever was judged.

use camino::Utf8Path;
use serde::Serialize;

use crate::config::{Notice, NotifySettings};
use crate::pipeline::notify;
pub(super) use crate::pipeline::notify::happened;
use crate::report::json;
use crate::sys::signals::Signals;

/// The document as the command gets it: as `--format json` prints it.
pub(super) fn bytes(document: &(impl Serialize + ?Sized)) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Into memory, and no document of ours has a key that is no text.
    let _ = json::write_line(&mut bytes, document);
    bytes
}

/// Tells what the settings ask to be told of what happened, with this document; gives what went wrong.
pub(super) fn tell(
    settings: &NotifySettings,
    happened: &[Notice],
    root: &Utf8Path,
    signals: &Signals,
    json: impl FnOnce() -> Vec<u8>,
) -> Option<String> {
    let due = notify::due(&settings.on, happened);
    if due.is_empty() || settings.command.is_empty() {
        return None;
    }
    notify::send(&settings.command, &due, &json(), root.as_std_path(), signals).err()
}
