//! `cargo gate history export`: runs go into a file that another history can take in.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::verbs::{HistoryError, Result, write_json};
use crate::cli::Format;
use crate::commands::unwritable;
use crate::exit_code::ExitCode;
use crate::history::portable::{Writer, Written};
use crate::history::store::{RunFilter, Store};
use crate::report::inert::one_line;
use crate::report::json::SCHEMA_VERSION;
use crate::report::words;
use crate::sys::fs;

/// Where the runs go.
enum Target {
    /// To whoever reads us.
    Stdout,
    /// Into a file, whole or not at all.
    File(PathBuf),
    /// To something that is there and no file: a device, a pipe.
    Open(PathBuf),
}

/// Writes runs, a run at a time, in order of their names.
pub fn export(store: &dyn Store, filter: &RunFilter, out: &mut dyn Write) -> Result<Written> {
    let mut writer = Writer::new(BufWriter::with_capacity(64 << 10, out))?;
    for name in store.names(filter)? {
        // One that was pruned meanwhile is not there any more.
        if let Some(run) = store.finished(&name)? {
            writer.write(&run)?;
        }
    }
    let (mut out, written) = writer.finish()?;
    out.flush()?;
    Ok(written)
}

/// Writes runs to where they are wanted, and says so where that is not standard output.
pub(super) fn to(
    output: &Path,
    store: &dyn Store,
    filter: &RunFilter,
    out: &mut dyn Write,
    format: Format,
) -> Result<()> {
    let (path, exported) = match Target::of(output, format)? {
        Target::Stdout => return export(store, filter, out).map(drop),
        Target::File(path) => {
            let exported = fs::replace_with(&path, |file| export(store, filter, file));
            (path, exported)
        }
        Target::Open(path) => {
            let open = OpenOptions::new().write(true).open(&path);
            (path, open.map_err(HistoryError::from).and_then(|mut file| export(store, filter, &mut file)))
        }
    };
    let written = exported.map_err(|error| match error {
        HistoryError::Write(error) => unwritable_at(output, &error),
        other => other,
    })?;
    tell(written, &path, out, format)
}

impl Target {
    fn of(output: &Path, format: Format) -> Result<Self> {
        let refuse = |why: String| Err(HistoryError::Usage(why));
        if output == Path::new("-") {
            return match format {
                Format::Json => refuse("`--output -` and `--format json` both want standard output".to_owned()),
                Format::Human if io::stdout().is_terminal() => refuse(
                    "what is written is compressed and no sight for a terminal: name a file, or pipe it".to_owned(),
                ),
                Format::Human => Ok(Self::Stdout),
            };
        }
        match fs_err::metadata(output) {
            Ok(there) if there.is_dir() => refuse(format!("`{}` is a directory: name a file", output.display())),
            // Behind a link it is the file that is replaced.
            Ok(there) if there.is_file() => {
                Ok(Self::File(fs_err::canonicalize(output).unwrap_or_else(|_| output.to_owned())))
            }
            Ok(_) => Ok(Self::Open(output.to_owned())),
            Err(_) => Ok(Self::File(output.to_owned())),
        }
    }
}

fn unwritable_at(output: &Path, error: &io::Error) -> HistoryError {
    let what = format!("cannot write the runs to `{}`: {error}", output.display());
    match unwritable(error) {
        ExitCode::Usage => HistoryError::Usage(what),
        _ => HistoryError::Write(io::Error::new(error.kind(), what)),
    }
}

fn tell(Written { runs, cases }: Written, path: &Path, out: &mut dyn Write, format: Format) -> Result<()> {
    let bytes = fs_err::metadata(path).map_or(0, |there| there.len());
    let path = path.display().to_string();
    if format == Format::Json {
        let document =
            json!({ "schema_version": SCHEMA_VERSION, "output": path, "runs": runs, "cases": cases, "bytes": bytes });
        return write_json(out, &document);
    }
    let what = format!("{} with {}", words::count(runs, "run", "runs"), words::count(cases, "case", "cases"));
    writeln!(out, "Wrote {what} to {} ({} bytes).", one_line(&path), words::thousands(bytes))?;
    Ok(())
}
