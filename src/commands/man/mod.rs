//! `cargo gate man`: the man pages, read off the definition of the command line, the exit codes and the settings.

mod examples;
mod page;

use std::io::{self, Write};
use std::path::Path;

use super::{complain, unwritable, written};
use crate::cli::{self, ManArgs};
use crate::config::settings::flag_help;
use crate::exit_code::ExitCode;
use crate::report::words;
use crate::sys::fs;

/// Prints the page of the whole, or writes all pages.
pub(super) fn run(args: &ManArgs) -> ExitCode {
    let definition = cli::command(&flag_help()).disable_help_subcommand(true);
    let (whole, rest) = match page::all(definition) {
        Ok(pages) => pages,
        Err(error) => return written(Err(error), ExitCode::Internal),
    };
    match &args.dir {
        None => written(io::stdout().lock().write_all(&whole.text), ExitCode::Pass),
        Some(dir) => match write(dir, [&whole].into_iter().chain(&rest)) {
            Ok(()) => {
                let pages = words::count(rest.len() as u64 + 1, "page", "pages");
                let _ = writeln!(io::stderr().lock(), "wrote {pages} to {}", dir.display());
                ExitCode::Pass
            }
            Err(error) => {
                complain("error", &format!("cannot write the pages to `{}`: {error}", dir.display()));
                unwritable(&error)
            }
        },
    }
}

fn write<'p>(dir: &Path, mut pages: impl Iterator<Item = &'p page::Page>) -> io::Result<()> {
    fs_err::create_dir_all(dir)?;
    pages.try_for_each(|page| fs::replace(&dir.join(&page.file), &page.text))
}
