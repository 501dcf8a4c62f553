//! Whatever the desktop opens files with.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Opens a file with what the user has for files of its kind, and goes on beside it.
///
/// # Errors
///
/// There is no such program here.
pub fn open(file: &Path) -> io::Result<()> {
    let mut command = opener();
    command.arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(|_| ())
}

#[cfg(windows)]
fn opener() -> Command {
    let mut command = Command::new("cmd");
    // `start` takes its first quoted argument for a title.
    command.args(["/C", "start", ""]);
    command
}

#[cfg(not(windows))]
fn opener() -> Command {
    Command::new(if cfg!(target_os = "macos") { "open" } else { "xdg-open" })
}
