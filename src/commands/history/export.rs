//! `cargo gate history export`: runs go into a file that another history can take in.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::json;

use super::{HistoryError, finish};
use crate::cli::{ExportArgs, Format, Since, WhichRuns};
use crate::commands::complain;
use crate::commands::place::Place;
use crate::exit_code::ExitCode;
use crate::history::portable::{Writer, Written};
use crate::history::store::{RunFilter, Store};
use crate::report::inert::one_line;
use crate::report::{json as documents, words};
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

/// Runs the command.
pub(super) fn run(args: &ExportArgs) -> ExitCode {
    let target = match Target::of(&args.output, args.common.format) {
        Ok(target) => target,
        Err(why) => {
            complain("error", &why);
            return ExitCode::Usage;
        }
    };
    let opened = Place::find(&args.common.place, &[]).and_then(|place| place.open_existing());
    let mut store = match opened {
        Ok(store) => store,
        Err(code) => return code,
    };
    if store.is_none() {
        complain("note", "nothing is on record yet: what is written holds no run");
    }
    let exported =
        target.write(store.as_ref().map(|store| store as &dyn Store), &filter(&args.which, Timestamp::now()));
    for warning in store.iter_mut().flat_map(Store::take_warnings) {
        complain("warning", &warning);
    }
    match exported {
        Ok(exported) => finish(target.tell(exported, args.common.format)),
        Err(HistoryError::Write(error)) if error.kind() != ErrorKind::BrokenPipe => {
            complain("error", &format!("cannot write the runs to `{}`: {error}", args.output.display()));
            use ErrorKind::{AlreadyExists, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
            match error.kind() {
                AlreadyExists | NotADirectory | NotFound | PermissionDenied | ReadOnlyFilesystem => ExitCode::Usage,
                _ => ExitCode::Internal,
            }
        }
        Err(error) => finish(Err(error)),
    }
}

/// The runs that are asked for.
fn filter(which: &WhichRuns, now: Timestamp) -> RunFilter {
    let since = which.since.and_then(|since| match since {
        Since::At(moment) => Some(moment),
        // Longer ago than there were moments is always.
        Since::Ago(time) => now.checked_sub(time).ok(),
    });
    RunFilter {
        suite: which.suite.clone(),
        branch: which.branch.clone(),
        commit: which.commit.clone(),
        trigger: which.trigger.clone(),
        since,
        ..RunFilter::default()
    }
}

/// Writes runs, oldest names first, a run at a time. Where there is no store there are none.
pub fn export(store: Option<&dyn Store>, filter: &RunFilter, out: &mut dyn Write) -> Result<Written, HistoryError> {
    let mut writer = Writer::new(BufWriter::with_capacity(64 << 10, out))?;
    if let Some(store) = store {
        for name in store.names(filter)? {
            // One that was pruned meanwhile is not there any more.
            if let Some(run) = store.finished(&name)? {
                writer.write(&run)?;
            }
        }
    }
    let (mut out, written) = writer.finish()?;
    out.flush()?;
    Ok(written)
}

impl Target {
    fn of(output: &Path, format: Format) -> Result<Self, String> {
        if output == Path::new("-") {
            return match format {
                Format::Json => Err("`--output -` and `--format json` both want standard output".to_owned()),
                Format::Human if io::stdout().is_terminal() => {
                    Err("what is written is compressed and no sight for a terminal: name a file, or pipe it".to_owned())
                }
                Format::Human => Ok(Self::Stdout),
            };
        }
        match std::fs::metadata(output) {
            Ok(there) if there.is_dir() => Err(format!("`{}` is a directory: name a file", output.display())),
            // Behind a link it is the file that is replaced.
            Ok(there) if there.is_file() => Ok(Self::File(output.canonicalize().unwrap_or_else(|_| output.to_owned()))),
            Ok(_) => Ok(Self::Open(output.to_owned())),
            Err(_) => Ok(Self::File(output.to_owned())),
        }
    }

    fn write(&self, store: Option<&dyn Store>, filter: &RunFilter) -> Result<Exported<'_>, HistoryError> {
        let (written, to) = match self {
            Self::Stdout => (export(store, filter, &mut io::stdout().lock())?, None),
            Self::File(path) => (fs::replace_with(path, |file| export(store, filter, file))?, Some(path)),
            Self::Open(path) => {
                let mut out = OpenOptions::new().write(true).open(path)?;
                (export(store, filter, &mut out)?, Some(path))
            }
        };
        Ok(Exported { written, to: to.map(PathBuf::as_path) })
    }

    /// Says what was written: not to whom it was written.
    fn tell(&self, Exported { written, to }: Exported<'_>, format: Format) -> Result<(), HistoryError> {
        let Written { runs, cases } = written;
        let Some(path) = to else { return Ok(()) };
        let bytes = std::fs::metadata(path).map_or(0, |there| there.len());
        let mut out = io::stdout().lock();
        if format == Format::Json {
            let path = path.display().to_string();
            let document = json!({ "schema_version": 1, "output": path, "runs": runs, "cases": cases, "bytes": bytes });
            return Ok(documents::write_line(&mut out, &document)?);
        }
        let what = format!("{} with {}", words::count(runs, "run", "runs"), words::count(cases, "case", "cases"));
        let path = one_line(&path.display().to_string());
        Ok(writeln!(out, "Wrote {what} to {path} ({} bytes).", words::thousands(bytes))?)
    }
}

/// What was written, and where there is a name for it.
struct Exported<'p> {
    written: Written,
    to: Option<&'p Path>,
}
