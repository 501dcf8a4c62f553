//! Where a report goes: standard output, a file, or a window.

use std::io::{self, Write};
use std::path::PathBuf;

use camino::Utf8Path;

use crate::cli::{ReportArgs, ReportFormat};
use crate::commands::{complain, unwritable, written};
use crate::exit_code::ExitCode;
use crate::report::Look;
use crate::sys::fs::replace;
use crate::sys::term::Surroundings;
use crate::sys::viewer;

/// The page's name in the gate directory.
const PAGE: &str = "report.html";

/// Where a report is wanted.
pub(super) struct Wanted {
    destination: Destination,
    open: bool,
    surroundings: Surroundings,
}

/// Where a report is put.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Destination {
    Stdout,
    /// The file that was named.
    Named(PathBuf),
    /// The file that the gate keeps; its name is the answer.
    Kept(PathBuf),
}

impl Wanted {
    pub(super) fn of(args: &ReportArgs, gate_dir: &Utf8Path) -> Self {
        let surroundings = Surroundings::read();
        let destination = destination_of(args, gate_dir, surroundings.stdout_is_tty);
        Self { destination, open: args.open, surroundings }
    }

    /// How it looks to people: in a file as plain text, as wide as it is.
    pub(super) fn look(&self) -> Look {
        match self.destination {
            Destination::Stdout => Look {
                color: console::colors_enabled(),
                columns: self.surroundings.columns_of_answers(),
                ..Look::default()
            },
            Destination::Named(_) | Destination::Kept(_) => Look::default(),
        }
    }

    /// Puts it there.
    pub(super) fn put(&self, bytes: &[u8]) -> ExitCode {
        let (file, answer) = match &self.destination {
            Destination::Stdout => return print(bytes),
            Destination::Named(file) => (file, Vec::new()),
            Destination::Kept(file) => (file, format!("{}\n", file.display()).into_bytes()),
        };
        if let Err(error) = replace(file, bytes) {
            complain("error", &format!("cannot write the report: {error}"));
            return match self.destination {
                Destination::Named(_) => unwritable(&error),
                Destination::Stdout | Destination::Kept(_) => ExitCode::Internal,
            };
        }
        if self.open && self.surroundings.has_display() {
            if let Err(error) = viewer::open(file) {
                complain("warning", &format!("cannot open `{}`: {error}", file.display()));
            }
        } else if self.open && answer.is_empty() {
            complain("note", &format!("nothing here can show it: open `{}`", file.display()));
        }
        print(&answer)
    }
}

fn destination_of(args: &ReportArgs, gate_dir: &Utf8Path, stdout_is_tty: bool) -> Destination {
    let html = args.format() == ReportFormat::Html;
    match &args.output {
        Some(path) if path.as_os_str() == "-" => Destination::Stdout,
        Some(path) => Destination::Named(path.clone()),
        // Nobody reads a page's source in a terminal.
        None if args.open || (html && stdout_is_tty) => Destination::Kept(gate_dir.join(PAGE).into()),
        None => Destination::Stdout,
    }
}

fn print(bytes: &[u8]) -> ExitCode {
    let mut stdout = io::stdout().lock();
    written(stdout.write_all(bytes).and_then(|()| stdout.flush()), ExitCode::Pass)
}
